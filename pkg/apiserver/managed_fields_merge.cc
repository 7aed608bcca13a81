// SPDX-License-Identifier: Apache-2.0
// Changing objects by sets of fields: merging a configuration in, taking fields out.
#include <algorithm>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "pkg/apiserver/managed_fields_walk.h"

namespace salve::apiserver {
namespace {

using MaybeJson = std::optional<Json>;

const Json* At(const Json* object, const std::string& name) {
  if (object == nullptr || !object->is_object()) return nullptr;
  const auto it = object->find(name);
  return it == object->end() ? nullptr : &*it;
}

bool Empty(const Json* value, bool list) {
  return value == nullptr || (list ? !value->is_array() : !value->is_object()) || value->empty();
}

MaybeJson MergeValue(const Json* live, const Json* config, const SchemaNode* schema);

MaybeJson MergeLeaf(const Json* live, const Json* config) {
  if (config != nullptr) return *config;
  return live != nullptr ? MaybeJson(*live) : std::nullopt;
}

MaybeJson MergeMap(const Json* live, const Json* config, const SchemaNode* schema) {
  if (Empty(live, false) && Empty(config, false)) return MergeLeaf(live, config);
  Json out = Json::object();
  if (live != nullptr && live->is_object()) {
    for (auto it = live->begin(); it != live->end(); ++it) {
      MaybeJson merged = MergeValue(&*it, At(config, it.key()), MemberSchema(schema, it.key()));
      if (merged) out[it.key()] = *std::move(merged);
    }
  }
  if (config != nullptr && config->is_object()) {
    for (auto it = config->begin(); it != config->end(); ++it) {
      if (At(live, it.key()) != nullptr) continue;
      MaybeJson merged = MergeValue(nullptr, &*it, MemberSchema(schema, it.key()));
      if (merged) out[it.key()] = *std::move(merged);
    }
  }
  return out.empty() ? std::nullopt : MaybeJson(std::move(out));
}

// The items of a granular list by step. Of duplicates nothing is merged: they count as absent.
struct Indexed {
  std::vector<std::string> steps;
  std::vector<const Json*> items;
  std::map<std::string, const Json*> by_step;

  Indexed(const Json* list, const SchemaNode& schema) {
    if (list == nullptr || !list->is_array()) return;
    for (const Json& item : *list) {
      auto step = ItemStep(item, schema, nullptr);
      if (!step) continue;
      const auto [it, added] = by_step.emplace(*step, &item);
      if (!added) it->second = nullptr;
      steps.push_back(*std::move(step));
      items.push_back(&item);
    }
  }
  bool Has(const std::string& step) const { return by_step.count(step) != 0; }
  const Json* At(const std::string& step) const {
    const auto it = by_step.find(step);
    return it == by_step.end() ? nullptr : it->second;
  }
};

// Walks both lists at once. The configuration decides the order of what it names; an item that only
// the live list has stays behind the neighbour that it had.
class ListMerge {
 public:
  ListMerge(const Json* live, const Json* config, const SchemaNode& schema)
      : schema_(schema), live_(live, schema), config_(config, schema) {
    for (const std::string& step : config_.steps) {
      if (live_.Has(step)) shared_.push_back(step);
    }
  }

  Json Run() {
    while (l_ < live_.steps.size() || c_ < config_.steps.size()) Step();
    return std::move(out_);
  }

 private:
  void Step() {
    const bool has_live = l_ < live_.steps.size();
    const bool has_config = c_ < config_.steps.size();
    if (has_live && has_config) {
      const std::string& step = live_.steps[l_];
      if (step == config_.steps[c_]) {
        Emit(step);
        ++l_;
        ++c_;
        if (!shared_.empty()) shared_.pop_front();
        return;
      }
      // Its turn comes when the configuration names it.
      if (config_.Has(step) && !shared_.empty() && shared_.front() != step) {
        ++l_;
        return;
      }
    }
    if (has_live) {
      const std::string& step = live_.steps[l_];
      if (!config_.Has(step)) {
        Push(MergeValue(live_.items[l_], nullptr, schema_.items.get()));
        ++l_;
        return;
      }
      if (std::find(done_.begin(), done_.end(), step) != done_.end()) ++l_;
    }
    if (!has_config) return;
    const std::string& step = config_.steps[c_++];
    Emit(step);
    if (!shared_.empty() && shared_.front() == step) shared_.pop_front();
  }

