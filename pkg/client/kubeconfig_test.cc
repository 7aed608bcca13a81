// SPDX-License-Identifier: Apache-2.0
#include "pkg/client/kubeconfig.h"

#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace salve::client {
namespace {

class FakeFiles : public FileSource {
 public:
  StatusOr<std::string> Read(const std::string& path, std::size_t) override {
    const auto it = files.find(path);
    if (it == files.end()) return NotFoundError(path + ": no such file");
    return it->second;
  }
  std::map<std::string, std::string> files;
};

class KubeconfigTest : public ::testing::Test {
 protected:
  static std::string Config(const std::string& cluster, const std::string& user) {
    return "apiVersion: v1\nkind: Config\ncurrent-context: main\n"
           "contexts:\n- name: main\n  context: {cluster: c, user: u, namespace: shop}\n"
           "- name: other\n  context: {cluster: c}\n"
           "clusters:\n- name: c\n  cluster: " +
           cluster + "\nusers:\n- name: u\n  user: " + user + "\n";
  }
  StatusOr<Connection> Load(const std::string& cluster, const std::string& user,
                            const std::string& context = "") {
    files_.files["/home/x/.kube/config"] = Config(cluster, user);
    return LoadKubeconfig("/home/x/.kube/config", context, files_);
  }
  void ExpectError(const StatusOr<Connection>& result, Code code, const std::string& text) {
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.code(), code) << result.status();
    EXPECT_THAT(result.status().message(), ::testing::HasSubstr(text));
    EXPECT_THAT(result.status().message(), ::testing::HasSubstr("/home/x/.kube/config"));
  }

  FakeFiles files_;
};

constexpr char kServer[] = "{server: 'https://127.0.0.1:6443'}";

TEST_F(KubeconfigTest, ATokenBecomesAnAuthorizationHeader) {
  const auto connection = Load(kServer, "{token: secret-token}");
  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_EQ(connection->base_url, "https://127.0.0.1:6443");
  EXPECT_EQ(connection->headers.Get("Authorization"), "Bearer secret-token");
  EXPECT_EQ(connection->ns, "shop");
  EXPECT_EQ(connection->context, "main");
  EXPECT_FALSE(connection->tls.insecure_skip_verify);
}

TEST_F(KubeconfigTest, ATokenFileIsReadRelativeToTheKubeconfigAndGoesBeforeTheToken) {
  files_.files["/home/x/.kube/token"] = "from-file\n";
  const auto connection = Load(kServer, "{token: inline, tokenFile: token}");
  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_EQ(connection->headers.Get("Authorization"), "Bearer from-file");
}

TEST_F(KubeconfigTest, CertificatesComeInlineOrFromFiles) {
  files_.files["/certs/ca.pem"] = "CA";
  files_.files["/home/x/.kube/key.pem"] = "KEY";
  const auto connection = Load(
      "{server: 'https://h/k8s/c1/', certificate-authority: /certs/ca.pem, tls-server-name: api}",
      "{client-certificate-data: Q0VSVA==, client-key: key.pem}");
  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_EQ(connection->base_url, "https://h:443");
  EXPECT_EQ(connection->path_prefix, "/k8s/c1");
  EXPECT_EQ(connection->tls.ca_pem, "CA");
  EXPECT_EQ(connection->tls.certificate_pem, "CERT");
  EXPECT_EQ(connection->tls.private_key_pem, "KEY");
  EXPECT_EQ(connection->tls.server_name, "api");
}

TEST_F(KubeconfigTest, NameAndPasswordAreBasicAuthentication) {
  const auto connection = Load(kServer, "{username: ann, password: pw12345}");
  ASSERT_TRUE(connection.ok());
  EXPECT_EQ(connection->headers.Get("Authorization"), "Basic YW5uOnB3MTIzNDU=");
}

