// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "test/simulation/life.h"

#include "pkg/healing/machine.h"

namespace salve::simulation {
namespace {

using reconcilers::testing::kNs;
using std::chrono::seconds;
using testing::Flush;
using testing::MakePolicy;
using testing::MakeStep;
using testing::MoreMemory;

constexpr char kFirst[] = "redis-1";
constexpr seconds kThought{2};
constexpr seconds kGlimpse{1};

// Two tries of a step, so that one that was refused does not end the life.
v1::HealingPolicy Policy(const std::string& name = "redis", const std::string& container = kFirst) {
  v1::HealingPolicy policy = MakePolicy(name, container);
  policy.spec.ladder[0].max_attempts = 2;
  policy.spec.guardrails.max_actions = {6, 600};
  return policy;
}

v1::HealingPolicy Asking() {
  v1::HealingPolicy policy = Policy();
  policy.spec.mode = v1::kModeApprove;
  policy.spec.approval.expires_after_seconds = 900;
  return policy;
}

// A step before the one that helps.
v1::HealingPolicy WithFirstStep(v1::HealingPolicy policy, const std::string& name,
                                v1::Action action, const std::string& then) {
  v1::HealingPolicySpec& spec = policy.spec;
  spec.ladder.insert(spec.ladder.begin(), MakeStep(name, std::move(action)));
  spec.ladder[0].on_verification_failed = then;
  spec.diagnosis.rules[0].step = name;
  return policy;
}

std::function<void(World&)> OneContainer(const v1::HealingPolicy& policy) {
  return [policy](World& world) {
    world.AddContainer(kFirst);
    world.Create(policy);
  };
}

void FirstFallsIll(World& world) { world.SetFigure(kFirst, 10); }

// Decides once about each proposal that asks for it.
std::function<std::function<void(World&)>()> Decider(const std::string& decision,
                                                     const std::string& who = "alice",
                                                     Duration thought = kThought) {
  return [decision, who, thought] {
    return [decision, who, thought, seen = std::set<std::string>()](World& world) mutable {
      for (const World::Glance& glance : world.Glances()) {
        if (glance.phase != healing::kPhaseAwaitingApproval) continue;
        const v1::Incident incident = *world.Find<v1::Incident>({kNs, glance.name});
        const auto& proposal = incident.status.proposal;
        if (!proposal || !seen.insert(proposal->digest).second) continue;
        // Nobody decides in no time.
        world.After(thought, who + " decides",
                    [&world, incident, decision, who] { world.Decide(incident, decision, who); });
      }
    };
  };
}

// Does something once, when an incident first reaches the phase.
std::function<std::function<void(World&)>()> OnceIn(
    const std::string& phase, const std::function<void(World&, const v1::Incident&)>& act) {
  return [phase, act] {
    return [phase, act, done = false](World& world) mutable {
      if (done) return;
      for (const World::Glance& glance : world.Glances()) {
        if (glance.phase != phase) continue;
        done = true;
        const v1::Incident incident = *world.Find<v1::Incident>({kNs, glance.name});
        return world.After(kGlimpse, "somebody acts",
                           [&world, incident, act] { act(world, incident); });
      }
    };
  };
}

std::function<std::function<void(World&)>()> Both(
    const std::function<std::function<void(World&)>()>& a,
    const std::function<std::function<void(World&)>()>& b) {
  return [a, b] {
    return [first = a(), second = b()](World& world) {
      first(world);
      second(world);
    };
  };
}

// The container falls ill again half a minute after each of its first `times` incidents is over.
std::function<std::function<void(World&)>()> Relapses(std::ptrdiff_t times) {
  return [times] {
    return [times, done = std::ptrdiff_t{0}](World& world) mutable {
      const std::vector<World::Glance>& all = world.Glances();
      const auto over = std::count_if(all.begin(), all.end(), [](auto& i) { return i.resolved; });
      if (over <= done || done >= times) return;
      ++done;
      world.After(seconds(30), "falls ill again", [&world] { world.SetFigure(kFirst, 10); });
    };
  };
}

// Five containers behind one policy.
std::function<void(World&)> Fleet(v1::HealingPolicy policy) {
  policy.spec.target.docker->container.clear();
  policy.spec.target.docker->labels = {{"app", "redis"}};
  policy.spec.guardrails.cooldown_seconds = 0;
  return [policy](World& world) {
    for (int i = 1; i <= 5; ++i) {
      backends::fake::FakeContainer container;
      container.id = "redis-" + std::to_string(i);
      container.labels = {{"app", "redis"}};
      world.docker.Add(container.id, container);
    }
    world.Create(policy);
  };
}

Life Automatic() {
  return {
      "auto", OneContainer(Policy()), FirstFallsIll, nullptr, {"redis/redis-1 AutoHealed"}, {}, 1,
      true};
}

Life SecondStep() {
  return {"second-step",
          OneContainer(WithFirstStep(Policy(), "memory", MoreMemory(), "Next")),
          FirstFallsIll,
          nullptr,
          {"redis/redis-1 AutoHealed"}};
}

Life Undo() {
  Life life{"undo",
            OneContainer(WithFirstStep(Policy(), "memory", MoreMemory(), "RollbackThenNext")),
            FirstFallsIll,
            nullptr,
            {"redis/redis-1 AutoHealed"}};
  life.check = [](World& world) {
    if (world.struck() > 0) return;
    if (world.docker.Get(kFirst).memory_bytes != 64 << 20) world.Complain("it was not undone");
  };
  return life;
}

// An action that leaves no trace: after a doubt it may not be repeated.
Life AtMostOnce() {
  v1::HealingPolicy policy = WithFirstStep(Policy(), "flush", Flush(), "Next");
  policy.spec.guardrails.max_auto_risk = v1::kRiskHigh;
  return {
      "at-most-once", OneContainer(policy), FirstFallsIll, nullptr, {"redis/redis-1 AutoHealed"}};
}

Life Approval() {
  return {"approval",
          OneContainer(Asking()),
          FirstFallsIll,
          Decider("Approve"),
          {"redis/redis-1 HealedAfterApproval"},
          {},
          1,
          true};
}

// The controller itself and the same person twice are no quorum; the second person comes later.
Life Quorum() {
  v1::HealingPolicy policy = Asking();
  policy.spec.approval.min_approvals = 2;
  const auto alice = Decider("Approve", "alice");
  const auto both = Both(Decider("Approve", testing::kController), Both(alice, alice));
  return {"quorum",
          OneContainer(policy),
          FirstFallsIll,
          Both(both, Decider("Approve", "bob", seconds(40))),
          {"redis/redis-1 HealedAfterApproval"}};
}

Life Rejection() {
  Life life{"rejection",
            OneContainer(Asking()),
            FirstFallsIll,
            Decider("Reject"),
            {"redis/redis-1 Rejected"}};
  // The hour that the proposal had is over before anybody has decided.
  life.excuses = {
      {{Accident::What::kClockForward, Accident::What::kPause}, {"redis/redis-1 Escalated"}}};
  life.leaves_ill = true;
  return life;
}

Life Expiry() {
  v1::HealingPolicy policy = Asking();
  policy.spec.approval.expires_after_seconds = 120;
  policy.spec.approval.on_expiry = "Close";
  Life life{"expiry", OneContainer(policy), FirstFallsIll, nullptr, {"redis/redis-1 Expired"}};
  life.leaves_ill = true;
  return life;
}

// Most of a fleet falls ill together: nothing is done until enough are well again by themselves.
Life Storm() {
  Life life{"storm", Fleet(Policy()), nullptr, nullptr, {}};
  life.fall_ill = [](World& world) {
    for (const char* name : {"redis-1", "redis-2", "redis-3", "redis-4"}) world.SetFigure(name, 10);
  };
  life.people = [] {
    return [done = false](World& world) mutable {
      if (done || world.Glances().size() < 4) return;
      done = true;
      world.After(seconds(150), "three get well", [&world] {
        for (const char* name : {"redis-2", "redis-3", "redis-4"}) world.SetFigure(name, 100);
      });
    };
  };
  life.ends = {"redis/redis-1 AutoHealed", "redis/redis-2 SelfResolved",
               "redis/redis-3 SelfResolved", "redis/redis-4 SelfResolved"};
  return life;
}

// Two of five: one after the other.
Life Two() {
  Life life{"two",
            Fleet(Policy()),
            nullptr,
            nullptr,
            {"redis/redis-1 AutoHealed", "redis/redis-2 AutoHealed"}};
  life.fall_ill = [](World& world) {
    world.SetFigure("redis-1", 10);
    world.SetFigure("redis-2", 10);
  };
  return life;
}

Life Dependency() {
  Life life{"dependency",
            nullptr,
            nullptr,
            nullptr,
            {"db/db-1 SelfResolved", "redis/redis-1 AutoHealed"}};
  life.arrange = [](World& world) {
    world.AddContainer("db-1");
    world.AddContainer(kFirst);
    v1::HealingPolicy db = Policy("db", "db-1");
    db.spec.mode = v1::kModeObserve;
    world.Create(db);
    v1::HealingPolicy policy = Policy();
    policy.spec.depends_on = {{"db"}};
    world.Create(policy);
  };
  life.fall_ill = [](World& world) { world.SetFigure("db-1", 10); };
  life.people = [] {
    return [done = 0](World& world) mutable {
      const std::size_t open = world.Glances().size();
      if (done == 0 && open == 1) {
        done = 1;
        world.After(seconds(40), "redis follows", [&world] { world.SetFigure(kFirst, 10); });
      } else if (done == 1 && open == 2) {
        done = 2;
        world.After(seconds(90), "the database is well",
                    [&world] { world.SetFigure("db-1", 100); });
      }
    };
  };
  return life;
}

// Denied from 12:00 to 12:03.
Life Window() {
  v1::HealingPolicy policy = Policy();
  v1::Window window;
  window.name = "noon";
  window.kind = "Deny";
  window.cron = "0 12 * * *";
  window.duration_seconds = 180;
  policy.spec.guardrails.windows = {window};
  return {"window", OneContainer(policy), FirstFallsIll, nullptr, {"redis/redis-1 AutoHealed"}};
}

// Somebody edits the policy while a proposal waits: what was approved before counts no more.
Life PolicyEdited() {
  Life life{"policy-edited",
            OneContainer(Asking()),
            FirstFallsIll,
            nullptr,
            {"redis/redis-1 HealedAfterApproval"}};
  const auto edit = OnceIn(healing::kPhaseAwaitingApproval, [](World& world, const v1::Incident&) {
    world.Edit<v1::HealingPolicy>(
        {kNs, "redis"}, [](v1::HealingPolicy& p) { p.spec.ladder[0].timeout_seconds = 30; });
  });
  life.people = Both(Decider("Approve"), edit);
  // A controller that dies before it has written down that the target is well takes it for ill at
  // first when it is back, and the new policy has no incident for that yet.
  life.excuses = {{{Accident::What::kCrashBefore, Accident::What::kCrashAfter,
                    Accident::What::kRestartStale, Accident::What::kRestartOld},
                   {"redis/redis-1 HealedAfterApproval", "redis/redis-1 SelfResolved"}}};
  return life;
}

// The container is replaced while the proposal waits, right after it was approved.
Life Drift() {
  Life life{"drift",
            OneContainer(Asking()),
            FirstFallsIll,
            nullptr,
            {"redis/redis-1 HealedAfterApproval"}};
  const auto drift = OnceIn(healing::kPhaseAwaitingApproval, [](World& world, const v1::Incident&) {
    world.docker.Change(kFirst, [](auto& c) { c.configuration = R"({"image":"redis:8"})"; });
  });
  life.people = Both(Decider("Approve"), drift);
  return life;
}

Life PolicyDeleted() {
  Life life{"policy-deleted",
            OneContainer(Asking()),
            FirstFallsIll,
            nullptr,
            {"redis/redis-1 Cancelled"}};
  life.people = OnceIn(healing::kPhaseAwaitingApproval, [](World& world, const v1::Incident&) {
    (void)world.server.Delete(v1::HealingPolicy::kInfo, {kNs, "redis"});
  });
  life.leaves_ill = true;
  return life;
}

Life PolicyDeletedWhileVerifying() {
  Life life{"policy-deleted-late",
            OneContainer(Policy()),
            FirstFallsIll,
            nullptr,
            {"redis/redis-1 Cancelled"}};
  // Where the deletion was not seen before the verification ended.
  life.excuses = {
      {{Accident::What::kRestartStale, Accident::What::kRestartOld, Accident::What::kReconnectStale,
        Accident::What::kFreeze, Accident::What::kCutWatches, Accident::What::kGone},
       {"redis/redis-1 AutoHealed"}}};
  life.people = OnceIn(healing::kPhaseVerifying, [](World& world, const v1::Incident&) {
    (void)world.server.Delete(v1::HealingPolicy::kInfo, {kNs, "redis"});
  });
  life.leaves_ill = true;
  return life;
}

Life Cancelled() {
  Life life{
      "cancelled", OneContainer(Asking()), FirstFallsIll, nullptr, {"redis/redis-1 Cancelled"}};
  life.people =
      OnceIn(healing::kPhaseAwaitingApproval, [](World& world, const v1::Incident& incident) {
        world.Edit<v1::Incident>({kNs, incident.metadata.name},
                                 [](v1::Incident& i) { i.spec.cancel = true; });
      });
  life.leaves_ill = true;
  return life;
}

// Two policies that do not know of each other, on one container.
Life TwoPolicies() {
  const v1::HealingPolicy policy =
      WithFirstStep(Policy(), "memory", MoreMemory(), "RollbackThenNext");
  Life life{"two-policies", nullptr, FirstFallsIll, nullptr, {}};
  life.any_healer = true;
  life.arrange = [policy](World& world) {
    world.AddContainer(kFirst);
    world.Create(policy);
    v1::HealingPolicy second = policy;
    second.metadata.name = "redis-too";
    world.Create(second);
  };
  return life;
}

Life TwoControllers() {
  Life life = Automatic();
  life.name = "two-controllers";
  life.controllers = 2;
  life.is_short = false;
  return life;
}

Life TwoControllersUndo() {
  Life life = Undo();
  life.name = "two-controllers-undo";
  life.controllers = 2;
  return life;
}

Life TwoControllersTwoPolicies() {
  Life life = TwoPolicies();
  life.name = "two-by-two";
  life.controllers = 2;
  return life;
}

Life TwoControllersTwo() {
  Life life = Two();
  life.name = "two-controllers-two";
  life.controllers = 2;
  return life;
}

// Ill again soon after it was healed: the same problem, so the ladder goes on where it was.
Life SameProblem() {
  v1::HealingPolicy policy = Policy();
  policy.spec.ladder[0].max_attempts = 1;
  policy.spec.guardrails.cooldown_seconds = 0;
  return {"same-problem",
          OneContainer(policy),
          FirstFallsIll,
          Relapses(1),
          {"redis/redis-1 AutoHealed", "redis/redis-1 Escalated"}};
}

// Ill again and again: the budget of two is spent, the third illness waits for it.
Life Budget() {
  v1::HealingPolicy policy = Policy();
  policy.spec.guardrails.cooldown_seconds = 0;
  policy.spec.guardrails.retry.min_healthy_seconds = 0;
  policy.spec.guardrails.breaker = {100, 100, 60};
  policy.spec.guardrails.max_actions = {2, 600};
  Life life{"budget",
            OneContainer(policy),
            FirstFallsIll,
            Relapses(2),
            {"redis/redis-1 AutoHealed", "redis/redis-1 AutoHealed", "redis/redis-1 AutoHealed"}};
  return life;
}

Life Cooldown() {
  v1::HealingPolicy policy = Policy();
  policy.spec.guardrails.retry.min_healthy_seconds = 0;
  policy.spec.guardrails.cooldown_seconds = 200;
  return {"cooldown",
          OneContainer(policy),
          FirstFallsIll,
          Relapses(1),
          {"redis/redis-1 AutoHealed", "redis/redis-1 AutoHealed"}};
}

// Nothing helps: a person is called and heals it.
Life Escalated() {
  Life life{"escalated", nullptr, FirstFallsIll, nullptr, {"redis/redis-1 Escalated"}};
  life.arrange = [](World& world) {
    world.figure_after["restart"] = 10;
    OneContainer(Policy())(world);
  };
  return life;
}

// Better for a moment only: verification must not be taken in.
Life Relapse() {
  Life life{"relapse", nullptr, FirstFallsIll, nullptr, {"redis/redis-1 AutoHealed"}};
  life.arrange = [](World& world) {
    v1::HealingPolicy policy = Policy();
    policy.spec.verification.min_healthy_seconds = 4;
    policy.spec.verification.consecutive_successes = 1;
    OneContainer(policy)(world);
  };
  life.people = OnceIn(healing::kPhaseVerifying, [](World& world, const v1::Incident&) {
    world.After(seconds(3), "ill again", [&world] { world.SetFigure(kFirst, 10); });
  });
  return life;
}

// One bad measurement is no illness; the real one comes later.
Life Blip() {
  Life life{"blip", OneContainer(Policy()), nullptr, nullptr, {"redis/redis-1 AutoHealed"}};
  life.fall_ill = [](World& world) {
    world.SetFigure(kFirst, 10);
    world.After(seconds(8), "it was a blip", [&world] {
      world.SetFigure(kFirst, 100);
      if (!world.Glances().empty()) world.Complain("an incident for one bad measurement");
    });
    world.After(seconds(60), "falls ill", [&world] { world.SetFigure(kFirst, 10); });
  };
  return life;
}

Life Guardrail() {
  Life life{"guardrail", nullptr, nullptr, nullptr, {}};
  life.arrange = [](World& world) {
    v1::HealingGuardrail guardrail;
    guardrail.metadata.name = "all";
    guardrail.spec.max_actions = v1::ActionBudget{1, 400};
    world.Create(guardrail);
    for (const char* name : {"a", "b"}) {
      world.AddContainer(name);
      world.Create(Policy(name, name));
    }
  };
  life.fall_ill = [](World& world) {
    world.SetFigure("a", 10);
    world.SetFigure("b", 10);
  };
  return life;
}

// Somebody deletes the incident while its attempt is verified: the budget remembers it.
Life IncidentDeleted() {
  Life life{"incident-deleted", OneContainer(Policy()), FirstFallsIll, nullptr, {}};
  life.people = OnceIn(healing::kPhaseVerifying, [](World& world, const v1::Incident& incident) {
    (void)world.server.Delete(v1::Incident::kInfo, {kNs, incident.metadata.name});
  });
  life.incidents_vanish = true;
  return life;
}

}  // namespace

const std::vector<Life>& AllLives() {
  static const auto* lives = new std::vector<Life>{Automatic(),
                                                   SecondStep(),
                                                   Undo(),
                                                   AtMostOnce(),
                                                   Approval(),
                                                   Quorum(),
                                                   Rejection(),
                                                   Expiry(),
                                                   Storm(),
                                                   Two(),
                                                   Dependency(),
                                                   Window(),
                                                   PolicyEdited(),
                                                   Drift(),
                                                   PolicyDeleted(),
                                                   PolicyDeletedWhileVerifying(),
                                                   Cancelled(),
                                                   TwoPolicies(),
                                                   TwoControllers(),
                                                   TwoControllersUndo(),
                                                   TwoControllersTwoPolicies(),
                                                   TwoControllersTwo(),
                                                   Budget(),
                                                   Cooldown(),
                                                   SameProblem(),
                                                   Escalated(),
                                                   Relapse(),
                                                   Blip(),
                                                   Guardrail(),
                                                   IncidentDeleted()};
  return *lives;
}

const Life* FindLife(const std::string& name) {
  for (const Life& life : AllLives()) {
    if (life.name == name) return &life;
  }
  return nullptr;
}

}  // namespace salve::simulation
