// SPDX-License-Identifier: Apache-2.0
#include "controller/replay/record.h"

#include <algorithm>
#include <functional>

#include "controller/replay/pieces.h"
#include "controller/runtime/alert_intake.h"

#include "pkg/apis/codec.h"
#include "pkg/base/hash.h"
#include "pkg/base/json_access.h"
#include "pkg/base/time_format.h"
#include "pkg/edge/alert_payloads.h"
#include "pkg/edge/json_body.h"
#include "pkg/edge/receivers.h"
#include "pkg/healing/scheduled_life.h"
#include "pkg/healing/signals.h"

namespace salve::replay {
namespace {

namespace v1 = healing::v1;
using nlohmann::json;

constexpr std::size_t kMaxNotes = 20;
// Sums of times beyond it no longer fit into one.
constexpr char kEndOfTime[] = "2200-01-01T00:00:00Z";

Status Wrong(const std::string& where, const std::string& what) {
  return InvalidArgumentError(where + ": " + what);
}

Status CheckTime(WallTime at, const std::string& where) {
  static const WallTime kEnd = *ParseTime(kEndOfTime);
  if (at < kEnd) return Status::Ok();
  return Wrong(where, FormatTime(at) + " lies too far in the future to be replayed");
}

// A member that must be a time where it is there.
StatusOr<std::optional<WallTime>> TimeIn(const json& object, const char* name,
                                         const std::string& where) {
  const std::string text = GetString(object, {name});
  if (text.empty()) return std::optional<WallTime>();
  const auto at = ParseTime(text);
  if (!at) return Wrong(where, std::string(name) + " \"" + text.substr(0, 64) + "\" is no time");
  return at;
}

StatusOr<std::map<std::string, std::string>> LabelsOf(const json& labels,
                                                      const std::string& where) {
  std::map<std::string, std::string> out;
  if (!labels.is_object()) return Wrong(where, "labels must be an object");
  for (const auto& [name, value] : labels.items()) {
    if (!value.is_string()) return Wrong(where, "label " + name.substr(0, 64) + " must be a text");
    out[name] = value.get<std::string>();
  }
  return out;
}

// The receiver is among a stored signal's labels; they are the alert's own again after that.
void TakeReceiver(healing::Alert& alert) {
  const auto it = alert.labels.find(healing::kLabelReceiver);
  if (it != alert.labels.end() && alert.receiver.empty()) alert.receiver = it->second;
  alert.labels.erase(healing::kLabelReceiver);
  alert.labels.erase(healing::kLabelClearedBy);
}

std::string KindOf(const json& object) { return GetString(object, {"kind"}); }

// What is left of a list whose members have been taken out.
bool IsEmptyList(const json& object) {
  const json* items = Find(object, {"items"});
  return items != nullptr && items->is_array() && items->empty();
}

bool IsLogLine(const json& object) { return object.contains("msg") && object.contains("level"); }

// What replay does not read, and much of what a stored incident is.
void Trim(v1::Incident& incident) {
  incident.status.timeline = {};
  incident.status.notifications = {};
  incident.status.gates = {};
  incident.metadata.labels = {};
  incident.metadata.annotations = {};
}

}  // namespace

WallTime Record::First() const {
  if (alerts.empty()) return incidents.front().at;
  return incidents.empty() ? alerts.front().at : std::min(alerts.front().at, incidents.front().at);
}

WallTime Record::Last() const {
  if (alerts.empty()) return incidents.back().at;
  return incidents.empty() ? alerts.back().at : std::max(alerts.back().at, incidents.back().at);
}

healing::Alert Record::AlertOf(const RecordedAlert& one) const {
  const AlertText& text = texts[one.text];
  healing::Alert alert;
  alert.receiver = text.receiver;
  alert.labels = text.labels;
  alert.message = text.message;
  alert.severity = text.severity;
  alert.firing = one.firing;
  alert.since = one.since;
  alert.told = one.told;
  return alert;
}

void RecordReader::Note(const std::string& text) {
  if (record_.notes.size() < kMaxNotes) record_.notes.push_back(text);
}

bool RecordReader::Within(WallTime at) {
  const bool within =
      (!options_.from || at >= *options_.from) && (!options_.to || at <= *options_.to);
  if (!within) ++record_.outside;
  return within;
}

void RecordReader::NoteOrder(WallTime at) {
  if (newest_ && at < *newest_) ++record_.out_of_order;
  if (!newest_ || at > *newest_) newest_ = at;
}

Status RecordReader::Add(const healing::Alert& alert, WallTime at, const std::string& where) {
  if (alert.labels.empty()) return Wrong(where, "an alert without labels");
  SALVE_RETURN_IF_ERROR(CheckTime(at, where));
  if (!Within(at)) return Status::Ok();
  if (record_.alerts.size() >= kMaxRecordedAlerts) {
    return Wrong(where, "more than " + std::to_string(kMaxRecordedAlerts) +
                            " alerts; replay a part of it with --from and --to");
  }
  NoteOrder(at);
  const std::string key = healing::AlertFingerprint(alert) + alert.severity + "\n" + alert.message;
  const auto [it, fresh] = known_.try_emplace(Sha256Hex(key), record_.texts.size());
  if (fresh) {
    record_.texts.push_back({alert.receiver, alert.labels, alert.message, alert.severity});
  }
  record_.alerts.push_back({at, alert.since, it->second, alert.firing, alert.told});
  return Status::Ok();
}

Status RecordReader::TakePayload(const json& object, const std::string& where) {
  SALVE_ASSIGN_OR_RETURN(const auto received, TimeIn(object, "receivedAt", where));
  auto batch = edge::AlertsOfAlertmanager(object, received.value_or(WallTime{}));
  if (!batch.ok()) return batch.status().Annotate(where);
  if (batch->truncated > 0) {
    Note(where + ": its sender left " + std::to_string(batch->truncated) + " alerts out of it");
  }
  for (healing::Alert& alert : batch->alerts) {
    if (!received && !alert.told) {
      return Wrong(where, "neither receivedAt nor the alert's startsAt (endsAt) says when it was");
    }
    alert.receiver = options_.receiver;
    SALVE_RETURN_IF_ERROR(Add(alert, received.value_or(alert.since), where));
  }
  return Status::Ok();
}

// As `salve signals -o json` prints it: how an alert stood when it was asked.
Status RecordReader::TakeSignal(const json& object, const std::string& where) {
  const std::string state = GetString(object, {"state"});
  if (state != healing::kSignalFiring && state != healing::kSignalCleared) {
    return Wrong(where, "state must be Firing or Cleared");
  }
  SALVE_ASSIGN_OR_RETURN(const auto since, TimeIn(object, "since", where));
  if (!since) return Wrong(where, "a signal without since");
  SALVE_ASSIGN_OR_RETURN(const auto received, TimeIn(object, "receivedAt", where));
  healing::Alert alert;
  SALVE_ASSIGN_OR_RETURN(alert.labels, LabelsOf(object["labels"], where));
  alert.receiver = GetString(object, {"receiver"});
  TakeReceiver(alert);
  alert.message = GetString(object, {"message"});
  alert.severity = GetString(object, {"severity"});
  alert.firing = state == healing::kSignalFiring;
  alert.since = *since;
  alert.told = true;
  SALVE_RETURN_IF_ERROR(Add(alert, *since, where));
  // The last time that it was repeated: until then it was not silent.
  if (alert.firing && received && *received > *since) return Add(alert, *received, where);
  return Status::Ok();
}

Status RecordReader::TakeLogLine(const json& object, const std::string& where) {
  const std::string message = GetString(object, {"msg"});
  if (message != runtime::kLogAlertTaken && message != edge::kLogAlertUnmatched) {
    ++record_.others;
    return Status::Ok();
  }
  SALVE_ASSIGN_OR_RETURN(const auto at, TimeIn(object, "time", where));
  SALVE_ASSIGN_OR_RETURN(const auto since, TimeIn(object, "since", where));
  const auto labels = edge::ParseJsonBody(GetString(object, {"labels"}));
  if (!at || !since || !labels.ok()) {
    // A line of the log is cut where it is too long.
    Note(where + ": the line about an alert is not complete; it is left out");
    return Status::Ok();
  }
  healing::Alert alert;
  SALVE_ASSIGN_OR_RETURN(alert.labels, LabelsOf(*labels, where));
  alert.receiver = GetString(object, {"receiver"});
  TakeReceiver(alert);
  alert.message = GetString(object, {"alert"});
  alert.severity = GetString(object, {"severity"});
  alert.firing = GetString(object, {"state"}) == healing::kSignalFiring;
  alert.since = *since;
  alert.told = GetBool(object, {"told"});
  return Add(alert, *at, where);
}

Status RecordReader::TakeIncident(const json& object, const std::string& where) {
  auto incident = apis::Decode<v1::Incident>(object);
  if (!incident.ok()) return incident.status().Annotate(where);
  if (healing::IsScheduled(*incident)) {
    ++record_.scheduled;
    return Status::Ok();
  }
  const v1::IncidentSpec& spec = incident->spec;
  if (spec.target.name.empty()) return Wrong(where, "spec.target.name: required");
  const std::string& told =
      spec.trigger.at.empty() ? incident->metadata.creation_timestamp : spec.trigger.at;
  const auto onset = ParseTime(told);
  if (!onset) {
    return Wrong(where,
                 "neither spec.trigger.at nor metadata.creationTimestamp says when it began");
  }
  const WallTime at = std::max(*onset, ParseTime(incident->status.detected_at).value_or(*onset));
  SALVE_RETURN_IF_ERROR(CheckTime(at, where));
  if (!Within(at)) return Status::Ok();
  if (record_.incidents.size() >= kMaxRecordedIncidents) {
    return Wrong(where, "more than " + std::to_string(kMaxRecordedIncidents) +
                            " incidents; replay a part of it with --from and --to");
  }
  NoteOrder(at);
  Trim(*incident);
  record_.incidents.push_back({at, *onset, std::move(incident).value()});
  return Status::Ok();
}

Status RecordReader::Take(RecordKind kind, const json& object, const std::string& where) {
  if (IsEmptyList(object)) return Status::Ok();
  const std::string named = KindOf(object);
  if (named == v1::Incident::kInfo.kind) {
    if (kind != RecordKind::kAlertmanagerLog) return TakeIncident(object, where);
    return Wrong(where, "an Incident in a log of Alertmanager; read it with --incidents");
  }
  if (kind == RecordKind::kIncidents) {
    return Wrong(where, named.empty() ? "expected an Incident"
                                      : "expected an Incident, found a " + named.substr(0, 64));
  }
  if (object.contains("alerts")) return TakePayload(object, where);
  if (kind == RecordKind::kAlertmanagerLog) {
    return Wrong(where, "expected a webhook payload of Alertmanager, with .alerts");
  }
  if (IsLogLine(object)) return TakeLogLine(object, where);
  if (object.contains("fingerprint") && object.contains("labels")) {
    return TakeSignal(object, where);
  }
  return Wrong(where, "neither a line of Salve's log, a signal, an Incident nor a webhook payload" +
                          (named.empty() ? "" : " but a " + named.substr(0, 64)));
}

Status RecordReader::Read(RecordKind kind, const std::string& path) {
  newest_.reset();
  return ReadPieces(path, [&](const json& object, const std::string& where) {
    return Take(kind, object, where);
  });
}

Status RecordReader::Read(RecordKind kind, std::istream& in, const std::string& name) {
  newest_.reset();
  return ReadPieces(in, name, [&](const json& object, const std::string& where) {
    return Take(kind, object, where);
  });
}

StatusOr<Record> RecordReader::Finish() {
  if (record_.alerts.empty() && record_.incidents.empty()) {
    std::string why = "there is nothing to replay: no alert and no incident";
    if (record_.outside > 0) {
      why += " between --from and --to; " + std::to_string(record_.outside) + " are outside";
    }
    if (record_.scheduled > 0) {
      why += "; " + std::to_string(record_.scheduled) + " incidents are those of schedules";
    }
    return InvalidArgumentError(why);
  }
  const auto earlier = [](const auto& a, const auto& b) { return a.at < b.at; };
  std::stable_sort(record_.alerts.begin(), record_.alerts.end(), earlier);
  std::stable_sort(record_.incidents.begin(), record_.incidents.end(), earlier);
  known_.clear();
  return std::move(record_);
}

}  // namespace salve::replay
