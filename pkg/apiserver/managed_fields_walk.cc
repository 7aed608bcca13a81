// SPDX-License-Identifier: Apache-2.0
// Comparing objects, and the sets of what they hold.
#include "pkg/apiserver/managed_fields_walk.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

namespace salve::apiserver {
namespace {

using List = SchemaNode::ListType;
using Type = SchemaNode::Type;

// What is below one path; null: nothing.
struct Changes {
  Json set;
  Json removed;
};

bool IsEmptyMap(const Json* value) {
  return value == nullptr || !value->is_object() || value->empty();
}

bool IsEmptyList(const Json* value) {
  return value == nullptr || !value->is_array() || value->empty();
}

Changes CompareValue(const Json* before, const Json* after, const SchemaNode* schema,
                     const Json* zero);

Changes CompareLeaf(const Json* before, const Json* after) {
  Changes changes;
  if (before != nullptr && after == nullptr) {
    OwnNode(changes.removed);
  } else if (before == nullptr || *before != *after) {
    OwnNode(changes.set);
  }
  return changes;
}

void Attach(Changes& to, const std::string& step, Changes child) {
  AttachNode(to.set, step, std::move(child.set));
  AttachNode(to.removed, step, std::move(child.removed));
}

const Json& EmptyObject() {
  static const Json empty = Json::object();
  return empty;
}

void CompareMembers(const Json& before, const Json& after, const SchemaNode* schema,
                    const Json* zero, Changes& changes) {
  const auto missing = [zero](const std::string& name) -> const Json* {
    if (zero == nullptr) return nullptr;
    const auto it = zero->find(name);
    return it == zero->end() ? nullptr : &*it;
  };
  const auto member = [&](const std::string& name, const Json* lhs, const Json* rhs) {
    if (lhs == nullptr) lhs = missing(name);
    if (rhs == nullptr) rhs = missing(name);
    Changes child = CompareValue(lhs, rhs, MemberSchema(schema, name), nullptr);
    if (!child.set.is_null() || !child.removed.is_null()) {
      Attach(changes, "f:" + name, std::move(child));
    }
  };
  auto lhs = before.begin();
  auto rhs = after.begin();
  while (lhs != before.end() || rhs != after.end()) {
    const int order = lhs == before.end()  ? 1
                      : rhs == after.end() ? -1
                                           : lhs.key().compare(rhs.key());
    if (order < 0) {
      member(lhs.key(), &*lhs, nullptr);
      ++lhs;
    } else if (order > 0) {
      member(rhs.key(), nullptr, &*rhs);
      ++rhs;
    } else {
      member(lhs.key(), &*lhs, &*rhs);
      ++lhs;
      ++rhs;
    }
  }
}

using Items = std::vector<const Json*>;

// Items that have no step are not seen: validation refuses them.
void Gather(const Json* list, const SchemaNode& schema, Items std::pair<Items, Items>::* side,
            std::map<std::string, std::pair<Items, Items>>& items) {
  if (IsEmptyList(list)) return;
  for (const Json& item : *list) {
    if (auto step = ItemStep(item, schema, nullptr))
      (items[*std::move(step)].*side).push_back(&item);
  }
}

// Duplicates have no owners of their own: the item counts as one leaf then.
Changes CompareItem(const Items& before, const Items& after, const SchemaNode* schema) {
  const auto first = [](const Items& items) { return items.empty() ? nullptr : items[0]; };
  if (before.size() <= 1 && after.size() <= 1) {
    return CompareValue(first(before), first(after), schema, nullptr);
  }
  Changes changes;
  if (before.size() >= 2 && after.size() >= 2) {
    const bool same = std::equal(before.begin(), before.end(), after.begin(), after.end(),
                                 [](const Json* a, const Json* b) { return *a == *b; });
    if (!same) OwnNode(changes.set);
  } else if (before.size() >= 2) {
    if (!after.empty()) changes = CompareValue(nullptr, after[0], schema, nullptr);
    OwnNode(changes.removed);
  } else {
    if (!before.empty()) changes = CompareValue(before[0], nullptr, schema, nullptr);
    OwnNode(changes.set);
  }
  return changes;
}

void CompareItems(const Json* before, const Json* after, const SchemaNode& schema,
                  Changes& changes) {
  if (before != nullptr && after != nullptr && *before == *after) return;
  std::map<std::string, std::pair<Items, Items>> items;
  Gather(before, schema, &std::pair<Items, Items>::first, items);
  Gather(after, schema, &std::pair<Items, Items>::second, items);
  for (const auto& [step, pair] : items) {
    Attach(changes, step, CompareItem(pair.first, pair.second, schema.items.get()));
  }
}

Changes CompareValue(const Json* before, const Json* after, const SchemaNode* schema,
                     const Json* zero) {
  const Json* shape = before;
  if (after != nullptr && (before == nullptr || !before->is_object())) shape = after;
  if (shape == nullptr) return {};  // neither side has it: nothing changed
  const Granularity granularity = GranularityOf(schema, *shape);
  if (granularity == Granularity::kLeaf) return CompareLeaf(before, after);
  Changes changes;
  if (granularity == Granularity::kList) {
    if (IsEmptyList(before) && IsEmptyList(after)) return CompareLeaf(before, after);
    CompareItems(before, after, *schema, changes);
  } else {
    if (IsEmptyMap(before) && IsEmptyMap(after)) return CompareLeaf(before, after);
    CompareMembers(IsEmptyMap(before) ? EmptyObject() : *before,
                   IsEmptyMap(after) ? EmptyObject() : *after, schema, zero, changes);
    // Undescribed, and a map only on one side.
    const auto other = [](const Json* value) {
      return value != nullptr && !value->is_object() && !value->is_null();
    };
    if (other(before) || other(after)) OwnNode(changes.set);
  }
  if (before == nullptr) OwnNode(changes.set);
  if (after == nullptr) OwnNode(changes.removed);
  return changes;
}

Json NodeOf(const Json& value, const SchemaNode* schema) {
  Json node;
  switch (GranularityOf(schema, value)) {
    case Granularity::kLeaf:
      OwnNode(node);
      break;
    case Granularity::kList:
      if (!value.is_array()) break;
      for (const Json& item : value) {
        auto step = ItemStep(item, *schema, nullptr);
        if (!step) continue;
        Json child = NodeOf(item, schema->items.get());
        OwnNode(child);
        AttachNode(node, *std::move(step), std::move(child));
      }
      break;
    case Granularity::kMap:
      if (!value.is_object()) break;
      for (auto it = value.begin(); it != value.end(); ++it) {
        Json child = NodeOf(*it, MemberSchema(schema, it.key()));
        const bool declared = schema != nullptr && schema->Property(it.key()) != nullptr;
        if (!declared || it->is_null() || (it->is_object() && it->empty())) OwnNode(child);
        AttachNode(node, "f:" + it.key(), std::move(child));
      }
      break;
  }
  return node;
}

const SchemaNode* StepSchema(const SchemaNode* schema, const std::string& step) {
  if (schema == nullptr) return nullptr;
  if (step[0] == 'f') return MemberSchema(schema, step.substr(2));
  return step[0] == 'k' ? ItemSchema(schema) : nullptr;
}

void OwnNamed(Json& node, const SchemaNode* schema) {
  for (auto it = node.begin(); it != node.end(); ++it) {
    if (it.key() == "." || it->empty()) continue;
    OwnNamed(*it, StepSchema(schema, it.key()));
    const bool declared =
        schema != nullptr && it.key()[0] == 'f' && schema->Property(it.key().substr(2)) != nullptr;
    if (declared) OwnNode(*it);
  }
}

bool Collapse(Json& node, const SchemaNode* schema) {
  bool changed = false;
  for (auto it = node.begin(); it != node.end(); ++it) {
    if (it.key() == "." || it->empty()) continue;
    const SchemaNode* below = StepSchema(schema, it.key());
    if (below == nullptr) continue;
    const bool atomic = below->type == Type::kArray
                            ? below->list_type == List::kAtomic
                            : below->type == Type::kObject && below->atomic_map;
    if (atomic) {
      *it = Json::object();
      changed = true;
    } else {
      changed = Collapse(*it, below) || changed;
    }
  }
  return changed;
}

}  // namespace

Granularity GranularityOf(const SchemaNode* schema, const Json& value) {
  if (schema == nullptr || schema->type == Type::kAny) {
    if (schema != nullptr && (schema->int_or_string || schema->atomic_map)) {
      return Granularity::kLeaf;
    }
    return value.is_object() ? Granularity::kMap : Granularity::kLeaf;
  }
  if (schema->type == Type::kObject) {
    return schema->atomic_map ? Granularity::kLeaf : Granularity::kMap;
  }
  if (schema->type == Type::kArray && schema->list_type != List::kAtomic) {
    return Granularity::kList;
  }
  return Granularity::kLeaf;
}

const SchemaNode* MemberSchema(const SchemaNode* schema, const std::string& name) {
  if (schema == nullptr) return nullptr;
  const SchemaNode* declared = schema->Property(name);
  return declared != nullptr ? declared : schema->additional.get();
}

const SchemaNode* ItemSchema(const SchemaNode* schema) {
  return schema == nullptr ? nullptr : schema->items.get();
}

std::optional<std::string> ItemStep(const Json& item, const SchemaNode& list, std::string* why) {
  const auto fail = [why](std::string text) {
    if (why != nullptr) *why = std::move(text);
    return std::nullopt;
  };
  const auto dump = [](const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
  };
  if (list.list_type == List::kSet) {
    if (item.is_object())
      return fail("associative list without keys has an element that's a map type");
    if (item.is_array()) return fail("not supported: associative list with lists as elements");
    if (item.is_null()) {
      return fail("associative list without keys has an element that's an explicit null");
    }
    return "v:" + dump(item);
  }
  if (item.is_null()) return fail("associative list with keys may not have a null element");
  if (!item.is_object()) return fail("associative list with keys may not have non-map elements");
  Json keys = Json::object();
  for (const std::string& name : list.list_map_keys) {
    if (const auto it = item.find(name); it != item.end()) {
      keys[name] = *it;
    } else if (const SchemaNode* key = MemberSchema(list.items.get(), name);
               key != nullptr && key->default_value != nullptr) {
      keys[name] = *key->default_value;
    }
  }
  if (keys.empty()) {
    std::string names;
    for (const std::string& name : list.list_map_keys) {
      names += (names.empty() ? "" : " ") + dump(name);
    }
    return fail("associative list with keys has an element that omits all key fields [" + names +
                "] (and doesn't have default values for any key fields)");
  }
  return "k:" + dump(keys);
}

FieldChanges CompareFields(const Json& before, const Json& after, const SchemaNode& schema,
                           const Json* zero) {
  Changes changes = CompareValue(&before, &after, &schema, zero);
  return {FieldSet(std::move(changes.set)), FieldSet(std::move(changes.removed))};
}

FieldSet FieldsOf(const Json& object, const SchemaNode& schema) {
  return FieldSet(NodeOf(object, &schema));
}

FieldSet WithNamedParents(const FieldSet& fields, const SchemaNode& schema) {
  Json node = fields.json();
  OwnNamed(node, &schema);
  return FieldSet(std::move(node));
}

bool FollowSchema(FieldSet& fields, const SchemaNode& schema) {
  Json node = std::move(fields).Take();
  const bool changed = Collapse(node, &schema);
  fields = FieldSet(std::move(node));
  return changed;
}

}  // namespace salve::apiserver
