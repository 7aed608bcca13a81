// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_COMMANDS_POLICY_FILES_H_
#define SALVE_CONTROLLER_COMMANDS_POLICY_FILES_H_

#include <map>
#include <string>
#include <vector>

#include "pkg/apis/salve/v1alpha1/guardrail.h"
#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/base/status.h"

namespace salve::commands {

// What a directory of policies holds, for commands that read it without a server.
struct PolicyFiles {
  std::vector<apis::salve::v1alpha1::HealingPolicy> policies;  // valid; each has a namespace
  std::vector<apis::salve::v1alpha1::HealingGuardrail> guardrails;
  // Of the namespaces that a policy is in, with the name that every namespace is labelled with.
  std::map<std::string, std::map<std::string, std::string>> namespace_labels;
  std::vector<std::string> unused;  // "x.yaml:1: ConfigMap": of other groups
};

// A file, a directory, or "-" (standard input). The first error, with file:line, as apply would say
// it; kInvalidArgument also where there is no policy, or one twice.
StatusOr<PolicyFiles> ReadPolicyFiles(const std::string& path);

}  // namespace salve::commands

#endif  // SALVE_CONTROLLER_COMMANDS_POLICY_FILES_H_
