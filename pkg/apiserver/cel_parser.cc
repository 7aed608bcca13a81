// SPDX-License-Identifier: Apache-2.0
// Recursive descent over CEL's grammar. Macros become nodes of their own, names are checked here:
// an unknown variable or function is an error of the CRD, not of the object.
#include <algorithm>
#include <map>

#include "pkg/apiserver/cel_ast.h"
#include "pkg/apiserver/cel_functions.h"
#include "pkg/apiserver/cel_lexer.h"
#include "pkg/apiserver/schema_node.h"

namespace salve::apiserver::cel {
namespace {

using NodePtr = std::unique_ptr<Node>;
using Kind = Node::Kind;

constexpr int kMaxNesting = 64;  // parentheses, brackets, calls
constexpr int kMaxDepth = 250;   // of the tree, where a + b + c … is deep too

// Property names that are not identifiers are written escaped: "__dot__", "__namespace__".
std::string UnescapeName(const std::string& name) {
  static const std::map<std::string, std::string> kMarks = {
      {"underscores", "__"}, {"dot", "."}, {"dash", "-"}, {"slash", "/"}};
  static const std::vector<std::string> kWords = {
      "true",     "false",   "null",      "in",       "as",  "break",  "const",
      "continue", "else",    "for",       "function", "if",  "import", "let",
      "loop",     "package", "namespace", "return",   "var", "void",   "while"};
  std::string out;
  std::size_t i = 0;
  while (i < name.size()) {
    const std::size_t end = name.find("__", i + 2);
    if (name.compare(i, 2, "__") == 0 && end != std::string::npos) {
      const std::string word = name.substr(i + 2, end - i - 2);
      if (auto mark = kMarks.find(word); mark != kMarks.end()) {
        out += mark->second;
        i = end + 2;
        continue;
      }
      if (std::find(kWords.begin(), kWords.end(), word) != kWords.end()) {
        out += word;
        i = end + 2;
        continue;
      }
    }
    out += name[i++];
  }
  return out;
}

class Parser {
 public:
  explicit Parser(std::vector<Lexeme> lexemes) : lexemes_(std::move(lexemes)) {}

  StatusOr<NodePtr> Run(bool& uses_old_self);

 private:
  // A failed parse leaves error_ set and returns null; every caller passes null on.
  NodePtr Expression();
  NodePtr Junction(Kind kind);
  NodePtr Relation();
  NodePtr Sum();
  NodePtr Product();
  NodePtr Unary();
  NodePtr Member();
  NodePtr Primary();
  NodePtr ListLiteral();
  NodePtr MapLiteral();
  NodePtr Name();
  NodePtr Select(NodePtr target, bool optional);
  NodePtr Index(NodePtr target, bool optional);
  NodePtr GlobalCall(const std::string& name);
  NodePtr Has();
  NodePtr Method(NodePtr target, const std::string& name);
  NodePtr Macro(Kind kind, NodePtr target);
  NodePtr Call(const std::string& name, bool method, NodePtr target);
  bool Arguments(std::vector<NodePtr>& out);

  const Lexeme& Peek() const { return lexemes_[position_]; }
  bool At(std::string_view word) const {
    return Peek().kind == Lexeme::Kind::kPunctuation && Peek().text == word;
  }
  bool Take(std::string_view word) {
    if (!At(word)) return false;
    ++position_;
    return true;
  }
  bool Expect(std::string_view word) {
    if (Take(word)) return true;
    Fail("expected \"" + std::string(word) + "\"");
    return false;
  }
  NodePtr Fail(const std::string& what) {
    if (error_.empty()) {
      error_ = "CEL expression, offset " + std::to_string(Peek().offset) + ": " + what;
    }
    return nullptr;
  }
  NodePtr Make(Kind kind, NodePtr a = nullptr, NodePtr b = nullptr, NodePtr c = nullptr);
  NodePtr Measured(NodePtr node);
  bool IsBound(const std::string& name) const {
    return std::find(scope_.begin(), scope_.end(), name) != scope_.end();
  }

