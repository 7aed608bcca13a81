// SPDX-License-Identifier: Apache-2.0
// What happens at set times, and what is remembered of it.
#include "pkg/apis/codec_impl.h"
#include "pkg/apis/salve/v1alpha1/tables.h"
#include "pkg/apis/schema_builder.h"

namespace salve::apis {

using namespace salve::v1alpha1;  // NOLINT(google-build-using-namespace): the tables are about it

SALVE_APIS_TABLE(
    Schedule,
    Describe("Schedule",
             {
                 F<&Schedule::name>("name", "Unique in the policy.").Required().DnsLabel(),
                 F<&Schedule::cron>(
                     "cron",
                     "When: minute, hour, day of month, month, day of week, as in crontab. Names "
                     "(MON, JAN), ranges, lists and steps are allowed. A time that daylight saving "
                     "skips comes at the end of the gap; one that comes twice comes once.")
                     .Required()
                     .MinLength(9)
                     .MaxLength(128)
                     .Matching("^\\S+(\\s+\\S+){4}$"),
                 F<&Schedule::time_zone>("timeZone", "IANA name of the time zone of cron.")
                     .Default("UTC")
                     .MaxLength(64),
                 F<&Schedule::action>(
                     "action",
                     "ScaleToZero: no replicas, no tasks, a stopped container. Restore: as many as "
                     "there were before ScaleToZero.")
                     .Required()
                     .Enum({kScheduleScaleToZero, kScheduleRestore}),
                 F<&Schedule::starting_deadline_seconds>(
                     "startingDeadlineSeconds",
                     "What could not begin for so long is left out, until the next time.")
                     .Default()
                     .Range(10, 86400),
             }));

SALVE_APIS_TABLE(
    ScheduleStatus,
    Describe(
        "ScheduleStatus",
        {
            F<&ScheduleStatus::name>("name", "The schedule's name.").Required().MaxLength(63),
            F<&ScheduleStatus::rule>("rule", "Action, cron and time zone, as accepted.").Text(253),
            F<&ScheduleStatus::since>("since", "Times up to then do not count.").DateTime(),
            F<&ScheduleStatus::next_tick>("nextTick", "When it comes due next.").DateTime(),
        }));

SALVE_APIS_TABLE(
    ScheduledTarget,
    Describe(
        "ScheduledTarget",
        {
            F<&ScheduledTarget::target>("target", "The target's name.").Required().MaxLength(512),
            F<&ScheduledTarget::schedule>("schedule", "Whose time came due last.").Text(63),
            F<&ScheduledTarget::action>("action", "ScaleToZero or Restore.").Text(63),
            F<&ScheduledTarget::tick>("tick", "When it came due.").DateTime(),
            F<&ScheduledTarget::state>(
                "state",
                "Held: it waits. Due: its incident is to be opened. Opened: its incident is open. "
                "Done: the target is as wanted. Failed: it was tried in vain. Skipped: it is not "
                "run.")
                .Enum({kTickHeld, kTickDue, kTickOpened, kTickDone, kTickFailed, kTickSkipped}),
            F<&ScheduledTarget::incident>("incident", "The incident that carries it out.")
                .Text(253),
            F<&ScheduledTarget::message>("message", "Why it is in that state.").Text(1024),
            F<&ScheduledTarget::since>("since", "When it came to that state.").DateTime(),
            F<&ScheduledTarget::count>(
                "count",
                "How many there were when it was put to sleep: what Restore goes back to."),
            F<&ScheduledTarget::asleep_by>("asleepBy", "The schedule that put it to sleep.")
                .Text(63),
            F<&ScheduledTarget::asleep_since>("asleepSince", "When it was put to sleep.")
                .DateTime(),
        }));

}  // namespace salve::apis
