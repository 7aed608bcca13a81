// SPDX-License-Identifier: Apache-2.0
#include "pkg/base/log.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <utility>
#include <vector>

#include <glog/logging.h>
#include <poll.h>
#include <unistd.h>

#include "pkg/base/mutex.h"
#include "pkg/base/redact.h"
#include "pkg/base/time_format.h"

namespace salve {
namespace {

constexpr std::size_t kMaxLine = 8192;
constexpr std::size_t kMaxMessage = 4096;
constexpr std::size_t kMaxValue = 2048;
// poll() calls a pipe writable when PIPE_BUF bytes fit, so that a write of this size cannot block.
constexpr std::size_t kWriteChunk = 4096;
constexpr int kStallMillis = 50;

std::atomic<int> g_least{static_cast<int>(Severity::kInfo)};

std::vector<std::pair<std::string, std::string>>& Context() {
  thread_local std::vector<std::pair<std::string, std::string>> context;
  return context;
}

// The end of the pipeline: takes finished lines from glog and brings them to file descriptor 2.
class JsonLineSink : public google::LogSink {
 public:
  void send(google::LogSeverity, const char*, const char*, int, const google::LogMessageTime&,
            const char* message, size_t length) override {
    WriteLine(std::string_view(message, length));
  }

  void SetWriter(std::function<void(std::string_view)> writer, Clock* clock) {
    MutexLock lock(mu_);
    writer_ = std::move(writer);
    clock_ = clock == nullptr ? &SystemClock() : clock;
  }

  WallTime Now() {
    MutexLock lock(mu_);
    return clock_->Now();
  }

 private:
  void WriteLine(std::string_view line) {
    MutexLock lock(mu_);
    if (writer_) {
      writer_(line);
      return;
    }
    std::string out;
    out.reserve(line.size() + 32);
    if (torn_) out += '\n';
    if (dropped_ > 0 && !line.empty() && line.back() == '}') {
      out += line.substr(0, line.size() - 1);
      out += ",\"dropped\":" + std::to_string(dropped_) + "}";
    } else {
      out += line;
    }
    out += '\n';
    if (WriteBounded(out)) {
      dropped_ = 0;
    } else {
      ++dropped_;
    }
  }

  // Waits at most kStallMillis for a reader, and not at all while it was found stalled before.
  bool WriteBounded(std::string_view out) SALVE_REQUIRES(mu_) {
    std::size_t done = 0;
    while (done < out.size()) {
      pollfd fd{STDERR_FILENO, POLLOUT, 0};
      const int ready = ::poll(&fd, 1, stalled_ ? 0 : kStallMillis);
      if (ready < 0 && errno == EINTR) continue;
      ssize_t written = -1;
      if (ready > 0) {
        written =
            ::write(STDERR_FILENO, out.data() + done, std::min(out.size() - done, kWriteChunk));
        if (written < 0 && errno == EINTR) continue;
      }
      if (written < 0) {
        stalled_ = true;
        torn_ = torn_ || done > 0;
        return false;
      }
      done += static_cast<std::size_t>(written);
    }
    stalled_ = false;
    torn_ = false;
    return true;
  }

