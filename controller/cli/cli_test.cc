// SPDX-License-Identifier: Apache-2.0
#include "controller/cli/export.h"
#include "controller/cli/incidents.h"
#include "controller/cli/jsonpath.h"
#include "controller/cli/merge.h"
#include "controller/cli/output.h"
#include "controller/cli/pauses.h"
#include "controller/cli/resources.h"
#include "controller/cli/session.h"
#include "controller/cli/wait_for.h"
#include "controller/commands/exit_codes.h"
#include <gtest/gtest.h>

namespace salve::cli {
namespace {

const Json kObject = {
    {"metadata", {{"name", "redis"}, {"generation", 2}, {"labels", {{"salve.dev/policy", "p"}}}}},
    {"status",
     {{"count", 3},
      {"conditions",
       {{{"type", "Ready"}, {"status", "True"}, {"observedGeneration", 2}},
        {{"type", "Paused"}, {"status", "False"}, {"observedGeneration", 1}}}}}}};

std::string Eval(const std::string& path) {
  const auto parsed = JsonPath::Parse(path);
  return parsed.ok() ? parsed->Evaluate(kObject) : "error";
}

TEST(JsonPath, FindsWhatScriptsAskFor) {
  EXPECT_EQ(Eval("{.metadata.name}"), "redis");
  EXPECT_EQ(Eval(".metadata.name"), "redis");
  EXPECT_EQ(Eval("{.status.count}"), "3");
  EXPECT_EQ(Eval("{.status.conditions[0].type}"), "Ready");
  EXPECT_EQ(Eval("{.status.conditions[-1].type}"), "Paused");
  EXPECT_EQ(Eval("{.status.conditions[*].type}"), "Ready Paused");
  EXPECT_EQ(Eval("{.status.conditions[?(@.type==\"Paused\")].status}"), "False");
  EXPECT_EQ(Eval("{.metadata.labels.salve\\.dev/policy}"), "p");
  EXPECT_EQ(Eval("{.metadata.labels['salve.dev/policy']}"), "p");
  EXPECT_EQ(Eval("{range .status.conditions[*]}{.type}={.status}{\"\\n\"}{end}"),
            "Ready=True\nPaused=False\n");
}

TEST(JsonPath, WhatIsNotThereGivesNothing) { EXPECT_EQ(Eval("a{.status.nothing.at.all}b"), "ab"); }

TEST(JsonPath, RefusesWhatItDoesNotUnderstand) {
  for (const char* bad : {"{.a", "{range .a}x", "{end}", "{.a[?(x)]}", "{.a[}", "{\"x}"}) {
    EXPECT_FALSE(JsonPath::Parse(bad).ok()) << bad;
  }
}

TEST(WaitFor, AConditionHoldsOnlyForTheGenerationThatIsThere) {
  EXPECT_TRUE(WaitFor::Parse("condition=ready")->Holds(&kObject));
  EXPECT_FALSE(WaitFor::Parse("condition=Paused=False")->Holds(&kObject))
      << "observed on generation 1 of 2";
  EXPECT_FALSE(WaitFor::Parse("condition=Ready=False")->Holds(&kObject));
  EXPECT_FALSE(WaitFor::Parse("condition=Ready")->Holds(nullptr));
  EXPECT_TRUE(WaitFor::Parse("delete")->Holds(nullptr));
  EXPECT_FALSE(WaitFor::Parse("delete")->Holds(&kObject));
  EXPECT_TRUE(WaitFor::Parse("jsonpath={.status.count}=3")->Holds(&kObject));
  EXPECT_FALSE(WaitFor::Parse("jsonpath={.status.count}=4")->Holds(&kObject));
  EXPECT_FALSE(WaitFor::Parse("ready").ok());
}

TEST(ThreeWayPatch, ChangesAddsAndRemovesOnlyWhatWasApplied) {
  const Json last = {{"spec", {{"a", 1}, {"gone", 1}}}};
  const Json wanted = {{"spec", {{"a", 2}, {"list", {1, 2}}}}};
  const Json live = {{"spec", {{"a", 1}, {"gone", 1}, {"list", {1}}, {"foreign", true}}}};
  const Json expected = {{"spec", {{"a", 2}, {"list", {1, 2}}, {"gone", nullptr}}}};
  EXPECT_EQ(ThreeWayPatch(last, wanted, live), expected);
  Json patched = live;
  patched.merge_patch(expected);
  EXPECT_EQ(ThreeWayPatch(wanted, wanted, patched), Json::object())
      << "a second apply has nothing to do";
}

TEST(ThreeWayPatch, RemembersWhatWasAppliedWhereKubectlDoes) {
  const Json object = {{"metadata", {{"name", "x"}}}, {"spec", {{"a", 1}}}};
  const Json stored = WithLastApplied(object);
  EXPECT_EQ(stored["metadata"]["annotations"].count(kLastApplied), 1u);
  EXPECT_EQ(LastApplied(stored)["spec"], object["spec"]);
  EXPECT_TRUE(LastApplied(object).is_null());
}

TEST(Export, LeavesOutWhatTheServerSets) {
  Json object =
      WithLastApplied({{"metadata", {{"name", "x"}, {"uid", "u"}, {"resourceVersion", "7"}}},
                       {"spec", {{"a", 1}}},
                       {"status", {{"b", 1}}}});
  const Json expected = {{"metadata", {{"name", "x"}}}, {"spec", {{"a", 1}}}};
  EXPECT_EQ(WithoutServerFields(object, false), expected);
}

TEST(Resources, AWordMeansAKindByAnyOfItsNames) {
  for (const char* word : {"incidents", "incident", "Incident", "inc", "incident.salve.dev",
                           "incidents.v1alpha1.salve.dev"}) {
    const auto found = Find(KnownTypes(), word);
    ASSERT_EQ(found.size(), 1u) << word;
    EXPECT_EQ(found[0].Prefix(), "incident.salve.dev");
  }
  EXPECT_EQ(Find(KnownTypes(), "healing").size(), 4u);
  EXPECT_TRUE(Find(KnownTypes(), "incidents.other.dev").empty());
}

TEST(Resources, ArgumentsAreATypeWithNamesOrPairs) {
  EXPECT_EQ(ParseWanted({"inc", "a", "b"})->front().names.size(), 2u);
  EXPECT_EQ(ParseWanted({"inc/a", "healpol/b"})->size(), 2u);
  const std::vector<std::vector<std::string>> refused = {{},       {"inc", "x/y"}, {"inc/a", "b"},
                                                         {"inc/"}, {"/a"},         {"a/b/c"}};
  for (const auto& bad : refused) EXPECT_FALSE(ParseWanted(bad).ok());
}

TEST(Session, DurationsAreThoseOfKubectl) {
  EXPECT_EQ(*ParseDuration("90s"), std::chrono::seconds(90));
  EXPECT_EQ(*ParseDuration("1h30m"), std::chrono::minutes(90));
  EXPECT_EQ(*ParseDuration("250ms"), std::chrono::milliseconds(250));
  EXPECT_EQ(*ParseDuration("5"), std::chrono::seconds(5));
  for (const char* bad : {"", "s", "-1s", "1x", "1s5", "99999999999s"})
    EXPECT_FALSE(ParseDuration(bad).ok()) << bad;
}

TEST(Session, ErrorsHaveTheDocumentedExitCodes) {
  EXPECT_EQ(ExitCodeOf(NotFoundError("")), commands::kExitNotFound);
  EXPECT_EQ(ExitCodeOf(PermissionDeniedError("")), commands::kExitDenied);
  EXPECT_EQ(ExitCodeOf(UnauthenticatedError("")), commands::kExitDenied);
  EXPECT_EQ(ExitCodeOf(ConflictError("")), commands::kExitConflict);
  EXPECT_EQ(ExitCodeOf(UnavailableError("")), commands::kExitUnreachable);
  EXPECT_EQ(ExitCodeOf(DeadlineExceededError("")), commands::kExitTimeout);
  EXPECT_EQ(ExitCodeOf(InternalError("")), commands::kExitFailure);
}

TEST(Output, TablesHideWideColumnsAndControlCharacters) {
  const Json table = {
      {"columnDefinitions", {{{"name", "Name"}}, {{"name", "Age"}, {"priority", 1}}}},
      {"rows", {{{"cells", {"a\x1b[31m", "1d"}}}}}};
  EXPECT_EQ(TableRows(table, {}).back().size(), 1u);
  TableStyle wide;
  wide.wide = true;
  EXPECT_EQ(TableRows(table, wide).back().size(), 2u);
  EXPECT_EQ(TableRows(table, {}).back()[0].find('\x1b'), std::string::npos);
  EXPECT_EQ(FormatColumns({{"A", "B"}, {"long", "x"}}), "A      B\nlong   x\n");
}

TEST(Output, UnknownFormatsAreRefused) {
  EXPECT_FALSE(ParseOutput("xml").ok());
  EXPECT_FALSE(ParseOutput("jsonpath={").ok());
  EXPECT_TRUE(ParseOutput("wide").ok());
}

TEST(Pauses, OnlyOwnEntriesAreChanged) {
  const Json others = Json::array({{{"name", "freeze"}}});
  const Json once = AddPause(others, PauseName("Alice@Example.com"), "why", "");
  EXPECT_EQ(once.back()["name"], "cli-alice-example-com");
  EXPECT_EQ(AddPause(once, "cli-alice-example-com", "", "2030-01-01T00:00:00Z").size(), 2u)
      << "replaced";
  EXPECT_EQ(RemovePauses(once), others);
}

TEST(Incidents, TheNewestOpenOneIsMeant) {
  std::vector<v1::Incident> incidents(3);
  for (std::size_t i = 0; i < 3; ++i) {
    incidents[i].metadata.creation_timestamp = "2026-01-0" + std::to_string(i + 1) + "T00:00:00Z";
  }
  incidents[2].status.phase = "Resolved";
  EXPECT_EQ(NewestOpen(incidents), &incidents[1]);
}

}  // namespace
}  // namespace salve::cli
