// SPDX-License-Identifier: Apache-2.0
//
// Posts alerts over kept connections, each waiting for its answer before it sends the next, and
// prints what came of it as JSON. Each connection has a problem of its own, another one each time
// this program runs.
//
//   deliveries TO HOST:PORT CONNECTIONS ALERTS WHAT RATE [TOKEN]
//
// TO is salve (POST /api/v1/webhooks/am, as Alertmanager delivers) or alertmanager (POST
// /api/v2/alerts, as Prometheus delivers). WHAT is changes: the problem begins and ends in turns,
// so that each alert is news; or repeats: it goes on. RATE is how many a second over all
// connections, counted from when each was due; 0: as fast as they are answered. Exit: 0; 1 an
// answer was not 2xx or a connection broke; 2 usage.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kProblems = 50;
constexpr std::size_t kMaxAnswer = 64 * 1024;

struct Order {
  bool to_salve = false;
  sockaddr_in address = {};
  int connections = 0;
  int alerts = 0;
  bool changes = true;
  double rate = 0;  // alerts a second, of all connections together; 0 = no pause
  std::string token;
};

// What one connection has measured.
struct Tally {
  std::vector<double> millis;
  int refused = 0;
  bool broken = false;
};

// The time `steps` seconds before now: alerts follow each other, and none is of the future.
std::string TimeAt(std::time_t now, int steps) {
  const std::time_t at = now - steps;
  std::tm parts = {};
  gmtime_r(&at, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

std::string Body(const Order& order, int connection, int step, int count, std::time_t now) {
  const int number = order.changes ? step : 0;
  const bool firing = number % 2 == 0;
  const std::string begin = TimeAt(now, 2 * (count - number / 2 * 2));
  const std::string end = TimeAt(now, 2 * (count - number) + 1);
  const std::string labels =
      R"("labels":{"alertname":"Load","severity":"warning","problem":")" +
      std::to_string(connection % kProblems + 1) + R"(","instance":")" +
      std::to_string(::getpid()) + "-" + std::to_string(connection / kProblems) +
      R"("},"annotations":{"summary":"a problem of the benchmark"},"startsAt":")" + begin + '"';
  if (!order.to_salve) return "[{" + labels + (firing ? "" : R"(,"endsAt":")" + end + '"') + "}]";
  const std::string state = firing ? "firing" : "resolved";
  return R"({"version":"4","status":")" + state + R"(","alerts":[{"status":")" + state + "\"," +
         labels + R"(,"endsAt":")" + (firing ? "0001-01-01T00:00:00Z" : end) + "\"}]}";
}

std::string Request(const Order& order, const std::string& body) {
  std::string head =
      order.to_salve
          ? "POST /api/v1/webhooks/am HTTP/1.1\r\nAuthorization: Bearer " + order.token + "\r\n"
          : "POST /api/v2/alerts HTTP/1.1\r\n";
  return head + "Host: bench\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

bool SendAll(int socket, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

// The length of the whole answer, once its head is there; 0 before.
std::size_t LengthOf(const std::string& answer) {
  const std::size_t end = answer.find("\r\n\r\n");
  if (end == std::string::npos) return 0;
  const char* field = ::strcasestr(answer.c_str(), "\r\ncontent-length:");
  const std::size_t body =
      field == nullptr ? 0 : std::strtoul(field + std::strlen("\r\ncontent-length:"), nullptr, 10);
  return end + 4 + body;
}

// The status of the answer; 0 if the connection broke.
int ReadAnswer(int socket) {
  std::string answer;
  char buffer[4096];
  while (answer.size() < kMaxAnswer) {
    const ssize_t got = ::recv(socket, buffer, sizeof buffer, 0);
    if (got <= 0) return 0;
    answer.append(buffer, static_cast<std::size_t>(got));
    const std::size_t length = LengthOf(answer);
    if (length > 0 && answer.size() >= length)
      return std::atoi(answer.c_str() + std::strlen("HTTP/1.1 "));
  }
  return 0;
}

// A connected socket; negative if there is none.
int Connect(const sockaddr_in& address) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  if (socket < 0) return socket;
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    return socket;
  }
  ::close(socket);
  return -1;
}

void Deliver(const Order& order, int connection, int count, Tally& tally) {
  const int socket = Connect(order.address);
  tally.broken = socket < 0;
  const std::time_t now = std::time(nullptr);
  const std::chrono::duration<double> pause(order.rate > 0 ? order.connections / order.rate : 0);
  // One after the other, not all at once.
  const Clock::time_point start = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                                     pause * connection / order.connections);
  for (int i = 0; i < count && !tally.broken; ++i) {
    const std::string request = Request(order, Body(order, connection, i, count, now));
    Clock::time_point begin = Clock::now();
    if (order.rate > 0) {
      begin = start + std::chrono::duration_cast<Clock::duration>(pause * i);
      std::this_thread::sleep_until(begin);
    }
    const int status = SendAll(socket, request) ? ReadAnswer(socket) : 0;
    tally.millis.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
    tally.broken = status == 0;
    if (status / 100 != 2) ++tally.refused;
  }
  if (socket >= 0) ::close(socket);
}

bool Parse(int argc, char** argv, Order& order) {
  if (argc < 7) return false;
  order.to_salve = std::string_view(argv[1]) == "salve";
  const std::string address = argv[2];
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos) return false;
  order.address.sin_family = AF_INET;
  order.address.sin_port =
      htons(static_cast<std::uint16_t>(std::atoi(address.c_str() + colon + 1)));
  order.connections = std::atoi(argv[3]);
  order.alerts = std::atoi(argv[4]);
  order.changes = std::string_view(argv[5]) == "changes";
  order.rate = std::atof(argv[6]);
  order.token = argc > 7 ? argv[7] : "";
  return ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &order.address.sin_addr) == 1 &&
         order.connections > 0 && order.alerts >= order.connections;
}

int Report(const std::vector<Tally>& tallies, double seconds) {
  std::vector<double> millis;
  int refused = 0;
  int broken = 0;
  for (const Tally& tally : tallies) {
    millis.insert(millis.end(), tally.millis.begin(), tally.millis.end());
    refused += tally.refused;
    broken += tally.broken ? 1 : 0;
  }
  if (millis.empty()) millis.push_back(0);
  std::sort(millis.begin(), millis.end());
  const auto at = [&](double part) {
    return millis[static_cast<std::size_t>(part * static_cast<double>(millis.size() - 1))];
  };
  std::printf(
      "{\"alerts\": %zu, \"refused\": %d, \"broken\": %d, \"seconds\": %.3f, \"p50\": %.3f, "
      "\"p99\": %.3f, \"max\": %.3f}\n",
      millis.size(), refused, broken, seconds, at(.5), at(.99), millis.back());
  return refused == 0 && broken == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Order order;
  if (!Parse(argc, argv, order)) {
    std::fputs(
        "usage: deliveries salve|alertmanager HOST:PORT CONNECTIONS ALERTS changes|repeats RATE "
        "[TOKEN]\n",
        stderr);
    return 2;
  }
  std::vector<Tally> tallies(static_cast<std::size_t>(order.connections));
  std::vector<std::thread> threads;
  const Clock::time_point begin = Clock::now();
  for (int i = 0; i < order.connections; ++i) {
    threads.emplace_back(Deliver, std::cref(order), i, order.alerts / order.connections,
                         std::ref(tallies[static_cast<std::size_t>(i)]));
  }
  for (std::thread& thread : threads) thread.join();
  return Report(tallies, std::chrono::duration<double>(Clock::now() - begin).count());
}
