// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/status_body.h"

#include <gtest/gtest.h>

namespace salve::apiserver {
namespace {

const ResourceInfo kIncidents = {"salve.dev", "v1alpha1", "incidents", "Incident", true};
const ResourceInfo kNamespaces = {"", "v1", "namespaces", "Namespace", false};

// What a kube-apiserver answered, byte for byte but for the order of keys.
TEST(StatusBody, IsWhatARealServerAnswers) {
  struct Case {
    const char* name;
    Json got;
    const char* want;
  };
  const Case
      cases[] =
          {
              {"not found", NotFound(kIncidents, "i1").body(),
               R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"incidents.salve.dev \"i1\" not found","reason":"NotFound","details":{"name":"i1","group":"salve.dev","kind":"incidents"},"code":404})"},
              {"missing namespace", NotFound(kNamespaces, "nonsuch").body(),
               R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"namespaces \"nonsuch\" not found","reason":"NotFound","details":{"name":"nonsuch","kind":"namespaces"},"code":404})"},
              {"already exists", AlreadyExists(kIncidents, "i1").body(),
               R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"incidents.salve.dev \"i1\" already exists","reason":"AlreadyExists","details":{"name":"i1","group":"salve.dev","kind":"incidents"},"code":409})"},
              {"modified", ConflictModified(kIncidents, "i1").body(),
               R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Operation cannot be fulfilled on incidents.salve.dev \"i1\": the object has been modified; please apply your changes to the latest version and try again","reason":"Conflict","details":{"name":"i1","group":"salve.dev","kind":"incidents"},"code":409})"},
              {"two causes",
               Invalid("salve.dev", "HealingPolicy", "bad",
                       {InvalidCause("spec.maxSteps", 99,
                                     "spec.maxSteps in body should be less than or equal to 10"),
                        NotSupportedCause("spec.mode", "Wild", {"Observe", "Auto"})})
                   .body(),
               R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"HealingPolicy.salve.dev \"bad\" is invalid: [spec.maxSteps: Invalid value: 99: spec.maxSteps in body should be less than or equal to 10, spec.mode: Unsupported value: \"Wild\": supported values: \"Observe\", \"Auto\"]","reason":"Invalid","details":{"name":"bad","group":"salve.dev","kind":"HealingPolicy","causes":[{"reason":"FieldValueInvalid","message":"Invalid value: 99: spec.maxSteps in body should be less than or equal to 10","field":"spec.maxSteps"},{"reason":"FieldValueNotSupported","message":"Unsupported value: \"Wild\": supported values: \"Observe\", \"Auto\"","field":"spec.mode"}]},"code":422})"},
              {"forbidden",
               ForbiddenAccess("bob", "list", kIncidents, "", "default", "").body(), R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"incidents.salve.dev is forbidden: User \"bob\" cannot list resource \"incidents\" in API group \"salve.dev\" in the namespace \"default\"","reason":"Forbidden","details":{"group":"salve.dev","kind":"incidents"},"code":403})"},
              {"expired list", ExpiredList().body(),
               R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"The resourceVersion for the provided list is too old.","reason":"Expired","code":410})"},
              {"expired watch", ExpiredWatch(1, 240).body(),
               R"j({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old resource version: 1 (240)","reason":"Expired","code":410})j"},
              {"future version", TooLargeResourceVersion(99, 7).body(),
               R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Timeout: Too large resource version: 99, current: 7","reason":"Timeout","details":{"causes":[{"reason":"ResourceVersionTooLarge","message":"Too large resource version"}],"retryAfterSeconds":1},"code":504})"},
              {"unauthorized", Unauthorized().body(),
               R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401})"},
              {"deleted", DeletedStatus(kIncidents, "i1", "e58f61a7"),
               R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success","details":{"name":"i1","group":"salve.dev","kind":"incidents","uid":"e58f61a7"}})"},
              {"patch that does not fit", PatchRejected().body(),
               R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"the server rejected our request due to an error in our request","reason":"Invalid","details":{},"code":422})"},
          };
  for (const Case& c : cases) EXPECT_EQ(c.got, Json::parse(c.want)) << c.name;
}

