// SPDX-License-Identifier: Apache-2.0
#include "pkg/apis/codec_impl.h"
#include "pkg/apis/salve/v1alpha1/tables.h"
#include "pkg/apis/schema_builder.h"

namespace salve::apis {

using namespace salve::v1alpha1;  // NOLINT(google-build-using-namespace): the tables are about it

const meta::v1::ResourceInfo HealingGuardrail::kInfo{kGroup, kVersion, "healingguardrails",
                                                     "HealingGuardrail", false};

namespace {

const std::vector<std::string>& RiskLevels() {
  static const std::vector<std::string> levels = {kRiskLow, kRiskMedium, kRiskHigh, kRiskCritical};
  return levels;
}

template <auto P>
FieldBuilder Approvals(const char* level) {
  return F<P>(level, std::string("People who must approve an action of risk ") + level + ".")
      .Range(0, 10);
}

}  // namespace

SALVE_APIS_TABLE(RiskApprovals,
                 Describe("RiskApprovals", {
                                               Approvals<&RiskApprovals::low>("low"),
                                               Approvals<&RiskApprovals::medium>("medium"),
                                               Approvals<&RiskApprovals::high>("high"),
                                               Approvals<&RiskApprovals::critical>("critical"),
                                           }));

SALVE_APIS_TABLE(
    ExecAllowlist,
    Describe(
        "ExecAllowlist",
        {
            F<&ExecAllowlist::allow>(
                "allow",
                "Each entry is an argv of the same length; an element between slashes is a regular "
                "expression (RE2) for the whole argument, every other one is taken literally.")
                .MaxItems(100)
                .Item({.min_items = 1, .max_items = 64})
                .Item({.max_length = 1024}),
        }));

SALVE_APIS_TABLE(
    ProbeLimits,
    Describe("ProbeLimits",
             {
                 F<&ProbeLimits::allowed_cidrs>(
                     "allowedCIDRs",
                     "Probes may only connect to these networks. Empty: no further limit.")
                     .MaxItems(100)
                     .Item({.min_length = 3, .max_length = 49}),
             }));

SALVE_APIS_TABLE(
    HealingGuardrailSpec,
    Describe(
        "HealingGuardrailSpec",
        {
            F<&HealingGuardrailSpec::namespace_selector>(
                "namespaceSelector",
                "The namespaces, by their labels, whose policies are limited. Empty: all of them."),
            F<&HealingGuardrailSpec::paused>("paused",
                                             "Nothing is done in the selected namespaces."),
            F<&HealingGuardrailSpec::max_mode>("maxMode",
                                               "Policies act as if their mode was at most this.")
                .Enum({"Observe", "DryRun", "Approve", "Auto"}),
            F<&HealingGuardrailSpec::max_risk>("maxRisk", "An action of higher risk is never done.")
                .Enum(RiskLevels()),
            F<&HealingGuardrailSpec::max_auto_risk>("maxAutoRisk",
                                                    "An action of higher risk waits for a human.")
                .Enum(RiskLevels()),
            F<&HealingGuardrailSpec::min_confidence>(
                "minConfidence", "A diagnosis less sure than this is left to a human.")
                .Range(0, 1),
            F<&HealingGuardrailSpec::min_approvals>("minApprovals",
                                                    "People who must approve, by risk."),
            F<&HealingGuardrailSpec::allowed_actions>("allowedActions",
                                                      "Only these actions are done. Empty: all.")
                .MaxItems(32)
                .Item({.enums = ActionNames()}),
            F<&HealingGuardrailSpec::protected_targets>(
                "protectedTargets",
                "Targets that are never acted on, as backend/name; * stands for anything.")
                .MaxItems(200)
                .Item({.min_length = 3,
                       .max_length = 576,
                       .pattern = std::make_shared<const LazyPattern>("^[^/\\s]+/\\S+$")}),
            F<&HealingGuardrailSpec::exec>("exec", "What exec actions and probes may run."),
            F<&HealingGuardrailSpec::probes>("probes", "Where probes may connect to."),
            F<&HealingGuardrailSpec::max_actions>(
                "maxActions", "Budget of actions over everything that this guardrail selects."),
            F<&HealingGuardrailSpec::windows>("windows",
                                              "Times in which acting is allowed or denied.")
                .MaxItems(20),
            F<&HealingGuardrailSpec::breaker>("breaker",
                                              "The tighter of this and the policy's counts."),
        }));

SALVE_APIS_TABLE(
    GuardrailSpend,
    Describe(
        "GuardrailSpend",
        {
            F<&GuardrailSpend::policy>("policy", "Namespace and name of the policy.")
                .Required()
                .MaxLength(512),
            F<&GuardrailSpend::attempt_id>("attemptId", "The attempt.").Required().MaxLength(253),
            F<&GuardrailSpend::at>("at", "When it was taken from the budget.").DateTime(),
        }));

SALVE_APIS_TABLE(
    HealingGuardrailStatus,
    Describe("HealingGuardrailStatus",
             {
                 F<&HealingGuardrailStatus::observed_generation>(
                     "observedGeneration", "The generation that this status is about."),
                 F<&HealingGuardrailStatus::conditions>("conditions", "Ready.")
                     .MaxItems(32)
                     .MapKeys({"type"}),
                 F<&HealingGuardrailStatus::policies_selected>("policiesSelected",
                                                               "Policies that it limits.")
                     .KeepZero(),
                 F<&HealingGuardrailStatus::actions>("actions",
                                                     "What is spent of maxActions, newest last.")
                     .MaxItems(2000),
                 F<&HealingGuardrailStatus::last_blocked>("lastBlocked",
                                                          "What it last kept from being done.")
                     .Text(4096),
                 F<&HealingGuardrailStatus::last_blocked_at>("lastBlockedAt", "When.").DateTime(),
             }));

SALVE_APIS_TABLE(HealingGuardrail,
                 Describe("HealingGuardrail",
                          {
                              F<&HealingGuardrail::metadata>("metadata",
                                                             "Name, labels and the like."),
                              F<&HealingGuardrail::spec>("spec", "The limits.").Required(),
                              F<&HealingGuardrail::status>("status", "What they did."),
                          })
                     .Kind(HealingGuardrail::kInfo));

}  // namespace salve::apis
