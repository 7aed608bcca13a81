// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_CLI_INPUT_H_
#define SALVE_CONTROLLER_CLI_INPUT_H_

#include <string>
#include <vector>

#include "pkg/apis/yaml/yaml.h"
#include "pkg/base/status.h"

namespace salve::cli {

// One object of an input and where it stands, for messages: "policies/redis.yaml:14".
struct InputObject {
  nlohmann::json value;
  std::string where;
};

// Everything in `path`: a file, "-" (stdin), or a directory (its .yaml, .yml and .json files in
// order, not below it). Lists are taken apart. What cannot be read or parsed is added to `errors`;
// the rest is returned.
std::vector<InputObject> ReadObjects(const std::string& path, std::vector<Status>& errors);

}  // namespace salve::cli

#endif  // SALVE_CONTROLLER_CLI_INPUT_H_
