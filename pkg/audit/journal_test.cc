// SPDX-License-Identifier: Apache-2.0
#include "pkg/audit/journal.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/audit/verify.h"
#include "pkg/base/hash.h"
#include "pkg/base/time_format.h"

namespace salve::audit {
namespace {

using std::chrono::hours;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kFirstFile[] = "audit-2026-11-21.jsonl";

class JournalTest : public ::testing::Test {
 protected:
  JournalTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "salve-audit-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~JournalTest() override { std::filesystem::remove_all(directory_); }

  std::unique_ptr<Journal> Open(int retention_days = kDefaultRetentionDays,
                                std::optional<Head> left_at = std::nullopt) {
    seen_.clear();
    auto journal = Journal::Open({directory_, retention_days, std::move(left_at)}, clock_,
                                 [this](const Record& record) { seen_.push_back(record.id); });
    EXPECT_TRUE(journal.ok()) << journal.status();
    return journal.ok() ? std::move(journal).value() : nullptr;
  }
  static Record Make(const std::string& id) {
    Record record;
    record.event = kExecuting;
    record.id = id;
    record.subject = "uid";
    return record;
  }
  static void Add(Journal& journal, const std::vector<std::string>& ids) {
    for (const std::string& id : ids) {
      const Status appended = journal.Append({Make(id)});
      ASSERT_TRUE(appended.ok()) << appended;
    }
  }
  // A journal of these records, closed.
  Head Written(const std::vector<std::string>& ids) {
    auto journal = Open();
    Add(*journal, ids);
    return journal->head();
  }

  std::string Path(const std::string& name = kFirstFile) const { return directory_ + "/" + name; }
  std::vector<std::string> Lines(const std::string& name = kFirstFile) const {
    std::ifstream file(Path(name));
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }
  void Rewrite(const std::vector<std::string>& lines, const std::string& name = kFirstFile) const {
    std::ofstream file(Path(name), std::ios::trunc);
    for (const std::string& line : lines) file << line << "\n";
  }
  std::vector<std::string> Flaws(const std::optional<Head>& expected = std::nullopt) const {
    const auto verdict = Verify(directory_, expected);
    EXPECT_TRUE(verdict.ok()) << verdict.status();
    std::vector<std::string> out;
    if (!verdict.ok()) return out;
    for (const Flaw& flaw : verdict->flaws) {
      out.push_back(flaw.file + ":" + std::to_string(flaw.line) + " " + flaw.what);
    }
    return out;
  }

  std::string directory_;
  SimulatedClock clock_{*ParseTime("2026-11-21T12:00:00Z")};
  std::vector<std::string> seen_;
};

// As fuzzing found in the events of Docker: to make a whole number of such a fraction is undefined.
TEST(RecordLine, ANumberThatIsNotWholeIsNoRecordsNumber) {
  const std::string rest = R"(,"event":"Detected","previous":")" + NoHash() + "\"}";
  for (const char* number : {"1e300", "-1e25", "1.5", "\"1\"", "null"}) {
    EXPECT_FALSE(ParseLine("{\"seq\":" + std::string(number) + rest).ok()) << number;
  }
  EXPECT_TRUE(ParseLine("{\"seq\":1" + rest).ok());
}

TEST_F(JournalTest, EachLineCarriesTheHashOfTheOneBefore) {
  Written({"a", "b", "c"});
  const auto lines = Lines();
  ASSERT_THAT(lines, SizeIs(3));
  std::string previous = NoHash();
  std::int64_t sequence = 0;
  for (const std::string& line : lines) {
    const auto entry = ParseLine(line);
    ASSERT_TRUE(entry.ok()) << entry.status();
    EXPECT_EQ(entry->previous, previous);
    EXPECT_EQ(entry->sequence, ++sequence);
    previous = Sha256Hex(line);
  }
  EXPECT_THAT(Flaws(), IsEmpty());
}

TEST_F(JournalTest, ASuccessorGoesOnWithTheChainAndKnowsWhatIsThere) {
  const Head head = Written({"a", "b"});
  auto journal = Open();
  EXPECT_THAT(seen_, ElementsAre("a", "b"));
  EXPECT_EQ(journal->head(), head);
  Add(*journal, {"c"});
  EXPECT_EQ(journal->head().sequence, 3);
  EXPECT_THAT(Flaws(), IsEmpty());
}

TEST_F(JournalTest, ADayHasAFileAndTheChainGoesOnAcrossThem) {
  auto journal = Open();
  Add(*journal, {"a"});
  clock_.Advance(hours(24));
  Add(*journal, {"b"});
  ASSERT_THAT(Lines("audit-2026-11-22.jsonl"), SizeIs(1));
  EXPECT_EQ(ParseLine(Lines("audit-2026-11-22.jsonl")[0])->previous, Sha256Hex(Lines()[0]));
  EXPECT_THAT(Flaws(), IsEmpty());
}

TEST_F(JournalTest, ACalendarThatIsSetBackLeadsToNoEarlierFile) {
  auto journal = Open();
  Add(*journal, {"a"});
  clock_.StepWall(-hours(48));
  Add(*journal, {"b"});
  EXPECT_THAT(Lines(), SizeIs(2));
}

TEST_F(JournalTest, AnIncompleteLastLineIsSetAsideAndSaid) {
  Written({"a", "b"});
  const std::string half = R"({"seq":3,"time":"2026-)";
  std::ofstream(Path(), std::ios::app) << half;
  EXPECT_TRUE(Verify(directory_, std::nullopt)->incomplete_end);
  auto journal = Open();
  Add(*journal, {"c"});
  const auto lines = Lines();
  ASSERT_THAT(lines, SizeIs(4));
  const auto said = ParseLine(lines[2]);
  ASSERT_TRUE(said.ok());
  EXPECT_EQ(said->record.event, kTornLineSetAside);
  EXPECT_THAT(Lines(said->record.detail["file"].get<std::string>()), ElementsAre(half));
  EXPECT_THAT(Flaws(), IsEmpty());
  EXPECT_THAT(Verify(directory_, std::nullopt)->remarks, SizeIs(1));
}

