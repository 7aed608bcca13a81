// SPDX-License-Identifier: Apache-2.0
#include "controller/cli/command.h"

#include <utility>

#include "controller/cli/session.h"
#include <CLI/CLI.hpp>

namespace salve::cli {

Command::Command(CLI::App& parent, const std::string& name, const std::string& description,
                 const std::string& example)
    : app_(parent.add_subcommand(name, description)) {
  app_->footer("Example:\n  " + example);
}

Command Command::Sub(const std::string& name, const std::string& description,
                     const std::string& example) {
  return Command(*app_, name, description, example);
}

Command& Command::NeedsSub() {
  app_->require_subcommand(1);
  return *this;
}

Command& Command::Option(const std::string& names, std::string& value, const std::string& help) {
  last_ = app_->add_option(names, value, help);
  if (!value.empty()) last_->capture_default_str();
  return *this;
}

Command& Command::Option(const std::string& names, std::int64_t& value, const std::string& help) {
  last_ = app_->add_option(names, value, help)->capture_default_str();
  return *this;
}

Command& Command::Options(const std::string& names, std::vector<std::string>& values,
                          const std::string& help) {
  last_ = app_->add_option(names, values, help);
  // A flag's second value must not swallow the positional words after it.
  if (names.front() == '-')
    last_->type_size(1)->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  return *this;
}

Command& Command::Flag(const std::string& names, bool& value, const std::string& help) {
  last_ = app_->add_flag(names, value, help);
  return *this;
}

Command& Command::Required() {
  last_->required();
  return *this;
}

Command& Command::OneOf(const std::vector<std::string>& words) {
  last_->check(CLI::IsMember(words));
  return *this;
}

Command& Command::IsDuration() {
  last_->check([](const std::string& text) {
    const auto parsed = ParseDuration(text);
    return parsed.ok() ? std::string() : parsed.status().message();
  });
  return *this;
}

Command& Command::Run(int& exit_code, std::function<int()> run) {
  app_->callback([&exit_code, run = std::move(run)] { exit_code = run(); });
  return *this;
}

}  // namespace salve::cli
