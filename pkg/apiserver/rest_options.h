// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_REST_OPTIONS_H_
#define SALVE_PKG_APISERVER_REST_OPTIONS_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "pkg/apiserver/discovery_resource.h"
#include "pkg/apiserver/selectors.h"
#include "pkg/http/url.h"

// The query parameters of requests, checked in the words of the real server. Pure functions.
namespace salve::apiserver {

// One digit at least, and nothing else.
bool IsDigits(std::string_view text);

enum class FieldValidation { kIgnore, kWarn, kStrict };

struct WriteOptions {
  bool dry_run = false;
  FieldValidation validation = FieldValidation::kWarn;
  std::string field_manager;  // "": by the User-Agent
  bool force = false;         // of an apply patch
};
// `kind` is CreateOptions, UpdateOptions or PatchOptions: for the message.
ApiResult<WriteOptions> ParseWriteOptions(const http::Query& query, const std::string& kind);

// Of a list that is read page by page: where the next page starts, as of which revision.
struct ContinueToken {
  std::int64_t revision = 0;
  std::string ns;
  std::string name;
  // How many follow; unknown where something is selected.
  std::optional<std::int64_t> remaining;
};
std::string EncodeContinue(const ContinueToken& token);

struct ListOptions {
  LabelSelector labels;
  FieldSelector fields;
  std::int64_t limit = 0;  // 0: no limit
  std::optional<ContinueToken> page;
  std::optional<std::int64_t> resource_version;  // absent: the present; 0: whatever there is
  bool exact = false;                            // resourceVersionMatch=Exact
};
ApiResult<ListOptions> ParseListOptions(const http::Query& query, const ServedResource& resource);

struct WatchOptions {
  LabelSelector labels;
  FieldSelector fields;
  std::optional<std::int64_t> resource_version;
  std::optional<bool> send_initial_events;
  bool bookmarks = false;
  std::optional<std::chrono::seconds> timeout;
};
ApiResult<WatchOptions> ParseWatchOptions(const http::Query& query, const ServedResource& resource);

enum class Propagation { kBackground, kForeground, kOrphan };

struct DeleteOptions {
  bool dry_run = false;
  Propagation propagation = Propagation::kBackground;
  std::optional<std::string> uid;               // precondition
  std::optional<std::string> resource_version;  // precondition
};
// From the body (null if there was none) and the query; the body wins.
ApiResult<DeleteOptions> ParseDeleteOptions(const http::Query& query, const Json& body);

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_REST_OPTIONS_H_
