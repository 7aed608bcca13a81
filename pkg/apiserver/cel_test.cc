// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/cel.h"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace salve::apiserver::cel {
namespace {

const Json& Sample() {
  static const Json sample = Json::parse(R"json({
    "mode":"Auto","maxSteps":5,"ratio":0.5,"on":true,"nothing":null,"name":"größe",
    "steps":[{"name":"a","risk":1},{"name":"b","risk":3}],
    "labels":{"app":"redis","tier.x":"db"},
    "target":{"docker":{"container":"c1"}},
    "words":["x","y","z"],"numbers":[3,1,2],"empty":[],"namespace":"n1"})json");
  return sample;
}

// "true", "false", "error: …" or the value's text.
std::string Eval(const std::string& expression, const Json& self = Sample(),
                 const Json* old_self = nullptr, bool optional = false) {
  auto program = Program::Compile(expression);
  if (!program.ok()) return "refused: " + program.status().message();
  std::int64_t budget = kObjectBudget;
  Input input;
  input.self = {&self, nullptr};
  input.old_self = {old_self, nullptr};
  input.old_self_is_optional = optional;
  StatusOr<bool> result = (*program)->EvaluateBool(input, budget);
  if (!result.ok()) return "error: " + result.status().message();
  return *result ? "true" : "false";
}

std::string EvalString(const std::string& expression, const Json& self = Sample()) {
  auto program = Program::Compile(expression);
  if (!program.ok()) return "refused: " + program.status().message();
  std::int64_t budget = kObjectBudget;
  Input input;
  input.self = {&self, nullptr};
  StatusOr<std::string> result = (*program)->EvaluateString(input, budget);
  return result.ok() ? *result : "error: " + result.status().message();
}