TEST_F(KubeconfigTest, AnotherContextMayBeNamedAndNeedsNoUser) {
  const auto connection = Load(kServer, "{token: t}", "other");
  ASSERT_TRUE(connection.ok());
  EXPECT_EQ(connection->ns, "default");
  EXPECT_TRUE(connection->headers.empty());
  ExpectError(Load(kServer, "{token: t}", "nobody"), Code::kInvalidArgument,
              "contexts: has no entry called \"nobody\"");
}

TEST_F(KubeconfigTest, WhatSalveCannotDoIsNamedWithItsField) {
  ExpectError(Load(kServer, "{exec: {command: aws}}"), Code::kUnimplemented, "users[0].user.exec");
  ExpectError(Load(kServer, "{auth-provider: {name: gcp}}"), Code::kUnimplemented, "auth-provider");
  ExpectError(Load(kServer, "{as: admin}"), Code::kUnimplemented, "users[0].user.as");
  ExpectError(Load("{server: 'https://h', proxy-url: 'http://p'}", "{}"), Code::kUnimplemented,
              "clusters[0].cluster.proxy-url");
}

TEST_F(KubeconfigTest, BadValuesAreNamedWithTheirFieldAndLine) {
  ExpectError(Load("{server: 'ftp://h'}", "{}"), Code::kInvalidArgument,
              "clusters[0].cluster.server");
  ExpectError(Load("{}", "{}"), Code::kInvalidArgument, "clusters[0].cluster.server");
  ExpectError(Load("{server: 7}", "{}"), Code::kInvalidArgument, "must be a string");
  ExpectError(Load("{server: 'https://h', certificate-authority-data: '!!'}", "{}"),
              Code::kInvalidArgument, "certificate-authority-data: is not base64");
  ExpectError(Load("{server: 'https://h', certificate-authority: /no/such}", "{}"), Code::kNotFound,
              "clusters[0].cluster.certificate-authority");
  ExpectError(Load("{server: 'https://h', insecure-skip-tls-verify: true, "
                   "certificate-authority-data: Q0E=}",
                   "{}"),
              Code::kInvalidArgument, "cannot be combined");
  ExpectError(Load(kServer, "{client-certificate-data: Q0VSVA==}"), Code::kInvalidArgument,
              "must be set together");
  ExpectError(Load(kServer, "{token: \"a\\nb\"}"), Code::kInvalidArgument, "control characters");
  ExpectError(Load(kServer, "{tokenFile: 5}"), Code::kInvalidArgument,
              ":14: users[0].user.tokenFile");
}

TEST_F(KubeconfigTest, WhatIsNoKubeconfigIsAnErrorThatNamesTheFile) {
  ExpectError(LoadKubeconfig("/home/x/.kube/config", "", files_), Code::kNotFound, "no such file");
  for (const char* text : {"", "[]", "a: [", "just text", "clusters: 5\ncurrent-context: x\n"}) {
    files_.files["/home/x/.kube/config"] = text;
    ExpectError(LoadKubeconfig("/home/x/.kube/config", "", files_), Code::kInvalidArgument, "");
  }
}

TEST(KubeconfigPathTest, TheFlagGoesBeforeTheEnvironmentAndThatBeforeTheHomeDirectory) {
  std::map<std::string, std::string> environment;
  const auto env = [&](const std::string& name) -> std::optional<std::string> {
    const auto it = environment.find(name);
    return it == environment.end() ? std::nullopt : std::optional(it->second);
  };
  EXPECT_EQ(KubeconfigPath("", env).code(), Code::kInvalidArgument);
  environment["HOME"] = "/home/x";
  EXPECT_EQ(*KubeconfigPath("", env), "/home/x/.kube/config");
  environment["KUBECONFIG"] = "/a";
  EXPECT_EQ(*KubeconfigPath("", env), "/a");
  EXPECT_EQ(*KubeconfigPath("/b", env), "/b");
  environment["KUBECONFIG"] = "/a:/b";
  EXPECT_EQ(KubeconfigPath("", env).code(), Code::kUnimplemented);
}

}  // namespace
}  // namespace salve::client
