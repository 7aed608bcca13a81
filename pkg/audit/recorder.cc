// SPDX-License-Identifier: Apache-2.0
#include "pkg/audit/recorder.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "pkg/base/log.h"
#include "pkg/base/time_format.h"
#include "pkg/healing/machine.h"

namespace salve::audit {
namespace {

using apis::meta::v1::NamespacedName;

constexpr std::chrono::milliseconds kFirstPause{1000};
constexpr std::chrono::seconds kLongestPause{30};

// What the records of an incident depend on: its own state and the decisions about it.
std::string VersionOf(const v1::Incident& incident, const Approvals& approvals) {
  std::string version = incident.metadata.resource_version;
  for (const auto& approval : approvals) version += " " + approval->metadata.uid;
  return version;
}

std::string IncidentKey(const NamespacedName& name) { return "incident " + name.ToString(); }
std::string PolicyKey(const NamespacedName& name) { return "policy " + name.ToString(); }
std::string GuardrailKey(const std::string& name) { return "guardrail " + name; }

// The record of the end of what `any` record is about.
std::unique_ptr<Record> EndOf(const Record& any, const char* event) {
  auto end = std::make_unique<Record>();
  end->event = event;
  end->id = "deleted";
  end->subject = any.subject;
  end->incident = any.incident;
  end->policy = any.policy;
  end->target = any.target;
  if (any.incident.empty() && any.policy.empty()) end->message = any.message;
  return end;
}

}  // namespace

// --- Known

bool Known::Learn(const Record& record) {
  if (record.subject.empty()) return true;
  const std::uint64_t hash = std::hash<std::string>()(record.subject);
  if (ended_.contains(hash)) return false;
  Subject& subject = open_[record.subject];
  if (IsState(record.event)) {
    std::string& newest = subject.newest[record.event];
    if (newest == record.id) return false;
    newest = record.id;
    return true;
  }
  if (!subject.ids.insert(record.id).second) return false;
  if (EndsSubject(record.event)) {
    open_.erase(record.subject);
    ended_.insert(hash);
  }
  return true;
}

void Known::Forget(const std::string& subject) {
  open_.erase(subject);
  ended_.erase(std::hash<std::string>()(subject));
}

void Known::Clear() {
  open_.clear();
  ended_.clear();
}

// --- Recorder

Recorder::Recorder(Options options, Clock& clock, metrics::Registry& registry)
    : options_(std::move(options)),
      clock_(clock),
      head_metric_(
          registry
              .Gauges("salve_audit_head_sequence", "Number of the last record in the audit journal")
              .With({})),
      pending_metric_(registry
                          .Gauges("salve_audit_pending_records",
                                  "Audit records that wait until they can be written")
                          .With({})),
      writable_metric_(
          registry.Gauges("salve_audit_writable", "0 while the audit journal cannot be written")
              .With({})),
      records_metric_(
          registry.Counters("salve_audit_records_total", "Audit records written").With({})),
      errors_metric_(registry
                         .Counters("salve_audit_write_errors_total",
                                   "Attempts to write audit records that failed")
                         .With({})),
      lost_metric_(registry
                       .Counters("salve_audit_lost_records_total",
                                 "Audit records dropped because too many were waiting")
                       .With({})) {
  writable_metric_.Set(1);
}

Recorder::~Recorder() { Stop(); }

Status Recorder::Start() {
  return thread_.Start("audit", [this] { Work(); });
}

void Recorder::Stop() {
  {
    MutexLock lock(mu_);
    if (std::exchange(stopping_, true)) return;
    wake_.NotifyAll();
    done_.NotifyAll();
  }
  thread_.Join();
  MutexLock lock(mu_);
  if (!pending_.empty()) {
    Log(Severity::kError, "audit records were not written; they follow from the resources later",
        {{"records", pending_.size()}});
  }
  if (head_.sequence > 0) {
    Log(Severity::kInfo, "audit journal", {{"head", FormatHead(head_)}});
  }
  journal_.reset();
}

void Recorder::Observe(const v1::Incident& incident, const Approvals& approvals) {
  const std::string key = IncidentKey({incident.metadata.ns, incident.metadata.name});
  const bool open = !healing::IsResolved(incident.status);
  Shown shown{incident.metadata.uid, VersionOf(incident, approvals), nullptr, 0};
  {
    MutexLock lock(mu_);
    const auto it = shown_.find(key);
    const bool first = it == shown_.end() || it->second.uid != shown.uid;
    if (!first && it->second.version == shown.version) return;
    // A log does not know what an earlier process has written to it.
    if (first && !open && options_.directory.empty()) {
      shown_[key] = std::move(shown);
      return;
    }
  }
  std::vector<Record> records = RecordsOf(incident, approvals);
  if (open && !records.empty()) shown.end = EndOf(records.front(), kIncidentDeleted);
  if (Note(key, std::move(shown), records)) Enqueue(key, std::move(records));
}

void Recorder::Observe(const v1::HealingPolicy& policy) {
  ObserveRules(PolicyKey({policy.metadata.ns, policy.metadata.name}), policy.metadata,
               RecordOf(policy), kPolicyDeleted);
}

void Recorder::Observe(const v1::HealingGuardrail& guardrail) {
  ObserveRules(GuardrailKey(guardrail.metadata.name), guardrail.metadata, RecordOf(guardrail),
               kGuardrailDeleted);
}

void Recorder::ObserveRules(const std::string& key, const apis::meta::v1::ObjectMeta& metadata,
                            const Record& record, const char* end) {
  Shown shown{metadata.uid, std::to_string(metadata.generation), EndOf(record, end), 0};
  std::vector<Record> records = {record};
  if (Note(key, std::move(shown), records)) Enqueue(key, std::move(records));
}

void Recorder::IncidentGone(const NamespacedName& name) { Gone(IncidentKey(name)); }
void Recorder::PolicyGone(const NamespacedName& name) { Gone(PolicyKey(name)); }
void Recorder::GuardrailGone(const std::string& name) { Gone(GuardrailKey(name)); }

void Recorder::Gone(const std::string& key) {
  std::unique_ptr<Record> end;
  {
    MutexLock lock(mu_);
    const auto it = shown_.find(key);
    if (it == shown_.end()) return;
    end = std::move(it->second.end);
    if (end == nullptr) forgotten_.push_back(std::move(it->second.uid));
    shown_.erase(it);
  }
  if (end != nullptr) Enqueue("", {std::move(*end)});
}

bool Recorder::Note(const std::string& key, Shown shown, std::vector<Record>& records) {
  MutexLock lock(mu_);
  Shown& known = shown_[key];
  if (known.uid == shown.uid && known.version == shown.version) return false;
  if (known.end != nullptr && known.uid != shown.uid) {
    records.insert(records.begin(), std::move(*known.end));
  }
  shown.last = known.last;
  known = std::move(shown);
  return true;
}

void Recorder::Enqueue(const std::string& key, std::vector<Record> records) {
  if (records.empty()) return;
  MutexLock lock(mu_);
  if (stopping_) return;
  if (pending_.size() + records.size() > kMaxPending) {
    lost_ += static_cast<std::int64_t>(records.size());
    lost_metric_.Increment(static_cast<double>(records.size()));
    shown_.erase(key);
    return;
  }
  taken_ += static_cast<std::int64_t>(records.size());
  std::move(records.begin(), records.end(), std::back_inserter(pending_));
  pending_metric_.Set(static_cast<double>(pending_.size()));
  wake_.NotifyOne();
  const auto it = shown_.find(key);
  if (it != shown_.end()) it->second.last = taken_;
}

void Recorder::Await(const NamespacedName& incident) {
  const std::string key = IncidentKey(incident);
  MutexLock lock(mu_);
  const auto it = shown_.find(key);
  if (it == shown_.end()) return;
  const std::int64_t ours = it->second.last;
  const MonoTime deadline = clock_.Monotonic() + kPatience;
  while (written_ < ours && well_ && !stopping_) {
    if (clock_.WaitUntil(done_, mu_, deadline)) continue;
    // Nobody else waits until it answers.
    if (written_ < ours) well_ = false;
  }
}

void Recorder::Work() {
  mu_.Lock();
  for (;;) {
    while (pending_.empty() && !stopping_) wake_.Wait(mu_);
    if (pending_.empty()) break;
    const std::vector<Record> batch(pending_);
    const std::int64_t lost = lost_;
    const std::vector<std::string> forgotten = std::exchange(forgotten_, {});
    mu_.Unlock();
    for (const std::string& subject : forgotten) known_.Forget(subject);
    const Status status = Write(batch, lost);
    mu_.Lock();
    if (status.ok()) {
      lost_ -= lost;
      Succeeded(batch.size());
      continue;
    }
    FailedWith(status);
    if (stopping_) break;
    const MonoTime until = clock_.Monotonic() + pause_;
    while (!stopping_ && clock_.WaitUntil(wake_, mu_, until)) {
    }
  }
  mu_.Unlock();
}

void Recorder::Succeeded(std::size_t written) {
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(written));
  written_ += static_cast<std::int64_t>(written);
  pending_metric_.Set(static_cast<double>(pending_.size()));
  writable_metric_.Set(1);
  if (journal_ != nullptr) {
    head_ = journal_->head();
    head_metric_.Set(static_cast<double>(head_.sequence));
  }
  if (!problem_.empty()) Log(Severity::kInfo, "audit records are written again");
  well_ = true;
  problem_.clear();
  pause_ = Duration(0);
  done_.NotifyAll();
}

