// SPDX-License-Identifier: Apache-2.0
#include "pkg/engine/lease.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "pkg/base/time_format.h"

namespace salve::engine {
namespace {

using client::Json;

// A longer duration is no protection but a way to block a target.
constexpr std::int64_t kMaxLeaseSeconds = 24 * 3600;
constexpr std::size_t kMaxSightings = 4096;

const client::ResourceInfo& Leases() {
  static const client::ResourceInfo* info =
      new client::ResourceInfo{"coordination.k8s.io", "v1", "leases", "Lease", true};
  return *info;
}

// What the wire says, with anything of a wrong type taken for absent.
struct Record {
  std::string holder;
  std::int64_t duration_seconds = 0;
  std::int64_t transitions = 0;
  std::string renew_time;
};

std::string Text(const Json& spec, const char* name) {
  const auto it = spec.find(name);
  return it != spec.end() && it->is_string() ? it->get<std::string>() : "";
}

std::int64_t Number(const Json& spec, const char* name) {
  const auto it = spec.find(name);
  return it != spec.end() && it->is_number_integer() ? it->get<std::int64_t>() : 0;
}

Record ReadRecord(const Json& lease) {
  const auto spec = lease.find("spec");
  if (spec == lease.end() || !spec->is_object()) return {};
  Record record;
  record.holder = Text(*spec, "holderIdentity");
  record.duration_seconds =
      std::clamp<std::int64_t>(Number(*spec, "leaseDurationSeconds"), 1, kMaxLeaseSeconds);
  record.transitions = std::max<std::int64_t>(0, Number(*spec, "leaseTransitions"));
  record.renew_time = Text(*spec, "renewTime");
  return record;
}

// Changes whenever somebody takes or prolongs the lease.
std::string StateOf(const Json& lease, const Record& record) {
  std::string uid;
  std::string version;
  if (const auto it = lease.find("metadata"); it != lease.end() && it->is_object()) {
    uid = Text(*it, "uid");
    version = Text(*it, "resourceVersion");
  }
  return uid + "\n" + version + "\n" + record.holder + "\n" + record.renew_time;
}

std::int64_t Seconds(Duration duration) {
  return std::clamp<std::int64_t>(duration / std::chrono::seconds(1), 1, kMaxLeaseSeconds);
}

Status CheckArguments(const NamespacedName& name, const std::string& holder, Duration duration) {
  if (name.name.empty() || holder.empty()) {
    return InvalidArgumentError("lease \"" + name.ToString() + "\": name and holder must be set");
  }
  if (duration < std::chrono::seconds(1)) {
    return InvalidArgumentError("lease \"" + name.ToString() + "\": shorter than one second");
  }
  return Status::Ok();
}

}  // namespace

TargetLeases::TargetLeases(client::Client& client, Clock& clock) : client_(client), clock_(clock) {}

MonoTime TargetLeases::Observe(const NamespacedName& name, const std::string& state) {
  const MonoTime now = clock_.Monotonic();
  MutexLock lock(mu_);
  if (!sightings_.contains(name) && sightings_.size() >= kMaxSightings) {
    // Forgetting a sighting only makes its lease look fresh once more: safe, and rare.
    sightings_.erase(sightings_.begin());
  }
  Sighting& sighting = sightings_[name];
  if (sighting.state != state) sighting = {state, now};
  return sighting.first_seen;
}

void TargetLeases::Forget(const NamespacedName& name) {
  MutexLock lock(mu_);
  sightings_.erase(name);
}

StatusOr<LeaseResult> TargetLeases::Acquire(const NamespacedName& name, const std::string& holder,
                                            Duration duration) {
  return Attempt(name, holder, duration, /*only_renew=*/false);
}

StatusOr<LeaseResult> TargetLeases::Renew(const NamespacedName& name, const std::string& holder,
                                          Duration duration) {
  return Attempt(name, holder, duration, /*only_renew=*/true);
}

StatusOr<LeaseResult> TargetLeases::Attempt(const NamespacedName& name, const std::string& holder,
                                            Duration duration, bool only_renew) {
  SALVE_RETURN_IF_ERROR(CheckArguments(name, holder, duration));
  StatusOr<Json> lease = client_.Get(Leases(), name);
  if (lease.code() == Code::kNotFound) {
    if (only_renew) return LeaseResult{false, "", clock_.Monotonic()};
    return Create(name, holder, duration);
  }
  if (!lease.ok()) return lease.status().Annotate("reading lease " + name.ToString());

  const Record record = ReadRecord(*lease);
  if (record.holder == holder) {
    return Take(std::move(lease).value(), name, holder, duration, /*new_holder=*/false);
  }
  const MonoTime first_seen = Observe(name, StateOf(*lease, record));
  const MonoTime free_at = record.holder.empty()
                               ? first_seen
                               : first_seen + std::chrono::seconds(record.duration_seconds);
  if (only_renew || clock_.Monotonic() < free_at) {
    return LeaseResult{false, record.holder, free_at};
  }
  return Take(std::move(lease).value(), name, holder, duration, /*new_holder=*/true);
}

StatusOr<LeaseResult> TargetLeases::Create(const NamespacedName& name, const std::string& holder,
                                           Duration duration) {
  // The holder's time counts from before the request: the server may have stored it at any time
  // since.
  const MonoTime asked = clock_.Monotonic();
  const std::string now = FormatMicroTime(clock_.Now());
  Json lease = {{"apiVersion", Leases().ApiVersion()},
                {"kind", Leases().kind},
                {"metadata", {{"name", name.name}, {"namespace", name.ns}}},
                {"spec",
                 {{"holderIdentity", holder},
                  {"leaseDurationSeconds", Seconds(duration)},
                  {"acquireTime", now},
                  {"renewTime", now},
                  {"leaseTransitions", 0}}}};
  const StatusOr<Json> stored = client_.Create(Leases(), lease);
  if (stored.ok()) {
    return LeaseResult{true, holder, asked + std::chrono::seconds(Seconds(duration))};
  }
  if (stored.code() == Code::kAlreadyExists) {
    return LeaseResult{false, "", asked};  // Somebody was faster; who, the next attempt will tell.
  }
  return stored.status().Annotate("creating lease " + name.ToString());
}

StatusOr<LeaseResult> TargetLeases::Take(Json lease, const NamespacedName& name,
                                         const std::string& holder, Duration duration,
                                         bool new_holder) {
  const MonoTime asked = clock_.Monotonic();
  const Record record = ReadRecord(lease);
  if (!lease["spec"].is_object()) lease["spec"] = Json::object();
  Json& spec = lease["spec"];
  const std::string now = FormatMicroTime(clock_.Now());
  spec["holderIdentity"] = holder;
  spec["leaseDurationSeconds"] = Seconds(duration);
  spec["renewTime"] = now;
  if (new_holder) {
    spec["acquireTime"] = now;
    spec["leaseTransitions"] = record.transitions + 1;
  }
  // The resourceVersion that was read makes sure that nobody else took it in between.
  const StatusOr<Json> stored = client_.Update(Leases(), lease);
  if (stored.ok()) {
    Forget(name);
    return LeaseResult{true, holder, asked + std::chrono::seconds(Seconds(duration))};
  }
  if (stored.code() == Code::kConflict || stored.code() == Code::kNotFound) {
    return LeaseResult{false, new_holder ? "" : record.holder, asked};
  }
  return stored.status().Annotate("taking lease " + name.ToString());
}

Status TargetLeases::Release(const NamespacedName& name, const std::string& holder) {
  StatusOr<Json> lease = client_.Get(Leases(), name);
  if (lease.code() == Code::kNotFound) return Status::Ok();
  if (!lease.ok()) return lease.status().Annotate("reading lease " + name.ToString());
  if (ReadRecord(*lease).holder != holder) return Status::Ok();
  Forget(name);
  client::DeleteOptions options;
  const Json metadata = lease->value("metadata", Json::object());
  if (const std::string uid = Text(metadata, "uid"); !uid.empty()) options.uid = uid;
  if (const std::string version = Text(metadata, "resourceVersion"); !version.empty()) {
    options.resource_version = version;
  }
  const Status status = client_.Delete(Leases(), name, options);
  // Changed since it was read: if by somebody else, it is his; if by ourselves, it will run out.
  if (status.code() == Code::kNotFound) return Status::Ok();
  return status.ok() ? status : status.Annotate("releasing lease " + name.ToString());
}

}  // namespace salve::engine
