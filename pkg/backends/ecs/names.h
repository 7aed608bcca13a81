// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_ECS_NAMES_H_
#define SALVE_PKG_BACKENDS_ECS_NAMES_H_

#include <optional>
#include <string>
#include <string_view>

#include "pkg/apis/salve/v1alpha1/common.h"
#include "pkg/base/status.h"

// What things are called. Pure functions.
namespace salve::backends::ecs {

inline constexpr char kKindService[] = "Service";

// "arn:PARTITION:SERVICE:REGION:ACCOUNT:TYPE/PATH", taken apart.
struct Arn {
  std::string partition;
  std::string service;
  std::string region;
  std::string account;
  std::string type;  // "service", "task-definition"
  std::string path;  // "shop/web", "web:7"
};
std::optional<Arn> ParseArn(std::string_view text);

// "web:7" of ".../task-definition/web:7"; what is not an ARN stays as it is.
std::string ShortName(std::string_view arn);
// What stands after the last slash: a task's id, a service's name.
std::string LastPart(std::string_view arn);

struct ServiceName {
  std::string cluster;
  std::string service;
  auto operator<=>(const ServiceName&) const = default;
  // "CLUSTER/SERVICE", as TargetRef::name has it.
  std::string ToString() const { return cluster + "/" + service; }
};

// "CLUSTER/SERVICE"; nullopt for anything else.
std::optional<ServiceName> ParseServiceName(std::string_view name);

// Where a backend is at home. An empty account is one that is not known yet: any is taken.
struct Home {
  std::string region;
  std::string account;
};

// The service that a policy's target means. kInvalidArgument names the field and what is wrong with
// it: an ARN that is none, or of another region, account or cluster.
StatusOr<ServiceName> NameOf(const apis::salve::v1alpha1::EcsTarget& target, const Home& home);

}  // namespace salve::backends::ecs

#endif  // SALVE_PKG_BACKENDS_ECS_NAMES_H_
