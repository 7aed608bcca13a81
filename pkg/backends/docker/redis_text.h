// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_DOCKER_REDIS_TEXT_H_
#define SALVE_PKG_BACKENDS_DOCKER_REDIS_TEXT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/base/status.h"

// What Redis says and takes, as text. Pure functions.
namespace salve::backends::docker {

// OK for the settings that an action may change (the closed list in apis), with a value that Redis
// takes.
Status CheckRedisSetting(const std::string& parameter, const std::string& value);

// "50mb" → 52428800; nullopt if it is no size.
std::optional<std::int64_t> RedisBytes(std::string_view text);

// Whether two spellings of a setting's value mean the same ("50mb" and "52428800").
bool SameRedisValue(const std::string& parameter, std::string_view a, std::string_view b);

// The value in redis-cli's answer to CONFIG GET. kUnavailable with what Redis said if that is an
// error.
StatusOr<std::string> ParseConfigValue(const std::string& parameter, std::string_view answer);

bool LooksLikeClientList(std::string_view answer);
// Ids of the clients that have been idle for at least so long, the longest first; never replicas,
// masters, monitors, blocked or subscribed clients.
std::vector<std::string> IdleClients(std::string_view client_list, std::int64_t idle_seconds);

}  // namespace salve::backends::docker

#endif  // SALVE_PKG_BACKENDS_DOCKER_REDIS_TEXT_H_
