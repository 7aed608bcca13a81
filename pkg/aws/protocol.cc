// SPDX-License-Identifier: Apache-2.0
#include "pkg/aws/protocol.h"

#include <string>
#include <utility>

#include "pkg/aws/text.h"
#include "pkg/aws/xml.h"
#include "pkg/http/url.h"

namespace salve::aws {
namespace {

using Json = nlohmann::json;

// {"Tags": [{"Key": "a"}]} becomes Tags.member.1.Key=a; an empty list is "Tags=".
Status Flatten(const std::string& prefix, const Json& value, http::Query& out) {
  if (value.is_object()) {
    for (const auto& [name, member] : value.items()) {
      SALVE_RETURN_IF_ERROR(Flatten(prefix.empty() ? name : prefix + "." + name, member, out));
    }
    return {};
  }
  if (value.is_array()) {
    if (value.empty()) out.Add(prefix, "");
    for (std::size_t i = 0; i < value.size(); ++i) {
      SALVE_RETURN_IF_ERROR(Flatten(prefix + ".member." + std::to_string(i + 1), value[i], out));
    }
    return {};
  }
  if (value.is_string()) {
    out.Add(prefix, value.get<std::string>());
  } else if (value.is_boolean() || value.is_number()) {
    out.Add(prefix, value.dump());
  } else {
    return InvalidArgumentError("parameter " + prefix + ": null has no form in a query");
  }
  return {};
}

StatusOr<std::string> QueryBody(const Service& service, const Operation& operation,
                                const Json& body) {
  http::Query query{{"Action", std::string(operation.name)},
                    {"Version", std::string(service.version)}};
  SALVE_RETURN_IF_ERROR(Flatten("", body, query));
  return query.Encode();
}

}  // namespace

StatusOr<http::Request> BuildRequest(const Service& service, const Operation& operation,
                                     const Endpoint& endpoint, const Json& body) {
  if (!body.is_object()) return InvalidArgumentError("the parameters of a call are an object");
  http::Request request;
  request.method = "POST";
  request.target = endpoint.path_prefix + "/";
  request.headers.Set("Host", endpoint.host);
  if (service.protocol == Protocol::kQuery) {
    SALVE_ASSIGN_OR_RETURN(request.body, QueryBody(service, operation, body));
    request.headers.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
    return request;
  }
  request.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
  request.headers.Set("Content-Type", service.protocol == Protocol::kJson10
                                          ? "application/x-amz-json-1.0"
                                          : "application/x-amz-json-1.1");
  request.headers.Set("X-Amz-Target",
                      std::string(service.target_prefix) + "." + std::string(operation.name));
  return request;
}

StatusOr<Json> ReadResult(const Service& service, const Operation& operation,
                          const http::Response& response) {
  if (Trim(response.body).empty()) return Json::object();
  if (service.protocol != Protocol::kQuery) {
    Json body = Json::parse(response.body, nullptr, false);
    if (!body.is_object()) return InternalError("the answer is no JSON object");
    return body;
  }
  const StatusOr<XmlElement> root = ParseXml(response.body);
  if (!root.ok()) return InternalError("the answer cannot be read: " + root.status().message());
  const std::string name(operation.name);
  if (root->name != name + "Response")
    return InternalError("the answer is no " + name + "Response");
  const XmlElement* result = root->Child(name + "Result");
  if (result == nullptr || result->children.empty()) return Json::object();
  Json body = XmlToJson(*result);
  if (!body.is_object()) return InternalError("the answer's " + name + "Result is no structure");
  return body;
}

}  // namespace salve::aws
