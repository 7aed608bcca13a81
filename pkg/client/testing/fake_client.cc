// SPDX-License-Identifier: Apache-2.0
#include "pkg/client/testing/fake_client.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <utility>

#include "pkg/base/time_format.h"
#include "pkg/client/reasons.h"
#include "pkg/client/testing/fake_watch.h"
#include "pkg/client/testing/selector.h"

namespace salve::client::testing {
namespace {

constexpr std::size_t kMaxCalls = 1'000'000;

std::optional<std::int64_t> ParseVersion(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

std::string Text(const Json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

const Json& Metadata(const Json& object) {
  static const Json* empty = new Json(Json::object());
  const auto it = object.find("metadata");
  return it != object.end() && it->is_object() ? *it : *empty;
}

std::string Quoted(const ResourceInfo& resource, const NamespacedName& name) {
  return resource.plural + (resource.group.empty() ? "" : "." + resource.group) + " \"" +
         name.ToString() + "\"";
}

// Everything but metadata and status: what generation counts.
Json SpecPart(Json object) {
  object.erase("metadata");
  object.erase("status");
  return object;
}

}  // namespace

FakeClient::FakeClient(Clock& clock) : clock_(clock) {}

FakeClient::~FakeClient() = default;

bool FakeClient::HasStatus(const ResourceInfo& resource) const {
  const auto it = status_subresource_.find(KeyOf(resource));
  if (it != status_subresource_.end()) return it->second;
  return !resource.group.empty() && resource.group != "coordination.k8s.io" &&
         resource.group != "events.k8s.io";
}

void FakeClient::SetStatusSubresource(const ResourceInfo& resource, bool has_one) {
  MutexLock lock(mu_);
  status_subresource_[KeyOf(resource)] = has_one;
}

CallRecord& FakeClient::Record(const char* verb, const ResourceInfo& resource,
                               const NamespacedName& name) {
  if (calls_.size() >= kMaxCalls) calls_.erase(calls_.begin(), calls_.begin() + kMaxCalls / 2);
  calls_.push_back({});
  CallRecord& record = calls_.back();
  record.verb = verb;
  record.resource = resource;
  record.name = name;
  return record;
}

Json* FakeClient::Find(const ResourceInfo& resource, const NamespacedName& name) {
  Objects_& objects = objects_[KeyOf(resource)];
  const auto it = objects.find(name);
  return it == objects.end() ? nullptr : &it->second;
}

std::string FakeClient::NewUid() {
  char text[40];
  std::snprintf(text, sizeof text, "00000000-0000-4000-8000-%012lld",
                static_cast<long long>(next_uid_++));
  return text;
}

std::int64_t FakeClient::Commit(const ResourceInfo& resource, const NamespacedName& name,
                                Json after) {
  ++version_;
  ++writes_;
  Objects_& objects = objects_[KeyOf(resource)];
  const auto it = objects.find(name);
  Change change{version_, KeyOf(resource), name, it == objects.end() ? Json() : it->second, Json()};
  if (after.is_null()) {
    objects.erase(name);
  } else {
    after["metadata"]["resourceVersion"] = std::to_string(version_);
    change.after = after;
    objects[name] = std::move(after);
  }
  history_.push_back(std::move(change));
  changed_.NotifyAll();
  return version_;
}

// ---- Reads ----

FakeClient::Objects_ FakeClient::StateAt(const Key& kind, std::int64_t version) const {
  Objects_ state;
  if (const auto it = objects_.find(kind); it != objects_.end()) state = it->second;
  for (auto it = history_.rbegin(); it != history_.rend() && it->version > version; ++it) {
    if (it->kind != kind) continue;
    if (it->before.is_null()) {
      state.erase(it->name);
    } else {
      state[it->name] = it->before;
    }
  }
  return state;
}

StatusOr<Json> FakeClient::Get(const ResourceInfo& resource, const NamespacedName& name) {
  MutexLock lock(mu_);
  CallRecord& record = Record("get", resource, name);
  const Json* object = Find(resource, name);
  if (object != nullptr) return *object;
  record.code = Code::kNotFound;
  return NotFoundError(Quoted(resource, name) + " not found").WithReason("NotFound");
}

Status FakeClient::FromReplica(const std::optional<std::string>& asked, std::int64_t* as_of) const {
  *as_of = version_;
  if (!asked || asked->empty()) return Status::Ok();
  if (replica_) *as_of = std::min(*replica_, version_);
  const std::optional<std::int64_t> at_least = ParseVersion(*asked);
  if (!at_least) return InvalidArgumentError("resourceVersion \"" + *asked + "\" is no number");
  if (*at_least > *as_of && !replica_lies_) {
    return DeadlineExceededError("504 Timeout: Too large resource version: " + *asked +
                                 ", current: " + std::to_string(*as_of))
        .WithReason(kReasonVersionTooLarge)
        .WithRetryAfter(std::chrono::seconds(1));
  }
  return Status::Ok();
}

StatusOr<ObjectList> FakeClient::List(const ResourceInfo& resource, const ListOptions& options) {
  MutexLock lock(mu_);
  CallRecord& record = Record("list", resource, {options.ns, ""});
  record.resource_version = options.resource_version.value_or("-");
  SALVE_ASSIGN_OR_RETURN(const Selector selector,
                         Selector::Parse(options.label_selector, options.field_selector));
  std::int64_t as_of = version_;
  NamespacedName after;
  bool resumed = false;
  if (!options.continue_token.empty()) {
    // "version/namespace/name" of the last item that was sent.
    const std::size_t first = options.continue_token.find('/');
    const std::size_t second = options.continue_token.find('/', first + 1);
    const std::optional<std::int64_t> version =
        ParseVersion(options.continue_token.substr(0, first));
    if (!version || first == std::string::npos || second == std::string::npos) {
      record.code = Code::kInvalidArgument;
      return InvalidArgumentError("continue token \"" + options.continue_token + "\" is none");
    }
    if (*version < compacted_) {
      record.code = Code::kExpired;
      return ExpiredError("410: the provided continue parameter is too old").WithReason("Expired");
    }
    as_of = *version;
    after = {options.continue_token.substr(first + 1, second - first - 1),
             options.continue_token.substr(second + 1)};
    resumed = true;
  } else if (Status status = FromReplica(options.resource_version, &as_of); !status.ok()) {
    record.code = status.code();
    return status;
  }
  ObjectList list;
  list.resource_version = std::to_string(as_of);
  const Objects_ state = StateAt(KeyOf(resource), as_of);
  for (auto it = resumed ? state.upper_bound(after) : state.begin(); it != state.end(); ++it) {
    if (!options.ns.empty() && it->first.ns != options.ns) continue;
    if (!selector.Matches(it->second)) continue;
    if (options.limit > 0 && list.items.size() == static_cast<std::size_t>(options.limit)) {
      const NamespacedName& last = after;
      list.continue_token = list.resource_version + "/" + last.ns + "/" + last.name;
      break;
    }
    list.items.push_back(it->second);
    after = it->first;
  }
  return list;
}

StatusOr<std::string> FakeClient::PodLogs(const NamespacedName& pod, const PodLogOptions& options) {
  MutexLock lock(mu_);
  const auto it = logs_.find({pod, options.container});
  if (it == logs_.end()) return NotFoundError("pods \"" + pod.name + "\" not found");
  const std::string& text = options.previous ? it->second.second : it->second.first;
  if (text.empty()) {
    return InvalidArgumentError("400 container \"" + options.container + "\" has written no log");
  }
  return text;
}

void FakeClient::SetPodLogs(const NamespacedName& pod, const std::string& container,
                            std::string now, std::string before) {
  MutexLock lock(mu_);
  logs_[{pod, container}] = {std::move(now), std::move(before)};
}

StatusOr<std::unique_ptr<WatchStream>> FakeClient::Watch(const ResourceInfo& resource,
                                                         const WatchOptions& options) {
  MutexLock lock(mu_);
  CallRecord& record = Record("watch", resource, {options.ns, ""});
  record.resource_version = options.resource_version.empty() ? "-" : options.resource_version;
  SALVE_ASSIGN_OR_RETURN(Selector selector,
                         Selector::Parse(options.label_selector, options.field_selector));
  const bool synthetic = options.resource_version.empty() || options.resource_version == "0";
  std::int64_t from = replica_.value_or(version_);
  if (!synthetic) {
    const std::optional<std::int64_t> asked = ParseVersion(options.resource_version);
    if (!asked) return InvalidArgumentError("resourceVersion is no number");
    from = *asked;
    Status status;
    if (from < compacted_) {
      status = ExpiredError("410: too old resource version: " + options.resource_version)
                   .WithReason("Expired");
    } else if (from > version_) {
      status = DeadlineExceededError("504 Timeout: Too large resource version")
                   .WithReason(kReasonVersionTooLarge);
    }
    if (!status.ok()) {
      record.code = status.code();
      return status;
    }
  }
  auto stream = std::make_unique<Stream>(*this, resource, options, std::move(selector), from,
                                         clock_.Monotonic());
  if (synthetic) {
    for (auto& [name, object] : StateAt(KeyOf(resource), from)) stream->AddInitial(name, object);
  }
  streams_.insert(stream.get());
  return std::unique_ptr<WatchStream>(std::move(stream));
}

// ---- Writes ----

StatusOr<Json> FakeClient::Evict(const ResourceInfo& resource, const Json& eviction) {
  const Json& metadata = Metadata(eviction);
  DeleteOptions options;
  const Json asked = eviction.value("deleteOptions", Json::object());
  if (const Json* uid = asked.contains("preconditions") ? &asked["preconditions"] : nullptr) {
    if (uid->contains("uid")) options.uid = (*uid)["uid"].get<std::string>();
  }
  SALVE_RETURN_IF_ERROR(
      Delete(resource, {Text(metadata, "namespace"), Text(metadata, "name")}, options));
  return Json{{"kind", "Status"}, {"status", "Success"}};
}

StatusOr<Json> FakeClient::Create(const ResourceInfo& resource, const Json& object,
                                  const WriteOptions& options) {
  if (options.subresource == "eviction") return Evict(resource, object);
  MutexLock lock(mu_);
  Json stored = object;
  if (!stored.is_object()) return InvalidArgumentError("create: not an object");
  Json& metadata = stored["metadata"];
  if (!metadata.is_object()) metadata = Json::object();
  NamespacedName name{resource.namespaced ? Text(metadata, "namespace") : "",
                      Text(metadata, "name")};
  CallRecord& record = Record("create", resource, name);
  if (name.name.empty() && !Text(metadata, "generateName").empty()) {
    name.name = Text(metadata, "generateName") + std::to_string(next_name_++);
  }
  const auto fail = [&record](Status status) {
    record.code = status.code();
    return status;
  };
  if (name.name.empty()) return fail(InvalidArgumentError("metadata.name: Required value"));
  if (resource.namespaced && name.ns.empty()) {
    return fail(InvalidArgumentError("metadata.namespace: Required value"));
  }
  if (Find(resource, name) != nullptr) {
    return fail(
        AlreadyExistsError(Quoted(resource, name) + " already exists").WithReason("AlreadyExists"));
  }
  metadata["name"] = name.name;
  if (resource.namespaced) metadata["namespace"] = name.ns;
  metadata["uid"] = NewUid();
  metadata["generation"] = 1;
  metadata["creationTimestamp"] = FormatTime(clock_.Now());
  metadata.erase("deletionTimestamp");
  metadata["resourceVersion"] = "";
  stored["apiVersion"] = resource.ApiVersion();
  stored["kind"] = resource.kind;
  if (HasStatus(resource)) stored.erase("status");
  if (options.dry_run) return stored;
  Commit(resource, name, stored);
  record.changed = true;
  return *Find(resource, name);
}

StatusOr<Json> FakeClient::Store(const ResourceInfo& resource, const NamespacedName& name,
                                 Json wanted, const WriteOptions& options, CallRecord& record) {
  const Json& present = *Find(resource, name);
  Json next;
  if (options.subresource == "status") {
    next = present;
    next.erase("status");
    if (wanted.contains("status")) next["status"] = wanted["status"];
  } else {
    next = std::move(wanted);
    if (HasStatus(resource)) {
      next.erase("status");
      if (present.contains("status")) next["status"] = present["status"];
    }
    Json& metadata = next["metadata"];
    if (!metadata.is_object()) metadata = Json::object();
    // The server's own fields.
    for (const char* field : {"name", "namespace", "uid", "generation", "creationTimestamp",
                              "deletionTimestamp", "resourceVersion"}) {
      metadata.erase(field);
      if (present["metadata"].contains(field)) metadata[field] = present["metadata"][field];
    }
    next["apiVersion"] = resource.ApiVersion();
    next["kind"] = resource.kind;
    if (SpecPart(next) != SpecPart(present)) {
      metadata["generation"] = present["metadata"].value("generation", std::int64_t{1}) + 1;
    }
  }
  if (next == present || options.dry_run) return next;
  record.changed = true;
  const auto finalizers = next["metadata"].find("finalizers");
  const bool held = finalizers != next["metadata"].end() && !finalizers->empty();
  if (next["metadata"].contains("deletionTimestamp") && !held) {
    const std::int64_t version = Commit(resource, name, Json());
    next["metadata"]["resourceVersion"] = std::to_string(version);
    return next;
  }
  Commit(resource, name, std::move(next));
  return *Find(resource, name);
}

StatusOr<Json> FakeClient::Update(const ResourceInfo& resource, const Json& object,
                                  const WriteOptions& options) {
  MutexLock lock(mu_);
  const Json& metadata = Metadata(object);
  const NamespacedName name{resource.namespaced ? Text(metadata, "namespace") : "",
                            Text(metadata, "name")};
  CallRecord& record = Record("update", resource, name);
  record.subresource = options.subresource;
  record.resource_version = Text(metadata, "resourceVersion");
  const auto fail = [&record](Status status) {
    record.code = status.code();
    return status;
  };
  if (record.resource_version.empty()) {
    return fail(InvalidArgumentError("metadata.resourceVersion: must be specified for an update"));
  }
  const Json* present = Find(resource, name);
  if (present == nullptr) {
    return fail(NotFoundError(Quoted(resource, name) + " not found").WithReason("NotFound"));
  }
  const std::string uid = Text(metadata, "uid");
  if (record.resource_version != Text(Metadata(*present), "resourceVersion") ||
      (!uid.empty() && uid != Text(Metadata(*present), "uid"))) {
    return fail(ConflictError(Quoted(resource, name) +
                              ": the object has been modified; please apply your changes to the "
                              "latest version and try again")
                    .WithReason("Conflict"));
  }
  if (options.subresource == "status" && !HasStatus(resource)) {
    return fail(NotFoundError(Quoted(resource, name) + " has no status subresource"));
  }
  return Store(resource, name, object, options, record);
}

StatusOr<Json> FakeClient::Patch(const ResourceInfo& resource, const NamespacedName& name,
                                 PatchType type, const Json& patch, const WriteOptions& options) {
  MutexLock lock(mu_);
  CallRecord& record = Record("patch", resource, name);
  record.subresource = options.subresource;
  const auto fail = [&record](Status status) {
    record.code = status.code();
    return status;
  };
  const Json* present = Find(resource, name);
  if (present == nullptr) {
    return fail(NotFoundError(Quoted(resource, name) + " not found").WithReason("NotFound"));
  }
  Json wanted = *present;
  switch (type) {
    case PatchType::kApply:
      return fail(UnimplementedError("the fake server has no server-side apply"));
    case PatchType::kMerge:
      wanted.merge_patch(patch);
      break;
    case PatchType::kJson:
      try {
        wanted = wanted.patch(patch);
      } catch (const Json::exception& e) {
        return fail(InvalidArgumentError(std::string("JSON patch: ") + e.what()));
      }
      break;
  }
  record.resource_version = Text(Metadata(wanted), "resourceVersion");
  if (record.resource_version != Text(Metadata(*present), "resourceVersion") ||
      Text(Metadata(wanted), "uid") != Text(Metadata(*present), "uid")) {
    return fail(ConflictError(Quoted(resource, name) + ": the object has been modified")
                    .WithReason("Conflict"));
  }
  return Store(resource, name, std::move(wanted), options, record);
}

Status FakeClient::Delete(const ResourceInfo& resource, const NamespacedName& name,
                          const DeleteOptions& options) {
  MutexLock lock(mu_);
  CallRecord& record = Record("delete", resource, name);
  record.uid_precondition = options.uid.has_value();
  record.resource_version = options.resource_version.value_or("");
  const auto fail = [&record](Status status) {
    record.code = status.code();
    return status;
  };
  const Json* present = Find(resource, name);
  if (present == nullptr) {
    return fail(NotFoundError(Quoted(resource, name) + " not found").WithReason("NotFound"));
  }
  const Json& metadata = Metadata(*present);
  if ((options.uid && *options.uid != Text(metadata, "uid")) ||
      (options.resource_version &&
       *options.resource_version != Text(metadata, "resourceVersion"))) {
    return fail(ConflictError(Quoted(resource, name) + ": the precondition does not hold")
                    .WithReason("Conflict"));
  }
  const auto finalizers = metadata.find("finalizers");
  if (finalizers == metadata.end() || finalizers->empty()) {
    Commit(resource, name, Json());
    record.changed = true;
  } else if (!metadata.contains("deletionTimestamp")) {
    Json next = *present;
    next["metadata"]["deletionTimestamp"] = FormatTime(clock_.Now());
    next["metadata"]["generation"] = metadata.value("generation", std::int64_t{1}) + 1;
    Commit(resource, name, std::move(next));
    record.changed = true;
  }
  return Status::Ok();
}

// ---- Faults and questions ----

void FakeClient::Compact(std::optional<std::int64_t> version) {
  MutexLock lock(mu_);
  const std::int64_t upto = std::max(compacted_, std::min(version.value_or(version_), version_));
  const auto first_kept =
      std::find_if(history_.begin(), history_.end(),
                   [upto](const Change& change) { return change.version > upto; });
  history_.erase(history_.begin(), first_kept);
  compacted_ = upto;
  changed_.NotifyAll();
}

void FakeClient::EndWatches(const Status& status) {
  MutexLock lock(mu_);
  for (Stream* stream : streams_) stream->End(status);
  changed_.NotifyAll();
}

void FakeClient::SendBookmarks() {
  MutexLock lock(mu_);
  for (Stream* stream : streams_) stream->Bookmark();
  changed_.NotifyAll();
}

void FakeClient::SetReplicaVersion(std::optional<std::int64_t> version, bool break_promise) {
  MutexLock lock(mu_);
  replica_ = version;
  replica_lies_ = version && break_promise;
  changed_.NotifyAll();
}

std::int64_t FakeClient::version() const {
  MutexLock lock(mu_);
  return version_;
}

std::int64_t FakeClient::compacted() const {
  MutexLock lock(mu_);
  return compacted_;
}

std::map<NamespacedName, Json> FakeClient::Objects(const ResourceInfo& resource) const {
  MutexLock lock(mu_);
  const auto it = objects_.find(KeyOf(resource));
  return it == objects_.end() ? Objects_() : it->second;
}

void FakeClient::Visit(const ResourceInfo& resource,
                       const std::function<void(const NamespacedName&, const Json&)>& look) const {
  MutexLock lock(mu_);
  const auto it = objects_.find(KeyOf(resource));
  if (it == objects_.end()) return;
  for (const auto& [name, object] : it->second) look(name, object);
}

std::vector<CallRecord> FakeClient::Calls() const {
  MutexLock lock(mu_);
  return calls_;
}

void FakeClient::ClearCalls() {
  MutexLock lock(mu_);
  calls_.clear();
}

std::int64_t FakeClient::writes() const {
  MutexLock lock(mu_);
  return writes_;
}

int FakeClient::open_watches() const {
  MutexLock lock(mu_);
  return static_cast<int>(streams_.size());
}

}  // namespace salve::client::testing
