// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HTTP_CONNECTION_H_
#define SALVE_PKG_HTTP_CONNECTION_H_

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "pkg/base/clock.h"
#include "pkg/http/channel.h"
#include "pkg/http/message.h"
#include "pkg/http/server_core.h"
#include "pkg/http/server_stream.h"
#include "pkg/http/wire.h"

namespace salve::http {

// One accepted connection: reads a request, has it answered, and again. Lives on the loop's thread
// except where said; kept alive by its pending operations and by whoever still has to answer.
//
//   kHandshake → kIdle → kHead → kAdmit → kBody → kHandling → kWriting ─┬→ kIdle …
//                                               └──────→ kStreaming ────┤
//                          (refused, or the last answer)      kLingering ┴→ kClosed
class Connection final : public std::enable_shared_from_this<Connection> {
 public:
  // `on_closed` is called once, on the loop's thread, when the socket is closed.
  Connection(std::shared_ptr<ServerCore> core, Channel::Socket socket, std::string peer,
             std::function<void(Connection*)> on_closed);

  void Start();
  // Ends after the running request, at once if there is none; streams are ended.
  void Drain();
  // Closes now, whatever is under way.
  void Abort() { Close(); }

  // From any thread, at most one of them per request. `head` is serialized already.
  void Answer(std::string head, std::string body, bool keep_alive);
  void AnswerStream(std::string head, std::shared_ptr<ServerStream> stream, bool keep_alive);
  void StreamChanged();

 private:
  enum class State {
    kHandshake,
    kIdle,
    kHead,
    kAdmit,
    kBody,
    kHandling,
    kWriting,
    kStreaming,
    kLingering,
    kClosed
  };
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  using Error = boost::system::error_code;

  // Reading (connection.cc).
  void NextRequest();
  void ReadSome();
  void OnReadSome(const Error& error, std::size_t bytes);
  void ReadHead();
  void OnHead(const Error& error);
  void ReadBody();
  void OnBody(const Error& error);
  // What a failed read is answered with: a refusal, or silence where nobody listens.
  void OnReadError(const Error& why);

  // Handing over to the workers (connection.cc).
  void Admit(Request head);
  void OnAdmitted(bool admitted, Response refusal);
  void Dispatch(Request request);
  // On a worker's thread: reads only what stays as it is until the answer (core_, wire_).
  void Handle(Request request);

  // Writing (connection_write.cc).
  void Refuse(const Response& refusal);
  void Write(std::string head, std::string body, std::function<void()> then);
  void WriteMore();
  void AfterAnswer();
  void PumpStream();
  void EndStream();
  void Linger();
  void Close();

  // The process's clock in the terms of Asio's timers.
  static std::chrono::steady_clock::time_point Now() {
    return std::chrono::steady_clock::time_point(SystemClock().Monotonic().time_since_epoch());
  }
  // Replaces the running deadline. On its expiry reads are cancelled (408), writes closed.
  void SetDeadline(std::chrono::steady_clock::time_point at);
  void SetDeadlineAfter(std::chrono::steady_clock::duration wait);
  void ClearDeadline();
  void OnDeadline();

  const std::shared_ptr<ServerCore> core_;
  Channel channel_;
  const std::string peer_;
  std::function<void(Connection*)> on_closed_;
  boost::asio::steady_timer timer_;
  std::uint64_t timer_round_ = 0;  // tells a cancelled wait from the current one
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  std::shared_ptr<ServerStream> stream_;

  State state_ = State::kHandshake;
  bool timed_out_ = false;
  bool draining_ = false;
  bool reading_ = false;  // ReadSome is pending
  bool writing_ = false;
  bool stream_http_1_0_ = false;
  // Of the current request.
  std::chrono::steady_clock::time_point request_start_;
  WireOptions wire_;
  bool expects_continue_ = false;
  bool keep_alive_ = true;

  std::string out_head_;
  std::string out_body_;
  std::size_t out_sent_ = 0;
  std::function<void()> then_;
  std::size_t lingered_ = 0;
};

}  // namespace salve::http

#endif  // SALVE_PKG_HTTP_CONNECTION_H_
