// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_CLI_NEXT_H_
#define SALVE_CONTROLLER_CLI_NEXT_H_

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/apis/salve/v1alpha1/incident.h"
#include "pkg/base/clock.h"

// What a person can do about an incident or a policy that does not act: the last lines of `salve
// why`. Pure functions of what is stored.
namespace salve::cli {

namespace v1 = ::salve::apis::salve::v1alpha1;

// One thing that stands in the way and what takes it away.
struct NextStep {
  std::string gate;     // the gate that blocks, or what else waits: "Approval", "Escalated"
  std::string reason;   // its word for programs
  std::string text;     // what to do, in words; who may do it where not everybody can
  std::string command;  // to be typed as it stands; "" where no command helps
  std::string until;    // RFC 3339: when it opens by itself; "" = never
};

// Who may be asked and where: commands name the namespace where it is not `default_ns`.
struct NextContext {
  std::string default_ns = "default";
  WallTime now{};
};

// In the order of the gates. Empty: nothing stands in the way. `policy` may be null (deleted, or
// not in the file that is read); then some commands are less exact.
std::vector<NextStep> NextSteps(const v1::Incident& incident, const v1::HealingPolicy* policy,
                                const NextContext& context);
// Of a policy without an open incident: why it would not act if its target fell ill now.
std::vector<NextStep> NextSteps(const v1::HealingPolicy& policy, const NextContext& context);

// A word of a command as a shell reads it: quoted only where it must be.
std::string ShellWord(const std::string& text);

// As lines for a terminal (escaped), and as JSON.
std::vector<std::string> NextLines(const std::vector<NextStep>& steps, WallTime now);
nlohmann::json NextJson(const std::vector<NextStep>& steps);

}  // namespace salve::cli

#endif  // SALVE_CONTROLLER_CLI_NEXT_H_
