// SPDX-License-Identifier: Apache-2.0
#include "pkg/audit/journal.h"

#include <algorithm>

#include <unistd.h>

#include "pkg/base/hash.h"
#include "pkg/base/log.h"
#include "pkg/base/time_format.h"

namespace salve::audit {
namespace {

constexpr std::size_t kDayLength = 10;  // 2026-11-21

std::string DayAt(WallTime time) { return FormatTime(time).substr(0, kDayLength); }

Record AboutJournal(const char* event, std::string message, nlohmann::json detail) {
  Record record;
  record.event = event;
  record.message = std::move(message);
  record.detail = std::move(detail);
  return record;
}

}  // namespace

StatusOr<std::unique_ptr<Journal>> Journal::Open(Options options, Clock& clock,
                                                 const std::function<void(const Record&)>& each) {
  SALVE_ASSIGN_OR_RETURN(File lock, LockDirectory(options.directory));
  const std::string directory = options.directory;
  const std::optional<Head> left_at = options.left_at;
  std::unique_ptr<Journal> journal(new Journal(std::move(options), clock, std::move(lock)));
  SALVE_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFiles(directory));
  for (const std::string& name : names) {
    SALVE_RETURN_IF_ERROR(journal->Read(name, name == names.back(), each));
  }
  if (left_at && journal->head_.sequence < left_at->sequence) {
    journal->to_tell_.push_back(
        AboutJournal(kJournalDisturbed,
                     "the journal ended at " + FormatHead(journal->head_) + ", it was left at " +
                         FormatHead(*left_at),
                     {{"found", FormatHead(journal->head_)}, {"left", FormatHead(*left_at)}}));
    journal->head_ = *left_at;
  }
  return journal;
}

Status Journal::Read(const std::string& name, bool last,
                     const std::function<void(const Record&)>& each) {
  SALVE_ASSIGN_OR_RETURN(LineReader reader, LineReader::Open(Path(name)));
  LineReader::Line line;
  std::string newest;
  bool any = false;
  while (reader.Next(line)) {
    if (!line.terminated && last) {
      SALVE_RETURN_IF_ERROR(SetAside(name, line));
      break;
    }
    const auto entry = ParseLine(line.text);
    // What is damaged stays as it is, for `verify` to find; the chain goes on behind it.
    head_.sequence = entry.ok() ? entry->sequence : head_.sequence + 1;
    newest = std::move(line.text);
    any = true;
    if (entry.ok()) each(entry->record);
  }
  if (any) head_.hash = Sha256Hex(newest);
  SALVE_RETURN_IF_ERROR(reader.status());
  if (!last) return Status::Ok();
  name_ = name;
  SALVE_ASSIGN_OR_RETURN(file_, OpenForAppend(Path(name)));
  SALVE_ASSIGN_OR_RETURN(state_, StateOf(file_, Path(name)));
  return Status::Ok();
}

// The copy is durable before the original is cut: a crash in between repeats it.
Status Journal::SetAside(const std::string& name, const LineReader::Line& torn) {
  const std::string aside = "torn-" + DayOf(name) + "-" + std::to_string(torn.offset) + ".part";
  SALVE_RETURN_IF_ERROR(WriteWhole(Path(aside), torn.text));
  SyncDirectory(options_.directory);
  if (::truncate(Path(name).c_str(), torn.offset) != 0) {
    return PermissionDeniedError("cutting an incomplete line off " + Path(name) + ": " +
                                 std::generic_category().message(errno));
  }
  const std::string message = "an incomplete last line of " + name + " was set aside in " + aside;
  Log(Severity::kWarning, "audit journal: " + message);
  to_tell_.push_back(AboutJournal(
      kTornLineSetAside, message,
      {{"file", aside}, {"bytes", torn.text.size()}, {"sha256", Sha256Hex(torn.text)}}));
  return Status::Ok();
}

