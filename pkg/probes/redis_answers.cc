// SPDX-License-Identifier: Apache-2.0
#include "pkg/probes/redis_answers.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

#include <hiredis/hiredis.h>

#include "pkg/probes/measurement.h"

namespace salve::probes {
namespace {

using healing::Measurement;

constexpr int kQuestions = 5;
// Fuller than this, with writes refused since the start, is as good as full: the clients whose
// buffers took the last bytes have gone by the time of the measurement.
constexpr double kNearlyFull = 0.95;
constexpr int kMaxDepth = 4;

std::string Encode(const std::vector<std::string>& command) {
  std::string out = "*" + std::to_string(command.size()) + "\r\n";
  for (const std::string& word : command) {
    out += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  }
  return out;
}

std::string Flatten(const redisReply& reply, int depth) {
  switch (reply.type) {
    case REDIS_REPLY_INTEGER:
      return std::to_string(reply.integer);
    case REDIS_REPLY_NIL:
      return "";
    case REDIS_REPLY_ARRAY: {
      std::string out;
      for (std::size_t i = 0; i < reply.elements && depth < kMaxDepth; ++i) {
        if (i > 0) out += "\n";
        out += Flatten(*reply.element[i], depth + 1);
      }
      return out;
    }
    default:
      return std::string(reply.str, reply.len);
  }
}

using Fields = std::map<std::string, std::string>;

// "name:value" lines of INFO.
void ReadInfo(const std::string& text, Fields& fields) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    at = end + 1;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    const std::size_t colon = line.find(':');
    if (colon != std::string::npos) fields[line.substr(0, colon)] = line.substr(colon + 1);
  }
}

double Number(const Fields& fields, const std::string& name, double fallback = 0) {
  const auto it = fields.find(name);
  return it == fields.end() ? fallback : std::strtod(it->second.c_str(), nullptr);
}

bool StartsWith(const std::string& text, std::string_view word) {
  return text.compare(0, word.size(), word) == 0;
}

// Errors that tell about our rights, not about the service.
bool IsAboutUs(const std::string& error) {
  return StartsWith(error, "NOAUTH") || StartsWith(error, "WRONGPASS") ||
         StartsWith(error, "NOPERM") || error.find("invalid password") != std::string::npos ||
         error.find("without any password configured") != std::string::npos;
}

// Fills in what follows from the memory figures; the sentence about refused writes, if they are.
std::string Memory(const Fields& fields, Measurement& m, double& health, std::string& message) {
  const double used = Number(fields, "used_memory");
  const double limit = Number(fields, "maxmemory");
  m.metrics.push_back({"memory.used_bytes", used});
  m.metrics.push_back({"memory.max_bytes", limit});
  const double refused = [&] {
    const auto it = fields.find("errorstat_OOM");  // "count=12"
    return it == fields.end() ? 0
                              : std::strtod(it->second.c_str() + it->second.find('=') + 1, nullptr);
  }();
  m.metrics.push_back({"errors.oom", refused});
  if (limit <= 0) {
    message = "used " + Megabytes(used) + ", no limit";
    return "";
  }
  health = std::min(health, 100 - used / limit * 100);
  message = "used " + Megabytes(used) + " of " + Megabytes(limit);
  m.metrics.push_back({"memory.used_percent", used / limit * 100});
  const auto policy = fields.find("maxmemory_policy");
  if (policy == fields.end() || policy->second != "noeviction") return "";
  if (used >= limit || (used >= kNearlyFull * limit && refused > 0)) {
    std::string line = "computed: used_memory " + std::to_string(static_cast<std::int64_t>(used)) +
                       " of maxmemory " + std::to_string(static_cast<std::int64_t>(limit)) +
                       " with noeviction, so writes get \"OOM command not allowed when used memory "
                       "> 'maxmemory'\"";
    if (refused > 0) {
      line += "; the server counts " + std::to_string(static_cast<std::int64_t>(refused)) +
              " such errors (errorstat_OOM)";
    }
    return line;
  }
  return "";
}

