// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_REST_OBJECT_H_
#define SALVE_PKG_APISERVER_REST_OBJECT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pkg/apiserver/discovery_resource.h"
#include "pkg/apiserver/rest_options.h"
#include "pkg/apiserver/store.h"
#include "pkg/base/clock.h"
#include "pkg/base/random.h"

// The rules for metadata that hold for every kind, and the text of an object in the store. Pure
// functions.
namespace salve::apiserver {

// metadata.<key> if it is a string, else "".
std::string MetaText(const Json& object, const char* key);
bool HasFinalizers(const Json& object);
bool IsDeleting(const Json& object);
std::vector<std::string> OwnerUids(const Json& object);

// Fills in and clears what the server decides: uid, creationTimestamp, generation, generated name;
// drops resourceVersion, managedFields, selfLink, deletion marks. The object's metadata must be an
// object.
void PrepareMetadataForCreate(Json& object, const ServedResource& resource, WallTime now,
                              Random& random);
// "x-" → "x-k7f2q".
std::string GenerateName(const std::string& prefix, Random& random);

// Takes over from `old` what an update cannot change and may leave out.
void PrepareMetadataForUpdate(Json& object, const Json& old);

// Names, labels, annotations, finalizers, owners: causes in the words of the real server.
std::vector<Cause> ValidateMetadata(const Json& object, const ServedResource& resource);
// Immutable fields; no new finalizers while deleting.
std::vector<Cause> ValidateMetadataUpdate(const Json& object, const Json& old);

// Whether anything but metadata and status differs.
bool SpecChanged(const Json& object, const Json& old);

// Nothing holds the deleted object back any more.
bool ReadyToRemove(const Json& object, const ServedResource& resource);

// What a delete does to an object: remove it, mark it, or nothing because it is marked already.
struct DeletePlan {
  bool remove = false;
  bool changed = false;  // `object` is to be stored
  Json object;
};
DeletePlan PlanDelete(const Json& object, const ServedResource& resource, Propagation propagation,
                      WallTime now);

inline constexpr char kForegroundFinalizer[] = "foregroundDeletion";
inline constexpr char kOrphanFinalizer[] = "orphan";

// The mutation that stores `object` (or removes it, with that last state) if its revision is still
// `expected`.
Mutation MakeMutation(const Json& object, const ServedResource& resource, std::int64_t expected,
                      bool remove, std::int64_t expires_at);

// The text for the store: apiVersion, kind and metadata.resourceVersion come first.
Body MakeBody(const Json& object);
// The text with a revision in its place.
std::string WithRevision(const Body& body, std::int64_t revision);

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_REST_OBJECT_H_
