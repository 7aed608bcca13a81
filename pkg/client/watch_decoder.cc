// SPDX-License-Identifier: Apache-2.0
#include "pkg/client/watch_decoder.h"

#include <utility>

#include "pkg/base/log.h"
#include "pkg/client/reasons.h"
#include "pkg/client/wire.h"

namespace salve::client {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

std::optional<WatchEvent::Type> TypeOf(const std::string& name) {
  if (name == "ADDED") return WatchEvent::Type::kAdded;
  if (name == "MODIFIED") return WatchEvent::Type::kModified;
  if (name == "DELETED") return WatchEvent::Type::kDeleted;
  if (name == "BOOKMARK") return WatchEvent::Type::kBookmark;
  return std::nullopt;
}

}  // namespace

WatchDecoder::WatchDecoder(std::string what, ResourceInfo resource, std::size_t max_event_bytes)
    : what_(std::move(what)), resource_(std::move(resource)), max_event_bytes_(max_event_bytes) {}

void WatchDecoder::Feed(std::string_view bytes) {
  if (!broken_) buffer_.append(bytes);
}

Status WatchDecoder::Malformed(const std::string& why) {
  broken_ = InternalError(what_ + ": " + why).WithReason(kReasonMalformedEvent);
  buffer_.clear();
  buffer_.shrink_to_fit();
  return *broken_;
}

StatusOr<std::optional<std::size_t>> WatchDecoder::FindEnd() {
  for (; scanned_ < buffer_.size(); ++scanned_) {
    const char c = buffer_[scanned_];
    if (in_string_) {
      if (escaped_) {
        escaped_ = false;
      } else if (c == '\\') {
        escaped_ = true;
      } else if (c == '"') {
        in_string_ = false;
      }
      continue;
    }
    if (depth_ == 0 && c != '{')
      return Malformed("bytes between the events that are no JSON object");
    if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      if (++depth_ > kMaxJsonDepth) return Malformed("an event nested too deep");
    } else if ((c == '}' || c == ']') && --depth_ == 0) {
      return std::optional<std::size_t>(scanned_ + 1);
    }
  }
  if (buffer_.size() > max_event_bytes_) {
    return Malformed("an event of more than " + std::to_string(max_event_bytes_) + " bytes");
  }
  return std::optional<std::size_t>();
}

StatusOr<std::optional<WatchEvent>> WatchDecoder::Next() {
  while (true) {
    if (broken_) return *broken_;
    if (scanned_ == 0) {
      std::size_t spaces = 0;
      while (spaces < buffer_.size() && IsSpace(buffer_[spaces])) ++spaces;
      if (spaces > 0) buffer_.erase(0, spaces);
    }
    SALVE_ASSIGN_OR_RETURN(const std::optional<std::size_t> end, FindEnd());
    if (!end) return std::optional<WatchEvent>();
    if (*end > max_event_bytes_) {
      return Malformed("an event of more than " + std::to_string(max_event_bytes_) + " bytes");
    }
    const std::string text = buffer_.substr(0, *end);
    buffer_.erase(0, *end);
    scanned_ = 0;
    SALVE_ASSIGN_OR_RETURN(std::optional<WatchEvent> event, Decode(text));
    if (event) return event;
  }
}

StatusOr<std::optional<WatchEvent>> WatchDecoder::Decode(std::string_view text) {
  StatusOr<Json> parsed = ParseJson(text);
  if (!parsed.ok()) return Malformed(parsed.status().message());
  const auto type = parsed->find("type");
  const auto object = parsed->find("object");
  if (type == parsed->end() || !type->is_string() || object == parsed->end() ||
      !object->is_object()) {
    return Malformed("an event without type or object");
  }
  const std::string& name = type->get_ref<const std::string&>();
  if (name == "ERROR") return StatusFromObject(what_, *object);
  const std::optional<WatchEvent::Type> known = TypeOf(name);
  FillTypeMeta(resource_, *object);
  const Json& kind = (*object)["kind"];
  if (!known || !kind.is_string() || kind.get_ref<const std::string&>() != resource_.kind) {
    Log(Severity::kWarning, "watch event left out: unknown type, or about another kind",
        {{"watch", what_}, {"type", name.substr(0, 64)}});
    return std::optional<WatchEvent>();
  }
  return std::optional<WatchEvent>(WatchEvent{*known, std::move(*object)});
}

Status WatchDecoder::Finish() const {
  if (broken_) return *broken_;
  for (const char c : buffer_) {
    if (!IsSpace(c)) return AbortedError(what_ + ": the stream ended inside an event");
  }
  return Status::Ok();
}

}  // namespace salve::client
