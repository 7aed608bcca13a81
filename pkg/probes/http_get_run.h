// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_PROBES_HTTP_GET_RUN_H_
#define SALVE_PKG_PROBES_HTTP_GET_RUN_H_

#include <array>
#include <memory>
#include <string>

#include <boost/asio/ssl.hpp>

#include "pkg/http/url.h"
#include "pkg/probes/http_response.h"
#include "pkg/probes/run.h"

namespace salve::probes {

// A run that GETs one URL on a connection of its own, over TLS where the URL says so (certificates
// are checked against the system's roots). Redirects are answers like any other.
class HttpGetRun : public NetworkRun {
 protected:
  HttpGetRun(LoopTools& tools, ProbeJob job, Done done, bool want_body)
      : NetworkRun(tools, std::move(job), std::move(done)),
        response_(want_body, this->tools().options.max_body_bytes) {}

  // Leads to Answered(), or to Finish() with Unreachable(). `path` is escaped and begins with a
  // slash; `more` are header lines, each with its CRLF.
  void Get(const http::Url& url, const std::string& path, const std::string& more = "");
  virtual void Answered() = 0;

  const http::Url& url() const { return url_; }
  const HttpResponse& response() const { return response_; }
  MonoTime begun() const { return begun_; }

 private:
  using TlsStream = boost::asio::ssl::stream<asio::ip::tcp::socket&>;

  void Connected() override;
  template <typename Stream>
  void Exchange(Stream& stream);
  template <typename Stream>
  void Read(Stream& stream);

  http::Url url_;
  std::string request_;
  MonoTime begun_;
  std::unique_ptr<TlsStream> tls_;
  std::array<char, 4096> chunk_{};
  HttpResponse response_;
};

}  // namespace salve::probes

#endif  // SALVE_PKG_PROBES_HTTP_GET_RUN_H_
