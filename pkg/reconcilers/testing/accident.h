// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_RECONCILERS_TESTING_ACCIDENT_H_
#define SALVE_PKG_RECONCILERS_TESTING_ACCIDENT_H_

#include <string>
#include <vector>

namespace salve::reconcilers::testing {

// One thing that goes wrong, once, at the `at`-th (from 1) point of its sort in a world.
struct Accident {
  enum class What {
    kNone,
    // The call.
    kCrashBefore,  // the process dies; nobody got the call
    kCrashAfter,   // the call was carried out; the process dies before the answer
    kLoseAnswer,   // the call was carried out; the answer is lost, the process lives
    kLoseRequest,  // looks the same to the caller, but it never arrived
    kConflict,     // 409 (writes only)
    kUnavailable,  // 503, not carried out; for Execute: certainly not applied
    kServerError,  // 500
    kTooMany,      // 429 with Retry-After
    kForbidden,    // 403
    // Caches and time; the call itself goes through.
    kRestartStale,    // crash after; the next life begins on a replica without this write
    kRestartOld,      // the same, on a replica from before the illness
    kReconnectStale,  // watches break and come back on a replica without this write
    kFreeze,          // watches show nothing for a while, then everything at once
    kCutWatches,      // all watches end
    kGone,            // all watches end and their versions are forgotten: 410
    kPause,           // the process stands still for five minutes before the call
    kClockForward,    // the calendar jumps an hour
    kClockBack,
    // The world before the call.
    kRelabel,      // somebody else changes labels of every policy and incident
    kHandRestart,  // somebody restarts the ill containers by hand; it does not help
    kDrift,        // somebody changes the ill containers' configuration
    kRecreate,     // somebody removes and creates the ill containers anew
    kBackendAway,  // the backend does not answer for a minute
    kBlind,        // nothing can be measured for a minute
    kDropLease,    // somebody deletes all leases
    // Events of a watch.
    kDuplicate,  // comes twice
    kMalformed,  // cannot be read; the stream is good for nothing any more
    kLast = kMalformed,
  };
  enum class Where {
    kWrite,    // a controller's write call to the server (Events apart)
    kExecute,  // its call of Backend::Execute
    kRead,     // its get or list
    kEvent,    // an event that one of its watches brings
  };
  What what = What::kNone;
  Where where = Where::kWrite;
  int at = 0;

  bool operator==(const Accident&) const = default;
};

// "crash-after@w7"; several joined by commas.
std::string Describe(const Accident& accident);
std::string Describe(const std::vector<Accident>& accidents);
// The other way round; false if `text` means nothing.
bool ParseAccidents(const std::string& text, std::vector<Accident>* accidents);
const char* NameOf(Accident::What what);

}  // namespace salve::reconcilers::testing

#endif  // SALVE_PKG_RECONCILERS_TESTING_ACCIDENT_H_
