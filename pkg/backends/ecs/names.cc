// SPDX-License-Identifier: Apache-2.0
#include "pkg/backends/ecs/names.h"

#include <algorithm>
#include <array>

#include "pkg/backends/text.h"

namespace salve::backends::ecs {
namespace {

constexpr std::size_t kMaxName = 255;
constexpr char kDefaultCluster[] = "default";

bool IsName(std::string_view text) {
  return !text.empty() && text.size() <= kMaxName &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_';
         });
}

Status Wrong(const char* field, const std::string& value, const std::string& why) {
  return InvalidArgumentError(std::string("spec.target.ecs.") + field + ": \"" +
                              Printable(value, 300) + "\" " + why)
      .WithReason("InvalidTarget");
}

// The path of an ARN that belongs here.
StatusOr<std::string> PathOf(const char* field, const std::string& value, const char* type,
                             const Home& home) {
  const std::optional<Arn> arn = ParseArn(value);
  if (!arn || arn->service != "ecs" || arn->type != type) {
    return Wrong(field, value, std::string("is not the ARN of a ") + type + " of ECS");
  }
  if (arn->region != home.region) {
    return Wrong(field, value, "is in region " + arn->region + ", the backend in " + home.region);
  }
  if (!home.account.empty() && arn->account != home.account) {
    return Wrong(field, value,
                 "is of account " + arn->account + ", the backend of " + home.account);
  }
  return arn->path;
}

bool IsArn(const std::string& text) { return text.rfind("arn:", 0) == 0; }

}  // namespace

std::optional<Arn> ParseArn(std::string_view text) {
  std::array<std::string, 5> head;
  std::size_t begin = 0;
  for (std::string& part : head) {
    const std::size_t colon = text.find(':', begin);
    if (colon == std::string_view::npos) return std::nullopt;
    part = std::string(text.substr(begin, colon - begin));
    begin = colon + 1;
  }
  const std::string_view rest = text.substr(begin);
  const std::size_t slash = rest.find('/');
  if (head[0] != "arn" || slash == std::string_view::npos || slash == 0 ||
      slash + 1 == rest.size()) {
    return std::nullopt;
  }
  return Arn{head[1],
             head[2],
             head[3],
             head[4],
             std::string(rest.substr(0, slash)),
             std::string(rest.substr(slash + 1))};
}

std::string ShortName(std::string_view arn) {
  const std::optional<Arn> parsed = ParseArn(arn);
  return parsed ? parsed->path : std::string(arn);
}

std::string LastPart(std::string_view arn) {
  const std::size_t slash = arn.rfind('/');
  return std::string(slash == std::string_view::npos ? arn : arn.substr(slash + 1));
}

std::optional<ServiceName> ParseServiceName(std::string_view name) {
  const std::size_t slash = name.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  ServiceName out{std::string(name.substr(0, slash)), std::string(name.substr(slash + 1))};
  if (!IsName(out.cluster) || !IsName(out.service)) return std::nullopt;
  return out;
}

StatusOr<ServiceName> NameOf(const apis::salve::v1alpha1::EcsTarget& target, const Home& home) {
  ServiceName name;
  name.cluster = target.cluster.empty() ? kDefaultCluster : target.cluster;
  if (IsArn(name.cluster)) {
    SALVE_ASSIGN_OR_RETURN(name.cluster, PathOf("cluster", target.cluster, "cluster", home));
  }
  name.service = target.service;
  std::string cluster_of_service;
  if (IsArn(name.service)) {
    SALVE_ASSIGN_OR_RETURN(name.service, PathOf("service", target.service, "service", home));
  }
  if (const std::size_t slash = name.service.find('/'); slash != std::string::npos) {
    cluster_of_service = name.service.substr(0, slash);
    name.service = name.service.substr(slash + 1);
  }
  if (!IsName(name.cluster)) return Wrong("cluster", target.cluster, "is no name of a cluster");
  if (!IsName(name.service)) return Wrong("service", target.service, "is no name of a service");
  if (cluster_of_service.empty() || cluster_of_service == name.cluster) return name;
  // Left at its default, the cluster is the one that the service's own ARN names.
  if (name.cluster != kDefaultCluster) {
    return Wrong(
        "service", target.service,
        "is of cluster " + cluster_of_service + ", spec.target.ecs.cluster is " + name.cluster);
  }
  name.cluster = cluster_of_service;
  if (!IsName(name.cluster)) return Wrong("service", target.service, "names no cluster");
  return name;
}

}  // namespace salve::backends::ecs
