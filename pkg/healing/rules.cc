// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/rules.h"

#include <algorithm>

#include "pkg/base/pattern.h"
#include "pkg/base/time_format.h"
#include "pkg/healing/signals.h"

namespace salve::healing {
namespace {

// What a clause adds to a rule's specificity: text says more than a figure, a figure more than a
// state.
constexpr int kText = 3;
constexpr int kFigure = 2;
constexpr int kState = 1;
constexpr int kOverriding = 100;

// How far back the target's own log speaks of now.
constexpr std::size_t kFreshLogLines = 50;
constexpr std::size_t kRecentLogLines = 20;

constexpr std::size_t kMaxCandidates = 10;
constexpr std::size_t kMaxQuotes = 5;
constexpr std::size_t kMaxQuoteBytes = 300;

bool Contains(const std::vector<std::string>& lines, const std::vector<std::string>& needles,
              std::string* quote) {
  // Newest first: the quoted line should be the latest.
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    for (const std::string& needle : needles) {
      if (line->find(needle) == std::string::npos) continue;
      if (quote != nullptr) *quote = *line;
      return true;
    }
  }
  return false;
}

std::vector<std::string> Newest(const std::vector<std::string>& lines, std::size_t count) {
  const std::size_t skip = lines.size() > count ? lines.size() - count : 0;
  return {lines.begin() + static_cast<std::ptrdiff_t>(skip), lines.end()};
}

std::size_t RecentHits(const PackCondition& condition, const Evidence& evidence,
                       std::string* quote) {
  std::size_t hits = 0;
  for (const std::string& line : Newest(evidence.log_lines, kRecentLogLines)) {
    if (Contains({line}, condition.recent_log_lines, quote)) ++hits;
  }
  return hits;
}

bool LinesMatch(const PackCondition& condition, const Evidence& evidence, std::string* quote) {
  if (!condition.recent_log_lines.empty() &&
      RecentHits(condition, evidence, quote) < condition.recent_log_hits) {
    return false;
  }
  if (condition.lines.empty()) return true;
  if (Contains(MeasuredLines(evidence), condition.lines, quote)) return true;
  return condition.in_logs &&
         Contains(Newest(evidence.log_lines, kFreshLogLines), condition.lines, quote);
}

std::optional<double> Quotient(const PackCondition::Ratio& ratio, const Evidence& evidence) {
  const auto numerator = FindMetric(evidence, ratio.numerator);
  const auto denominator = FindMetric(evidence, ratio.denominator);
  if (!numerator || !denominator || *denominator <= 0) return std::nullopt;
  return *numerator / *denominator;
}

bool AnyProbeUnhealthy(const Evidence& evidence) {
  const auto& all = evidence.health.indicators;
  return std::any_of(all.begin(), all.end(), [](const IndicatorState& i) {
    return i.name != kContainerIndicator && i.source != kSourceFile &&
           i.state == HealthState::kUnhealthy;
  });
}

bool OnlyUnmeasured(const Evidence& evidence) {
  bool unknown = false;
  for (const IndicatorState& indicator : evidence.health.indicators) {
    if (indicator.state == HealthState::kUnhealthy) return false;
    unknown = unknown || indicator.state == HealthState::kUnknown;
  }
  return unknown;
}

bool FilesChanged(const Evidence& evidence) {
  const auto& all = evidence.health.indicators;
  return std::any_of(all.begin(), all.end(), [](const IndicatorState& i) {
    return i.source == kSourceFile && i.state == HealthState::kUnhealthy;
  });
}

const DependencyState* DownDependency(const Evidence& evidence) {
  for (const DependencyState& dependency : evidence.dependencies) {
    const bool down =
        dependency.found && (dependency.state == HealthState::kUnhealthy ||
                             dependency.state == HealthState::kMissing || dependency.asleep);
    if (down || !dependency.open_incident.empty()) return &dependency;
  }
  return nullptr;
}

bool StateMatches(const PackCondition& condition, const Evidence& evidence) {
  if (!condition.system.empty() && !evidence.systems.count(condition.system)) return false;
  const auto has = [&](const std::string& name) { return HasCondition(evidence, name); };
  const auto& any = condition.conditions_any;
  const auto& all = condition.conditions_all;
  const auto& none = condition.conditions_none;
  if (!any.empty() && std::none_of(any.begin(), any.end(), has)) return false;
  if (!std::all_of(all.begin(), all.end(), has)) return false;
  if (std::any_of(none.begin(), none.end(), has)) return false;
  if (condition.running &&
      (!evidence.observation || evidence.observation->running != *condition.running)) {
    return false;
  }
  if (condition.probe_unhealthy && !AnyProbeUnhealthy(evidence)) return false;
  if (condition.unmeasurable && !OnlyUnmeasured(evidence)) return false;
  if (condition.files_changed && !FilesChanged(evidence)) return false;
  return !condition.dependency_down || DownDependency(evidence) != nullptr;
}

bool FiguresMatch(const PackCondition& condition, const Evidence& evidence) {
  const auto exit_code = evidence.observation ? evidence.observation->exit_code : std::nullopt;
  const auto among = [&](const std::vector<std::int64_t>& codes) {
    return exit_code && std::find(codes.begin(), codes.end(), *exit_code) != codes.end();
  };
  if (!condition.exit_codes.empty() && !among(condition.exit_codes)) return false;
  if (among(condition.exit_codes_none)) return false;
  if (condition.ratio) {
    const auto value = Quotient(*condition.ratio, evidence);
    if (!value || *value < condition.ratio->at_least) return false;
  }
  if (condition.unless_below) {
    const auto value = Quotient(*condition.unless_below, evidence);
    if (value && *value < condition.unless_below->at_least) return false;
  }
  if (!condition.metric_positive.empty()) {
    const auto value = FindMetric(evidence, condition.metric_positive);
    if (!value || *value <= 0) return false;
  }
  return true;
}

// A rule of either kind that holds, made comparable.
struct Match {
  const PackRule* pack = nullptr;
  const v1::DiagnosisRule* own = nullptr;
  int specificity = 0;
  double confidence = 0;
  std::string name;
  std::string cause;
  std::string step;
  std::string verdict;
};

bool Better(const Match& a, const Match& b) {
  if (a.specificity != b.specificity) return a.specificity > b.specificity;
  if (a.confidence != b.confidence) return a.confidence > b.confidence;
  if ((a.pack != nullptr) != (b.pack != nullptr)) return a.pack != nullptr;
  return a.name < b.name;
}

// The step of the ladder that this rule wants: the first group of actions that has one, in ladder
// order.
std::string PickStep(const PackRule& rule, const std::vector<v1::Step>& ladder) {
  for (const std::vector<std::string>& group : rule.actions) {
    for (const v1::Step& step : ladder) {
      if (!step.action) continue;
      const std::string name = v1::ActionName(*step.action);
      if (std::find(group.begin(), group.end(), name) != group.end()) return step.name;
    }
  }
  return "";
}

std::vector<Match> AllMatches(const v1::HealingPolicySpec& policy, const Evidence& evidence) {
  std::vector<Match> out;
  if (policy.diagnosis.builtin_packs) {
    for (const Pack& pack : BuiltinPacks()) {
      for (const PackRule& rule : pack.rules) {
        if (!Matches(rule.when, evidence)) continue;
        Match match;
        match.pack = &rule;
        match.specificity = Specificity(rule);
        match.confidence = rule.confidence;
        match.name = rule.name;
        match.cause = rule.cause;
        match.verdict = rule.verdict;
        if (rule.verdict.empty()) {
          // The step of a policy without a ladder is named after its rule.
          const bool own_step = UsesPackLadder(policy) && rule.default_action.has_value();
          match.step = own_step ? rule.name : PickStep(rule, policy.ladder);
          if (match.step.empty()) match.verdict = kVerdictEscalate;
        }
        out.push_back(std::move(match));
      }
    }
  }
  for (const v1::DiagnosisRule& rule : policy.diagnosis.rules) {
    if (!Matches(rule.when, evidence)) continue;
    Match match;
    match.own = &rule;
    match.specificity = Specificity(rule.when);
    match.confidence = rule.confidence;
    match.name = rule.name;
    match.cause = rule.cause;
    match.step = rule.step;
    match.verdict = rule.verdict;
    out.push_back(std::move(match));
  }
  std::sort(out.begin(), out.end(), Better);
  return out;
}

std::string WhyNot(const Match& loser, const Match& winner) {
  if (loser.specificity != winner.specificity) {
    return "less specific than " + winner.name;
  }
  if (loser.confidence != winner.confidence) return "less confident than " + winner.name;
  if ((loser.pack != nullptr) != (winner.pack != nullptr)) {
    return "built-in rules come before the policy's";
  }
  return "same rank; " + winner.name + " comes first by name";
}

// The lines that the winner rests on, shortened; also what the target's indicators say.
std::vector<std::string> QuotesFor(const Match& winner, const Evidence& evidence) {
  std::vector<std::string> out;
  std::string quote;
  if (winner.pack != nullptr && LinesMatch(winner.pack->when, evidence, &quote) && !quote.empty()) {
    out.push_back(SanitizeLine(quote, kMaxQuoteBytes));
  }
  if (winner.own != nullptr && !winner.own->when.logs.empty()) {
    const auto pattern = Pattern::Compile(winner.own->when.logs);
    std::vector<std::string> lines = evidence.log_lines;
    for (std::string& line : MeasuredLines(evidence)) lines.push_back(std::move(line));
    for (auto line = lines.rbegin(); pattern.ok() && line != lines.rend(); ++line) {
      if (!pattern->Matches(*line)) continue;
      out.push_back(SanitizeLine(*line, kMaxQuoteBytes));
      break;
    }
  }
  for (const IndicatorState& indicator : evidence.health.indicators) {
    if (out.size() >= kMaxQuotes) break;
    if (indicator.state == HealthState::kHealthy) continue;
    out.push_back(SanitizeLine(indicator.name + " is " + HealthStateName(indicator.state) +
                                   (indicator.message.empty() ? "" : ": " + indicator.message),
                               kMaxQuoteBytes));
  }
  return out;
}

std::string Sentence(const Match& winner, const Evidence& evidence,
                     const std::vector<std::string>& quotes) {
  std::string out = evidence.target.name + ": ";
  out += winner.pack != nullptr ? winner.pack->sentence
                                : "rule \"" + winner.name + "\" says " + winner.cause;
  if (winner.pack != nullptr && winner.pack->when.dependency_down) {
    if (const DependencyState* down = DownDependency(evidence)) {
      out += " (policy " + down->policy + " is " +
             (down->asleep ? SanitizeLine(down->message, kMaxQuoteBytes)
                           : HealthStateName(down->state)) +
             ")";
    }
  }
  if (!quotes.empty()) out += " (evidence: \"" + quotes.front() + "\")";
  if (winner.verdict == kVerdictEscalate && winner.pack != nullptr &&
      winner.pack->verdict.empty()) {
    out += "; no step of the ladder fits, so a person must look";
  }
  return out;
}

v1::DiagnosisStatus Unknown(const Evidence& evidence) {
  v1::DiagnosisStatus out;
  out.cause = "Unknown";
  out.object = evidence.target.name;
  out.verdict = kVerdictEscalate;
  out.message = evidence.target.name + ": no rule knows this picture; a person must look";
  out.at = FormatMicroTime(evidence.at);
  return out;
}

// A hold that lasts longer than its rule allows becomes a matter for a person.
void EscalateOverdueHold(const Match& winner, const Evidence& evidence,
                         v1::DiagnosisStatus& diagnosis) {
  if (winner.pack == nullptr || winner.verdict != kVerdictDoNothing) return;
  const std::int64_t limit = winner.pack->escalate_after_seconds;
  if (limit <= 0 || evidence.at - evidence.onset < std::chrono::seconds(limit)) return;
  diagnosis.verdict = kVerdictEscalate;
  diagnosis.message += "; this has lasted longer than " +
                       HumanDuration(std::chrono::seconds(limit)) + ", so a person must look";
}

}  // namespace

