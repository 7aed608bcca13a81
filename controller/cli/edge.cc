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
  return http::MakeTcpTransport(http::BaseUrl(url), tls, SystemClock());
}

}  // namespace salve::cli
