// SPDX-License-Identifier: Apache-2.0
#include "pkg/apis/config/v1alpha1/configuration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace salve::apis::config::v1alpha1 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kHead[] = "apiVersion: config.salve.dev/v1alpha1\nkind: ControllerConfiguration\n";

TEST(LoadConfiguration, WithoutABackendMeansTheLocalEngineForEverybody) {
  const auto c = LoadConfiguration(kHead, "salve.yaml");
  ASSERT_TRUE(c.ok()) << c.status();
  ASSERT_EQ(c->backends.size(), 1u);
  EXPECT_EQ(c->backends[0].name, "docker");
  EXPECT_THAT(c->backends[0].docker->allowed_namespaces, ElementsAre("*"));
}

TEST(LoadConfiguration, ReadsEveryField) {
  const auto c = LoadConfiguration(std::string(kHead) + R"(
backends:
- name: edge
  docker:
    host: tcp://10.0.0.1:2376
    tls: {caFile: /ca.pem, certFile: /c.pem, keyFile: /k.pem, serverName: engine}
    allowedNamespaces: [shop]
exec: {allow: [[nginx, -s, reload]]}
probes: {allowedCIDRs: [10.0.0.0/8], deniedCIDRs: ["fe80::/10"]}
)",
                                   "salve.yaml");
  ASSERT_TRUE(c.ok()) << c.status();
  EXPECT_EQ(c->backends[0].docker->tls->server_name, "engine");
  EXPECT_THAT(c->backends[0].docker->allowed_namespaces, ElementsAre("shop"));
  EXPECT_THAT(c->exec.allow, ElementsAre(ElementsAre("nginx", "-s", "reload")));
  EXPECT_THAT(c->probes.denied_cidrs, ElementsAre("fe80::/10"));
}

TEST(LoadConfiguration, ReadsSecretsInAws) {
  const auto c = LoadConfiguration(std::string(kHead) + R"(
backends: [{name: aws, ecs: {region: eu-west-1}}]
secrets: {aws: {backend: aws, policyPrefix: /salve/policies, refreshSeconds: 60}}
receivers:
- name: am
  kind: alertmanager
  authentication:
    bearer:
    - {ssm: {name: "/salve/token:3"}}
    - {ssm: {name: "arn:aws:ssm:eu-west-1:123456789012:parameter/salve/token"}}
    - {secretsManager: {id: "arn:aws-cn:secretsmanager:eu-west-1:123456789012:secret:salve/t-AbCdEf"}}
    - {secretsManager: {id: salve/am, key: token}}
)",
                                   "salve.yaml");
  ASSERT_TRUE(c.ok()) << c.status();
  EXPECT_EQ(c->secrets.aws.backend, "aws");
  EXPECT_EQ(c->secrets.aws.policy_prefix, "/salve/policies");
  EXPECT_EQ(c->secrets.aws.refresh_seconds, 60);
  const auto& tokens = c->receivers[0].authentication.bearer;
  EXPECT_EQ(tokens[0].ssm->name, "/salve/token:3");
  EXPECT_EQ(tokens[3].secrets_manager->key, "token");
}

TEST(LoadConfiguration, NamesTheFieldOfASecretThatCannotBeInAws) {
  const struct {
    const char* token;
    const char* said;
  } cases[] = {
      {"{env: A, ssm: {name: /a}}", "exactly one of env, file, ssm, secretsManager"},
      {"{ssm: {name: /a/../b}}", ".ssm.name"},
      {"{ssm: {name: /a//b}}", ".ssm.name"},
      {"{ssm: {name: ''}}", ".ssm.name"},
      {"{ssm: {name: 'arn:aws:s3:::bucket/a'}}", ".ssm.name"},
      {"{secretsManager: {id: a/./b}}", ".secretsManager.id"},
      {"{secretsManager: {id: 'arn:aws:ssm:eu-west-1:123456789012:parameter/a'}}",
       ".secretsManager.id"},
      {"{secretsManager: {key: k}}", ".secretsManager.id"},
  };
  for (const auto& one : cases) {
    const auto c = LoadConfiguration(
        std::string(kHead) + "receivers:\n- {name: am, kind: alertmanager, authentication: " +
            "{bearer: [" + one.token + "]}}\n",
        "salve.yaml");
    ASSERT_FALSE(c.ok()) << one.token;
    EXPECT_THAT(c.status().message(), HasSubstr(one.said)) << one.token;
    EXPECT_THAT(c.status().message(), HasSubstr("salve.yaml:4")) << one.token;
  }
}

