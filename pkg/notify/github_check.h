// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_NOTIFY_GITHUB_CHECK_H_
#define SALVE_PKG_NOTIFY_GITHUB_CHECK_H_

#include <string>

#include "pkg/notify/github_api.h"

namespace salve::notify {

// Says what the sink would do in its repository and whether it may, without making anything there.
// A right that GitHub does not show before it is used (of a fine-grained token) is not known.
StatusOr<std::string> CheckGithubAccess(GithubApi& api,
                                        const apis::config::v1alpha1::GithubSink& configuration,
                                        const SendContext& context);

}  // namespace salve::notify

#endif  // SALVE_PKG_NOTIFY_GITHUB_CHECK_H_
