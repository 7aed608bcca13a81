// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "controller/runtime/cluster_connection.h"
#include "controller/runtime/cluster_identities.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pkg/apis/kinds.h"
#include "pkg/apiserver/server.h"
#include "pkg/http/server.h"

namespace salve::runtime {
namespace {

using std::chrono::seconds;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kAccount[] = "/var/run/secrets/kubernetes.io/serviceaccount/";

class MapFiles final : public FileSource {
 public:
  std::map<std::string, std::string> files;
  StatusOr<std::string> Read(const std::string& path, std::size_t) override {
    const auto it = files.find(path);
    if (it == files.end()) return NotFoundError("reading " + path + ": No such file or directory");
    return it->second;
  }
};

ClusterConnection::Environment Env(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const std::string& name) -> std::optional<std::string> {
    const auto it = values.find(name);
    if (it == values.end()) return std::nullopt;
    return it->second;
  };
}

std::string Kubeconfig(const std::string& server) {
  return "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
         "clusters: [{name: c, cluster: {server: '" +
         server +
         "'}}]\nusers: [{name: u, user: {tokenFile: /token}}]\n"
         "contexts: [{name: c, context: {cluster: c, user: u}}]\n";
}

TEST(ClusterConnectionTest, InAPodItsServiceAccountIsUsedUnlessAKubeconfigIsNamed) {
  MapFiles files;
  files.files[std::string(kAccount) + "token"] = "secret-token\n";
  files.files[std::string(kAccount) + "ca.crt"] = "PEM";
  files.files[std::string(kAccount) + "namespace"] = "salve-system";
  files.files["/k"] = Kubeconfig("http://10.0.0.1:80");
  files.files["/token"] = "other-token";
  const auto env =
      Env({{"KUBERNETES_SERVICE_HOST", "fd00::1"}, {"KUBERNETES_SERVICE_PORT", "6443"}});

  const auto pod = ClusterConnection::Find("", "", files, env);
  ASSERT_TRUE(pod.ok()) << pod.status();
  const auto connection = pod->Load();
  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_EQ(connection->base_url, "https://[fd00::1]:6443");
  EXPECT_EQ(connection->headers.Get("Authorization"), "Bearer secret-token");
  EXPECT_EQ(connection->tls.ca_pem, "PEM");
  EXPECT_EQ(connection->ns, "salve-system");

  const auto named = ClusterConnection::Find("/k", "", files, env);
  ASSERT_TRUE(named.ok()) << named.status();
  EXPECT_EQ(named->Load()->base_url, "http://10.0.0.1:80");
}

TEST(ClusterConnectionTest, OutsideOfAPodTheUsualKubeconfigIsUsedAndAMissingOneIsNamed) {
  MapFiles files;
  const auto found = ClusterConnection::Find("", "", files, Env({{"HOME", "/home/op"}}));
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_THAT(found->Load().status().message(), HasSubstr("/home/op/.kube/config"));
}

// Remembers who asked; answers 401 to a token that it was told to refuse.
class Recorder final : public http::Handler {
 public:
  std::vector<std::string> seen;
  std::string refuse;
  void Handle(http::Request request, std::unique_ptr<http::ResponseWriter> writer) override {
    const std::string who(request.headers.Get("Authorization").value_or("-"));
    seen.push_back(who);
    writer->Send({who == refuse ? 401 : 200, {}, "{}"});
  }
};

class ClusterTransportTest : public ::testing::Test {
 protected:
  ClusterTransportTest() {
    server_ = std::move(http::Server::Start({}, recorder_)).value();
    files_.files["/k"] = Kubeconfig("http://127.0.0.1:" + std::to_string(server_->port()));
    files_.files["/token"] = "first";
  }
  std::unique_ptr<http::Transport> Make(Credentials credentials) {
    const auto connection = ClusterConnection::Find("/k", "", files_, Env({}));
    EXPECT_TRUE(connection.ok()) << connection.status();
    auto transport = MakeClusterTransport(*connection, credentials, clock_);
    EXPECT_TRUE(transport.ok()) << transport.status();
    return std::move(transport).value();
  }
  void Ask(http::Transport& transport) {
    http::CallOptions options;
    options.deadline = clock_.Monotonic() + seconds(10);
    const auto answer = transport.Send({}, options);
    ASSERT_TRUE(answer.ok()) << answer.status();
  }

