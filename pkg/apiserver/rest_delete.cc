// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "pkg/apiserver/rest.h"
#include "pkg/apiserver/rest_body.h"
#include "pkg/apiserver/rest_object.h"
#include "pkg/apiserver/rest_options.h"
#include "pkg/apiserver/watch_event.h"
#include "pkg/base/mutex.h"

namespace salve::apiserver {
namespace {

constexpr int kMaxAttempts = 5;

// The outcome for one object: what a client is told about it.
struct Deleted {
  bool gone = false;
  std::string text;  // the object as it is now, or was
  std::string uid;
};
using DeletedDone = std::function<void(ApiResult<Deleted>)>;

// Deletes one object, or marks it. `done` runs now or when that is durable.
struct DeleteOne {
  const RestContext& context;
  CallPtr call;
  DeleteOptions options;
  ObjectKey key;
  DeletedDone done;
  int attempts = 0;

  static void Run(std::shared_ptr<DeleteOne> self);
  std::optional<ApiError> Check(const Json& object) const;
};

std::optional<ApiError> DeleteOne::Check(const Json& object) const {
  // Where the real server checks them, it knows the kind only.
  ResourceInfo by_kind = call->resource->info;
  by_kind.plural = by_kind.kind;
  const std::string uid = MetaText(object, "uid");
  if (options.uid && *options.uid != uid) {
    return Conflict(by_kind, key.name,
                    "the UID in the precondition (" + *options.uid +
                        ") does not match the UID in record (" + uid +
                        "). The object might have been deleted and then recreated");
  }
  const std::string version = MetaText(object, "resourceVersion");
  if (options.resource_version && *options.resource_version != version) {
    return Conflict(by_kind, key.name,
                    "the ResourceVersion in the precondition (" + *options.resource_version +
                        ") does not match the ResourceVersion in record (" + version +
                        "). The object might have been modified");
  }
  const AdmissionRequest request{Operation::kDelete, *call->resource, "",      key.ns,
                                 key.name,           nullptr,         &object, call->user};
  for (const auto& plugin : context.admission) {
    if (auto refusal = plugin->Validate(request)) return refusal;
  }
  return std::nullopt;
}

void DeleteOne::Run(std::shared_ptr<DeleteOne> self) {
  const RestContext& context = self->context;
  const ServedResource& resource = *self->call->resource;
  auto stored = context.store.Get(self->key);
  if (!stored.ok()) return self->done(StoreFailure(stored.status()));
  if (!*stored) return self->done(NotFound(resource.info, self->key.name));
  const Json object = Json::parse((*stored)->text, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) {
    return self->done(InternalFailure("the stored object is damaged: restore a backup"));
  }
  if (auto error = self->Check(object)) return self->done(*error);

  DeletePlan plan = PlanDelete(object, resource, self->options.propagation, context.clock.Now());
  Deleted deleted{plan.remove, DumpJson(plan.object), MetaText(object, "uid")};
  if (!plan.changed || self->options.dry_run) return self->done(std::move(deleted));
  Mutation mutation =
      MakeMutation(plan.object, resource, (*stored)->revision, plan.remove, /*expires_at=*/0);
  const Body body = mutation.body;
  context.store.Submit(std::move(mutation), [self, deleted,
                                             body](StatusOr<std::int64_t> revision) mutable {
    if (revision.ok()) {
      deleted.text = WithRevision(body, *revision);
      return self->done(std::move(deleted));
    }
    const bool changed = revision.code() == Code::kConflict || revision.code() == Code::kNotFound;
    if (changed && ++self->attempts < kMaxAttempts) return Run(self);
    self->done(changed ? ConflictModified(self->call->resource->info, self->key.name)
                       : StoreFailure(revision.status()));
  });
}

ApiResult<DeleteOptions> ReadOptions(const RestContext& context, const Call& call) {
  auto body = DecodeBody(call.request, context.limits.max_body_bytes);
  if (!body.ok()) return body.error();
  return ParseDeleteOptions(call.target.query, body->value);
}

// The answers of a deletecollection, gathered from several callbacks.
struct Collection {
  Mutex mu;
  std::size_t left SALVE_GUARDED_BY(mu) = 0;
  std::optional<ApiError> error SALVE_GUARDED_BY(mu);
};

}  // namespace

void ServeDelete(const RestContext& context, const CallPtr& call) {
  auto options = ReadOptions(context, *call);
  if (!options.ok()) return ReplyError(*call, options.error());
  auto one = std::make_shared<DeleteOne>(
      DeleteOne{context, call, std::move(options).value(), call->Key(), nullptr, 0});
  one->done = [&context, call](ApiResult<Deleted> deleted) {
    if (!deleted.ok()) return ReplyError(*call, deleted.error());
    if (!deleted->gone) return ReplyObject(context, *call, 200, std::move(deleted->text));
    Reply(*call, 200,
          DumpJson(DeletedStatus(call->resource->info, call->route.name, deleted->uid)));
  };
  DeleteOne::Run(std::move(one));
}

void ServeDeleteCollection(const RestContext& context, const CallPtr& call) {
  auto options = ReadOptions(context, *call);
  if (!options.ok()) return ReplyError(*call, options.error());
  auto selection = ParseListOptions(call->target.query, *call->resource);
  if (!selection.ok()) return ReplyError(*call, selection.error());
  WatchView view;
  view.resource = call->resource;
  view.ns = call->route.ns;
  view.labels = std::move(selection->labels);
  view.fields = std::move(selection->fields);

  // The answer is the list of what there was.
  std::vector<ObjectKey> keys;
  std::string items;
  const std::string type = "{\"apiVersion\":" + DumpJson(call->resource->info.ApiVersion()) +
                           ",\"kind\":" + DumpJson(call->resource->info.kind) + ",";
  ListQuery query;
  query.resource = ResourceKey(call->resource->info);
  query.ns = call->route.ns;
  const auto revision = context.store.List(query, [&](const RowView& row) {
    if (!view.MayMatch(row.ns, row.name)) return true;
    if (view.NeedsObject() &&
        !view.Matches(Json::parse(row.text, nullptr, /*allow_exceptions=*/false))) {
      return true;
    }
    keys.push_back({query.resource, std::string(row.ns), std::string(row.name)});
    if (!items.empty()) items += ',';
    if (!call->resource->custom && row.text.starts_with(type)) {
      items += '{';
      items += row.text.substr(type.size());
    } else {
      items += row.text;
    }
    return true;
  });
  if (!revision.ok()) return ReplyError(*call, StoreFailure(revision.status()));

  auto all = std::make_shared<Collection>();
  const auto finish = [call, at = *revision, items = std::move(items)] {
    Reply(*call, 200,
          "{\"apiVersion\":" + DumpJson(call->resource->info.ApiVersion()) + ",\"kind\":" +
              DumpJson(call->resource->list_kind) + R"(,"metadata":{"resourceVersion":")" +
              std::to_string(at) + "\"" + (call->resource->custom ? ",\"continue\":\"\"" : "") +
              "},\"items\":[" + items + "]}");
  };
  if (keys.empty()) return finish();
  {
    MutexLock lock(all->mu);
    all->left = keys.size();
  }
  for (ObjectKey& key : keys) {
    auto one =
        std::make_shared<DeleteOne>(DeleteOne{context, call, *options, std::move(key), nullptr, 0});
    one->done = [call, all, finish](const ApiResult<Deleted>& deleted) {
      MutexLock lock(all->mu);
      // One that is gone meanwhile is what was asked for.
      if (!deleted.ok() && deleted.error().code() != 404 && !all->error) {
        all->error = deleted.error();
      }
      if (--all->left > 0) return;
      if (all->error) return ReplyError(*call, *all->error);
      finish();
    };
    DeleteOne::Run(std::move(one));
  }
}

}  // namespace salve::apiserver
