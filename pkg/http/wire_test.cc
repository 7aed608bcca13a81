// SPDX-License-Identifier: Apache-2.0
#include "pkg/http/wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace salve::http {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Wire, DatesAreThoseOfHttp) {
  EXPECT_EQ(HttpDate(WallTime(std::chrono::seconds(784111777))), "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(Wire, StatusesWithoutABodyAnnounceNoLength) {
  EXPECT_THAT(ResponseHead({204, {}, ""}, {}, {}), Not(HasSubstr("Content-Length")));
  EXPECT_THAT(ResponseHead({200, {}, ""}, {}, {}), HasSubstr("Content-Length: 0\r\n"));
}

TEST(Wire, FieldsWithImpossibleNamesAreDropped) {
  const Response response{200, {{"X A", "1"}, {"", "2"}, {"X\r\nB", "3"}, {"Good", "4"}}, ""};
  EXPECT_EQ(ResponseHead(response, {}, WallTime()),
            "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nGood: 4\r\n"
            "Content-Length: 0\r\n\r\n");
}

TEST(Wire, ARequestsFramingIsWrittenHereAndNotTakenFromTheCaller) {
  Request request{"POST", "/x", {{"Transfer-Encoding", "chunked"}, {"A", "b"}}, "body", ""};
  EXPECT_EQ(RequestBytes(request, "h"),
            "POST /x HTTP/1.1\r\nHost: h\r\nA: b\r\nContent-Length: 4\r\n\r\nbody");
}

TEST(Wire, ChunksCarryTheirSizeInHexadecimal) {
  std::string out;
  AppendChunk(out, std::string(26, 'x'));
  EXPECT_EQ(out, "1a\r\n" + std::string(26, 'x') + "\r\n");
}

}  // namespace
}  // namespace salve::http