  SimulatedClock clock_{WallTime(seconds(1'790'000'000))};
  MapFiles files_;
  Recorder recorder_;
  std::unique_ptr<http::Server> server_;
};

TEST_F(ClusterTransportTest, ARotatedTokenIsUsedAMinuteLaterAtTheLatest) {
  const auto transport = Make(Credentials::kOwn);
  Ask(*transport);
  files_.files["/token"] = "second";
  clock_.Advance(seconds(30));
  Ask(*transport);
  clock_.Advance(seconds(30));
  Ask(*transport);
  EXPECT_THAT(recorder_.seen, ElementsAre("Bearer first", "Bearer first", "Bearer second"));
}

TEST_F(ClusterTransportTest, ARefusedTokenIsReadAnewAtOnceButNotForEveryRefusal) {
  const auto transport = Make(Credentials::kOwn);
  recorder_.refuse = "Bearer first";
  Ask(*transport);
  files_.files["/token"] = "second";
  Ask(*transport);
  EXPECT_THAT(recorder_.seen, ElementsAre("Bearer first", "Bearer second"));
  recorder_.refuse = "Bearer second";
  Ask(*transport);
  files_.files["/token"] = "third";
  Ask(*transport);
  EXPECT_EQ(recorder_.seen.back(), "Bearer second");
}

TEST_F(ClusterTransportTest, WhatCannotBeReadLeavesTheKnownTokenInUse) {
  const auto transport = Make(Credentials::kOwn);
  files_.files.erase("/token");
  clock_.Advance(seconds(61));
  Ask(*transport);
  files_.files["/token"] = "\n";
  clock_.Advance(seconds(61));
  Ask(*transport);
  EXPECT_EQ(recorder_.seen.back(), "Bearer first");
}

TEST_F(ClusterTransportTest, WithoutCredentialsNoneOfOursAreShown) {
  const auto transport = Make(Credentials::kNone);
  Ask(*transport);
  EXPECT_THAT(recorder_.seen, ElementsAre("-"));
}

// Counts what passes, and may be cut.
class CountingTransport final : public http::Transport {
 public:
  explicit CountingTransport(http::Transport& inner) : inner_(inner) {}
  int calls = 0;
  bool cut = false;
  StatusOr<http::Response> Send(const http::Request& request,
                                const http::CallOptions& options) override {
    ++calls;
    if (cut) return UnavailableError("connection refused");
    return inner_.Send(request, options);
  }
  StatusOr<std::unique_ptr<http::ResponseStream>> Open(const http::Request& request,
                                                       const http::CallOptions& options) override {
    return inner_.Open(request, options);
  }

 private:
  http::Transport& inner_;
};

class ClusterIdentitiesTest : public ::testing::Test {
 protected:
  ClusterIdentitiesTest() {
    apiserver::ApiServerOptions options;
    for (const apis::Kind& kind : apis::SalveKinds()) {
      options.crds.push_back(apis::CustomResourceDefinition(kind));
    }
    api_ = std::move(apiserver::ApiServer::Create(std::move(options), clock_, random_)).value();
    inner_ = http::MakeInProcessTransport(api_->handler(), {}, clock_);
    transport_ = std::make_unique<CountingTransport>(*inner_);
    identities_ = std::make_unique<ClusterIdentities>(*transport_, "", clock_, random_);
  }
  std::string Token(const std::string& user, const std::string& group,
                    std::vector<std::string> namespaces = {}) {
    return api_->tokens().AddEphemeral({user, {group}, std::move(namespaces), {}});
  }
  static client::Json Approval(const std::string& approver) {
    return {{"apiVersion", "salve.dev/v1alpha1"},
            {"kind", "IncidentApproval"},
            {"metadata", {{"name", "a-" + approver}, {"namespace", "default"}}},
            {"spec",
             {{"incidentName", "i"},
              {"incidentUID", "7a1c0c62-3c3e-4b1f-9d0c-2f6b5a0e8f11"},
              {"policyName", "p"},
              {"proposalDigest", std::string(64, '0')},
              {"decision", "Approve"},
              {"approver", approver}}}};
  }

  SimulatedClock clock_{WallTime(seconds(1'790'000'000))};
  SeededRandom random_{7};
  std::unique_ptr<apiserver::ApiServer> api_;
  std::unique_ptr<http::Transport> inner_;
  std::unique_ptr<CountingTransport> transport_;
  std::unique_ptr<ClusterIdentities> identities_;
};

TEST_F(ClusterIdentitiesTest, ATokenIsWhomTheApiServerTakesItForAndIsRememberedForAMinute) {
  const std::string token = Token("vera", apiserver::kViewersGroup);
  const auto vera = identities_->Authenticate(token);
  ASSERT_TRUE(vera);
  EXPECT_EQ(vera->user, "vera");
  EXPECT_THAT(vera->groups, Contains(apiserver::kViewersGroup));
  EXPECT_TRUE(identities_->Authenticate(token));
  EXPECT_EQ(transport_->calls, 1);
  clock_.Advance(seconds(61));
  EXPECT_TRUE(identities_->Authenticate(token));
  EXPECT_EQ(transport_->calls, 2);
  EXPECT_TRUE(identities_->MayReadIncidents(*vera, "default")) << "a stream opened before goes on";
}

TEST_F(ClusterIdentitiesTest, ATokenThatTheServerDoesNotKnowIsNobodyAndNotAskedAboutAgainAndAgain) {
  for (int i = 0; i < 50; ++i) EXPECT_FALSE(identities_->Authenticate("nonsense"));
  EXPECT_EQ(transport_->calls, 1);
  EXPECT_FALSE(identities_->Authenticate(""));
  EXPECT_FALSE(identities_->Authenticate("two words"));
  EXPECT_FALSE(identities_->Authenticate(std::string(100'000, 'x')));
  EXPECT_EQ(transport_->calls, 1);
}

TEST_F(ClusterIdentitiesTest, AFloodOfUnknownTokensReachesTheServerOnlyNowAndThen) {
  for (int i = 0; i < 1000; ++i) identities_->Authenticate("nonsense-" + std::to_string(i));
  EXPECT_LE(transport_->calls, 20);
}

TEST_F(ClusterIdentitiesTest, AFloodOfGuessesDoesNotDriveOutWhoIsThere) {
  const std::string token = Token("vera", apiserver::kViewersGroup);
  const auto vera = identities_->Authenticate(token);
  ASSERT_TRUE(vera);
  for (int i = 0; i < 3000; ++i) {
    if (i % 10 == 0) clock_.Advance(std::chrono::milliseconds(500));
    (void)identities_->Authenticate("guess-" + std::to_string(i));
  }
  EXPECT_TRUE(identities_->MayReadIncidents(*vera, "default")) << "her session is still there";
  const auto again = identities_->Authenticate(token);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->groups, vera->groups);
}

TEST_F(ClusterIdentitiesTest, WithoutAnAnswerNobodyIsLetInAndNothingIsRemembered) {
  const std::string token = Token("vera", apiserver::kViewersGroup);
  transport_->cut = true;
  EXPECT_FALSE(identities_->Authenticate(token));
  transport_->cut = false;
  EXPECT_TRUE(identities_->Authenticate(token));
}

TEST_F(ClusterIdentitiesTest, RightsAreTheServersForEachNamespace) {
  const auto narrow = identities_->Authenticate(Token("ned", apiserver::kViewersGroup, {"shop"}));
  const auto none = identities_->Authenticate(Token("nora", "some:group"));
  ASSERT_TRUE(narrow && none);
  EXPECT_TRUE(identities_->MayReadIncidents(*narrow, "shop"));
  EXPECT_FALSE(identities_->MayReadIncidents(*narrow, "bank"));
  EXPECT_FALSE(identities_->MayReadIncidents(*none, "shop"));
  const int calls = transport_->calls;
  EXPECT_TRUE(identities_->MayReadIncidents(*narrow, "shop"));
  EXPECT_EQ(transport_->calls, calls);
}

TEST_F(ClusterIdentitiesTest, AnIdentityThatItDidNotGiveHasNoRights) {
  ASSERT_TRUE(identities_->Authenticate(Token("admin", apiserver::kAdminsGroup)));
  EXPECT_FALSE(identities_->MayReadIncidents({"admin", {apiserver::kAdminsGroup}}, "shop"));
  EXPECT_FALSE(identities_->MayReadIncidents({"admin", {"salve:edge-session:0"}}, "shop"));
  EXPECT_EQ(
      identities_->CreateApproval({"admin", {"salve:edge-session:"}}, Approval("admin")).code(),
      Code::kUnauthenticated);
}

TEST_F(ClusterIdentitiesTest, AnApprovalIsMadeWithTheRightsOfThePersonAndNoOthers) {
  const auto paul = identities_->Authenticate(Token("paul", apiserver::kApproversGroup));
  const auto vera = identities_->Authenticate(Token("vera", apiserver::kViewersGroup));
  ASSERT_TRUE(paul && vera);
  EXPECT_EQ(identities_->CreateApproval(*paul, Approval("quinn")).code(), Code::kPermissionDenied);
  EXPECT_EQ(identities_->CreateApproval(*vera, Approval("vera")).code(), Code::kPermissionDenied);
  const Status made = identities_->CreateApproval(*paul, Approval("paul"));
  EXPECT_TRUE(made.ok()) << made;
}

}  // namespace
}  // namespace salve::runtime
