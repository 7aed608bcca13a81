// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_AWS_CONFIG_FILE_H_
#define SALVE_PKG_AWS_CONFIG_FILE_H_

#include <map>
#include <string>
#include <string_view>

#include "pkg/aws/platform.h"
#include "pkg/base/status.h"

// AWS's shared files: ~/.aws/config and ~/.aws/credentials.
namespace salve::aws {

// Settings by lower-case name. Holds secrets: never printed.
using Section = std::map<std::string, std::string>;
// By what stands between the brackets, white space made single.
using Sections = std::map<std::string, Section>;

// kInvalidArgument, as "line <n> of <path> is …" without the line's text, for a line that is no
// section, setting or comment. Nested settings (indented lines below an empty one) are left out; a
// value that goes on in indented lines is too.
StatusOr<Sections> ParseConfigFile(const std::string& path, std::string_view text);

struct SharedConfig {
  Sections profiles;      // both files; a setting of the credentials file wins
  Sections sso_sessions;  // [sso-session NAME]
  std::string where;      // the two paths, for messages
};

// Reads $AWS_CONFIG_FILE or ~/.aws/config, and $AWS_SHARED_CREDENTIALS_FILE or ~/.aws/credentials,
// of at most 1 MiB each. A file that is not there is an empty one.
StatusOr<SharedConfig> LoadSharedConfig(const Platform& platform);

// $AWS_PROFILE, else $AWS_DEFAULT_PROFILE, else "default".
std::string DefaultProfile(const Environment& env);

// A setting, or "".
std::string Setting(const Section& section, const std::string& name);

}  // namespace salve::aws

#endif  // SALVE_PKG_AWS_CONFIG_FILE_H_