void Clients(const Fields& fields, Measurement& m, double& health, std::string& message) {
  const double connected = Number(fields, "connected_clients");
  const double limit = Number(fields, "maxclients");
  m.metrics.push_back({"clients.connected", connected});
  m.metrics.push_back({"clients.blocked", Number(fields, "blocked_clients")});
  if (limit <= 0) return;
  m.metrics.push_back({"clients.max", limit});
  health = std::min(health, 100 - connected / limit * 100);
  message += "; " + std::to_string(static_cast<std::int64_t>(connected)) + " of " +
             std::to_string(static_cast<std::int64_t>(limit)) + " clients";
}

}  // namespace

RedisReader::RedisReader() : reader_(redisReaderCreate()) {}
RedisReader::~RedisReader() { redisReaderFree(reader_); }

Status RedisReader::Feed(std::string_view bytes, std::vector<RedisAnswer>& answers) {
  if (redisReaderFeed(reader_, bytes.data(), bytes.size()) != REDIS_OK) {
    return InvalidArgumentError(std::string("not Redis' protocol: ") + reader_->errstr);
  }
  for (;;) {
    void* raw = nullptr;
    if (redisReaderGetReply(reader_, &raw) != REDIS_OK) {
      return InvalidArgumentError(std::string("not Redis' protocol: ") + reader_->errstr);
    }
    if (raw == nullptr) return Status::Ok();
    auto* reply = static_cast<redisReply*>(raw);
    answers.push_back({reply->type == REDIS_REPLY_ERROR, Flatten(*reply, 0)});
    freeReplyObject(reply);
  }
}

std::string RedisQuestions(const std::string& password) {
  std::string out;
  if (!password.empty()) out += Encode({"AUTH", password});
  out += Encode({"PING"});
  out += Encode({"INFO", "memory"});
  out += Encode({"INFO", "clients"});
  out += Encode({"INFO", "errorstats"});
  // Redis 7 has it in INFO; the ones before only here.
  out += Encode({"CONFIG", "GET", "maxclients"});
  return out;
}

std::size_t RedisAnswerCount(const std::string& password) {
  return kQuestions + (password.empty() ? 0 : 1);
}

bool RefusesPassword(const std::vector<RedisAnswer>& answers) {
  return std::any_of(answers.begin(), answers.end(), [](const RedisAnswer& answer) {
    return answer.error && !StartsWith(answer.text, "NOPERM") && IsAboutUs(answer.text);
  });
}

Measurement JudgeRedis(const apis::salve::v1alpha1::Probe& probe,
                       const std::vector<RedisAnswer>& answers, std::size_t expected) {
  const bool authenticated = expected > kQuestions;
  std::vector<std::string> errors;
  Fields fields;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const RedisAnswer& answer = answers[i];
    const std::size_t question = i - (authenticated ? 1 : 0);
    if (!answer.error) {
      if (question == 4) {
        const std::size_t line = answer.text.find('\n');
        if (line != std::string::npos) fields.emplace("maxclients", answer.text.substr(line + 1));
      } else {
        ReadInfo(answer.text, fields);
      }
      continue;
    }
    // Many managed servers do not let anybody read their configuration: not needed then.
    if (question == 4 && i + 1 == answers.size()) continue;
    // One cause, many answers: each distinct one once.
    const std::string line = OneLine(answer.text);
    if (std::find(errors.begin(), errors.end(), line) == errors.end()) errors.push_back(line);
  }
  const auto about_us = std::find_if(errors.begin(), errors.end(), IsAboutUs);
  if (about_us != errors.end()) return NotMeasured(*about_us, *about_us);
  if (!errors.empty()) {
    Measurement m = Ill(errors.front());
    m.error_lines = errors;
    return m;
  }
  if (answers.size() < expected || fields.count("used_memory") == 0) {
    return Ill("Redis closed the connection before it had answered");
  }
  Measurement facts;
  double health = 100;
  std::string message;
  const std::string refused = Memory(fields, facts, health, message);
  Clients(fields, facts, health, message);
  if (!refused.empty()) message += "; writes are refused (OOM command not allowed, computed)";
  Measurement m = Graded(probe, health, message);
  m.metrics = std::move(facts.metrics);
  if (!refused.empty()) m.error_lines.push_back(OneLine(refused));
  return m;
}

}  // namespace salve::probes
