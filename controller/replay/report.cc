// SPDX-License-Identifier: Apache-2.0
#include "controller/replay/report.h"

#include <algorithm>
#include <map>

#include "pkg/base/json_access.h"
#include "pkg/base/time_format.h"

namespace salve::replay {
namespace {

using nlohmann::json;

void Put(json& object, const char* name, const std::string& value) {
  if (!value.empty()) object[name] = value;
}

json GateJson(const healing::Gate& gate) {
  json out = {{"gate", gate.name}, {"reason", gate.reason}, {"message", gate.message}};
  if (gate.until) out["until"] = FormatTime(*gate.until);
  Put(out, "guardrail", gate.guardrail);
  Put(out, "unblockedBy", gate.unblocked_by);
  return out;
}

json DecisionJson(const ReplayDecision& decision) {
  json out = {{"at", FormatMicroTime(decision.at)}, {"decision", KindName(decision.kind)}};
  Put(out, "step", decision.step);
  Put(out, "action", decision.action);
  Put(out, "risk", decision.risk);
  Put(out, "command", decision.command);
  Put(out, "reason", decision.reason);
  Put(out, "message", decision.message);
  Put(out, "outcome", decision.outcome);
  if (decision.approvals > 0) out["approvals"] = decision.approvals;
  for (const healing::Gate& gate : decision.gates) out["gates"].push_back(GateJson(gate));
  return out;
}

json IncidentJson(const ReplayedIncident& incident) {
  json out = {{"policy", incident.policy},           {"target", incident.target},
              {"at", FormatMicroTime(incident.at)},  {"trigger", incident.trigger},
              {"occurrences", incident.occurrences}, {"course", json::array()}};
  Put(out, "message", incident.message);
  Put(out, "rule", incident.rule);
  Put(out, "cause", incident.cause);
  Put(out, "outcome", incident.outcome);
  Put(out, "recordedAs", incident.recorded);
  Put(out, "recordedOutcome", incident.recorded_outcome);
  for (const ReplayDecision& decision : incident.course) {
    out["course"].push_back(DecisionJson(decision));
  }
  return out;
}

// What became of one policy's incidents, in figures.
json PolicyJson(const ReplayedPolicy& policy,
                const std::vector<const ReplayedIncident*>& incidents) {
  std::map<std::string, std::int64_t> blocked;
  std::map<std::string, std::int64_t> outcomes;
  std::int64_t actions = 0;
  std::int64_t approvals = 0;
  std::int64_t escalations = 0;
  for (const ReplayedIncident* incident : incidents) {
    ++outcomes[incident->outcome.empty() ? "Open" : incident->outcome];
    std::map<std::string, bool> by;
    bool asked = false;
    for (const ReplayDecision& decision : incident->course) {
      using Kind = ReplayDecision::Kind;
      actions += decision.kind == Kind::kActs ? 1 : 0;
      escalations += decision.kind == Kind::kEscalates ? 1 : 0;
      asked = asked || decision.kind == Kind::kNeedsApproval;
      if (decision.kind != Kind::kBlocked) continue;
      for (const healing::Gate& gate : decision.gates) by[gate.name] = true;
    }
    approvals += asked ? 1 : 0;
    for (const auto& [gate, _] : by) ++blocked[gate];
  }
  return {{"policy", policy.name},     {"mode", policy.mode},
          {"signals", policy.signals}, {"incidents", incidents.size()},
          {"actions", actions},        {"needApproval", approvals},
          {"blocked", blocked},        {"escalations", escalations},
          {"outcomes", outcomes}};
}

json UnmatchedJson(const UnmatchedRecord& one) {
  json out = {{"what", one.what},
              {"name", one.name},
              {"labels", one.labels},
              {"count", one.count},
              {"first", FormatMicroTime(one.first)},
              {"last", FormatMicroTime(one.last)},
              {"why", one.why}};
  Put(out, "receiver", one.receiver);
  return out;
}

// Sentences carry figures and words that may change without a decision having changed.
json WithoutSentences(json decision) {
  decision.erase("message");
  decision.erase("command");
  if (!decision.contains("gates")) return decision;
  for (json& gate : decision["gates"]) {
    gate.erase("message");
    gate.erase("unblockedBy");
  }
  return decision;
}

const json& ListIn(const json& object, const char* name) {
  static const json kNone = json::array();
  const json* list = Find(object, {name});
  return list != nullptr && list->is_array() ? *list : kNone;
}

using Lines = std::map<std::string, std::vector<std::string>>;

Lines LinesOf(const json& expectation) {
  Lines lines;
  for (const json& incident : ListIn(expectation, "incidents")) {
    const std::string where = GetString(incident, {"policy"}) + " " +
                              GetString(incident, {"target"}) + " " + GetString(incident, {"at"});
    std::vector<std::string>& of = lines[where];
    of.push_back("Matches: " + GetString(incident, {"trigger"}) + ", cause " +
                 GetString(incident, {"cause"}));
    for (const json& decision : ListIn(incident, "course")) {
      of.push_back(GetString(decision, {"at"}) + " " + DecisionLine(decision));
    }
  }
  for (const json& one : ListIn(expectation, "unmatched")) {
    const json* labels = Find(one, {"labels"});
    lines["no policy"].push_back(
        GetString(one, {"what"}) + " " + GetString(one, {"name"}) + " " +
        (labels != nullptr ? labels->dump(-1, ' ', false, json::error_handler_t::replace) : "{}") +
        ", " + std::to_string(GetInt(one, {"count"})) + " times");
  }
  return lines;
}

// Those of `a` that are not in `b`, each as often as it is too much.
std::vector<std::string> Without(const std::vector<std::string>& a, std::vector<std::string> b) {
  std::vector<std::string> out;
  for (const std::string& line : a) {
    const auto it = std::find(b.begin(), b.end(), line);
    if (it == b.end()) {
      out.push_back(line);
    } else {
      b.erase(it);
    }
  }
  return out;
}

std::string GatesLine(const json& decision) {
  std::string out;
  for (const json& gate : ListIn(decision, "gates")) {
    out +=
        (out.empty() ? "" : ", ") + GetString(gate, {"gate"}) + " (" + GetString(gate, {"reason"});
    const std::string until = GetString(gate, {"until"});
    if (!until.empty()) out += " until " + until;
    const std::string guardrail = GetString(gate, {"guardrail"});
    if (!guardrail.empty()) out += ", guardrail " + guardrail;
    out += ")";
  }
  return out;
}

}  // namespace

json ReplayReport(const ReplayResult& result) {
  json out = {{"apiVersion", kReplayVersion},
              {"kind", kReplayKind},
              {"from", FormatMicroTime(result.from)},
              {"to", FormatMicroTime(result.to)},
              {"until", FormatMicroTime(result.until)},
              {"read",
               {{"alerts", result.alerts},
                {"incidents", result.incidents_read},
                {"ofSchedules", result.scheduled},
                {"outsideFromTo", result.outside},
                {"outOfOrder", result.out_of_order},
                {"otherLogLines", result.others}}},
              {"notes", result.notes},
              {"assumptions", ReplayAssumptions()},
              {"policies", json::array()},
              {"incidents", json::array()},
              {"unmatched", json::array()}};
  std::map<std::string, std::vector<const ReplayedIncident*>> by_policy;
  for (const ReplayedIncident& incident : result.incidents) {
    by_policy[incident.policy].push_back(&incident);
    out["incidents"].push_back(IncidentJson(incident));
  }
  for (const ReplayedPolicy& policy : result.policies) {
    out["policies"].push_back(PolicyJson(policy, by_policy[policy.name]));
  }
  for (const UnmatchedRecord& one : result.unmatched) {
    out["unmatched"].push_back(UnmatchedJson(one));
  }
  return out;
}

json ReplayExpectation(const json& report) {
  json out = {{"apiVersion", kReplayVersion},
              {"kind", kReplayExpectationKind},
              {"incidents", json::array()},
              {"unmatched", json::array()}};
  for (const json& incident : ListIn(report, "incidents")) {
    json kept = {{"policy", incident["policy"]},
                 {"target", incident["target"]},
                 {"at", incident["at"]},
                 {"trigger", incident["trigger"]},
                 {"cause", GetString(incident, {"cause"})},
                 {"course", json::array()}};
    for (const json& decision : ListIn(incident, "course")) {
      kept["course"].push_back(WithoutSentences(decision));
    }
    out["incidents"].push_back(std::move(kept));
  }
  for (const json& one : ListIn(report, "unmatched")) {
    out["unmatched"].push_back({{"what", one["what"]},
                                {"name", one["name"]},
                                {"labels", one["labels"]},
                                {"count", one["count"]}});
  }
  return out;
}

std::string DecisionLine(const json& decision) {
  const auto get = [&](const char* name) { return GetString(decision, {name}); };
  const std::string kind = get("decision");
  std::string out = kind + ": ";
  const std::string step = get("step");
  std::string what = step;
  if (!get("risk").empty()) {
    what += " (" + get("action") + ", risk " + get("risk") + ")";
  } else if (!step.empty()) {
    what += " (" + get("action") + ")";
  }
  if (kind == KindName(ReplayDecision::Kind::kCloses)) return out + get("outcome");
  if (kind == KindName(ReplayDecision::Kind::kActs)) return out + what;
  if (kind == KindName(ReplayDecision::Kind::kNeedsApproval)) {
    const std::int64_t count = GetInt(decision, {"approvals"});
    return out + what + " by " + std::to_string(count) + (count == 1 ? " person" : " people");
  }
  if (kind == KindName(ReplayDecision::Kind::kBlocked)) {
    return out + what + (what.empty() ? "" : " by ") + GatesLine(decision);
  }
  if (kind == KindName(ReplayDecision::Kind::kStepFails)) return out + what + " " + get("reason");
  return out + get("reason");
}

StatusOr<std::vector<ReplayDifference>> CompareReplay(const json& expected, const json& report) {
  if (GetString(expected, {"apiVersion"}) != kReplayVersion ||
      GetString(expected, {"kind"}) != kReplayExpectationKind) {
    return InvalidArgumentError(std::string("expected apiVersion ") + kReplayVersion +
                                " and kind " + kReplayExpectationKind +
                                ", as --write-expectation writes them");
  }
  const Lines before = LinesOf(expected);
  const Lines after = LinesOf(ReplayExpectation(report));
  std::map<std::string, ReplayDifference> by_place;
  static const std::vector<std::string> kNothing;
  const auto of = [](const Lines& lines, const std::string& where) -> const auto& {
    const auto it = lines.find(where);
    return it == lines.end() ? kNothing : it->second;
  };
  for (const Lines* lines : {&before, &after}) {
    for (const auto& [where, _] : *lines) {
      by_place[where] = {where, Without(of(before, where), of(after, where)),
                         Without(of(after, where), of(before, where))};
    }
  }
  std::vector<ReplayDifference> out;
  for (auto& [where, difference] : by_place) {
    if (difference.missing.empty() && difference.unexpected.empty()) continue;
    out.push_back(std::move(difference));
  }
  return out;
}

}  // namespace salve::replay
