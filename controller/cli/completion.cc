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

// One branch of a shell's `case` for every command, "token" and "token create" alike; `path` is the
// words before.
std::string Cases(const CLI::App& app, const std::string& path, const std::string& variable) {
  std::string out;
  for (const CLI::App* sub : Subcommands(app)) {
    const std::string here = path.empty() ? sub->get_name() : path + " " + sub->get_name();
    out += "    '" + here + "') " + variable + "='" + WordsAfter(*sub) + "' ;;\n";
    out += Cases(*sub, here, variable);
  }
  return out;
}

// The words before the cursor up to the first option are the command; where that is no command
// ("get incidents"), the one before it is.
constexpr char kBash[] = R"sh(# bash completion for salve
_salve_words() {
  case "$1" in
@CASES@    '') words='@ROOT@' ;;
    *) return 1 ;;
  esac
}
_salve() {
  local words='' path='' word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    [[ $word != -* ]] || break
    _salve_words "${path:+$path }$word" || break
    path=${path:+$path }$word
  done
  _salve_words "$path"
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}")
  [ ${#COMPREPLY[@]} -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
}
complete -o filenames -F _salve salve
)sh";

constexpr char kZsh[] = R"sh(#compdef salve
_salve_words() {
  case "$1" in
@CASES@    '') words_of='@ROOT@' ;;
    *) return 1 ;;
  esac
}
_salve() {
  local words_of='' at='' word
  for word in "${(@)words[2,CURRENT-1]}"; do
    [[ $word != -* ]] || break
    _salve_words "${at:+$at }$word" || break
    at=${at:+$at }$word
  done
  _salve_words "$at"
  compadd -- ${=words_of}
  _files
}
if [ "${funcstack[1]}" = _salve ]; then _salve "$@"; else compdef _salve salve; fi
)sh";

std::string Fill(std::string text, const std::string& place, const std::string& value) {
  const std::size_t at = text.find(place);
  return at == std::string::npos ? text : text.replace(at, place.size(), value);
}

// Text within single quotes of fish.
std::string FishQuoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

void FishOptions(const CLI::App& app, const std::string& condition, std::string& out) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_lnames().empty() && option->get_snames().empty()) continue;
    out += "complete -c salve -n " + condition;
    for (const std::string& name : option->get_lnames()) out += " -l " + name;
    for (const std::string& name : option->get_snames()) out += " -s " + name;
    // A flag takes no word after it.
    if (option->get_expected_max() > 0) out += " -r";
    out += " -d " + FishQuoted(option->get_description()) + "\n";
  }
}

void FishCommands(const CLI::App& app, const std::string& seen, std::string& out) {
  const std::string none = seen.empty() ? "__fish_use_subcommand" : FishQuoted(seen);
  for (const CLI::App* sub : Subcommands(app)) {
    out += "complete -c salve -n " + none + " -a " + sub->get_name() + " -d " +
           FishQuoted(sub->get_description()) + "\n";
    const std::string here = "__fish_seen_subcommand_from " + sub->get_name();
    const std::string condition = seen.empty() ? here : seen + "; and " + here;
    FishOptions(*sub, FishQuoted(condition), out);
    FishCommands(*sub, condition, out);
  }
}

std::string Fish(const CLI::App& root) {
  std::string out = "# fish completion for salve\n";
  FishOptions(root, "__fish_use_subcommand", out);
  FishCommands(root, "", out);
  return out;
}

}  // namespace

std::string CompletionScript(const CLI::App& root, const std::string& shell) {
  if (shell == "bash") {
    return Fill(Fill(kBash, "@CASES@", Cases(root, "", "words")), "@ROOT@", WordsAfter(root));
  }
  if (shell == "zsh") {
    return Fill(Fill(kZsh, "@CASES@", Cases(root, "", "words_of")), "@ROOT@", WordsAfter(root));
  }
  return shell == "fish" ? Fish(root) : "";
}

}  // namespace salve::cli
