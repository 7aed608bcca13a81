// SPDX-License-Identifier: Apache-2.0
#include "test/simulation/explore.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <map>
#include <thread>

#include "test/simulation/known_defects.h"

namespace salve::simulation {
namespace {

using What = Accident::What;
using Where = Accident::Where;

constexpr std::size_t kTraceTail = 40;
constexpr int kLongAbsence = 10 * 60;

const std::vector<What>& WhatsAt(Where where) {
  static const std::vector<What> kWrites = {
      What::kCrashBefore,  What::kCrashAfter,   What::kLoseAnswer,  What::kLoseRequest,
      What::kConflict,     What::kUnavailable,  What::kServerError, What::kTooMany,
      What::kForbidden,    What::kRestartStale, What::kRestartOld,  What::kReconnectStale,
      What::kFreeze,       What::kCutWatches,   What::kGone,        What::kPause,
      What::kClockForward, What::kClockBack,    What::kRelabel,     What::kHandRestart,
      What::kDrift,        What::kRecreate,     What::kBackendAway, What::kBlind,
      What::kDropLease};
  static const std::vector<What> kExecutes = {
      What::kCrashBefore, What::kCrashAfter, What::kLoseAnswer, What::kLoseRequest,
      What::kUnavailable, What::kForbidden,  What::kPause,      What::kClockForward,
      What::kClockBack,   What::kCutWatches, What::kGone,       What::kFreeze};
  static const std::vector<What> kReads = {What::kCrashBefore, What::kUnavailable,
                                           What::kServerError, What::kTooMany, What::kForbidden};
  static const std::vector<What> kEvents = {What::kDuplicate, What::kMalformed, What::kCutWatches,
                                            What::kServerError, What::kGone};
  switch (where) {
    case Where::kWrite:
      return kWrites;
    case Where::kExecute:
      return kExecutes;
    case Where::kRead:
      return kReads;
    case Where::kEvent:
      return kEvents;
  }
  return kWrites;
}

constexpr Where kPlaces[] = {Where::kWrite, Where::kExecute, Where::kRead, Where::kEvent};

struct Subject {
  const Life* life = nullptr;
  Ending reference;
};

std::vector<Subject> Subjects(const std::string& only) {
  std::vector<Subject> subjects;
  for (const Life& life : AllLives()) {
    if (!only.empty() && life.name != only) continue;
    subjects.push_back({&life, Live({&life, {}, 0, 0})});
  }
  return subjects;
}

// The undisturbed lives themselves must be what they are meant to be.
int CheckReferences(const std::vector<Subject>& subjects) {
  int wrong = 0;
  for (const Subject& s : subjects) {
    const bool as_meant = s.life->ends.empty() || s.life->ends == s.reference.incidents;
    const bool explained =
        s.reference.broken.empty() || ExplainedBy({s.life, {}, 0, 0}, s.reference) != nullptr;
    if (as_meant && explained) continue;
    ++wrong;
    std::printf("FAILED life %s, undisturbed\n", s.life->name.c_str());
    for (const std::string& end : s.reference.incidents) std::printf("  ended: %s\n", end.c_str());
    for (const std::string& b : s.reference.broken) std::printf("  broken: %s\n", b.c_str());
    std::printf("  again: salve-sim --life %s --plan '' --trace\n", s.life->name.c_str());
  }
  return wrong;
}

void AddSingles(const Subject& s, std::vector<Plan>* plans) {
  for (const Where where : kPlaces) {
    for (const What what : WhatsAt(where)) {
      for (int at = 1; at <= s.reference.points.at(where); ++at) {
        plans->push_back({s.life, {{what, where, at}}, 0, 0});
      }
    }
  }
  for (int at = 1; at <= s.reference.points.at(Where::kWrite); ++at) {
    plans->push_back({s.life, {{What::kCrashAfter, Where::kWrite, at}}, 0, kLongAbsence});
  }
}

// Every two crashes. The second counts on from the first, whose repetition makes the life longer.
void AddPairsOfCrashes(const Subject& s, std::vector<Plan>* plans) {
  const int points = s.reference.points.at(Where::kWrite);
  for (int first = 1; first <= points; ++first) {
    for (int second = first + 1; second <= points + 3; ++second) {
      for (const What a : {What::kCrashBefore, What::kCrashAfter}) {
        for (const What b : {What::kCrashBefore, What::kCrashAfter}) {
          plans->push_back({s.life, {{a, Where::kWrite, first}, {b, Where::kWrite, second}}, 0, 0});
        }
      }
    }
  }
}

// What bears most on the promises comes first, so that a short run is worth most.
int Weight(const Plan& plan) {
  int weight = 0;
  for (const Accident& a : plan.accidents) {
    const bool write = a.where == Where::kWrite || a.where == Where::kExecute;
    const bool strong = a.what == What::kCrashBefore || a.what == What::kCrashAfter ||
                        a.what == What::kLoseAnswer || a.what == What::kPause ||
                        a.what == What::kDrift || a.what == What::kRestartOld ||
                        a.what == What::kConflict || a.what == What::kGone;
    weight += write ? (strong || a.where == Where::kExecute ? 0 : 1) : 3;
  }
  return weight + (plan.accidents.size() > 1 ? 2 : 0);
}

// By weight; those of one weight mixed, always in the same way: what is broken shows soon,
// whatever life it is in.
std::vector<Plan> Ordered(std::vector<Plan> plans) {
  SeededRandom random(1);
  for (std::size_t i = plans.size(); i > 1; --i) {
    std::swap(plans[i - 1], plans[random.Next() % i]);
  }
  std::map<int, std::vector<Plan>> by_weight;
  for (Plan& plan : plans) by_weight[Weight(plan)].push_back(std::move(plan));
  plans.clear();
  for (auto& [weight, group] : by_weight) {
    for (Plan& plan : group) plans.push_back(std::move(plan));
  }
  return plans;
}

Plan PlanOf(std::uint64_t seed, const std::vector<Subject>& subjects) {
  SeededRandom random(seed);
  Plan plan;
  const Subject& s = subjects[random.Next() % subjects.size()];
  plan.life = s.life;
  plan.seed = seed;
  const std::uint64_t accidents = random.Next() % 4;
  for (std::uint64_t i = 0; i < accidents; ++i) {
    const Where where = kPlaces[random.Next() % std::size(kPlaces)];
    const std::vector<What>& whats = WhatsAt(where);
    const int points = s.reference.points.at(where);
    if (points == 0) continue;
    plan.accidents.push_back(
        {whats[random.Next() % whats.size()], where,
         1 + static_cast<int>(random.Next() % static_cast<std::uint64_t>(points))});
  }
  if (random.Next() % 8 == 0) plan.downtime_seconds = static_cast<int>(random.Next() % 1200);
  return plan;
}

const Subject& SubjectOf(const std::vector<Subject>& subjects, const Plan& plan) {
  return *std::find_if(subjects.begin(), subjects.end(),
                       [&](const Subject& s) { return s.life == plan.life; });
}

// The same failure with less: without each accident, and in the plain order, as long as it fails.
Plan Shrink(Plan plan, const Ending& reference) {
  const auto fails = [&](const Plan& p) {
    const Ending ending = Judge(p, reference);
    return !ending.broken.empty() && ExplainedBy(p, ending) == nullptr;
  };
  for (bool smaller = true; smaller;) {
    smaller = false;
    for (std::size_t i = 0; i < plan.accidents.size() && !smaller; ++i) {
      Plan less = plan;
      less.accidents.erase(less.accidents.begin() + static_cast<std::ptrdiff_t>(i));
      if (!fails(less)) continue;
      plan = std::move(less);
      smaller = true;
    }
    Plan plain = plan;
    plain.seed = 0;
    plain.downtime_seconds = 0;
    if ((plan.seed != 0 || plan.downtime_seconds != 0) && fails(plain)) {
      plan = std::move(plain);
      smaller = true;
    }
  }
  return plan;
}

void PrintTrace(const Ending& ending, std::size_t tail) {
  const std::size_t from = ending.trace.size() > tail ? ending.trace.size() - tail : 0;
  if (from > 0) std::printf("    … %zu lines before\n", from);
  for (std::size_t i = from; i < ending.trace.size(); ++i) {
    std::printf("    %s\n", ending.trace[i].c_str());
  }
}

void PrintFailure(const Plan& found, const Ending& reference, bool quiet) {
  const Plan plan = Shrink(found, reference);
  const Ending ending = Judge(plan, reference, true);
  std::printf("FAILED life %s, %s\n", plan.life->name.c_str(),
              plan.accidents.empty() ? "no accident" : Describe(plan.accidents).c_str());
  if (found.seed != 0) std::printf("  seed: %llu\n", static_cast<unsigned long long>(found.seed));
  for (const std::string& b : ending.broken) std::printf("  broken: %s\n", b.c_str());
  if (!quiet) PrintTrace(ending, kTraceTail);
  std::printf("  again: salve-sim %s --trace\n", Arguments(plan).c_str());
  std::fflush(stdout);
}

// Lives plans on several threads until there are none left, the time is over, or enough have
// failed.
class Crew {
 public:
  Crew(const Options& options, const std::vector<Subject>& subjects)
      : options_(options), subjects_(subjects), begun_(std::chrono::steady_clock::now()) {}

