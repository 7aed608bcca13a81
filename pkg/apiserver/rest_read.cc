// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pkg/apiserver/rest.h"
#include "pkg/apiserver/rest_options.h"
#include "pkg/apiserver/watch_event.h"

namespace salve::apiserver {
namespace {

// Where the client sets no end to a watch: as the real server, between half an hour and an hour.
constexpr std::int64_t kMinWatchSeconds = 1800;
constexpr std::int64_t kWatchSpreadSeconds = 1800;

// Gathers the items of a list in the form in which they will be sent.
class ListBuilder {
 public:
  ListBuilder(const WatchView& view, std::int64_t limit)
      : view_(view), limit_(limit), needs_object_(view.NeedsObject()) {
    // As the real server, whose lists of built-in kinds say the kind once, for all items.
    if (!view.resource->custom) {
      type_prefix_ = "{\"apiVersion\":" + DumpJson(view.resource->info.ApiVersion()) +
                     ",\"kind\":" + DumpJson(view.resource->info.kind) + ",";
    }
  }

  // For Store::List. Stops at the first item that does not fit on the page.
  bool Visit(const RowView& row) {
    if (!view_.MayMatch(row.ns, row.name)) return true;
    std::optional<Json> object;
    if (needs_object_ || view_.representation != Representation::kObject) {
      object = Json::parse(row.text, nullptr, /*allow_exceptions=*/false);
    }
    if (needs_object_ && !view_.Matches(*object)) return true;
    if (limit_ > 0 && count_ == limit_) {
      more_ = true;
      return false;
    }
    ++count_;
    last_ns_ = row.ns;
    last_name_ = row.name;
    if (view_.representation == Representation::kObject) {
      if (!items_.empty()) items_ += ',';
      if (!type_prefix_.empty() && row.text.starts_with(type_prefix_)) {
        items_ += '{';
        items_ += row.text.substr(type_prefix_.size());
      } else {
        items_ += row.text;
      }
    } else {
      objects_.push_back(*std::move(object));
    }
    return true;
  }

  bool more() const { return more_; }
  std::int64_t count() const { return count_; }
  ContinueToken Next(std::int64_t revision, std::optional<std::int64_t> remaining) const {
    return {revision, last_ns_, last_name_, remaining};
  }

  std::string Finish(const Json& metadata, WallTime now) && {
    switch (view_.representation) {
      case Representation::kTable:
        return DumpJson(MakeTable(*view_.resource, objects_, metadata, view_.include, now));
      case Representation::kPartialMetadata:
        return DumpJson(MakePartialMetadataList(objects_, metadata));
      case Representation::kObject:
        break;
    }
    return "{\"apiVersion\":" + DumpJson(view_.resource->info.ApiVersion()) +
           ",\"kind\":" + DumpJson(view_.resource->list_kind) +
           ",\"metadata\":" + DumpJson(metadata) + ",\"items\":[" + items_ + "]}";
  }

