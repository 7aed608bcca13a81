// SPDX-License-Identifier: Apache-2.0
// Strategic merge patch for the kinds that are compiled into kubectl and served here. Their only
// lists with a merge strategy are finalizers (a set) and ownerReferences (by uid); all others are
// replaced.
#include <algorithm>
#include <string>
#include <string_view>

#include "pkg/apiserver/patch.h"

namespace salve::apiserver {
namespace {

constexpr char kPatchDirective[] = "$patch";
constexpr char kRetainKeys[] = "$retainKeys";
constexpr std::string_view kDeletePrefix = "$deleteFromPrimitiveList/";
constexpr std::string_view kOrderPrefix = "$setElementOrder/";

bool StartsWith(const std::string& text, std::string_view prefix) {
  return text.compare(0, prefix.size(), prefix) == 0;
}

// Which list this is, known by its name: only directly below metadata.
enum class ListStrategy { kReplace, kSet, kByUid };

ListStrategy StrategyOf(const std::string& parent, const std::string& field) {
  // Namespace.spec.finalizers is atomic in the real server too.
  if (parent != "metadata") return ListStrategy::kReplace;
  if (field == "finalizers") return ListStrategy::kSet;
  if (field == "ownerReferences") return ListStrategy::kByUid;
  return ListStrategy::kReplace;
}

class Merger {
 public:
  // nullopt-like: error_ is set when the patch is malformed.
  Json MergeObject(const Json& original, const Json& patch, const std::string& name);
  const std::string& error() const { return error_; }

 private:
  Json MergeField(const Json* original, const Json& patch, const std::string& parent,
                  const std::string& field);
  Json MergeByUid(const Json& original, const Json& patch);
  void DeleteFromList(Json& object, const std::string& field, const Json& values);
  void OrderList(Json& object, const std::string& parent, const std::string& field,
                 const Json& order);
  void Retain(Json& object, const Json& keys);
  void Fail(const std::string& why) {
    if (error_.empty()) error_ = why;
  }

