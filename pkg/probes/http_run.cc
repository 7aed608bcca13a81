// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <utility>

#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>

#include "pkg/base/pattern.h"
#include "pkg/http/url.h"
#include "pkg/probes/http_response.h"
#include "pkg/probes/measurement.h"
#include "pkg/probes/run.h"

namespace salve::probes {
namespace {

using boost::system::error_code;

// Certificates are checked against the system's roots. Made at the first https probe, kept.
asio::ssl::context& TlsContext() {
  static auto* const context = [] {
    auto* made = new asio::ssl::context(asio::ssl::context::tls_client);
    made->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                      asio::ssl::context::no_tlsv1_1);
    error_code ignored;
    made->set_default_verify_paths(ignored);
    made->set_verify_mode(asio::ssl::verify_peer);
    return made;
  }();
  return *context;
}

// One GET on a connection of its own; redirects are answers like any other.
class HttpRun final : public NetworkRun {
 public:
  HttpRun(LoopTools& tools, ProbeJob job, Done done)
      : NetworkRun(tools, std::move(job), std::move(done)),
        response_(!this->job().probe.http->body_match.empty(), tools.options.max_body_bytes) {}

 private:
  using TlsStream = asio::ssl::stream<asio::ip::tcp::socket&>;

  void Begin() override {
    const auto& probe = *job().probe.http;
    const auto url = http::ParseUrl(probe.url);
    if (!url.ok()) return Finish(NotMeasured(url.status().message()));
    if (url->scheme != "http" && url->scheme != "https") {
      return Finish(NotMeasured("the probe's URL is neither http nor https"));
    }
    if (!probe.body_match.empty()) {
      auto pattern = Pattern::Compile(probe.body_match);
      if (!pattern.ok()) return Finish(NotMeasured(pattern.status().message()));
      pattern_ = std::move(pattern).value();
    }
    url_ = *url;
    std::string host = url->host.find(':') == std::string::npos ? url->host : "[" + url->host + "]";
    if (url->port != (url->scheme == "https" ? 443 : 80)) host += ":" + std::to_string(url->port);
    request_ = "GET " + (url->path.empty() ? "/" : url->path) + " HTTP/1.1\r\nHost: " + host +
               "\r\nUser-Agent: salve-probe\r\nAccept: */*\r\nConnection: close\r\n\r\n";
    begun_ = tools().options.clock->Monotonic();
    Connect(url->host, url->port);
  }

  void Connected() override {
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
                              return Finish(Ill(where_ + ": TLS: " + error.message()));
                            }
                            Exchange(*tls_);
                          });
  }

  template <typename Stream>
  void Exchange(Stream& stream) {
    asio::async_write(stream, asio::buffer(request_),
                      [this, &stream, self = shared_from_this()](error_code error, std::size_t) {
                        if (finished()) return;
                        if (error) return Finish(Ill(where_ + ": sending: " + error.message()));
                        Read(stream);
                      });
  }

  template <typename Stream>
  void Read(Stream& stream) {
    stream.async_read_some(asio::buffer(chunk_), [this, &stream, self = shared_from_this()](
                                                     error_code error, std::size_t n) {
      if (finished()) return;
      Status status = response_.Feed({chunk_.data(), n});
      if (status.ok() && error && !response_.done()) status = response_.End();
      if (!status.ok()) return Finish(Ill(where_ + ": " + status.message()));
      if (response_.done()) return Judge();
      Read(stream);
    });
  }

  void Judge() {
    const auto& probe = *job().probe.http;
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
                          tools().options.clock->Monotonic() - begun_)
                          .count();
    const std::string said =
        "status " + std::to_string(response_.status()) + " in " + std::to_string(took) + " ms";
    healing::Measurement m = Well(said);
    if (response_.status() != probe.expected_status) {
      m = Ill(url_.scheme + "://" + where_ + ": " + said + ", expected " +
              std::to_string(probe.expected_status));
    } else if (pattern_ && !pattern_->Matches(response_.body())) {
      m = Ill(url_.scheme + "://" + where_ + ": " + said + ", but the body does not match");
    } else if (probe.max_latency_millis && took > *probe.max_latency_millis) {
      m = Ill(url_.scheme + "://" + where_ + ": " + said + ", slower than " +
              std::to_string(*probe.max_latency_millis) + " ms");
    }
    m.metrics = {{"http.status", static_cast<double>(response_.status())},
                 {"http.latency_millis", static_cast<double>(took)}};
    Finish(std::move(m));
  }

  http::Url url_;
  std::string request_;
  MonoTime begun_;
  std::optional<Pattern> pattern_;
  std::unique_ptr<TlsStream> tls_;
  std::array<char, 4096> chunk_{};
  HttpResponse response_;
};

}  // namespace

std::shared_ptr<Run> MakeHttpRun(LoopTools& tools, ProbeJob job, Run::Done done) {
  return std::make_shared<HttpRun>(tools, std::move(job), std::move(done));
}

}  // namespace salve::probes
