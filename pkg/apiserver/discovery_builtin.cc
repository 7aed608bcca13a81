// SPDX-License-Identifier: Apache-2.0
// The built-in kinds: what they are called and what they may contain. The schemas are data, in
// JSON, with the descriptions that `kubectl explain` shows.
#include <utility>

#include "pkg/apiserver/discovery_resource.h"
#include "pkg/apiserver/discovery_schema.h"
#include "pkg/apiserver/schema_node.h"

namespace salve::apiserver {
namespace {

constexpr char kObjectMeta[] = R"json({
"type":"object","description":"Metadata that every persisted object has.",
"properties":{
"annotations":{"type":"object","additionalProperties":{"type":"string"},"description":"Arbitrary text kept with the object by tools; not for selecting."},
"creationTimestamp":{"type":"string","format":"date-time","description":"When the server created the object. Read-only."},
"deletionGracePeriodSeconds":{"type":"integer","format":"int64","description":"Seconds until a gracefully deleted object is removed. Read-only."},
"deletionTimestamp":{"type":"string","format":"date-time","description":"When the deletion of the object was requested. Read-only."},
"finalizers":{"type":"array","items":{"type":"string"},"x-kubernetes-list-type":"set","description":"Names that must be removed before a deleted object goes away."},
"generateName":{"type":"string","description":"A prefix from which the server makes a unique name where name is empty."},
"generation":{"type":"integer","format":"int64","description":"Counts changes of the desired state. Read-only."},
"labels":{"type":"object","additionalProperties":{"type":"string"},"description":"Keys and values to organise and select objects by."},
"managedFields":{"type":"array","items":{"type":"object","x-kubernetes-preserve-unknown-fields":true},"description":"Which manager set which field; bookkeeping of server-side apply."},
"name":{"type":"string","description":"Unique within the namespace (or the cluster); cannot be changed."},
"namespace":{"type":"string","description":"The space within which the name is unique; cannot be changed."},
"ownerReferences":{"type":"array","description":"Objects that this one depends on: when all are gone, it is deleted.","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["uid"],"items":{"type":"object","x-kubernetes-map-type":"atomic","required":["apiVersion","kind","name","uid"],"properties":{
"apiVersion":{"type":"string","description":"API version of the owner."},
"blockOwnerDeletion":{"type":"boolean","description":"Whether a foreground deletion of the owner waits for this object."},
"controller":{"type":"boolean","description":"Whether the owner is the managing controller."},
"kind":{"type":"string","description":"Kind of the owner."},
"name":{"type":"string","description":"Name of the owner."},
"uid":{"type":"string","description":"UID of the owner."}}}},
"resourceVersion":{"type":"string","description":"Opaque version of the object, for optimistic concurrency and watches."},
"selfLink":{"type":"string","description":"No longer set."},
"uid":{"type":"string","description":"Unique in time and space, made by the server. Read-only."}}})json";

constexpr char kNamespace[] =
    R"json({"type":"object","description":"A scope for names.","properties":{
"spec":{"type":"object","description":"Desired behaviour.","properties":{"finalizers":{"type":"array","items":{"type":"string"},"description":"Values that must be empty before the namespace is removed."}}},
"status":{"type":"object","description":"Current state. Read-only.","properties":{
"phase":{"type":"string","description":"Active or Terminating."},
"conditions":{"type":"array","description":"Latest observations.","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["type"],"items":{"type":"object","required":["type","status"],"properties":{
"lastTransitionTime":{"type":"string","format":"date-time","description":"When the status last changed."},
"message":{"type":"string","description":"For a reader."},
"reason":{"type":"string","description":"One word for programs."},
"status":{"type":"string","description":"True, False or Unknown."},
"type":{"type":"string","description":"Name of the condition."}}}}}}}})json";

constexpr char kConfigMap[] =
    R"json({"type":"object","description":"Configuration data for others to read.","properties":{
"binaryData":{"type":"object","additionalProperties":{"type":"string","format":"byte"},"description":"Binary values, base64 encoded."},
"data":{"type":"object","additionalProperties":{"type":"string"},"description":"Text values. Keys consist of alphanumeric characters, '-', '_' or '.'."},
"immutable":{"type":"boolean","description":"If true, the data cannot be changed."}}})json";

constexpr char kSecret[] =
    R"json({"type":"object","description":"Secret data for others to read.","properties":{
"data":{"type":"object","additionalProperties":{"type":"string","format":"byte"},"description":"Values, base64 encoded. Keys consist of alphanumeric characters, '-', '_' or '.'."},
"immutable":{"type":"boolean","description":"If true, the data cannot be changed."},
"stringData":{"type":"object","additionalProperties":{"type":"string"},"description":"Values as plain text, written into data; never read back."},
"type":{"type":"string","description":"What the data is for; Opaque unless told."}}})json";

