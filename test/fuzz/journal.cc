// SPDX-License-Identifier: Apache-2.0
// The audit journal's files, which somebody else may have written to.
#include "pkg/audit/journal.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "test/fuzz/fuzz.h"

#include "pkg/audit/query.h"
#include "pkg/audit/verify.h"

namespace salve::fuzz {
namespace {

constexpr char kFile[] = "/audit-2026-11-30.jsonl";

// A directory in memory where there is one, removed at the end.
class Directory {
 public:
  Directory() {
    const bool shm = std::filesystem::is_directory("/dev/shm");
    std::string name = std::string(shm ? "/dev/shm" : "/tmp") + "/salve-fuzz-XXXXXX";
    Ensure(::mkdtemp(name.data()) != nullptr, "no directory");
    path_ = name;
  }
  ~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  const std::string& path() const { return path_; }
  void Fill(std::string_view text) const {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      std::filesystem::remove_all(entry.path(), ignored);
    }
    std::ofstream(path_ + kFile, std::ios::binary) << text;
  }

 private:
  std::string path_;
};

const Directory& Where() {
  static const Directory directory;
  return directory;
}

std::int64_t CountRecords() {
  std::int64_t count = 0;
  (void)audit::ReadJournal(Where().path(), {}, [&](const audit::Entry& entry, const std::string&) {
    ++count;
    Ensure(entry.sequence > 0, "a record without a number");
    audit::CsvLine(audit::CsvCells(entry));
    return true;
  });
  return count;
}

// Whatever stands in it, it can be read, verified and gone on with; and what is written after that
// is there.
void Journal(std::string_view text) {
  Where().Fill(text);
  const std::int64_t before = CountRecords();
  const auto verdict = audit::Verify(Where().path(), std::nullopt);
  Ensure(verdict.ok(), "cannot be verified", verdict.status().message());
  Ensure(verdict->flaws.size() <= audit::kMaxFlaws, "unbounded flaws");
  Ensure(verdict->flaw_count >= static_cast<std::int64_t>(verdict->flaws.size()), "lost flaws");
  SimulatedClock clock(Now());
  audit::Journal::Options options;
  options.directory = Where().path();
  std::int64_t known = 0;
  {
    auto journal = audit::Journal::Open(options, clock, [&](const audit::Record&) { ++known; });
    if (!journal.ok()) return;
    Ensure(known == before, "the writer knows other records than the reader");
    audit::Record record;
    record.event = audit::kDetected;
    record.id = "x";
    if (!(*journal)->Append({record}).ok()) return;
  }
  Ensure(CountRecords() > before, "what was written is not there");
  const auto after = audit::Verify(Where().path(), std::nullopt);
  Ensure(after.ok() && after->flaw_count >= verdict->flaw_count, "a flaw that went away");
}

void Line(std::string_view text) {
  const auto entry = audit::ParseLine(text);
  if (!entry.ok()) return;
  const std::string once = audit::FormatLine(*entry);
  const auto again = audit::ParseLine(once);
  Ensure(again.ok() && audit::FormatLine(*again) == once, "a line does not come back", once);
  Ensure(once.find('\n') == std::string::npos, "a line of two lines", once);
}

void Words(std::string_view text) {
  if (const auto head = audit::ParseHead(text); head.ok()) {
    const auto again = audit::ParseHead(audit::FormatHead(*head));
    Ensure(again.ok() && *again == *head, "a head does not come back", text);
  }
  (void)audit::ParseMoment(std::string(text));
  const std::string line = audit::CsvLine({std::string(text), "x"});
  Ensure(line.find_first_of("=+-@") != 0, "a formula for a spreadsheet", line);
  audit::DayOf(std::string(text));
}

}  // namespace
}  // namespace salve::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace salve::fuzz;  // NOLINT(google-build-using-namespace)
  Quiet();
  Input input(data, size);
  switch (input.Choose(3)) {
    case 0:
      Journal(input.Rest());
      break;
    case 1:
      Line(input.Rest());
      break;
    default:
      Words(input.Rest());
      break;
  }
  return 0;
}