  std::string error_;
};

// What is left of a patch once its directives are taken out and there is nothing to merge with.
Json WithoutDirectives(const Json& patch) {
  if (patch.is_array()) {
    Json out = Json::array();
    for (const Json& item : patch) {
      if (item.is_object() && item.value(kPatchDirective, Json()) == "delete") continue;
      if (item.is_object() && item.value(kPatchDirective, Json()) == "replace") continue;
      out.push_back(WithoutDirectives(item));
    }
    return out;
  }
  if (!patch.is_object()) return patch;
  Json out = Json::object();
  for (auto it = patch.begin(); it != patch.end(); ++it) {
    if (!it.key().empty() && it.key()[0] == '$') continue;
    if (!it->is_null()) out[it.key()] = WithoutDirectives(*it);
  }
  return out;
}

Json Merger::MergeObject(const Json& original, const Json& patch, const std::string& name) {
  if (auto directive = patch.find(kPatchDirective); directive != patch.end()) {
    if (*directive == "replace") return WithoutDirectives(patch);
    if (*directive == "delete") return Json::object();
    if (*directive != "merge") {
      Fail("unrecognized value of $patch: " + ShowValue(*directive));
      return original;
    }
  }
  Json result = original.is_object() ? original : Json::object();
  if (auto keys = patch.find(kRetainKeys); keys != patch.end()) Retain(result, *keys);
  for (auto it = patch.begin(); it != patch.end(); ++it) {
    const std::string& key = it.key();
    if (StartsWith(key, kDeletePrefix)) {
      DeleteFromList(result, key.substr(kDeletePrefix.size()), *it);
    } else if (key.empty() || key[0] == '$') {
      continue;
    } else if (it->is_null()) {
      result.erase(key);
    } else {
      auto existing = result.find(key);
      result[key] = MergeField(existing == result.end() ? nullptr : &*existing, *it, name, key);
    }
  }
  for (auto it = patch.begin(); it != patch.end(); ++it) {
    if (StartsWith(it.key(), kOrderPrefix)) {
      OrderList(result, name, it.key().substr(kOrderPrefix.size()), *it);
    }
  }
  return result;
}

Json Merger::MergeField(const Json* original, const Json& patch, const std::string& parent,
                        const std::string& field) {
  if (patch.is_object()) {
    if (original == nullptr || !original->is_object()) {
      return MergeObject(Json::object(), patch, field);
    }
    return MergeObject(*original, patch, field);
  }
  if (!patch.is_array()) return patch;
  const ListStrategy strategy = StrategyOf(parent, field);
  const Json empty = Json::array();
  const Json& base = original != nullptr && original->is_array() ? *original : empty;
  if (strategy == ListStrategy::kByUid) return MergeByUid(base, patch);
  if (strategy == ListStrategy::kReplace) return WithoutDirectives(patch);
  Json merged = base;
  for (const Json& item : patch) {
    if (std::find(merged.begin(), merged.end(), item) == merged.end()) merged.push_back(item);
  }
  return merged;
}

Json Merger::MergeByUid(const Json& original, const Json& patch) {
  for (const Json& item : patch) {
    if (item.is_object() && item.value(kPatchDirective, Json()) == "replace") {
      return WithoutDirectives(patch);
    }
  }
  Json merged = original;
  for (const Json& item : patch) {
    auto uid = item.is_object() ? item.find("uid") : item.end();
    if (!item.is_object() || uid == item.end()) {
      Fail("map: " + ShowValue(item) + " does not contain declared merge key: uid");
      return original;
    }
    auto same = std::find_if(merged.begin(), merged.end(), [&](const Json& have) {
      return have.is_object() && have.value("uid", Json()) == *uid;
    });
    if (item.value(kPatchDirective, Json()) == "delete") {
      if (same != merged.end()) merged.erase(same);
    } else if (same != merged.end()) {
      *same = MergeObject(*same, item, "ownerReferences");
    } else {
      merged.push_back(WithoutDirectives(item));
    }
  }
  return merged;
}

void Merger::DeleteFromList(Json& object, const std::string& field, const Json& values) {
  auto list = object.find(field);
  if (list == object.end() || !list->is_array() || !values.is_array()) return;
  Json kept = Json::array();
  for (Json& item : *list) {
    if (std::find(values.begin(), values.end(), item) == values.end()) {
      kept.push_back(std::move(item));
    }
  }
  *list = std::move(kept);
}

// Items that `order` names come first, in its order; the others keep theirs, at the end.
void Merger::OrderList(Json& object, const std::string& parent, const std::string& field,
                       const Json& order) {
  auto list = object.find(field);
  if (list == object.end() || !list->is_array() || !order.is_array()) return;
  const bool by_uid = StrategyOf(parent, field) == ListStrategy::kByUid;
  auto rank = [&](const Json& item) -> std::size_t {
    for (std::size_t i = 0; i < order.size(); ++i) {
      const bool same = by_uid && item.is_object() && order[i].is_object()
                            ? item.value("uid", Json()) == order[i].value("uid", Json())
                            : item == order[i];
      if (same) return i;
    }
    return order.size();
  };
  std::vector<std::pair<std::size_t, Json>> ranked;
  for (Json& item : *list) ranked.emplace_back(rank(item), std::move(item));
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  Json sorted = Json::array();
  for (auto& [unused, item] : ranked) sorted.push_back(std::move(item));
  *list = std::move(sorted);
}

void Merger::Retain(Json& object, const Json& keys) {
  if (!keys.is_array()) {
    Fail("$retainKeys must be a list of names");
    return;
  }
  for (auto it = object.begin(); it != object.end();) {
    const bool keep = std::find(keys.begin(), keys.end(), Json(it.key())) != keys.end();
    it = keep ? std::next(it) : object.erase(it);
  }
}

}  // namespace

ApiResult<Json> ApplyStrategicMergePatch(const Json& document, const Json& patch) {
  if (patch.is_null()) return document;
  if (!patch.is_object()) {
    return BadRequest("error decoding patch: a strategic merge patch is an object");
  }
  Merger merger;
  Json result = merger.MergeObject(document, patch, "");
  if (!merger.error().empty()) return BadRequest(merger.error());
  return result;
}

}  // namespace salve::apiserver
