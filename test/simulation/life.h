// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_TEST_SIMULATION_LIFE_H_
#define SALVE_TEST_SIMULATION_LIFE_H_

#include <functional>
#include <string>
#include <vector>

#include "pkg/reconcilers/testing/world.h"

namespace salve::simulation {

namespace testing = reconcilers::testing;
namespace v1 = apis::salve::v1alpha1;
using testing::Accident;
using testing::World;

// A story that a world lives through: what there is, what goes wrong with the targets, what people
// do. It must have an end, which is the same whatever else goes wrong.
struct Life {
  std::string name;
  // What there is before the illness.
  std::function<void(World&)> arrange;
  // The illness, once everything is well and quiet.
  std::function<void(World&)> fall_ill;
  // What people do when they see something; called after every change. Holds its memory itself.
  std::function<std::function<void(World&)>()> people = nullptr;
  // How each incident ends, oldest first: "policy/target outcome" (or its phase where it waits).
  std::vector<std::string> ends;
  // Other ends that some accidents may lead to; each accepted with any of the accidents named, or
  // always where none is.
  struct Excuse {
    std::vector<Accident::What> after;
    std::vector<std::string> ends;
  };
  std::vector<Excuse> excuses = {};
  int controllers = 1;
  // Short enough to try every pair of crashes in it.
  bool is_short = false;
  // The target is still ill in the end: nobody was allowed to heal it.
  bool leaves_ill = false;
  // Several can heal it, and which one does is a matter of chance.
  bool any_healer = false;
  // What must be true of the end besides; complains to the world.
  std::function<void(World&)> check = nullptr;
  // Somebody deletes incidents: there may be none in the end.
  bool incidents_vanish = false;
};

const std::vector<Life>& AllLives();
const Life* FindLife(const std::string& name);

}  // namespace salve::simulation

#endif  // SALVE_TEST_SIMULATION_LIFE_H_
