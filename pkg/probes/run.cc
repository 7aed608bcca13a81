// SPDX-License-Identifier: Apache-2.0
#include "pkg/probes/run.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "pkg/base/redact.h"
#include "pkg/http/ignore_error.h"
#include "pkg/probes/measurement.h"

namespace salve::probes {

using asio::ip::tcp;
using boost::system::error_code;

Run::Run(LoopTools& tools, ProbeJob job, Done done)
    : tools_(tools), job_(std::move(job)), done_(std::move(done)), timer_(tools.io) {}

void Run::Start() {
  const auto timeout = std::chrono::seconds(std::max<std::int64_t>(1, job_.probe.timeout_seconds));
  started_ = tools_.options.clock->Monotonic();
  deadline_ = started_ + timeout;
  timer_.expires_after(timeout);
  timer_.async_wait([this, self = shared_from_this()](error_code error) {
    if (!error && !finished_) Finish(Late());
  });
  Begin();
}

void Run::Abandon(const std::string& why) { Finish(NotMeasured(why)); }

void Run::Finish(healing::Measurement measurement) {
  if (finished_) return;
  finished_ = true;
  timer_.cancel();
  Close();
  measurement.at = tools_.options.clock->Now();
  measurement.latency = tools_.options.clock->Monotonic() - started_;
  const Done done = std::move(done_);
  done(job_, measurement);
}

std::string Run::TimeoutText() const { return std::to_string(job_.probe.timeout_seconds) + " s"; }

NetworkRun::NetworkRun(LoopTools& tools, ProbeJob job, Done done)
    : Run(tools, std::move(job), std::move(done)), socket_(tools.io) {}

void NetworkRun::ReadPassword(const std::optional<apis::salve::v1alpha1::SecretSource>& source) {
  if (!source) return Authenticated("");
  stage_ = Stage::kSecret;
  SecretReader* secrets = tools().options.secrets;
  if (secrets == nullptr) return Finish(NotMeasured("the probe's password cannot be read here"));
  secret_ = source;
  const bool far = source->ssm || source->secrets_manager;
  InBackground<StatusOr<std::string>>(
      far ? tools().remote_secrets : tools().commands,
      [secrets, source, ns = job().ns] { return secrets->Read(*source, ns); },
      [this](StatusOr<std::string> password) {
        if (!password.ok()) {
          return Finish(
              NotMeasured("reading the probe's password: " + password.status().message()));
        }
        RegisterSecret(*password);
        Authenticated(*password);
      });
}

void NetworkRun::PasswordRefused() {
  if (secret_) tools().options.secrets->Refused(*secret_);
}

void NetworkRun::Connect(const std::string& host, int port) { Locate(host, port); }

void NetworkRun::Locate(const std::string& host, int port) {
  where_ = host + ":" + std::to_string(port);
  stage_ = Stage::kLookup;
  const auto number = static_cast<unsigned short>(port);
  error_code error;
  const auto address = asio::ip::make_address(host, error);
  if (!error) return Allow({{address, number}});
  InBackground<std::pair<error_code, std::vector<tcp::endpoint>>>(
      tools().lookups,
      [host, number] {
        std::pair<error_code, std::vector<tcp::endpoint>> found;
        asio::io_context io;
        tcp::resolver resolver(io);
        const auto results = resolver.resolve(host, std::to_string(number),
                                              tcp::resolver::address_configured, found.first);
        for (const auto& entry : results) {
          if (found.second.size() < 16) found.second.push_back(entry.endpoint());
        }
        return found;
      },
      [this, host](const std::pair<error_code, std::vector<tcp::endpoint>>& found) {
        if (found.first || found.second.empty()) {
          const std::string why = found.first ? found.first.message() : "no address";
          return Finish(NotMeasured("looking up " + host + ": " + why));
        }
        Allow(found.second);
      });
}

void NetworkRun::Allow(const std::vector<tcp::endpoint>& endpoints) {
  const AddressPolicy& policy = tools().options.address_policy;
  std::string refusal;
  for (const tcp::endpoint& endpoint : endpoints) {
    const Status allowed = policy ? policy(job().ns, endpoint.address().to_string()) : Status::Ok();
    if (allowed.ok()) {
      endpoints_.push_back(endpoint);
    } else if (refusal.empty()) {
      refusal = allowed.message();
    }
  }
  if (endpoints_.empty()) return Finish(NotMeasured("address refused: " + refusal));
  stage_ = Stage::kConnect;
  Located(endpoints_);
}

void NetworkRun::Located(const std::vector<tcp::endpoint>& /*endpoints*/) { TryNext(); }

void NetworkRun::TryNext() {
  const tcp::endpoint endpoint = endpoints_[next_++];
  error_code ignored;
  http::Ignore(socket_.close(ignored));
  socket_.async_connect(endpoint, [this, self = shared_from_this()](error_code error) {
    if (finished()) return;
    if (!error) {
      stage_ = Stage::kTalk;
      error_code option;
      http::Ignore(socket_.set_option(tcp::no_delay(true), option));
      return Connected();
    }
    if (next_ < endpoints_.size()) return TryNext();
    Finish(Unreachable("connecting to " + where_ + ": " + error.message()));
  });
}

healing::Measurement NetworkRun::Unreachable(const std::string& why) { return Ill(why); }

void NetworkRun::Close() {
  error_code ignored;
  http::Ignore(socket_.close(ignored));
}

healing::Measurement NetworkRun::Late() {
  switch (stage_) {
    case Stage::kSecret:
      return NotMeasured("reading the probe's password timed out after " + TimeoutText());
    case Stage::kLookup:
      return NotMeasured("looking up " + where_ + " timed out after " + TimeoutText());
    case Stage::kConnect:
      return Unreachable("connecting to " + where_ + ": timed out, no answer within " +
                         TimeoutText());
    case Stage::kTalk:
      break;
  }
  return Unreachable(where_ + ": timed out, connected but no answer within " + TimeoutText());
}

StatusOr<HostPort> ParseHostPort(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  const Status wrong = InvalidArgumentError("\"" + OneLine(address) + "\" is not host:port");
  if (colon == std::string::npos || colon == 0) return wrong;
  HostPort out;
  out.host = address.substr(0, colon);
  if (out.host.front() == '[') {
    if (out.host.size() < 3 || out.host.back() != ']') return wrong;
    out.host = out.host.substr(1, out.host.size() - 2);
  } else if (out.host.find(':') != std::string::npos) {
    return wrong;
  }
  const char* end = address.data() + address.size();
  const auto [stop, error] = std::from_chars(address.data() + colon + 1, end, out.port);
  if (error != std::errc() || stop != end || out.port < 1 || out.port > 65535) return wrong;
  return out;
}

std::shared_ptr<Run> MakeRun(LoopTools& tools, ProbeJob job, Run::Done done) {
  const auto& probe = job.probe;
  if (probe.redis) return MakeRedisRun(tools, std::move(job), std::move(done));
  if (probe.postgres) return MakePostgresRun(tools, std::move(job), std::move(done));
  if (probe.http) return MakeHttpRun(tools, std::move(job), std::move(done));
  if (probe.prometheus) return MakePrometheusRun(tools, std::move(job), std::move(done));
  if (probe.cloud_watch) return MakeCloudWatchRun(tools, std::move(job), std::move(done));
  if (probe.tcp) return MakeTcpRun(tools, std::move(job), std::move(done));
  return MakeExecRun(tools, std::move(job), std::move(done));
}

}  // namespace salve::probes
