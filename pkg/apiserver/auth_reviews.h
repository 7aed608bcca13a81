// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_AUTH_REVIEWS_H_
#define SALVE_PKG_APISERVER_AUTH_REVIEWS_H_

#include <string>

#include "pkg/apiserver/auth.h"
#include "pkg/apiserver/status_body.h"

namespace salve::apiserver {

// "selfsubjectreviews", "selfsubjectaccessreviews", "selfsubjectrulesreviews": who am I, may I,
// what may I. Not stored.
bool IsReview(const std::string& group, const std::string& plural);

// The answer (201) to a review that was posted. Pure.
ApiResult<Json> AnswerReview(const std::string& plural, const Json& review,
                             const Identity& identity);

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_AUTH_REVIEWS_H_
