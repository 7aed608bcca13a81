// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <map>

#include "pkg/apiserver/table.h"
#include "pkg/base/ascii.h"

namespace salve::apiserver {
namespace {

constexpr std::size_t kMaxMediaTypes = 32;

// "application/json;as=Table;v=v1" taken apart; names in lower case, parameters in any order.
struct MediaType {
  std::string type;
  std::map<std::string, std::string> parameters;
  double quality = 1;

  std::string Get(const std::string& name) const {
    auto it = parameters.find(name);
    return it == parameters.end() ? "" : it->second;
  }
};

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The next part up to `separator`, which is removed too.
std::string_view Next(std::string_view& text, char separator) {
  const std::size_t end = text.find(separator);
  const std::string_view part = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return Trim(part);
}

MediaType ParseMediaType(std::string_view text) {
  MediaType out;
  out.type = AsciiLower(Next(text, ';'));
  while (!text.empty()) {
    std::string_view value = Next(text, ';');
    const std::string name = AsciiLower(Next(value, '='));
    value = Trim(value);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
      value = value.substr(1, value.size() - 2);
    }
    if (name == "q") {
      out.quality = std::strtod(std::string(value).c_str(), nullptr);
    } else if (!name.empty()) {
      out.parameters[name] = std::string(value);
    }
  }
  return out;
}

// Best first: by quality, then in the order in which they were written.
std::vector<MediaType> ParseAccept(std::string_view accept) {
  std::vector<MediaType> out;
  while (!accept.empty() && out.size() < kMaxMediaTypes) {
    MediaType type = ParseMediaType(Next(accept, ','));
    if (!type.type.empty() && type.quality > 0) out.push_back(std::move(type));
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const MediaType& a, const MediaType& b) { return a.quality > b.quality; });
  return out;
}

bool IsJson(const MediaType& type) {
  return type.type == "application/json" || type.type == "application/*" || type.type == "*/*";
}

}  // namespace

ApiResult<Representation> NegotiateObject(std::string_view accept) {
  if (Trim(accept).empty()) return Representation::kObject;
  for (const MediaType& type : ParseAccept(accept)) {
    if (!IsJson(type)) continue;
    const std::string as = type.Get("as");
    if (as.empty()) return Representation::kObject;
    // v1beta1 has the same fields; clients that ask for it first would get v1 from the next entry.
    if (type.Get("g") != "meta.k8s.io" || type.Get("v") != "v1") continue;
    if (as == "Table") return Representation::kTable;
    if (as == "PartialObjectMetadata" || as == "PartialObjectMetadataList") {
      return Representation::kPartialMetadata;
    }
  }
  return NotAcceptable(
      {"application/json", "application/yaml", "application/vnd.kubernetes.protobuf"});
}

ApiResult<DiscoveryFormat> NegotiateDiscovery(std::string_view accept) {
  if (Trim(accept).empty()) return DiscoveryFormat::kPlain;
  bool plain = false;
  for (const MediaType& type : ParseAccept(accept)) {
    if (!IsJson(type)) continue;
    const std::string as = type.Get("as");
    if (as.empty()) plain = true;
    // Wherever it stands: as the real server.
    if (as == "APIGroupDiscoveryList" && type.Get("g") == "apidiscovery.k8s.io" &&
        type.Get("v") == "v2") {
      return DiscoveryFormat::kAggregatedV2;
    }
  }
  if (plain) return DiscoveryFormat::kPlain;
  return NotAcceptable({"application/json"});
}

ApiResult<BodyFormat> NegotiateBody(std::string_view content_type) {
  const std::string type = ParseMediaType(content_type).type;
  if (type.empty() || type == "application/json") return BodyFormat::kJson;
  if (type == "application/yaml") return BodyFormat::kYaml;
  if (type == "application/vnd.kubernetes.protobuf") return BodyFormat::kProtobuf;
  return UnsupportedMediaType(
      {"application/json", "application/yaml", "application/vnd.kubernetes.protobuf"});
}

ApiResult<IncludeObject> ParseIncludeObject(std::string_view text) {
  if (text.empty() || text == "Metadata") return IncludeObject::kMetadata;
  if (text == "Object") return IncludeObject::kObject;
  if (text == "None") return IncludeObject::kNone;
  return BadRequest("Unable to convert to Table as requested: includeObject: Invalid value: " +
                    ShowValue(std::string(text)) +
                    ": must be 'Metadata', 'Object', 'None', or empty");
}

}  // namespace salve::apiserver
