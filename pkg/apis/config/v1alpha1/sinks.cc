// SPDX-License-Identifier: Apache-2.0
#include "pkg/apis/config/v1alpha1/sinks.h"

#include <algorithm>
#include <set>

#include "pkg/apis/config/v1alpha1/tables.h"
#include "pkg/apis/salve/v1alpha1/tables.h"
#include "pkg/apis/schema_builder.h"
#include "pkg/apis/syntax.h"

namespace salve::apis {

using config::v1alpha1::EmailSink;
using config::v1alpha1::PagerDutySink;
using config::v1alpha1::SinkConfiguration;
using config::v1alpha1::SlackSink;
using config::v1alpha1::TeamsSink;
using config::v1alpha1::WebhookSink;

SALVE_APIS_TABLE(
    WebhookSink,
    Describe("WebhookSink",
             {
                 F<&WebhookSink::url>("url", "Where messages are posted to.").Required(),
                 F<&WebhookSink::secret>(
                     "secret",
                     "Signs each message as Standard Webhooks says; without it they are unsigned."),
             }));

SALVE_APIS_TABLE(
    SlackSink,
    Describe("SlackSink",
             {
                 F<&SlackSink::url>("url", "The incoming webhook's URL; whoever knows it can post.")
                     .Required(),
             }));

SALVE_APIS_TABLE(
    TeamsSink,
    Describe("TeamsSink",
             {
                 F<&TeamsSink::url>("url", "The workflow's webhook URL; whoever knows it can post.")
                     .Required(),
             }));

SALVE_APIS_TABLE(PagerDutySink,
                 Describe("PagerDutySink",
                          {
                              F<&PagerDutySink::routing_key>("routingKey",
                                                             "The service's integration key.")
                                  .Required(),
                              F<&PagerDutySink::url>("url", "Default the public Events API v2."),
                          }));

SALVE_APIS_TABLE(
    EmailSink,
    Describe("EmailSink",
             {
                 F<&EmailSink::server>("server", "The relay: host and port.").Required(),
                 F<&EmailSink::from>("from", "The address that it comes from.").Required(),
                 F<&EmailSink::to>("to", "The addresses that it goes to.").Required().MaxItems(50),
                 F<&EmailSink::start_tls>(
                     "startTLS", "Whether the relay must speak TLS before anything is said.")
                     .Default(),
                 F<&EmailSink::user>("user", "To log in with; only over TLS."),
                 F<&EmailSink::password>("password", "That user's password."),
             }));

SALVE_APIS_TABLE(
    SinkConfiguration,
    Describe(
        "SinkConfiguration",
        {
            F<&SinkConfiguration::name>("name", "What policies call it.").Required().DnsLabel(),
            F<&SinkConfiguration::webhook>("webhook", "Any program that takes a POST."),
            F<&SinkConfiguration::slack>("slack", "A channel of Slack."),
            F<&SinkConfiguration::teams>("teams", "A channel of Microsoft Teams."),
            F<&SinkConfiguration::pagerduty>("pagerduty", "A service of PagerDuty."),
            F<&SinkConfiguration::email>("email", "Mail by a relay."),
            F<&SinkConfiguration::github>("github", "A repository at GitHub."),
            F<&SinkConfiguration::allowed_namespaces>(
                "allowedNamespaces", "Namespaces whose policies may use it; * means all."),
            F<&SinkConfiguration::messages_per_minute>(
                "messagesPerMinute", "More than so many are held back until the other side rests.")
                .Default()
                .Range(1, 6000),
        }));

namespace config::v1alpha1 {
namespace {

bool IsSet(const SecretReference& secret) { return secret != SecretReference{}; }

// One address as SMTP and a header take it: no spaces, no brackets, nothing that ends a line.
std::string CheckAddress(const std::string& address) {
  const std::size_t at = address.find('@');
  const bool parts = at != std::string::npos && at > 0 && at + 1 < address.size() &&
                     address.find('@', at + 1) == std::string::npos;
  const bool plain = std::all_of(address.begin(), address.end(), [](char c) {
    return c > ' ' && c < 127 && std::string("<>()[],;:\\\"").find(c) == std::string::npos;
  });
  return parts && plain && address.size() <= 254 ? ""
                                                 : "must be a mail address, like ops@example.com";
}

void CheckUrl(const std::string& url, const std::string& path, FieldErrors& errors) {
  const std::string why = CheckHttpUrl(url);
  if (!why.empty()) errors.push_back(InvalidField(path, Quoted(url), why));
}

void CheckEmail(const EmailSink& email, const std::string& path, FieldErrors& errors) {
  if (const std::string why = CheckHostPort(email.server); !why.empty()) {
    errors.push_back(InvalidField(path + ".server", Quoted(email.server), why));
  }
  if (const std::string why = CheckAddress(email.from); !why.empty()) {
    errors.push_back(InvalidField(path + ".from", Quoted(email.from), why));
  }
  if (email.to.empty()) errors.push_back(RequiredField(path + ".to", "somebody must get the mail"));
  for (std::size_t i = 0; i < email.to.size(); ++i) {
    const std::string why = CheckAddress(email.to[i]);
    if (!why.empty()) {
      errors.push_back(InvalidField(apis::At(path + ".to", i), Quoted(email.to[i]), why));
    }
  }
  if (!email.user.empty() && !email.start_tls) {
    errors.push_back(
        ForbiddenField(path + ".user", "a password is never sent without TLS: set startTLS"));
  }
  if (IsSet(email.password)) CheckSecret(email.password, path + ".password", errors);
  if (email.user.empty() == IsSet(email.password)) {
    errors.push_back(RequiredField(path + (email.user.empty() ? ".user" : ".password"),
                                   "user and password go together"));
  }
}

void CheckKind(const SinkConfiguration& sink, const std::string& path, FieldErrors& errors) {
  const int kinds = (sink.webhook ? 1 : 0) + (sink.slack ? 1 : 0) + (sink.teams ? 1 : 0) +
                    (sink.pagerduty ? 1 : 0) + (sink.email ? 1 : 0) + (sink.github ? 1 : 0);
  if (kinds != 1) {
    errors.push_back(kinds > 1 ? ForbiddenField(path, "a sink is of one kind only")
                               : RequiredField(path,
                                               "a sink needs its kind: webhook, slack, teams, "
                                               "pagerduty, email or github"));
    return;
  }
  if (sink.webhook) CheckUrl(sink.webhook->url, path + ".webhook.url", errors);
  if (sink.pagerduty && !sink.pagerduty->url.empty()) {
    CheckUrl(sink.pagerduty->url, path + ".pagerduty.url", errors);
  }
  if (sink.webhook && IsSet(sink.webhook->secret)) {
    CheckSecret(sink.webhook->secret, path + ".webhook.secret", errors);
  }
  if (sink.slack) CheckSecret(sink.slack->url, path + ".slack.url", errors);
  if (sink.teams) CheckSecret(sink.teams->url, path + ".teams.url", errors);
  if (sink.pagerduty) {
    CheckSecret(sink.pagerduty->routing_key, path + ".pagerduty.routingKey", errors);
  }
  if (sink.email) CheckEmail(*sink.email, path + ".email", errors);
  if (sink.github) CheckGithub(*sink.github, path + ".github", errors);
}

}  // namespace

void CheckSinks(const std::vector<SinkConfiguration>& sinks, FieldErrors& errors) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < sinks.size(); ++i) {
    const std::string path = apis::At("sinks", i);
    if (!names.insert(sinks[i].name).second) {
      errors.push_back(DuplicateField(path + ".name", Quoted(sinks[i].name)));
    }
    CheckKind(sinks[i], path, errors);
  }
}

void CompleteSinks(std::vector<SinkConfiguration>& sinks) {
  for (SinkConfiguration& sink : sinks) {
    if (sink.allowed_namespaces.empty()) sink.allowed_namespaces = {"*"};
    if (sink.pagerduty && sink.pagerduty->url.empty()) sink.pagerduty->url = kPagerDutyEvents;
    if (sink.github) CompleteGithub(*sink.github);
  }
}

}  // namespace config::v1alpha1
}  // namespace salve::apis
