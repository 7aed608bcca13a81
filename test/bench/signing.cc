// SPDX-License-Identifier: Apache-2.0
//
// How many requests a second SignHeaders() signs on one thread. Prints the number.
//   signing [SECONDS]   (default 2)
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "pkg/aws/sigv4.h"
#include "pkg/base/time_format.h"

namespace {

using salve::aws::Credentials;

salve::http::Request DescribeServices() {
  salve::http::Request request;
  request.method = "POST";
  request.target = "/";
  request.headers.Set("Host", "ecs.eu-central-1.amazonaws.com");
  request.headers.Set("Content-Type", "application/x-amz-json-1.1");
  request.headers.Set("X-Amz-Target", "AmazonEC2ContainerServiceV20141113.DescribeServices");
  request.body = R"({"cluster":"demo","services":["a","b","c","d","e","f","g","h","i","j"]})";
  return request;
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 2;
  Credentials credentials;
  credentials.access_key_id = "AKIAIOSFODNN7EXAMPLE";
  credentials.secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
  salve::aws::SigningOptions options;
  options.region = "eu-central-1";
  options.service = "ecs";
  const salve::http::Request unsigned_request = DescribeServices();
  const auto begin = std::chrono::steady_clock::now();
  double took = 0;
  long signed_requests = 0;
  while (took < seconds) {
    for (int i = 0; i < 100; ++i) {
      salve::http::Request request = unsigned_request;
      options.now = *salve::ParseTime("2026-11-21T12:00:00Z") + std::chrono::seconds(i);
      if (!salve::aws::SignHeaders(request, credentials, options).ok()) return 1;
      ++signed_requests;
    }
    took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }
  std::printf("%.0f\n", static_cast<double>(signed_requests) / took);
  return 0;
}
