// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_CLI_USAGE_H_
#define SALVE_CONTROLLER_CLI_USAGE_H_

#include <string>
#include <vector>

namespace CLI {
class App;
class Error;
}  // namespace CLI

namespace salve::cli {

// What is said of a command line that cannot be understood: which word, what may have been meant,
// where to read more. Ends with a line break. Control characters are gone.
std::string UsageMessage(const CLI::App& root, const CLI::Error& error);

// The word of `words` that was probably meant: at most two letters away, or beginning with `typed`;
// "" if none is.
std::string ClosestWord(const std::string& typed, const std::vector<std::string>& words);

}  // namespace salve::cli

#endif  // SALVE_CONTROLLER_CLI_USAGE_H_
