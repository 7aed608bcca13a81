// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/auth_reviews.h"

#include <utility>

namespace salve::apiserver {
namespace {

std::string Text(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

Json Object(const Json& parent, const char* key) {
  if (!parent.is_object()) return nullptr;
  const auto it = parent.find(key);
  return it != parent.end() && it->is_object() ? *it : Json();
}

Json AnswerSelf(const Identity& identity) {
  Json groups = identity.groups;
  if (!identity.InGroup(kAuthenticatedGroup)) groups.push_back(kAuthenticatedGroup);
  return {{"userInfo", {{"username", identity.user}, {"groups", std::move(groups)}}}};
}

ApiResult<Json> AnswerAccess(const Json& review, const Identity& identity) {
  const Json spec = Object(review, "spec");
  const Json resource = Object(spec, "resourceAttributes");
  const Json other = Object(spec, "nonResourceAttributes");
  if (resource.is_object() == other.is_object()) {
    return Invalid("authorization.k8s.io", "SelfSubjectAccessReview", "",
                   {InvalidCause("spec", spec,
                                 "exactly one of nonResourceAttributes or resourceAttributes must "
                                 "be specified")});
  }
  Attributes attributes;
  if (resource.is_object()) {
    attributes.verb = Text(resource, "verb");
    attributes.group = Text(resource, "group");
    attributes.resource = Text(resource, "resource");
    attributes.subresource = Text(resource, "subresource");
    attributes.ns = Text(resource, "namespace");
    attributes.name = Text(resource, "name");
  } else {
    attributes.resource_request = false;
    attributes.verb = Text(other, "verb");
    attributes.path = Text(other, "path");
  }
  return Json{{"allowed", Allowed(identity, attributes)}};
}

Json AnswerRules(const Identity& identity) {
  Json resources = Json::array();
  Json paths = Json::array();
  for (const Rule* rule : RulesOf(identity)) {
    if (!rule->resources.empty()) {
      resources.push_back(
          {{"verbs", rule->verbs}, {"apiGroups", rule->groups}, {"resources", rule->resources}});
    }
    if (!rule->paths.empty()) {
      paths.push_back({{"verbs", rule->verbs}, {"nonResourceURLs", rule->paths}});
    }
  }
  // A token's own restrictions cannot be said in rules.
  const bool incomplete = !identity.namespaces.empty() || !identity.policies.empty();
  return {{"resourceRules", std::move(resources)},
          {"nonResourceRules", std::move(paths)},
          {"incomplete", incomplete}};
}

}  // namespace

bool IsReview(const std::string& group, const std::string& plural) {
  if (group == "authentication.k8s.io") return plural == "selfsubjectreviews";
  return group == "authorization.k8s.io" &&
         (plural == "selfsubjectaccessreviews" || plural == "selfsubjectrulesreviews");
}

ApiResult<Json> AnswerReview(const std::string& plural, const Json& review,
                             const Identity& identity) {
  Json answer = review.is_object() ? review : Json::object();
  if (!Object(answer, "metadata").is_object()) answer["metadata"] = Json::object();
  if (plural == "selfsubjectreviews") {
    answer["status"] = AnswerSelf(identity);
  } else if (plural == "selfsubjectaccessreviews") {
    auto status = AnswerAccess(review, identity);
    if (!status.ok()) return status.error();
    answer["status"] = std::move(status).value();
  } else {
    answer["status"] = AnswerRules(identity);
  }
  return answer;
}

}  // namespace salve::apiserver
