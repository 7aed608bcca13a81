// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <deque>
#include <iterator>
#include <utility>

#include "pkg/backends/docker/engine_client.h"
#include "pkg/backends/docker/frames.h"
#include "pkg/backends/text.h"
#include "pkg/base/json_access.h"

// The calls of EngineClient whose answers are streams of a container's output.
namespace salve::backends::docker {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxLogLine = 1024;
// A container that writes without end must not keep a reader busy for ever.
constexpr std::size_t kMaxLogBytes = 16u << 20;
constexpr std::size_t kMaxExecBytes = 16u << 20;

// Keeps the last lines of a text that arrives in pieces; long lines are cut, never kept whole.
class LineRing {
 public:
  explicit LineRing(std::size_t max_lines) : max_lines_(max_lines) {}

  void Feed(std::string_view bytes) {
    while (!bytes.empty()) {
      const std::size_t end = bytes.find('\n');
      const std::string_view piece = bytes.substr(0, end);
      if (open_.size() < 2 * kMaxLogLine) open_.append(piece.substr(0, 2 * kMaxLogLine));
      if (end == std::string_view::npos) return;
      Close();
      bytes.remove_prefix(end + 1);
    }
  }

  void Close() {
    const std::string_view line = Trim(open_);
    if (!line.empty()) {
      lines_.push_back(Printable(line, kMaxLogLine));
      if (lines_.size() > max_lines_) lines_.pop_front();
    }
    open_.clear();
  }

  std::deque<std::string>& lines() { return lines_; }

 private:
  const std::size_t max_lines_;
  std::string open_;
  std::deque<std::string> lines_;
};

}  // namespace

StatusOr<std::vector<std::string>> EngineClient::Logs(const std::string& container, bool tty,
                                                      int max_lines, const CallContext& context) {
  if (max_lines <= 0) return std::vector<std::string>();
  const MonoTime deadline = Options(context, 0).deadline;
  const http::Query query = {{"stdout", "1"}, {"stderr", "1"}, {"tail", std::to_string(max_lines)}};
  SALVE_ASSIGN_OR_RETURN(const auto stream,
                         Open(Endpoint::kLogs, container, query, nullptr, context));
  LineRing ring(static_cast<std::size_t>(max_lines));
  FrameDecoder decoder(tty,
                       [&](FrameDecoder::Stream, std::string_view bytes) { ring.Feed(bytes); });
  for (std::size_t total = 0; total < kMaxLogBytes;) {
    const auto piece = stream->Read(deadline);
    if (!piece.ok()) return piece.status().Annotate("reading the log of " + container);
    if (piece->empty()) break;
    total += piece->size();
    if (!decoder.Feed(*piece)) {
      return InternalError("reading the log of " + container + ": broken framing");
    }
  }
  ring.Close();
  return std::vector<std::string>(std::make_move_iterator(ring.lines().begin()),
                                  std::make_move_iterator(ring.lines().end()));
}

StatusOr<ExecOutput> EngineClient::Exec(const std::string& container, const ExecSpec& spec,
                                        const CallContext& context) {
  if (spec.argv.empty() || spec.argv.front().empty()) {
    return InvalidArgumentError("exec in " + container + ": no command given");
  }
  const MonoTime deadline = Options(context, 0).deadline;
  CallContext bounded{deadline, context.stop};
  json create = {
      {"AttachStdout", true}, {"AttachStderr", true}, {"Tty", false}, {"Cmd", spec.argv}};
  if (!spec.env.empty()) create["Env"] = spec.env;
  if (!spec.user.empty()) create["User"] = spec.user;
  auto created = Call(Endpoint::kExecCreate, container, {}, &create, bounded);
  if (!created.ok()) {
    // Creating an exec runs nothing: whatever went wrong, the command was certainly not started.
    const Status s = created.status();
    const bool doubt = s.code() == Code::kAborted || s.code() == Code::kDeadlineExceeded;
    return doubt ? UnavailableError(s.message()) : s;
  }
  const std::string id = GetString(*created, {"Id"});
  const json start = {{"Detach", false}, {"Tty", false}};
  SALVE_ASSIGN_OR_RETURN(const auto stream, Open(Endpoint::kExecStart, id, {}, &start, bounded));
  ExecOutput output;
  FrameDecoder decoder(false, [&](FrameDecoder::Stream s, std::string_view bytes) {
    std::string& text =
        s == FrameDecoder::Stream::kStdout ? output.stdout_text : output.stderr_text;
    const std::size_t room = kMaxExecOutput - std::min(kMaxExecOutput, text.size());
    output.truncated = output.truncated || bytes.size() > room;
    text.append(bytes.substr(0, room));
  });
  for (std::size_t total = 0;;) {
    const auto piece = stream->Read(deadline);
    if (!piece.ok()) return piece.status().Annotate("output of " + spec.argv.front());
    if (piece->empty()) break;
    total += piece->size();
    if (total > kMaxExecBytes) {
      return DeadlineExceededError("output of " + spec.argv.front() + ": more than 16 MB");
    }
    if (!decoder.Feed(*piece)) return InternalError("output of an exec: broken framing");
  }
  const auto done = Call(Endpoint::kExecInspect, id, {}, nullptr, bounded);
  if (!done.ok()) return AbortedError("exit code of an exec: " + done.status().message());
  if (GetBool(*done, {"Running"})) {
    return AbortedError("the output of " + spec.argv.front() + " ended, but it still runs");
  }
  output.exit_code = GetInt(*done, {"ExitCode"}, -1);
  output.stdout_text = Printable(output.stdout_text, kMaxExecOutput, /*keep_newlines=*/true);
  output.stderr_text = Printable(output.stderr_text, kMaxExecOutput, /*keep_newlines=*/true);
  return output;
}

}  // namespace salve::backends::docker
