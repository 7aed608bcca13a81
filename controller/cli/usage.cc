// SPDX-License-Identifier: Apache-2.0
#include "controller/cli/usage.h"

#include <algorithm>
#include <numeric>

#include <CLI/CLI.hpp>

#include "pkg/healing/explain.h"

namespace salve::cli {
namespace {

// The innermost command that was recognised.
const CLI::App& Deepest(const CLI::App& root) {
  const CLI::App* at = &root;
  for (auto subs = at->get_subcommands(); !subs.empty(); subs = at->get_subcommands()) {
    at = subs.front();
  }
  return *at;
}

std::string PathOf(const CLI::App& app) {
  if (app.get_parent() == nullptr) return app.get_name();
  return PathOf(*app.get_parent()) + " " + app.get_name();
}

std::vector<std::string> Options(const CLI::App& app) {
  std::vector<std::string> words;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) words.push_back("--" + name);
  }
  return words;
}

std::vector<std::string> Commands(const CLI::App& app) {
  std::vector<std::string> words;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    words.push_back(sub->get_name());
  }
  return words;
}

// How many letters must be changed, added or taken away (Levenshtein).
std::size_t Distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string ClosestWord(const std::string& typed, const std::vector<std::string>& words) {
  constexpr std::size_t kFar = 3;
  constexpr std::size_t kLongWord = 64;  // nobody mistypes that; it would only cost time
  std::string best;
  std::size_t nearest = kFar;
  if (typed.size() < 2 || typed.size() > kLongWord) return "";
  for (const std::string& word : words) {
    const bool begins = word.size() > typed.size() && word.compare(0, typed.size(), typed) == 0;
    const std::size_t distance = begins ? 1 : Distance(typed, word);
    if (distance < nearest && distance < typed.size()) {
      nearest = distance;
      best = word;
    }
  }
  return best;
}

std::string UsageMessage(const CLI::App& root, const CLI::Error& error) {
  const CLI::App& command = Deepest(root);
  const std::string path = PathOf(command);
  std::string problem = error.what();
  std::string meant;
  const std::vector<std::string> extras = root.remaining(true);
  // Of CLI11's errors the name may be that of the command; the code tells them apart.
  const auto is = [&error](CLI::ExitCodes code) {
    return error.get_exit_code() == static_cast<int>(code);
  };
  if (!extras.empty() && (is(CLI::ExitCodes::ExtrasError) || &command == &root)) {
    const std::string typed = extras.front().substr(0, extras.front().find('='));
    const bool option = typed.rfind('-', 0) == 0;
    problem = (option              ? "there is no option "
               : &command == &root ? "there is no command "
                                   : "one word too many: ") +
              typed;
    meant = ClosestWord(typed, option ? Options(command) : Commands(command));
  } else if (is(CLI::ExitCodes::RequiredError) && !Commands(command).empty()) {
    problem = "a command is missing";
  }
  if (!meant.empty()) problem += "; did you mean " + meant + "?";
  return healing::EscapeTerminal(path + ": " + problem) + "\nSee: " + path + " --help\n";
}

}  // namespace salve::cli