 private:
  const WatchView& view_;
  const std::int64_t limit_;
  const bool needs_object_;
  std::string type_prefix_;  // what is left out of the items' texts
  std::string items_;
  std::vector<Json> objects_;
  std::int64_t count_ = 0;
  bool more_ = false;
  std::string last_ns_;
  std::string last_name_;
};

// The form that the request asks for.
std::optional<ApiError> SetForm(const Call& call, WatchView& view) {
  const auto form = NegotiateObject(call.request.headers.Get("Accept").value_or(""));
  if (!form.ok()) return form.error();
  const auto include = ParseIncludeObject(call.target.query.Get("includeObject").value_or(""));
  if (!include.ok()) return include.error();
  view.resource = call.resource;
  view.ns = call.route.ns;
  view.representation = *form;
  view.include = *include;
  return std::nullopt;
}

// Only a list calls a resourceVersion that cannot be read a bad request.
ApiError UnlessOfList(const ApiError& error) {
  constexpr std::string_view kPrefix = "invalid resource version: ";
  const std::string message = error.message();
  return message.starts_with(kPrefix) ? Failed(message.substr(kPrefix.size())) : error;
}

// The page that the token names is gone: the client may go on from the present, inconsistently.
ApiError ExpiredPage(const RestContext& context, const ContinueToken& page) {
  return ExpiredContinue(
      EncodeContinue({context.store.revision(), page.ns, page.name, page.remaining}));
}

}  // namespace

void ServeGet(const RestContext& context, Call& call) {
  const auto text = call.target.query.Get("resourceVersion");
  if (text && !text->empty()) {
    const auto options = ParseListOptions(call.target.query, *call.resource);
    if (!options.ok()) return ReplyError(call, UnlessOfList(options.error()));
    if (options->resource_version.value_or(0) > context.store.revision()) {
      return ReplyError(
          call, TooLargeResourceVersion(*options->resource_version, context.store.revision()));
    }
  }
  auto stored = context.store.Get(call.Key());
  if (!stored.ok()) return ReplyError(call, StoreFailure(stored.status()));
  if (!*stored) return ReplyError(call, NotFound(call.resource->info, call.route.name));
  ReplyObject(context, call, 200, std::move((*stored)->text));
}

void ServeList(const RestContext& context, Call& call) {
  auto options = ParseListOptions(call.target.query, *call.resource);
  if (!options.ok()) return ReplyError(call, options.error());
  WatchView view;
  if (const auto error = SetForm(call, view)) return ReplyError(call, *error);
  const bool selective = !options->labels.empty() || !options->fields.empty();
  view.labels = std::move(options->labels);
  view.fields = std::move(options->fields);

  const std::int64_t wanted = options->resource_version.value_or(0);
  if (wanted > context.store.revision()) {
    return ReplyError(call, TooLargeResourceVersion(wanted, context.store.revision()));
  }
  ListQuery query;
  query.resource = ResourceKey(call.resource->info);
  query.ns = call.route.ns;
  if (options->exact) query.at_revision = wanted;
  if (options->page) {
    if (options->page->revision > context.store.revision()) {
      return ReplyError(call, BadRequest("invalid continue token: it is from the future"));
    }
    query.at_revision = options->page->revision;
    query.after_ns = options->page->ns;
    query.after_name = options->page->name;
  }
  // Asked for whatever there is, the real server answers from memory, with all of it.
  const bool any = options->resource_version == 0 && !options->page;
  ListBuilder builder(view, any ? 0 : options->limit);
  const auto revision =
      context.store.List(query, [&builder](const RowView& row) { return builder.Visit(row); });
  if (revision.code() == Code::kExpired) {
    return ReplyError(call, options->page ? ExpiredPage(context, *options->page) : ExpiredList());
  }
  if (!revision.ok()) return ReplyError(call, StoreFailure(revision.status()));

  Json metadata = {{"resourceVersion", std::to_string(*revision)}};
  if (builder.more()) {
    // As the real server: known unless something is selected. Counted once, for the first page.
    std::optional<std::int64_t> remaining;
    if (options->page) {
      if (options->page->remaining) remaining = *options->page->remaining - builder.count();
    } else if (!selective) {
      const auto total = context.store.Count(query.resource, query.ns);
      if (total.ok()) remaining = *total - builder.count();
    }
    metadata["continue"] = EncodeContinue(builder.Next(*revision, remaining));
    if (!selective && remaining.value_or(0) > 0) metadata["remainingItemCount"] = *remaining;
  } else if (call.resource->custom && view.representation == Representation::kObject) {
    metadata["continue"] = "";
  }
  Reply(call, 200, std::move(builder).Finish(metadata, context.clock.Now()));
}

void ServeWatch(const RestContext& context, Call& call) {
  auto options = ParseWatchOptions(call.target.query, *call.resource);
  if (!options.ok()) return ReplyError(call, UnlessOfList(options.error()));
  WatchRequest watch;
  if (const auto error = SetForm(call, watch.view)) return ReplyError(call, *error);
  watch.view.labels = std::move(options->labels);
  watch.view.fields = std::move(options->fields);
  watch.bookmarks = options->bookmarks;
  watch.from = options->resource_version.value_or(0);
  if (options->send_initial_events) {
    watch.initial_state = *options->send_initial_events;
    watch.initial_end_bookmark = watch.initial_state && watch.bookmarks;
  } else {
    watch.initial_state = watch.from == 0;
    watch.initial_end_bookmark = watch.initial_state && watch.bookmarks;
  }
  watch.timeout = options->timeout.value_or(std::chrono::seconds(
      kMinWatchSeconds + static_cast<std::int64_t>(context.random.Next() % kWatchSpreadSeconds)));
  context.hub.Start(watch, std::move(call.writer));
}

}  // namespace salve::apiserver
