// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_REPLAY_RECORD_H_
#define SALVE_CONTROLLER_REPLAY_RECORD_H_

#include <cstdint>
#include <istream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pkg/base/clock.h"
#include "pkg/base/status.h"
#include "pkg/healing/alerts.h"
#include "pkg/healing/types.h"

// What happened, as `salve replay` reads it. docs/guides/replay.md describes the files.
namespace salve::replay {

inline constexpr std::size_t kMaxRecordedAlerts = 1'000'000;
inline constexpr std::size_t kMaxRecordedIncidents = 50'000;

// What all deliveries of one alert have in common; kept once.
struct AlertText {
  std::string receiver;
  std::map<std::string, std::string> labels;
  std::string message;
  std::string severity;
};

struct RecordedAlert {
  WallTime at;           // when it came in
  WallTime since;        // when it began to fire, or ceased
  std::size_t text = 0;  // index into Record::texts
  bool firing = true;
  bool told = true;  // whether its sender said `since`
};

struct RecordedIncident {
  WallTime at;     // when Salve took notice
  WallTime onset;  // when the illness began
  healing::v1::Incident incident;
};

struct Record {
  std::vector<AlertText> texts;
  std::vector<RecordedAlert> alerts;        // by time
  std::vector<RecordedIncident> incidents;  // by time
  std::int64_t others = 0;                  // lines of a log about something else
  std::int64_t outside = 0;                 // before --from or after --to
  std::int64_t scheduled = 0;               // incidents of schedules: no illness
  std::int64_t out_of_order = 0;            // older than what stood before them; sorted
  std::vector<std::string> notes;

  WallTime First() const;
  WallTime Last() const;
  healing::Alert AlertOf(const RecordedAlert& one) const;
};

enum class RecordKind {
  kHistory,          // Salve's own: log lines, signals, incidents; and webhook payloads
  kAlertmanagerLog,  // webhook payloads
  kIncidents,        // incidents, as `get -o json` prints them
};

struct RecordOptions {
  std::string receiver = "alertmanager";  // that payloads are taken to have come in by
  std::optional<WallTime> from;
  std::optional<WallTime> to;
};

// Reads any number of files. Not thread-safe.
class RecordReader {
 public:
  explicit RecordReader(RecordOptions options) : options_(std::move(options)) {}

  // kInvalidArgument with file:line for what is broken or no record of this kind, and where there
  // is more than can be replayed at once.
  Status Read(RecordKind kind, const std::string& path);
  Status Read(RecordKind kind, std::istream& in, const std::string& name);

  // kInvalidArgument if there is nothing in it.
  StatusOr<Record> Finish();

 private:
  Status Take(RecordKind kind, const nlohmann::json& object, const std::string& where);
  Status TakeIncident(const nlohmann::json& object, const std::string& where);
  Status TakePayload(const nlohmann::json& object, const std::string& where);
  Status TakeSignal(const nlohmann::json& object, const std::string& where);
  Status TakeLogLine(const nlohmann::json& object, const std::string& where);
  Status Add(const healing::Alert& alert, WallTime at, const std::string& where);
  bool Within(WallTime at);
  void NoteOrder(WallTime at);
  void Note(const std::string& text);

  const RecordOptions options_;
  Record record_;
  std::map<std::string, std::size_t> known_;  // fingerprint and texts → index
  std::optional<WallTime> newest_;
};

}  // namespace salve::replay

#endif  // SALVE_CONTROLLER_REPLAY_RECORD_H_