bool Matches(const PackCondition& condition, const Evidence& evidence) {
  return StateMatches(condition, evidence) && FiguresMatch(condition, evidence) &&
         LinesMatch(condition, evidence, nullptr);
}

bool Matches(const v1::RuleCondition& condition, const Evidence& evidence) {
  if (!condition.logs.empty()) {
    const auto pattern = Pattern::Compile(condition.logs);
    if (!pattern.ok()) return false;
    const auto hit = [&](const std::string& line) { return pattern->Matches(line); };
    const std::vector<std::string> measured = MeasuredLines(evidence);
    if (std::none_of(measured.begin(), measured.end(), hit) &&
        std::none_of(evidence.log_lines.begin(), evidence.log_lines.end(), hit)) {
      return false;
    }
  }
  if (!condition.probe.empty()) {
    const auto& all = evidence.health.indicators;
    const bool ill = std::any_of(all.begin(), all.end(), [&](const IndicatorState& i) {
      return i.name == condition.probe && i.state == HealthState::kUnhealthy;
    });
    if (!ill) return false;
  }
  PackCondition rest;
  rest.conditions_any = condition.conditions;
  rest.exit_codes = condition.exit_codes;
  if (!Matches(rest, evidence)) return false;
  if (condition.metric.empty()) return true;
  const auto value = FindMetric(evidence, condition.metric);
  if (!value) return false;
  if (condition.above && *value <= static_cast<double>(*condition.above)) return false;
  return !condition.below || *value < static_cast<double>(*condition.below);
}

