// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/backends.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include "controller/runtime/aws_account.h"
#include "controller/runtime/cluster_connection.h"
#include "controller/runtime/ecs_account.h"
#include "controller/runtime/gated_backend.h"
#include <arpa/inet.h>
#include <unistd.h>

#include "pkg/backends/docker/docker_backend.h"
#include "pkg/backends/kubernetes/kubernetes_backend.h"
#include "pkg/base/environment.h"
#include "pkg/base/file_source.h"
#include "pkg/client/rest_client.h"

namespace salve::runtime {
namespace {

using apis::config::v1alpha1::BackendConfiguration;
using apis::config::v1alpha1::ControllerConfiguration;
using apis::config::v1alpha1::TlsFiles;

constexpr std::size_t kMaxPemBytes = 1u << 20;
constexpr char kUsualSocket[] = "unix:///var/run/docker.sock";

StatusOr<http::TlsOptions> ReadTls(const TlsFiles& files) {
  http::TlsOptions tls;
  const std::pair<const std::string&, std::string&> pems[] = {
      {files.ca_file, tls.ca_pem},
      {files.cert_file, tls.certificate_pem},
      {files.key_file, tls.private_key_pem}};
  for (const auto& [path, pem] : pems) {
    if (path.empty()) continue;
    SALVE_ASSIGN_OR_RETURN(pem, SystemFiles().Read(path, kMaxPemBytes));
  }
  tls.server_name = files.server_name;
  return tls;
}

StatusOr<std::unique_ptr<backends::Backend>> MakeDocker(const BackendConfiguration& configuration,
                                                        Clock& clock, Random& random,
                                                        const BackendEnvironment& environment) {
  backends::docker::DockerOptions options;
  options.name = configuration.name;
  options.clock = &clock;
  options.random = &random;
  options.exec_environment = environment;
  // Images of databases make the application's user a superuser: without this nothing could be
  // ended there.
  options.terminate_postgres_superusers = true;
  options.host = !configuration.docker->host.empty()
                     ? configuration.docker->host
                     : NonEmptyVariable("DOCKER_HOST").value_or(kUsualSocket);
  if (configuration.docker->tls) {
    options.use_tls = true;
    SALVE_ASSIGN_OR_RETURN(options.tls, ReadTls(*configuration.docker->tls));
  }
  return backends::docker::MakeDockerBackend(std::move(options));
}

// A client of another cluster than the controller's, with the connection that it uses.
struct OwnClient {
  OwnClient(std::unique_ptr<http::Transport> t, client::RestClientOptions options, Clock& clock,
            Random& random)
      : transport(std::move(t)), client(*transport, std::move(options), clock, random) {}
  const std::unique_ptr<http::Transport> transport;
  client::RestClient client;
};

StatusOr<std::shared_ptr<client::Client>> Connect(
    const apis::config::v1alpha1::KubernetesBackend& configuration, Clock& clock, Random& random) {
  SALVE_ASSIGN_OR_RETURN(ClusterConnection cluster,
                         ClusterConnection::Find(configuration.kubeconfig, configuration.context,
                                                 SystemFiles(), NonEmptyVariable));
  SALVE_ASSIGN_OR_RETURN(const client::Connection connection, cluster.Load());
  client::RestClientOptions options;
  options.path_prefix = connection.path_prefix;
  options.user_agent = "salve-backend";
  SALVE_ASSIGN_OR_RETURN(auto transport,
                         MakeClusterTransport(std::move(cluster), Credentials::kOwn, clock));
  auto own = std::make_shared<OwnClient>(std::move(transport), std::move(options), clock, random);
  client::Client* client = &own->client;
  return std::shared_ptr<client::Client>(std::move(own), client);
}

StatusOr<std::unique_ptr<backends::Backend>> MakeKubernetes(
    const BackendConfiguration& configuration, Clock& clock, Random& random,
    const BackendSurroundings& surroundings) {
  static engine::EngineMetrics* const nobody = new engine::EngineMetrics;
  backends::kubernetes::KubernetesOptions options;
  options.name = configuration.name;
  options.clock = &clock;
  options.random = &random;
  options.metrics = surroundings.metrics != nullptr ? surroundings.metrics : nobody;
  const auto& kubernetes = *configuration.kubernetes;
  const bool elsewhere = !kubernetes.kubeconfig.empty() || !kubernetes.context.empty();
  if (surroundings.cluster != nullptr && !elsewhere) {
    options.client = std::shared_ptr<client::Client>(std::shared_ptr<void>(), surroundings.cluster);
  } else {
    SALVE_ASSIGN_OR_RETURN(options.client, Connect(kubernetes, clock, random));
  }
  return backends::kubernetes::MakeKubernetesBackend(std::move(options));
}

StatusOr<std::unique_ptr<backends::Backend>> MakeEcs(const BackendConfiguration& configuration,
                                                     Clock& clock, Random& random) {
  return MakeEcsAccount(configuration, AwsPlatform(clock, random));
}

// Where an engine is looked for without a configuration.
bool UsualEngineIsThere() {
  return NonEmptyVariable("DOCKER_HOST") ||
         ::access(kUsualSocket + std::strlen("unix://"), F_OK) == 0;
}

// An address range in the form of IPv6, IPv4 mapped into it.
struct Range {
  std::array<unsigned char, 16> bytes{};
  int bits = 0;
  std::string text;
};

std::optional<std::array<unsigned char, 16>> ParseAddress(const std::string& text, bool* v4) {
  std::array<unsigned char, 16> bytes{};
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) {
    *v4 = false;
    return bytes;
  }
  bytes = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0};
  if (inet_pton(AF_INET, text.c_str(), bytes.data() + 12) != 1) return std::nullopt;
  *v4 = true;
  return bytes;
}

