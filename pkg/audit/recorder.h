// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_AUDIT_RECORDER_H_
#define SALVE_PKG_AUDIT_RECORDER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "pkg/audit/journal.h"
#include "pkg/audit/sink.h"
#include "pkg/base/clock.h"
#include "pkg/base/metrics.h"
#include "pkg/base/mutex.h"
#include "pkg/engine/thread.h"

namespace salve::audit {

// Which records a journal has, so that each is written once. Not thread-safe.
class Known {
 public:
  // Takes note of a record; false if it, or the end of its subject, is known already.
  bool Learn(const Record& record);
  // It does not exist any more: nothing of it will be shown again.
  void Forget(const std::string& subject);
  void Clear();

 private:
  struct Subject {
    std::set<std::string> ids;
    std::map<std::string, std::string> newest;  // event → id, of those that tell a state
  };
  std::unordered_map<std::string, Subject> open_;
  std::unordered_set<std::uint64_t> ended_;  // hashes: there may be many
};

// Keeps the record: derives records from the states that it is shown and appends those that are
// new, on a thread of its own, many with one write. Without a directory they become lines of the
// log. Thread-safe.
//
// Await takes kPatience at most; while the journal cannot be written nobody waits. Up to
// kMaxPending records are kept until it can be; what is beyond is counted, said in the journal, and
// told of again when its incident is next looked at.
class Recorder final : public Sink {
 public:
  static constexpr std::chrono::seconds kPatience{2};
  static constexpr std::size_t kMaxPending = 10'000;

  struct Options {
    std::string directory;  // "" = the log
    int retention_days = kDefaultRetentionDays;
  };
  // Both must outlive it.
  Recorder(Options options, Clock& clock, metrics::Registry& registry);
  ~Recorder() override;  // Stop()

  // The journal is opened, and its lock taken, with the first record: a process that stands by for
  // another one writes none.
  Status Start();
  // Writes what is pending if that can be done at once. Nothing is taken any more.
  void Stop();

  void Observe(const v1::Incident& incident, const Approvals& approvals) override;
  void Observe(const v1::HealingPolicy& policy) override;
  void Observe(const v1::HealingGuardrail& guardrail) override;
  void Await(const apis::meta::v1::NamespacedName& incident) override;
  void IncidentGone(const apis::meta::v1::NamespacedName& name) override;
  void PolicyGone(const apis::meta::v1::NamespacedName& name) override;
  void GuardrailGone(const std::string& name) override;

  // For /ready: "in /var/lib/salve/audit, 17 records", or what is wrong.
  std::string State() const;

 private:
  // What was last shown under a name.
  struct Shown {
    std::string uid;
    std::string version;
    std::unique_ptr<Record> end;  // what is to be told when it is gone; null: nothing
    std::int64_t last = 0;        // number, in the order taken, of the last record of it
  };

  void ObserveRules(const std::string& key, const apis::meta::v1::ObjectMeta& metadata,
                    const Record& record, const char* end);
  void Gone(const std::string& key);
  // True if that state of that object is new here. The end of another one that had its name comes
  // first in `records`.
  bool Note(const std::string& key, Shown shown, std::vector<Record>& records);
  void Enqueue(const std::string& key, std::vector<Record> records);
  void Work();
  Status Write(const std::vector<Record>& batch, std::int64_t lost);
  Status WriteToJournal(const std::vector<Record>& batch, std::int64_t lost);
  void WriteToLog(const std::vector<Record>& batch);
  Status OpenJournal();
  bool TooOld(const Record& record) const;
  void Succeeded(std::size_t written) SALVE_REQUIRES(mu_);
  void FailedWith(const Status& status) SALVE_REQUIRES(mu_);

  const Options options_;
  Clock& clock_;
  metrics::Gauge& head_metric_;
  metrics::Gauge& pending_metric_;
  metrics::Gauge& writable_metric_;
  metrics::Counter& records_metric_;
  metrics::Counter& errors_metric_;
  metrics::Counter& lost_metric_;
  engine::Thread thread_;

  // Of the thread alone.
  std::unique_ptr<Journal> journal_;
  std::optional<Head> left_at_;
  Known known_;

  mutable Mutex mu_;
  CondVar wake_;
  CondVar done_;
  std::map<std::string, Shown> shown_ SALVE_GUARDED_BY(mu_);
  std::vector<Record> pending_ SALVE_GUARDED_BY(mu_);
  std::vector<std::string> forgotten_ SALVE_GUARDED_BY(mu_);  // for Known
  std::int64_t taken_ SALVE_GUARDED_BY(mu_) = 0;              // records that were ever pending
  std::int64_t written_ SALVE_GUARDED_BY(mu_) = 0;            // of them those that are done with
  std::int64_t lost_ SALVE_GUARDED_BY(mu_) = 0;               // not yet said in the journal
  Head head_ SALVE_GUARDED_BY(mu_);
  bool well_ SALVE_GUARDED_BY(mu_) = true;
  std::string problem_ SALVE_GUARDED_BY(mu_);
  Duration pause_ SALVE_GUARDED_BY(mu_){0};
  bool stopping_ SALVE_GUARDED_BY(mu_) = false;
};

}  // namespace salve::audit

#endif  // SALVE_PKG_AUDIT_RECORDER_H_
