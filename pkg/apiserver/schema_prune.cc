// SPDX-License-Identifier: Apache-2.0
// Defaulting and pruning: the two ways in which a schema changes an object before it is stored.
#include <algorithm>

#include "pkg/apiserver/schema.h"
#include "pkg/apiserver/schema_node.h"

namespace salve::apiserver {
namespace {

constexpr std::size_t kMaxReported = 100;

bool DropsNull(const SchemaNode& node) { return !node.nullable; }

void DefaultNode(Json& value, const SchemaNode& node, bool keep_nulls);

void DefaultObject(Json& object, const SchemaNode& node, bool keep_nulls) {
  for (const auto& [name, property] : node.properties) {
    auto it = object.find(name);
    const bool dropped = it != object.end() && it->is_null() && DropsNull(property);
    if (it != object.end() && !dropped) continue;
    if (property.default_value != nullptr) {
      object[name] = *property.default_value;
    } else if (dropped && !keep_nulls) {
      object.erase(it);
    }
  }
  for (auto it = object.begin(); it != object.end();) {
    const SchemaNode* child = node.Property(it.key());
    if (child == nullptr) child = node.additional.get();
    if (child != nullptr && it->is_null() && DropsNull(*child)) {
      if (child->default_value == nullptr && !keep_nulls) {
        it = object.erase(it);
        continue;
      }
      if (child->default_value != nullptr) *it = *child->default_value;
    }
    if (child != nullptr) DefaultNode(*it, *child, keep_nulls);
    ++it;
  }
}

void DefaultNode(Json& value, const SchemaNode& node, bool keep_nulls) {
  if (value.is_object()) {
    DefaultObject(value, node, keep_nulls);
  } else if (value.is_array() && node.items != nullptr) {
    for (Json& item : value) {
      if (item.is_null() && !node.items->nullable && node.items->default_value != nullptr) {
        item = *node.items->default_value;
      }
      DefaultNode(item, *node.items, keep_nulls);
    }
  }
}

class Pruner {
 public:
  void Prune(Json& value, const SchemaNode& node, const std::string& path, bool root);
  std::vector<std::string> Take() {
    std::sort(unknown_.begin(), unknown_.end());
    return std::move(unknown_);
  }

 private:
  void PruneObject(Json& object, const SchemaNode& node, const std::string& path, bool root);
  void Report(std::string path) {
    if (unknown_.size() < kMaxReported) unknown_.push_back(std::move(path));
  }

  std::vector<std::string> unknown_;
};

bool IsMetaField(const std::string& name) {
  return name == "apiVersion" || name == "kind" || name == "metadata";
}

void Pruner::Prune(Json& value, const SchemaNode& node, const std::string& path, bool root) {
  if (value.is_object()) {
    PruneObject(value, node, path, root);
  } else if (value.is_array() && node.items != nullptr) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      Prune(value[i], *node.items, IndexPath(path, i), false);
    }
  }
}

void Pruner::PruneObject(Json& object, const SchemaNode& node, const std::string& path, bool root) {
  // A value of a scalar type is left alone: validation names the wrong type.
  if (node.type != SchemaNode::Type::kObject && node.type != SchemaNode::Type::kAny) return;
  for (auto it = object.begin(); it != object.end();) {
    const SchemaNode* child = node.Property(it.key());
    if (child == nullptr) child = node.additional.get();
    const bool kept = node.preserve_unknown || node.additional_allowed ||
                      ((root || node.embedded_resource) && IsMetaField(it.key()));
    if (child != nullptr) {
      Prune(*it, *child, ChildPath(path, it.key()), false);
    } else if (!kept) {
      Report(ChildPath(path, it.key()));
      it = object.erase(it);
      continue;
    }
    ++it;
  }
}

}  // namespace

void CompiledSchema::Default(Json& object, bool keep_nulls) const {
  DefaultNode(object, *root_, keep_nulls);
}

std::vector<std::string> CompiledSchema::Prune(Json& object) const {
  Pruner pruner;
  pruner.Prune(object, *root_, "", true);
  return pruner.Take();
}

}  // namespace salve::apiserver
