// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_CLIENT_CLIENT_H_
#define SALVE_PKG_CLIENT_CLIENT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pkg/apis/meta/v1/types.h"
#include "pkg/base/clock.h"
#include "pkg/base/status.h"

namespace salve::client {

using apis::meta::v1::NamespacedName;
using apis::meta::v1::ResourceInfo;  // {group, version, plural, kind, namespaced}
using Json = nlohmann::json;

struct ListOptions {
  std::string ns;  // "" = all namespaces
  std::string label_selector;
  std::string field_selector;
  // Absent: the newest (quorum) read; "0": whatever the server has; else at least that version.
  std::optional<std::string> resource_version;
  std::int64_t limit = 0;  // page size; 0 = all at once
  std::string continue_token;
  MonoTime deadline = MonoTime::max();  // if it comes before the implementation's own
};

struct ObjectList {
  std::vector<Json> items;  // with apiVersion and kind filled in
  std::string resource_version;
  std::string continue_token;
};

struct WatchOptions {
  std::string ns;
  std::string label_selector;
  std::string field_selector;
  std::string resource_version;
  bool allow_bookmarks = true;
  int timeout_seconds = 0;  // the server ends the watch after that; 0 = server's choice
};

struct WatchEvent {
  enum class Type { kAdded, kModified, kDeleted, kBookmark };
  Type type = Type::kAdded;
  Json object;
};

// An open watch. One reader; Close() from any thread.
class WatchStream {
 public:
  virtual ~WatchStream() = default;
  // The next event; nullopt at the regular end of the stream. kDeadlineExceeded if none came by
  // `deadline` (go on reading), kExpired for a 410 in any shape, kAborted when the connection
  // broke, other codes for an ERROR event. A malformed event is kInternal: relist.
  virtual StatusOr<std::optional<WatchEvent>> Next(MonoTime deadline) = 0;
  virtual void Close() = 0;
};

enum class PatchType { kJson, kMerge, kApply };

struct WriteOptions {
  std::string field_manager = "salve";
  bool dry_run = false;
  bool force = false;  // apply only
  // "" or "status". A create may have any: it goes to that of the object named in its metadata, for
  // example "eviction" of a pod.
  std::string subresource;
  MonoTime deadline = MonoTime::max();  // if it comes before the implementation's own
};

struct DeleteOptions {
  std::optional<std::string> uid;                    // precondition
  std::optional<std::string> resource_version;       // precondition
  std::optional<std::int64_t> grace_period_seconds;  // default: the object's own
  std::string propagation_policy = "Background";
  MonoTime deadline = MonoTime::max();  // if it comes before the implementation's own
};

// Which part of which container's output.
struct PodLogOptions {
  std::string container;
  bool previous = false;        // of the run before this one
  std::int64_t tail_lines = 0;  // 0 = all
  std::int64_t limit_bytes = 1 << 20;
  MonoTime deadline = MonoTime::max();
};

// Narrow interfaces, so that a function's signature tells what it may do. All thread-safe, all
// blocking until the implementation's per-call deadline. Errors carry the Code that the server's
// Status means; a write that ends in kAborted or kDeadlineExceeded may have been carried out.
class Reader {
 public:
  virtual ~Reader() = default;
  virtual StatusOr<Json> Get(const ResourceInfo& resource, const NamespacedName& name) = 0;
  virtual StatusOr<ObjectList> List(const ResourceInfo& resource, const ListOptions& options) = 0;
  // What a container wrote, as it is. kUnimplemented where there are no pods.
  virtual StatusOr<std::string> PodLogs(const NamespacedName& pod, const PodLogOptions& options) {
    (void)options;
    return UnimplementedError("logs of pod " + pod.ToString() + ": not known here");
  }
};

class Watcher {
 public:
  virtual ~Watcher() = default;
  virtual StatusOr<std::unique_ptr<WatchStream>> Watch(const ResourceInfo& resource,
                                                       const WatchOptions& options) = 0;
};

class Writer {
 public:
  virtual ~Writer() = default;
  // Returns what the server stored. metadata.namespace of `object` is used for namespaced kinds.
  virtual StatusOr<Json> Create(const ResourceInfo& resource, const Json& object,
                                const WriteOptions& options = {}) = 0;
  // PUT. Refuses (kInvalidArgument) an object without resourceVersion: nothing is overwritten
  // blindly.
  virtual StatusOr<Json> Update(const ResourceInfo& resource, const Json& object,
                                const WriteOptions& options = {}) = 0;
  virtual StatusOr<Json> Patch(const ResourceInfo& resource, const NamespacedName& name,
                               PatchType type, const Json& patch,
                               const WriteOptions& options = {}) = 0;
  virtual Status Delete(const ResourceInfo& resource, const NamespacedName& name,
                        const DeleteOptions& options = {}) = 0;
};

// What nearly everybody holds.
class Client : public Reader, public Watcher, public Writer {};

}  // namespace salve::client

#endif  // SALVE_PKG_CLIENT_CLIENT_H_
