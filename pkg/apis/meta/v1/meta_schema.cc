// SPDX-License-Identifier: Apache-2.0
#include "pkg/apis/codec_impl.h"
#include "pkg/apis/meta/v1/types.h"
#include "pkg/apis/salve/v1alpha1/tables.h"
#include "pkg/apis/schema_builder.h"

namespace salve::apis {

using meta::v1::Condition;
using meta::v1::ObjectMeta;
using meta::v1::OwnerReference;

SALVE_APIS_TABLE(
    OwnerReference,
    Describe(
        "OwnerReference",
        {
            F<&OwnerReference::api_version>("apiVersion", "API version of the owner.").Required(),
            F<&OwnerReference::kind>("kind", "Kind of the owner.").Required(),
            F<&OwnerReference::name>("name", "Name of the owner.").Required(),
            F<&OwnerReference::uid>("uid", "UID of the owner.").Required(),
            F<&OwnerReference::controller>("controller", "Whether the owner manages this object."),
            F<&OwnerReference::block_owner_deletion>(
                "blockOwnerDeletion",
                "Whether a foreground deletion of the owner waits for this object."),
        }));

SALVE_APIS_TABLE(
    ObjectMeta,
    Describe(
        "ObjectMeta",
        {
            F<&ObjectMeta::name>("name", "Unique within the namespace."),
            F<&ObjectMeta::generate_name>("generateName", "Prefix of a name made by the server."),
            F<&ObjectMeta::ns>("namespace", "Where the object lives; empty if cluster-scoped."),
            F<&ObjectMeta::uid>("uid", "Unique in time and space."),
            F<&ObjectMeta::resource_version>("resourceVersion", "Opaque version of the object."),
            F<&ObjectMeta::generation>("generation", "Counts the changes of the desired state."),
            F<&ObjectMeta::creation_timestamp>("creationTimestamp", "When it was created."),
            F<&ObjectMeta::deletion_timestamp>("deletionTimestamp", "Set while being deleted."),
            F<&ObjectMeta::labels>("labels", "To organize and select objects."),
            F<&ObjectMeta::annotations>("annotations", "Anything tools want to keep."),
            F<&ObjectMeta::finalizers>("finalizers", "Who must act before the object goes."),
            F<&ObjectMeta::owner_references>("ownerReferences", "Objects that own this one."),
        }));

SALVE_APIS_TABLE(
    Condition,
    Describe(
        "Condition",
        {
            F<&Condition::type>("type", "What the condition is about, in CamelCase.")
                .Required()
                .MinLength(1)
                .MaxLength(316)
                .Matching("^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
                          "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"),
            F<&Condition::status>("status", "Whether it holds.")
                .Required()
                .Enum({"True", "False", "Unknown"}),
            F<&Condition::observed_generation>(
                "observedGeneration",
                "The metadata.generation that the condition was computed from.")
                .Min(0),
            F<&Condition::last_transition_time>("lastTransitionTime",
                                                "When the status last changed.")
                .Required()
                .DateTime(),
            F<&Condition::reason>("reason", "One CamelCase word for programs.")
                .Required()
                .MinLength(1)
                .MaxLength(1024)
                .Matching("^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"),
            F<&Condition::message>("message", "A sentence for people.").Required().MaxLength(32768),
        }));

}  // namespace salve::apis
