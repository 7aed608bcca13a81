// SPDX-License-Identifier: Apache-2.0
#include "pkg/reconcilers/target_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace salve::reconcilers {
namespace {

using apis::meta::v1::NamespacedName;
using apis::salve::v1alpha1::TargetRef;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const NamespacedName kNamed{"shop", "named"};
const NamespacedName kLabelled{"shop", "labelled"};

TargetRef Container(const std::string& name, const std::string& backend = "docker") {
  return {backend, "Container", name};
}

TEST(TargetIndex, LeadsFromATargetToThePoliciesThatHaveIt) {
  TargetIndex index;
  index.Set(kNamed, "docker", false, {Container("a")});
  index.Set(kLabelled, "docker", true, {Container("a"), Container("b")});
  EXPECT_THAT(index.PoliciesOf(Container("a")), UnorderedElementsAre(kNamed, kLabelled));
  EXPECT_THAT(index.PoliciesOf(Container("b")), ElementsAre(kLabelled));
}

TEST(TargetIndex, LeadsFromAnUnknownTargetToThePoliciesThatMightSelectIt) {
  TargetIndex index;
  index.Set(kNamed, "docker", false, {Container("a")});
  index.Set(kLabelled, "docker", true, {});
  EXPECT_THAT(index.PoliciesOf(Container("new")), ElementsAre(kLabelled));
}

TEST(TargetIndex, LeadsFromANewTargetToAPolicyThatWaitsForItByName) {
  TargetIndex index;
  index.Set(kNamed, "docker", false, {});
  EXPECT_THAT(index.PoliciesOf(Container("new")), ElementsAre(kNamed));
}

TEST(TargetIndex, KeepsTargetsOfOneNameInDifferentNamespacesApart) {
  TargetIndex index;
  const TargetRef web{"kubernetes", "Deployment", "web", "shop"};
  const TargetRef other{"kubernetes", "Deployment", "web", "bar"};
  index.Set(kNamed, "kubernetes", false, {web});
  index.Set({"bar", "named"}, "kubernetes", true, {other});
  EXPECT_THAT(index.PoliciesOf(web), ElementsAre(kNamed));
  EXPECT_THAT(index.PoliciesOf({"kubernetes", "Deployment", "new", "shop"}), IsEmpty());
  EXPECT_THAT(index.PoliciesOf({"kubernetes", "Deployment", "new", "bar"}),
              ElementsAre(NamespacedName{"bar", "named"}));
}

TEST(TargetIndex, LeadsFromAChangeOfTheWholeBackendToAllItsPolicies) {
  TargetIndex index;
  index.Set(kNamed, "docker", false, {Container("a")});
  index.Register(kLabelled, "docker", true);
  index.Set({"shop", "elsewhere"}, "other", true, {});
  EXPECT_THAT(index.PoliciesOf(Container("")), UnorderedElementsAre(kNamed, kLabelled));
}

TEST(TargetIndex, ForgetsTargetsThatAPolicyNoLongerMeans) {
  TargetIndex index;
  index.Set(kNamed, "docker", false, {Container("a")});
  index.Set(kNamed, "docker", false, {Container("b")});
  EXPECT_THAT(index.PoliciesOf(Container("a")), IsEmpty());
  index.Forget(kNamed);
  EXPECT_THAT(index.PoliciesOf(Container("b")), IsEmpty());
}

TEST(TargetIndex, RegisteringAgainKeepsWhatIsKnown) {
  TargetIndex index;
  index.Set(kNamed, "docker", false, {Container("a")});
  index.Register(kNamed, "docker", false);
  EXPECT_THAT(index.PoliciesOf(Container("a")), ElementsAre(kNamed));
}

}  // namespace
}  // namespace salve::reconcilers
