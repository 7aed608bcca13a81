// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_MANAGED_FIELDS_SET_H_
#define SALVE_PKG_APISERVER_MANAGED_FIELDS_SET_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pkg/apiserver/status_body.h"

namespace salve::apiserver {

// A set of paths into an object, in the form that managedFields keep (fieldsV1): each member of a
// JSON object is a step, `f:spec` into a field, `k:{"name":"a"}` to the item of a list with these
// keys, `v:"a"` to an item of a set, `i:0` to an index. A path belongs to the set where its step
// holds {} or has a member ".". The root itself never belongs to it.
//
// A value: copies are deep, methods that change it are for one thread at a time.
class FieldSet {
 public:
  FieldSet() : fields_(Json::object()) {}
  // Takes what Parse, Take or the functions of managed_fields_walk.h have made.
  explicit FieldSet(Json canonical)
      : fields_(canonical.is_object() ? std::move(canonical) : Json::object()) {}
  // From outside: keys and values are brought into one spelling, unknown steps dropped. nullopt:
  // not a field set.
  static std::optional<FieldSet> Parse(const Json& fields_v1);

  bool empty() const { return fields_.empty(); }
  const Json& json() const { return fields_; }
  Json Take() && { return std::move(fields_); }

  void Add(const FieldSet& other);
  void Subtract(const FieldSet& other);
  FieldSet Intersect(const FieldSet& other) const;
  bool Contains(const FieldSet& other) const;

  // Takes out a field of the root with all below it.
  void DropTop(const std::string& field) { fields_.erase("f:" + field); }

  // Every path of the set, nearer ones first, as its steps. `steps` is valid during the call.
  using Visitor = std::function<void(const std::vector<std::string>& steps)>;
  void ForEach(const Visitor& visit) const;

  bool operator==(const FieldSet& other) const { return fields_ == other.fields_; }

 private:
  Json fields_;
};

// ".spec.probes[name=\"a\"].http": a path as messages show it.
std::string PathText(const std::vector<std::string>& steps);

// --- one node of the tree: null is nothing, {} is the path alone ---------------------------------

// Whether the path of this node belongs to the set.
bool NodeOwned(const Json& node);
void OwnNode(Json& node);
// Adds `child` (unless it is null) as the step `step` below `node`.
void AttachNode(Json& node, std::string step, Json child);

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_MANAGED_FIELDS_SET_H_