int Specificity(const PackRule& rule) {
  const PackCondition& when = rule.when;
  int out = rule.overriding ? kOverriding : 0;
  if (!when.lines.empty() || !when.recent_log_lines.empty()) out += kText;
  if (!when.exit_codes.empty()) out += kFigure;
  if (when.ratio) out += kFigure;
  if (!when.metric_positive.empty()) out += kFigure;
  if (!when.conditions_any.empty() || !when.conditions_all.empty()) out += kState;
  if (when.probe_unhealthy || when.unmeasurable || when.files_changed) out += kState;
  return out;
}

int Specificity(const v1::RuleCondition& condition) {
  int out = 0;
  if (!condition.logs.empty()) out += kText;
  if (!condition.exit_codes.empty()) out += kFigure;
  if (!condition.metric.empty()) out += kFigure;
  if (!condition.conditions.empty()) out += kState;
  if (!condition.probe.empty()) out += kState;
  return out;
}

v1::DiagnosisStatus Diagnose(const v1::HealingPolicySpec& policy, const Evidence& evidence) {
  const std::vector<Match> matches = AllMatches(policy, evidence);
  if (matches.empty()) return Unknown(evidence);
  const Match& winner = matches.front();
  v1::DiagnosisStatus out;
  out.rule = winner.name;
  out.cause = winner.cause;
  out.object = evidence.target.name;
  if (winner.pack != nullptr && winner.pack->when.dependency_down) {
    if (const DependencyState* down = DownDependency(evidence)) out.object = down->policy;
  }
  out.confidence = winner.confidence;
  out.step = winner.step;
  out.verdict = winner.verdict;
  out.evidence = QuotesFor(winner, evidence);
  out.message = Sentence(winner, evidence, out.evidence);
  out.at = FormatMicroTime(evidence.at);
  EscalateOverdueHold(winner, evidence, out);
  for (std::size_t i = 1; i < matches.size() && out.others.size() < kMaxCandidates; ++i) {
    const Match& loser = matches[i];
    out.others.push_back({loser.name, loser.cause, loser.confidence, loser.step, loser.verdict,
                          WhyNot(loser, winner)});
  }
  return out;
}

}  // namespace salve::healing
