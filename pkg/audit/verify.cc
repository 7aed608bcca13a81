// SPDX-License-Identifier: Apache-2.0
#include "pkg/audit/verify.h"

#include <algorithm>

#include "pkg/audit/files.h"
#include "pkg/base/hash.h"
#include "pkg/base/json_access.h"

namespace salve::audit {
namespace {

constexpr std::size_t kMaxRemarks = 20;

// Walks along the chain, line by line.
class Walk {
 public:
  explicit Walk(const std::optional<Head>& expected) : expected_(expected) {}

  void Line(const std::string& file, const LineReader::Line& line) {
    const auto entry =
        line.too_long
            ? StatusOr<Entry>(InvalidArgumentError("it is longer than any that is written"))
            : ParseLine(line.text);
    const Place here{file, line.number};
    if (entry.ok()) {
      Compare(*entry, here);
      Note(*entry);
    } else {
      AddFlaw(here, "is no record: " + entry.status().message());
    }
    verdict_.head.sequence = entry.ok() ? entry->sequence : verdict_.head.sequence + 1;
    verdict_.head.hash = Sha256Hex(line.text);
    if (!started_) verdict_.first = verdict_.head.sequence;
    if (expected_ && verdict_.head.sequence == expected_->sequence) {
      met_ = true;
      if (verdict_.head.hash != expected_->hash) {
        AddFlaw(here, "is not the line of the expected head " + FormatHead(*expected_));
      }
    }
    ++verdict_.records;
    started_ = true;
    readable_ = entry.ok();
    before_ = here;
  }

  void Torn(const std::string& file, std::int64_t line, bool last) {
    if (last) {
      verdict_.incomplete_end = true;
    } else {
      AddFlaw({file, line}, "ends in the middle");
    }
  }

  Verdict Finish(std::size_t files) {
    verdict_.files = files;
    if (begins_late_ && !LawfulBeginning()) {
      AddFlaw(begin_, "begins with number " + std::to_string(verdict_.first) +
                          ", and no record says that what was before went by its age");
    }
    if (expected_ && !met_) {
      AddFlaw(before_, "the journal ends at number " + std::to_string(verdict_.head.sequence) +
                           ", the expected head " + std::to_string(expected_->sequence) +
                           " is not in it");
    }
    return std::move(verdict_);
  }

 private:
  struct Place {
    std::string file;
    std::int64_t line = 0;
  };

  void AddFlaw(const Place& place, std::string what) {
    ++verdict_.flaw_count;
    if (verdict_.flaws.size() < kMaxFlaws) {
      verdict_.flaws.push_back({place.file, place.line, std::move(what)});
    }
  }

  void Compare(const Entry& entry, const Place& here) {
    if (!started_) {
      begins_late_ = entry.sequence != 1 || entry.previous != NoHash();
      begin_ = here;
      begin_previous_ = entry.previous;
      return;
    }
    const std::int64_t next = verdict_.head.sequence + 1;
    const bool follows = entry.previous == verdict_.head.hash;
    const std::string number = std::to_string(entry.sequence);
    if (follows && entry.sequence != next) {
      AddFlaw(here, "has number " + number + " where " + std::to_string(next) + " belongs");
    } else if (!follows && entry.sequence > next) {
      AddFlaw(here, "the records " + std::to_string(next) + " to " +
                        std::to_string(entry.sequence - 1) + " before it are missing");
    } else if (!follows && entry.sequence < next) {
      AddFlaw(here, "number " + number + " is out of place, after " +
                        std::to_string(verdict_.head.sequence));
    } else if (!follows && readable_) {
      // Of a line that is no record this has been said.
      AddFlaw(before_,
              "was changed after it was written: number " + number + " has another hash of it");
    }
  }

  void Note(const Entry& entry) {
    if (entry.record.event == kRetentionApplied) {
      const auto through = ParseHead(GetString(entry.record.detail, {"through"}));
      if (through.ok()) removed_through_.push_back(*through);
    }
    const bool remark = entry.record.event == kJournalDisturbed ||
                        entry.record.event == kRecordsLost ||
                        entry.record.event == kTornLineSetAside;
    if (remark && verdict_.remarks.size() < kMaxRemarks) {
      verdict_.remarks.push_back(entry.time + " " + entry.record.event + ": " +
                                 entry.record.message);
    }
  }

  bool LawfulBeginning() const {
    const Head before{verdict_.first - 1, begin_previous_};
    return std::find(removed_through_.begin(), removed_through_.end(), before) !=
           removed_through_.end();
  }

  const std::optional<Head>& expected_;
  Verdict verdict_;
  bool started_ = false;
  bool met_ = false;
  bool readable_ = true;  // the line before was a record
  bool begins_late_ = false;
  Place before_;
  Place begin_;
  std::string begin_previous_;
  std::vector<Head> removed_through_;
};

}  // namespace

StatusOr<Verdict> Verify(const std::string& directory, const std::optional<Head>& expected) {
  SALVE_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFiles(directory));
  if (names.empty()) return NotFoundError("there is no audit journal in " + directory);
  Walk walk(expected);
  for (const std::string& name : names) {
    SALVE_ASSIGN_OR_RETURN(LineReader reader, LineReader::Open(directory + "/" + name));
    LineReader::Line line;
    while (reader.Next(line)) {
      const bool torn = !line.terminated;
      if (torn) walk.Torn(name, line.number, name == names.back());
      if (!torn || name != names.back()) walk.Line(name, line);
    }
    SALVE_RETURN_IF_ERROR(reader.status());
  }
  return walk.Finish(names.size());
}

}  // namespace salve::audit
