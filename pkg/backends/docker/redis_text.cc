// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/docker/redis_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "pkg/apis/salve/v1alpha1/redis_parameters.h"
#include "pkg/backends/text.h"

namespace salve::backends::docker {
namespace {

std::optional<std::int64_t> Number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

std::string_view Field(std::string_view line, std::string_view name) {
  for (std::size_t at = 0; at < line.size();) {
    std::size_t end = line.find(' ', at);
    if (end == std::string_view::npos) end = line.size();
    const std::string_view word = line.substr(at, end - at);
    if (word.size() > name.size() && word[name.size()] == '=' &&
        word.substr(0, name.size()) == name) {
      return word.substr(name.size() + 1);
    }
    at = end + 1;
  }
  return {};
}

}  // namespace

Status CheckRedisSetting(const std::string& parameter, const std::string& value) {
  const std::string wrong = apis::salve::v1alpha1::CheckRedisParameter(parameter, value);
  if (wrong.empty()) return Status::Ok();
  return InvalidArgumentError("redisSetConfig: " + Printable(parameter, 64) + " \"" +
                              Printable(value, 64) + "\" " + wrong);
}

std::optional<std::int64_t> RedisBytes(std::string_view text) {
  std::size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') ++digits;
  std::string unit(text.substr(digits));
  std::transform(unit.begin(), unit.end(), unit.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  constexpr std::array<std::pair<std::string_view, std::int64_t>, 8> kUnits = {{
      {"", 1},
      {"b", 1},
      {"k", 1000},
      {"kb", 1024},
      {"m", 1000000},
      {"mb", 1 << 20},
      {"g", 1000000000},
      {"gb", 1 << 30},
  }};
  const auto number = Number(text.substr(0, digits));
  for (const auto& [name, factor] : kUnits) {
    if (number && unit == name && *number <= (std::int64_t{1} << 53) / factor) {
      return *number * factor;
    }
  }
  return std::nullopt;
}

bool SameRedisValue(const std::string& parameter, std::string_view a, std::string_view b) {
  return parameter == "maxmemory" ? RedisBytes(a) == RedisBytes(b) : a == b;
}

StatusOr<std::string> ParseConfigValue(const std::string& parameter, std::string_view answer) {
  const std::size_t end = answer.find('\n');
  if (end == std::string_view::npos || Trim(answer.substr(0, end)) != parameter) {
    return UnavailableError("redis-cli: " + (Trim(answer).empty()
                                                 ? "CONFIG GET " + parameter + ": no answer"
                                                 : Printable(Trim(answer), 300)));
  }
  return std::string(Trim(answer.substr(end + 1)));
}

bool LooksLikeClientList(std::string_view answer) { return Trim(answer).substr(0, 3) == "id="; }

std::vector<std::string> IdleClients(std::string_view client_list, std::int64_t idle_seconds) {
  std::vector<std::pair<std::int64_t, std::string>> found;
  for (const std::string_view line : Lines(client_list)) {
    const auto id = Number(Field(line, "id"));
    const auto idle = Number(Field(line, "idle"));
    const std::string_view flags = Field(line, "flags");
    const std::string_view command = Field(line, "cmd");
    // The connection that asked for the list is in it, by either spelling (Redis 7 and before).
    const bool ours = command == "client|list" || (command == "client" && idle == 0);
    // N: nothing special; e, t: notes about eviction and tracking.
    if (!id || !idle || ours || *idle < idle_seconds ||
        flags.find_first_not_of("Net") != std::string_view::npos) {
      continue;
    }
    found.emplace_back(*idle, std::to_string(*id));
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<std::string> ids;
  for (auto& [idle, id] : found) ids.push_back(std::move(id));
  return ids;
}

}  // namespace salve::backends::docker
