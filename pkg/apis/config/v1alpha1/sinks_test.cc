// SPDX-License-Identifier: Apache-2.0
#include "pkg/apis/config/v1alpha1/sinks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace salve::apis::config::v1alpha1 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

StatusOr<ControllerConfiguration> Load(const std::string& sinks) {
  return LoadConfiguration(
      "apiVersion: config.salve.dev/v1alpha1\nkind: ControllerConfiguration\n" + sinks,
      "salve.yaml");
}

TEST(Sinks, AreReadWithEveryFieldAndTheirDefaults) {
  const auto c = Load(R"(sinks:
- {name: hook, webhook: {url: "https://example.com/x", secret: {env: HOOK}}, messagesPerMinute: 6}
- {name: chat, slack: {url: {file: /run/secrets/slack}}, allowedNamespaces: [shop]}
- {name: teams, teams: {url: {env: TEAMS}}}
- {name: pager, pagerduty: {routingKey: {env: KEY}}}
- name: mail
  email: {server: "relay:587", from: a@b.example, to: [c@d.example], user: u, password: {env: P}}
)");
  ASSERT_TRUE(c.ok()) << c.status();
  ASSERT_EQ(c->sinks.size(), 5u);
  EXPECT_EQ(c->sinks[0].webhook->secret.env, "HOOK");
  EXPECT_EQ(c->sinks[0].messages_per_minute, 6);
  EXPECT_THAT(c->sinks[0].allowed_namespaces, ElementsAre("*"));
  EXPECT_EQ(c->sinks[1].slack->url.file, "/run/secrets/slack");
  EXPECT_THAT(c->sinks[1].allowed_namespaces, ElementsAre("shop"));
  EXPECT_EQ(c->sinks[1].messages_per_minute, 30);
  EXPECT_EQ(c->sinks[3].pagerduty->url, kPagerDutyEvents);
  EXPECT_TRUE(c->sinks[4].email->start_tls);
}

TEST(Sinks, OfGithubAreReadWithEveryFieldAndTheirDefaults) {
  const auto c = Load(R"(sinks:
- name: repo
  github: {repository: acme/shop, token: {env: T}, issue: {}, dispatch: {}, pullRequest: {}}
- name: enterprise
  github:
    repository: acme/shop.js
    url: https://github.example.com/api/v3/
    app: {id: 12, installation: 34, privateKey: {file: /run/secrets/app.pem}}
    issue: {labels: [ai-fix, "needs: a look"], closeOnResolved: false}
    dispatch: {eventType: ill}
    pullRequest: {base: release/1.x, directory: docs/incidents, labels: [report]}
)");
  ASSERT_TRUE(c.ok()) << c.status();
  const GithubSink& least = *c->sinks[0].github;
  EXPECT_EQ(least.url, kGithubApi);
  EXPECT_THAT(least.issue->labels, ElementsAre("ai-fix"));
  EXPECT_TRUE(least.issue->close_on_resolved);
  EXPECT_EQ(least.dispatch->event_type, "error-detected");
  EXPECT_EQ(least.pull_request->base, "main");
  EXPECT_EQ(least.pull_request->directory, "incidents");
  EXPECT_THAT(least.pull_request->labels, ElementsAre("salve"));
  const GithubSink& most = *c->sinks[1].github;
  EXPECT_EQ(most.url, "https://github.example.com/api/v3");
  EXPECT_EQ(most.app->installation, 34);
  EXPECT_FALSE(most.issue->close_on_resolved);
  EXPECT_EQ(most.pull_request->base, "release/1.x");
}

struct BadSink {
  const char* sentence;
  const char* sink;
  const char* want;
};

