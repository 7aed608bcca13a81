// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/graph_runner.h"

#include <utility>

#include "controller/runtime/backends.h"

#include "pkg/base/backoff.h"
#include "pkg/base/log.h"

namespace salve::runtime {
namespace {

using std::chrono::seconds;

constexpr std::size_t kMaxConfigBytes = 1u << 20;
constexpr Backoff::Options kStartBackoff{seconds(1), seconds(30), 2.0, 0.2};

}  // namespace

GraphRunner::GraphRunner(GraphRunnerOptions options, EdgeWiring& edge, FileSource& files,
                         metrics::Registry& metrics, Clock& clock, Random& random)
    : options_(std::move(options)),
      edge_(edge),
      files_(files),
      metrics_(metrics),
      clock_(clock),
      random_(random),
      elector_(*options_.input.elector),
      leadership_(elector_, [this] { return CheckConfigurationIsCurrent(); }) {
  options_.input.elector = &leadership_;
}

GraphRunner::~GraphRunner() { Stop(); }

StatusOr<GraphRunner::Configuration> GraphRunner::Read(std::string* text) {
  if (options_.config_file.empty()) return DefaultConfiguration();
  SALVE_ASSIGN_OR_RETURN(*text, files_.Read(options_.config_file, kMaxConfigBytes));
  return apis::config::v1alpha1::LoadConfiguration(*text, options_.config_file);
}

StatusOr<std::shared_ptr<ControllerGraph>> GraphRunner::Build(const Configuration& configuration) {
  GraphInput input = options_.input;
  input.configuration = configuration;
  input.default_configuration = options_.config_file.empty();
  SALVE_ASSIGN_OR_RETURN(auto graph, ControllerGraph::Build(std::move(input), clock_, random_));
  return std::shared_ptr<ControllerGraph>(std::move(graph));
}

Status GraphRunner::ReadFirst() {
  auto configuration = Read(&text_);
  if (configuration.code() == Code::kInvalidArgument) return configuration.status();
  if (!configuration.ok()) return configuration.status().Annotate("--config");
  configuration_ = *std::move(configuration);
  return Status::Ok();
}

Status GraphRunner::Start() {
  SALVE_RETURN_IF_ERROR(ReadFirst());
  SALVE_RETURN_IF_ERROR(StartGraph());
  Count(nullptr);
  if (!options_.config_file.empty()) thread_ = std::thread([this] { Run(/*started=*/true); });
  return Status::Ok();
}

Status GraphRunner::StartInBackground() {
  SALVE_RETURN_IF_ERROR(ReadFirst());
  SALVE_RETURN_IF_ERROR(Build(configuration_).status());
  Count(nullptr);
  SetProblem("starting");
  thread_ = std::thread([this] { Run(/*started=*/false); });
  return Status::Ok();
}

void GraphRunner::Run(bool started) {
  if (!started) StartUntilItWorks();
  while (WaitFor(options_.config_file.empty() ? std::chrono::hours(24) : options_.poll)) Poll();
}

// False when it is time to end. True also when a reload is asked for.
bool GraphRunner::WaitFor(Duration time) {
  const MonoTime until = clock_.Monotonic() + time;
  MutexLock lock(mu_);
  while (!stop_.stop_requested() && !reload_ && clock_.Monotonic() < until) {
    (void)clock_.WaitUntil(changed_, mu_, until);
  }
  return !stop_.stop_requested();
}

void GraphRunner::SetProblem(const std::string& problem) {
  MutexLock lock(mu_);
  problem_ = problem;
}

// One attempt, from nothing: a manager runs once.
Status GraphRunner::StartGraph() {
  if (options_.prerequisites) SALVE_RETURN_IF_ERROR(options_.prerequisites());
  SALVE_ASSIGN_OR_RETURN(std::shared_ptr<ControllerGraph> graph, Build(configuration_));
  edge_.Follow(*graph);
  {
    MutexLock lock(mu_);
    graph_ = graph;
    problem_.clear();
  }
  Status status = graph->manager().Start(stop_.get_token());
  if (!status.ok()) EndGraph();
  return status;
}

void GraphRunner::EndGraph() {
  std::shared_ptr<ControllerGraph> graph;
  {
    MutexLock lock(mu_);
    graph = graph_;
  }
  if (graph == nullptr) return;
  graph->manager().Stop();
  edge_.Unfollow(*graph);
  MutexLock lock(mu_);
  graph_ = nullptr;
}

void GraphRunner::StartUntilItWorks() {
  Backoff backoff(kStartBackoff);
  std::string told;
  while (!stop_.stop_requested()) {
    const Status status = StartGraph();
    if (status.ok() || stop_.stop_requested()) return;
    SetProblem(status.message());
    if (std::exchange(told, status.message()) != status.message()) {
      Log(Severity::kWarning, "the controller cannot start yet, trying again",
          {{"error", status.ToString()}});
    }
    if (!WaitFor(backoff.Next(random_))) return;
    Poll();
  }
}

// A file that cannot be read is a text, too: one that cannot be understood.
std::string GraphRunner::CurrentText() {
  const auto text = files_.Read(options_.config_file, kMaxConfigBytes);
  return text.ok() ? *text : "\n" + text.status().message();
}

void GraphRunner::Reload() {
  if (options_.config_file.empty()) {
    Log(Severity::kInfo, "nothing to reload: there is no configuration file");
    return;
  }
  MutexLock lock(mu_);
  reload_ = true;
  changed_.NotifyAll();
}

void GraphRunner::Poll() {
  bool asked = false;
  {
    MutexLock lock(mu_);
    asked = std::exchange(reload_, false);
  }
  if (options_.config_file.empty()) return;
  if (asked) return TakeOver(/*even_if_same=*/true);
  const std::string now = CurrentText();
  if (now == text_) {
    fresh_.reset();
  } else if (fresh_ == now) {
    TakeOver(/*even_if_same=*/false);
  } else {
    fresh_ = now;  // perhaps half written: judged when it has settled
  }
}

void GraphRunner::TakeOver(bool even_if_same) {
  fresh_.reset();
  std::string text;
  const auto configuration = Read(&text);
  if (text.empty() && !configuration.ok()) text = "\n" + configuration.status().message();
  if (std::exchange(text_, text) == text && !even_if_same) return;
  if (!configuration.ok()) return Refuse(configuration.status());
  // What can be found out without stopping anything.
  if (const auto built = Build(*configuration); !built.ok()) return Refuse(built.status());
  configuration_ = *configuration;
  bool running = false;
  {
    MutexLock lock(mu_);
    configuration_problem_.clear();
    running = graph_ != nullptr;  // else it is still waiting to start, and will with the new one
  }
  if (running) {
    SetProblem("taking over a new configuration");
    EndGraph();
    StartUntilItWorks();
  }
  Count("success");
  Log(Severity::kInfo, "configuration reloaded", {{"file", options_.config_file}});
}

// Whoever stood by for days must not act on what was true then.
Status GraphRunner::CheckConfigurationIsCurrent() {
  if (options_.config_file.empty()) return Status::Ok();
  const bool same = CurrentText() == text_;
  MutexLock lock(mu_);
  if (same && !reload_) return Status::Ok();
  return AbortedError("the configuration has changed meanwhile");
}

void GraphRunner::Refuse(const Status& why) {
  {
    MutexLock lock(mu_);
    configuration_problem_ = why.message();
  }
  Count("failure");
  Log(Severity::kError, "the new configuration is refused, the old one stays",
      {{"file", options_.config_file}, {"error", why.message()}});
}

// null: only shows that there is something to count.
void GraphRunner::Count(const char* result) {
  auto& reloads = metrics_.Counters("salve_configuration_reloads_total",
                                    "Configurations that were taken over or refused", {"result"});
  for (const char* one : {"success", "failure"}) reloads.With({one});
  if (result != nullptr) reloads.With({result}).Increment();
  metrics_
      .Gauges("salve_configuration_valid",
              "1 while the configuration file is the one that is in force", {})
      .With({})
      .Set(result == nullptr || std::string(result) == "success" ? 1 : 0);
}

void GraphRunner::Stop() {
  {
    MutexLock lock(mu_);
    stop_.request_stop();
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
  EndGraph();
  elector_.Release();
}

Status GraphRunner::Ready() const {
  std::shared_ptr<ControllerGraph> graph;
  {
    MutexLock lock(mu_);
    if (!problem_.empty()) return UnavailableError(problem_);
    graph = graph_;
  }
  if (graph == nullptr) return UnavailableError("stopping");
  const bool standing_by = options_.standing_by();
  for (const engine::HealthCheckResult& result : graph->manager().CheckHealth()) {
    if (result.ok) continue;
    if (standing_by && (result.name == "controllers" || result.name == "leader")) continue;
    return UnavailableError(result.name + ": " + result.message);
  }
  if (standing_by || graph->manager().ready()) return Status::Ok();
  return UnavailableError("still starting");
}

std::string GraphRunner::ConfigurationState() const {
  MutexLock lock(mu_);
  if (configuration_problem_.empty()) return "valid";
  return "refused, the old one is in force: " + configuration_problem_;
}

}  // namespace salve::runtime
