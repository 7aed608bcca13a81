// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/rules.h"

#include <cmath>
#include <cstdio>
#include <memory>

#include "controller/cli/output.h"
#include "controller/cli/results.h"
#include "controller/cli/session.h"
#include "controller/commands/commands.h"
#include "controller/commands/exit_codes.h"

namespace salve::commands {
namespace {

struct RulesOptions {
  std::string rule;
  std::string output;
  bool test = false;
};

std::string Answer(const healing::PackRule& rule) {
  if (!rule.verdict.empty()) return rule.verdict;
  std::string out;
  for (const auto& group : rule.actions) {
    for (const std::string& action : group) out += (out.empty() ? "" : ", ") + action;
  }
  return out.empty() ? "act" : out;
}

std::string Percent(double confidence) {
  return std::to_string(std::lround(confidence * 100)) + "%";
}

cli::Json ToJson(const healing::Pack& pack, const healing::PackRule& rule) {
  return {{"name", rule.name},
          {"pack", pack.name},
          {"packVersion", pack.version},
          {"cause", rule.cause},
          {"confidence", rule.confidence},
          {"verdict", rule.verdict},
          {"actions", rule.actions},
          {"sentence", rule.sentence}};
}

// Every rule brings cases that it must (or must not) match; they can be run anywhere.
int Test() {
  int cases = 0;
  int failed = 0;
  for (const healing::Pack& pack : healing::BuiltinPacks()) {
    for (const healing::PackRule& rule : pack.rules) {
      for (const healing::RuleCase& one : rule.cases) {
        ++cases;
        if (healing::Matches(rule.when, one.evidence) == one.matches) continue;
        ++failed;
        std::fprintf(stderr, "%s: %s\n", rule.name.c_str(), one.name.c_str());
      }
    }
  }
  cli::Print(std::to_string(cases) + " cases, " + std::to_string(failed) + " failed\n");
  return failed == 0 ? kExitOk : kExitFailure;
}

int Rules(const RulesOptions& options) {
  if (options.test) return Test();
  auto results = cli::Results::Make(options.output);
  if (!results.ok()) return cli::FailUsage("rules", results.status());
  std::vector<std::vector<std::string>> rows = {
      {"RULE", "CAUSE", "CONFIDENCE", "ANSWER", "MEANING"}};
  bool found = false;
  for (const healing::Pack& pack : healing::BuiltinPacks()) {
    for (const healing::PackRule& rule : pack.rules) {
      if (!options.rule.empty() && rule.name != options.rule && pack.name != options.rule) continue;
      rows.push_back(
          {rule.name, rule.cause, Percent(rule.confidence), Answer(rule), rule.sentence});
      found = true;
      if (!results->text()) results->Add("", rule.name, ToJson(pack, rule));
    }
  }
  if (!found) {
    return cli::Fail("rules",
                     NotFoundError("no rule and no pack is called \"" + options.rule + "\""));
  }
  if (results->text()) cli::Print(cli::FormatColumns(rows));
  return results->Finish(kExitOk, true);
}

}  // namespace

void AddRules(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<RulesOptions>();
  cli::Command command(app, "rules", "Show the built-in rules of diagnosis",
                       "salve rules redis\n  salve rules --test");
  command.Option("rule", options->rule, "Only this rule or pack");
  cli::DeclareOutput(command, options->output);
  command.Flag("--test", options->test, "Run every rule's own cases");
  command.Run(exit_code, [options] { return Rules(*options); });
}

}  // namespace salve::commands
