// SPDX-License-Identifier: Apache-2.0
#include "test/simulation/run.h"

#include <algorithm>
#include <set>

#include "pkg/healing/machine.h"

namespace salve::simulation {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using What = Accident::What;

constexpr minutes kPatience{100};  // for the end; the longest that any wait of a life can take
constexpr minutes kRest{12};
constexpr int kWritesPerAccident = 20;
constexpr seconds kPersonTakes{60};

bool Has(const Plan& plan, std::initializer_list<What> whats) {
  return std::any_of(plan.accidents.begin(), plan.accidents.end(), [&](const Accident& a) {
    return std::find(whats.begin(), whats.end(), a.what) != whats.end();
  });
}

// A controller that was away or stood still cannot know what it would have measured meanwhile; one
// whose target others handle may find that its own steps are no longer possible.
bool MayNeedHelp(const Plan& plan) {
  return plan.downtime_seconds > 0 ||
         Has(plan, {What::kPause, What::kClockForward, What::kRecreate, What::kHandRestart,
                    What::kDrift, What::kBackendAway, What::kDropLease});
}

// A step (or an undo) that the backend refused, or that never arrived, is used up.
bool LosesSteps(const Plan& plan) {
  return std::any_of(plan.accidents.begin(), plan.accidents.end(), [](const Accident& a) {
    return a.where == Accident::Where::kExecute &&
           (a.what == What::kUnavailable || a.what == What::kForbidden ||
            a.what == What::kLoseRequest);
  });
}

std::vector<v1::Incident> ByAge(World& world) {
  std::vector<v1::Incident> all = world.All<v1::Incident>();
  std::sort(all.begin(), all.end(), [](const v1::Incident& a, const v1::Incident& b) {
    return std::tie(a.spec.policy_ref.name, a.spec.target.name, a.metadata.name) <
           std::tie(b.spec.policy_ref.name, b.spec.target.name, b.metadata.name);
  });
  return all;
}

std::vector<std::string> EndsOf(World& world) {
  std::vector<std::string> ends;
  for (const v1::Incident& incident : ByAge(world)) {
    const v1::IncidentStatus& s = incident.status;
    ends.push_back(incident.spec.policy_ref.name + "/" + incident.spec.target.name + " " +
                   (s.outcome.empty() ? s.phase : s.outcome));
  }
  return ends;
}

std::vector<std::string> StateOf(World& world, const Plan& plan) {
  std::vector<std::string> lines;
  for (const auto& [name, figure] : world.figure) {
    const backends::fake::FakeContainer c = world.docker.Get(name);
    std::string line = "container " + name + (c.running ? " running" : " stopped") +
                       (c.paused ? " paused" : "") + " health " + std::to_string(figure);
    if (!MayNeedHelp(plan) && !LosesSteps(plan) && !plan.life->any_healer) {
      line += " memory " + std::to_string(c.memory_bytes) + " " + c.configuration;
    }
    lines.push_back(std::move(line));
  }
  for (const v1::HealingPolicy& policy : world.All<v1::HealingPolicy>()) {
    std::string line = "policy " + policy.metadata.name + " health " + policy.status.health;
    for (const auto& c : policy.status.conditions)
      line += " " + c.type + "=" + c.status + "/" + c.reason;
    line += " open " + std::to_string(policy.status.open_incident_count);
    lines.push_back(std::move(line));
  }
  return lines;
}

// Every incident is over, and everything that can be well is.
bool IsOver(World& world, const Life& life) {
  if (!world.Idle()) return false;
  const std::vector<World::Glance>& all = world.Glances();
  const bool closed = std::all_of(all.begin(), all.end(), [](const auto& i) { return i.resolved; });
  if (!closed || (all.empty() && !life.incidents_vanish)) return false;
  if (life.leaves_ill) return true;
  return std::none_of(world.figure.begin(), world.figure.end(),
                      [&](const auto& f) { return world.TrulyIll(f.first); });
}

// Those of the life, and somebody who heals what was handed over to a person.
std::function<void(World&)> PeopleOf(const Life& life) {
  const std::function<void(World&)> others = life.people ? life.people() : nullptr;
  return [others, called = std::set<std::string>()](World& world) mutable {
    if (others) others(world);
    for (const World::Glance& glance : world.Glances()) {
      if (glance.phase != healing::kPhaseEscalated || !called.insert(glance.name).second) continue;
      const std::string target =
          world.Find<v1::Incident>({testing::kNs, glance.name})->spec.target.name;
      world.After(kPersonTakes, "a person heals " + target,
                  [&world, target] { world.SetFigure(target, 100); });
    }
  };
}

void LiveThrough(World& world, const Life& life) {
  life.arrange(world);
  world.people = PeopleOf(life);
  world.Advance(seconds(45));
  world.IllnessBegins();
  life.fall_ill(world);
  // Asked only when something has changed.
  std::int64_t looked = -1;
  bool over = false;
  const auto done = [&] {
    const std::int64_t now = world.Changes();
    if (now != looked) over = IsOver(world, life);
    looked = now;
    return over;
  };
  if (!world.AdvanceUntil(done, kPatience)) world.Complain("no end after 100 minutes");
  // What is left to write down (the last action leaves the budget's window), then silence.
  world.Advance(kRest);
  if (!world.Idle()) {  // a controller is away
    (void)world.AdvanceUntil([&] { return world.Idle(); }, kPatience);
    world.Advance(kRest);
  }
  const std::int64_t before = world.server.writes();
  world.Advance(hours(1));
  if (world.server.writes() != before) {
    world.Complain(std::to_string(world.server.writes() - before) +
                   " writes in an hour in which nothing happened");
  }
  world.CheckRecords();
  if (life.check) life.check(world);
}

// Whether the controllers healed the target, it got well, or a person was called for it.
std::vector<std::string> WithoutCredit(std::vector<std::string> ends) {
  for (std::string& end : ends) {
    for (const char* outcome :
         {" AutoHealed", " HealedAfterApproval", " SelfResolved", " RolledBack", " Escalated"}) {
      const std::size_t at = end.find(outcome);
      if (at != std::string::npos) end = end.substr(0, at) + " healed";
    }
  }
  return ends;
}

// Who begins on a replica from before the illness sees the target turn ill once more.
bool SeesItAnew(const Plan& plan) {
  return plan.life->leaves_ill && Has(plan, {What::kRestartOld, What::kRestartStale});
}

bool SameEnds(const Plan& plan, const std::vector<std::string>& a,
              const std::vector<std::string>& b) {
  if (plan.life->incidents_vanish) return true;
  if (SeesItAnew(plan) && !a.empty() && a.front() == b.front()) return true;
  const bool loose = MayNeedHelp(plan) || LosesSteps(plan) || plan.life->any_healer;
  return a == b || (loose && WithoutCredit(a) == WithoutCredit(b));
}

bool Excused(const Plan& plan, const std::vector<std::string>& ends) {
  for (const Life::Excuse& excuse : plan.life->excuses) {
    if (!SameEnds(plan, excuse.ends, ends)) continue;
    if (excuse.after.empty()) return true;
    for (const What what : excuse.after) {
      if (Has(plan, {what})) return true;
    }
  }
  return false;
}

// The reference says everything; this end may leave out what is not comparable.
bool SameState(const std::vector<std::string>& lines, const std::vector<std::string>& reference) {
  return std::equal(lines.begin(), lines.end(), reference.begin(), reference.end(),
                    [](const std::string& line, const std::string& all) {
                      return all.compare(0, line.size(), line) == 0;
                    });
}

std::string Joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += (out.empty() ? "" : "; ") + line;
  return out.empty() ? "nothing" : out;
}

}  // namespace

