// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APIS_CONFIG_V1ALPHA1_CONFIGURATION_H_
#define SALVE_PKG_APIS_CONFIG_V1ALPHA1_CONFIGURATION_H_

#include <optional>
#include <string>
#include <vector>

#include "pkg/base/status.h"

// The administrator's configuration file (config.salve.dev/v1alpha1, kind ControllerConfiguration).
// Plain values; see docs/configuration.md.
namespace salve::apis::config::v1alpha1 {

inline constexpr char kApiVersion[] = "config.salve.dev/v1alpha1";
inline constexpr char kKind[] = "ControllerConfiguration";

// Paths of PEM files.
struct TlsFiles {
  std::string ca_file;
  std::string cert_file;
  std::string key_file;
  std::string server_name;
};

struct DockerBackend {
  std::string host;  // unix:///path or tcp://host:port; "" = DOCKER_HOST, else the usual socket
  std::optional<TlsFiles> tls;
  // Namespaces whose policies may use it; "*" = all (the default).
  std::vector<std::string> allowed_namespaces;
};

struct KubernetesBackend {
  // A kubeconfig; "" = the cluster that the controller itself uses (standalone: $KUBECONFIG, else
  // ~/.kube/config).
  std::string kubeconfig;
  std::string context;  // "" = the kubeconfig's current one
  // Namespaces whose policies may use it; "*" = all (the default). Those of the cluster itself
  // (kube-*) only where they are named.
  std::vector<std::string> allowed_namespaces;
};

// One account in one region. Credentials come from the process's surroundings, as with every tool
// for AWS (environment, shared files, web identity, container, instance).
struct EcsBackend {
  std::string region;    // "" = AWS_REGION, AWS_DEFAULT_REGION, the profile's
  std::string profile;   // of the shared files; "" = AWS_PROFILE, else "default"
  std::string role_arn;  // assumed with those credentials; "" = none
  std::string endpoint;  // "" = the region's own; plain http only on loopback
  // How often the services that policies name are looked at.
  std::int64_t poll_seconds = 10;
  std::vector<std::string> allowed_namespaces;  // "*" = all (the default)
};

// Exactly one member beside the name.
struct BackendConfiguration {
  std::string name;
  std::optional<DockerBackend> docker;
  std::optional<KubernetesBackend> kubernetes;
  std::optional<EcsBackend> ecs;

