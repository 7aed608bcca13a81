// SPDX-License-Identifier: Apache-2.0
// Reading JSON from outside: bounded, duplicate keys noticed, nothing thrown.
#include <algorithm>
#include <cmath>
#include <set>

#include "pkg/apiserver/schema.h"
#include "pkg/apiserver/schema_node.h"

namespace salve::apiserver {
namespace {

constexpr std::size_t kMaxReported = 100;

// Builds the value while the parser walks the text; the parser itself keeps no stack of ours.
class Builder : public nlohmann::json_sax<Json> {
 public:
  explicit Builder(const JsonLimits& limits) : limits_(limits) {}

  bool null() override { return Put(nullptr) != nullptr; }
  bool boolean(bool value) override { return Put(value) != nullptr; }
  bool number_integer(number_integer_t value) override { return Put(value) != nullptr; }
  bool number_unsigned(number_unsigned_t value) override { return Put(value) != nullptr; }
  bool number_float(number_float_t value, const string_t& /*text*/) override {
    if (!std::isfinite(value)) return Fail("a number is out of range");
    return Put(value) != nullptr;
  }
  bool string(string_t& value) override { return Put(std::move(value)) != nullptr; }
  bool binary(binary_t& /*value*/) override { return Fail("binary values are not JSON"); }
  bool start_object(std::size_t /*size*/) override { return Open(Json::object()); }
  bool start_array(std::size_t /*size*/) override { return Open(Json::array()); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }
  bool key(string_t& name) override {
    Level& level = stack_.back();
    if (level.value->contains(name)) Duplicate(name);
    level.key = std::move(name);
    return true;
  }
  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& error) override {
    return Fail("byte " + std::to_string(position) + ": " + Plain(error.what()));
  }

  Json TakeValue() { return std::move(root_); }
  std::vector<std::string> TakeDuplicates() {
    return std::vector<std::string>(duplicates_.begin(), duplicates_.end());
  }
  const std::string& error() const { return error_; }

 private:
  struct Level {
    Json* value = nullptr;
    std::string key;  // the member being read; objects only
  };

  // Places a value where the parser stands; nullptr when a limit is passed.
  Json* Put(Json value) {
    if (++values_ > limits_.max_values) {
      Fail("has more than " + std::to_string(limits_.max_values) + " values");
      return nullptr;
    }
    if (stack_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Level& level = stack_.back();
    if (level.value->is_array()) {
      level.value->push_back(std::move(value));
      return &level.value->back();
    }
    Json& slot = (*level.value)[level.key];
    slot = std::move(value);
    return &slot;
  }

  bool Open(Json value) {
    if (stack_.size() >= limits_.max_depth) {
      return Fail("is nested deeper than " + std::to_string(limits_.max_depth) + " levels");
    }
    Json* placed = Put(std::move(value));
    if (placed == nullptr) return false;
    stack_.push_back({placed, ""});
    return true;
  }

  bool Close() {
    stack_.pop_back();
    return true;
  }

  bool Fail(std::string why) {
    if (error_.empty()) error_ = std::move(why);
    return false;
  }

  void Duplicate(const std::string& name) {
    if (duplicates_.size() >= kMaxReported) return;
    std::string path;
    for (std::size_t i = 0; i + 1 < stack_.size(); ++i) {
      const Level& level = stack_[i];
      path = level.value->is_array() ? IndexPath(path, level.value->size() - 1)
                                     : ChildPath(path, level.key);
    }
    duplicates_.insert(ChildPath(path, name));
  }

  // Without the library's "[json.exception.parse_error.101] parse error at line 1, column 2: " or
  // "[json.exception.out_of_range.406] ".
  static std::string Plain(const std::string& text) {
    const std::size_t column = text.find("column ");
    const std::size_t colon = text.find(": ", column == std::string::npos ? 0 : column);
    if (colon != std::string::npos) return text.substr(colon + 2);
    return text.substr(std::min(text.find("] ") + 2, text.size()));
  }

  const JsonLimits limits_;
  Json root_;
  std::vector<Level> stack_;
  std::set<std::string> duplicates_;
  std::size_t values_ = 0;
  std::string error_;
};

}  // namespace

StatusOr<ParsedJson> ParseJsonStrict(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    return InvalidArgumentError("reading JSON: it has " + std::to_string(text.size()) +
                                " bytes, the limit is " + std::to_string(limits.max_bytes));
  }
  Builder builder(limits);
  if (!Json::sax_parse(text.begin(), text.end(), &builder)) {
    return InvalidArgumentError("reading JSON: " + builder.error());
  }
  return ParsedJson{builder.TakeValue(), builder.TakeDuplicates()};
}

}  // namespace salve::apiserver
