// SPDX-License-Identifier: Apache-2.0
// Who is told of what, and what has been said.
#include "pkg/apis/codec_impl.h"
#include "pkg/apis/salve/v1alpha1/tables.h"
#include "pkg/apis/schema_builder.h"

namespace salve::apis {

using namespace salve::v1alpha1;  // NOLINT(google-build-using-namespace): the tables are about it

SALVE_APIS_TABLE(
    Notification,
    Describe("Notification",
             {
                 F<&Notification::sink>("sink",
                                        "Name of a notification sink in the administrator's "
                                        "configuration. It must be open to this namespace.")
                     .Required()
                     .DnsLabel(),
                 F<&Notification::stages>(
                     "stages",
                     "The stages that are told: Detected, Proposed (a human is asked), Blocked, "
                     "Executed, RolledBack, Escalated, Resolved. Without it all but Detected and "
                     "Executed.")
                     .MaxItems(16)
                     .Item({.enums = {"Detected", "Proposed", "Blocked", "Executed", "RolledBack",
                                      "Escalated", "Resolved"}}),
             }));

SALVE_APIS_TABLE(
    NotificationStatus,
    Describe(
        "NotificationStatus",
        {
            F<&NotificationStatus::sink>("sink", "The sink.").Required().MaxLength(63),
            F<&NotificationStatus::stage>("stage", "What it is about.").Required().MaxLength(63),
            F<&NotificationStatus::key>("key", "Tells a second message of a stage apart.")
                .Text(253),
            F<&NotificationStatus::state>("state", "Failed: given up.")
                .Enum({"Pending", "Sent", "Failed"}),
            F<&NotificationStatus::at>("at", "When the state began.").DateTime(),
            F<&NotificationStatus::attempts>("attempts", "How often it was tried."),
            F<&NotificationStatus::next_attempt_at>("nextAttemptAt", "When it is tried again.")
                .DateTime(),
            F<&NotificationStatus::message>("message", "Why it was not taken, or where it went.")
                .Text(1024),
        }));

}  // namespace salve::apis