Status Journal::CheckUndisturbed() {
  if (name_.empty() || StateOfPath(Path(name_)) == state_) return Status::Ok();
  const auto found = StateOfPath(Path(name_));
  const std::string what = !found                         ? "is gone"
                           : found->inode != state_.inode ? "was replaced"
                           : found->size < state_.size    ? "has become shorter"
                                                          : "was written to";
  Log(Severity::kError, "the audit journal was changed by somebody else",
      {{"file", Path(name_)}, {"what", what}, {"head", FormatHead(head_)}});
  SALVE_ASSIGN_OR_RETURN(file_, OpenForAppend(Path(name_)));
  // Whatever stands at its end now, the next record begins a line.
  if (EndsMidLine(Path(name_))) SALVE_RETURN_IF_ERROR(AppendDurably(file_, Path(name_), "\n"));
  SALVE_ASSIGN_OR_RETURN(state_, StateOf(file_, Path(name_)));
  to_tell_.push_back(AboutJournal(kJournalDisturbed, "the file " + name_ + " " + what,
                                  {{"left", FormatHead(head_)}}));
  return Status::Ok();
}

Status Journal::Rotate() {
  const std::string today = DayAt(clock_.Now());
  // A calendar that was set back does not lead back to an earlier file: names keep their order.
  if (!name_.empty() && today <= DayOf(name_)) return Status::Ok();
  const std::string name = FileNameOf(today);
  SALVE_ASSIGN_OR_RETURN(file_, OpenForAppend(Path(name)));
  SALVE_ASSIGN_OR_RETURN(state_, StateOf(file_, Path(name)));
  name_ = name;
  SyncDirectory(options_.directory);
  // Kept by whoever keeps the log, this is an anchor outside of the journal.
  Log(Severity::kInfo, "audit journal", {{"file", Path(name)}, {"head", FormatHead(head_)}});
  return Retain();
}

// Age is counted from the day before the newest one: a calendar that jumps ahead for a moment makes
// a new file and removes nothing.
Status Journal::Retain() {
  SALVE_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFiles(options_.directory));
  if (names.size() < 3) return Status::Ok();
  const auto newest = ParseTime(DayOf(names[names.size() - 2]) + "T00:00:00Z");
  if (!newest) return Status::Ok();
  const std::string cutoff = DayAt(*newest - std::chrono::hours(24) * options_.retention_days);
  const auto kept = std::find_if(names.begin(), names.end() - 2,
                                 [&](const std::string& name) { return DayOf(name) >= cutoff; });
  if (kept == names.begin()) return Status::Ok();
  SALVE_ASSIGN_OR_RETURN(LineReader reader, LineReader::Open(Path(*kept)));
  LineReader::Line line;
  const auto first = reader.Next(line) ? ParseLine(line.text)
                                       : StatusOr<Entry>(InvalidArgumentError("it is empty"));
  if (!first.ok()) {
    // What stays could not be told from a journal whose beginning was taken away.
    Log(Severity::kError, "audit journal: old files stay, the next one cannot be read",
        {{"file", Path(*kept)}, {"error", first.status().message()}});
    return Status::Ok();
  }
  const Head through{first->sequence - 1, first->previous};
  // Said before it is done: what is missing at the beginning is known by it.
  SALVE_RETURN_IF_ERROR(
      Write({AboutJournal(kRetentionApplied,
                          std::to_string(kept - names.begin()) + " files older than " +
                              std::to_string(options_.retention_days) + " days were removed",
                          {{"through", FormatHead(through)}, {"files", kept - names.begin()}})}));
  for (auto name = names.begin(); name != kept; ++name) {
    if (::unlink(Path(*name).c_str()) != 0 && errno != ENOENT) {
      Log(Severity::kError, "audit journal: an old file cannot be removed",
          {{"file", Path(*name)}, {"error", std::generic_category().message(errno)}});
    }
  }
  SyncDirectory(options_.directory);
  return Status::Ok();
}

Status Journal::Write(const std::vector<Record>& records) {
  if (records.empty()) return Status::Ok();
  std::string text;
  Head head = head_;
  const std::string time = FormatMicroTime(clock_.Now());
  for (const Record& record : records) {
    const std::string line = FormatLine({record, head.sequence + 1, time, head.hash});
    ++head.sequence;
    head.hash = Sha256Hex(line);
    text += line + "\n";
  }
  SALVE_RETURN_IF_ERROR(AppendDurably(file_, Path(name_), text));
  head_ = head;
  state_.size += static_cast<std::int64_t>(text.size());
  return Status::Ok();
}

Status Journal::Append(const std::vector<Record>& records) {
  if (records.empty()) return Status::Ok();
  SALVE_RETURN_IF_ERROR(CheckUndisturbed());
  SALVE_RETURN_IF_ERROR(Rotate());
  SALVE_RETURN_IF_ERROR(Write(to_tell_));
  to_tell_.clear();
  return Write(records);
}

}  // namespace salve::audit
