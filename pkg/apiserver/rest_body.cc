// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/rest_body.h"

#include <utility>

#include "pkg/apis/yaml/yaml.h"
#include "pkg/apiserver/protobuf.h"
#include "pkg/apiserver/rest_decode.h"
#include "pkg/apiserver/table.h"

namespace salve::apiserver {
namespace {

ApiResult<DecodedBody> DecodeYaml(std::string_view body) {
  auto document = apis::yaml::ParseOne(body);
  if (!document.ok()) {
    return BadRequest("error converting YAML to JSON: yaml: " + document.status().message());
  }
  return DecodedBody{std::move(document->value), {}};
}

std::string Text(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

}  // namespace

ApiResult<DecodedBody> DecodeJsonBody(std::string_view body, std::size_t max_bytes) {
  if (body.size() > max_bytes) return RequestEntityTooLarge(max_bytes);
  JsonLimits limits;
  limits.max_bytes = max_bytes;
  auto parsed = ParseJsonStrict(body, limits);
  if (!parsed.ok()) {
    return BadRequest("the object provided is unrecognized (must be valid JSON): " +
                      parsed.status().message());
  }
  DecodedBody decoded{std::move(parsed->value), {}};
  for (const std::string& path : parsed->duplicate_fields) {
    decoded.duplicates.push_back(DuplicateFieldText(path));
  }
  return decoded;
}

ApiResult<DecodedBody> DecodeBody(const http::Request& request, std::size_t max_bytes) {
  if (request.body.size() > max_bytes) return RequestEntityTooLarge(max_bytes);
  if (request.body.empty()) return DecodedBody{};
  const auto format = NegotiateBody(request.headers.Get("Content-Type").value_or(""));
  if (!format.ok()) return format.error();
  switch (*format) {
    case BodyFormat::kYaml:
      return DecodeYaml(request.body);
    case BodyFormat::kProtobuf: {
      auto value = DecodeProtobuf(request.body);
      if (!value.ok()) return value.error();
      return DecodedBody{std::move(value).value(), {}};
    }
    case BodyFormat::kJson:
      break;
  }
  return DecodeJsonBody(request.body, max_bytes);
}

std::optional<ApiError> NormalizeKind(Json& object, const ServedResource& resource) {
  if (!object.is_object()) return BadRequest("the body of the request must be an object");
  const std::string& kind = resource.info.kind;
  const std::string api_version = resource.info.ApiVersion();
  if (!resource.custom) {
    if (Text(object, "kind").empty()) object["kind"] = kind;
    if (Text(object, "apiVersion").empty()) object["apiVersion"] = api_version;
  }
  if (Text(object, "kind").empty()) return BadRequest("Object 'Kind' is missing in the body");
  if (Text(object, "apiVersion") != api_version) {
    return BadRequest("the API version in the data (" + Text(object, "apiVersion") +
                      ") does not match the expected API version (" + api_version + ")");
  }
  if (Text(object, "kind") != kind && resource.custom) {
    const auto metadata = object.find("metadata");
    const std::string name =
        metadata != object.end() && metadata->is_object() ? Text(*metadata, "name") : std::string();
    return Invalid(resource.info.group, Text(object, "kind"), name,
                   {InvalidCause("kind", Text(object, "kind"), "must be " + kind)});
  }
  if (Text(object, "kind") != kind) {
    return BadRequest("the kind in the data (" + Text(object, "kind") +
                      ") does not match the expected kind (" + kind + ")");
  }
  Json& metadata = object["metadata"];
  if (metadata.is_null()) metadata = Json::object();
  if (const std::string why = CheckDecodes(object, resource); !why.empty()) {
    return BadRequest(kind + " in version \"" + resource.info.version +
                      "\" cannot be handled as a " + kind + ": " + why);
  }
  for (const char* key : {"name", "namespace", "generateName", "uid", "resourceVersion"}) {
    const auto it = metadata.find(key);
    if (it == metadata.end()) continue;
    if (it->is_null()) metadata.erase(it);
  }
  return std::nullopt;
}

}  // namespace salve::apiserver
