// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_CONTROLLER_RUNTIME_GRAPH_RUNNER_H_
#define SALVE_CONTROLLER_RUNTIME_GRAPH_RUNNER_H_

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "controller/runtime/controller_graph.h"
#include "controller/runtime/edge_wiring.h"

#include "pkg/base/file_source.h"
#include "pkg/base/metrics.h"
#include "pkg/engine/leader.h"

namespace salve::runtime {

// What a manager of the graph takes for the elector: the lead outlives the graph, so that a new
// configuration does not hand it to somebody else. Thread-safe.
class KeptLeadership final : public engine::LeaderElector {
 public:
  // `ready` is asked once it leads, and its error is Acquire's.
  KeptLeadership(engine::LeaderElector& inner, std::function<Status()> ready)
      : inner_(inner), ready_(std::move(ready)) {}
  Status Acquire(std::stop_token stop) override {
    if (!inner_.IsLeader()) SALVE_RETURN_IF_ERROR(inner_.Acquire(std::move(stop)));
    return ready_();
  }
  bool IsLeader() const override { return inner_.IsLeader(); }
  void OnLost(std::function<void()> callback) override { inner_.OnLost(std::move(callback)); }
  void Release() override {}
  std::string Problem() const override { return inner_.Problem(); }

 private:
  engine::LeaderElector& inner_;
  const std::function<Status()> ready_;
};

struct GraphRunnerOptions {
  GraphInput input;         // but for the configuration
  std::string config_file;  // "" = the built-in configuration, never reloaded
  Duration poll = std::chrono::seconds(1);
  // Asked before each attempt to start: OK, or what is missing yet (an API server, its kinds).
  std::function<Status()> prerequisites;
  // True where somebody else leads and this process waits: it is ready then, without controllers.
  std::function<bool()> standing_by = [] { return false; };
};

// Runs the controller's graph, and another one whenever the configuration is another: the file is
// read once a second (so that a symlink that is swapped is noticed like a write), and a text that
// was the same twice is taken over. The old graph is drained and ended, then the new one starts.
// What cannot be understood or built changes nothing but the log and two metrics:
// salve_configuration_reloads_total{result="success"|"failure"} and salve_configuration_valid.
// Thread-safe.
class GraphRunner {
 public:
  // All must outlive it.
  GraphRunner(GraphRunnerOptions options, EdgeWiring& edge, FileSource& files,
              metrics::Registry& metrics, Clock& clock, Random& random);
  ~GraphRunner();  // Stop()

  // Reads the configuration and starts; returns when it runs, or with what is wrong.
  Status Start();
  // The same, but only the configuration can be wrong: the start itself is tried in the background,
  // with a back-off, until it succeeds.
  Status StartInBackground();
  // Takes the file over now, changed or not (the files that it names may have changed).
  void Reload();
  // Drains and ends the graph, then gives the lead back. Safe to call twice.
  void Stop();

  // OK if everything runs, or stands by with full caches.
  Status Ready() const;
  // "valid", or what is wrong with the file as it is now; for people.
  std::string ConfigurationState() const;

 private:
  using Configuration = apis::config::v1alpha1::ControllerConfiguration;

  StatusOr<Configuration> Read(std::string* text);
  Status ReadFirst();
  StatusOr<std::shared_ptr<ControllerGraph>> Build(const Configuration& configuration);
  void Run(bool started);
  void StartUntilItWorks();
  Status StartGraph();
  void EndGraph();
  void Poll();
  void TakeOver(bool even_if_same);
  std::string CurrentText();
  Status CheckConfigurationIsCurrent();
  void Refuse(const Status& why);
  void Count(const char* result);
  bool WaitFor(Duration time);
  void SetProblem(const std::string& problem);

  GraphRunnerOptions options_;
  EdgeWiring& edge_;
  FileSource& files_;
  metrics::Registry& metrics_;
  Clock& clock_;
  Random& random_;
  engine::LeaderElector& elector_;
  KeptLeadership leadership_;
  std::stop_source stop_;

  // Only the thread that starts, then thread_, touches these.
  Configuration configuration_;
  std::string text_;                  // of the file as last judged
  std::optional<std::string> fresh_;  // another text, seen once

  mutable Mutex mu_;
  CondVar changed_;
  std::shared_ptr<ControllerGraph> graph_ SALVE_GUARDED_BY(mu_);
  bool reload_ SALVE_GUARDED_BY(mu_) = false;
  std::string problem_ SALVE_GUARDED_BY(mu_);  // why it does not run at the moment
  std::string configuration_problem_ SALVE_GUARDED_BY(mu_);
  std::thread thread_;
};

}  // namespace salve::runtime

#endif  // SALVE_CONTROLLER_RUNTIME_GRAPH_RUNNER_H_
