// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/options.h"

#include <fstream>

#include "pkg/base/environment.h"

namespace salve::runtime {

std::string HostPort(const std::string& host, int port) {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Status WriteAddress(const std::string& path, const std::string& address) {
  std::ofstream out(path, std::ios::trunc);
  out << address << "\n";
  out.close();
  return out ? Status::Ok() : UnavailableError("cannot write " + path);
}

bool SelfHealEnabled() {
  const std::string text = Variable("SELF_HEAL_ENABLED").value_or("true");
  return text != "false" && text != "0" && text != "no" && text != "off";
}

StatusOr<std::pair<std::string, int>> ParseListen(const std::string& flag,
                                                  const std::string& address) {
  const Status bad = InvalidArgumentError(flag + ": \"" + address + "\" is not HOST:PORT");
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0) return bad;
  std::string host = address.substr(0, colon);
  if (host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  const std::string digits = address.substr(colon + 1);
  if (digits.empty() || digits.size() > 5 ||
      digits.find_first_not_of("0123456789") != std::string::npos || std::stoi(digits) > 65535) {
    return bad;
  }
  return std::pair(host, std::stoi(digits));
}

}  // namespace salve::runtime
