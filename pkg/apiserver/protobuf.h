// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_PROTOBUF_H_
#define SALVE_PKG_APISERVER_PROTOBUF_H_

#include <string_view>

#include "pkg/apiserver/status_body.h"

namespace salve::apiserver {

// Decodes the protobuf body that kubectl sends for typed writes ("k8s\0", runtime.Unknown, message)
// to the JSON of the object. Knows ConfigMap, Secret, Namespace, SelfSubjectAccessReview,
// SelfSubjectRulesReview, SelfSubjectReview and DeleteOptions; another kind is a 415 and a
// malformed body a 400. Unknown fields are skipped. Nesting is bounded by the known messages;
// memory is bounded by a small multiple of the body. Pure and thread-safe.
ApiResult<Json> DecodeProtobuf(std::string_view body);

}  // namespace salve::apiserver

#endif  // SALVE_PKG_APISERVER_PROTOBUF_H_