TEST(LoadConfiguration, SaysOnceWhoseCredentialsReadSecrets) {
  const struct {
    const char* aws;
    const char* said;
  } cases[] = {
      {"{backend: nowhere}", "secrets.aws.backend"},
      {"{backend: docker}", "secrets.aws.backend"},
      {"{backend: aws, region: eu-west-1}", "secrets.aws.region"},
      {"{backend: aws, roleARN: 'arn:aws:iam::123456789012:role/r'}", "secrets.aws.roleARN"},
      {"{endpoint: nonsense}", "secrets.aws.endpoint"},
      {"{policyPrefix: salve}", "secrets.aws.policyPrefix"},
      {"{policyPrefix: /salve/}", "secrets.aws.policyPrefix"},
      {"{policyPrefix: /salve/..}", "secrets.aws.policyPrefix"},
      {"{refreshSeconds: 0}", "secrets.aws.refreshSeconds"},
  };
  for (const auto& one : cases) {
    const auto c = LoadConfiguration(
        std::string(kHead) +
            "backends: [{name: aws, ecs: {region: eu-west-1}}, {name: docker, docker: {}}]\n" +
            "secrets: {aws: " + one.aws + "}\n",
        "salve.yaml");
    ASSERT_FALSE(c.ok()) << one.aws;
    EXPECT_THAT(c.status().message(), HasSubstr(one.said)) << one.aws;
  }
}

TEST(LoadConfiguration, ReadsReceivers) {
  const auto c = LoadConfiguration(std::string(kHead) + R"(
receivers:
- name: am
  kind: alertmanager
  authentication: {basic: [{file: /run/am}, {env: AM}]}
  allowedNamespaces: [shop]
  requestsPerHour: 10
- {name: aws, kind: sns, topicARNs: ["arn:aws:sns:eu-central-1:123456789012:alarms"]}
)",
                                   "salve.yaml");
  ASSERT_TRUE(c.ok()) << c.status();
  ASSERT_EQ(c->receivers.size(), 2u);
  EXPECT_EQ(c->receivers[0].authentication.basic[0].file, "/run/am");
  EXPECT_EQ(c->receivers[0].authentication.basic[1].env, "AM");
  EXPECT_EQ(c->receivers[0].requests_per_hour, 10);
  EXPECT_EQ(c->receivers[0].burst, 2000);
  EXPECT_THAT(c->receivers[0].allowed_namespaces, ElementsAre("shop"));
  EXPECT_THAT(c->receivers[1].allowed_namespaces, ElementsAre("*"));
}

struct BadCase {
  const char* text;
  const char* want;
};

class BadConfiguration : public testing::TestWithParam<BadCase> {};

TEST_P(BadConfiguration, IsRefusedWithFileLineAndField) {
  const auto c = LoadConfiguration(std::string(kHead) + GetParam().text, "salve.yaml");
  ASSERT_FALSE(c.ok());
  EXPECT_EQ(c.code(), Code::kInvalidArgument);
  EXPECT_THAT(c.status().message(), HasSubstr(GetParam().want));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadConfiguration,
    testing::Values(
        BadCase{"colour: red\n", "salve.yaml:3: "}, BadCase{"colour: red\n", "colour"},
        BadCase{"backends:\n- name: a\n  docker: {}\n- name: a\n  docker: {}\n",
                "salve.yaml:6: backends[1].name: Duplicate value"},
        BadCase{"backends:\n- name: a\n", "backends[0]"},
        BadCase{"backends:\n- name: a\n  docker: {host: ssh://x}\n", "backends[0].docker.host"},
        BadCase{"backends:\n- name: a\n  ecs: {region: here}\n",
                "salve.yaml:5: backends[0].ecs.region: Invalid value"},
        BadCase{"backends:\n- name: a\n  ecs: {endpoint: aws}\n", "backends[0].ecs.endpoint"},
        BadCase{"backends:\n- name: a\n  ecs: {}\n  docker: {}\n",
                "backends[0].ecs: Forbidden: a backend is of one kind only"},
        BadCase{"probes: {allowedCIDRs: [10.0.0.0/33]}\n", "probes.allowedCIDRs[0]"},
        BadCase{"probes: 3\n", "probes"}, BadCase{"exec: [\n", "salve.yaml"}));

TEST(LoadConfiguration, RefusesAnotherKind) {
  const auto c = LoadConfiguration("apiVersion: v1\nkind: ConfigMap\n", "salve.yaml");
  ASSERT_FALSE(c.ok());
  EXPECT_THAT(c.status().message(), HasSubstr("salve.yaml:1: apiVersion"));
}

}  // namespace
}  // namespace salve::apis::config::v1alpha1
