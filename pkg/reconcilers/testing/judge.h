// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_RECONCILERS_TESTING_JUDGE_H_
#define SALVE_PKG_RECONCILERS_TESTING_JUDGE_H_

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "pkg/reconcilers/testing/world.h"

namespace salve::reconcilers::testing {

// The oracles of a World: what must be true whatever goes wrong, judged by the server's, the
// backend's and the clock's true state, never by what a controller believes. Breaches go to
// World::Complain. Time is the monotonic clock, which no accident can set.
class Judge {
 public:
  explicit Judge(World& world) : world_(world) {}

  // An Execute that is about to reach the backend, and one that has.
  void BeforeExecution(const ControllerSettings& settings, const backends::ActionRequest& request);
  void AfterExecution(const backends::ActionRequest& request);
  // A write of a controller has returned, whatever it returned.
  void AfterWrite(const client::testing::Call& call);
  // A person has decided; what he saw is what he decided on.
  void Decided(const v1::IncidentApproval& approval, const v1::Incident& incident);
  // Somebody changed a policy's specification.
  void PolicyEdited(const std::string& policy) { edited_[policy] = world_.clock.Monotonic(); }
  // What can only be judged at the end.
  void AtEnd();

  struct Execution {
    std::string id;
    bool undo = false;
    std::string policy;
    std::string target;
    std::string incident_uid;
    MonoTime at;
  };
  const std::vector<Execution>& executions() const { return executions_; }

 private:
  // What a person's decision was about.
  struct Subject {
    std::string approver;
    std::string decision;
    std::string incident_uid;
    std::string policy_uid;
    std::int64_t generation = 0;
    std::string identity;
    std::string configuration;
    std::string digest;
  };
  struct SeenIncident {
    std::string uid;
    std::vector<std::pair<std::string, std::string>> attempts;  // id, phase
    std::string outcome;
    std::int64_t sequence = 0;
    MonoTime first;
  };
  struct SeenRecord {
    std::string result;
    MonoTime at;
  };
  struct SeenPolicy {
    std::string uid;
    std::map<std::string, SeenRecord> records;
  };
  // Everything about one Execute that the checks look at.
  struct Case {
    const backends::ActionRequest& request;
    const ControllerSettings& settings;
    std::string id;
    bool undo = false;
    const v1::Incident* incident = nullptr;
    const v1::Attempt* attempt = nullptr;
    std::optional<v1::HealingPolicy> policy;
    bool edited_since = false;  // the policy, since the attempt was reserved
    std::vector<v1::Incident> all;
  };

  void Complain(const Case& c, const std::string& what);
  void JudgeProtocol(const Case& c);
  void JudgeOthers(const Case& c);
  void JudgeLease(const Case& c);
  void JudgeBudgets(const Case& c);
  void JudgeGates(const Case& c);
  void JudgeSchedule(const Case& c);
  void JudgeMemory(const v1::HealingPolicy& policy);
  void JudgeStorm(const Case& c);
  void JudgeDependencies(const Case& c);
  void JudgeApproval(const Case& c);
  void JudgeDigest(const Case& c);
  void JudgeIncident(const v1::Incident& incident, SeenIncident& seen);
  void JudgeClaims(const v1::Incident& incident);
  void NoteProposal(const v1::Incident& incident);
  void JudgeDeletion(const client::testing::Call& call);
  void JudgeClosing(const v1::Incident& incident, Duration age);
  void JudgePolicy(const v1::HealingPolicy& policy, SeenPolicy& seen);
  std::string TargetOf(const v1::HealingPolicy& policy) const;

  World& world_;
  std::int64_t judged_version_ = -1;
  std::vector<Execution> executions_;
  std::map<std::string, Subject> decisions_;  // by the approval's name
  std::map<std::string, Subject> proposals_;  // by digest
  std::map<std::string, SeenIncident> incidents_;
  std::map<std::string, SeenPolicy> policies_;
  std::map<std::string, MonoTime> edited_;  // by policy
  // What a schedule has written down before it stopped a container, by policy and target.
  std::map<std::pair<std::string, std::string>, std::int64_t> counts_;
};

}  // namespace salve::reconcilers::testing

#endif  // SALVE_PKG_RECONCILERS_TESTING_JUDGE_H_
