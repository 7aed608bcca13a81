// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_MANAGED_FIELDS_WALK_H_
#define SALVE_PKG_APISERVER_MANAGED_FIELDS_WALK_H_

#include <optional>
#include <string>

#include "pkg/apiserver/managed_fields_set.h"
#include "pkg/apiserver/schema_node.h"

// Objects and sets of their fields, by the rules of structured merge: what a schema calls atomic is
// owned as a whole, maps by key, lists of type map and set by item. Where the schema is silent
// (preserved unknown fields) maps are granular and lists atomic. Pure functions, thread-safe.
namespace salve::apiserver {

// How a value is owned. A null schema stands for "not described".
enum class Granularity { kLeaf, kMap, kList };
Granularity GranularityOf(const SchemaNode* schema, const Json& value);

// The schema of a member of a map, of an item of a list; null: not described.
const SchemaNode* MemberSchema(const SchemaNode* schema, const std::string& name);
const SchemaNode* ItemSchema(const SchemaNode* schema);

// The step to an item of a list of type map or set; nullopt and a reason: it has none.
std::optional<std::string> ItemStep(const Json& item, const SchemaNode& list, std::string* why);

// What changed from one object to another.
struct FieldChanges {
  FieldSet set;      // added or modified
  FieldSet removed;  // was there before
};
// `zero` (may be null) holds members of the root that count as present with this value where an
// object lacks them: what the real server's types always write.
FieldChanges CompareFields(const Json& before, const Json& after, const SchemaNode& schema,
                           const Json* zero);

// All fields that the object holds.
FieldSet FieldsOf(const Json& object, const SchemaNode& schema);

// Adds the declared fields on the way to each path: they go when nothing is left below them.
FieldSet WithNamedParents(const FieldSet& fields, const SchemaNode& schema);

// The object without the fields.
Json RemoveFields(const Json& object, const FieldSet& fields, const SchemaNode& schema);

// The set after the schema has changed: what is atomic now is owned as a whole. True: it differs.
bool FollowSchema(FieldSet& fields, const SchemaNode& schema);

// `config` on top of `live`: maps and granular lists are merged, the rest replaced. Lists keep the
// order of `config`, with what it does not name at its old place.
Json MergeFields(const Json& live, const Json& config, const SchemaNode& schema);

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_MANAGED_FIELDS_WALK_H_
