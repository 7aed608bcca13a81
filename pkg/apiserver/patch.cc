// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/patch.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

namespace salve::apiserver {
namespace {

// Copy operations could double a document with every line: the sum of copied values is bounded.
constexpr std::size_t kMaxCopiedValues = 1'000'000;

std::size_t CountValues(const Json& value) {
  std::size_t count = 1;
  if (value.is_structured()) {
    for (const Json& item : value) count += CountValues(item);
  }
  return count;
}

// Splits "/a~1b/0" into {"a/b", "0"}. False: not a JSON pointer.
bool ParsePointer(const std::string& text, std::vector<std::string>& out) {
  out.clear();
  if (text.empty()) return true;
  if (text[0] != '/') return false;
  std::string token;
  for (std::size_t i = 1; i <= text.size(); ++i) {
    if (i == text.size() || text[i] == '/') {
      out.push_back(std::move(token));
      token.clear();
    } else if (text[i] == '~') {
      if (i + 1 >= text.size() || (text[i + 1] != '0' && text[i + 1] != '1')) return false;
      token += text[++i] == '0' ? '~' : '/';
    } else {
      token += text[i];
    }
  }
  return true;
}

// An index into an array of `size`; `limit` is the largest allowed one. False: malformed or too
// large.
bool ParseIndex(const std::string& token, std::size_t limit, std::size_t& out) {
  if (token.empty() || token.size() > 9 || (token.size() > 1 && token[0] == '0')) return false;
  if (!std::all_of(token.begin(), token.end(), [](unsigned char c) { return std::isdigit(c); })) {
    return false;
  }
  out = std::stoul(token);
  return out <= limit;
}

// The child that `token` names, or nullptr.
Json* Child(Json& parent, const std::string& token) {
  if (parent.is_object()) {
    auto it = parent.find(token);
    return it == parent.end() ? nullptr : &*it;
  }
  std::size_t index = 0;
  if (!parent.is_array() || parent.empty() || !ParseIndex(token, parent.size() - 1, index)) {
    return nullptr;
  }
  return &parent[index];
}

Json* Resolve(Json& document, const std::vector<std::string>& path, std::size_t depth) {
  Json* node = &document;
  for (std::size_t i = 0; i < depth && node != nullptr; ++i) node = Child(*node, path[i]);
  return node;
}

bool Add(Json& document, const std::vector<std::string>& path, Json value) {
  if (path.empty()) {
    document = std::move(value);
    return true;
  }
  Json* parent = Resolve(document, path, path.size() - 1);
  if (parent == nullptr) return false;
  const std::string& last = path.back();
  if (parent->is_object()) {
    (*parent)[last] = std::move(value);
    return true;
  }
  if (!parent->is_array()) return false;
  std::size_t index = parent->size();
  if (last != "-" && !ParseIndex(last, parent->size(), index)) return false;
  parent->insert(parent->begin() + static_cast<std::ptrdiff_t>(index), std::move(value));
  return true;
}

bool Remove(Json& document, const std::vector<std::string>& path) {
  if (path.empty()) return false;
  Json* parent = Resolve(document, path, path.size() - 1);
  if (parent == nullptr || Child(*parent, path.back()) == nullptr) return false;
  if (parent->is_object()) {
    parent->erase(path.back());
  } else {
    parent->erase(parent->begin() + static_cast<std::ptrdiff_t>(std::stoul(path.back())));
  }
  return true;
}

// One operation of RFC 6902, taken apart.
struct Operation {
  std::string op;
  std::vector<std::string> path;
  std::vector<std::string> from;
  const Json* value = nullptr;
};

// nullopt: malformed.
std::optional<Operation> ParseOperation(const Json& json) {
  if (!json.is_object()) return std::nullopt;
  Operation out;
  auto op = json.find("op");
  auto path = json.find("path");
  if (op == json.end() || !op->is_string() || path == json.end() || !path->is_string() ||
      !ParsePointer(path->get<std::string>(), out.path)) {
    return std::nullopt;
  }
  out.op = op->get<std::string>();
  if (auto value = json.find("value"); value != json.end()) out.value = &*value;
  if (out.op == "move" || out.op == "copy") {
    auto from = json.find("from");
    if (from == json.end() || !from->is_string() ||
        !ParsePointer(from->get<std::string>(), out.from)) {
      return std::nullopt;
    }
  } else if (out.op == "add" || out.op == "replace" || out.op == "test") {
    if (out.value == nullptr) return std::nullopt;
  } else if (out.op != "remove") {
    return std::nullopt;
  }
  return out;
}

// True iff `inner` lies strictly below `outer`: moving a value into itself.
bool IsBelow(const std::vector<std::string>& outer, const std::vector<std::string>& inner) {
  return inner.size() > outer.size() && std::equal(outer.begin(), outer.end(), inner.begin());
}

// False: the operation does not fit the document.
bool Apply(Json& document, const Operation& operation, std::size_t& copied) {
  if (operation.op == "add") return Add(document, operation.path, *operation.value);
  if (operation.op == "remove") return Remove(document, operation.path);
  if (operation.op == "replace" || operation.op == "test") {
    Json* target = Resolve(document, operation.path, operation.path.size());
    // The real server's library lets a test for null pass where nothing is.
    if (operation.op == "test") {
      return target == nullptr ? operation.value->is_null() : *target == *operation.value;
    }
    // Nor does it miss a member that is to be replaced.
    if (target == nullptr) {
      const Json* parent = operation.path.empty()
                               ? nullptr
                               : Resolve(document, operation.path, operation.path.size() - 1);
      return parent != nullptr && parent->is_object() &&
             Add(document, operation.path, *operation.value);
    }
    *target = *operation.value;
    return true;
  }
  const Json* source = Resolve(document, operation.from, operation.from.size());
  if (source == nullptr && operation.op == "copy" && !operation.from.empty()) {
    // What is not in an object is copied as null.
    const Json* parent = Resolve(document, operation.from, operation.from.size() - 1);
    return parent != nullptr && parent->is_object() && Add(document, operation.path, nullptr);
  }
  if (source == nullptr) return false;
  copied += CountValues(*source);
  if (copied > kMaxCopiedValues) return false;
  Json value = *source;
  if (operation.op == "move") {
    if (operation.from == operation.path) return true;
    if (IsBelow(operation.from, operation.path) || !Remove(document, operation.from)) return false;
  }
  return Add(document, operation.path, std::move(value));
}

void Merge(Json& target, const Json& patch) {
  if (!patch.is_object()) {
    target = patch;
    return;
  }
  if (!target.is_object()) target = Json::object();
  for (auto it = patch.begin(); it != patch.end(); ++it) {
    if (it->is_null()) {
      target.erase(it.key());
    } else {
      Merge(target[it.key()], *it);
    }
  }
}

}  // namespace

std::optional<PatchType> ParsePatchType(std::string_view content_type) {
  std::string type(content_type.substr(0, content_type.find(';')));
  while (!type.empty() && type.back() == ' ') type.pop_back();
  std::transform(type.begin(), type.end(), type.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (type == "application/json-patch+json") return PatchType::kJson;
  if (type == "application/merge-patch+json") return PatchType::kMerge;
  if (type == "application/strategic-merge-patch+json") return PatchType::kStrategic;
  if (type == "application/apply-patch+yaml") return PatchType::kApply;
  return std::nullopt;
}

ApiResult<Json> ApplyJsonPatch(const Json& document, const Json& patch) {
  if (patch.is_null()) return document;  // to Go's decoder a list without elements
  if (!patch.is_array()) {
    return BadRequest("error decoding patch: a JSON patch is an array of operations");
  }
  if (patch.size() > kMaxJsonPatchOperations) {
    Json body = RequestEntityTooLarge(kMaxJsonPatchOperations).body();
    body["message"] =
        "Request entity too large: The allowed maximum operations in a JSON patch is " +
        std::to_string(kMaxJsonPatchOperations) + ", got " + std::to_string(patch.size());
    return ApiError(std::move(body));
  }
  Json result = document;
  std::size_t copied = 0;
  for (std::size_t i = 0; i < patch.size(); ++i) {
    std::optional<Operation> operation = ParseOperation(patch[i]);
    if (!operation && patch[i].is_object()) return PatchRejected();
    if (!operation) {
      return BadRequest("error decoding patch: operation " + std::to_string(i) +
                        " is malformed: " + ShowValue(patch[i]).substr(0, 200));
    }
    if (!Apply(result, *operation, copied)) return PatchRejected();
  }
  return result;
}

ApiResult<Json> ApplyMergePatch(const Json& document, const Json& patch) {
  if (!patch.is_object()) {
    return BadRequest("error decoding patch: a merge patch is an object");
  }
  Json result = document;
  Merge(result, patch);
  return result;
}

ApiResult<Json> ApplyPatch(PatchType type, const Json& document, const Json& patch) {
  switch (type) {
    case PatchType::kJson:
      return ApplyJsonPatch(document, patch);
    case PatchType::kMerge:
      return ApplyMergePatch(document, patch);
    case PatchType::kStrategic:
      return ApplyStrategicMergePatch(document, patch);
    case PatchType::kApply:
      break;
  }
  return UnsupportedMediaType({"application/json-patch+json", "application/merge-patch+json",
                               "application/strategic-merge-patch+json"});
}

}  // namespace salve::apiserver