std::string Arguments(const Plan& plan) {
  std::string out = "--life " + plan.life->name;
  if (!plan.accidents.empty()) out += " --plan " + Describe(plan.accidents);
  if (plan.seed != 0) out += " --order " + std::to_string(plan.seed);
  if (plan.downtime_seconds != 0) out += " --downtime " + std::to_string(plan.downtime_seconds);
  return out;
}

// An undisturbed life leaves nothing behind. (Of two controllers one may end what the other began;
// its lease then runs out by itself.)
void CheckLeftovers(World& world) {
  const client::ResourceInfo leases{"coordination.k8s.io", "v1", "leases", "Lease", true};
  const std::size_t left = world.server.Objects(leases).size();
  if (left > 0 && world.controllers() == 1)
    world.Complain(std::to_string(left) + " leases are left over");
  const int watches = world.server.open_watches();
  const int expected = 5 * static_cast<int>(world.controllers());
  if (watches != expected) world.Complain(std::to_string(watches) + " watches are open");
}

Ending Live(const Plan& plan, bool trace) {
  testing::WorldOptions options;
  options.controllers = plan.life->controllers;
  options.seed = plan.seed == 0 ? 7 : plan.seed;
  options.shuffle = plan.seed != 0;
  options.keep_events = false;
  options.trace = trace;
  World world(options);
  world.accidents = plan.accidents;
  world.downtime = seconds(plan.downtime_seconds);
  LiveThrough(world, *plan.life);
  if (plan.accidents.empty() && plan.seed == 0 && !plan.life->incidents_vanish) {
    CheckLeftovers(world);
  }
  Ending ending;
  ending.broken = world.broken();
  ending.state = StateOf(world, plan);
  ending.incidents = EndsOf(world);
  for (const auto where : {Accident::Where::kWrite, Accident::Where::kExecute,
                           Accident::Where::kRead, Accident::Where::kEvent}) {
    ending.points[where] = world.Points(where);
  }
  ending.struck = world.struck();
  ending.crashes = world.crashes();
  ending.fingerprint = world.fingerprint();
  ending.trace = world.trace();
  if (trace || !ending.broken.empty()) ending.story = world.Story();
  return ending;
}

Ending Judge(const Plan& plan, const Ending& reference, bool trace) {
  Ending ending = Live(plan, trace);
  const bool excused = Excused(plan, ending.incidents);
  if (!SameEnds(plan, ending.incidents, reference.incidents) && !excused) {
    ending.broken.push_back("the incidents ended as " + Joined(ending.incidents) +
                            "; undisturbed as " + Joined(reference.incidents));
  }
  if (!SameState(ending.state, reference.state) && !excused && !SeesItAnew(plan)) {
    ending.broken.push_back("the end is " + Joined(ending.state) + "; undisturbed " +
                            Joined(reference.state));
  }
  const int writes = ending.points[Accident::Where::kWrite];
  const int allowed =
      reference.points.at(Accident::Where::kWrite) +
      kWritesPerAccident * static_cast<int>(plan.accidents.size()) * plan.life->controllers;
  if (writes > allowed && !excused && plan.seed == 0) {
    ending.broken.push_back(std::to_string(writes) + " writes where " + std::to_string(allowed) +
                            " are enough");
  }
  return ending;
}

}  // namespace salve::simulation
