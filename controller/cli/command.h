// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_CLI_COMMAND_H_
#define SALVE_CONTROLLER_CLI_COMMAND_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace salve::cli {

// Declares one word of the command line. A thin cover over CLI11, so that the commands need neither
// know nor compile it. The variables that options are bound to must live until the command line has
// been parsed and run: commands keep them in a shared_ptr that their Run function holds.
class Command {
 public:
  // Every command says what it is for and shows one call of it.
  Command(CLI::App& parent, const std::string& name, const std::string& description,
          const std::string& example);
  // A word below this one ("token create").
  Command Sub(const std::string& name, const std::string& description, const std::string& example);
  // This word alone means nothing: one of its Sub words must follow.
  Command& NeedsSub();

  // `names` is "-o,--output", or a bare name for a positional argument.
  Command& Option(const std::string& names, std::string& value, const std::string& help);
  Command& Option(const std::string& names, std::int64_t& value, const std::string& help);
  // May be given several times; as a positional argument it takes all the words.
  Command& Options(const std::string& names, std::vector<std::string>& values,
                   const std::string& help);
  Command& Flag(const std::string& names, bool& value, const std::string& help);
  // About the option declared last.
  Command& Required();
  Command& OneOf(const std::vector<std::string>& words);
  // "30s", "1h30m" (ParseDuration); anything else is an error of the command line.
  Command& IsDuration();

  // What the command does; its result becomes `exit_code`.
  Command& Run(int& exit_code, std::function<int()> run);

 private:
  explicit Command(CLI::App* app) : app_(app) {}
  CLI::App* app_;
  CLI::Option* last_ = nullptr;
};

}  // namespace salve::cli

#endif  // SALVE_CONTROLLER_CLI_COMMAND_H_
