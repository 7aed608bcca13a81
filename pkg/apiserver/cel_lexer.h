// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APISERVER_CEL_LEXER_H_
#define SALVE_PKG_APISERVER_CEL_LEXER_H_

#include <string>
#include <string_view>
#include <vector>

#include "pkg/apiserver/cel_value.h"

namespace salve::apiserver::cel {

struct Lexeme {
  enum class Kind { kEnd, kIdentifier, kLiteral, kPunctuation };
  Kind kind = Kind::kEnd;
  std::string text;  // an identifier's name, or the punctuation itself ("&&", "[?")
  Value literal;
  std::size_t offset = 0;
};

// Splits an expression; the last lexeme is kEnd. Errors say the offset.
StatusOr<std::vector<Lexeme>> Tokenize(std::string_view text);

}  // namespace salve::apiserver::cel

#endif  // SALVE_PKG_APISERVER_CEL_LEXER_H_
