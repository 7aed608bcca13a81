// SPDX-License-Identifier: Apache-2.0
#include "pkg/edge/json_body.h"

#include <set>
#include <string>
#include <vector>

namespace salve::edge {
namespace {

using nlohmann::json;

// Builds the value while it counts and remembers the keys of the objects that are open. The first
// error stops the parser.
class StrictBuilder final : public json::json_sax_t {
 public:
  explicit StrictBuilder(const JsonLimits& limits) : limits_(limits) {}

  Status status() const { return status_; }
  json TakeRoot() { return std::move(root_); }

  bool null() override { return Put(nullptr); }
  bool boolean(bool value) override { return Put(value); }
  bool number_integer(number_integer_t value) override { return Put(value); }
  bool number_unsigned(number_unsigned_t value) override { return Put(value); }
  bool number_float(number_float_t value, const string_t&) override { return Put(value); }
  bool string(string_t& value) override { return Put(std::move(value)); }
  bool binary(binary_t&) override { return Fail("binary value"); }
  bool start_object(std::size_t) override { return Open(json::object()); }
  bool start_array(std::size_t) override { return Open(json::array()); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }
  bool key(string_t& name) override {
    Level& level = open_.back();
    if (level.value->contains(name)) return Fail("key \"" + name + "\" appears twice");
    level.key = std::move(name);
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const json::exception& e) override {
    return Fail("at byte " + std::to_string(position) + ": " +
                std::string(e.what()).substr(0, 300));
  }

 private:
  struct Level {
    json* value;
    std::string key;
  };

  bool Fail(const std::string& why) {
    if (status_.ok()) {
      std::string path;
      for (const Level& level : open_) {
        path += level.value->is_array() ? "[" + std::to_string(level.value->size()) + "]"
                                        : (level.key.empty() ? "" : "." + level.key);
      }
      status_ =
          InvalidArgumentError("JSON body" + (path.empty() ? "" : " at " + path) + ": " + why);
    }
    return false;
  }

  json* Place(json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Level& level = open_.back();
    if (level.value->is_array()) {
      level.value->push_back(std::move(value));
      return &level.value->back();
    }
    return &((*level.value)[level.key] = std::move(value));
  }

  bool Put(json value) {
    if (++values_ > limits_.max_values) return Fail("too many values");
    Place(std::move(value));
    return true;
  }
  bool Open(json container) {
    if (++values_ > limits_.max_values) return Fail("too many values");
    if (open_.size() >= static_cast<std::size_t>(limits_.max_depth)) return Fail("nested too deep");
    json* placed = Place(std::move(container));
    open_.push_back({placed, ""});
    return true;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }

  const JsonLimits limits_;
  json root_;
  // Pointers stay good: a container grows only when the ones inside it are closed.
  std::vector<Level> open_;
  std::size_t values_ = 0;
  Status status_;
};

}  // namespace

StatusOr<json> ParseJsonBody(std::string_view text, const JsonLimits& limits) {
  StrictBuilder builder(limits);
  // The wall of the library: some number errors are thrown and not reported.
  try {
    if (json::sax_parse(text.begin(), text.end(), &builder)) return builder.TakeRoot();
  } catch (const json::exception& e) {
    return InvalidArgumentError("JSON body: " + std::string(e.what()).substr(0, 300));
  }
  if (builder.status().ok()) return InvalidArgumentError("JSON body: not JSON");
  return builder.status();
}

}  // namespace salve::edge
