// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_CLI_MERGE_H_
#define SALVE_CONTROLLER_CLI_MERGE_H_

#include <string>

#include <nlohmann/json.hpp>

namespace salve::cli {

using Json = nlohmann::json;

// Where kubectl keeps what was applied last; the same place, so that the two mix.
inline constexpr char kLastApplied[] = "kubectl.kubernetes.io/last-applied-configuration";

// The JSON merge patch (RFC 7386) that makes of `live` what `wanted` asks for: what `wanted` has
// and `live` has not or has differently, and nulls for what stood in `last` (null: never applied)
// and stands in `wanted` no more. What neither names is left alone. {} = nothing to do. Lists are
// replaced as a whole. Pure.
Json ThreeWayPatch(const Json& last, const Json& wanted, const Json& live);

// `object` with the annotation that holds it (as kubectl: compact JSON and a line break).
Json WithLastApplied(Json object);
// What was applied to `live` last; null where nothing is known.
Json LastApplied(const Json& live);

}  // namespace salve::cli

#endif  // SALVE_CONTROLLER_CLI_MERGE_H_
