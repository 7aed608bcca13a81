// SPDX-License-Identifier: Apache-2.0
#include "pkg/aws/sigv4.h"

#include <fstream>
#include <sstream>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "pkg/base/hash.h"
#include "pkg/base/time_format.h"

namespace salve::aws {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

// The published vectors; the tests run in the root of the source tree.
const Json& Table() {
  static const Json* table = [] {
    std::ifstream file("test/aws/sigv4_vectors.json");
    std::stringstream text;
    text << file.rdbuf();
    return new Json(Json::parse(text.str(), nullptr, false));
  }();
  return *table;
}

// One vector as this room's own types.
struct Vector {
  explicit Vector(const Json& row)
      : name(row.at("name")),
        header(row.at("header")),
        query(row.at("query")),
        expires(row.at("context").at("expiration_in_seconds")) {
    request.method = row.at("method");
    request.target = row.at("target");
    request.body = row.at("body");
    for (const Json& field : row.at("headers")) {
      request.headers.Add(field[0].get<std::string>(), field[1].get<std::string>());
    }
    const Json& context = row.at("context");
    const Json& keys = context.at("credentials");
    credentials = {keys.at("access_key_id"), keys.at("secret_access_key"), keys.value("token", ""),
                   std::nullopt};
    options.region = context.at("region");
    options.service = context.at("service");
    options.now = *ParseTime(context.at("timestamp").get<std::string>());
    options.normalize_path = context.at("normalize");
    options.payload_hash_header = context.at("sign_body");
    options.token_unsigned = context.value("omit_session_token", false);
  }

