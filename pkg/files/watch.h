// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_FILES_WATCH_H_
#define SALVE_PKG_FILES_WATCH_H_

#include <map>
#include <string>
#include <vector>

#include "pkg/apis/meta/v1/types.h"
#include "pkg/base/clock.h"
#include "pkg/healing/files.h"

namespace salve::files {

// What one trigger of a policy asks to have watched.
struct Watched {
  std::string trigger;
  std::vector<std::string> paths;
  Duration debounce{0};
  bool operator==(const Watched&) const = default;
};

struct Sighting {
  healing::FileSight sight;  // without `since`
  MonoTime since;            // when it was first seen to be so
};

// Looks after the files that policies name. Thread-safe; no call waits for a disk.
class Watch {
 public:
  virtual ~Watch() = default;

  // Instead of what was watched for this policy; nothing: forgets it.
  virtual void Set(const apis::meta::v1::NamespacedName& policy, std::vector<Watched> wanted) = 0;

  // By trigger, what has been the same for as long as its debounce asks for. Without an entry:
  // there is none so far.
  virtual std::map<std::string, Sighting> Seen(
      const apis::meta::v1::NamespacedName& policy) const = 0;
};

}  // namespace salve::files

#endif  // SALVE_PKG_FILES_WATCH_H_