  // Which namespaces' policies may use it; "*" = all.
  const std::vector<std::string>& AllowedNamespaces() const {
    return const_cast<BackendConfiguration*>(this)->AllowedNamespaces();
  }
  std::vector<std::string>& AllowedNamespaces() {
    if (ecs) return ecs->allowed_namespaces;
    return kubernetes ? kubernetes->allowed_namespaces : docker->allowed_namespaces;
  }
};

struct ExecConfiguration {
  // Each is an argv; an element may be a RE2 in slashes, else it is literal.
  std::vector<std::vector<std::string>> allow;
};

struct ProbeConfiguration {
  // Where probes may connect to; allowed empty = anywhere. Denied wins.
  std::vector<std::string> allowed_cidrs;
  std::vector<std::string> denied_cidrs;
};

// Which files on the controller's machine policies may have watched.
struct FilesConfiguration {
  std::vector<std::string> roots;               // directories; everything below them. None: nothing
  std::vector<std::string> allowed_namespaces;  // whose policies may; "*" = all (the default)
};

// A parameter of AWS Systems Manager: a name, with ":3" or ":label" for a version, or an ARN.
struct SsmReference {
  std::string name;
  bool operator==(const SsmReference&) const = default;
};

// A secret of AWS Secrets Manager: a name or an ARN, and a member of it if it is a JSON object.
struct SecretsManagerReference {
  std::string id;
  std::string key;  // "" = the whole secret
  bool operator==(const SecretsManagerReference&) const = default;
};

// Where a secret of the configuration is read from, each time anew; never the value itself. Exactly
// one member.
struct SecretReference {
  std::string env;
  std::string file;
  std::optional<SsmReference> ssm = {};
  std::optional<SecretsManagerReference> secrets_manager = {};
  bool operator==(const SecretReference&) const = default;
};

// How secrets in AWS are read: with whose credentials, and which of them policies may refer to.
struct AwsSecretsConfiguration {
  // An ecs backend whose region and credentials are used; "" = the four below.
  std::string backend;
  std::string region;    // "" = AWS_REGION, AWS_DEFAULT_REGION, the profile's
  std::string profile;   // of the shared files; "" = AWS_PROFILE, else "default"
  std::string role_arn;  // assumed with those credentials; "" = none
  std::string endpoint;  // "" = the region's own; plain http only on loopback
  // Policies of namespace NS may name what begins with POLICY_PREFIX/NS/; "" = nothing.
  std::string policy_prefix;
  // How long a value is used before it is read again: what a rotation takes to be noticed.
  std::int64_t refresh_seconds = 300;
};

struct SecretsConfiguration {
  AwsSecretsConfiguration aws;
};

// Exactly one member: how a delivery shows that it is from whom it says.
struct ReceiverAuthentication {
  // Each list holds several secrets at once while they are rotated; any of them counts.
  std::vector<SecretReference> bearer;  // Authorization: Bearer …, or X-API-Key
  std::vector<SecretReference> hmac;    // the signature that the receiver's kind defines
  std::vector<SecretReference> basic;   // "user:password" of HTTP basic authentication
};

// Somebody's monitoring that may post to /api/v1/webhooks/NAME.
struct ReceiverConfiguration {
  std::string name;
  std::string kind;  // alertmanager | self-heal | sentry | logfire | github | sns
  ReceiverAuthentication authentication;
  std::vector<std::string> topic_arns;          // sns only: topics that are believed
  std::vector<std::string> allowed_namespaces;  // whose policies may listen to it; "*" = all
  std::int64_t requests_per_hour = 1000;
  std::int64_t burst = 2000;
};

// Exactly one member beside the name: how messages are delivered.
struct WebhookSink {
  std::string url;
  SecretReference secret;  // signs each message (Standard Webhooks); none: unsigned
};
struct SlackSink {
  SecretReference url;  // the incoming webhook's URL is the secret
};
struct TeamsSink {
  SecretReference url;
};
struct PagerDutySink {
  SecretReference routing_key;
  std::string url;  // default the public Events API v2
};
struct EmailSink {
  std::string server;  // host:port
  std::string from;
  std::vector<std::string> to;
  bool start_tls = true;
  std::string user;
  SecretReference password;
};
// A GitHub App as installed in one account.
struct GithubApp {
  std::int64_t id = 0;
  std::int64_t installation = 0;
  SecretReference private_key;  // PEM
};
// An issue an incident.
struct GithubIssue {
  std::vector<std::string> labels;  // default ai-fix; by the first its issues are found again
  bool close_on_resolved = true;
};
// An event that workflows of the repository run on.
struct GithubDispatch {
  std::string event_type;  // default error-detected
};
// A branch, a commit and a pull request an incident, with what is known of it.
struct GithubPullRequest {
  std::string base;       // default main
  std::string directory;  // default incidents
  std::vector<std::string> labels;
};
// Exactly one of token and app; at least one of issue, dispatch and pull_request.
struct GithubSink {
  std::string repository;  // owner/name
  std::string url;         // default the public API; of an Enterprise server https://HOST/api/v3
  SecretReference token;
  std::optional<GithubApp> app;
  std::optional<GithubIssue> issue;
  std::optional<GithubDispatch> dispatch;
  std::optional<GithubPullRequest> pull_request;
};
struct SinkConfiguration {
  std::string name;
  std::optional<WebhookSink> webhook;
  std::optional<SlackSink> slack;
  std::optional<TeamsSink> teams;
  std::optional<PagerDutySink> pagerduty;
  std::optional<EmailSink> email;
  std::optional<GithubSink> github;
  std::vector<std::string> allowed_namespaces;  // whose policies may use it; "*" = all
  std::int64_t messages_per_minute = 30;
};

struct ControllerConfiguration {
  std::vector<BackendConfiguration> backends;
  std::vector<ReceiverConfiguration> receivers;
  std::vector<SinkConfiguration> sinks;
  SecretsConfiguration secrets;
  ExecConfiguration exec;
  ProbeConfiguration probes;
  FilesConfiguration files;
};

// Reads the file's text. kInvalidArgument begins with "FILE:LINE: " and names the field: unknown
// fields, wrong types, two backends of one name, CIDRs that are none. Defaults are filled in:
// without any backend there is one named "docker".
StatusOr<ControllerConfiguration> LoadConfiguration(const std::string& text,
                                                    const std::string& file);

}  // namespace salve::apis::config::v1alpha1

#endif  // SALVE_PKG_APIS_CONFIG_V1ALPHA1_CONFIGURATION_H_
