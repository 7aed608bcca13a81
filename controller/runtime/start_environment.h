// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_START_ENVIRONMENT_H_
#define SALVE_CONTROLLER_RUNTIME_START_ENVIRONMENT_H_

#include <map>
#include <string>

#include "pkg/aws/platform.h"
#include "pkg/base/status.h"

namespace salve::runtime {

// Variables that configure the process besides those that it was started with.
struct StartEnvironment {
  std::string source;  // for people: "Secrets Manager secret "salve/prod" in eu-west-1", "" = none
  std::map<std::string, std::string> variables;
};

// Where `platform` has AWS_SECRETS_NAME set to something: the members of the JSON object in that
// secret of Secrets Manager, by the surroundings' credentials and region. Else what `file` holds
// (see dotenv.h), if it is there. Waits for AWS for up to thirty seconds.
//
// Errors name the secret, the call and the missing right, or FILE:LINE, never a value.
// kInvalidArgument: a secret that is binary, no JSON object, or has members that are no variables.
StatusOr<StartEnvironment> ReadStartEnvironment(const aws::Platform& platform,
                                                const std::string& file);

// Takes it over for Variable() and says in one log line whence how many came. What the process was
// started with wins. Reads ".env" of the working directory. For the first thing that a command
// does; where it fails, the command must not run.
Status AdoptStartEnvironment();

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_START_ENVIRONMENT_H_
