// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HEALING_PACKS_H_
#define SALVE_PKG_HEALING_PACKS_H_

#include <string>
#include <vector>

#include "pkg/healing/rules.h"

// The built-in packs, one function each, and what their cases are made with. Internal to the room;
// others use BuiltinPacks() of rules.h.
namespace salve::healing {

Pack CommonPack();  // what holds for every kind of target
Pack DockerPack();
Pack EcsPack();
Pack KubernetesPack();
Pack PostgresPack();
Pack RedisPack();

// Builds the evidence of a rule's case: a running container named "t" that nothing else is known
// of.
class CaseBuilder {
 public:
  CaseBuilder(std::string name, bool matches);

  CaseBuilder& System(const std::string& system);
  // Instead of the container: a Deployment on Kubernetes.
  CaseBuilder& Workload();
  // Instead of the container: a service on ECS.
  CaseBuilder& EcsService();
  // The target does not run, with these conditions.
  CaseBuilder& Down(std::vector<std::string> conditions, std::int64_t exit_code);
  CaseBuilder& Conditions(std::vector<std::string> conditions);
  CaseBuilder& Says(const std::string& observation_message);
  // An unhealthy probe with this error line ("" = none).
  CaseBuilder& ProbeFails(const std::string& error_line);
  CaseBuilder& ProbeUnknown(const std::string& error_line);
  CaseBuilder& Metric(const std::string& name, double value);
  CaseBuilder& Log(const std::string& line);
  CaseBuilder& FilesChanged();
  CaseBuilder& DependencyDown(const std::string& policy);
  RuleCase Build() const { return case_; }

 private:
  RuleCase case_;
};
// "a sentence" that must match / must not.
CaseBuilder Hit(std::string sentence);
CaseBuilder Miss(std::string sentence);

// Files that a target of SYSTEM reads have changed: it is made to read them, by `action` where the
// policy has no ladder. `hit` and `miss` are targets of that system that nothing is known of.
PackRule ConfigurationChanged(const std::string& system, Action action, CaseBuilder hit,
                              CaseBuilder miss);

}  // namespace salve::healing

#endif  // SALVE_PKG_HEALING_PACKS_H_
