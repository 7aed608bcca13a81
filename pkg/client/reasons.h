// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_CLIENT_REASONS_H_
#define SALVE_PKG_CLIENT_REASONS_H_

#include "pkg/base/status.h"

namespace salve::client {

// Status::reason() of errors that callers tell apart although they share a Code. Others carry the
// reason that the server gave ("NotFound", "Forbidden", …).

// 504: the server has not yet reached the resourceVersion that was asked for (kDeadlineExceeded).
inline constexpr char kReasonVersionTooLarge[] = "ResourceVersionTooLarge";
// A watch carried something that is no event (kInternal).
inline constexpr char kReasonMalformedEvent[] = "MalformedEvent";

inline bool IsVersionTooLarge(const Status& status) {
  return status.reason() == kReasonVersionTooLarge;
}

}  // namespace salve::client

#endif  // SALVE_PKG_CLIENT_REASONS_H_
