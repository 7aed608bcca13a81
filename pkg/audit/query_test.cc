// SPDX-License-Identifier: Apache-2.0
#include "pkg/audit/query.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace salve::audit {
namespace {

using ::testing::ElementsAre;

Record Make() {
  Record record;
  record.event = kExecuting;
  record.subject = "uid-1";
  record.at = "2026-11-21T10:00:00.5Z";
  record.incident = "shop/redis-1";
  record.policy = "shop/redis";
  record.target = "docker/Container/redis-a";
  record.action = "restart";
  record.approver = "ann, ben";
  return record;
}

TEST(Filter, FindsByEachOfItsWords) {
  const Record record = Make();
  struct Case {
    std::string Filter::* member;
    std::string yes;
    std::string no;
  };
  const Case cases[] = {
      {&Filter::incident, "redis-1", "redis"},
      {&Filter::incident, "shop/redis-1", "op/redis-1"},
      {&Filter::incident, "uid-1", "uid"},
      {&Filter::policy, "redis", "edis"},
      {&Filter::target, "redis-a", "a"},
      {&Filter::target, "docker/Container/redis-a", "docker"},
      {&Filter::action, "restart", "rest"},
      {&Filter::approver, "ben", "be"},
      {&Filter::event, "Executing", "Executed"},
  };
  for (const Case& c : cases) {
    Filter filter;
    filter.*c.member = c.yes;
    EXPECT_TRUE(Matches(filter, record)) << c.yes;
    filter.*c.member = c.no;
    EXPECT_FALSE(Matches(filter, record)) << c.no;
  }
}

TEST(Filter, TakesTheTimeFromInclusiveToExclusive) {
  const Record record = Make();
  Filter filter;
  filter.from = *ParseMoment("2026-11-21T10:00:00.5Z");
  EXPECT_TRUE(Matches(filter, record));
  filter.to = filter.from;
  EXPECT_FALSE(Matches(filter, record));
  filter.from = *ParseMoment("2026-11-21");
  filter.to = *ParseMoment("2026-11-22");
  EXPECT_TRUE(Matches(filter, record));
  EXPECT_FALSE(ParseMoment("yesterday").ok());
}

TEST(Csv, QuotesWhatNeedsItAndLetsNoFormulaThrough) {
  EXPECT_EQ(CsvLine({"a", "b,c", "say \"hi\"", "", "two\nlines"}),
            "a,\"b,c\",\"say \"\"hi\"\"\",,\"two\nlines\"\r\n");
  EXPECT_EQ(CsvLine({"=1+1", "+1", "-1", "@SUM(A1)", "\tx"}),
            "'=1+1,'+1,'-1,'@SUM(A1),\"'\tx\"\r\n");
}

TEST(Csv, ARowHasACellForEachColumn) {
  EXPECT_EQ(CsvCells({Make(), 1, "t", NoHash()}).size(), CsvHeader().size());
}

TEST(ReadJournal, PassesOverWhatItCannotReadAndCountsIt) {
  std::string pattern = (std::filesystem::temp_directory_path() / "salve-audit-XXXXXX").string();
  const std::string directory = ::mkdtemp(pattern.data());
  {
    std::ofstream file(directory + "/audit-2026-11-21.jsonl");
    file << FormatLine({Make(), 1, "t", NoHash()}) << "\n"
         << "garbage\n"
         << "[]\n"
         << FormatLine({Make(), 2, "t", NoHash()}) << "\n"
         << R"({"seq":3,"ev)";
    std::ofstream(directory + "/notes.txt") << "not the journal's\n";
  }
  std::vector<std::int64_t> seen;
  const auto unreadable = ReadJournal(directory, {}, [&](const Entry& entry, const std::string&) {
    seen.push_back(entry.sequence);
    return true;
  });
  EXPECT_EQ(*unreadable, 2);
  EXPECT_THAT(seen, ElementsAre(1, 2));
  std::filesystem::remove_all(directory);
  EXPECT_EQ(ReadJournal(directory, {}, nullptr).code(), Code::kNotFound);
}

TEST(ParseLine, ReadsBackWhatWasWritten) {
  Entry entry{Make(), 7, "2026-11-21T10:00:01Z", std::string(64, 'b')};
  entry.record.confidence = 0.5;
  entry.record.detail = {{"attempt", "x"}};
  const auto back = ParseLine(FormatLine(entry));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(FormatLine(*back), FormatLine(entry));
}

}  // namespace
}  // namespace salve::audit