  std::vector<Lexeme> lexemes_;
  std::size_t position_ = 0;
  int nesting_ = 0;
  std::vector<std::string> scope_ = {"self", "oldSelf"};
  bool uses_old_self_ = false;
  std::string error_;
};

StatusOr<NodePtr> Parser::Run(bool& uses_old_self) {
  NodePtr root = Expression();
  if (root != nullptr && Peek().kind != Lexeme::Kind::kEnd) root = Fail("unexpected text");
  if (root == nullptr) return InvalidArgumentError(error_);
  uses_old_self = uses_old_self_;
  return root;
}

NodePtr Parser::Make(Kind kind, NodePtr a, NodePtr b, NodePtr c) {
  auto node = std::make_unique<Node>();
  node->kind = kind;
  if (a != nullptr) node->args.push_back(std::move(a));
  if (b != nullptr) node->args.push_back(std::move(b));
  if (c != nullptr) node->args.push_back(std::move(c));
  return Measured(std::move(node));
}

NodePtr Parser::Measured(NodePtr node) {
  for (const NodePtr& arg : node->args) node->depth = std::max(node->depth, arg->depth + 1);
  if (node->depth > kMaxDepth) return Fail("is nested too deeply");
  return node;
}

NodePtr Parser::Expression() {
  if (++nesting_ > kMaxNesting) return Fail("is nested too deeply");
  NodePtr node = Junction(Kind::kOr);
  if (node != nullptr && Take("?")) {
    NodePtr yes = Junction(Kind::kOr);
    if (yes == nullptr || !Expect(":")) return nullptr;
    NodePtr no = Expression();
    if (no == nullptr) return nullptr;
    node = Make(Kind::kTernary, std::move(node), std::move(yes), std::move(no));
  }
  --nesting_;
  return node;
}

// a || b || c and a && b && c as one flat node each.
NodePtr Parser::Junction(Kind kind) {
  const std::string_view word = kind == Kind::kOr ? "||" : "&&";
  const auto operand = [&] { return kind == Kind::kOr ? Junction(Kind::kAnd) : Relation(); };
  NodePtr first = operand();
  if (first == nullptr || !At(word)) return first;
  NodePtr node = Make(kind, std::move(first));
  while (node != nullptr && Take(word)) {
    NodePtr next = operand();
    if (next == nullptr) return nullptr;
    node->args.push_back(std::move(next));
    node = Measured(std::move(node));
  }
  return node;
}

NodePtr Parser::Relation() {
  static const std::map<std::string_view, Kind> kWords = {
      {"<", Kind::kLess},    {"<=", Kind::kLessEqual},
      {">", Kind::kGreater}, {">=", Kind::kGreaterEqual},
      {"==", Kind::kEqual},  {"!=", Kind::kNotEqual},
      {"in", Kind::kIn}};
  NodePtr node = Sum();
  while (node != nullptr && Peek().kind == Lexeme::Kind::kPunctuation) {
    auto word = kWords.find(Peek().text);
    if (word == kWords.end()) break;
    ++position_;
    NodePtr right = Sum();
    if (right == nullptr) return nullptr;
    node = Make(word->second, std::move(node), std::move(right));
  }
  return node;
}

NodePtr Parser::Sum() {
  NodePtr node = Product();
  while (node != nullptr && (At("+") || At("-"))) {
    const Kind kind = At("+") ? Kind::kAdd : Kind::kSubtract;
    ++position_;
    NodePtr right = Product();
    if (right == nullptr) return nullptr;
    node = Make(kind, std::move(node), std::move(right));
  }
  return node;
}

NodePtr Parser::Product() {
  NodePtr node = Unary();
  while (node != nullptr && (At("*") || At("/") || At("%"))) {
    const Kind kind = At("*") ? Kind::kMultiply : (At("/") ? Kind::kDivide : Kind::kModulo);
    ++position_;
    NodePtr right = Unary();
    if (right == nullptr) return nullptr;
    node = Make(kind, std::move(node), std::move(right));
  }
  return node;
}

NodePtr Parser::Unary() {
  if (!At("!") && !At("-")) return Member();
  const Kind kind = At("!") ? Kind::kNot : Kind::kNegate;
  const std::string word = Peek().text;
  bool applied = false;
  while (Take(word)) applied = !applied;  // pairs cancel out
  NodePtr node = Member();
  if (node == nullptr || !applied) return node;
  return Make(kind, std::move(node));
}

NodePtr Parser::Member() {
  NodePtr node = Primary();
  while (node != nullptr) {
    if (Take(".?")) {
      node = Select(std::move(node), true);
    } else if (Take(".")) {
      if (Peek().kind != Lexeme::Kind::kIdentifier) return Fail("expected a name after \".\"");
      const std::string name = Peek().text;
      const bool call = lexemes_[position_ + 1].text == "(" &&
                        lexemes_[position_ + 1].kind == Lexeme::Kind::kPunctuation;
      if (!call) {
        node = Select(std::move(node), false);
      } else {
        position_ += 2;
        node = Method(std::move(node), name);
      }
    } else if (Take("[?")) {
      node = Index(std::move(node), true);
    } else if (Take("[")) {
      node = Index(std::move(node), false);
    } else {
      break;
    }
  }
  return node;
}

NodePtr Parser::Select(NodePtr target, bool optional) {
  if (Peek().kind != Lexeme::Kind::kIdentifier) return Fail("expected a field's name");
  NodePtr node = Make(Kind::kSelect, std::move(target));
  if (node == nullptr) return nullptr;
  node->name = UnescapeName(Peek().text);
  node->optional = optional;
  ++position_;
  return node;
}

NodePtr Parser::Index(NodePtr target, bool optional) {
  NodePtr index = Expression();
  if (index == nullptr || !Expect("]")) return nullptr;
  NodePtr node = Make(Kind::kIndex, std::move(target), std::move(index));
  if (node != nullptr) node->optional = optional;
  return node;
}

NodePtr Parser::Primary() {
  Take(".");  // a leading dot means the outermost scope, which is the only one
  if (Peek().kind == Lexeme::Kind::kIdentifier) return Name();
  if (Peek().kind == Lexeme::Kind::kLiteral) {
    NodePtr node = Make(Kind::kLiteral);
    node->literal = std::make_unique<const Value>(Peek().literal);
    ++position_;
    return node;
  }
  if (Take("(")) {
    NodePtr node = Expression();
    if (node == nullptr || !Expect(")")) return nullptr;
    return node;
  }
  if (Take("[")) return ListLiteral();
  if (Take("{")) return MapLiteral();
  return Fail(Peek().kind == Lexeme::Kind::kEnd ? "unexpected end"
                                                : "unexpected \"" + Peek().text + "\"");
}

NodePtr Parser::ListLiteral() {
  NodePtr node = Make(Kind::kList);
  while (!At("]")) {
    NodePtr item = Expression();
    if (item == nullptr) return nullptr;
    node->args.push_back(std::move(item));
    if (!Take(",")) break;
  }
  return Expect("]") ? Measured(std::move(node)) : nullptr;
}

NodePtr Parser::MapLiteral() {
  NodePtr node = Make(Kind::kMap);
  while (!At("}")) {
    NodePtr key = Expression();
    if (key == nullptr || !Expect(":")) return nullptr;
    NodePtr value = Expression();
    if (value == nullptr) return nullptr;
    node->args.push_back(std::move(key));
    node->args.push_back(std::move(value));
    if (!Take(",")) break;
  }
  return Expect("}") ? Measured(std::move(node)) : nullptr;
}

NodePtr Parser::Name() {
  static const std::vector<std::string> kNamespaces = {"sets", "math", "optional", "strings"};
  static const std::vector<std::string> kTypes = {"int",   "uint", "double", "bool", "string",
                                                  "bytes", "list", "map",    "type", "null_type"};
  const std::string name = Peek().text;
  ++position_;
  if (Take("(")) return GlobalCall(name);
  if (IsBound(name)) {
    NodePtr node = Make(Kind::kIdentifier);
    node->name = name;
    uses_old_self_ = uses_old_self_ || name == "oldSelf";
    return node;
  }
  if (std::find(kNamespaces.begin(), kNamespaces.end(), name) != kNamespaces.end() && Take(".")) {
    const std::string function = name + "." + Peek().text;
    ++position_;
    return Expect("(") ? GlobalCall(function) : nullptr;
  }
  if (std::find(kTypes.begin(), kTypes.end(), name) != kTypes.end()) {
    NodePtr node = Make(Kind::kLiteral);
    node->literal = std::make_unique<const Value>(Value::TypeName(name));
    return node;
  }
  --position_;
  return Fail("undeclared reference to '" + name + "'");
}

bool Parser::Arguments(std::vector<NodePtr>& out) {
  while (!At(")")) {
    NodePtr argument = Expression();
    if (argument == nullptr) return false;
    out.push_back(std::move(argument));
    if (!Take(",")) break;
  }
  return Expect(")");
}

NodePtr Parser::GlobalCall(const std::string& name) {
  if (name == "has") return Has();
  return Call(name, /*method=*/false, nullptr);
}

NodePtr Parser::Has() {
  NodePtr field = Expression();
  if (field == nullptr || !Expect(")")) return nullptr;
  if (field->kind != Kind::kSelect || field->optional) {
    return Fail("has() takes a field selection such as self.a.b");
  }
  field->kind = Kind::kHas;
  return field;
}

NodePtr Parser::Method(NodePtr target, const std::string& name) {
  static const std::map<std::string, Kind> kMacros = {{"all", Kind::kAll},
                                                      {"exists", Kind::kExists},
                                                      {"exists_one", Kind::kExistsOne},
                                                      {"existsOne", Kind::kExistsOne},
                                                      {"filter", Kind::kFilter},
                                                      {"map", Kind::kTransform},
                                                      {"optMap", Kind::kOptMap}};
  auto macro = kMacros.find(name);
  if (macro != kMacros.end()) return Macro(macro->second, std::move(target));
  return Call(name, /*method=*/true, std::move(target));
}

// The part after "list.all(": a variable, then one expression, or two for map.
NodePtr Parser::Macro(Kind kind, NodePtr target) {
  if (Peek().kind != Lexeme::Kind::kIdentifier) return Fail("expected the name of a variable");
  const std::string variable = Peek().text;
  ++position_;
  if (!Expect(",")) return nullptr;
  scope_.push_back(variable);
  NodePtr first = Expression();
  NodePtr second;
  if (first != nullptr && kind == Kind::kTransform && Take(",")) {
    second = Expression();
    if (second == nullptr) return nullptr;
  }
  scope_.pop_back();
  if (first == nullptr || !Expect(")")) return nullptr;
  NodePtr node = Make(kind, std::move(target), std::move(first), std::move(second));
  if (node != nullptr) node->name = variable;
  return node;
}

NodePtr Parser::Call(const std::string& name, bool method, NodePtr target) {
  NodePtr node = Make(Kind::kCall);
  node->name = name;
  if (target != nullptr) node->args.push_back(std::move(target));
  if (!Arguments(node->args)) return nullptr;
  node->function = FindFunction(name, method, node->args.size());
  if (node->function == nullptr) {
    return Fail("undeclared reference to function '" + name + "' with " +
                std::to_string(node->args.size() - (method ? 1 : 0)) + " arguments");
  }
  const bool takes_pattern = name == "matches" || name == "find";
  if (takes_pattern && node->args.size() >= 2 && node->args[1]->kind == Kind::kLiteral &&
      node->args[1]->literal->is(Value::Type::kString)) {
    auto pattern = Pattern::Compile(node->args[1]->literal->text());
    if (!pattern.ok()) return Fail(pattern.status().message());
    node->pattern = std::move(pattern).value();
  }
  return Measured(std::move(node));
}

}  // namespace

StatusOr<std::unique_ptr<Node>> ParseExpression(std::string_view text, bool& uses_old_self) {
  auto lexemes = Tokenize(text);
  if (!lexemes.ok()) return lexemes.status();
  return Parser(std::move(lexemes).value()).Run(uses_old_self);
}

}  // namespace salve::apiserver::cel