TEST(StatusBody, SaysItsMessagesInTheWordsOfTheRealServer) {
  const std::pair<std::string, const char*> cases[] = {
      {AlreadyExistsDeleting(kIncidents, "i1").message(),
       "object is being deleted: incidents.salve.dev \"i1\" already exists"},
      {StrictDecoding({"salve.dev", "v1alpha1", "healingpolicies", "HealingPolicy", true},
                      {UnknownFieldText("spec.colour"), UnknownFieldText("spec.target2")})
           .message(),
       "HealingPolicy in version \"v1alpha1\" cannot be handled as a HealingPolicy: strict "
       "decoding "
       "error: unknown field \"spec.colour\", unknown field \"spec.target2\""},
      {DuplicateFieldText("spec.mode"), "duplicate field \"spec.mode\""},
      {WarningHeader(UnknownFieldText("spec.colour")),
       "299 - \"unknown field \\\"spec.colour\\\"\""},
      {NameMismatch("dd", "ee").message(),
       "the name of the object (dd) does not match the name on the URL (ee)"},
      {NamespaceMismatch().message(),
       "the namespace of the provided object does not match the namespace sent on the request"},
      {FieldLabelNotSupported("spec.policy").message(), "field label not supported: spec.policy"},
      {RequiredCause("spec.a").message, "Required value"},
      {TooManyCause("spec.a", 4, 3).message, "Too many: 4: must have at most 3 items"},
      {TooLongCause("spec.a", 1).message, "Too long: may not be more than 1 byte"},
      {DuplicateCause("spec.steps[1]", {{"name", "a"}}).message,
       "Duplicate value: {\"name\":\"a\"}"},
      {ForbiddenAccess("a<b", "get", kIncidents, "status", "", "i1").message(),
       "incidents.salve.dev \"i1\" is forbidden: User \"a&lt;b\" cannot get resource "
       "\"incidents/status\" in API group \"salve.dev\" at the cluster scope"},
      {InvalidOptions("CreateOptions", {NotSupportedCause("dryRun", Json::array({"Foo"}), {"All"})})
           .message(),
       "CreateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: [\"Foo\"]: supported "
       "values: \"All\""},
  };
  for (const auto& [got, want] : cases) EXPECT_EQ(got, want);
}

TEST(StatusBody, NamesEqualErrorsOnceInTheSummary) {
  const Cause cause = RequiredCause("spec.a");
  EXPECT_EQ(Invalid("g", "K", "n", {cause, cause}).message(),
            "K.g \"n\" is invalid: spec.a: Required value");
}

TEST(StatusBody, CarriesTheContinueTokenOfAnExpiredList) {
  EXPECT_EQ(ExpiredContinue("NEW").body()["metadata"]["continue"], "NEW");
  EXPECT_EQ(ExpiredContinue("").body()["metadata"], Json::object());
  EXPECT_EQ(ExpiredContinue("").code(), 410);
}

TEST(StatusBody, TellsTheSecondsToWait) {
  EXPECT_EQ(TooManyRequests(3).retry_after_seconds(), 3);
  EXPECT_EQ(NotFound(kIncidents, "i1").retry_after_seconds(), 0);
  EXPECT_EQ(Unauthorized().retry_after_seconds(), 0);
}

// An object's name comes from outside: it must not break the answer.
TEST(StatusBody, CanBeWrittenWhateverTheNameIs) {
  EXPECT_NO_THROW((void)NotFound(kIncidents, "a\"b\n").body().dump());
  EXPECT_EQ(ShowValue(std::string("\xff")), "\"\xEF\xBF\xBD\"");
}

}  // namespace
}  // namespace salve::apiserver
