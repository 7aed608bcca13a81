// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_MANAGED_FIELDS_H_
#define SALVE_PKG_APISERVER_MANAGED_FIELDS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/apiserver/discovery_resource.h"
#include "pkg/apiserver/managed_fields_set.h"
#include "pkg/base/clock.h"

// metadata.managedFields: who set which field, kept on every write as the real server does. Pure
// functions, thread-safe; a ManagedFields is a value.
namespace salve::apiserver {

// Who writes, through what.
struct FieldWriter {
  std::string manager;
  std::string subresource;  // "" or "status"
  WallTime now;
};

// The query's fieldManager, else what the User-Agent says before its first '/', printable
// characters only, at most 128 bytes.
std::string ManagerName(std::string_view field_manager, std::string_view user_agent);

struct ManagedEntry {
  std::string manager;
  bool applied = false;  // operation Apply, else Update
  std::string api_version;
  std::string subresource;
  std::optional<std::string> time;  // as stored: RFC 3339, seconds
  FieldSet fields;

  // Two entries with the same identity are one. An applier is the same whatever its version.
  std::string Identity() const;
};

// The decoded list.
class ManagedFields {
 public:
  // From a stored object: trusted. Absent, null or damaged is empty.
  static ManagedFields FromStored(const Json& object);
  // From a client; nullopt: malformed (other operation, no apiVersion, fieldsType not FieldsV1 …).
  static std::optional<ManagedFields> Parse(const Json& list);

  bool empty() const { return entries_.empty(); }
  std::vector<ManagedEntry>& entries() { return entries_; }
  const std::vector<ManagedEntry>& entries() const { return entries_; }

  // nullptr: none with this identity.
  ManagedEntry* Find(const std::string& identity);
  void Erase(const std::string& identity);
  // Drops entries that own nothing, and those of versions that are not served.
  void DropEmpty(const std::string& api_version);
  // The oldest updaters beyond ten become one, "ancient-changes".
  void CapUpdaters();

  // The JSON list in the real server's order; null if there is none.
  Json Encode() const;

 private:
  std::vector<ManagedEntry> entries_;
};

// The entry's fields that the writer may not own at all are taken out: apiVersion, kind, and of
// metadata what the server decides.
void StripMeta(FieldSet& fields);
// What a write through this subresource resets, whoever sends it: fields of the root.
std::vector<std::string> ResetFields(const ServedResource& resource,
                                     const std::string& subresource);
// What objects of a built-in kind always hold in the real server's types; null: nothing.
const Json* TypedZero(const ServedResource& resource);

// The list that `object` is to be stored with, for a create (`live` has no uid) or an update,
// patch: the fields that differ from `live` go to the writer. `object` is decoded and defaulted,
// not yet adjusted by the server, and may carry a list of its own: a valid one replaces the stored
// one, [] or [{}] forgets it. Null: no list.
Json UpdateManagedFields(const Json& live, const Json& object, const ServedResource& resource,
                         const FieldWriter& writer);

// Puts `list` (null: none) into the object. If it differs from that of `old` by times alone, and
// nothing else of the object has changed, the old times stay: such a write changes nothing.
void SetManagedFields(Json& object, Json list, const Json* old);

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_MANAGED_FIELDS_H_
