// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_BACKENDS_DOCKER_TESTING_REAL_ENGINE_H_
#define SALVE_PKG_BACKENDS_DOCKER_TESTING_REAL_ENGINE_H_

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pkg/backends/docker/docker_backend.h"
#include "pkg/backends/text.h"
#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"
#include "pkg/base/random.h"

// For tests that drive the Docker engine of the environment (DOCKER_HOST, unix socket only) through
// the backend on one side and through the docker program, as a person would, on the other.
namespace salve::backends::docker::testing {

struct CommandResult {
  int exit_code = -1;
  std::string output;  // stdout and stderr
};

inline CommandResult Shell(const std::string& command) {
  CommandResult result;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return result;
  std::array<char, 4096> buffer{};
  while (const std::size_t n = fread(buffer.data(), 1, buffer.size(), pipe)) {
    result.output.append(buffer.data(), n);
  }
  const int status = pclose(pipe);
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

// Runs `docker …`; its output without the last line end. A failure of it is a failure of the test.
inline std::string Docker(const std::vector<std::string>& arguments) {
  std::vector<std::string> argv = {"docker"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  const std::string command = ShellQuote(argv);
  const CommandResult result = Shell(command);
  EXPECT_EQ(result.exit_code, 0) << command << "\n" << result.output;
  return std::string(Trim(result.output));
}

// A name that no other run uses.
inline std::string UniqueName(const std::string& what) {
  static std::atomic<int> counter{0};
  return "salve-test-" + what + "-" + std::to_string(getpid()) + "-" + std::to_string(++counter);
}

// A container that is removed at the end of the scope.
class Container {
 public:
  Container(const std::string& what, std::vector<std::string> options,
            const std::vector<std::string>& image_and_command)
      : name(UniqueName(what)) {
    std::vector<std::string> arguments = {"run", "--detach", "--name", name};
    arguments.insert(arguments.end(), options.begin(), options.end());
    arguments.insert(arguments.end(), image_and_command.begin(), image_and_command.end());
    Docker(arguments);
  }
  ~Container() { Shell("docker rm --force --volumes " + name); }
  Container(const Container&) = delete;
  Container& operator=(const Container&) = delete;

  healing::TargetRef ref() const { return {"docker", "Container", name}; }
  // Runs a shell line inside.
  std::string Inside(const std::string& line) const {
    return Docker({"exec", name, "sh", "-c", line});
  }

  const std::string name;
};

inline const char* HostFromEnvironment() { return std::getenv("DOCKER_HOST"); }

inline bool Required() {
  const char* require = std::getenv("SALVE_REQUIRE");
  return require != nullptr && std::string(require) == "all";
}

// A started backend on the engine of the environment.
class RealEngineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (HostFromEnvironment() == nullptr ||
        std::string(HostFromEnvironment()).substr(0, 7) != "unix://" ||
        Shell("docker image inspect salve-test/tiny:1 salve-test/redis:7 salve-test/postgres:15")
                .exit_code != 0) {
      const char* reason =
          "needs a Docker engine with the test images: hack/docker-up DIR, hack/images DIR, "
          "DOCKER_HOST=unix://… from DIR/docker.env";
      if (Required()) FAIL() << reason;
      GTEST_SKIP() << reason;
    }
    Restart();
  }
  void TearDown() override {
    if (backend != nullptr) backend->Stop();
  }

  // A new backend with an empty memory, as after a restart of Salve.
  void Restart() {
    if (backend != nullptr) backend->Stop();
    DockerOptions options;
    options.host = HostFromEnvironment();
    options.clock = &SystemClock();
    options.random = &SystemRandom();
    options.terminate_postgres_superusers = terminate_superusers;
    options.exec_environment = exec_environment;
    auto made = MakeDockerBackend(std::move(options));
    ASSERT_TRUE(made.ok()) << made.status();
    backend = std::move(made).value();
    backend->OnChange([this](const healing::TargetRef&) {
      MutexLock lock(mu_);
      ++changes_;
      changed_.NotifyAll();
    });
    ASSERT_TRUE(backend->Start().ok());
    ASSERT_TRUE(Await([this] { return backend->Available().ok(); })) << backend->Available();
  }

  // Waits until `condition` holds, looking again at every change of the backend's view.
  bool Await(const std::function<bool()>& condition, int seconds = 20) {
    const MonoTime deadline = SystemClock().Monotonic() + std::chrono::seconds(seconds);
    for (;;) {
      int seen = 0;
      {
        MutexLock lock(mu_);
        seen = changes_;
      }
      if (condition()) return true;
      MutexLock lock(mu_);
      while (changes_ == seen) {
        if (!SystemClock().WaitUntil(changed_, mu_, deadline) && changes_ == seen) return false;
      }
    }
  }

  bool HasCondition(const Container& container, const std::string& condition) {
    const auto seen = backend->Cached(container.ref());
    if (!seen.ok()) return false;
    for (const std::string& c : seen->conditions) {
      if (c == condition) return true;
    }
    return false;
  }
  bool IsHealthy(const Container& container) {
    const auto seen = backend->Cached(container.ref());
    return seen.ok() && seen->state == healing::HealthState::kHealthy;
  }

  ActionRequest Request(const Container& container, const healing::Action& action) {
    ActionRequest request;
    request.attempt_id = UniqueName("attempt");
    request.action = action;
    request.target = container.ref();
    request.deadline = SystemClock().Monotonic() + std::chrono::seconds(60);
    const auto seen = backend->Observe(container.ref(), {});
    EXPECT_TRUE(seen.ok()) << seen.status();
    if (seen.ok()) request.identity_before = seen->identity;
    return request;
  }

  healing::ActionResult MustExecute(const ActionRequest& request) {
    const auto result = backend->Execute(request);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.value_or(healing::ActionResult{});
  }

  bool terminate_superusers = false;
  std::function<std::map<std::string, std::string>(const healing::TargetRef&)> exec_environment;
  std::unique_ptr<Backend> backend;

 private:
  Mutex mu_;
  CondVar changed_;
  int changes_ SALVE_GUARDED_BY(mu_) = 0;
};

inline constexpr auto kApplied = healing::ActionResult::Outcome::kApplied;
inline constexpr auto kNotApplied = healing::ActionResult::Outcome::kNotApplied;
inline constexpr auto kUnknown = healing::ActionResult::Outcome::kUnknown;

}  // namespace salve::backends::docker::testing

#endif  // SALVE_PKG_BACKENDS_DOCKER_TESTING_REAL_ENGINE_H_
