// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <memory>

#include "controller/cli/incidents.h"
#include "controller/cli/input.h"
#include "controller/cli/output.h"
#include "controller/commands/commands.h"
#include "controller/commands/exit_codes.h"

#include "pkg/apis/codec.h"
#include "pkg/healing/explain.h"

namespace salve::commands {
namespace {

using cli::Json;
namespace v1 = cli::v1;

constexpr std::chrono::milliseconds kFirstPause{100};
constexpr std::chrono::milliseconds kLongestPause{5000};

struct TimelineOptions {
  cli::ClientOptions client;
  std::string incident;
  std::string file;
  std::string output;
  bool follow = false;
  bool all_namespaces = false;
};

struct Line {
  std::string at;
  std::string ns;
  std::string incident;
  std::int64_t sequence = 0;
  std::string phase;
  std::string message;
};

// Remembers what has been shown of each incident, so that every entry is printed once.
class Printer {
 public:
  explicit Printer(bool json) : json_(json), colour_(!json && cli::UseColour()) {}

  // The entries of these incidents that have not been shown, in the order of time. False: nobody
  // reads.
  bool Show(const std::vector<v1::Incident>& incidents) {
    std::vector<Line> lines;
    for (const v1::Incident& incident : incidents) Collect(incident, lines);
    std::stable_sort(lines.begin(), lines.end(),
                     [](const Line& a, const Line& b) { return a.at < b.at; });
    for (const Line& line : lines) {
      if (!cli::Print(Format(line))) return false;
    }
    return true;
  }

  void Forget(const std::string& uid) { shown_.erase(uid); }

 private:
  void Collect(const v1::Incident& incident, std::vector<Line>& lines) {
    std::int64_t& shown = shown_[incident.metadata.uid];
    for (const v1::TimelineEntry& entry : incident.status.timeline) {
      if (entry.sequence <= shown) continue;
      shown = entry.sequence;
      lines.push_back({entry.at, incident.metadata.ns, incident.metadata.name, entry.sequence,
                       entry.phase, entry.message});
    }
  }

  std::string Format(const Line& line) const {
    if (json_) {
      const Json entry = {
          {"at", line.at},       {"namespace", line.ns},    {"incident", line.incident},
          {"phase", line.phase}, {"message", line.message}, {"sequence", line.sequence}};
      return entry.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    }
    const auto clean = [](const std::string& text) { return healing::EscapeTerminal(text); };
    std::string phase = clean(line.phase);
    phase.resize(std::max<std::size_t>(phase.size(), 12), ' ');
    if (colour_) {
      const char* code = line.phase == "error" ? "31" : line.phase == "complete" ? "32" : "36";
      phase = "\033[" + std::string(code) + "m" + phase + "\033[0m";
    }
    return clean(line.at) + "  " + phase + "  " + clean(line.incident) + "  " +
           clean(line.message) + "\n";
  }

