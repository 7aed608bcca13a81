// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BASE_LOG_H_
#define SALVE_PKG_BASE_LOG_H_

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

#include "pkg/base/clock.h"

namespace salve {

enum class Severity { kDebug = 0, kInfo = 1, kWarning = 2, kError = 3 };

// One key of a log line with its value: text, a whole number, a fraction or a truth value.
class LogField {
 public:
  LogField(std::string_view key, std::string_view value) : key_(key), text_(value) {}
  LogField(std::string_view key, const char* value) : key_(key), text_(value) {}
  LogField(std::string_view key, const std::string& value) : key_(key), text_(value) {}
  LogField(std::string_view key, bool value)
      : key_(key), text_(value ? "true" : "false"), quoted_(false) {}
  LogField(std::string_view key, double value)
      : key_(key), text_(std::to_string(value)), quoted_(false) {}
  template <std::integral Int>
  LogField(std::string_view key, Int value)
      : key_(key), text_(std::to_string(value)), quoted_(false) {}

  const std::string& key() const { return key_; }
  const std::string& text() const { return text_; }
  bool quoted() const { return quoted_; }

 private:
  std::string key_;
  std::string text_;
  bool quoted_ = true;
};

// Writes one line of JSON to standard error:
//   {"time":"…","level":"info","msg":"container restarted","incident":"shop/redis-1","attempt":2}
// Secrets are redacted (redact.h), control characters escaped, the line is at most 8 kB.
// Thread-safe. If standard error takes nothing for a moment (a full pipe), lines are dropped and
// counted: the next line that gets through carries "dropped".
//
//   Log(Severity::kWarning, "docker event stream ended, reconnecting", {{"backend", name}});
void Log(Severity severity, std::string_view message, std::initializer_list<LogField> fields = {});

// Whether a line of that severity would be written: for callers whose message is costly to build.
bool LogEnabled(Severity severity);

// The least severity that is written; kInfo at first. Takes effect at once.
void SetLogLevel(Severity least);
// "debug", "info", "warning", "error". False, and nothing changed, for anything else.
bool SetLogLevel(std::string_view name);

// Adds a field to every line that this thread writes while the object lives, for example the
// incident that is being worked on. They nest; an inner one with the same key wins.
class LogContext {
 public:
  LogContext(std::string_view key, std::string_view value);
  ~LogContext();
  LogContext(const LogContext&) = delete;
  LogContext& operator=(const LogContext&) = delete;
};

// For tests: lines (without "\n") go to `writer` instead of standard error; an empty function
// restores it. `clock` stamps the lines (the system's if null) and must outlive its use.
void SetLogWriterForTest(std::function<void(std::string_view line)> writer, Clock* clock = nullptr);

// Appends `text` as a JSON string with its quotes. Control characters (C0, DEL, C1) and those that
// change the direction of text are escaped, invalid UTF-8 becomes U+FFFD.
void AppendJsonString(std::string& out, std::string_view text);

}  // namespace salve

#endif  // SALVE_PKG_BASE_LOG_H_
