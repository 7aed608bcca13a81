// SPDX-License-Identifier: Apache-2.0
#include "pkg/reconcilers/testing/accident.h"

#include <charconv>
#include <iterator>

namespace salve::reconcilers::testing {
namespace {

constexpr const char* kNames[] = {
    "none",          "crash-before", "crash-after",     "lose-answer",  "lose-request",
    "conflict",      "unavailable",  "error",           "too-many",     "forbidden",
    "restart-stale", "restart-old",  "reconnect-stale", "freeze",       "cut",
    "gone",          "pause",        "clock-forward",   "clock-back",   "relabel",
    "hand-restart",  "drift",        "recreate",        "backend-away", "blind",
    "drop-lease",    "duplicate",    "malformed"};
static_assert(std::size(kNames) == static_cast<std::size_t>(Accident::What::kLast) + 1);
constexpr char kPlaces[] = {'w', 'x', 'r', 'e'};

bool ParseOne(const std::string& text, Accident* accident) {
  const std::size_t sign = text.find('@');
  if (sign == std::string::npos || sign + 2 >= text.size()) return false;
  const std::string name = text.substr(0, sign);
  for (std::size_t i = 1; i < std::size(kNames); ++i) {
    if (name == kNames[i]) accident->what = static_cast<Accident::What>(i);
  }
  bool placed = false;
  for (std::size_t i = 0; i < std::size(kPlaces); ++i) {
    if (text[sign + 1] != kPlaces[i]) continue;
    accident->where = static_cast<Accident::Where>(i);
    placed = true;
  }
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data() + sign + 2, end, accident->at);
  return placed && accident->what != Accident::What::kNone && error == std::errc() && at == end &&
         accident->at > 0;
}

}  // namespace

const char* NameOf(Accident::What what) { return kNames[static_cast<std::size_t>(what)]; }

std::string Describe(const Accident& accident) {
  return std::string(NameOf(accident.what)) + "@" +
         kPlaces[static_cast<std::size_t>(accident.where)] + std::to_string(accident.at);
}

std::string Describe(const std::vector<Accident>& accidents) {
  std::string out;
  for (const Accident& accident : accidents) {
    out += (out.empty() ? "" : ",") + Describe(accident);
  }
  return out;
}

bool ParseAccidents(const std::string& text, std::vector<Accident>* accidents) {
  std::size_t begin = 0;
  while (begin < text.size()) {
    std::size_t end = text.find(',', begin);
    if (end == std::string::npos) end = text.size();
    Accident accident;
    if (!ParseOne(text.substr(begin, end - begin), &accident)) return false;
    accidents->push_back(accident);
    begin = end + 1;
  }
  return true;
}

}  // namespace salve::reconcilers::testing