TEST(Cel, HoldsWhatTheLanguageSaysIsTrue) {
  const char* const cases[] = {
      // literals and arithmetic
      "1 + 2 * 3 == 7",
      "(1 + 2) * 3 == 9",
      "7 / 2 == 3",
      "-7 / 2 == -3",
      "7 % 3 == 1",
      "-7 % 3 == -1",
      "0x10 == 16",
      "1.5 + 1.5 == 3.0",
      "2u + 3u == 5u",
      "1e3 == 1000.0",
      "1 == 1.0",
      "1u == 1",
      "'a' + 'b' == 'ab'",
      "[1] + [2] == [1, 2]",
      "-(-3) == 3",
      "!!true",
      "10 - 2 - 3 == 5",
      "'\\u00e9' == 'é'",
      "r'\\d' == '\\\\d'",
      "\"it's\" == 'it\\'s'",
      "'''a'b''' == \"a'b\"",
      "b'ab' == b'ab'",
      "null == null",
      "1 != 'a'",
      "'a' != null",
      // comparison
      "1 < 2 && 2 <= 2 && 3 > 2 && 3 >= 3",
      "'a' < 'b'",
      "1 < 1.5",
      "!(1 < 1u)",
      "false < true",
      // fields
      "self.mode == 'Auto'",
      "self.maxSteps <= 5",
      "self.ratio < 1.0",
      "self.on",
      "self.nothing == null",
      "has(self.mode)",
      "!has(self.absent)",
      "has(self.nothing)",
      "has(self.target.docker.container)",
      "!has(self.target.kubernetes)",
      "self['mode'] == 'Auto'",
      "self.labels['tier.x'] == 'db'",
      "self.labels.tier__dot__x == 'db'",
      "self.__namespace__ == 'n1'",
      "self.steps[1].name == 'b'",
      // in and size
      "'app' in self.labels",
      "!('no' in self.labels)",
      "'y' in self.words",
      "!(9 in [1, 2])",
      "size(self.words) == 3",
      "self.words.size() == 3",
      "size('größe') == 5",
      "size({}) == 0",
      "self.labels.size() == 2",
      "size(b'ab') == 2",
      // logic
      "true ? true : 1 / 0 == 1",
      "false ? 1 / 0 == 1 : true",
      "1 > 2 ? false : 2 > 3 ? false : true",
      // macros
      "self.steps.all(s, s.risk < 4)",
      "!self.steps.all(s, s.risk < 3)",
      "self.steps.exists(s, s.risk == 3)",
      "self.steps.exists_one(s, s.name == 'a')",
      "!self.words.exists_one(w, w != 'x')",
      "self.steps.filter(s, s.risk > 1).size() == 1",
      "self.steps.map(s, s.name) == ['a', 'b']",
      "self.steps.map(s, s.risk > 1, s.name) == ['b']",
      "self.labels.all(k, k.size() > 2)",
      "self.empty.all(x, false)",
      "!self.empty.exists(x, true)",
      "self.steps.all(s, self.steps.exists_one(t, t.name == s.name))",
      "[1, 2].all(self, self > 0)",
      // strings
      "self.mode.startsWith('Au')",
      "self.mode.endsWith('to')",
      "self.mode.contains('ut')",
      "self.mode.matches('^[A-Z][a-z]+$')",
      "matches(self.mode, 'ut')",
      "'ABC'.lowerAscii() == 'abc'",
      "'abc'.upperAscii() == 'ABC'",
      "'a,b,c'.split(',') == ['a', 'b', 'c']",
      "'a,b,c'.split(',', 2) == ['a', 'b,c']",
      "'aé'.split('') == ['a', 'é']",
      "''.split(',') == ['']",
      "['a', 'b'].join('-') == 'a-b'",
      "' x '.trim() == 'x'",
      "'größe'.indexOf('ß') == 3",
      "'größe'.substring(2, 4) == 'öß'",
      "'abcabc'.lastIndexOf('b') == 4",
      "'größe'.charAt(2) == 'ö'",
      "'aXbX'.replace('X', '-') == 'a-b-'",
      "'aXbX'.replace('X', '-', 1) == 'a-bX'",
      "'abc 123'.find('[0-9]+') == '123'",
      // conversions
      "int('42') == 42",
      "int(3.9) == 3",
      "int('-5') == -5",
      "double('1.5') == 1.5",
      "string(5) == '5'",
      "string(1.5) == '1.5'",
      "string(true) == 'true'",
      "double(2) == 2.0",
      "uint(3) == 3u",
      "bool('true')",
      "int(5u) == 5",
      "type(1) == int",
      "type('a') == string",
      "dyn(1) == 1",
      // lists and sets
      "self.numbers.min() == 1",
      "self.numbers.max() == 3",
      "self.numbers.sum() == 6",
      "!self.numbers.isSorted()",
      "['a', 'b'].isSorted()",
      "self.numbers.indexOf(2) == 2",
      "sets.contains([1, 2, 3], [3, 1])",
      "sets.equivalent([1, 2], [2, 1, 1])",
      "!sets.intersects([1], [2])",
      "math.greatest(1, 5, 3) == 5",
      "math.least([4, 2]) == 2",
      // maps
      "{'a': 1}['a'] == 1",
      "{'a': 1, 'b': 2} == {'b': 2, 'a': 1}",
      "'a' in {'a': 1}",
      // time
      "duration('1h30m') > duration('89m')",
      "duration('90s').getMinutes() == 1",
      "timestamp('2026-01-02T03:04:05Z').getFullYear() == 2026",
      "timestamp('2026-01-02T03:04:05Z').getMonth() == 0",
      "timestamp('2026-01-04T00:00:00Z').getDayOfWeek() == 0",
      "timestamp('2026-01-02T00:00:00Z') - timestamp('2026-01-01T00:00:00Z') == duration('24h')",
      "timestamp('2026-01-01T00:00:00Z') + duration('1h') < timestamp('2026-01-01T02:00:00Z')",
      // optionals
      "self.?mode.orValue('x') == 'Auto'",
      "self.?absent.orValue('x') == 'x'",
      "!self.?absent.hasValue()",
      "self.?target.?docker.?container.value() == 'c1'",
      "self.labels[?'no'].orValue('d') == 'd'",
      "self.words[?9].orValue('d') == 'd'",
      "optional.of(1).value() == 1",
      "!optional.none().hasValue()",
      "self.?maxSteps.optMap(m, m + 1).orValue(0) == 6",
      // comments and space
      "true // the rest is a comment",
      "  true\n&&\ttrue ",
      "isIP('10.0.0.1') && isIP('::1') && !isIP('10.0.0')",
      "isCIDR('10.0.0.0/8')",
      "isURL('https://example.com/x')",
  };
  for (const char* expression : cases) EXPECT_EQ(Eval(expression), "true") << expression;
}

TEST(Cel, AbsorbsErrorsWhereOneOperandDecides) {
  EXPECT_EQ(Eval("self.absent == 1 || true"), "true");
  EXPECT_EQ(Eval("true || self.absent == 1"), "true");
  EXPECT_EQ(Eval("self.absent == 1 && false"), "false");
  EXPECT_EQ(Eval("self.absent == 1 || false"), "error: no such key: absent");
  EXPECT_EQ(Eval("self.absent == 1 && true"), "error: no such key: absent");
  EXPECT_EQ(Eval("['a', 1].exists(x, x.size() == 1)"), "true");
  EXPECT_EQ(Eval("[1, 'a'].all(x, x.size() == 2)"), "false");
  EXPECT_EQ(Eval("[1].exists(x, x.size() == 1)"), "error: no such overload");
}