std::vector<Range> ParseRanges(const std::vector<std::string>& cidrs) {
  std::vector<Range> ranges;
  for (const std::string& cidr : cidrs) {
    const std::size_t slash = cidr.find('/');
    bool v4 = false;
    const auto bytes = ParseAddress(cidr.substr(0, slash), &v4);
    // Both kinds of lists are validated where they come in; what slipped through opens nothing.
    if (!bytes || slash == std::string::npos) continue;
    const int bits = std::atoi(cidr.c_str() + slash + 1) + (v4 ? 96 : 0);
    if (bits < 0 || bits > 128) continue;
    ranges.push_back({*bytes, bits, cidr});
  }
  return ranges;
}

const Range* FindRange(const std::vector<Range>& ranges,
                       const std::array<unsigned char, 16>& address) {
  for (const Range& range : ranges) {
    const std::size_t whole = static_cast<std::size_t>(range.bits / 8);
    const int rest = range.bits % 8;
    if (std::memcmp(range.bytes.data(), address.data(), whole) != 0) continue;
    const int mask = 0xff00 >> rest & 0xff;
    if (rest != 0 && ((range.bytes[whole] ^ address[whole]) & mask) != 0) continue;
    return &range;
  }
  return nullptr;
}

}  // namespace

Status AddBackends(const ControllerConfiguration& configuration, Clock& clock, Random& random,
                   const BackendEnvironment& environment, backends::Registry& registry,
                   const BackendSurroundings& surroundings) {
  for (const BackendConfiguration& one : configuration.backends) {
    auto backend = one.kubernetes ? MakeKubernetes(one, clock, random, surroundings)
                   : one.ecs      ? MakeEcs(one, clock, random)
                                  : MakeDocker(one, clock, random, environment);
    if (!backend.ok()) return backend.status().Annotate("backend \"" + one.name + "\"");
    if (surroundings.gate != nullptr) {
      registry.Add(std::make_unique<GatedBackend>(std::move(backend).value(), *surroundings.gate));
    } else {
      registry.Add(std::move(backend).value());
    }
  }
  return Status::Ok();
}

void AddOwnCluster(ControllerConfiguration& configuration, bool is_default) {
  static constexpr char kOwnName[] = "kubernetes";
  std::vector<BackendConfiguration>& backends = configuration.backends;
  // Nodes of a cluster need not have an engine; one that was never asked for is not missed.
  if (is_default && !UsualEngineIsThere()) {
    std::erase_if(backends, [](const BackendConfiguration& one) { return one.docker.has_value(); });
  }
  const bool present = std::any_of(
      backends.begin(), backends.end(),
      [](const BackendConfiguration& one) { return one.kubernetes || one.name == kOwnName; });
  if (present) return;
  BackendConfiguration own;
  own.name = kOwnName;
  own.kubernetes.emplace().allowed_namespaces = {"*"};
  backends.push_back(std::move(own));
}

void CloseOwnCluster(ControllerConfiguration& configuration, const std::string& host) {
  if (!configuration.probes.allowed_cidrs.empty()) return;
  std::vector<std::string>& denied = configuration.probes.denied_cidrs;
  denied.insert(denied.end(), {"127.0.0.0/8", "::1/128"});
  bool v4 = false;
  if (ParseAddress(host, &v4)) denied.push_back(host + (v4 ? "/32" : "/128"));
}

probes::AddressPolicy MakeAddressPolicy(const ControllerConfiguration& configuration,
                                        ProbeLimitsOf limits) {
  std::vector<std::string> denied = configuration.probes.denied_cidrs;
  // Unless the administrator opens them, the ranges where clouds keep credentials stay closed.
  if (configuration.probes.allowed_cidrs.empty()) {
    denied.insert(denied.end(), {"169.254.0.0/16", "fe80::/10", "fd00:ec2::/32"});
  }
  return [allowed = ParseRanges(configuration.probes.allowed_cidrs), closed = ParseRanges(denied),
          limits = std::move(limits)](const std::string& ns, const std::string& ip) -> Status {
    bool v4 = false;
    const auto address = ParseAddress(ip, &v4);
    if (!address) return InvalidArgumentError("\"" + ip + "\" is not an address");
    if (const Range* range = FindRange(closed, *address)) {
      return PermissionDeniedError("probing " + ip + " is denied by " + range->text);
    }
    if (!allowed.empty() && FindRange(allowed, *address) == nullptr) {
      return PermissionDeniedError("probing " + ip + " is not within probes.allowedCIDRs");
    }
    for (const ProbeLimit& limit : limits != nullptr ? limits(ns) : std::vector<ProbeLimit>{}) {
      if (FindRange(ParseRanges(limit.allowed_cidrs), *address) == nullptr) {
        return PermissionDeniedError(
            "probing " + ip + " is not within probes.allowedCIDRs of guardrail " + limit.guardrail);
      }
    }
    return Status::Ok();
  };
}

ControllerConfiguration DefaultConfiguration() {
  ControllerConfiguration configuration;
  apis::config::v1alpha1::BackendConfiguration& backend = configuration.backends.emplace_back();
  backend.name = "docker";
  backend.docker.emplace().allowed_namespaces = {"*"};
  return configuration;
}

}  // namespace salve::runtime