TEST(Sinks, ThatCannotBeRightAreRefusedWithLineAndField) {
  const BadSink cases[] = {
      {"of no kind", "{name: a}", "sinks[0]: Required value"},
      {"of two kinds", "{name: a, slack: {url: {env: A}}, teams: {url: {env: B}}}",
       "a sink is of one kind only"},
      {"an address that is none", "{name: a, webhook: {url: example.com}}", "sinks[0].webhook.url"},
      {"a password in the address", "{name: a, webhook: {url: 'https://u:p@example.com'}}",
       "sinks[0].webhook.url"},
      {"a secret from nowhere", "{name: a, slack: {url: {}}}", "sinks[0].slack.url"},
      {"a secret from two places", "{name: a, slack: {url: {env: A, file: /b}}}",
       "sinks[0].slack.url"},
      {"a relay without a port",
       "{name: a, email: {server: relay, from: a@b.example, to: [c@d.example]}}",
       "sinks[0].email.server"},
      {"nobody to write to", "{name: a, email: {server: 'r:25', from: a@b.example, to: []}}",
       "sinks[0].email.to"},
      {"a header in an address",
       "{name: a, email: {server: 'r:25', from: a@b.example, to: [\"c@d\\r\\nBcc: e@f\"]}}",
       "sinks[0].email.to[0]"},
      {"a password over a plain line",
       "{name: a, email: {server: 'r:25', from: a@b.example, to: [c@d.example], startTLS: false, "
       "user: u, password: {env: P}}}",
       "sinks[0].email.user: Forbidden"},
      {"a user without a password",
       "{name: a, email: {server: 'r:25', from: a@b.example, to: [c@d.example], user: u}}",
       "sinks[0].email.password"},
      {"no message at all a minute", "{name: a, slack: {url: {env: A}}, messagesPerMinute: 0}",
       "sinks[0].messagesPerMinute"},
      {"a repository without an owner",
       "{name: a, github: {repository: shop, token: {env: T}, issue: {}}}",
       "sinks[0].github.repository"},
      {"a repository that leads elsewhere",
       "{name: a, github: {repository: acme/.., token: {env: T}, issue: {}}}",
       "sinks[0].github.repository"},
      {"a way to GitHub without a log-in", "{name: a, github: {repository: a/b, issue: {}}}",
       "one of token and app"},
      {"two log-ins",
       "{name: a, github: {repository: a/b, token: {env: T}, issue: {}, app: {id: 1, "
       "installation: 2, privateKey: {env: K}}}}",
       "sinks[0].github.app: Forbidden"},
      {"nothing to do there", "{name: a, github: {repository: a/b, token: {env: T}}}",
       "at least one of issue, dispatch and pullRequest"},
      {"a label that is two",
       "{name: a, github: {repository: a/b, token: {env: T}, issue: {labels: ['x,y']}}}",
       "sinks[0].github.issue.labels[0]"},
      {"a directory outside",
       "{name: a, github: {repository: a/b, token: {env: T}, pullRequest: {directory: ../x}}}",
       "sinks[0].github.pullRequest.directory"},
      {"reports among the workflows",
       "{name: a, github: {repository: a/b, token: {env: T}, pullRequest: {directory: .github}}}",
       "sinks[0].github.pullRequest.directory"},
      {"a field that is none", "{name: a, slack: {url: {env: A}, channel: x}}", "channel"},
  };
  for (const BadSink& c : cases) {
    SCOPED_TRACE(c.sentence);
    const auto read = Load("sinks:\n- " + std::string(c.sink) + "\n");
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.code(), Code::kInvalidArgument);
    EXPECT_THAT(read.status().message(), HasSubstr("salve.yaml:4: "));
    EXPECT_THAT(read.status().message(), HasSubstr(c.want));
  }
}

TEST(Sinks, OfOneNameAreRefused) {
  const auto read =
      Load("sinks:\n- {name: a, slack: {url: {env: A}}}\n- {name: a, slack: {url: {env: A}}}\n");
  ASSERT_FALSE(read.ok());
  EXPECT_THAT(read.status().message(), HasSubstr("salve.yaml:5: sinks[1].name: Duplicate value"));
}

}  // namespace
}  // namespace salve::apis::config::v1alpha1