  Mutex mu_;
  std::function<void(std::string_view)> writer_ SALVE_GUARDED_BY(mu_);
  Clock* clock_ SALVE_GUARDED_BY(mu_) = &SystemClock();
  std::uint64_t dropped_ SALVE_GUARDED_BY(mu_) = 0;
  bool stalled_ SALVE_GUARDED_BY(mu_) = false;
  bool torn_ SALVE_GUARDED_BY(mu_) = false;
};

JsonLineSink& Sink() {
  static JsonLineSink* sink = new JsonLineSink;  // Never destroyed: threads may log until the end.
  return *sink;
}

std::string_view LevelName(Severity severity) {
  switch (severity) {
    case Severity::kDebug:
      return "debug";
    case Severity::kInfo:
      return "info";
    case Severity::kWarning:
      return "warning";
    case Severity::kError:
      return "error";
  }
  return "info";
}

std::string Bounded(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return std::string(text);
  std::string cut(text.substr(0, limit));
  // Not in the middle of a character.
  while (!cut.empty() && (static_cast<unsigned char>(cut.back()) & 0xC0u) == 0x80u) cut.pop_back();
  if (!cut.empty() && (static_cast<unsigned char>(cut.back()) & 0x80u) != 0) cut.pop_back();
  return cut + "…";
}

class Line {
 public:
  Line(Severity severity, std::string_view message) {
    text_ = "{\"time\":\"" + FormatMicroTime(Sink().Now()) + "\",\"level\":\"";
    text_ += LevelName(severity);
    text_ += "\",\"msg\":";
    AppendJsonString(text_, Bounded(Redact(message), kMaxMessage));
    if (text_.size() > kMaxLine - kReserve) text_.resize(0);
    if (text_.empty()) {  // A message of nothing but control characters grows sixfold.
      text_ = "{\"level\":\"error\",\"msg\":\"log message too long after escaping\"";
    }
  }

  void Add(std::string_view key, std::string_view value, bool quoted) {
    std::string part = ",";
    AppendJsonString(part, key);
    part += ':';
    if (!quoted) {
      part += value;
    } else if (IsSecretName(key)) {
      AppendJsonString(part, kRedacted);
    } else {
      AppendJsonString(part, Bounded(Redact(value), kMaxValue));
    }
    if (text_.size() + part.size() > kMaxLine - kReserve) {
      truncated_ = true;
      return;
    }
    text_ += part;
  }

  std::string Finish() && {
    if (truncated_) text_ += ",\"truncated\":true";
    text_ += '}';
    return std::move(text_);
  }

 private:
  static constexpr std::size_t kReserve = 64;  // for "truncated", "dropped" and the end
  std::string text_;
  bool truncated_ = false;
};

google::LogSeverity GlogSeverity(Severity severity) {
  if (severity == Severity::kError) return google::GLOG_ERROR;
  if (severity == Severity::kWarning) return google::GLOG_WARNING;
  return google::GLOG_INFO;
}

}  // namespace

bool LogEnabled(Severity severity) {
  return static_cast<int>(severity) >= g_least.load(std::memory_order_relaxed);
}

void SetLogLevel(Severity least) { g_least.store(static_cast<int>(least)); }

bool SetLogLevel(std::string_view name) {
  for (Severity s : {Severity::kDebug, Severity::kInfo, Severity::kWarning, Severity::kError}) {
    if (name == LevelName(s)) {
      SetLogLevel(s);
      return true;
    }
  }
  return false;
}

void Log(Severity severity, std::string_view message, std::initializer_list<LogField> fields) {
  if (!LogEnabled(severity)) return;
  Line line(severity, message);
  const auto& context = Context();
  for (std::size_t i = 0; i < context.size(); ++i) {
    const auto same_key = [&](const auto& other) { return other.first == context[i].first; };
    const auto inner = context.begin() + static_cast<std::ptrdiff_t>(i) + 1;
    if (std::any_of(inner, context.end(), same_key)) continue;
    // What the line itself says counts.
    if (std::any_of(fields.begin(), fields.end(),
                    [&](const auto& field) { return field.key() == context[i].first; })) {
      continue;
    }
    line.Add(context[i].first, context[i].second, true);
  }
  for (const LogField& field : fields) line.Add(field.key(), field.text(), field.quoted());
  const std::string text = std::move(line).Finish();
  google::LogMessage(__FILE__, __LINE__, GlogSeverity(severity), &Sink(), false).stream() << text;
}

LogContext::LogContext(std::string_view key, std::string_view value) {
  Context().emplace_back(key, value);
}

LogContext::~LogContext() { Context().pop_back(); }

void SetLogWriterForTest(std::function<void(std::string_view line)> writer, Clock* clock) {
  Sink().SetWriter(std::move(writer), clock);
}

}  // namespace salve
