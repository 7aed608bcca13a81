// SPDX-License-Identifier: Apache-2.0
// The memory of actions under random use: never more in any real window than the budget allows,
// whatever the calendar does, whatever is pruned, whenever the process restarts.
#include <gtest/gtest.h>

#include "pkg/base/clock.h"
#include "pkg/base/random.h"
#include "pkg/healing/budget.h"
#include "pkg/healing/test_support.h"

namespace salve::healing {
namespace {

constexpr std::int64_t kWindow = 600;

// Counts, in real time, the actions of the last window.
class Referee {
 public:
  void Acted(std::int64_t real) { acted_.push_back(real); }
  std::int64_t InWindow(std::int64_t real) const {
    std::int64_t count = 0;
    for (const std::int64_t at : acted_) count += real - at < kWindow ? 1 : 0;
    return count;
  }

 private:
  std::vector<std::int64_t> acted_;
};

Reservation Make(int n) {
  return {"attempt-" + std::to_string(n), "incident-" + std::to_string(n % 3),
          "target-" + std::to_string(n % 4), "restart", "restart"};
}

// While the process runs, accounting time comes from the monotonic clock: no step of the calendar
// shows.
TEST(BudgetProperty, NeverOverBudgetWhateverTheCalendarDoesWhileRunning) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SeededRandom random(seed);
    const v1::ActionBudget budget{static_cast<std::int64_t>(random.Next() % 5), kWindow};
    std::int64_t real = 0;
    SimulatedClock clock(testing::kNow);
    const SteadyWall steady{clock.Now(), clock.Monotonic()};
    std::vector<v1::ActionRecord> records;
    Referee referee;
    int acted = 0;
    for (int i = 0; i < 400; ++i) {
      const auto step = static_cast<std::int64_t>(random.Next() % 60);
      real += step;
      clock.Advance(std::chrono::seconds(step));
      if (random.Next() % 10 == 0) {
        clock.StepWall(
            std::chrono::seconds(static_cast<std::int64_t>(random.Next() % 7200) - 3600));
      }
      const WallTime now = steady.At(clock.Monotonic());
      if (random.Next() % 5 == 0)
        Finish(records, "attempt-" + std::to_string(acted), "Failed", now);
      if (random.Next() % 7 == 0) PruneRecords(records, kWindow, now);
      const bool allowed = SpentOf(records, budget, now).remaining > 0;
      const Status status = Reserve(records, Make(acted + 1), budget, kWindow, now);
      EXPECT_EQ(allowed, status.ok()) << "what the gate says is what the reservation does";
      if (!status.ok()) continue;
      ++acted;
      referee.Acted(real);
      ASSERT_LE(referee.InWindow(real), budget.count) << "seed " << seed << " step " << i;
    }
    if (budget.count > 0) {
      EXPECT_GT(acted, 5) << "the budget must also become free again";
    }
  }
}

// A restart anchors the clock anew; one that was set back in between frees nothing.
TEST(BudgetProperty, NeverOverBudgetWhenTheClockIsSetBackAcrossRestarts) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SeededRandom random(seed);
    const v1::ActionBudget budget{1 + static_cast<std::int64_t>(random.Next() % 4), kWindow};
    std::int64_t real = 0;
    std::int64_t offset = 100000;  // calendar minus real
    std::vector<v1::ActionRecord> records;
    Referee referee;
    int acted = 0;
    for (int i = 0; i < 400; ++i) {
      real += static_cast<std::int64_t>(random.Next() % 60);
      if (random.Next() % 15 == 0) offset -= static_cast<std::int64_t>(random.Next() % 3000);
      const WallTime now = testing::After(real + offset);
      if (!Reserve(records, Make(++acted), budget, kWindow, now).ok()) continue;
      referee.Acted(real);
      ASSERT_LE(referee.InWindow(real), budget.count) << "seed " << seed << " step " << i;
    }
  }
}

TEST(BudgetProperty, TheMemoryStaysBoundedAndKeepsWhatCounts) {
  SeededRandom random(7);
  std::vector<v1::ActionRecord> records;
  const v1::ActionBudget budget{1000, kWindow};
  std::int64_t refused = 0;
  for (int i = 0; i < 600; ++i) {
    const WallTime now = testing::After(i);
    if (!Reserve(records, Make(i), budget, kWindow, now).ok()) ++refused;
    ASSERT_LE(records.size(), kMaxActionRecords);
  }
  EXPECT_GT(refused, 0) << "a full memory refuses; it never forgets to make room";
}

}  // namespace
}  // namespace salve::healing
