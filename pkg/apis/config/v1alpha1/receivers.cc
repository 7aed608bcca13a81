// SPDX-License-Identifier: Apache-2.0
// The part of the configuration that says whose alerts are believed.
#include <algorithm>
#include <set>

#include "pkg/apis/config/v1alpha1/tables.h"
#include "pkg/apis/salve/v1alpha1/tables.h"
#include "pkg/apis/schema_builder.h"
#include "pkg/apis/syntax.h"

namespace salve::apis {

using config::v1alpha1::ReceiverAuthentication;
using config::v1alpha1::ReceiverConfiguration;
using config::v1alpha1::SecretReference;

SALVE_APIS_TABLE(ReceiverAuthentication,
                 Describe("ReceiverAuthentication",
                          {
                              F<&ReceiverAuthentication::bearer>(
                                  "bearer", "Tokens of Authorization: Bearer, or of X-API-Key."),
                              F<&ReceiverAuthentication::hmac>(
                                  "hmac",
                                  "Keys of the signature that the receiver's kind defines."),
                              F<&ReceiverAuthentication::basic>(
                                  "basic", "Pairs user:password of HTTP basic authentication."),
                          }));

SALVE_APIS_TABLE(
    ReceiverConfiguration,
    Describe(
        "ReceiverConfiguration",
        {
            F<&ReceiverConfiguration::name>("name", "Last part of its path, and what policies say.")
                .Required()
                .DnsLabel(),
            F<&ReceiverConfiguration::kind>("kind", "Whose payload it understands.")
                .Required()
                .Enum({"alertmanager", "self-heal", "sentry", "logfire", "github", "sns"}),
            F<&ReceiverConfiguration::authentication>("authentication",
                                                      "How a delivery shows whose it is."),
            F<&ReceiverConfiguration::topic_arns>("topicARNs", "Topics of SNS that are believed.")
                .MaxItems(100),
            F<&ReceiverConfiguration::allowed_namespaces>(
                "allowedNamespaces", "Namespaces whose policies may listen to it; * means all."),
            F<&ReceiverConfiguration::requests_per_hour>("requestsPerHour",
                                                         "Of each key, on the long run.")
                .Default()
                .Range(1, 36'000'000),
            F<&ReceiverConfiguration::burst>("burst", "Of each key, at once.")
                .Default()
                .Range(1, 1'000'000),
        }));

namespace config::v1alpha1 {
namespace {

void CheckSecrets(const std::vector<SecretReference>& secrets, const std::string& path,
                  FieldErrors& errors) {
  for (std::size_t i = 0; i < secrets.size(); ++i) CheckSecret(secrets[i], At(path, i), errors);
}

// Only a sender whose service defines a signature can be told by one.
bool Signs(const std::string& kind) { return kind != "alertmanager" && kind != "sns"; }

void CheckAuthentication(const ReceiverConfiguration& receiver, const std::string& path,
                         FieldErrors& errors) {
  const ReceiverAuthentication& how = receiver.authentication;
  const int ways =
      (how.bearer.empty() ? 0 : 1) + (how.hmac.empty() ? 0 : 1) + (how.basic.empty() ? 0 : 1);
  CheckSecrets(how.bearer, path + ".bearer", errors);
  CheckSecrets(how.hmac, path + ".hmac", errors);
  CheckSecrets(how.basic, path + ".basic", errors);
  if (receiver.kind == "sns") {
    if (ways > 0) {
      errors.push_back(
          ForbiddenField(path, "messages of SNS carry their own signature, which is checked"));
    }
  } else if (ways != 1) {
    errors.push_back(ways == 0 ? RequiredField(path, "one of bearer, hmac, basic")
                               : ForbiddenField(path, "exactly one of bearer, hmac, basic"));
  } else if (!how.hmac.empty() && !Signs(receiver.kind)) {
    errors.push_back(ForbiddenField(path + ".hmac", receiver.kind + " does not sign"));
  }
}

void CheckTopics(const ReceiverConfiguration& receiver, const std::string& path,
                 FieldErrors& errors) {
  if (receiver.kind != "sns") {
    if (!receiver.topic_arns.empty()) {
      errors.push_back(ForbiddenField(path, "only a receiver of kind sns has topics"));
    }
    return;
  }
  if (receiver.topic_arns.empty()) {
    errors.push_back(RequiredField(path, "the topics that are believed"));
  }
  for (std::size_t i = 0; i < receiver.topic_arns.size(); ++i) {
    const std::string& arn = receiver.topic_arns[i];
    const bool looks_like_one = arn.rfind("arn:aws", 0) == 0 &&
                                arn.find(":sns:") != std::string::npos &&
                                std::count(arn.begin(), arn.end(), ':') == 5;
    if (!looks_like_one) {
      errors.push_back(
          InvalidField(At(path, i), Quoted(arn), "must be arn:aws:sns:REGION:ACCOUNT:TOPIC"));
    }
  }
}

}  // namespace

void CheckReceivers(const std::vector<ReceiverConfiguration>& receivers, FieldErrors& errors) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < receivers.size(); ++i) {
    const ReceiverConfiguration& receiver = receivers[i];
    const std::string path = At("receivers", i);
    if (!names.insert(receiver.name).second) {
      errors.push_back(DuplicateField(path + ".name", Quoted(receiver.name)));
    }
    CheckAuthentication(receiver, path + ".authentication", errors);
    CheckTopics(receiver, path + ".topicARNs", errors);
  }
}

}  // namespace config::v1alpha1
}  // namespace salve::apis