  void Emit(const std::string& step) {
    done_.push_back(step);
    Push(MergeValue(live_.At(step), config_.At(step), schema_.items.get()));
  }
  void Push(MaybeJson item) {
    if (item) out_.push_back(*std::move(item));
  }

  const SchemaNode& schema_;
  const Indexed live_;
  const Indexed config_;
  std::deque<std::string> shared_;
  std::vector<std::string> done_;
  std::size_t l_ = 0;
  std::size_t c_ = 0;
  Json out_ = Json::array();
};

MaybeJson MergeValue(const Json* live, const Json* config, const SchemaNode* schema) {
  if (live == nullptr && config == nullptr) return std::nullopt;
  // null takes the form of the other side.
  const Json& shape =
      config != nullptr && !(config->is_null() && live != nullptr) ? *config : *live;
  switch (GranularityOf(schema, shape)) {
    case Granularity::kLeaf:
      return MergeLeaf(live, config);
    case Granularity::kMap:
      return MergeMap(live, config, schema);
    case Granularity::kList: {
      if (Empty(live, true) && Empty(config, true)) return MergeLeaf(live, config);
      Json merged = ListMerge(live, config, *schema).Run();
      return merged.empty() ? std::nullopt : MaybeJson(std::move(merged));
    }
  }
  return std::nullopt;
}

MaybeJson RemoveBelow(const Json& value, const Json& node, const SchemaNode* schema);

// `value` without what `node` names below it; of a container that it empties a null is left.
Json RemoveInside(const Json& value, const Json& node, const SchemaNode* schema) {
  return RemoveBelow(value, node, schema).value_or(Json());
}

// The node of a step if it names something below that step.
const Json* Below(const Json& node, const std::string& step) {
  const Json* below = At(&node, step);
  if (below == nullptr || below->empty()) return nullptr;
  return below->size() == 1 && below->contains(".") ? nullptr : below;
}

MaybeJson RemoveFromMap(const Json& value, const Json& node, const SchemaNode* schema) {
  Json out = Json::object();
  for (auto it = value.begin(); it != value.end(); ++it) {
    const std::string step = "f:" + it.key();
    const Json* named = At(&node, step);
    if (named != nullptr && NodeOwned(*named)) continue;
    if (const Json* below = Below(node, step)) {
      out[it.key()] = RemoveInside(*it, *below, MemberSchema(schema, it.key()));
    } else {
      out[it.key()] = *it;
    }
  }
  return out.empty() ? std::nullopt : MaybeJson(std::move(out));
}

MaybeJson RemoveFromList(const Json& value, const Json& node, const SchemaNode& schema) {
  Json out = Json::array();
  for (const Json& item : value) {
    const auto step = ItemStep(item, schema, nullptr);
    const Json* named = step ? At(&node, *step) : nullptr;
    if (named != nullptr && NodeOwned(*named)) continue;
    if (const Json* below = step ? Below(node, *step) : nullptr) {
      out.push_back(RemoveInside(item, *below, schema.items.get()));
    } else {
      out.push_back(item);
    }
  }
  return out.empty() ? std::nullopt : MaybeJson(std::move(out));
}

MaybeJson RemoveBelow(const Json& value, const Json& node, const SchemaNode* schema) {
  switch (GranularityOf(schema, value)) {
    case Granularity::kLeaf:
      return value.is_structured() ? std::nullopt : MaybeJson(value);
    case Granularity::kMap:
      if (!value.is_object() || value.empty()) return std::nullopt;
      return RemoveFromMap(value, node, schema);
    case Granularity::kList:
      if (!value.is_array() || value.empty()) return std::nullopt;
      return RemoveFromList(value, node, *schema);
  }
  return std::nullopt;
}

}  // namespace

Json MergeFields(const Json& live, const Json& config, const SchemaNode& schema) {
  return MergeValue(&live, &config, &schema).value_or(Json::object());
}

Json RemoveFields(const Json& object, const FieldSet& fields, const SchemaNode& schema) {
  return RemoveBelow(object, fields.json(), &schema).value_or(Json::object());
}

}  // namespace salve::apiserver
