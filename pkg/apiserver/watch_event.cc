// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/watch_event.h"

#include <algorithm>
#include <utility>

namespace salve::apiserver {
namespace {

Json ParseStored(std::string_view text) {
  // Our own text: a damaged one shows as null and matches nothing.
  return Json::parse(text, nullptr, /*allow_exceptions=*/false);
}

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string_view TypeName(EventType type) {
  switch (type) {
    case EventType::kAdded:
      return "ADDED";
    case EventType::kModified:
      return "MODIFIED";
    case EventType::kDeleted:
      return "DELETED";
  }
  return "ERROR";
}

}  // namespace

std::string ResourceKey(const ResourceInfo& info) {
  return info.group.empty() ? info.plural : info.plural + "." + info.group;
}

bool WatchView::MayMatch(std::string_view object_ns, std::string_view name) const {
  if (!ns.empty() && ns != object_ns) return false;
  if (const auto required = fields.RequiredName(); required && *required != name) return false;
  const auto required_ns = fields.RequiredNamespace();
  return !required_ns || *required_ns == object_ns;
}

bool WatchView::NeedsObject() const {
  if (!labels.empty()) return true;
  const auto& terms = fields.terms();
  // The store is asked for one name and one namespace only.
  if (terms.size() > 2 || (terms.size() == 2 && terms[0].path == terms[1].path)) return true;
  return std::any_of(terms.begin(), terms.end(), [](const FieldSelector::Term& term) {
    return !term.equal || (term.path != "metadata.name" && term.path != "metadata.namespace");
  });
}

std::string OutgoingEvent::LineFor(const WatchView& view, bool first, WallTime now) {
  const auto type = TypeFor(view);
  if (!type) return {};
  if (*type == EventType::kDeleted && event_.type != EventType::kDeleted) {
    return LeftSelection(view, now);
  }
  return WatchLine(TypeName(*type), ObjectText(view, first, now));
}

std::optional<EventType> OutgoingEvent::TypeFor(const WatchView& view) {
  if (!view.MayMatch(event_.key.ns, event_.key.name)) return std::nullopt;
  if (!view.NeedsObject()) return event_.type;
  const bool before = previous() != nullptr && view.Matches(*previous());
  if (event_.type == EventType::kDeleted) {
    return before ? std::optional(EventType::kDeleted) : std::nullopt;
  }
  const bool after = view.Matches(object());
  if (before && after) return EventType::kModified;
  if (after) return EventType::kAdded;
  if (before) return EventType::kDeleted;
  return std::nullopt;
}

const Json& OutgoingEvent::object() {
  if (!object_) object_ = ParseStored(*event_.text);
  return *object_;
}

const Json* OutgoingEvent::previous() {
  if (!previous_read_) {
    previous_read_ = true;
    if (event_.previous != 0) {
      const auto text = store_.ReadVersion(event_.previous);
      if (text.ok() && *text) previous_ = ParseStored(**text);
    }
  }
  return previous_ ? &*previous_ : nullptr;
}

const std::string& OutgoingEvent::ObjectText(const WatchView& view, bool first, WallTime now) {
  if (view.representation == Representation::kObject) return *event_.text;
  std::string& slot = texts_[static_cast<std::size_t>(view.representation)];
  const bool table = view.representation == Representation::kTable;
  if (slot.empty() || (table && (first || table_include_ != view.include))) {
    slot = RenderObject(view, *event_.text, &object(), first, now);
    // A Table with column definitions serves no second watcher: let the next one replace it.
    table_include_ = first ? std::nullopt : std::optional(view.include);
  }
  return slot;
}

std::string OutgoingEvent::LeftSelection(const WatchView& view, WallTime now) {
  Json last = *previous();
  last["metadata"]["resourceVersion"] = std::to_string(event_.revision);
  return WatchLine("DELETED", RenderObject(view, Dump(last), &last, false, now));
}

std::string WatchLine(std::string_view type, std::string_view object_text) {
  std::string line;
  line.reserve(object_text.size() + 40);
  line.append(R"({"type":")").append(type).append(R"(","object":)");
  line.append(object_text).append("}\n");
  return line;
}

std::string RenderObject(const WatchView& view, std::string_view text, const Json* parsed,
                         bool first, WallTime now) {
  switch (view.representation) {
    case Representation::kObject:
      return std::string(text);
    case Representation::kTable: {
      const Json object = parsed != nullptr ? *parsed : ParseStored(text);
      return Dump(MakeTableEvent(*view.resource, object, view.include, first, now));
    }
    case Representation::kPartialMetadata:
      return Dump(MakePartialMetadata(parsed != nullptr ? *parsed : ParseStored(text)));
  }
  return std::string(text);
}

std::string BookmarkLine(const WatchView& view, std::int64_t revision, bool initial_end) {
  Json metadata = {{"resourceVersion", std::to_string(revision)}};
  if (initial_end) metadata["annotations"] = {{"k8s.io/initial-events-end", "true"}};
  Json object = {{"apiVersion", view.resource->info.ApiVersion()},
                 {"kind", view.resource->info.kind},
                 {"metadata", std::move(metadata)}};
  if (view.representation == Representation::kTable) {
    object = {{"apiVersion", "meta.k8s.io/v1"},
              {"kind", "Table"},
              {"metadata", {{"resourceVersion", std::to_string(revision)}}},
              {"columnDefinitions", nullptr},
              {"rows", Json::array({{{"cells", Json::array()}, {"object", std::move(object)}}})}};
  } else if (view.representation == Representation::kPartialMetadata) {
    object["apiVersion"] = "meta.k8s.io/v1";
    object["kind"] = "PartialObjectMetadata";
  }
  return WatchLine("BOOKMARK", Dump(object));
}

}  // namespace salve::apiserver
