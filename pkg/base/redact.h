// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BASE_REDACT_H_
#define SALVE_PKG_BASE_REDACT_H_

#include <string>
#include <string_view>

namespace salve {

// What stands in the place of a secret.
inline constexpr std::string_view kRedacted = "[REDACTED]";

// Remembers a value that must never be shown (a password, a token, a key). Values shorter than six
// bytes are ignored, because they would blank out innocent text; at most 1,024 are kept, the oldest
// goes first. Thread-safe.
void RegisterSecret(std::string_view value);

// `text` without registered secrets and without what looks like one: `password=…`, `"token": "…"`,
// `Authorization: Bearer …`, `user:…@host` in URLs, `requirepass …`, PEM private keys. Errs towards
// hiding. Linear in the text, times the number of registered secrets. Thread-safe.
std::string Redact(std::string_view text);

// True for names whose values Redact would hide after a "=": "DB_PASSWORD", "authorization",
// "apiKey".
bool IsSecretName(std::string_view name);

}  // namespace salve

#endif  // SALVE_PKG_BASE_REDACT_H_
