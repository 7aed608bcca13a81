// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_WATCH_EVENT_H_
#define SALVE_PKG_APISERVER_WATCH_EVENT_H_

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "pkg/apiserver/discovery_resource.h"
#include "pkg/apiserver/selectors.h"
#include "pkg/apiserver/store.h"
#include "pkg/apiserver/table.h"

namespace salve::apiserver {

// The resource's name in the store: "incidents.salve.dev", "secrets".
std::string ResourceKey(const ResourceInfo& info);

// What somebody wants to see of a resource, and in which form. Value type; `resource` outlives it.
struct WatchView {
  const ServedResource* resource = nullptr;
  std::string ns;  // "": all namespaces
  LabelSelector labels;
  FieldSelector fields;
  Representation representation = Representation::kObject;
  IncludeObject include = IncludeObject::kMetadata;

  // Whether the key alone says that the object is not meant.
  bool MayMatch(std::string_view object_ns, std::string_view name) const;
  // Whether the object has to be read to know.
  bool NeedsObject() const;
  bool Matches(const Json& object) const {
    return labels.Matches(object) && fields.Matches(object);
  }
};

// An event of the store on its way to several watchers: parsed and written out at most once per
// form. Not thread-safe.
class OutgoingEvent {
 public:
  // Both must outlive it.
  OutgoingEvent(const StoreEvent& event, Store& store) : event_(event), store_(store) {}

  const StoreEvent& event() const { return event_; }

  // The line for a watcher with this view, "" if the event is not for it. An object that comes into
  // a selection is ADDED, one that leaves it DELETED, whatever happened to it. `first`: the watcher
  // has seen no Table yet.
  std::string LineFor(const WatchView& view, bool first, WallTime now);

 private:
  std::optional<EventType> TypeFor(const WatchView& view);
  const Json& object();
  const Json* previous();
  const std::string& ObjectText(const WatchView& view, bool first, WallTime now);
  // Of a DELETED that is none: the state that the watcher knew, with the event's revision.
  std::string LeftSelection(const WatchView& view, WallTime now);

  const StoreEvent& event_;
  Store& store_;
  std::optional<Json> object_;
  std::optional<Json> previous_;
  bool previous_read_ = false;
  // By representation; Tables with column definitions are made anew, they are rare.
  std::array<std::string, 3> texts_;
  // Which Table is there to be shared.
  std::optional<IncludeObject> table_include_;
};

// `{"type":"ADDED","object":…}` and a newline.
std::string WatchLine(std::string_view type, std::string_view object_text);
// An object as `view` shows it.
std::string RenderObject(const WatchView& view, std::string_view text, const Json* parsed,
                         bool first, WallTime now);
// BOOKMARK; `initial_end` marks the end of the initial events.
std::string BookmarkLine(const WatchView& view, std::int64_t revision, bool initial_end);

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_WATCH_EVENT_H_
