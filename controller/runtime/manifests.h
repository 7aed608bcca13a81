// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_MANIFESTS_H_
#define SALVE_CONTROLLER_RUNTIME_MANIFESTS_H_

#include <memory>
#include <string>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/client/client.h"

namespace salve::runtime {

// Marks what came from the manifests directory, so that it can be taken away with its file.
inline constexpr char kManagedByLabel[] = "salve.dev/managed-by";
inline constexpr char kManagedByManifests[] = "manifests";

struct ManifestError {
  std::string file;
  std::string message;
};

struct ManifestReport {
  int created = 0;
  int updated = 0;
  int deleted = 0;
  std::vector<ManifestError> errors;
};

// Makes the server hold what the *.yaml, *.yml and *.json files below `directory` say: creates,
// updates what differs, and deletes what an earlier run applied and no file names any more. A
// document that is refused is reported with its file and does not stop the others; while there is
// any error nothing is deleted. Kinds: HealingPolicy, HealingGuardrail, Namespace. At most 10,000
// files of at most 1 MiB.
ManifestReport SyncManifests(const std::string& directory, client::Client& client);

// Runs SyncManifests now and after every change in the directory (inotify; once more every five
// minutes), on a thread of its own.
class ManifestWatcher {
 public:
  static StatusOr<std::unique_ptr<ManifestWatcher>> Start(const std::string& directory,
                                                          client::Client& client);
  virtual ~ManifestWatcher() = default;  // stops
};

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_MANIFESTS_H_
