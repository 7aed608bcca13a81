// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_DOTENV_H_
#define SALVE_CONTROLLER_RUNTIME_DOTENV_H_

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "pkg/base/status.h"

namespace salve::runtime {

inline constexpr std::size_t kMaxVariables = 1000;
inline constexpr std::size_t kMaxVariableBytes = 64u << 10;  // of one value

// What an environment variable can be called: letters, digits and _, at most 255.
bool IsVariableName(std::string_view name);

// The variables of a .env file. A line is empty, a comment, or
//   NAME=value        to the end of the line or a " #", without spaces around it
//   NAME='value'      as it stands
//   NAME="value"      with \n \r \t \" \\ \$
// each with or without "export " before it. Nothing is expanded: a $ is a $. kInvalidArgument is
// "FILE:LINE: …" and never shows a value: a line that is none of these, a name that is set twice,
// a value that is too long. Pure.
StatusOr<std::map<std::string, std::string>> ParseDotenv(const std::string& file,
                                                         std::string_view text);

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_DOTENV_H_