TEST(Cel, NamesWhatGoesWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"self.absent == 1", "no such key: absent"},
      {"self.words[3] == 'x'", "index out of bounds: 3"},
      {"self.words[-1] == 'x'", "index out of bounds: -1"},
      {"self.labels['no'] == ''", "no such key: no"},
      {"1 / 0 == 1", "division by zero"},
      {"1 % 0 == 1", "modulus by zero"},
      {"9223372036854775807 + 1 > 0", "integer overflow"},
      {"-9223372036854775807 - 2 < 0", "integer overflow"},
      {"1 + 'a' == 1", "no such overload"},
      {"1 + 1.0 == 2.0", "no such overload"},
      {"'a' < 1", "no such overload"},
      {"self.mode ? true : false", "no such overload"},
      {"!self.mode", "no such overload"},
      {"self.mode.x == 1", "no such overload"},
      {"oldSelf == 1", "no such attribute: oldSelf"},
      {"self.mode", "the expression yields string, not bool"},
      {"[].min() == 1", "min called on empty list"},
      {"optional.none().value() == 1", "optional.none() dereference"},
  };
  for (const auto& [expression, error] : cases) {
    EXPECT_EQ(Eval(expression), std::string("error: ") + error) << expression;
  }
}

TEST(Cel, RefusesBadExpressionsWithTheOffset) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "offset 0: unexpected end"},
      {"1 +", "offset 3: unexpected end"},
      {"self.a ==", "offset 9: unexpected end"},
      {"slef.a", "offset 0: undeclared reference to 'slef'"},
      {"self.foo()", "undeclared reference to function 'foo' with 0 arguments"},
      {"size(1, 2)", "undeclared reference to function 'size' with 2 arguments"},
      {"has(self)", "has() takes a field selection"},
      {"self.x.matches('[')", "missing ]"},
      {"'abc", "unterminated string"},
      {"'\\q'", "unknown escape"},
      {"1 2", "unexpected text"},
      {"(1", "expected \")\""},
      {"[1, 2", "expected \"]\""},
      {"self.words.all(1, true)", "expected the name of a variable"},
      {"for", "reserved identifier: for"},
      {"self.all(x, y)", "undeclared reference to 'y'"},
      {"99999999999999999999", "malformed number"},
      {"9223372036854775808", "integer literal is out of range"},
      {"1x", "malformed number"},
      {"a ? b", "undeclared reference to 'a'"},
      {"#", "unexpected character"},
  };
  for (const auto& [expression, error] : cases) {
    const std::string got = Eval(expression);
    EXPECT_TRUE(got.starts_with("refused: ")) << expression << " → " << got;
    EXPECT_NE(got.find(error), std::string::npos) << expression << " → " << got;
  }
}

TEST(Cel, ComparesWithTheOldValueInTransitionRules) {
  auto program = Program::Compile("self.x >= oldSelf.x");
  ASSERT_TRUE(program.ok());
  EXPECT_TRUE((*program)->uses_old_self());
  auto plain = Program::Compile("self.oldSelf == 1");
  ASSERT_TRUE(plain.ok());
  EXPECT_FALSE((*plain)->uses_old_self());
  const Json old_self = {{"x", 3}};
  EXPECT_EQ(Eval("self.x >= oldSelf.x", {{"x", 4}}, &old_self), "true");
  EXPECT_EQ(Eval("self == oldSelf", {{"x", 4}}, &old_self), "false");
  EXPECT_EQ(Eval("!oldSelf.hasValue()", {{"x", 4}}, nullptr, true), "true");
  EXPECT_EQ(Eval("oldSelf.hasValue() && oldSelf.value().x < self.x", {{"x", 4}}, &old_self, true),
            "true");
}

TEST(Cel, FormatsMessages) {
  EXPECT_EQ(EvalString("'mode ' + self.mode + ' allows ' + string(self.maxSteps)"),
            "mode Auto allows 5");
  EXPECT_EQ(EvalString("'%s has %d of %.1f %%'.format([self.mode, self.maxSteps, 2.25])"),
            "Auto has 5 of 2.2 %");
  EXPECT_EQ(EvalString("'%s'.format([self.words])"), "[x, y, z]");
  EXPECT_EQ(EvalString("'%d'.format(['x'])"), "error: no such overload");
  EXPECT_EQ(EvalString("'%s'.format([])"), "error: format: too few arguments");
}

