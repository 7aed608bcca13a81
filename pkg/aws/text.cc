// SPDX-License-Identifier: Apache-2.0
#include "pkg/aws/text.h"

#include <nlohmann/json.hpp>

#include "pkg/base/ascii.h"
#include "pkg/base/redact.h"

namespace salve::aws {
namespace {

constexpr std::string_view kSpace = " \t\r\n\f\v";
constexpr std::size_t kMinSecret = 6;

// Well-formed UTF-8: what is not becomes U+FFFD.
std::string Repaired(std::string_view text) {
  using Json = nlohmann::json;
  const std::string dumped = Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
  const Json parsed = Json::parse(dumped, nullptr, false);
  return parsed.is_string() ? parsed.get<std::string>() : std::string();
}

// C1 controls (U+0080–U+009F): some terminals take them for escape sequences.
bool IsC1(std::string_view text, std::size_t at) {
  return text[at] == '\xC2' && at + 1 < text.size() &&
         static_cast<unsigned char>(text[at + 1]) < 0xA0;
}

}  // namespace

std::string Lower(std::string_view text) { return AsciiLower(text); }

std::string_view Trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string Quotable(std::string_view text, std::size_t max_bytes) {
  const bool cut = text.size() > max_bytes;
  const std::string repaired = Repaired(text.substr(0, max_bytes));
  std::string out;
  for (std::size_t at = 0; at < repaired.size(); ++at) {
    const auto byte = static_cast<unsigned char>(repaired[at]);
    if (IsC1(repaired, at)) {
      out += ' ';
      ++at;
    } else {
      out += byte < 0x20 || byte == 0x7F ? ' ' : repaired[at];
    }
  }
  out = Redact(Trim(out));
  return cut ? out + "…" : out;
}

void Hide(std::string& text, std::string_view secret) {
  if (secret.size() < kMinSecret) return;
  for (std::size_t at = text.find(secret); at != std::string::npos;
       at = text.find(secret, at + kRedacted.size())) {
    text.replace(at, secret.size(), kRedacted);
  }
}

}  // namespace salve::aws