constexpr char kObjectReference[] =
    R"json({"type":"object","description":"Points at an object.","x-kubernetes-map-type":"atomic","properties":{
"apiVersion":{"type":"string","description":"API version of the object."},
"fieldPath":{"type":"string","description":"A part of the object."},
"kind":{"type":"string","description":"Kind of the object."},
"name":{"type":"string","description":"Name of the object."},
"namespace":{"type":"string","description":"Namespace of the object."},
"resourceVersion":{"type":"string","description":"The version that was meant."},
"uid":{"type":"string","description":"UID of the object."}}})json";

constexpr char kEvent[] =
    R"json({"type":"object","description":"A report of something that happened to an object.","required":["involvedObject"],"properties":{
"action":{"type":"string","description":"What was done or failed."},
"count":{"type":"integer","format":"int32","description":"How often this happened."},
"eventTime":{"type":"string","format":"date-time","nullable":true,"description":"When it was first observed."},
"firstTimestamp":{"type":"string","format":"date-time","description":"When it first happened."},
"lastTimestamp":{"type":"string","format":"date-time","description":"When it last happened."},
"message":{"type":"string","description":"For a reader."},
"reason":{"type":"string","description":"One word for programs: why."},
"reportingComponent":{"type":"string","description":"The controller that reports."},
"reportingInstance":{"type":"string","description":"The process that reports."},
"series":{"type":"object","description":"Repetitions of one event.","properties":{
"count":{"type":"integer","format":"int32","description":"How often so far."},
"lastObservedTime":{"type":"string","format":"date-time","description":"When last."}}},
"source":{"type":"object","description":"Who reports.","properties":{
"component":{"type":"string","description":"Name of the component."},
"host":{"type":"string","description":"Name of the node."}}},
"type":{"type":"string","description":"Normal or Warning."}}})json";

constexpr char kLease[] =
    R"json({"type":"object","description":"A lock with a time limit.","properties":{
"spec":{"type":"object","description":"The state of the lock.","properties":{
"acquireTime":{"type":"string","format":"date-time","description":"When the holder took it."},
"holderIdentity":{"type":"string","description":"Who holds it."},
"leaseDurationSeconds":{"type":"integer","format":"int32","description":"How long others wait after renewTime."},
"leaseTransitions":{"type":"integer","format":"int32","description":"How often the holder changed."},
"preferredHolder":{"type":"string","description":"Who should get it next."},
"renewTime":{"type":"string","format":"date-time","description":"When the holder last renewed it."},
"strategy":{"type":"string","description":"How a coordinated election picks the holder."}}}}})json";

constexpr char kService[] =
    R"json({"type":"object","description":"Not used here: the list is empty.","properties":{
"spec":{"type":"object","x-kubernetes-preserve-unknown-fields":true},"status":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}})json";

constexpr char kAccessReview[] =
    R"json({"type":"object","description":"Asks whether the caller may do something.","required":["spec"],"properties":{
"spec":{"type":"object","description":"The question: exactly one member.","properties":{
"nonResourceAttributes":{"type":"object","description":"A path.","properties":{
"path":{"type":"string","description":"URL path."},"verb":{"type":"string","description":"HTTP verb, lower case."}}},
"resourceAttributes":{"type":"object","description":"A resource.","properties":{
"fieldSelector":{"type":"object","x-kubernetes-preserve-unknown-fields":true,"description":"Limits the question to a selection."},
"group":{"type":"string","description":"API group; * is all."},
"labelSelector":{"type":"object","x-kubernetes-preserve-unknown-fields":true,"description":"Limits the question to a selection."},
"name":{"type":"string","description":"Name; empty is all."},
"namespace":{"type":"string","description":"Namespace; empty is all or cluster-scoped."},
"resource":{"type":"string","description":"Plural name; * is all."},
"subresource":{"type":"string","description":"Such as status."},
"verb":{"type":"string","description":"Such as get, list, create; * is all."},
"version":{"type":"string","description":"API version; * is all."}}}}},
"status":{"type":"object","description":"The answer.","required":["allowed"],"properties":{
"allowed":{"type":"boolean","description":"Whether the caller may."},
"denied":{"type":"boolean","description":"Whether it was refused outright."},
"evaluationError":{"type":"string","description":"What went wrong while deciding."},
"reason":{"type":"string","description":"Why."}}}}})json";

constexpr char kRulesReview[] =
    R"json({"type":"object","description":"Asks for all that the caller may do in a namespace.","required":["spec"],"properties":{
