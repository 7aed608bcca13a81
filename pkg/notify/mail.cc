// SPDX-License-Identifier: Apache-2.0
#include "pkg/notify/mail.h"

#include <array>
#include <cstdio>
#include <ctime>

#include "pkg/base/base64.h"

namespace salve::notify {
namespace {

constexpr std::size_t kWordBytes = 42;  // 56 in base64: a word has 75 characters at most
constexpr std::size_t kLineBytes = 57;  // 76 in base64
constexpr char kEnd[] = "\r\n";

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

std::string Base64Lines(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += kLineBytes) {
    out += Base64Encode(text.substr(i, kLineBytes)) + kEnd;
  }
  return out;
}

}  // namespace

std::string DomainOf(const std::string& address) {
  const std::size_t at = address.find('@');
  return at == std::string::npos ? "salve.invalid" : address.substr(at + 1);
}

std::string MailDate(WallTime t) {
  static constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed",
                                                       "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(t.time_since_epoch()).count();
  const std::time_t time = static_cast<std::time_t>(seconds);
  std::tm utc{};
  gmtime_r(&time, &utc);
  std::array<char, 96> out{};
  std::snprintf(out.data(), out.size(), "%s, %02d %s %04d %02d:%02d:%02d +0000",
                kDays[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday,
                kMonths[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour,
                utc.tm_min, utc.tm_sec);
  return out.data();
}

std::string EncodeHeader(const std::string& text) {
  std::string out;
  std::size_t begin = 0;
  while (begin < text.size()) {
    std::size_t end = std::min(begin + kWordBytes, text.size());
    while (end < text.size() && end > begin && IsContinuation(text[end])) --end;
    if (end == begin) end = std::min(begin + kWordBytes, text.size());  // not UTF-8 at all
    if (!out.empty()) out += std::string(kEnd) + " ";
    out += "=?UTF-8?B?" + Base64Encode(text.substr(begin, end - begin)) + "?=";
    begin = end;
  }
  return out;
}

std::string MakeMail(const healing::Message& message, const std::string& from,
                     const std::vector<std::string>& to, WallTime now) {
  // For ids: not our own host's name, which is nobody's business.
  const std::string domain = DomainOf(from);
  std::string recipients;
  for (const std::string& one : to) {
    recipients += (recipients.empty() ? "" : std::string(",") + kEnd + " ") + one;
  }
  std::string out;
  const auto header = [&out](const char* name, const std::string& value) {
    out += std::string(name) + ": " + value + kEnd;
  };
  header("Date", MailDate(now));
  header("From", from);
  header("To", recipients);
  header("Subject", EncodeHeader("[Salve] " + message.title));
  header("Message-ID", "<" + message.id + "@" + domain + ">");
  if (message.thread != message.id) {
    header("References", "<" + message.thread + "@" + domain + ">");
  }
  // So that nobody's absence note comes back.
  header("Auto-Submitted", "auto-generated");
  header("MIME-Version", "1.0");
  header("Content-Type", "text/plain; charset=utf-8");
  header("Content-Transfer-Encoding", "base64");
  return out + kEnd + Base64Lines(healing::PlainText(message));
}

}  // namespace salve::notify
