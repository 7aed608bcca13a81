// SPDX-License-Identifier: Apache-2.0
#include "controller/cli/edge.h"

#include "pkg/base/clock.h"
#include "pkg/base/file_source.h"
#include "pkg/http/transports.h"

namespace salve::cli {
namespace {

constexpr std::size_t kMaxPemBytes = 1u << 20;

}  // namespace

StatusOr<std::unique_ptr<http::Transport>> EdgeTransport(const http::Url& url,
                                                         const std::string& authority) {
  http::TlsOptions tls;
  if (!authority.empty()) {
    auto pem = SystemFiles().Read(authority, kMaxPemBytes);
    if (!pem.ok()) return pem.status().Annotate(kAuthorityFlag);
    tls.ca_pem = *std::move(pem);
  }
  const bool v6 = url.host.find(':') != std::string::npos;
  const std::string host = v6 ? "[" + url.host + "]" : url.host;
  return http::MakeTcpTransport(url.scheme + "://" + host + ":" + std::to_string(url.port), tls,
                                SystemClock());
}

}  // namespace salve::cli