"spec":{"type":"object","description":"The question.","properties":{"namespace":{"type":"string","description":"Namespace."}}},
"status":{"type":"object","description":"The answer.","x-kubernetes-preserve-unknown-fields":true}}})json";

constexpr char kSelfReview[] =
    R"json({"type":"object","description":"Asks who the caller is.","properties":{
"status":{"type":"object","description":"The answer.","properties":{
"userInfo":{"type":"object","description":"The caller.","properties":{
"extra":{"type":"object","x-kubernetes-preserve-unknown-fields":true,"description":"What else is known."},
"groups":{"type":"array","items":{"type":"string"},"description":"Groups of the caller."},
"uid":{"type":"string","description":"Unique over time."},
"username":{"type":"string","description":"Name of the caller."}}}}}}})json";

const std::vector<std::string>& AllVerbs() {
  static const std::vector<std::string> verbs = {"create", "delete", "deletecollection", "get",
                                                 "list",   "patch",  "update",           "watch"};
  return verbs;
}

ServedResource Make(ResourceInfo info, std::string singular, const Json& schema) {
  ServedResource resource;
  resource.list_kind = info.kind + "List";
  resource.info = std::move(info);
  resource.singular = std::move(singular);
  resource.verbs = AllVerbs();
  resource.field_labels = {"metadata.name"};
  if (resource.info.namespaced) resource.field_labels.emplace_back("metadata.namespace");
  resource.schema_text = PublishedSchema(schema, resource.info);
  auto compiled = CompiledSchema::Compile(schema, /*null_is_absent=*/true);
  if (compiled.ok()) resource.schema = std::move(compiled).value();
  return resource;
}

ServedResource MakeReview(const char* group, const char* plural, const char* singular,
                          const char* kind, const char* schema) {
  ServedResource review =
      Make({group, "v1", plural, kind, /*namespaced=*/false}, singular, Json::parse(schema));
  review.verbs = {"create"};
  review.list_kind.clear();
  review.field_labels.clear();
  return review;
}

ServedResource MakeEvent() {
  Json schema = Json::parse(kEvent);
  schema["properties"]["involvedObject"] = Json::parse(kObjectReference);
  schema["properties"]["involvedObject"]["description"] = "What it happened to.";
  schema["properties"]["related"] = Json::parse(kObjectReference);
  schema["properties"]["related"]["description"] = "A second object that is part of it.";
  ServedResource event = Make({"", "v1", "events", "Event", true}, "event", schema);
  event.short_names = {"ev"};
  for (const char* label :
       {"involvedObject.kind", "involvedObject.namespace", "involvedObject.name",
        "involvedObject.uid", "involvedObject.apiVersion", "involvedObject.resourceVersion",
        "involvedObject.fieldPath", "reason", "reportingComponent", "source", "type"}) {
    event.field_labels.emplace_back(label);
  }
  return event;
}

}  // namespace

const Json& ObjectMetaSchema() {
  static const Json schema = Json::parse(kObjectMeta);
  return schema;
}

std::vector<ServedResource> BuiltInResources() {
  std::vector<ServedResource> out;
  out.push_back(
      Make({"", "v1", "configmaps", "ConfigMap", true}, "configmap", Json::parse(kConfigMap)));
  out.back().short_names = {"cm"};
  out.push_back(MakeEvent());
  out.push_back(
      Make({"", "v1", "namespaces", "Namespace", false}, "namespace", Json::parse(kNamespace)));
  out.back().short_names = {"ns"};
  out.back().verbs = {"create", "delete", "get", "list", "patch", "update", "watch"};
  out.back().subresources = {{"status", {"get", "patch", "update"}}};
  out.back().field_labels.emplace_back("status.phase");
  out.push_back(Make({"", "v1", "secrets", "Secret", true}, "secret", Json::parse(kSecret)));
  out.back().field_labels.emplace_back("type");
  out.push_back(Make({"", "v1", "services", "Service", true}, "service", Json::parse(kService)));
  out.back().short_names = {"svc"};
  out.back().verbs = {"get", "list", "watch"};
  out.push_back(
      Make({"coordination.k8s.io", "v1", "leases", "Lease", true}, "lease", Json::parse(kLease)));
  out.push_back(MakeReview("authorization.k8s.io", "selfsubjectaccessreviews",
                           "selfsubjectaccessreview", "SelfSubjectAccessReview", kAccessReview));
  out.push_back(MakeReview("authorization.k8s.io", "selfsubjectrulesreviews",
                           "selfsubjectrulesreview", "SelfSubjectRulesReview", kRulesReview));
  out.push_back(MakeReview("authentication.k8s.io", "selfsubjectreviews", "selfsubjectreview",
                           "SelfSubjectReview", kSelfReview));
  return out;
}

}  // namespace salve::apiserver
