// SPDX-License-Identifier: Apache-2.0
// What the author of a policy may not reach by it: the controller's own secrets, the secrets of
// other namespaces, and addresses that only the controller can connect to.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "controller/runtime/backends.h"
#include "controller/runtime/secrets.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/base/clock.h"
#include "pkg/base/redact.h"
#include "pkg/client/testing/fake_client.h"

namespace salve::runtime {
namespace {

namespace fs = std::filesystem;
using apis::config::v1alpha1::ControllerConfiguration;
using apis::salve::v1alpha1::SecretSource;
using ::testing::HasSubstr;
using ::testing::Not;

class SecretsTest : public ::testing::Test {
 protected:
  SecretsTest() {
    fs::create_directories(root_ / "open");
    Write(root_ / "open" / "password", "s3cret-of-redis\n");
    Write(root_ / "token", "the-controllers-own-token");
  }
  ~SecretsTest() override { fs::remove_all(root_); }

  static void Write(const fs::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
  }
  StatusOr<std::string> File(const fs::path& path) {
    SecretSource source;
    source.file = path.string();
    return reader_.Read(source, "shop");
  }
  StatusOr<std::string> Variable(const std::string& name) {
    SecretSource source;
    source.env = name;
    return reader_.Read(source, "shop");
  }

  fs::path root_ = fs::path(::testing::TempDir()) / ("salve-secrets-" + std::to_string(::getpid()));
  SimulatedClock clock_{WallTime(std::chrono::seconds(1'790'000'000))};
  client::testing::FakeClient server_{clock_};
  PolicySecretReader reader_{server_, (root_ / "open").string()};
};

TEST_F(SecretsTest, AFileBelowTheOpenDirectoryIsReadWithoutItsLineEndAndHiddenFromLogs) {
  const auto value = File(root_ / "open" / "password");
  ASSERT_TRUE(value.ok()) << value.status();
  EXPECT_EQ(*value, "s3cret-of-redis");
  EXPECT_THAT(Redact("AUTH s3cret-of-redis failed"), Not(HasSubstr("s3cret-of-redis")));
}

TEST_F(SecretsTest, NoPathLeadsOutOfTheOpenDirectory) {
  fs::create_symlink(root_ / "token", root_ / "open" / "link");
  for (const fs::path& path : {root_ / "token", root_ / "open" / ".." / "token",
                               root_ / "open" / "link", fs::path("/proc/self/environ")}) {
    const auto value = File(path);
    EXPECT_EQ(value.code(), Code::kPermissionDenied) << path;
    EXPECT_THAT(value.status().message(), Not(HasSubstr("own-token")));
  }
}

TEST_F(SecretsTest, WithoutAnOpenDirectoryNoFileIsRead) {
  PolicySecretReader closed(server_, "");
  SecretSource source;
  source.file = (root_ / "open" / "password").string();
  EXPECT_EQ(closed.Read(source, "shop").code(), Code::kPermissionDenied);
}

TEST_F(SecretsTest, AnEndlessFileIsRefusedInsteadOfRead) {
  Write(root_ / "open" / "big", std::string(100 << 10, 'x'));
  EXPECT_EQ(File(root_ / "open" / "big").code(), Code::kInvalidArgument);
}

TEST_F(SecretsTest, OnlyVariablesThatAreMeantForPoliciesAreRead) {
  ::setenv("SALVE_SECRET_TRUST_TEST", "for-policies", 1);
  ::setenv("AWS_SECRET_ACCESS_KEY", "the-controllers-own", 1);
  EXPECT_EQ(Variable("SALVE_SECRET_TRUST_TEST").value_or(""), "for-policies");
  const auto own = Variable("AWS_SECRET_ACCESS_KEY");
  EXPECT_EQ(own.code(), Code::kPermissionDenied);
  EXPECT_THAT(own.status().message(), Not(HasSubstr("the-controllers-own")));
  ::unsetenv("AWS_SECRET_ACCESS_KEY");
  ::unsetenv("SALVE_SECRET_TRUST_TEST");
}

TEST_F(SecretsTest, ASecretIsReadInThePolicysOwnNamespaceOnly) {
  const apis::meta::v1::ResourceInfo secrets{"", "v1", "secrets", "Secret", true};
  for (const char* ns : {"shop", "bank"}) {
    const client::Json object = {
        {"apiVersion", "v1"},
        {"kind", "Secret"},
        {"metadata", {{"namespace", ns}, {"name", ns}}},
        {"data",
         {{"password", ns == std::string("shop") ? "c2hvcC12YWx1ZQ==" : "YmFuay12YWx1ZQ=="}}}};
    ASSERT_TRUE(server_.Create(secrets, object).ok());
  }
  SecretSource source;
  source.secret_key = "password";
  source.secret_name = "shop";
  EXPECT_EQ(reader_.Read(source, "shop").value_or(""), "shop-value");
  source.secret_name = "bank";
  EXPECT_EQ(reader_.Read(source, "shop").code(), Code::kNotFound);
  source.secret_name = "bank/bank";
  EXPECT_FALSE(reader_.Read(source, "shop").ok());
  source.secret_name = "../bank/secrets/bank";
  EXPECT_FALSE(reader_.Read(source, "shop").ok());
}

Status Asked(const ControllerConfiguration& configuration, const std::string& ip,
             ProbeLimitsOf limits = nullptr) {
  return MakeAddressPolicy(configuration, std::move(limits))("shop", ip);
}

TEST(ProbeAddresses, WhereCloudsKeepCredentialsIsClosedInEveryNotation) {
  const ControllerConfiguration configuration;
  for (const char* ip : {"169.254.169.254", "169.254.170.2", "::ffff:169.254.169.254",
                         "::ffff:a9fe:a9fe", "fe80::1", "fd00:ec2::254"}) {
    EXPECT_EQ(Asked(configuration, ip).code(), Code::kPermissionDenied) << ip;
  }
  EXPECT_TRUE(Asked(configuration, "10.0.0.7").ok());
  EXPECT_TRUE(Asked(configuration, "127.0.0.1").ok());
}

TEST(ProbeAddresses, OnAClusterTheControllersLoopbackAndTheApiServerAreClosedToo) {
  ControllerConfiguration configuration;
  CloseOwnCluster(configuration, "10.96.0.1");
  for (const char* ip : {"127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", "10.96.0.1"}) {
    EXPECT_EQ(Asked(configuration, ip).code(), Code::kPermissionDenied) << ip;
  }
  EXPECT_TRUE(Asked(configuration, "10.96.0.2").ok());
  ControllerConfiguration named;
  CloseOwnCluster(named, "api.example.com");
  EXPECT_TRUE(Asked(named, "10.96.0.1").ok());
}

TEST(ProbeAddresses, WhatTheAdministratorAllowsIsWhatCounts) {
  ControllerConfiguration configuration;
  configuration.probes.allowed_cidrs = {"127.0.0.0/8", "10.0.0.0/8"};
  configuration.probes.denied_cidrs = {"10.1.0.0/16"};
  CloseOwnCluster(configuration, "10.96.0.1");
  EXPECT_TRUE(Asked(configuration, "127.0.0.1").ok());
  EXPECT_TRUE(Asked(configuration, "10.96.0.1").ok());
  EXPECT_EQ(Asked(configuration, "10.1.2.3").code(), Code::kPermissionDenied);
  EXPECT_EQ(Asked(configuration, "192.168.0.1").code(), Code::kPermissionDenied);
}

TEST(ProbeAddresses, AGuardrailCanOnlyNarrowThem) {
  ControllerConfiguration configuration;
  configuration.probes.allowed_cidrs = {"10.0.0.0/8"};
  const auto limits = [](const std::string&) {
    return std::vector<ProbeLimit>{{"team", {"10.2.0.0/16", "192.168.0.0/16"}}};
  };
  EXPECT_TRUE(Asked(configuration, "10.2.0.1", limits).ok());
  EXPECT_THAT(Asked(configuration, "10.3.0.1", limits).message(), HasSubstr("guardrail team"));
  EXPECT_EQ(Asked(configuration, "192.168.0.1", limits).code(), Code::kPermissionDenied);
}

TEST(ProbeAddresses, WhatIsNoAddressIsRefused) {
  EXPECT_FALSE(Asked(ControllerConfiguration(), "localhost").ok());
  EXPECT_FALSE(Asked(ControllerConfiguration(), "").ok());
}

}  // namespace
}  // namespace salve::runtime
