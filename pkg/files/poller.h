// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_FILES_POLLER_H_
#define SALVE_PKG_FILES_POLLER_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "pkg/base/mutex.h"
#include "pkg/files/reader.h"
#include "pkg/files/watch.h"

namespace salve::files {

// Looks at all files of all policies again and again, one after another, on one thread of its own.
// Thread-safe. Does nothing while no policy names a file.
class Poller final : public Watch {
 public:
  using Name = apis::meta::v1::NamespacedName;

  // `changed` is called without locks, from the poller's thread, when Seen(policy) says something
  // new. `clock` outlives it.
  Poller(std::unique_ptr<Reader> reader, Clock& clock, std::function<void(const Name&)> changed);
  ~Poller() override;

  void Set(const Name& policy, std::vector<Watched> wanted) override;
  std::map<std::string, Sighting> Seen(const Name& policy) const override;

  void Start();
  void Stop();

  // One look at everything, as the thread takes it; for tests and for whoever needs it at once.
  void LookOnce();

 private:
  using Key = std::pair<Name, std::string>;  // policy and trigger
  // What was found, and for how long it has been so.
  struct State {
    Watched watched;
    Sighting pending;
    bool any = false;
    bool settled = false;  // `pending` has been told
    Sighting told;
    bool has_told = false;
    // Path → its last contents, newest last: to name what differs from an earlier one.
    std::map<std::string, std::vector<Listing>> history;
  };

  void Run();
  // What the files of one trigger hold; kAborted: look again.
  StatusOr<healing::FileSight> Look(const Watched& watched, std::map<std::string, Listing>& found);
  // Returns whether there is something new to tell.
  bool Take(State& state, const healing::FileSight& sight,
            const std::map<std::string, Listing>& found, MonoTime now);

  const std::unique_ptr<Reader> reader_;
  Clock& clock_;
  const std::function<void(const Name&)> changed_;

  Mutex looking_;  // one look at a time: the reader is not thread-safe

  mutable Mutex mu_;
  std::map<Key, State> states_ SALVE_GUARDED_BY(mu_);
  bool stop_ SALVE_GUARDED_BY(mu_) = false;
  CondVar wake_;
  std::thread thread_;
};

}  // namespace salve::files

#endif  // SALVE_PKG_FILES_POLLER_H_
