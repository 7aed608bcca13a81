// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_NOTIFY_MAIL_H_
#define SALVE_PKG_NOTIFY_MAIL_H_

#include <string>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/healing/notification_text.h"

namespace salve::notify {

// The message as RFC 5322 wants it, with CR LF. Message-ID is the message's id, so that a
// repetition can be told; mails about one incident refer to each other (References), so that mail
// programs show them as one conversation. Nothing that came from outside can become a header: the
// subject is encoded, and so is the body. `from` and `to` have been checked by the configuration.
std::string MakeMail(const healing::Message& message, const std::string& from,
                     const std::vector<std::string>& to, WallTime now);

// What is behind the "@" of an address.
std::string DomainOf(const std::string& address);
// "Sat, 21 Nov 2026 11:00:00 +0000".
std::string MailDate(WallTime t);
// RFC 2047: "=?UTF-8?B?…?=", in as many words as it takes, each on its own line.
std::string EncodeHeader(const std::string& text);

}  // namespace salve::notify

#endif  // SALVE_PKG_NOTIFY_MAIL_H_