  void Run(std::size_t count, const std::function<Plan(std::size_t)>& plan_of) {
    std::atomic<std::size_t> next{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < options_.jobs; ++i) {
      threads.emplace_back([&] {
        for (std::size_t n = next++; n < count && !Enough(); n = next++) Try(plan_of(n));
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  std::int64_t worlds() const { return worlds_; }
  int failures() const { return failures_; }
  void PrintKnown() const {
    for (const auto& [defect, times] : known_) {
      std::printf("known defect %s in %d worlds, e.g. salve-sim %s\n", defect->name, times,
                  defect->again);
    }
  }
  double Seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count();
  }

 private:
  bool Enough() const {
    return failures_ >= options_.failures || (options_.seconds > 0 && Seconds() > options_.seconds);
  }
  void Try(const Plan& plan) {
    const Ending& reference = SubjectOf(subjects_, plan).reference;
    const Ending ending = Judge(plan, reference);
    ++worlds_;
    if (ending.broken.empty()) return;
    MutexLock lock(mu_);
    if (const KnownDefect* known = ExplainedBy(plan, ending); known != nullptr) {
      ++known_[known];
      return;
    }
    if (failures_ >= options_.failures) return;
    ++failures_;
    PrintFailure(plan, reference, options_.quiet);
  }

  const Options& options_;
  const std::vector<Subject>& subjects_;
  const std::chrono::steady_clock::time_point begun_;
  std::atomic<std::int64_t> worlds_{0};
  std::atomic<int> failures_{0};
  Mutex mu_;  // one failure is printed at a time
  std::map<const KnownDefect*, int> known_;
};

bool ShowOne(const Plan& plan, const Ending& reference, bool trace) {
  const Ending ending = Judge(plan, reference, trace);
  std::printf("world: %s\n", Arguments(plan).c_str());
  if (trace) {
    PrintTrace(ending, ending.trace.size());
    std::printf("%s", ending.story.c_str());
  }
  for (const std::string& end : ending.incidents) std::printf("incident: %s\n", end.c_str());
  for (const std::string& line : ending.state) std::printf("end: %s\n", line.c_str());
  for (const std::string& b : ending.broken) std::printf("broken: %s\n", b.c_str());
  std::printf("accidents that struck: %d, crashes: %d, writes: %d\n", ending.struck, ending.crashes,
              ending.points.at(Where::kWrite));
  std::printf("fingerprint: %016llx\n", static_cast<unsigned long long>(ending.fingerprint));
  return ending.broken.empty();
}

bool List() {
  for (const Life& life : AllLives()) std::printf("%s\n", life.name.c_str());
  return true;
}

bool ExploreAll(const Options& options, const std::vector<Subject>& subjects) {
  int wrong = CheckReferences(subjects);
  if (wrong > 0) return false;
  std::vector<Plan> plans;
  if (!options.only_seeds) {
    for (const Subject& s : subjects) {
      AddSingles(s, &plans);
      if (s.life->is_short) AddPairsOfCrashes(s, &plans);
    }
    plans = Ordered(std::move(plans));
  }
  Crew crew(options, subjects);
  crew.Run(plans.size(), [&](std::size_t n) { return plans[n]; });
  const std::int64_t exhaustive = crew.worlds();
  const std::uint64_t first = options.seed == 0 ? 1 : options.seed;
  crew.Run(static_cast<std::size_t>(options.worlds),
           [&](std::size_t n) { return PlanOf(first + n, subjects); });
  const double seconds = std::max(crew.Seconds(), 0.001);
  const auto worlds =
      static_cast<double>(crew.worlds() + static_cast<std::int64_t>(subjects.size()));
  std::printf("exhaustive: %lld of %zu, by seed: %lld of %lld, lives: %zu\n",
              static_cast<long long>(exhaustive), plans.size(),
              static_cast<long long>(crew.worlds() - exhaustive),
              static_cast<long long>(options.worlds), subjects.size());
  crew.PrintKnown();
  std::printf("worlds: %.0f (%.0f/s", worlds, worlds / seconds);
  if (options.jobs > 1) std::printf(" with %d threads", options.jobs);
  std::printf("), failures: %d\n", crew.failures());
  return crew.failures() == 0;
}

}  // namespace

bool Explore(const Options& options) {
  if (options.list) return List();
  if (!options.life.empty() && FindLife(options.life) == nullptr) {
    std::fprintf(stderr, "salve-sim: no life \"%s\"; --list shows them\n", options.life.c_str());
    return false;
  }
  const std::vector<Subject> subjects = Subjects(options.life);
  const bool one_plan = !options.plan.empty() || options.order != 0 || options.trace;
  if (options.one_seed && options.worlds == 0) {
    const Plan plan = PlanOf(options.seed, subjects);
    return ShowOne(plan, SubjectOf(subjects, plan).reference, options.trace);
  }
  if (!options.life.empty() && one_plan) {
    Plan plan{subjects.front().life, {}, options.order, options.downtime_seconds};
    if (!ParseAccidents(options.plan, &plan.accidents)) {
      std::fprintf(stderr, "salve-sim: --plan \"%s\" means nothing\n", options.plan.c_str());
      return false;
    }
    return ShowOne(plan, subjects.front().reference, options.trace);
  }
  return ExploreAll(options, subjects);
}

}  // namespace salve::simulation
