// SPDX-License-Identifier: Apache-2.0
#include "pkg/client/rest_watch.h"

namespace salve::client {

StatusOr<std::optional<WatchEvent>> RestWatch::Next(MonoTime deadline) {
  while (true) {
    SALVE_ASSIGN_OR_RETURN(std::optional<WatchEvent> event, decoder_.Next());
    if (event) return event;
    StatusOr<std::string> chunk = stream_->Read(deadline);
    if (!chunk.ok()) return chunk.status().Annotate(what_);
    if (chunk->empty()) {
      SALVE_RETURN_IF_ERROR(decoder_.Finish());
      return std::optional<WatchEvent>();
    }
    decoder_.Feed(*chunk);
  }
}

}  // namespace salve::client
