// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_CLIENT_REST_WATCH_H_
#define SALVE_PKG_CLIENT_REST_WATCH_H_

#include <memory>
#include <string>
#include <utility>

#include "pkg/client/client.h"
#include "pkg/client/watch_decoder.h"
#include "pkg/http/transport.h"

namespace salve::client {

// A watch over an open HTTP response. See WatchStream for threads.
class RestWatch final : public WatchStream {
 public:
  RestWatch(const std::string& what, const ResourceInfo& resource,
            std::unique_ptr<http::ResponseStream> stream)
      : what_(what), stream_(std::move(stream)), decoder_(what, resource) {}

  StatusOr<std::optional<WatchEvent>> Next(MonoTime deadline) override;
  void Close() override { stream_->Close(); }

 private:
  const std::string what_;
  const std::unique_ptr<http::ResponseStream> stream_;
  WatchDecoder decoder_;
};

}  // namespace salve::client

#endif  // SALVE_PKG_CLIENT_REST_WATCH_H_
