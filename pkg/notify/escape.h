// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_NOTIFY_ESCAPE_H_
#define SALVE_PKG_NOTIFY_ESCAPE_H_

#include <string>
#include <string_view>

// Text from outside in the notations of the sinks. Pure functions; the results are bounded by the
// lengths that the other sides allow.
namespace salve::notify {

// For Slack's mrkdwn: &, < and > as entities (so that <!here>, <@U…> and <https://…|x> are only
// text), and nothing that calls a channel or a person.
std::string EscapeSlack(std::string_view text);
// The same inside ``` … ```.
std::string EscapeSlackCode(std::string_view text);

// For the Markdown of a text block of an adaptive card.
std::string EscapeCard(std::string_view text);

// At most `max` bytes, cut at a character, with "…" where something is missing.
std::string Shorten(std::string_view text, std::size_t max);

}  // namespace salve::notify

#endif  // SALVE_PKG_NOTIFY_ESCAPE_H_
