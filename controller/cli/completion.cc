// SPDX-License-Identifier: Apache-2.0
#include "controller/cli/completion.h"

#include <vector>

#include <CLI/CLI.hpp>

namespace salve::cli {
namespace {

std::vector<const CLI::App*> Subcommands(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

// "create list revoke --help -n --namespace": what may stand after a word.
std::string WordsAfter(const CLI::App& app) {
  std::string words;
  for (const CLI::App* sub : Subcommands(app)) words += sub->get_name() + " ";
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) words += "--" + name + " ";
    for (const std::string& name : option->get_snames()) words += "-" + name + " ";
  }
  if (!words.empty()) words.pop_back();
  return words;
}

std::string BashCases(const CLI::App& root) {
  std::string out;
  for (const CLI::App* sub : Subcommands(root)) {
    out += "    " + sub->get_name() + ") words='" + WordsAfter(*sub) + "' ;;\n";
  }
  return out;
}

std::string Bash(const CLI::App& root) {
  return "_salve() {\n  local words\n  case \"${COMP_WORDS[1]}\" in\n" + BashCases(root) +
         "  esac\n  [ \"$COMP_CWORD\" -gt 1 ] || words='" + WordsAfter(root) +
         "'\n  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\")\n"
         "  [ ${#COMPREPLY[@]} -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- "
         "\"${COMP_WORDS[COMP_CWORD]}\")\n"
         "}\ncomplete -F _salve salve\n";
}

std::string Zsh(const CLI::App& root) {
  return "#compdef salve\n_salve() {\n  local words_of\n  case \"${words[2]}\" in\n" +
         [&] {
           std::string cases;
           for (const CLI::App* sub : Subcommands(root)) {
             cases += "    " + sub->get_name() + ") words_of='" + WordsAfter(*sub) + "' ;;\n";
           }
           return cases;
         }() +
         "  esac\n  (( CURRENT > 2 )) || words_of='" + WordsAfter(root) +
         "'\n  compadd -- ${=words_of}\n  _files\n}\ncompdef _salve salve\n";
}

std::string Fish(const CLI::App& root) {
  std::string out;
  for (const CLI::App* sub : Subcommands(root)) {
    out += "complete -c salve -n __fish_use_subcommand -a " + sub->get_name() + "\n";
    const std::string words = WordsAfter(*sub);
    out += "complete -c salve -n '__fish_seen_subcommand_from " + sub->get_name() + "' -a '" +
           words + "'\n";
  }
  return out;
}

}  // namespace

std::string CompletionScript(const CLI::App& root, const std::string& shell) {
  if (shell == "bash") return Bash(root);
  if (shell == "zsh") return Zsh(root);
  return shell == "fish" ? Fish(root) : "";
}

}  // namespace salve::cli
