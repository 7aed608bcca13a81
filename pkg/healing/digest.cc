// SPDX-License-Identifier: Apache-2.0
#include "pkg/healing/digest.h"

#include <nlohmann/json.hpp>

#include "pkg/apis/codec.h"
#include "pkg/base/hash.h"

namespace salve::healing {
namespace {

using Json = nlohmann::json;

// Text from a backend need not be UTF-8; the digest must exist all the same and differ with every
// byte.
Json Exactly(const std::string& text) { return Json(Sha256Hex(text)); }

}  // namespace

std::string CanonicalAction(const Action& action) {
  return apis::Encode(action).dump(-1, ' ', true, Json::error_handler_t::replace);
}

std::string ProposalDigest(const ActionPlan& plan, const TargetObservation& observation,
                           const metav1::ObjectMeta& policy, const v1::Step& step,
                           const std::string& incident_uid, std::int64_t ordinal) {
  Json json;
  json["version"] = 1;
  json["action"] = Exactly(CanonicalAction(plan.action));
  json["command"] = Exactly(plan.command);
  json["affected"] = Json::array();
  for (const std::string& one : plan.affected) json["affected"].push_back(Exactly(one));
  json["undo"] = plan.undo ? Exactly(CanonicalAction(*plan.undo)) : Json();
  json["undoCommand"] = Exactly(plan.undo_command);
  json["target"] = {Exactly(plan.target.backend), Exactly(plan.target.kind),
                    Exactly(plan.target.ns), Exactly(plan.target.name)};
  json["subject"] = Exactly(plan.subject);
  json["identity"] = Exactly(observation.identity);
  json["configuration"] = Exactly(observation.configuration);
  json["policy"] = {Exactly(policy.uid), policy.generation};
  json["step"] = Exactly(step.name);
  json["incident"] = Exactly(incident_uid);
  json["ordinal"] = ordinal;
  return Sha256Hex(json.dump());
}

}  // namespace salve::healing
