// SPDX-License-Identifier: Apache-2.0
#include "pkg/apis/kinds.h"

#include <utility>

#include "pkg/apis/openapi.h"
#include "pkg/apis/salve/v1alpha1/tables.h"
#include "pkg/apis/yaml/yaml.h"

namespace salve::apis {
namespace {

PrinterColumn Age() {
  return {"Age", "date", ".metadata.creationTimestamp", "Time since it was created."};
}

Kind HealingPolicyKind() {
  return {&SchemaOf<salve::v1alpha1::HealingPolicy>(),
          "HealingPolicy says what to watch, how to find the cause of a failure, what may be done "
          "about it, and "
          "within which limits.",
          "healingpolicy",
          {"healpol"},
          true,
          {
              {"Mode", "string", ".spec.mode", "Observe, DryRun, Approve or Auto."},
              {"Health", "string", ".status.health", "Healthy targets of all."},
              {"Ready", "string", ".status.conditions[?(@.type==\"Ready\")].status",
               "Whether the policy can do its work."},
              {"Open", "integer", ".status.openIncidentCount", "Unresolved incidents."},
              {"Budget", "integer", ".status.budget.remaining", "Actions that may still be taken."},
              Age(),
              {"Unhealthy", "integer", ".status.targetsUnhealthy", "Unhealthy targets.", 1},
              {"Next-Free", "string", ".status.budget.nextFreeAt",
               "When a spent action comes back.", 1},
              {"Next-Schedule", "string", ".status.nextSchedule",
               "The next time that a schedule comes due.", 1},
              {"Message", "string", ".status.conditions[?(@.type==\"Ready\")].message",
               "What Ready says.", 1},
          },
          {".spec.mode"}};
}

Kind IncidentKind() {
  return {&SchemaOf<salve::v1alpha1::Incident>(),
          "Incident is one failure of one target, from its detection to its end. Salve makes them; "
          "a human may "
          "make one to ask for healing now, which goes through the same gates.",
          "incident",
          {"inc"},
          true,
          {
              {"Policy", "string", ".spec.policyRef.name", "The policy that rules it."},
              {"Target", "string", ".spec.target.name", "What is ill."},
              {"Phase", "string", ".status.phase", "How far it is."},
              {"Cause", "string", ".status.diagnosis.cause", "Why it is ill."},
              {"Step", "string", ".status.proposal.step", "What is done about it."},
              {"Outcome", "string", ".status.outcome", "How it ended."},
              Age(),
              {"Severity", "string", ".spec.severity", "How bad it is.", 1},
              {"Risk", "string", ".status.proposal.risk.level", "Risk of the proposed step.", 1},
              {"Seen", "integer", ".status.occurrences", "Signals absorbed.", 1},
              {"Summary", "string", ".status.summary", "What happened, what it waits for.", 1},
          },
          {".spec.policyRef.name", ".spec.target.name", ".spec.severity", ".spec.fingerprint",
           ".status.phase", ".status.outcome"}};
}

Kind IncidentApprovalKind() {
  return {&SchemaOf<salve::v1alpha1::IncidentApproval>(),
          "IncidentApproval is one person's decision about one exact proposal. It can only be "
          "created, and "
          "only by someone who holds the verb approve on the policy.",
          "incidentapproval",
          {"iapp"},
          false,
          {
              {"Incident", "string", ".spec.incidentName", "The incident."},
              {"Decision", "string", ".spec.decision", "Approve or Reject."},
              {"Approver", "string", ".spec.approver", "Who decided."},
              Age(),
              {"Policy", "string", ".spec.policyName", "The incident's policy.", 1},
              {"Digest", "string", ".spec.proposalDigest", "The proposal that was decided on.", 1},
              {"Reason", "string", ".spec.reason", "Why.", 1},
          },
          {".spec.incidentName", ".spec.incidentUID", ".spec.policyName", ".spec.decision",
           ".spec.approver"}};
}

Kind HealingGuardrailKind() {
  return {
      &SchemaOf<salve::v1alpha1::HealingGuardrail>(),
      "HealingGuardrail limits the policies of the namespaces that it selects. All that select a "
      "namespace apply, the tightest wins; a policy can only be tighter.",
      "healingguardrail",
      {"hguard"},
      true,
      {
          {"Paused", "boolean", ".spec.paused", "Nothing is done."},
          {"Max-Mode", "string", ".spec.maxMode", "Highest mode."},
          {"Max-Auto-Risk", "string", ".spec.maxAutoRisk", "Highest risk without a human."},
          {"Policies", "integer", ".status.policiesSelected", "Policies that it limits."},
          Age(),
          {"Max-Risk", "string", ".spec.maxRisk", "Highest risk at all.", 1},
          {"Last-Blocked", "string", ".status.lastBlocked", "What it last kept from being done.",
           1},
      },
      {".spec.maxMode"}};
}

Json Columns(const Kind& kind) {
  Json list = Json::array();
  for (const PrinterColumn& column : kind.columns) {
    Json entry = {{"name", column.name},
                  {"type", column.type},
                  {"jsonPath", column.json_path},
                  {"description", column.description}};
    if (column.priority != 0) entry["priority"] = column.priority;
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace

const std::vector<Kind>& SalveKinds() {
  static const std::vector<Kind> kinds = {HealingPolicyKind(), IncidentKind(),
                                          IncidentApprovalKind(), HealingGuardrailKind()};
  return kinds;
}

Json CustomResourceDefinition(const Kind& kind) {
  const meta::v1::ResourceInfo& info = *kind.table->info;
  Json schema = OpenApiSchema(*kind.table);
  schema["description"] = kind.description;
  Json version = {{"name", info.version},
                  {"served", true},
                  {"storage", true},
                  {"schema", {{"openAPIV3Schema", std::move(schema)}}},
                  {"additionalPrinterColumns", Columns(kind)}};
  if (kind.has_status) version["subresources"] = {{"status", Json::object()}};
  for (const std::string& path : kind.selectable) {
    version["selectableFields"].push_back({{"jsonPath", path}});
  }
  return {{"apiVersion", "apiextensions.k8s.io/v1"},
          {"kind", "CustomResourceDefinition"},
          {"metadata", {{"name", info.plural + "." + info.group}}},
          {"spec",
           {{"group", info.group},
            {"scope", info.namespaced ? "Namespaced" : "Cluster"},
            {"names",
             {{"kind", info.kind},
              {"listKind", info.kind + "List"},
              {"plural", info.plural},
              {"singular", kind.singular},
              {"shortNames", kind.short_names},
              {"categories", {"healing"}}}},
            {"versions", Json::array({std::move(version)})}}}};
}

std::string CrdFileName(const Kind& kind) {
  return kind.table->info->group + "_" + kind.table->info->plural + ".yaml";
}

std::string CrdFileText(const Kind& kind) {
  return "# SPDX-License-Identifier: Apache-2.0\n"
         "# Made from the field tables of pkg/apis by salve-crdgen (hack/update-crds). Do not "
         "edit.\n" +
         yaml::Emit(CustomResourceDefinition(kind));
}

}  // namespace salve::apis
