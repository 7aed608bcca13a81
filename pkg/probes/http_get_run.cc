// SPDX-License-Identifier: Apache-2.0
#include "pkg/probes/http_get_run.h"

#include <boost/asio/write.hpp>

#include "pkg/base/log.h"

namespace salve::probes {
namespace {

using boost::system::error_code;

// Certificates are checked against the system's roots. Made at the first https probe, kept.
asio::ssl::context& TlsContext() {
  static auto* const context = [] {
    auto* made = new asio::ssl::context(asio::ssl::context::tls_client);
    made->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                      asio::ssl::context::no_tlsv1_1);
    // Without them every certificate is refused.
    error_code problem;
    if (made->set_default_verify_paths(problem)) {
      Log(Severity::kWarning, "the system's certificate roots cannot be read",
          {{"error", problem.message()}});
    }
    made->set_verify_mode(asio::ssl::verify_peer);
    return made;
  }();
  return *context;
}

}  // namespace

void HttpGetRun::Get(const http::Url& url, const std::string& path, const std::string& more) {
  url_ = url;
  std::string host = http::BracketedHost(url);
  if (url.port != (url.scheme == "https" ? 443 : 80)) host += ":" + std::to_string(url.port);
  request_ = "GET " + path + " HTTP/1.1\r\nHost: " + host +
             "\r\nUser-Agent: salve-probe\r\nAccept: */*\r\n" + more + "Connection: close\r\n\r\n";
  begun_ = tools().options.clock->Monotonic();
  Connect(url.host, url.port);
}

void HttpGetRun::Connected() {
  if (url_.scheme == "http") return Exchange(socket_);
  tls_ = std::make_unique<TlsStream>(socket_, TlsContext());
  tls_->set_verify_callback(asio::ssl::host_name_verification(url_.host));
  // Server name indication takes names only, no addresses.
  error_code not_an_address;
  asio::ip::make_address(url_.host, not_an_address);
  if (not_an_address) SSL_set_tlsext_host_name(tls_->native_handle(), url_.host.c_str());
  tls_->async_handshake(asio::ssl::stream_base::client,
                        [this, self = shared_from_this()](error_code error) {
                          if (finished()) return;
                          if (error) {
                            return Finish(Unreachable(where_ + ": TLS: " + error.message()));
                          }
                          Exchange(*tls_);
                        });
}

template <typename Stream>
void HttpGetRun::Exchange(Stream& stream) {
  asio::async_write(stream, asio::buffer(request_),
                    [this, &stream, self = shared_from_this()](error_code error, std::size_t) {
                      if (finished()) return;
                      if (error) {
                        return Finish(Unreachable(where_ + ": sending: " + error.message()));
                      }
                      Read(stream);
                    });
}

template <typename Stream>
void HttpGetRun::Read(Stream& stream) {
  stream.async_read_some(asio::buffer(chunk_), [this, &stream, self = shared_from_this()](
                                                   error_code error, std::size_t n) {
    if (finished()) return;
    Status status = response_.Feed({chunk_.data(), n});
    if (status.ok() && error && !response_.done()) status = response_.End();
    if (!status.ok()) return Finish(Unreachable(where_ + ": " + status.message()));
    if (response_.done()) return Answered();
    Read(stream);
  });
}

}  // namespace salve::probes
