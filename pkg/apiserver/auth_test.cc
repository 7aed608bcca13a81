// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/auth.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "pkg/apiserver/backup.h"
#include "pkg/apiserver/certs.h"
#include "pkg/apiserver/server_kubeconfig.h"
#include "pkg/apiserver/server_testing.h"
#include "pkg/apiserver/store_file.h"
#include "pkg/base/time_format.h"

namespace salve::apiserver::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "auth_test.XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

mode_t ModeOf(const std::string& path) {
  struct stat info{};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 0777;
}

Attributes On(const std::string& verb, const std::string& resource,
              const std::string& ns = "shop") {
  Attributes a;
  a.verb = verb;
  a.group = "salve.dev";
  const auto slash = resource.find('/');
  a.resource = resource.substr(0, slash);
  if (slash != std::string::npos) a.subresource = resource.substr(slash + 1);
  if (a.resource == "secrets" || a.resource == "namespaces" || a.resource == "configmaps") {
    a.group = "";
  }
  a.ns = ns;
  return a;
}

struct RightCase {
  const char* who;
  const char* verb;
  const char* resource;
  bool allowed;
};

TEST(AuthorizerTest, EachGroupMayWhatItsNameSays) {
  const RightCase cases[] = {
      {kAdminsGroup, "delete", "secrets", true},
      {kMastersGroup, "update", "healingguardrails", true},
      {kOperatorsGroup, "create", "healingpolicies", true},
      {kOperatorsGroup, "patch", "incidents", true},
      {kOperatorsGroup, "update", "incidents/status", false},
      {kOperatorsGroup, "list", "healingguardrails", true},
      {kOperatorsGroup, "update", "healingguardrails", false},
      {kOperatorsGroup, "get", "secrets", false},
      {kOperatorsGroup, "approve", "healingpolicies", false},
      {kOperatorsGroup, "create", "incidentapprovals", false},
      {kApproversGroup, "approve", "healingpolicies", true},
      {kApproversGroup, "create", "incidentapprovals", true},
      {kApproversGroup, "list", "incidents", true},
      {kApproversGroup, "update", "healingpolicies", false},
      {kViewersGroup, "watch", "incidents", true},
      {kViewersGroup, "get", "secrets", false},
      {kViewersGroup, "create", "incidents", false},
      {"nobody:special", "get", "incidents", false},
  };
  for (const RightCase& c : cases) {
    Identity identity;
    identity.user = "u";
    identity.groups = {c.who};
    EXPECT_EQ(Allowed(identity, On(c.verb, c.resource)), c.allowed)
        << c.who << " " << c.verb << " " << c.resource;
  }
}

TEST(AuthorizerTest, TheControllerMayNotApproveNorWritePolicies) {
  Identity controller;
  controller.user = kControllerUser;
  EXPECT_TRUE(Allowed(controller, On("update", "incidents/status")));
  EXPECT_TRUE(Allowed(controller, On("create", "incidents")));
  EXPECT_FALSE(Allowed(controller, On("create", "incidentapprovals")));
  EXPECT_FALSE(Allowed(controller, On("approve", "healingpolicies")));
  EXPECT_FALSE(Allowed(controller, On("update", "healingpolicies")));
  EXPECT_FALSE(Allowed(controller, On("list", "secrets")));
}

TEST(AuthorizerTest, AControllerBesideTheServerHasTheSameRightsByItsGroupAndNoOthers) {
  Identity controller;
  controller.user = "salve-controller-2";
  controller.groups = {kControllersGroup};
  EXPECT_TRUE(Allowed(controller, On("update", "incidents/status")));
  EXPECT_TRUE(Allowed(controller, On("create", "incidents")));
  EXPECT_FALSE(Allowed(controller, On("create", "incidentapprovals")));
  EXPECT_FALSE(Allowed(controller, On("update", "healingpolicies")));
  Attributes release = On("delete", "leases", "salve-system");
  release.group = "coordination.k8s.io";
  EXPECT_TRUE(Allowed(controller, release)) << "else a target stays locked after each action";
  controller.groups.clear();
  EXPECT_FALSE(Allowed(controller, On("create", "incidents")));
}

