// SPDX-License-Identifier: Apache-2.0
#include "pkg/aws/config_file.h"

#include <optional>
#include <utility>

#include "pkg/aws/text.h"

namespace salve::aws {
namespace {

constexpr std::size_t kMaxFileBytes = 1u << 20;

std::string_view TakeLine(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return line;
}

// "profile   a" → "profile a"; nullopt without the closing bracket.
std::optional<std::string> SectionName(std::string_view line) {
  const std::size_t close = line.find(']');
  if (close == std::string_view::npos) return std::nullopt;
  const std::string_view inside = Trim(line.substr(1, close - 1));
  const std::size_t space = inside.find_first_of(" \t");
  if (space == std::string_view::npos) return std::string(inside);
  return std::string(inside.substr(0, space)) + " " + std::string(Trim(inside.substr(space)));
}

// " ; …" and " # …" end a value.
std::string_view WithoutComment(std::string_view value) {
  for (std::size_t i = 1; i < value.size(); ++i) {
    const bool mark = value[i] == '#' || value[i] == ';';
    if (mark && (value[i - 1] == ' ' || value[i - 1] == '\t')) return value.substr(0, i);
  }
  return value;
}

// "~/x" below the home directory.
std::string ExpandHome(const std::string& path, const Environment& env) {
  if (!path.starts_with("~/")) return path;
  return EnvValue(env, "HOME").value_or("") + path.substr(1);
}

StatusOr<Sections> Load(const std::string& path, const Platform& platform) {
  // How one says to AWS's own tools that there is none.
  if (path == "/dev/null") return Sections();
  const StatusOr<std::string> text = platform.files->Read(path, kMaxFileBytes);
  if (text.ok()) return ParseConfigFile(path, *text);
  return text.code() == Code::kNotFound ? StatusOr<Sections>(Sections()) : text.status();
}

void Merge(const Section& from, Section& into) {
  for (const auto& [name, value] : from) into[name] = value;
}

}  // namespace

StatusOr<Sections> ParseConfigFile(const std::string& path, std::string_view text) {
  Sections out;
  Section* section = nullptr;
  int number = 0;
  const auto bad = [&](const char* why) {
    // Not "credentials:3": what follows that word and a colon is hidden in logs.
    return InvalidArgumentError("line " + std::to_string(number) + " of " + path + " is " + why);
  };
  while (!text.empty()) {
    const std::string_view line = TakeLine(text);
    ++number;
    const std::string_view words = Trim(line);
    if (words.empty() || words[0] == '#' || words[0] == ';') continue;
    if (words[0] == '[') {
      const auto name = SectionName(words);
      if (!name) return bad("a section without \"]\"");
      section = &out[*name];
      continue;
    }
    if (line[0] == ' ' || line[0] == '\t') continue;  // Nested, or a value that goes on.
    const std::size_t equals = words.find('=');
    if (equals == std::string_view::npos) return bad("neither a section nor \"name = value\"");
    if (section == nullptr) return bad("a setting before the first section");
    (*section)[Lower(Trim(words.substr(0, equals)))] =
        Trim(WithoutComment(words.substr(equals + 1)));
  }
  return out;
}

StatusOr<SharedConfig> LoadSharedConfig(const Platform& platform) {
  const auto path_of = [&](const char* variable, const char* usual) {
    return ExpandHome(EnvValue(platform.env, variable).value_or(usual), platform.env);
  };
  const std::string config_path = path_of("AWS_CONFIG_FILE", "~/.aws/config");
  const std::string keys_path = path_of("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials");
  SALVE_ASSIGN_OR_RETURN(const Sections config, Load(config_path, platform));
  SALVE_ASSIGN_OR_RETURN(const Sections keys, Load(keys_path, platform));
  SharedConfig out;
  out.where = config_path + " and " + keys_path;
  for (const auto& [name, section] : config) {
    if (name == "default") {
      // "[profile default]" wins over "[default]".
      Section merged = section;
      Merge(out.profiles[name], merged);
      out.profiles[name] = merged;
    } else if (name.starts_with("profile ")) {
      Merge(section, out.profiles[name.substr(8)]);
    } else if (name.starts_with("sso-session ")) {
      out.sso_sessions[name.substr(12)] = section;
    }
  }
  for (const auto& [name, section] : keys) Merge(section, out.profiles[name]);
  return out;
}

std::string DefaultProfile(const Environment& env) {
  if (auto profile = EnvValue(env, "AWS_PROFILE")) return *std::move(profile);
  return EnvValue(env, "AWS_DEFAULT_PROFILE").value_or("default");
}

std::string Setting(const Section& section, const std::string& name) {
  const auto at = section.find(name);
  return at == section.end() ? std::string() : at->second;
}

}  // namespace salve::aws