  const bool json_;
  const bool colour_;
  std::map<std::string, std::int64_t> shown_;  // by uid: the last sequence
};

StatusOr<std::vector<v1::Incident>> Decode(const std::vector<Json>& items) {
  std::vector<v1::Incident> incidents;
  for (const Json& item : items) {
    SALVE_ASSIGN_OR_RETURN(v1::Incident incident, apis::Decode<v1::Incident>(item));
    incidents.push_back(std::move(incident));
  }
  return incidents;
}

// Whether the server may answer again later.
bool Passes(const Status& status) {
  return status.code() == Code::kUnavailable || status.code() == Code::kAborted ||
         status.code() == Code::kExpired || status.code() == Code::kDeadlineExceeded ||
         status.code() == Code::kTooManyRequests || status.code() == Code::kInternal;
}

// Prints what a watch brings until it ends; Ok or a passing error means: list and watch again.
// kCancelled: nobody reads any more, or `one` is followed and it is over.
Status Follow(cli::Session& session, const client::WatchOptions& options, bool one,
              Printer& printer) {
  SALVE_ASSIGN_OR_RETURN(const auto stream, session.client().Watch(v1::Incident::kInfo, options));
  for (;;) {
    SALVE_ASSIGN_OR_RETURN(const auto event, stream->Next(MonoTime::max()));
    if (!event) return Status::Ok();
    if (event->type == client::WatchEvent::Type::kBookmark) continue;
    SALVE_ASSIGN_OR_RETURN(const v1::Incident incident, apis::Decode<v1::Incident>(event->object));
    if (!printer.Show({incident})) return CancelledError("nobody reads");
    const bool deleted = event->type == client::WatchEvent::Type::kDeleted;
    if (deleted) printer.Forget(incident.metadata.uid);
    if (one && (deleted || !cli::IsOpen(incident))) return CancelledError("it is over");
  }
}

int FromServer(const TimelineOptions& options, Printer& printer) {
  auto session = cli::Session::Open(options.client);
  if (!session.ok()) return cli::Fail("timeline", session.status());
  client::ListOptions list;
  list.ns = options.all_namespaces ? "" : (*session)->ns();
  const bool one = !options.incident.empty();
  if (one) {
    const auto name = (*session)->Locate(options.incident, "Incident");
    if (!name.ok()) return cli::FailUsage("timeline", name.status());
    list.ns = name->ns;
    list.field_selector = "metadata.name=" + name->name;
  }
  bool connected = false;
  auto pause = kFirstPause;
  for (;;) {
    Status status;
    const auto now = (*session)->client().List(v1::Incident::kInfo, list);
    if (now.ok()) {
      const auto incidents = Decode(now->items);
      if (!incidents.ok()) return cli::Fail("timeline", incidents.status());
      if (one && incidents->empty() && !connected) {
        return cli::Fail("timeline",
                         NotFoundError("incident \"" + options.incident + "\" is not there"));
      }
      if (!printer.Show(*incidents) || !options.follow) return kExitOk;
      // Nothing more comes of an incident that is over.
      if (one && (incidents->empty() || !cli::IsOpen(incidents->front()))) return kExitOk;
      connected = true;
      const MonoTime begun = SystemClock().Monotonic();
      status = Follow(**session, {list.ns, "", list.field_selector, now->resource_version}, one,
                      printer);
      if (status.code() == Code::kCancelled) return kExitOk;
      if (SystemClock().Monotonic() - begun > kLongestPause) pause = kFirstPause;
    } else {
      status = now.status();
    }
    if (!status.ok() && (!connected || !Passes(status))) return cli::Fail("timeline", status);
    cli::WaitUntil(SystemClock(), SystemClock().Monotonic() + pause);
    pause = std::min(pause * 2, kLongestPause);
  }
}

int Timeline(const TimelineOptions& options) {
  Printer printer(options.output == "json");
  if (options.file.empty()) return FromServer(options, printer);
  std::vector<Status> errors;
  std::vector<Json> items;
  for (cli::InputObject& input : cli::ReadObjects(options.file, errors)) {
    if (cli::TextAt(input.value, {"kind"}) == "Incident") items.push_back(std::move(input.value));
  }
  if (!errors.empty()) return cli::Fail("timeline", errors.front());
  const auto incidents = Decode(items);
  if (!incidents.ok()) return cli::Fail("timeline", incidents.status());
  printer.Show(*incidents);
  return kExitOk;
}

}  // namespace

void AddTimeline(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<TimelineOptions>();
  cli::Command command(app, "timeline", "Print what happened, oldest first",
                       "salve timeline -f\n  salve timeline redis-1 -o json");
  command.Option("incident", options->incident, "Only this incident");
  command.Flag(
      "-f,--follow", options->follow,
      "Go on with what happens now, of one incident until it is over; reconnects by itself");
  command.Option("--filename", options->file, "Saved incidents, - for stdin: no cluster is asked");
  command.Option("-o,--output", options->output, "json: one object a line").OneOf({"json"});
  command.Flag("-A,--all-namespaces", options->all_namespaces, "In all namespaces");
  Declare(command, options->client);
  command.Run(exit_code, [options] { return Timeline(*options); });
}

}  // namespace salve::commands
