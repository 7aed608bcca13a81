// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_BACKUP_H_
#define SALVE_PKG_APISERVER_BACKUP_H_

#include <string>
#include <vector>

#include "pkg/apiserver/rest_route.h"
#include "pkg/apiserver/store.h"
#include "pkg/base/status.h"

// `salve backup`, `salve restore`, `salve export`.
namespace salve::apiserver {

// Writes one consistent copy of the database of `data_dir` to the new file `path` (0600), also
// while a server runs on it. Tokens and keys are not in it. kNotFound: there is no database.
Status BackupDataDir(const std::string& data_dir, const std::string& path);

// Makes the database of `data_dir` from a backup. kAlreadyExists if the directory has one already
// or is in use; kInvalidArgument if the file is not a sound backup. Nothing is changed on an error.
Status RestoreDataDir(const std::string& data_dir, const std::string& path);

struct ExportOptions {
  bool status = false;     // keep .status
  std::string ns;          // "": all
  bool namespaces = true;  // also the Namespaces that the objects live in
};

// Every object of the group salve.dev, ready to be applied elsewhere: without what a server sets
// (uid, resourceVersion, generation, creationTimestamp, managedFields, owners, last-applied),
// namespaces first, then by kind, namespace and name. As of one moment for each kind.
StatusOr<std::vector<Json>> ExportObjects(Store& store, const ResourceTable& resources,
                                          const ExportOptions& options);

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_BACKUP_H_
