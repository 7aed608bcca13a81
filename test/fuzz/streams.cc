// SPDX-License-Identifier: Apache-2.0
// Streams that arrive in pieces: a watch, the Docker engine's logs and events, Redis, HTTP. However
// they are cut, the same comes out.
#include <functional>
#include <string>

#include "test/fuzz/fuzz.h"

#include "pkg/backends/docker/events.h"
#include "pkg/backends/docker/frames.h"
#include "pkg/base/time_format.h"
#include "pkg/client/watch_decoder.h"
#include "pkg/probes/http_response.h"
#include "pkg/probes/redis_answers.h"

namespace salve::fuzz {
namespace {

namespace docker = backends::docker;
using PieceList = std::vector<std::string_view>;

// What a reader made of a stream, as text.
using Reading = std::function<std::string(const PieceList&)>;

void SameHoweverCut(const Reading& read, std::string_view stream, std::uint8_t seed) {
  const std::string whole = read({stream});
  const std::string cut = read(Pieces(stream, seed));
  Ensure(whole == cut, "cut otherwise, it reads otherwise", whole + "\n--- and\n" + cut);
}

std::string Watch(const PieceList& pieces) {
  constexpr std::size_t kMaxEvent = 4096;
  const client::ResourceInfo widgets{"test.dev", "v1", "widgets", "Widget", true};
  client::WatchDecoder decoder("WATCH widgets", widgets, kMaxEvent);
  std::string out;
  for (const std::string_view piece : pieces) {
    decoder.Feed(piece);
    for (;;) {
      const auto event = decoder.Next();
      if (!event.ok()) return out + event.status().ToString();
      if (!*event) break;
      out += std::to_string(static_cast<int>((*event)->type)) + (*event)->object.dump() + "\n";
    }
  }
  return out + decoder.Finish().ToString();
}

std::string Frames(bool raw, const PieceList& pieces) {
  std::string out;
  int stream = 0;
  docker::FrameDecoder decoder(raw, [&](docker::FrameDecoder::Stream of, std::string_view bytes) {
    // Payloads are handed on as they come: only whose they are shows.
    if (!bytes.empty() && stream != static_cast<int>(of)) {
      stream = static_cast<int>(of);
      out += "\n" + std::to_string(stream) + ":";
    }
    out += bytes;
  });
  for (const std::string_view piece : pieces) {
    if (!decoder.Feed(piece)) return out + "\nbroken";
  }
  return out + (decoder.AtBoundary() ? "\nwhole" : "\ncut");
}

std::string Events(const PieceList& pieces) {
  docker::EventParser parser;
  std::string out;
  for (const std::string_view piece : pieces) {
    for (const docker::Event& event : parser.Feed(piece)) {
      out += event.action + "|" + event.id + "|" + event.name + "|" + event.signal + "|" +
             FormatMicroTime(event.at) + "\n";
    }
  }
  return out;
}

std::string Redis(const PieceList& pieces) {
  probes::RedisReader reader;
  std::vector<probes::RedisAnswer> answers;
  Status status;
  for (const std::string_view piece : pieces) {
    status = reader.Feed(piece, answers);
    if (!status.ok()) break;
  }
  probes::RefusesPassword(answers);
  apis::salve::v1alpha1::Probe probe;
  probe.redis.emplace();
  const auto judged = probes::JudgeRedis(probe, answers, probes::RedisAnswerCount(""));
  Ensure(judged.state == healing::HealthState::kUnknown ||
             (judged.health >= 0 && judged.health <= 100),
         "health out of range", judged.message);
  std::string out = std::to_string(static_cast<int>(status.code())) + judged.message + "\n";
  for (const probes::RedisAnswer& answer : answers) out += answer.text + "\n";
  return out;
}

std::string Http(const PieceList& pieces) {
  constexpr std::size_t kMaxBody = 256;
  probes::HttpResponse response(true, kMaxBody);
  Status status;
  for (const std::string_view piece : pieces) {
    status = response.Feed(piece);
    if (!status.ok() || response.done()) break;
  }
  if (status.ok() && !response.done()) status = response.End();
  Ensure(response.body().size() <= kMaxBody, "more body than was asked for");
  return CodeName(status.code()).data() + std::to_string(response.status()) + response.body();
}

}  // namespace
}  // namespace salve::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace salve::fuzz;  // NOLINT(google-build-using-namespace)
  Quiet();
  Input input(data, size);
  const std::size_t which = input.Choose(6);
  const std::uint8_t seed = input.Byte();
  const std::string_view stream = input.Rest();
  const auto frames = [](bool raw) {
    return [raw](const PieceList& pieces) { return Frames(raw, pieces); };
  };
  switch (which) {
    case 0:
      SameHoweverCut(Watch, stream, seed);
      break;
    case 1:
      SameHoweverCut(frames(false), stream, seed);
      break;
    case 2:
      SameHoweverCut(frames(true), stream, seed);
      break;
    case 3:
      SameHoweverCut(Events, stream, seed);
      break;
    case 4:
      SameHoweverCut(Redis, stream, seed);
      break;
    default:
      SameHoweverCut(Http, stream, seed);
      break;
  }
  return 0;
}
