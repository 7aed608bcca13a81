// SPDX-License-Identifier: Apache-2.0
#include "pkg/aws/endpoint.h"

#include <algorithm>
#include <array>

#include "pkg/aws/text.h"
#include "pkg/http/url.h"

namespace salve::aws {
namespace {

// A partition: regions that share a domain and have no trust in any other's.
struct Partition {
  std::string_view region_prefix;
  std::string_view suffix;
  std::string_view dual_stack_suffix;  // "" where there is none
};

// The commercial one comes last: its regions have no common prefix.
constexpr std::array<Partition, 8> kPartitions = {{
    {"cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
    {"us-gov-", "amazonaws.com", "api.aws"},
    {"us-isob-", "sc2s.sgov.gov", "api.aws.scloud"},
    {"us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"},
    {"us-iso-", "c2s.ic.gov", "api.aws.ic.gov"},
    {"eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
    {"eusc-", "amazonaws.eu", "api.amazonwebservices.eu"},
    {"", "amazonaws.com", "api.aws"},
}};

const Partition& PartitionOf(const std::string& region) {
  return *std::find_if(kPartitions.begin(), kPartitions.end(), [&](const Partition& partition) {
    return region.starts_with(partition.region_prefix);
  });
}

// Some services are the FIPS endpoint in the government's regions under their plain name.
bool PlainNameIsFips(const Service& service, const std::string& region) {
  if (!region.starts_with("us-gov-")) return false;
  const std::string_view name = service.name;
  return name == "sts" || name == "sns" || name == "logs" || name == "cloudwatch" ||
         name == "elasticloadbalancing" || name == "ssm";
}

// Secrets Manager answers over IPv6 under its plain name where there is a public partition.
bool UsualNameIsDualStack(const Service& service, const Partition& partition) {
  return service.name == "secretsmanager" && partition.suffix.starts_with("amazonaws.com");
}

StatusOr<Endpoint> OwnEndpoint(const std::string& text, const std::string& where,
                               const std::string& region) {
  const StatusOr<http::Url> url = http::ParseUrl(text);
  if (!url.ok()) return url.status().Annotate(where);
  const auto bad = [&](const std::string& why) { return InvalidArgumentError(where + ": " + why); };
  if (url->scheme != "https" && url->scheme != "http") return bad("only https and http are known");
  if (url->scheme == "http" && !IsLoopbackHost(url->host)) {
    return bad("plain http to " + Quotable(url->host, 80) +
               " would send requests unprotected over the network; use https (http is only for "
               "this machine)");
  }
  if (text.find('@') != std::string::npos) return bad("an endpoint has no user name or password");
  if (url->path.find('?') != std::string::npos) return bad("an endpoint has no query");
  Endpoint endpoint;
  endpoint.region = region;
  const bool usual = url->port == (url->scheme == "https" ? 443 : 80);
  endpoint.host = http::BracketedHost(*url) + (usual ? "" : ":" + std::to_string(url->port));
  endpoint.base_url = url->scheme + "://" + endpoint.host;
  endpoint.path_prefix = url->path;
  while (endpoint.path_prefix.ends_with('/')) endpoint.path_prefix.pop_back();
  return endpoint;
}

StatusOr<Endpoint> RegionalEndpoint(const Service& service, const std::string& region, bool fips,
                                    bool dual_stack) {
  const Partition& partition = PartitionOf(region);
  std::string name(service.endpoint_prefix);
  if (UsualNameIsDualStack(service, partition)) dual_stack = false;
  // On the dual-stack domain only the -fips names are FIPS, but for CloudWatch.
  const bool plain =
      PlainNameIsFips(service, region) && (!dual_stack || service.name == "cloudwatch");
  if (fips && !plain) name += "-fips";
  const std::string_view suffix = dual_stack ? partition.dual_stack_suffix : partition.suffix;
  Endpoint endpoint;
  endpoint.region = region;
  endpoint.host = name + "." + region + "." + std::string(suffix);
  endpoint.base_url = "https://" + endpoint.host;
  return endpoint;
}

}  // namespace

bool IsRegionName(const std::string& region) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !region.empty() && region.size() <= 63 && region.front() != '-' && region.back() != '-' &&
         std::all_of(region.begin(), region.end(), plain);
}

bool IsLoopbackHost(const std::string& host) {
  if (Lower(host) == "localhost" || host == "::1") return true;
  // "127." and three numbers: a name like 127.example.com is none.
  return host.starts_with("127.") && std::count(host.begin(), host.end(), '.') == 3 &&
         std::all_of(host.begin(), host.end(),
                     [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

StatusOr<Endpoint> ResolveEndpoint(const Service& service, const EndpointOptions& options,
                                   const Environment& env) {
  const std::string of = std::string(service.name);
  if (!IsRegionName(options.region)) {
    return InvalidArgumentError(of + ": \"" + Quotable(options.region, 80) +
                                "\" is no AWS region (like eu-west-1)");
  }
  if (!options.url.empty()) {
    return OwnEndpoint(options.url, of + ": the configured endpoint", options.region);
  }
  if (!EnvFlag(env, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")) {
    const std::string own = "AWS_ENDPOINT_URL_" + std::string(service.env_suffix);
    for (const std::string& name : {own, std::string("AWS_ENDPOINT_URL")}) {
      if (const auto url = EnvValue(env, name)) return OwnEndpoint(*url, name, options.region);
    }
  }
  return RegionalEndpoint(service, options.region,
                          options.fips || EnvFlag(env, "AWS_USE_FIPS_ENDPOINT"),
                          options.dual_stack || EnvFlag(env, "AWS_USE_DUALSTACK_ENDPOINT"));
}

}  // namespace salve::aws