TEST(AuthorizerTest, ARestrictedTokenStaysInItsNamespacesAndPolicies) {
  Identity identity;
  identity.user = "u";
  identity.groups = {kApproversGroup};
  identity.namespaces = {"shop"};
  identity.policies = {"redis"};
  EXPECT_TRUE(Allowed(identity, On("list", "incidents", "shop")));
  EXPECT_FALSE(Allowed(identity, On("list", "incidents", "bank")));
  EXPECT_FALSE(Allowed(identity, On("list", "incidents", "")));
  Attributes approve = On("approve", "healingpolicies", "shop");
  approve.name = "redis";
  EXPECT_TRUE(Allowed(identity, approve));
  approve.name = "postgres";
  EXPECT_FALSE(Allowed(identity, approve));
}

TEST(RequestTest, WithoutATokenOnlyHealthAndVersionAnswer) {
  TestServer server;
  http::Request request;
  request.target = "/healthz";
  EXPECT_EQ(server.Send(request).status, 200);
  request.target = kPolicies;
  const Answer refused = server.Send(request);
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.body["reason"], "Unauthorized");
  EXPECT_EQ(refused.body["message"], "Unauthorized");
  EXPECT_EQ(server.As("salve_0000000000_" + std::string(48, '0'), "GET", kPolicies).status, 401);
  http::Response refusal;
  request.method = "POST";
  EXPECT_FALSE(server.api->handler().AdmitHead(request, &refusal));
  EXPECT_EQ(refusal.status, 401);
}

TEST(RequestTest, AMissingRightIsForbiddenInKubectlsWords) {
  TestServer server;
  const std::string bob = server.Token("bob", {kViewersGroup});
  EXPECT_EQ(server.As(bob, "GET", kPolicies).status, 200);
  const Answer refused = server.As(bob, "POST", kPolicies, Policy("p1"));
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.body["message"],
            "healingpolicies.salve.dev is forbidden: User \"bob\" cannot create resource "
            "\"healingpolicies\" in API group \"salve.dev\" in the namespace \"default\"");
  EXPECT_EQ(server.As(bob, "GET", "/api/v1/secrets").status, 403);
}