TEST_F(JournalTest, OfTwoWritersTheSecondIsRefused) {
  const auto first = Open();
  const auto second = Journal::Open({directory_, 90, {}}, clock_, [](const Record&) {});
  EXPECT_EQ(second.code(), Code::kAlreadyExists);
}

TEST_F(JournalTest, AChangedLineIsNamed) {
  Written({"a", "b", "c"});
  auto lines = Lines();
  lines[1].replace(lines[1].find("\"b\""), 3, "\"x\"");
  Rewrite(lines);
  EXPECT_THAT(Flaws(), ElementsAre(HasSubstr(std::string(kFirstFile) + ":2 was changed")));
}

TEST_F(JournalTest, AMissingLineIsNamed) {
  Written({"a", "b", "c"});
  auto lines = Lines();
  lines.erase(lines.begin() + 1);
  Rewrite(lines);
  EXPECT_THAT(Flaws(), ElementsAre(HasSubstr("records 2 to 2 before it are missing")));
}

TEST_F(JournalTest, LinesOutOfOrderAndRepeatedAreNamed) {
  Written({"a", "b", "c"});
  auto lines = Lines();
  std::swap(lines[0], lines[1]);
  Rewrite(lines);
  EXPECT_THAT(Flaws(), Contains(HasSubstr("number 1 is out of place")));
  std::swap(lines[0], lines[1]);
  lines.insert(lines.begin() + 1, lines[1]);
  Rewrite(lines);
  EXPECT_THAT(Flaws(), Contains(HasSubstr("number 2 is out of place")));
}

