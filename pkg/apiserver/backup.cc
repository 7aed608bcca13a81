// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/backup.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <set>
#include <utility>

#include "pkg/apiserver/rest_admission.h"
#include "pkg/apiserver/rest_object.h"
#include "pkg/apiserver/store_file.h"
#include "pkg/apiserver/store_sqlite.h"
#include "pkg/apiserver/watch_event.h"

namespace salve::apiserver {
namespace {

constexpr char kSalveGroup[] = "salve.dev";
constexpr char kLastApplied[] = "kubectl.kubernetes.io/last-applied-configuration";

Status CopyDatabase(const std::string& from, const std::string& to) {
  SALVE_RETURN_IF_ERROR(CheckDatabaseFile(from));
  if (FileExists(to)) return AlreadyExistsError("the file " + to + " exists and was not changed");
  SALVE_ASSIGN_OR_RETURN(auto source, sqlite::Database::Open(sqlite::FileUri(from), false));
  // Made here for its mode.
  SALVE_RETURN_IF_ERROR(ReplaceFile(to, ""));
  const Status copied = source->CopyTo(to);
  if (!copied.ok()) std::remove(to.c_str());
  return copied;
}

// A copy is read as a whole once, so that a damaged backup shows now and not when it is needed.
Status CheckIntegrity(const std::string& path) {
  SALVE_ASSIGN_OR_RETURN(auto db, sqlite::Database::Open(sqlite::FileUri(path), false));
  auto check = db->Prepare("PRAGMA quick_check(1)");
  SALVE_ASSIGN_OR_RETURN(const bool row, check.Step());
  if (!row || check.Text(0) != "ok") {
    return InvalidArgumentError("the file " + path +
                                " is damaged: " + (row ? std::string(check.Text(0)) : "no answer"));
  }
  return Status::Ok();
}

// Takes away what the next server sets by itself.
Json Portable(Json object, bool with_status) {
  Json& metadata = object["metadata"];
  for (const char* key :
       {"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink",
        "deletionTimestamp", "deletionGracePeriodSeconds", "ownerReferences", "finalizers"}) {
    metadata.erase(key);
  }
  if (const auto it = metadata.find("annotations"); it != metadata.end() && it->is_object()) {
    it->erase(kLastApplied);
    if (it->empty()) metadata.erase("annotations");
  }
  if (!with_status) object.erase("status");
  return object;
}

}  // namespace

Status BackupDataDir(const std::string& data_dir, const std::string& path) {
  const std::string database = data_dir + "/" + kDatabaseFile;
  return CopyDatabase(database, path).Annotate("backing up " + data_dir);
}

Status RestoreDataDir(const std::string& data_dir, const std::string& path) {
  const std::string database = data_dir + "/" + kDatabaseFile;
  SALVE_RETURN_IF_ERROR(CheckDatabaseFile(path).Annotate("restoring"));
  SALVE_RETURN_IF_ERROR(CheckIntegrity(path).Annotate("restoring"));
  SALVE_ASSIGN_OR_RETURN(const DirectoryLock lock, DirectoryLock::Take(data_dir));
  if (FileExists(database)) {
    return AlreadyExistsError("restoring: the data directory " + data_dir +
                              " has a database already and was not changed; restore into an empty "
                              "directory");
  }
  // Under another name until it is whole: a crash leaves no half database.
  const std::string temporary = database + ".restoring";
  std::remove(temporary.c_str());
  SALVE_RETURN_IF_ERROR(CopyDatabase(path, temporary).Annotate("restoring"));
  if (std::rename(temporary.c_str(), database.c_str()) != 0) {
    return PermissionDeniedError("restoring: renaming " + temporary + " to " + database);
  }
  return Status::Ok();
}

StatusOr<std::vector<Json>> ExportObjects(Store& store, const ResourceTable& resources,
                                          const ExportOptions& options) {
  std::vector<Json> objects;
  std::set<std::string> namespaces;
  for (const ServedResource& resource : resources.all()) {
    if (resource.info.group != kSalveGroup) continue;
    if (!resource.info.namespaced && !options.ns.empty()) continue;
    ListQuery query;
    query.resource = ResourceKey(resource.info);
    query.ns = resource.info.namespaced ? options.ns : "";
    const auto listed = store.List(query, [&](const RowView& row) {
      Json object = Json::parse(row.text, nullptr, /*allow_exceptions=*/false);
      // What is being deleted is not taken along.
      if (!object.is_object() || IsDeleting(object)) return true;
      if (!row.ns.empty()) namespaces.emplace(row.ns);
      objects.push_back(Portable(std::move(object), options.status));
      return true;
    });
    if (!listed.ok()) return listed.status().Annotate("exporting " + query.resource);
  }
  if (!options.namespaces) return objects;
  for (const char* name : kPermanentNamespaces) namespaces.erase(name);
  std::vector<Json> all;
  for (const std::string& name : namespaces) {
    all.push_back({{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", name}}}});
  }
  std::move(objects.begin(), objects.end(), std::back_inserter(all));
  return all;
}

}  // namespace salve::apiserver