void Recorder::FailedWith(const Status& status) {
  errors_metric_.Increment();
  writable_metric_.Set(0);
  well_ = false;
  if (problem_ != status.message()) {
    Log(Severity::kError, "audit records cannot be written; healing goes on",
        {{"error", status.message()}, {"pending", pending_.size()}});
  }
  problem_ = status.message();
  pause_ = std::clamp<Duration>(pause_ * 2, kFirstPause, kLongestPause);
  done_.NotifyAll();
}

Status Recorder::Write(const std::vector<Record>& batch, std::int64_t lost) {
  if (!options_.directory.empty()) return WriteToJournal(batch, lost);
  WriteToLog(batch);
  return Status::Ok();
}

Status Recorder::OpenJournal() {
  known_.Clear();
  SALVE_ASSIGN_OR_RETURN(
      journal_, Journal::Open({options_.directory, options_.retention_days, left_at_}, clock_,
                              [this](const Record& record) { (void)known_.Learn(record); }));
  return Status::Ok();
}

// What was removed for its age, or would be soon, does not come back from a resource that is older.
bool Recorder::TooOld(const Record& record) const {
  const auto at = ParseTime(record.at);
  return at && *at < clock_.Now() - std::chrono::hours(24) * options_.retention_days;
}

Status Recorder::WriteToJournal(const std::vector<Record>& batch, std::int64_t lost) {
  if (journal_ == nullptr) SALVE_RETURN_IF_ERROR(OpenJournal());
  std::vector<Record> news;
  if (lost > 0) {
    Record record;
    record.event = kRecordsLost;
    record.message = std::to_string(lost) +
                     " records were dropped while the journal could not be written; what their "
                     "incidents still tell follows";
    news.push_back(std::move(record));
  }
  for (const Record& record : batch) {
    if (!TooOld(record) && known_.Learn(record)) news.push_back(record);
  }
  Status status = journal_->Append(news);
  left_at_ = journal_->head();
  if (status.ok()) {
    records_metric_.Increment(static_cast<double>(news.size()));
  } else {
    // What of it was written shows when it is read again.
    journal_.reset();
  }
  return status;
}

void Recorder::WriteToLog(const std::vector<Record>& batch) {
  for (const Record& r : batch) {
    if (!known_.Learn(r)) continue;
    Log(Severity::kInfo, "audit",
        {{"event", r.event},
         {"id", r.id},
         {"subject", r.subject},
         {"at", r.at},
         {"incident", r.incident},
         {"policy", r.policy},
         {"target", r.target},
         {"trigger", r.trigger},
         {"cause", r.cause},
         {"confidence", r.confidence.value_or(0)},
         {"step", r.step},
         {"action", r.action},
         {"risk", r.risk},
         {"gates", r.gates},
         {"approver", r.approver},
         {"result", r.result},
         {"text", r.message},
         {"detail", r.detail.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)}});
    records_metric_.Increment();
  }
}

std::string Recorder::State() const {
  MutexLock lock(mu_);
  if (options_.directory.empty()) return "in the log";
  if (!problem_.empty()) {
    return "not written: " + problem_ + " (" + std::to_string(pending_.size()) + " waiting)";
  }
  return "in " + options_.directory + ", head " + std::to_string(head_.sequence);
}

}  // namespace salve::audit
