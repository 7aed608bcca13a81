// SPDX-License-Identifier: Apache-2.0
#include "pkg/apis/codec_impl.h"
#include "pkg/apis/coordination/v1/types.h"
#include "pkg/apis/salve/v1alpha1/tables.h"
#include "pkg/apis/schema_builder.h"

namespace salve::apis {

using coordination::v1::Lease;
using coordination::v1::LeaseSpec;

const meta::v1::ResourceInfo Lease::kInfo{"coordination.k8s.io", "v1", "leases", "Lease", true};

SALVE_APIS_TABLE(
    LeaseSpec,
    Describe("LeaseSpec",
             {
                 F<&LeaseSpec::holder_identity>("holderIdentity", "Who holds the lease."),
                 F<&LeaseSpec::lease_duration_seconds>("leaseDurationSeconds",
                                                       "For how long after renewTime it is held."),
                 F<&LeaseSpec::acquire_time>("acquireTime", "When the holder took it."),
                 F<&LeaseSpec::renew_time>("renewTime", "When the holder last prolonged it."),
                 F<&LeaseSpec::lease_transitions>("leaseTransitions",
                                                  "How often the holder changed."),
             }));

SALVE_APIS_TABLE(Lease, Describe("Lease",
                                 {
                                     F<&Lease::metadata>("metadata", "Name, labels and the like."),
                                     F<&Lease::spec>("spec", "Who holds it and for how long."),
                                 })
                            .Kind(Lease::kInfo));

}  // namespace salve::apis
