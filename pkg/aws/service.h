// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_AWS_SERVICE_H_
#define SALVE_PKG_AWS_SERVICE_H_

#include <string_view>

namespace salve::aws {

// How a service wants its requests written.
enum class Protocol {
  kJson10,  // X-Amz-Target, application/x-amz-json-1.0
  kJson11,  // X-Amz-Target, application/x-amz-json-1.1
  kQuery,   // Action=…&Version=…, the answer is XML
};

// What is known about a service. The views name string literals.
struct Service {
  std::string_view name;             // for messages and metrics, in IAM's spelling: "ecs"
  std::string_view endpoint_prefix;  // "ecs" of ecs.eu-west-1.amazonaws.com
  std::string_view signing_name;
  std::string_view env_suffix;  // of AWS_ENDPOINT_URL_…
  Protocol protocol = Protocol::kJson11;
  std::string_view target_prefix;  // JSON: what stands before the operation in X-Amz-Target
  std::string_view version;        // query: the API's version
};

inline constexpr Service kEcs{
    "ecs", "ecs", "ecs", "ECS", Protocol::kJson11, "AmazonEC2ContainerServiceV20141113", ""};
inline constexpr Service kLogs{
    "logs", "logs", "logs", "CLOUDWATCH_LOGS", Protocol::kJson11, "Logs_20140328", ""};
inline constexpr Service kCloudWatch{"cloudwatch",
                                     "monitoring",
                                     "monitoring",
                                     "CLOUDWATCH",
                                     Protocol::kJson10,
                                     "GraniteServiceVersion20100801",
                                     ""};
inline constexpr Service kSsm{"ssm", "ssm", "ssm", "SSM", Protocol::kJson11, "AmazonSSM", ""};
inline constexpr Service kSecretsManager{"secretsmanager",
                                         "secretsmanager",
                                         "secretsmanager",
                                         "SECRETS_MANAGER",
                                         Protocol::kJson11,
                                         "secretsmanager",
                                         ""};
inline constexpr Service kSts{"sts", "sts", "sts", "STS", Protocol::kQuery, "", "2011-06-15"};
inline constexpr Service kSns{"sns", "sns", "sns", "SNS", Protocol::kQuery, "", "2010-03-31"};
inline constexpr Service kElb{"elasticloadbalancing",
                              "elasticloadbalancing",
                              "elasticloadbalancing",
                              "ELASTIC_LOAD_BALANCING_V2",
                              Protocol::kQuery,
                              "",
                              "2015-12-01"};

// Whether a call whose outcome is not known may be sent again.
enum class Repeat {
  kSafe,       // it changes nothing, or the same thing twice is the same as once
  kAtMostOnce  // only after an answer that says that it was not carried out (throttling)
};

// One call that a service offers. Wherever the right to make it has to be granted, the name is
// "<service.name>:<name>".
struct Operation {
  std::string_view name;  // "DescribeServices"
  Repeat repeat = Repeat::kSafe;
  bool signed_request = true;  // false: AssumeRoleWithWebIdentity, which is how one gets a key
};

}  // namespace salve::aws

#endif  // SALVE_PKG_AWS_SERVICE_H_
