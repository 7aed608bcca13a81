// SPDX-License-Identifier: Apache-2.0
#include "pkg/apis/codec_impl.h"
#include "pkg/apis/core/v1/types.h"
#include "pkg/apis/salve/v1alpha1/tables.h"
#include "pkg/apis/schema_builder.h"

namespace salve::apis {

using core::v1::Namespace;

const meta::v1::ResourceInfo Namespace::kInfo{"", "v1", "namespaces", "Namespace", false};

SALVE_APIS_TABLE(Namespace,
                 Describe("Namespace",
                          {
                              F<&Namespace::metadata>("metadata", "Name, labels and the like."),
                          })
                     .Kind(Namespace::kInfo));

}  // namespace salve::apis
