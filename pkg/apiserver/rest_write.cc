// SPDX-License-Identifier: Apache-2.0
// create, update, patch. A write is prepared on the request's thread against the present state and
// stored if that state is still the present one; otherwise it is prepared again, up to
// kMaxAttempts.
#include <iterator>
#include <utility>

#include "pkg/apiserver/apply.h"
#include "pkg/apiserver/managed_fields.h"
#include "pkg/apiserver/patch.h"
#include "pkg/apiserver/rest.h"
#include "pkg/apiserver/rest_body.h"
#include "pkg/apiserver/rest_builtin.h"
#include "pkg/apiserver/rest_object.h"
#include "pkg/apiserver/rest_options.h"
#include "pkg/apiserver/watch_event.h"

namespace salve::apiserver {
namespace {

constexpr int kMaxAttempts = 5;
constexpr int kMaxNameAttempts = 8;

// A write between its steps.
struct Write {
  CallPtr call;
  WriteOptions options;
  DecodedBody body;                // the object, or the patch
  std::optional<PatchType> patch;  // of a PATCH
  int attempts = 0;

  bool IsApply() const { return patch == PatchType::kApply; }
};
using WritePtr = std::shared_ptr<Write>;

const ResourceInfo& NamespaceInfo() {
  static const auto* const info = new ResourceInfo{"", "v1", "namespaces", "Namespace", false};
  return *info;
}

void Append(std::vector<Cause>& to, std::vector<Cause> from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

// Unknown and duplicate fields: refused, told, or dropped in silence, as the request wishes.
std::optional<ApiError> HandleUnknownFields(Write& write, Json& object) {
  std::vector<std::string> problems;
  if (const auto& schema = write.call->resource->schema; schema != nullptr) {
    for (const std::string& path : schema->Prune(object)) {
      problems.push_back(UnknownFieldText(path));
    }
  }
  problems.insert(problems.end(), write.body.duplicates.begin(), write.body.duplicates.end());
  switch (write.options.validation) {
    case FieldValidation::kIgnore:
      return std::nullopt;
    case FieldValidation::kWarn:
      write.call->warnings = std::move(problems);
      return std::nullopt;
    case FieldValidation::kStrict:
      break;
  }
  if (problems.empty()) return std::nullopt;
  if (!write.patch) return StrictDecoding(write.call->resource->info, problems);
  std::string joined;
  for (const std::string& problem : problems) joined += (joined.empty() ? "" : ", ") + problem;
  if (write.IsApply()) return BadRequest("error strict decoding YAML: " + joined);
  return Invalid(
      "", "", "",
      {InvalidCause("patch", write.call->request.body, "strict decoding error: " + joined)});
}

std::optional<ApiError> Admit(const RestContext& context, const Call& call, const Json& object,
                              const Json* old) {
  const AdmissionRequest request{old == nullptr ? Operation::kCreate : Operation::kUpdate,
                                 *call.resource,
                                 call.route.subresource,
                                 call.route.ns,
                                 MetaText(object, "name"),
                                 &object,
                                 old,
                                 call.user};
  for (const auto& plugin : context.admission) {
    if (auto refusal = plugin->Validate(request)) return refusal;
  }
  return std::nullopt;
}

std::optional<ApiError> ValidateObject(const RestContext& context, const Call& call,
                                       const Json& object, const Json* old) {
  const ServedResource& resource = *call.resource;
  std::vector<Cause> causes = ValidateMetadata(object, resource);
  if (old != nullptr) Append(causes, ValidateMetadataUpdate(object, *old));
  // Twice, as the real server, whose custom resources are checked by two.
  if (old != nullptr && resource.custom) Append(causes, ValidateMetadataUpdate(object, *old));
  if (resource.schema != nullptr) {
    const bool status = call.route.subresource == "status";
    // What is wrong elsewhere was stored before and is not a status's to answer for.
    if (status) causes.clear();
    causes = resource.schema->ValidateAll(
        object, old, std::move(causes),
        status ? CompiledSchema::Part::kStatus : CompiledSchema::Part::kWhole);
  }
  Append(causes, ValidateBuiltIn(object, old, resource));
  if (!causes.empty()) return Invalid(resource.info, MetaText(object, "name"), causes);
  return Admit(context, call, object, old);
}

std::int64_t ExpiryOf(const RestContext& context, const ServedResource& resource) {
  if (resource.custom || resource.info.kind != "Event") return 0;
  const auto now = context.clock.Now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now + context.limits.event_ttl).count();
}

std::optional<ApiError> CheckSize(const RestContext& context, const Mutation& mutation) {
  if (mutation.body.text.size() <= context.limits.max_object_bytes) return std::nullopt;
  return RequestEntityTooLarge(context.limits.max_object_bytes);
}

// --- who owns what
// -------------------------------------------------------------------------------------

FieldWriter WriterOf(const RestContext& context, const Write& write) {
  const Call& call = *write.call;
  return {
      ManagerName(write.options.field_manager, call.request.headers.Get("User-Agent").value_or("")),
      call.route.subresource, context.clock.Now()};
}

// What a create starts from.
Json NothingYet(const ServedResource& resource) {
  return {{"apiVersion", resource.info.ApiVersion()},
          {"kind", resource.info.kind},
          {"metadata", Json::object()}};
}

// An object on its way into the store, and the managed fields that it will have there.
struct Wanted {
  Json object;
  Json managed_fields;
};

// What the request makes of `live`: the body of a create or an update, or the patched object. The
// managed fields of an apply are decided here, those of other writes once it is decoded.
ApiResult<Wanted> WantedObject(const RestContext& context, const Write& write, const Json& live) {
  if (!write.patch) return Wanted{write.body.value, nullptr};
  if (!write.IsApply()) {
    auto patched = ApplyPatch(*write.patch, live, write.body.value);
    if (!patched.ok()) return patched.error();
    return Wanted{std::move(patched).value(), nullptr};
  }
  const Call& call = *write.call;
  const Json& config = write.body.value;
  if (auto error = CheckConfiguration(config, *call.resource)) return *error;
  if (MetaText(config, "name").empty()) {
    return BadRequest("the name of the object (" + call.route.name +
                      " based on URL) was undeterminable: name must be provided");
  }
  auto applied =
      Apply(live, config, *call.resource, {WriterOf(context, write), write.options.force});
  if (!applied.ok()) return applied.error();
  return Wanted{std::move(applied->object), std::move(applied->managed_fields)};
}

// Fills in what decoding fills in, and decides who owns the fields.
void DecodeWanted(const RestContext& context, const Write& write, const Json& live,
                  Wanted& wanted) {
  const ServedResource& resource = *write.call->resource;
  DefaultBuiltIn(wanted.object, resource);
  if (Json& metadata = wanted.object["metadata"]; metadata.is_object()) {
    for (auto it = metadata.begin(); it != metadata.end();) {
      it = it->is_null() ? metadata.erase(it) : std::next(it);
    }
  }
  // What an apply makes of a custom resource is not decoded again: a null in it is refused.
  if (resource.schema != nullptr) {
    resource.schema->Default(wanted.object, write.IsApply() && resource.custom);
  }
  if (write.IsApply()) return;
  wanted.managed_fields =
      UpdateManagedFields(live, wanted.object, resource, WriterOf(context, write));
}

// --- create
// -------------------------------------------------------------------------------------------

// An apply patch of what does not exist is a create, and needs that right, too.
std::optional<ApiError> CheckApplyCreates(const Write& write, Json& object) {
  const Call& call = *write.call;
  const ResourceInfo& info = call.resource->info;
  Attributes wanted;
  wanted.verb = "create";
  wanted.group = info.group;
  wanted.resource = info.plural;
  wanted.ns = call.route.ns;
  wanted.name = call.route.name;
  if (!Allowed(call.user, wanted)) {
    return ForbiddenAccess(call.user.user, "create", info, "", call.route.ns, call.route.name);
  }
  if (MetaText(object, "name") != call.route.name) {
    return NameMismatch(MetaText(object, "name"), call.route.name);
  }
  if (const std::string uid = MetaText(object, "uid"); !uid.empty()) {
    // It names an object that is not there. Custom resources are checked twice, see below.
    const Cause cause = InvalidCause("metadata.uid", uid, "field is immutable");
    return Invalid(info, call.route.name, std::vector<Cause>(call.resource->custom ? 2 : 1, cause));
  }
  object["metadata"].erase("resourceVersion");
  return std::nullopt;
}

ApiResult<Json> PrepareCreate(const RestContext& context, Write& write) {
  const Call& call = *write.call;
  const ServedResource& resource = *call.resource;
  const Json nothing = NothingYet(resource);
  auto wanted = WantedObject(context, write, nothing);
  if (!wanted.ok()) return wanted.error();
  Json& object = wanted->object;
  if (auto error = NormalizeKind(object, resource)) return *error;
  if (write.IsApply()) {
    if (auto error = CheckApplyCreates(write, object)) return *error;
  }
  const std::string ns = MetaText(object, "namespace");
  if (!ns.empty() && ns != call.route.ns) return NamespaceMismatch();
  if (!MetaText(object, "resourceVersion").empty()) {
    return Failed("resourceVersion should not be set on objects to be created");
  }
  if (resource.info.namespaced) object["metadata"]["namespace"] = call.route.ns;
  if (auto error = HandleUnknownFields(write, object)) return *error;
  DecodeWanted(context, write, nothing, *wanted);
  PrepareMetadataForCreate(object, resource, context.clock.Now(), context.random);
  if (resource.HasStatus()) object.erase("status");
  PrepareBuiltIn(object, nullptr, resource);
  SetManagedFields(object, std::move(wanted->managed_fields), nullptr);
  if (auto error = ValidateObject(context, call, object, nullptr)) return *error;
  return std::move(object);
}

ApiError CreateFailure(const Call& call, const std::string& name, const Status& status) {
  const ResourceInfo& info = call.resource->info;
  if (status.code() == Code::kAlreadyExists) {
    return status.reason() == "Deleting" ? AlreadyExistsDeleting(info, name)
                                         : AlreadyExists(info, name);
  }
  if (status.reason() == "ParentMissing") return NotFound(NamespaceInfo(), call.route.ns);
  if (status.reason() == "ParentDeleting") return NamespaceTerminating(info, name, call.route.ns);
  return StoreFailure(status);
}

// What the store would answer to the mutation.
Status TryMutation(const RestContext& context, const Mutation& mutation) {
  const auto parsed = [](const std::string& text) {
    return Json::parse(text, nullptr, /*allow_exceptions=*/false);
  };
  SALVE_ASSIGN_OR_RETURN(const auto present, context.store.Get(mutation.key));
  if (present) {
    return AlreadyExistsError("exists").WithReason(IsDeleting(parsed(present->text)) ? "Deleting"
                                                                                     : "");
  }
  if (!mutation.parent) return Status::Ok();
  SALVE_ASSIGN_OR_RETURN(const auto parent, context.store.Get(*mutation.parent));
  if (!parent) return NotFoundError("no parent").WithReason("ParentMissing");
  if (IsDeleting(parsed(parent->text))) {
    return PermissionDeniedError("deleting").WithReason("ParentDeleting");
  }
  return Status::Ok();
}

void RunUpdate(const RestContext& context, const WritePtr& write);

void RunCreate(const RestContext& context, const WritePtr& write) {
  Call& call = *write->call;
  auto prepared = PrepareCreate(context, *write);
  if (!prepared.ok()) return ReplyError(call, prepared.error());
  const std::string name = MetaText(*prepared, "name");
  Mutation mutation = MakeMutation(*prepared, *call.resource, 0, /*remove=*/false,
                                   ExpiryOf(context, *call.resource));
  if (call.resource->info.namespaced) {
    mutation.parent = ObjectKey{ResourceKey(NamespaceInfo()), "", call.route.ns};
  }
  if (auto error = CheckSize(context, mutation)) return ReplyError(call, *error);
  if (write->options.dry_run) {
    const Status status = TryMutation(context, mutation);
    if (!status.ok()) return ReplyError(call, CreateFailure(call, name, status));
    return ReplyObject(context, call, 201, DumpJson(*prepared));
  }
  const bool generated = MetaText(write->body.value, "name").empty();
  Body body = mutation.body;
  context.store.Submit(
      std::move(mutation),
      [&context, write, name, generated, body = std::move(body)](StatusOr<std::int64_t> revision) {
        if (revision.ok()) {
          return ReplyObject(context, *write->call, 201, WithRevision(body, *revision));
        }
        const bool exists = revision.code() == Code::kAlreadyExists;
        if (exists && write->IsApply() && ++write->attempts < kMaxAttempts) {
          return RunUpdate(context, write);
        }
        if (exists && generated && ++write->attempts < kMaxNameAttempts) {
          return RunCreate(context, write);
        }
        ReplyError(*write->call, CreateFailure(*write->call, name, revision.status()));
      });
}

// --- update and patch
// ---------------------------------------------------------------------------------

std::optional<ApiError> CheckPreconditions(const Write& write, const Json& object,
                                           const Json& old) {
  const Call& call = *write.call;
  const ResourceInfo& info = call.resource->info;
  if (MetaText(object, "name") != call.route.name) {
    return NameMismatch(MetaText(object, "name"), call.route.name);
  }
  const std::string ns = MetaText(object, "namespace");
  if (!ns.empty() && ns != call.route.ns) return NamespaceMismatch();
  const std::string uid = MetaText(object, "uid");
  if (!uid.empty() && uid != MetaText(old, "uid")) {
    const Cause immutable = InvalidCause("metadata.uid", uid, "field is immutable");
    if (write.patch && call.resource->custom) {
      // Twice, as the real server, whose custom resources are checked by two.
      return Invalid(info, call.route.name, {immutable, immutable});
    }
    if (write.patch) return Invalid(info, call.route.name, {immutable});
    return Conflict(info, call.route.name,
                    "Precondition failed: UID in precondition: " + uid +
                        ", UID in object meta: " + MetaText(old, "uid"));
  }
  const std::string version = MetaText(object, "resourceVersion");
  if (version.empty()) {
    if (write.patch || AllowsUnconditionalUpdate(*call.resource)) return std::nullopt;
    return Invalid(
        info.group, info.plural, call.route.name,
        {InvalidCause("metadata.resourceVersion", 0, "must be specified for an update")});
  }
  if (!IsDigits(version)) {
    return Failed("strconv.ParseUint: parsing " + ShowValue(version) + ": invalid syntax");
  }
  if (version != MetaText(old, "resourceVersion")) return ConflictModified(info, call.route.name);
  return std::nullopt;
}

// Only the status of `object` on top of what is stored; of a built-in kind the metadata, too.
Json TakeStatus(Json object, const Json& old, bool custom) {
  Json result = old;
  if (!custom) {
    PrepareMetadataForUpdate(object, old);
    result["metadata"] = std::move(object["metadata"]);
  }
  if (const auto it = object.find("status"); it != object.end()) {
    result["status"] = *it;
  } else {
    result.erase("status");
  }
  return result;
}

ApiResult<Json> PrepareUpdate(const RestContext& context, Write& write, const Json& old) {
  const Call& call = *write.call;
  const ServedResource& resource = *call.resource;
  auto wanted = WantedObject(context, write, old);
  if (!wanted.ok()) return wanted.error();
  Json& object = wanted->object;
  if (auto error = NormalizeKind(object, resource)) return *error;
  if (auto error = CheckPreconditions(write, object, old)) return *error;
  if (auto error = HandleUnknownFields(write, object)) return *error;
  DecodeWanted(context, write, old, *wanted);
  if (call.route.subresource == "status") {
    object = TakeStatus(std::move(object), old, resource.custom);
  } else {
    PrepareMetadataForUpdate(object, old);
    if (resource.HasStatus()) {
      object.erase("status");
      if (const auto it = old.find("status"); it != old.end()) object["status"] = *it;
    }
    PrepareBuiltIn(object, &old, resource);
    if (resource.custom && SpecChanged(object, old)) {
      object["metadata"]["generation"] = old["metadata"].value("generation", std::int64_t{0}) + 1;
    }
  }
  SetManagedFields(object, std::move(wanted->managed_fields), &old);
  if (auto error = ValidateObject(context, call, object, &old)) return *error;
  return std::move(object);
}

void RunUpdate(const RestContext& context, const WritePtr& write) {
  Call& call = *write->call;
  auto stored = context.store.Get(call.Key());
  if (!stored.ok()) return ReplyError(call, StoreFailure(stored.status()));
  if (!*stored) {
    if (write->IsApply() && call.route.subresource.empty()) return RunCreate(context, write);
    if (!write->patch && CreatesOnUpdate(*call.resource)) {
      const std::string uid = MetaText(write->body.value, "uid");
      if (uid.empty() && MetaText(write->body.value, "resourceVersion").empty()) {
        return RunCreate(context, write);
      }
      return ReplyError(call, Conflict(call.resource->info, call.route.name,
                                       "Precondition failed: UID in precondition: " + uid +
                                           ", UID in object meta: "));
    }
    return ReplyError(call, NotFound(call.resource->info, call.route.name));
  }
  const std::int64_t present = (*stored)->revision;
  const Json old = Json::parse((*stored)->text, nullptr, /*allow_exceptions=*/false);
  if (!old.is_object()) {
    return ReplyError(call, InternalFailure("the stored object is damaged: restore a backup"));
  }
  auto prepared = PrepareUpdate(context, *write, old);
  if (!prepared.ok()) return ReplyError(call, prepared.error());
  if (*prepared == old) return ReplyObject(context, call, 200, std::move((*stored)->text));

  // The last that watches see of what goes with its last finalizer is how it was before.
  const bool removed = ReadyToRemove(*prepared, *call.resource);
  Mutation mutation = MakeMutation(removed ? old : *prepared, *call.resource, present, removed,
                                   ExpiryOf(context, *call.resource));
  if (auto error = CheckSize(context, mutation)) return ReplyError(call, *error);
  if (write->options.dry_run) return ReplyObject(context, call, 200, DumpJson(*prepared));
  Body body = MakeBody(*prepared);
  context.store.Submit(
      std::move(mutation),
      [&context, write, removed, present, body = std::move(body)](StatusOr<std::int64_t> revision) {
        if (revision.ok()) {
          // What is gone with its last finalizer is shown as the version that it last was.
          const std::int64_t shown = removed ? present : *revision;
          return ReplyObject(context, *write->call, 200, WithRevision(body, shown));
        }
        const bool changed =
            revision.code() == Code::kConflict || revision.code() == Code::kNotFound;
        if (changed && ++write->attempts < kMaxAttempts) return RunUpdate(context, write);
        ReplyError(*write->call,
                   changed ? ConflictModified(write->call->resource->info, write->call->route.name)
                           : StoreFailure(revision.status()));
      });
}

// Options that only an apply has, or must have.
std::optional<ApiError> CheckPatchOptions(const Write& write) {
  if (!write.IsApply() && write.call->target.query.Has("force")) {
    return InvalidOptions("PatchOptions",
                          {ForbiddenCause("force", "may not be specified for non-apply patch")});
  }
  if (write.IsApply() && write.options.field_manager.empty()) {
    return InvalidOptions("PatchOptions",
                          {RequiredCause("fieldManager", "is required for apply patch")});
  }
  return std::nullopt;
}

}  // namespace

void ServeCreate(const RestContext& context, const CallPtr& call) {
  auto write = std::make_shared<Write>();
  write->call = call;
  auto options = ParseWriteOptions(call->target.query, "CreateOptions");
  if (!options.ok()) return ReplyError(*call, options.error());
  write->options = *options;
  auto body = DecodeBody(call->request, context.limits.max_body_bytes);
  if (!body.ok()) return ReplyError(*call, body.error());
  write->body = std::move(body).value();
  RunCreate(context, write);
}

void ServeUpdate(const RestContext& context, const CallPtr& call) {
  auto write = std::make_shared<Write>();
  write->call = call;
  auto options = ParseWriteOptions(call->target.query, "UpdateOptions");
  if (!options.ok()) return ReplyError(*call, options.error());
  write->options = *options;
  auto body = DecodeBody(call->request, context.limits.max_body_bytes);
  if (!body.ok()) return ReplyError(*call, body.error());
  write->body = std::move(body).value();
  RunUpdate(context, write);
}

void ServePatch(const RestContext& context, const CallPtr& call) {
  std::vector<std::string> supported = {"application/json-patch+json",
                                        "application/merge-patch+json"};
  if (!call->resource->custom) supported.push_back("application/strategic-merge-patch+json");
  supported.push_back("application/apply-patch+yaml");
  auto write = std::make_shared<Write>();
  write->call = call;
  write->patch = ParsePatchType(call->request.headers.Get("Content-Type").value_or(""));
  const bool unsupported =
      !write->patch || (*write->patch == PatchType::kStrategic && call->resource->custom);
  if (unsupported) return ReplyError(*call, UnsupportedMediaType(supported));
  auto options = ParseWriteOptions(call->target.query, "PatchOptions");
  if (!options.ok()) return ReplyError(*call, options.error());
  write->options = *options;
  if (auto error = CheckPatchOptions(*write)) return ReplyError(*call, *error);
  const std::size_t max_bytes = context.limits.max_body_bytes;
  auto body = write->IsApply() ? DecodeApplyBody(call->request.body, max_bytes)
                               : DecodeJsonBody(call->request.body, max_bytes);
  if (!body.ok()) return ReplyError(*call, body.error());
  write->body = std::move(body).value();
  RunUpdate(context, write);
}

}  // namespace salve::apiserver
