// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_PROBES_REDIS_ANSWERS_H_
#define SALVE_PKG_PROBES_REDIS_ANSWERS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/apis/salve/v1alpha1/healingpolicy.h"
#include "pkg/base/status.h"
#include "pkg/healing/types.h"

struct redisReader;

namespace salve::probes {

// One answer of Redis: a text (simple, bulk, number; an array's items joined by newlines) or an
// error.
struct RedisAnswer {
  bool error = false;
  std::string text;
};

// Cuts what a Redis sends into answers. Not thread-safe.
class RedisReader {
 public:
  RedisReader();
  ~RedisReader();
  RedisReader(const RedisReader&) = delete;
  RedisReader& operator=(const RedisReader&) = delete;

  // Appends the answers that are complete now. kInvalidArgument: this is not Redis' protocol.
  Status Feed(std::string_view bytes, std::vector<RedisAnswer>& answers);

 private:
  redisReader* reader_;
};

// The commands of one measurement as they go over the wire, AUTH first if there is a password; and
// how many answers they have.
std::string RedisQuestions(const std::string& password);
std::size_t RedisAnswerCount(const std::string& password);

// Whether one of them says that the password is wrong or missing.
bool RefusesPassword(const std::vector<RedisAnswer>& answers);

// What `answers` (perhaps fewer than asked for, if Redis hung up) say. Health is the lower of free
// memory and free client slots, in percent. Nothing is written to find out whether writes are
// refused: with policy noeviction that follows from the figures, and the text says that it was
// computed.
healing::Measurement JudgeRedis(const apis::salve::v1alpha1::Probe& probe,
                                const std::vector<RedisAnswer>& answers, std::size_t expected);

}  // namespace salve::probes

#endif  // SALVE_PKG_PROBES_REDIS_ANSWERS_H_