TEST(RequestTest, ReviewsAnswerFromTheSameRules) {
  TestServer server;
  const std::string bob = server.Token("bob", {kViewersGroup});
  const auto may = [&](const std::string& verb) {
    const Json review = {{"spec",
                          {{"resourceAttributes",
                            {{"verb", verb},
                             {"group", "salve.dev"},
                             {"resource", "incidents"},
                             {"namespace", "default"}}}}}};
    const Answer answer =
        server.As(bob, "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review);
    EXPECT_EQ(answer.status, 201) << answer.text;
    return answer.body["status"]["allowed"].get<bool>();
  };
  EXPECT_TRUE(may("list"));
  EXPECT_FALSE(may("create"));
  const Answer self =
      server.As(bob, "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", Json::object());
  EXPECT_EQ(self.body["status"]["userInfo"]["username"], "bob");
}

Json Approval(const std::string& name, const std::string& approver, const std::string& policy) {
  return {{"apiVersion", "salve.dev/v1alpha1"},
          {"kind", "IncidentApproval"},
          {"metadata", {{"name", name}}},
          {"spec",
           {{"incidentName", "i1"},
            {"incidentUID", "0b1b0f3e-8a55-4d8a-9f2a-0c5b0f3e8a55"},
            {"policyName", policy},
            {"proposalDigest", std::string(64, 'a')},
            {"decision", "Approve"},
            {"approver", approver}}}};
}

TEST(ApprovalTest, OnlyWhoHoldsTheRightMayApproveAndOnlyInHisOwnName) {
  TestServer server;
  const std::string ann = server.Token("ann", {kApproversGroup}, {}, {"p1"});
  const Answer good = server.As(ann, "POST", kApprovals, Approval("a1", "ann", "p1"));
  ASSERT_EQ(good.status, 201) << good.text;

  const Answer other_name = server.As(ann, "POST", kApprovals, Approval("a2", "bob", "p1"));
  EXPECT_EQ(other_name.status, 403);
  EXPECT_THAT(other_name.body["message"].get<std::string>(),
              HasSubstr("incidentapprovals.salve.dev \"a2\" is forbidden: "
                        "ValidatingAdmissionPolicy 'incidentapprovals.salve.dev' with binding "
                        "'incidentapprovals.salve.dev' denied request: "));
  EXPECT_EQ(server.As(ann, "POST", kApprovals, Approval("a3", "ann", "p2")).status, 403)
      << "another policy";
  EXPECT_EQ(server.Do("POST", kApprovals, Approval("a4", "ann", "p1")).status, 403)
      << "even an administrator approves only in his own name";
  EXPECT_EQ(server
                .As(server.api->controller_token(), "POST", kApprovals,
                    Approval("a5", kControllerUser, "p1"))
                .status,
            403);
  const std::string both =
      server.api->tokens().AddEphemeral({"eve", {kControllersGroup, kApproversGroup}, {}, {}});
  EXPECT_EQ(server.As(both, "POST", kApprovals, Approval("a6", "eve", "p1")).status, 403)
      << "a controller that is an approver, too";
  const Answer changed =
      server.Do("PATCH", std::string(kApprovals) + "/a1", {{"spec", {{"decision", "Reject"}}}});
  EXPECT_GE(changed.status, 400);
  EXPECT_EQ(server.Do("GET", std::string(kApprovals) + "/a1").body["spec"]["decision"], "Approve");
}

TEST(TokenTest, OnlyTheHashIsKeptAndAnotherProcessSeesChanges) {
  TemporaryDirectory directory;
  SimulatedClock clock(*ParseTime("2026-01-02T03:04:05Z"));
  SeededRandom random(1);
  auto first = TokenStore::Open(directory.path(), clock, random);
  auto second = TokenStore::Open(directory.path(), clock, random);
  ASSERT_TRUE(first.ok() && second.ok());
  TokenRecord record;
  record.identity.user = "ann";
  record.identity.groups = {kViewersGroup};
  const auto token = (*first)->Add(record);
  ASSERT_TRUE(token.ok());
  const std::string file = directory.path() + "/tokens.json";
  EXPECT_EQ(ModeOf(file), 0600u);
  EXPECT_THAT(*ReadFile(file, 1 << 20), Not(HasSubstr(token->secret.substr(20))));

  clock.Advance(std::chrono::seconds(2));
  const auto seen = (*second)->Authenticate(token->secret);
  ASSERT_TRUE(seen.has_value());
  EXPECT_EQ(seen->user, "ann");
  std::string wrong = token->secret;
  wrong.back() = wrong.back() == '0' ? '1' : '0';
  EXPECT_FALSE((*second)->Authenticate(wrong));

  ASSERT_TRUE((*second)->Revoke(token->record.id).ok());
  EXPECT_EQ((*second)->Revoke(token->record.id).code(), Code::kNotFound);
  clock.Advance(std::chrono::seconds(2));
  EXPECT_FALSE((*first)->Authenticate(token->secret));
}

TEST(TokenTest, ExpiredTokensAndBadRecordsAreRefused) {
  SimulatedClock clock(*ParseTime("2026-01-02T03:04:05Z"));
  SeededRandom random(1);
  auto store = TokenStore::Open("", clock, random);
  ASSERT_TRUE(store.ok());
  TokenRecord record;
  EXPECT_EQ((*store)->Add(record).code(), Code::kInvalidArgument);
  record.identity.user = kControllerUser;
  EXPECT_EQ((*store)->Add(record).code(), Code::kInvalidArgument);
  record.identity.user = "ann";
  record.expires = "tomorrow";
  EXPECT_EQ((*store)->Add(record).code(), Code::kInvalidArgument);
  record.expires = "2026-01-02T04:00:00Z";
  const auto token = (*store)->Add(record);
  ASSERT_TRUE(token.ok());
  EXPECT_TRUE((*store)->Authenticate(token->secret));
  clock.Advance(std::chrono::hours(1));
  EXPECT_FALSE((*store)->Authenticate(token->secret));
}

TEST(CertificateTest, CertificatesStayUntilTheyMustBeRenewed) {
  TemporaryDirectory directory;
  SimulatedClock clock(*ParseTime("2026-01-02T03:04:05Z"));
  const auto first = EnsureCertificates(directory.path(), "127.0.0.1", clock);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(ModeOf(directory.path() + "/pki/ca.key"), 0600u);
  EXPECT_EQ(ModeOf(directory.path() + "/pki/server.key"), 0600u);
  EXPECT_EQ(EnsureCertificates(directory.path(), "127.0.0.1", clock)->certificate,
            first->certificate);
  const auto other_host = EnsureCertificates(directory.path(), "salve.example", clock);
  EXPECT_NE(other_host->certificate, first->certificate);
  EXPECT_EQ(other_host->ca_certificate, first->ca_certificate);
  clock.Advance(std::chrono::hours(24 * 340));
  const auto later = EnsureCertificates(directory.path(), "salve.example", clock);
  EXPECT_NE(later->certificate, other_host->certificate);
  EXPECT_EQ(later->ca_certificate, first->ca_certificate);
  std::ofstream(directory.path() + "/pki/server.crt") << "damaged";
  EXPECT_TRUE(EnsureCertificates(directory.path(), "salve.example", clock).ok());
  EXPECT_EQ(EnsureCertificates(directory.path(), "not a host!", clock).code(),
            Code::kInvalidArgument);
}

TEST(KubeconfigTest, TheAdministratorsTokenStaysFromStartToStart) {
  TemporaryDirectory directory;
  SimulatedClock clock(*ParseTime("2026-01-02T03:04:05Z"));
  SeededRandom random(1);
  auto tokens = TokenStore::Open(directory.path(), clock, random);
  const auto path = EnsureKubeconfig(directory.path(), "https://127.0.0.1:6443", "CA", **tokens);
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_EQ(ModeOf(*path), 0600u);
  const std::string before = *ReadFile(*path, 1 << 20);
  EXPECT_THAT(before, HasSubstr("server: https://127.0.0.1:6443"));
  ASSERT_TRUE(EnsureKubeconfig(directory.path(), "https://127.0.0.1:6443", "CA", **tokens).ok());
  EXPECT_EQ(*ReadFile(*path, 1 << 20), before);
  ASSERT_EQ((*tokens)->List().size(), 1u);
  ASSERT_TRUE((*tokens)->Revoke((*tokens)->List()[0].id).ok());
  ASSERT_TRUE(EnsureKubeconfig(directory.path(), "https://127.0.0.1:6443", "CA", **tokens).ok());
  EXPECT_NE(*ReadFile(*path, 1 << 20), before);
  EXPECT_EQ((*tokens)->List().size(), 1u);
}

TEST(BackupTest, ARestoredDirectoryServesTheSameObjects) {
  TemporaryDirectory directory;
  const std::string old_dir = directory.path() + "/old";
  const std::string new_dir = directory.path() + "/new";
  const std::string file = directory.path() + "/backup.db";
  std::string uid;
  {
    ApiServerOptions options;
    options.data_dir = old_dir;
    TestServer server(std::move(options));
    uid = server.Do("POST", kPolicies, Policy("p1")).body["metadata"]["uid"];
    ASSERT_TRUE(BackupDataDir(old_dir, file).ok()) << "beside a running server";
    server.Do("POST", kPolicies, Policy("later"));
  }
  EXPECT_EQ(ModeOf(file), 0600u);
  EXPECT_EQ(RestoreDataDir(old_dir, file).code(), Code::kAlreadyExists);
  ASSERT_TRUE(RestoreDataDir(new_dir, file).ok());
  ApiServerOptions options;
  options.data_dir = new_dir;
  TestServer server(std::move(options));
  EXPECT_EQ(server.Do("GET", std::string(kPolicies) + "/p1").body["metadata"]["uid"], uid);
  EXPECT_EQ(server.Do("GET", std::string(kPolicies) + "/later").status, 404);
}

TEST(BackupTest, ADamagedBackupIsRefused) {
  TemporaryDirectory directory;
  const std::string file = directory.path() + "/backup.db";
  EXPECT_EQ(RestoreDataDir(directory.path() + "/new", file).code(), Code::kNotFound);
  std::ofstream(file) << std::string(8192, 'x');
  EXPECT_EQ(RestoreDataDir(directory.path() + "/new", file).code(), Code::kInvalidArgument);
}

TEST(ExportTest, AnExportCanBeAppliedElsewhere) {
  TestServer server;
  server.Do("POST", "/api/v1/namespaces", {{"metadata", {{"name", "shop"}}}});
  server.Do("POST", "/apis/salve.dev/v1alpha1/namespaces/shop/healingpolicies", Policy("p1"));
  server.Do("POST", kPolicies, Policy("p2"));
  const auto objects = ExportObjects(server.api->store(), server.api->resources(), {});
  ASSERT_TRUE(objects.ok());
  ASSERT_EQ(objects->size(), 3u);
  EXPECT_EQ((*objects)[0]["kind"], "Namespace");
  TestServer other;
  for (const Json& object : *objects) {
    EXPECT_FALSE(object["metadata"].contains("uid"));
    const std::string target = object["kind"] == "Namespace"
                                   ? "/api/v1/namespaces"
                                   : "/apis/salve.dev/v1alpha1/namespaces/" +
                                         object["metadata"]["namespace"].get<std::string>() +
                                         "/healingpolicies";
    EXPECT_EQ(other.Do("POST", target, object).status, 201);
  }
}

}  // namespace
}  // namespace salve::apiserver::testing