TEST(Cel, StopsWhenTheBudgetIsSpent) {
  Json self = {{"list", Json::array()}};
  for (int i = 0; i < 1000; ++i) self["list"].push_back(i);
  auto program =
      Program::Compile("self.list.all(a, self.list.all(b, self.list.all(c, a + b + c >= 0)))");
  ASSERT_TRUE(program.ok());
  std::int64_t budget = 100000;
  Input input;
  input.self = {&self, nullptr};
  EXPECT_FALSE((*program)->EvaluateBool(input, budget).ok());
  EXPECT_LE(budget, 0);
}

TEST(Cel, BoundsTextThatAnExpressionBuilds) {
  std::string expression = "'0123456789abcdef'";
  for (int i = 0; i < 40; ++i) expression = "[" + expression + "].map(x, x + x)[0]";
  EXPECT_EQ(Eval(expression + " == ''").substr(0, 6), "error:");
}

TEST(Cel, BoundsCopiesOfLongText) {
  const Json self = {{"big", std::string(2'000'000, 'x')}, {"list", Json::array()}};
  EXPECT_EQ(Eval("self.big.split('').size() > 0", self), "error: split: the result is too long");
  Json many = self;
  for (int i = 0; i < 10000; ++i) many["list"].push_back(i);
  EXPECT_EQ(Eval("self.list.map(i, self.big).size() > 0", many),
            "error: operation cancelled: actual cost limit exceeded");
}

TEST(Cel, RefusesDeepNestingInsteadOfRunningOutOfStack) {
  EXPECT_TRUE(Eval(std::string(5000, '(') + "1" + std::string(5000, ')')).starts_with("refused"));
  EXPECT_TRUE(Eval(std::string(7000, '[')).starts_with("refused"));
  std::string sum = "1";
  for (int i = 0; i < 3000; ++i) sum += "+1";
  EXPECT_TRUE(Eval(sum + "==1").starts_with("refused"));
  std::string chain = "true";
  for (int i = 0; i < 2000; ++i) chain += "&&true";
  EXPECT_EQ(Eval(chain), "true") << "conjunctions are flat";
}

TEST(Cel, NeverCrashesOnRandomText) {
  const char* const pieces[] = {"self", ".",  "(",  ")",    "[",    "]",     "1", "'a'",
                                "&&",   "||", "!",  "has(", "all(", "x",     ",", "?",
                                ":",    "==", "in", "{",    "}",    "size(", "-", ".?"};
  std::mt19937 random(11);
  for (int round = 0; round < 20000; ++round) {
    std::string expression;
    const std::size_t length = 1 + random() % 12;
    for (std::size_t i = 0; i < length; ++i) expression += pieces[random() % std::size(pieces)];
    (void)Eval(expression);
  }
}

// For random integers a, b: what C++ says is what CEL says.
TEST(Cel, AgreesWithIntegerArithmetic) {
  std::mt19937 random(3);
  for (int round = 0; round < 500; ++round) {
    const auto a = static_cast<std::int64_t>(random() % 2001) - 1000;
    const auto b = static_cast<std::int64_t>(random() % 2001) - 1000;
    const Json self = {{"a", a}, {"b", b}};
    EXPECT_EQ(Eval("self.a + self.b == " + std::to_string(a + b), self), "true");
    EXPECT_EQ(Eval("self.a * self.b == " + std::to_string(a * b), self), "true");
    if (b != 0) {
      EXPECT_EQ(Eval("self.a / self.b == " + std::to_string(a / b), self), "true");
      EXPECT_EQ(Eval("self.a / self.b * self.b + self.a % self.b == self.a", self), "true");
    }
    EXPECT_EQ(Eval("self.a < self.b", self), a < b ? "true" : "false");
  }
}

// De Morgan over operands that are true, false or an error, in either order.
TEST(Cel, ObeysDeMorganWithErrorsToo) {
  const char* const operands[] = {"true", "false", "(1 / 0 == 1)"};
  for (const char* a : operands) {
    for (const char* b : operands) {
      const std::string left = std::string("!(") + a + " && " + b + ")";
      const std::string right = std::string("(!") + a + " || !" + b + ")";
      EXPECT_EQ(Eval(left), Eval(right)) << left;
      EXPECT_EQ(Eval(std::string(a) + " && " + b), Eval(std::string(b) + " && " + a)) << a << b;
    }
  }
}

}  // namespace
}  // namespace salve::apiserver::cel
