// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_KUBERNETES_QUANTITY_H_
#define SALVE_PKG_BACKENDS_KUBERNETES_QUANTITY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Kubernetes' quantities ("64Mi", "1.5", "250m", "12e6"). Pure functions.
namespace salve::backends::kubernetes {

// In whole bytes, rounded up; nullopt for what is no quantity, negative, or beyond 2^62.
std::optional<std::int64_t> ParseBytes(std::string_view text);
// In thousandths of a core, rounded up.
std::optional<std::int64_t> ParseMillis(std::string_view text);

// "96Mi": the largest unit that divides it; "250m", "2". The server takes them back as they are.
std::string BytesQuantity(std::int64_t bytes);
std::string MillisQuantity(std::int64_t millis);

}  // namespace salve::backends::kubernetes

#endif  // SALVE_PKG_BACKENDS_KUBERNETES_QUANTITY_H_
