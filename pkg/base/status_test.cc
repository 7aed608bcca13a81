// SPDX-License-Identifier: Apache-2.0
#include "pkg/base/status.h"

#include <memory>

#include <gtest/gtest.h>

#include "pkg/base/random.h"

namespace salve {
namespace {

TEST(Status, IsOkByDefaultAndPrintsOk) {
  EXPECT_TRUE(Status().ok());
  EXPECT_EQ(Status().ToString(), "OK");
}

TEST(Status, AnnotateKeepsEverythingButTheMessage) {
  const Status s = ConflictError("stale")
                       .WithReason("Stale")
                       .AsTerminal()
                       .WithRetryAfter(std::chrono::milliseconds(7))
                       .Annotate("writing a");
  EXPECT_EQ(s.ToString(), "Conflict: writing a: stale");
  EXPECT_EQ(s.reason(), "Stale");
  EXPECT_TRUE(s.terminal());
  EXPECT_EQ(s.retry_after(), std::chrono::milliseconds(7));
}

TEST(StatusOr, HoldsMoveOnlyValues) {
  StatusOr<std::unique_ptr<int>> v = std::make_unique<int>(3);
  ASSERT_TRUE(v.ok());
  EXPECT_EQ(*std::move(v).value(), 3);
}

TEST(StatusOr, NeverIsAnErrorThatSaysOk) {
  const StatusOr<int> v = Status();
  EXPECT_FALSE(v.ok());
  EXPECT_EQ(v.code(), Code::kInternal);
}

StatusOr<int> Twice(StatusOr<int> in) {
  SALVE_ASSIGN_OR_RETURN(const int x, std::move(in));
  return 2 * x;
}

TEST(AssignOrReturn, PassesValuesOnAndErrorsBack) {
  EXPECT_EQ(*Twice(4), 8);
  EXPECT_EQ(Twice(NotFoundError("x")).code(), Code::kNotFound);
}

TEST(Random, GivesTheSameNumbersForTheSameSeed) {
  SeededRandom a(1), b(1), c(2);
  EXPECT_EQ(a.Hex(40), b.Hex(40));
  EXPECT_NE(SeededRandom(1).Hex(40), c.Hex(40));
}

TEST(Random, MakesVersionFourUuids) {
  SeededRandom random(1);
  const std::string u = random.Uuid();
  ASSERT_EQ(u.size(), 36u);
  EXPECT_EQ(u[14], '4');
  EXPECT_NE(std::string("89ab").find(u[19]), std::string::npos);
}

}  // namespace
}  // namespace salve
