// SPDX-License-Identifier: Apache-2.0
#include "pkg/notify/escape.h"

#include "pkg/healing/explain.h"

namespace salve::notify {
namespace {

constexpr std::string_view kZeroWidthSpace = "\u200b";
constexpr std::string_view kEllipsis = "…";

}  // namespace

std::string EscapeSlack(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '@':  // "@channel" must not be looked up as one, whatever parses it on the way
        out += '@';
        out += kZeroWidthSpace;
        break;
      case '`':
      case '*':
      case '_':
      case '~':  // formatting begins at a word's edge: broken up, the sign is only a sign
        out += kZeroWidthSpace;
        out += c;
        out += kZeroWidthSpace;
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string EscapeSlackCode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else {
      // Two in a row are apart already: three cannot end the block.
      if (c == '`' && !out.empty() && out.back() == '`') out += kZeroWidthSpace;
      out += c;
    }
  }
  return out;
}

std::string EscapeCard(std::string_view text) { return healing::EscapeMarkdown(text); }

std::string Shorten(std::string_view text, std::size_t max) {
  if (text.size() <= max) return std::string(text);
  std::size_t end = max < kEllipsis.size() ? 0 : max - kEllipsis.size();
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)) + std::string(kEllipsis);
}

}  // namespace salve::notify
