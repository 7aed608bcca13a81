// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstdlib>
#include <utility>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <libpq-fe.h>

#include "pkg/probes/measurement.h"
#include "pkg/probes/postgres_answers.h"
#include "pkg/probes/run.h"

namespace salve::probes {
namespace {

using asio::ip::tcp;
using boost::system::error_code;
using Wait = asio::posix::stream_descriptor::wait_type;

// One connection, one query, and away again: a probe must never be what holds the last slot. libpq
// owns the socket, the loop only watches it.
class PostgresRun final : public NetworkRun {
 public:
  PostgresRun(LoopTools& tools, ProbeJob job, Done done)
      : NetworkRun(tools, std::move(job), std::move(done)), watched_(tools.io) {}
  ~PostgresRun() override { Disconnect(); }

 private:
  void Begin() override {
    const auto address = ParseHostPort(job().probe.postgres->address);
    if (!address.ok()) return Finish(NotMeasured(address.status().message()));
    address_ = *address;
    ReadPassword(job().probe.postgres->password);
  }

  void Authenticated(const std::string& password) override {
    password_ = password;
    Locate(address_.host, address_.port);
  }

  void Located(const std::vector<tcp::endpoint>& endpoints) override {
    candidates_ = endpoints;
    ConnectNext();
  }

  void ConnectNext() {
    const auto& probe = *job().probe.postgres;
    const std::string ip = candidates_[tried_++].address().to_string();
    const std::string port = std::to_string(address_.port);
    const std::string user = probe.user.empty() ? "postgres" : probe.user;
    const std::string database = probe.database.empty() ? "postgres" : probe.database;
    // hostaddr: libpq looks up nothing itself; host is for certificates and the password file only.
    const std::array<const char*, 10> keys = {
        "host",       "hostaddr",         "port", "user", "dbname", "password", "passfile",
        "gssencmode", "application_name", nullptr};
    const std::array<const char*, 10> values = {
        address_.host.c_str(), ip.c_str(),  port.c_str(), user.c_str(),  database.c_str(),
        password_.c_str(),     "/dev/null", "disable",    "salve-probe", nullptr};
    connection_ = PQconnectStartParams(keys.data(), values.data(), 0);
    if (connection_ == nullptr) return Finish(NotMeasured("libpq is out of memory"));
    if (PQstatus(connection_) == CONNECTION_BAD) return Failed();
    PQsetnonblocking(connection_, 1);
    Watch(Wait::wait_write, &PostgresRun::PollConnect);
  }

  void Watch(Wait what, void (PostgresRun::*then)()) {
    const int fd = PQsocket(connection_);
    if (fd < 0) return Failed();
    // libpq may open another socket between two polls (without TLS after with).
    if (!watched_.is_open() || watched_.native_handle() != fd) {
      if (watched_.is_open()) watched_.release();
      watched_.assign(fd);
    }
    watched_.async_wait(what, [this, then, self = shared_from_this()](error_code error) {
      if (finished() || error) return;
      (this->*then)();
    });
  }

  void PollConnect() {
    // The descriptor may be closed inside the poll, so the loop must not know it any more by then.
    watched_.release();
    switch (PQconnectPoll(connection_)) {
      case PGRES_POLLING_READING:
        return Watch(Wait::wait_read, &PostgresRun::PollConnect);
      case PGRES_POLLING_WRITING:
        return Watch(Wait::wait_write, &PostgresRun::PollConnect);
      case PGRES_POLLING_OK:
        return Ask();
      default:
        return Failed();
    }
  }

  void Ask() {
    connected_ = true;
    if (PQsendQuery(connection_, kPostgresQuestion) == 0) return Failed();
    Flush();
  }

  void Flush() {
    const int left = PQflush(connection_);
    if (left < 0) return Failed();
    Watch(left > 0 ? Wait::wait_write : Wait::wait_read,
          left > 0 ? &PostgresRun::Flush : &PostgresRun::ReadAnswer);
  }

  void ReadAnswer() {
    if (PQconsumeInput(connection_) == 0) return Failed();
    if (PQisBusy(connection_) != 0) return Watch(Wait::wait_read, &PostgresRun::ReadAnswer);
    PGresult* result = PQgetResult(connection_);
    if (result == nullptr) return Failed();
    healing::Measurement m;
    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1 &&
        PQnfields(result) == 7) {
      const auto number = [&](int column) {
        return std::strtoll(PQgetvalue(result, 0, column), nullptr, 10);
      };
      m = JudgePostgres(job().probe, {number(0), number(1), number(2), number(3), number(4),
                                      number(5), number(6)});
    } else {
      m = JudgePostgresError(PQresultErrorMessage(result));
    }
    PQclear(result);
    Finish(std::move(m));
  }

  void Failed() {
    const std::string text = PQerrorMessage(connection_);
    const bool needs_password = PQconnectionNeedsPassword(connection_) != 0;
    // Only a refused connection is a reason to try the name's next address.
    if (!connected_ && text.find("FATAL") == std::string::npos && tried_ < candidates_.size()) {
      Disconnect();
      return ConnectNext();
    }
    if (needs_password || text.find("password authentication failed") != std::string::npos) {
      PasswordRefused();
    }
    if (needs_password) return Finish(NotMeasured(where_ + ": a password is needed", text));
    Finish(JudgePostgresError(text.empty() ? where_ + ": the connection broke" : text));
  }

  void Disconnect() {
    if (watched_.is_open()) watched_.release();  // cancels the wait; libpq closes the socket
    if (connection_ != nullptr) PQfinish(connection_);
    connection_ = nullptr;
  }

  void Close() override {
    Disconnect();
    NetworkRun::Close();
  }

  healing::Measurement Late() override {
    if (connection_ == nullptr) return NetworkRun::Late();
    return Ill(where_ +
               (connected_ ? ": timed out, connected but no answer to a query within "
                           : ": timed out, no connection within ") +
               TimeoutText());
  }

  HostPort address_;
  std::string password_;
  std::vector<tcp::endpoint> candidates_;
  std::size_t tried_ = 0;
  PGconn* connection_ = nullptr;
  asio::posix::stream_descriptor watched_;
  bool connected_ = false;
};

}  // namespace

std::shared_ptr<Run> MakePostgresRun(LoopTools& tools, ProbeJob job, Run::Done done) {
  return std::make_shared<PostgresRun>(tools, std::move(job), std::move(done));
}

}  // namespace salve::probes
