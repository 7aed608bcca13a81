// SPDX-License-Identifier: Apache-2.0
#include "test/simulation/options.h"

#include <charconv>
#include <string_view>

namespace salve::simulation {
namespace {

template <class Number>
bool ParseNumber(std::string_view text, Number* into) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *into);
  return error == std::errc() && end == text.data() + text.size();
}

// One option with a value. False if there is no such option or the value is no good.
bool Take(std::string_view name, std::string_view value, Options* o) {
  if (name == "--seed") {
    o->one_seed = true;
    return ParseNumber(value, &o->seed) && o->seed > 0;
  }
  if (name == "--worlds") return ParseNumber(value, &o->worlds) && o->worlds >= 0;
  if (name == "--seconds") return ParseNumber(value, &o->seconds) && o->seconds >= 0;
  if (name == "--jobs") return ParseNumber(value, &o->jobs) && o->jobs > 0;
  if (name == "--failures") return ParseNumber(value, &o->failures) && o->failures > 0;
  if (name == "--order") return ParseNumber(value, &o->order);
  if (name == "--downtime") return ParseNumber(value, &o->downtime_seconds);
  if (name == "--life") o->life = value;
  if (name == "--plan") o->plan = value;
  return name == "--life" || name == "--plan";
}

}  // namespace

Status ParseOptions(int argc, char** argv, Options* options) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--help" || name == "-h") {
      options->help = true;
    } else if (name == "--trace") {
      options->trace = true;
    } else if (name == "--list") {
      options->list = true;
    } else if (name == "--only-seeds") {
      options->only_seeds = true;
    } else if (name == "--quiet") {
      options->quiet = true;
    } else if (i + 1 >= argc || !Take(name, argv[i + 1], options)) {
      return InvalidArgumentError("option \"" + std::string(name) +
                                  "\" is unknown or its value is no good");
    } else {
      ++i;
    }
  }
  return Status::Ok();
}

const char* Usage() {
  return "usage: salve-sim [option…]\n"
         "  Without --seed or --plan: every life with every single accident at every point, every\n"
         "  pair of crashes in the short lives, then --worlds worlds of growing seeds.\n"
         "  --life NAME      only this life (--list shows them)\n"
         "  --plan A@PN,…    one world: accident A at point N of sort P (w write, x execution,\n"
         "                   r read, e event); with --life, --order and --downtime\n"
         "  --order N        everything happens in the order of this seed\n"
         "  --downtime N     a dead controller stays away for N seconds\n"
         "  --seed N         one world, all of it chosen by the seed; with --worlds the first one\n"
         "  --worlds N       so many worlds by seed\n"
         "  --only-seeds     leave out the exhaustive part\n"
         "  --seconds N      begin no world after N seconds\n"
         "  --jobs N         threads\n"
         "  --failures N     stop after N failures (3)\n"
         "  --trace          of one world: print all that happened\n"
         "exit status: 0 every promise was kept, 1 one was broken, 2 wrong usage\n";
}

}  // namespace salve::simulation
