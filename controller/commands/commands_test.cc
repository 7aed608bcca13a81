// SPDX-License-Identifier: Apache-2.0
#include "controller/commands/commands.h"

#include <algorithm>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "controller/cli/completion.h"
#include "controller/commands/exit_codes.h"
#include <CLI/CLI.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

// The whole command line as it is declared, against what --help and docs/cli.md say of it. Runs in
// the root of the sources.
namespace salve::commands {
namespace {

using ::testing::HasSubstr;

std::vector<const CLI::App*> Subcommands(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

struct Declared {
  Declared() { Declare(app, exit_code); }
  // "token", "token create", …
  std::map<std::string, const CLI::App*> All() const {
    std::map<std::string, const CLI::App*> all;
    Collect(app, "", all);
    return all;
  }
  static void Collect(const CLI::App& at, const std::string& path,
                      std::map<std::string, const CLI::App*>& all) {
    for (const CLI::App* sub : Subcommands(at)) {
      const std::string here = path.empty() ? sub->get_name() : path + " " + sub->get_name();
      all[here] = sub;
      Collect(*sub, here, all);
    }
  }
  CLI::App app{"", "salve"};
  int exit_code = 0;
};

std::vector<std::string> Split(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

// What Run returns and prints for "salve <words>".
struct Ran {
  int exit_code;
  std::string out;
  std::string err;
};
Ran RunWords(const std::string& line) {
  std::vector<std::string> words = Split("salve " + line);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  Ran ran{Run(static_cast<int>(words.size()), argv.data()), "", ""};
  ran.out = ::testing::internal::GetCapturedStdout();
  ran.err = ::testing::internal::GetCapturedStderr();
  return ran;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Options that an example uses and the command does not have, and commands that do not exist. What
// follows a pipe, a redirection or a comment is no word of ours.
std::string WrongWords(const std::string& example) {
  const Declared declared;
  const CLI::App* at = &declared.app;
  std::vector<std::string> words = Split(example);
  std::string wrong;
  bool quoted = false;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (!quoted && (word == "|" || word == ">" || word == "<" || word == "#")) break;
    const bool was_quoted = quoted;
    if ((std::count(word.begin(), word.end(), '"') + std::count(word.begin(), word.end(), '\'')) %
            2 ==
        1) {
      quoted = !quoted;
    }
    if (was_quoted) continue;
    if (word.rfind('-', 0) == 0 && word.size() > 1) {
      const std::string name = word.substr(0, word.find('='));
      if (at->get_option_no_throw(name) == nullptr) wrong += " " + name;
      continue;
    }
    const auto subs = Subcommands(*at);
    const auto sub = std::find_if(subs.begin(), subs.end(),
                                  [&](const CLI::App* one) { return one->get_name() == word; });
    if (sub != subs.end()) {
      at = *sub;
    } else if (!subs.empty()) {
      wrong += " " + word;
    }
  }
  return wrong;
}

TEST(EveryCommand, HasAHelpThatSaysWhatItIsForAndShowsACall) {
  const Declared declared;
  for (const auto& [path, command] : declared.All()) {
    SCOPED_TRACE(path);
    const Ran help = RunWords(path + " --help");
    EXPECT_EQ(help.exit_code, kExitOk);
    EXPECT_EQ(help.err, "");
    EXPECT_GE(command->get_description().size(), 10u);
    EXPECT_THAT(help.out, HasSubstr(command->get_description()));
    EXPECT_THAT(help.out, ::testing::ContainsRegex("Example:\n  .*salve " + path));
    for (const CLI::Option* option : command->get_options()) {
      EXPECT_NE(option->get_description(), "") << option->get_name();
    }
  }
}

TEST(EveryCommand, ShowsExamplesThatItUnderstands) {
  const Declared declared;
  for (const auto& [path, command] : declared.All()) {
    std::istringstream lines(command->get_footer());
    std::string line;
    while (std::getline(lines, line)) {
      const std::size_t at = line.find("salve ");
      if (line.rfind("  ", 0) != 0 || at == std::string::npos) continue;
      EXPECT_EQ(WrongWords(line.substr(at)), "") << path << ": " << line;
    }
  }
}

TEST(EveryCommand, RefusesAnUnknownOptionAndSaysWhereToReadMore) {
  const Declared declared;
  for (const auto& [path, command] : declared.All()) {
    SCOPED_TRACE(path);
    const Ran ran = RunWords(path + " --no-such-option");
    EXPECT_EQ(ran.exit_code, kExitUsage);
    EXPECT_EQ(ran.out, "");
    EXPECT_THAT(ran.err, HasSubstr("See: salve " + path + " --help"));
  }
}

TEST(EveryCommand, ThatPrintsResultsPrintsThemAsJsonToo) {
  const Declared declared;
  // These speak to a shell, write a file that -o names, or run until they are stopped.
  const std::set<std::string> others = {"completion", "backup",     "restore", "token",
                                        "standalone", "controller", "notify",  "audit"};
  for (const auto& [path, command] : declared.All()) {
    if (others.count(path) != 0) continue;
    EXPECT_NE(command->get_option_no_throw("--output"), nullptr) << path;
  }
}

TEST(Docs, TheTableOfCommandsIsComplete) {
  const std::string text = ReadFile("docs/cli.md");
  ASSERT_NE(text, "") << "run this in the root of the sources";
  const std::string table = text.substr(0, text.find("\n## "));
  const Declared declared;
  std::set<std::string> documented;
  const std::regex word("`([a-z]+)`");
  std::istringstream lines(table);
  std::string line;
  while (std::getline(lines, line)) {
    if (line.rfind("| `", 0) != 0) continue;
    const std::string cell = line.substr(0, line.find(" |", 2));
    for (std::sregex_iterator it(cell.begin(), cell.end(), word), end; it != end; ++it) {
      documented.insert((*it)[1]);
    }
  }
  std::set<std::string> there;
  for (const CLI::App* sub : Subcommands(declared.app)) there.insert(sub->get_name());
  EXPECT_EQ(documented, there);
}

TEST(Docs, EveryCallInThemIsUnderstood) {
  const std::regex code("`(?:kubectl )?(salve [a-z][^`]*)`");
  for (const char* file : {"docs/cli.md", "docs/architecture.md", "docs/configuration.md"}) {
    const std::string text = ReadFile(file);
    for (std::sregex_iterator it(text.begin(), text.end(), code), end; it != end; ++it) {
      EXPECT_EQ(WrongWords((*it)[1]), "") << file << ": " << (*it)[1];
    }
  }
}

TEST(Docs, TheExitCodesAreThoseOfTheProgram) {
  const std::string text = ReadFile("docs/cli.md");
  for (const int code : {kExitOk, kExitFailure, kExitUsage, kExitNotFound, kExitDenied,
                         kExitConflict, kExitUnreachable, kExitTimeout}) {
    EXPECT_THAT(text, HasSubstr("\n| " + std::to_string(code) + " | "));
  }
}

TEST(UsageErrors, SayWhatWasProbablyMeant) {
  EXPECT_THAT(RunWords("get incidents --field-selektor x=y").err,
              HasSubstr("did you mean --field-selector?"));
  EXPECT_THAT(RunWords("aprove x").err, HasSubstr("did you mean approve?"));
  EXPECT_THAT(RunWords("time").err, HasSubstr("did you mean timeline?"));
  const Ran nothing = RunWords("");
  EXPECT_EQ(nothing.exit_code, kExitUsage);
  EXPECT_THAT(nothing.err, HasSubstr("See: salve --help"));
}

TEST(UsageErrors, ADurationThatIsNoneIsOne) {
  const Ran ran = RunWords("wait incident/x --for=delete --timeout=soon");
  EXPECT_EQ(ran.exit_code, kExitUsage);
  EXPECT_THAT(ran.err, HasSubstr("is not a duration such as 30s"));
}

TEST(Completion, KnowsEveryCommandAndOptionInEveryShell) {
  const Declared declared;
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const std::string script = cli::CompletionScript(declared.app, shell);
    for (const auto& [path, command] : declared.All()) {
      EXPECT_THAT(script, HasSubstr(command->get_name())) << shell;
    }
    EXPECT_THAT(script, HasSubstr("field-selector")) << shell;
    EXPECT_THAT(script, HasSubstr("ttl")) << shell << ": an option of token create";
  }
}

}  // namespace
}  // namespace salve::commands