TEST_F(JournalTest, WhatIsNoRecordIsNamedAndCrashesNobody) {
  Written({"a", "b", "c"});
  auto lines = Lines();
  lines[1] = std::string("\0\x1b[2J", 5) + std::string(200'000, '[');
  Rewrite(lines);
  EXPECT_THAT(Flaws(), Contains(HasSubstr(":2 is no record: it is longer")));
  lines[1] = std::string(20'000, '[');
  Rewrite(lines);
  EXPECT_THAT(Flaws(), Contains(HasSubstr(":2 is no record")));
  // The writer goes on behind it.
  auto journal = Open();
  Add(*journal, {"d"});
  EXPECT_EQ(journal->head().sequence, 4);
}

TEST_F(JournalTest, ABeginningThatWasTakenAwayIsNamed) {
  Written({"a", "b", "c"});
  auto lines = Lines();
  lines.erase(lines.begin());
  Rewrite(lines);
  EXPECT_THAT(Flaws(), ElementsAre(HasSubstr("begins with number 2")));
}

TEST_F(JournalTest, AnEndThatWasCutOffShowsOnlyByAHeadKeptElsewhere) {
  const Head head = Written({"a", "b", "c"});
  auto lines = Lines();
  lines.pop_back();
  Rewrite(lines);
  EXPECT_THAT(Flaws(), IsEmpty());
  EXPECT_THAT(Flaws(head), ElementsAre(HasSubstr("ends at number 2, the expected head 3")));
}

TEST_F(JournalTest, AJournalWrittenAnewShowsOnlyByAHeadKeptElsewhere) {
  const Head head = Written({"a", "b", "c"});
  std::filesystem::remove(Path());
  Written({"a", "other", "c"});
  EXPECT_THAT(Flaws(), IsEmpty());
  EXPECT_THAT(Flaws(head), ElementsAre(HasSubstr("is not the line of the expected head")));
}

TEST_F(JournalTest, AnEarlierHeadIsFoundOnTheWay) {
  const Head early = Written({"a", "b"});
  Written({"c"});
  EXPECT_THAT(Flaws(early), IsEmpty());
}

TEST_F(JournalTest, WhatIsOlderThanTheRetentionGoesAndThatIsSaid) {
  auto journal = Open(30);
  for (int day = 0; day < 40; ++day) {
    Add(*journal, {"day " + std::to_string(day)});
    clock_.Advance(hours(24));
  }
  const auto names = ListFiles(directory_);
  ASSERT_TRUE(names.ok());
  // The newest day, the one before it, and thirty days before that.
  EXPECT_THAT(*names, SizeIs(32));
  EXPECT_EQ(names->front(), "audit-2026-11-29.jsonl");
  EXPECT_THAT(Flaws(), IsEmpty());
  // Somebody who takes a file more is found out.
  std::filesystem::remove(Path(names->front()));
  EXPECT_THAT(Flaws(), ElementsAre(HasSubstr("no record says that what was before went")));
}

TEST_F(JournalTest, ACalendarThatJumpsAheadForAMomentRemovesNothing) {
  auto journal = Open(30);
  for (int day = 0; day < 5; ++day) {
    Add(*journal, {"day " + std::to_string(day)});
    clock_.Advance(hours(24));
  }
  clock_.StepWall(hours(24 * 365));
  Add(*journal, {"far ahead"});
  clock_.StepWall(-hours(24 * 365));
  Add(*journal, {"back"});
  journal.reset();
  journal = Open(30);
  Add(*journal, {"again"});
  EXPECT_THAT(*ListFiles(directory_), SizeIs(6));
  EXPECT_THAT(Flaws(), IsEmpty());
}

TEST_F(JournalTest, AFileThatIsCutOrRemovedUnderneathIsSaidAndTheGapShows) {
  auto journal = Open();
  Add(*journal, {"a", "b", "c"});
  auto lines = Lines();
  lines.pop_back();
  Rewrite(lines);
  Add(*journal, {"d"});
  EXPECT_THAT(Flaws(), ElementsAre(HasSubstr("records 3 to 3 before it are missing")));
  EXPECT_THAT(Verify(directory_, std::nullopt)->remarks, ElementsAre(HasSubstr("become shorter")));
  std::filesystem::remove(Path());
  Add(*journal, {"e"});
  EXPECT_THAT(Flaws(), ElementsAre(HasSubstr("begins with number 6")));
  EXPECT_THAT(Verify(directory_, std::nullopt)->remarks, ElementsAre(HasSubstr("is gone")));
}

TEST_F(JournalTest, OneThatEndsBeforeWhereThisProcessLeftItIsNotBelieved) {
  const Head head = Written({"a", "b", "c"});
  auto lines = Lines();
  lines.pop_back();
  Rewrite(lines);
  auto journal = Open(90, head);
  Add(*journal, {"d"});
  EXPECT_EQ(journal->head().sequence, 5);  // 4 says that it was disturbed
  EXPECT_THAT(Flaws(), ElementsAre(HasSubstr("records 3 to 3 before it are missing")));
}

TEST(Head, IsPrintedAndReadBackAndAnythingElseIsRefused) {
  const Head head{17, std::string(64, 'a')};
  EXPECT_EQ(*ParseHead(FormatHead(head)), head);
  const std::vector<std::string> refused = {"",
                                            "17",
                                            "17:",
                                            ":abc",
                                            "0:" + std::string(64, 'a'),
                                            "17:" + std::string(63, 'a'),
                                            "17:" + std::string(64, 'Z'),
                                            "x:" + std::string(64, 'a')};
  for (const std::string& bad : refused) {
    EXPECT_FALSE(ParseHead(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace salve::audit
