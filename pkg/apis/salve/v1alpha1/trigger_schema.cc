// SPDX-License-Identifier: Apache-2.0
// What opens incidents from outside: triggers, and what was received for them.
#include "pkg/apis/codec_impl.h"
#include "pkg/apis/salve/v1alpha1/tables.h"
#include "pkg/apis/schema_builder.h"

namespace salve::apis {

using namespace salve::v1alpha1;  // NOLINT(google-build-using-namespace): the tables are about it

SALVE_APIS_TABLE(
    AlertTrigger,
    Describe(
        "AlertTrigger",
        {
            F<&AlertTrigger::receiver>(
                "receiver", "Name of a receiver in the configuration. Without it any counts.")
                .DnsLabel(),
            F<&AlertTrigger::matchers>(
                "matchers",
                "All must match the alert's labels. Alertmanager's syntax: name=\"value\", "
                "name!=\"value\", name=~\"regular expression\", name!~\"regular expression\".")
                .Required()
                .MinItems(1)
                .MaxItems(32)
                .ItemMaxLength(1024),
            F<&AlertTrigger::target_label>(
                "targetLabel",
                "The alert's label that holds the target's name. Without it the alert is about "
                "every target of the policy.")
                .MaxLength(128)
                .Matching("^[A-Za-z_][A-Za-z0-9_.:-]*$"),
            F<&AlertTrigger::for_seconds>("forSeconds",
                                          "How long it must have been firing before it counts.")
                .Range(0, 86400),
            F<&AlertTrigger::clears_after_seconds>(
                "clearsAfterSeconds",
                "Not repeated for so long it counts as cleared; 0: only when its sender says that "
                "it is resolved. Default: 0 for alertmanager, 900 for receivers whose senders "
                "never say it.")
                .Range(0, 604800),
        }));

SALVE_APIS_TABLE(
    FileChangeTrigger,
    Describe(
        "FileChangeTrigger",
        {
            F<&FileChangeTrigger::paths>(
                "paths",
                "Absolute paths of files or directories on the controller's machine; a directory "
                "counts with everything below it. Only below what the administrator opens as "
                "files.roots.")
                .Required()
                .MinItems(1)
                .MaxItems(32)
                .Item({.min_length = 2,
                       .max_length = 512,
                       .pattern = std::make_shared<const LazyPattern>("^/[^\\x00-\\x1f]+$")}),
            F<&FileChangeTrigger::reason>(
                "reason",
                "What a change is called. Without it: env_changed for .env, *.env and .env.*, "
                "migrations_changed for a directory called (or right below one called) migrations, "
                "migrate, alembic, versions or db, else files_changed.")
                .MaxLength(63)
                .Matching("^[a-z][a-z0-9_]*$"),
            F<&FileChangeTrigger::debounce_seconds>(
                "debounceSeconds", "A content counts when it has been the same for so long.")
                .Default()
                .Range(0, 3600),
        }));

SALVE_APIS_TABLE(
    PolicyTrigger,
    Describe("PolicyTrigger",
             {
                 F<&PolicyTrigger::name>("name", "Unique in the policy, also among its probes.")
                     .Required()
                     .DnsLabel(),
                 F<&PolicyTrigger::alert>("alert",
                                          "An alert that somebody's monitoring sends to Salve."),
                 F<&PolicyTrigger::file_change>(
                     "fileChange",
                     "Files that the targets read when they start, and that are not any more what "
                     "they were started with."),
                 F<&PolicyTrigger::severity>(
                     "severity", "How bad it is. Without it: what the alert says, else Warning.")
                     .Enum({"Info", "Warning", "Critical"}),
             })
        .ExactlyOne({"alert", "fileChange"}));

SALVE_APIS_TABLE(
    SignalStatus,
    Describe("SignalStatus",
             {
                 F<&SignalStatus::trigger>("trigger", "The policy's trigger that it matched.")
                     .Required()
                     .MaxLength(63),
                 F<&SignalStatus::fingerprint>("fingerprint",
                                               "Which alert it is: 64 hex digits over its "
                                               "receiver and its labels.")
                     .Required()
                     .MaxLength(64),
                 F<&SignalStatus::target>("target",
                                          "Name of the target; absent: every target of the policy.")
                     .Text(512),
                 F<&SignalStatus::state>("state", "Firing or Cleared.").Enum({"Firing", "Cleared"}),
                 F<&SignalStatus::since>("since", "When the state began, as the sender says.")
                     .DateTime(),
                 F<&SignalStatus::received_at>("receivedAt",
                                               "When the last delivery came that changed anything.")
                     .DateTime(),
                 F<&SignalStatus::occurrences>("occurrences", "Deliveries while it was firing."),
                 F<&SignalStatus::severity>("severity", "How bad it is.")
                     .Enum({"Info", "Warning", "Critical"}),
                 F<&SignalStatus::message>("message", "What it says.").Text(4096),
                 F<&SignalStatus::labels>("labels", "The alert's labels.")
                     .MaxProperties(64)
                     .ItemMaxLength(1024),
             }));

SALVE_APIS_TABLE(
    FileStatus,
    Describe(
        "FileStatus",
        {
            F<&FileStatus::trigger>("trigger", "The policy's trigger.").Required().MaxLength(63),
            F<&FileStatus::target>("target", "Name of the target.").Required().Text(512),
            F<&FileStatus::state>("state",
                                  "Current: the target runs with what the files hold. Changed: it "
                                  "was started with something else. Unknown: they could never be "
                                  "read.")
                .Enum({kFilesCurrent, kFilesChanged, kFilesUnknown}),
            F<&FileStatus::content>("content",
                                    "Digest of what the target runs with: 64 hex digits over "
                                    "paths.")
                .MaxLength(64),
            F<&FileStatus::paths>("paths", "Digest of what the target runs with, by path.")
                .MaxProperties(32)
                .ItemMaxLength(64),
            F<&FileStatus::found>("found", "When Changed: the digest of what was found.")
                .MaxLength(64),
            F<&FileStatus::found_paths>("foundPaths", "When Changed: those of paths that differ.")
                .MaxProperties(32)
                .ItemMaxLength(64),
            F<&FileStatus::since>("since", "When the state, or what was found, began to be so.")
                .DateTime(),
            F<&FileStatus::reasons>("reasons", "When Changed: what the change is called.")
                .MaxItems(8)
                .ItemMaxLength(63),
            F<&FileStatus::files>("files", "When Changed: names of what changed, ten at most.")
                .MaxItems(10)
                .ItemMaxLength(1024),
            F<&FileStatus::message>("message", "Why the files cannot be read, if they cannot.")
                .Text(1024),
        }));

}  // namespace salve::apis
