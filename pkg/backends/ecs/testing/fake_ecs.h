// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_ECS_TESTING_FAKE_ECS_H_
#define SALVE_PKG_BACKENDS_ECS_TESTING_FAKE_ECS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pkg/backends/ecs/api.h"
#include "pkg/base/clock.h"

// An account of ECS in memory, in AWS's own JSON: what tests put in comes out of the reading calls,
// the changing calls change it. Nothing happens by itself. Not thread-safe.
namespace salve::backends::ecs::testing {

inline constexpr char kRegion[] = "eu-central-1";
inline constexpr char kAccount[] = "123456789012";
std::string EcsArn(const std::string& resource);

class FakeEcs final : public Api {
 public:
  explicit FakeEcs(SimulatedClock& clock) : clock_(clock) {}

  StatusOr<Json> Call(const Permission& call, const Json& body,
                      const CallContext& context) override;

  // --- what there is

  // A revision of a family with one container "app" that logs to /demo. Its ARN.
  std::string Register(const std::string& family, const Json& container = Json::object(),
                       const Json& fields = Json::object());
  // A steady service of the newest revision of the family of its name, in cluster "shop".
  Json& AddService(const std::string& name, std::int64_t desired);
  Json& service(const std::string& name) { return services_.at(name); }
  // A new primary deployment of that task definition, IN_PROGRESS, made now. Its id.
  std::string Deploy(const std::string& name, const std::string& definition);
  // The primary deployment is complete, the others are gone, all tasks run.
  void Complete(const std::string& name);
  // A task of the primary deployment, running since now.
  Json& AddTask(const std::string& name);
  // A task of the service that is there already.
  Json& FirstTask(const std::string& name);
  // One that ended now, `ran` after its start.
  Json& AddEnded(const std::string& name, std::int64_t exit_code,
                 Duration ran = std::chrono::seconds(5));
  // One that never started.
  Json& AddNotStarted(const std::string& name, const std::string& why);
  void ClearTasks() { tasks_.clear(); }
  void Event(const std::string& name, const std::string& message);
  Json& definition(const std::string& arn) { return definitions_.at(arn); }

  std::map<std::string, std::vector<Json>> log_events;  // by group, oldest first
  Json scalable_targets = Json::array();
  std::map<std::string, Json> target_health;  // by target group: TargetHealthDescriptions
  // Of the account's only service: task definitions of deployments that succeeded, oldest first.
  std::vector<std::string> succeeded;
  std::size_t page = 100;       // of lists
  std::size_t log_page = 1000;  // of FilterLogEvents
  Duration visible_after{0};    // how late DescribeServices shows an UpdateService

  // --- what goes wrong

  // The next `count` (-1: all) calls of that operation end so, `applied`: after they were carried
  // out.
  void Fail(const std::string& operation, Status status, bool applied = false, int count = 1);
  void Deny(const std::string& operation, int count = -1);

  // --- what was asked

  struct Made {
    std::string operation;
    Json body;
  };
  std::vector<Made> calls;
  std::size_t Count(const std::string& operation) const;
  const Json& Last(const std::string& operation) const;

 private:
  struct Fault {
    std::string operation;
    Status status;
    bool applied = false;
    int left = 0;
  };

  StatusOr<Json> Answer(const std::string& operation, const Json& body);
  Json DescribeServices(const Json& body);
  Json ListTasks(const Json& body) const;
  Json DescribeTasks(const Json& body) const;
  StatusOr<Json> Update(const Json& body);
  Json FilterLogs(const Json& body) const;
  double Now() const;

  SimulatedClock& clock_;
  std::map<std::string, Json> services_;
  std::map<std::string, std::pair<Json, MonoTime>> stale_;  // what is shown until then
  std::vector<Json> tasks_;
  std::map<std::string, Json> definitions_;                   // by ARN
  std::map<std::string, Json> tags_;                          // by ARN
  std::map<std::string, std::vector<std::string>> families_;  // ARNs, oldest first
  std::vector<Fault> faults_;
  int next_ = 1;
};

}  // namespace salve::backends::ecs::testing

#endif  // SALVE_PKG_BACKENDS_ECS_TESTING_FAKE_ECS_H_
