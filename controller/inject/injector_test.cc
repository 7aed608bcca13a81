// SPDX-License-Identifier: Apache-2.0
#include "controller/inject/injector.h"

#include <gtest/gtest.h>

namespace salve::inject {
namespace {

nlohmann::json Container(const std::vector<std::string>& command) {
  return {{"Config", {{"Cmd", command}}}};
}

TEST(PortOf, ReadsThePortFromTheCommand) {
  EXPECT_EQ(PortOf(Container({"redis-server", "--port", "6380"}), 6379), 6380);
  EXPECT_EQ(PortOf(Container({"postgres", "-c", "port=5433"}), 5432), 5433);
  EXPECT_EQ(PortOf(Container({"postgres", "-p", "5434"}), 5432), 5434);
  EXPECT_EQ(PortOf(Container({"redis-server", "--port"}), 6379), 6379);
  EXPECT_EQ(PortOf(Container({"redis-server", "--port", "x"}), 6379), 6379);
}

TEST(RefusalIn, KnowsTheLinesWithWhichServicesRefuse) {
  EXPECT_EQ(RefusalIn("(error) OOM command not allowed when used memory > 'maxmemory'.\n"),
            "OOM command not allowed when used memory > 'maxmemory'.");
  EXPECT_EQ(RefusalIn("psql: error: connection failed: FATAL:  sorry, too many clients already\n"),
            "FATAL:  sorry, too many clients already");
  EXPECT_EQ(RefusalIn("OK\n"), "");
}

}  // namespace
}  // namespace salve::inject