  std::string name;
  http::Request request;
  Credentials credentials;
  SigningOptions options;
  Json header;
  Json query;
  int expires;
};

std::string SignatureIn(const std::string& authorization) {
  const std::string mark = "Signature=";
  const std::size_t at = authorization.rfind(mark);
  return at == std::string::npos ? "" : authorization.substr(at + mark.size());
}

TEST(SigV4Test, AllPublishedVectorsAreThere) {
  ASSERT_FALSE(Table().is_discarded()) << "test/aws/sigv4_vectors.json is missing or no JSON";
  EXPECT_EQ(Table().at("vectors").size(), 38U);
}

TEST(SigV4Test, SignsEveryPublishedVectorInItsHeader) {
  for (const Json& row : Table().at("vectors")) {
    Vector vector(row);
    SCOPED_TRACE(vector.name);
    ASSERT_TRUE(SignHeaders(vector.request, vector.credentials, vector.options).ok());
    const std::string authorization(vector.request.headers.Get("Authorization").value_or(""));
    EXPECT_EQ(SignatureIn(authorization), vector.header.at("signature").get<std::string>());
    // The signed request without what was added after signing is what the canonical form is of.
    http::Request signed_request = vector.request;
    if (vector.options.token_unsigned) {
      http::Headers without;
      for (const auto& [name, value] : signed_request.headers) {
        if (name != "X-Amz-Security-Token") without.Add(name, value);
      }
      signed_request.headers = without;
    }
    const auto canonical = CanonicalRequest(signed_request, Sha256Hex(vector.request.body),
                                            vector.options.normalize_path);
    ASSERT_TRUE(canonical.ok()) << canonical.status();
    EXPECT_EQ(*canonical, vector.header.at("canonical").get<std::string>());
    EXPECT_EQ(StringToSign(vector.options, *canonical),
              vector.header.at("string_to_sign").get<std::string>());
  }
}

TEST(SigV4Test, SignsEveryPublishedVectorInItsQuery) {
  for (const Json& row : Table().at("vectors")) {
    Vector vector(row);
    SCOPED_TRACE(vector.name);
    const auto target =
        PresignTarget(vector.request, vector.credentials, vector.options, vector.expires);
    ASSERT_TRUE(target.ok()) << target.status();
    EXPECT_EQ(SignatureIn(*target), vector.query.at("signature").get<std::string>());
    EXPECT_EQ(*target, vector.query.at("target").get<std::string>());
  }
}

// The example of "Signature Calculations … Chunked Upload" in the documentation of Amazon S3.
TEST(SigV4Test, SignsTheChunksOfTheDocumentedUpload) {
  const Credentials credentials{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                                "", std::nullopt};
  SigningOptions options;
  options.region = "us-east-1";
  options.service = "s3";
  options.now = *ParseTime("2013-05-24T00:00:00Z");
  options.normalize_path = false;
  options.payload_hash = kStreamingPayload;
  options.payload_hash_header = true;
  http::Request request{"PUT",
                        "/examplebucket/chunkObject.txt",
                        {{"Host", "s3.amazonaws.com"},
                         {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
                         {"Content-Encoding", "aws-chunked"},
                         {"x-amz-decoded-content-length", "66560"},
                         {"Content-Length", "66824"}},
                        "",
                        ""};
  ASSERT_TRUE(SignHeaders(request, credentials, options).ok());
  std::string signature = SignatureIn(std::string(*request.headers.Get("Authorization")));
  EXPECT_EQ(signature, "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");
  signature = ChunkSignature(credentials, options, signature, std::string(65536, 'a'));
  EXPECT_EQ(signature, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648");
  signature = ChunkSignature(credentials, options, signature, std::string(1024, 'a'));
  EXPECT_EQ(signature, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497");
  signature = ChunkSignature(credentials, options, signature, "");
  EXPECT_EQ(signature, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9");
}

TEST(SigV4Test, TheHashOfNothingIsTheHashOfNothing) { EXPECT_EQ(Sha256Hex(""), kEmptyPayloadHash); }

TEST(SigV4Test, AnUnsignedPayloadIsNotHashed) {
  http::Request request{"POST", "/", {{"Host", "h"}}, "one body", ""};
  SigningOptions options;
  options.payload_hash = kUnsignedPayload;
  options.payload_hash_header = true;
  const Credentials credentials{"AKID", "secret", "", std::nullopt};
  ASSERT_TRUE(SignHeaders(request, credentials, options).ok());
  EXPECT_EQ(request.headers.Get("X-Amz-Content-Sha256"), "UNSIGNED-PAYLOAD");
  http::Request other{"POST", "/", {{"Host", "h"}}, "another body", ""};
  ASSERT_TRUE(SignHeaders(other, credentials, options).ok());
  EXPECT_EQ(request.headers.Get("Authorization"), other.headers.Get("Authorization"));
}

TEST(SigV4Test, FieldsThatProxiesChangeAreNotSigned) {
  http::Request request{"GET",
                        "/",
                        {{"Host", "h"},
                         {"User-Agent", "salve"},
                         {"Connection", "keep-alive"},
                         {"X-Amzn-Trace-Id", "Root=1"},
                         {"X-Own", "kept"}},
                        "",
                        ""};
  ASSERT_TRUE(SignHeaders(request, {"AKID", "secret", "", std::nullopt}, {}).ok());
  EXPECT_THAT(std::string(*request.headers.Get("Authorization")),
              HasSubstr("SignedHeaders=host;x-amz-date;x-own,"));
}

TEST(SigV4Test, SigningAgainReplacesWhatTheFirstSigningAdded) {
  http::Request request{"GET", "/", {{"Host", "h"}}, "", ""};
  const Credentials credentials{"AKID", "secret", "token-of-a-session", std::nullopt};
  SigningOptions options;
  ASSERT_TRUE(SignHeaders(request, credentials, options).ok());
  const http::Request first = request;
  options.now += std::chrono::hours(1);
  ASSERT_TRUE(SignHeaders(request, credentials, options).ok());
  EXPECT_EQ(request.headers.All("Authorization").size(), 1U);
  EXPECT_EQ(request.headers.All("X-Amz-Security-Token").size(), 1U);
  EXPECT_NE(request.headers.Get("Authorization"), first.headers.Get("Authorization"));
  EXPECT_EQ(request.headers.Get("X-Amz-Date"), "19700101T010000Z");
}

TEST(SigV4Test, RefusesWhatCannotBeSignedAndShowsNoKey) {
  const Credentials credentials{"AKID", "a-secret-key", "", std::nullopt};
  http::Request no_host{"GET", "/", {}, "", ""};
  const Status status = SignHeaders(no_host, credentials, {});
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_THAT(status.message(), Not(HasSubstr("a-secret-key")));
  http::Request broken{"GET", "/?a=%zz", {{"Host", "h"}}, "", ""};
  EXPECT_EQ(SignHeaders(broken, credentials, {}).code(), Code::kInvalidArgument);
  http::Request fine{"GET", "/", {{"Host", "h"}}, "", ""};
  EXPECT_EQ(PresignTarget(fine, credentials, {}, 0).code(), Code::kInvalidArgument);
  EXPECT_EQ(PresignTarget(fine, credentials, {}, 604'801).code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace salve::aws
