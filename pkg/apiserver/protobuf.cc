// SPDX-License-Identifier: Apache-2.0
// Reads the few protobuf messages that kubectl sends, by tables of their fields.
#include "pkg/apiserver/protobuf.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "pkg/base/base64.h"
#include "pkg/base/time_format.h"

namespace salve::apiserver {
namespace {

constexpr std::string_view kMagic("k8s\0", 4);
constexpr std::size_t kMaxBodyBytes = 3U * 1024 * 1024;

enum class FieldKind {
  kString,          // left out when empty
  kPointerString,   // kept when written
  kInteger,         // left out when 0
  kPointerInteger,  // kept when written
  kPointerBool,     // kept when written
  kStrings,         // repeated
  kStringMap,       // repeated {1 key, 2 value}
  kBytesMap,        // the same, values in base64
  kTime,            // {1 seconds, 2 nanos}; empty = absent
  kMessage,
  kMessages,  // repeated
};

struct Message;

struct Field {
  std::uint32_t number;
  const char* name;
  FieldKind kind;
  const Message* message = nullptr;
};

struct Message {
  std::vector<Field> fields;
};

// One field as it stands on the wire: a number or a piece of the body.
struct WireField {
  std::uint32_t number = 0;
  bool delimited = false;
  std::uint64_t integer = 0;
  std::string_view bytes;
};

// Walks the fields of one message. After the last one or after an error Next() is false.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : rest_(bytes) {}

  bool Next(WireField& out) {
    if (rest_.empty() || failed_) return false;
    std::uint64_t key = 0;
    if (!Varint(key) || (key >> 3U) == 0 ||
        (key >> 3U) > std::numeric_limits<std::uint32_t>::max()) {
      return Fail();
    }
    out = WireField();
    out.number = static_cast<std::uint32_t>(key >> 3U);
    switch (key & 7U) {
      case 0:
        return Varint(out.integer) || Fail();
      case 1:
        return Take(8, out.bytes) || Fail();
      case 5:
        return Take(4, out.bytes) || Fail();
      case 2: {
        std::uint64_t length = 0;
        out.delimited = true;
        return (Varint(length) && Take(length, out.bytes)) || Fail();
      }
      default:
        return Fail();  // groups: not in these messages
    }
  }
  bool failed() const { return failed_; }

 private:
  bool Fail() {
    failed_ = true;
    return false;
  }
  bool Varint(std::uint64_t& out) {
    out = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) return false;
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      if (shift == 63 && byte > 1) return false;
      out |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if ((byte & 0x80U) == 0) return true;
    }
    return false;
  }
  bool Take(std::uint64_t length, std::string_view& out) {
    if (length > rest_.size()) return false;
    out = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return true;
  }

  std::string_view rest_;
  bool failed_ = false;
};

// Length of the UTF-8 sequence at the start of `text`; 0: malformed.
std::size_t SequenceLength(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = at(0);
  const std::size_t length = first < 0x80   ? 1
                             : first < 0xC2 ? 0
                             : first < 0xE0 ? 2
                             : first < 0xF0 ? 3
                             : first < 0xF5 ? 4
                                            : 0;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xC0U) != 0x80U) return 0;
  }
  if (length == 3 && ((first == 0xE0 && at(1) < 0xA0) || (first == 0xED && at(1) > 0x9F))) return 0;
  if (length == 4 && ((first == 0xF0 && at(1) < 0x90) || (first == 0xF4 && at(1) > 0x8F))) return 0;
  return length;
}

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = SequenceLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

// Decodes by table; the depth of the tables bounds the recursion.
class Decoder {
 public:
  Json Decode(std::string_view bytes, const Message& message, const std::string& path);
  const std::string& error() const { return error_; }

 private:
  void Set(const WireField& wire, const Field& field, const std::string& path, Json& out);
  void SetText(const WireField& wire, const Field& field, const std::string& path, Json& out);
  void SetMapEntry(const WireField& wire, const Field& field, const std::string& path, Json& out);
  void SetTime(const WireField& wire, const Field& field, const std::string& path, Json& out);
  void Fail(const std::string& path, const std::string& what) {
    if (error_.empty()) error_ = (path.empty() ? "the message" : path) + ": " + what;
  }

  std::string error_;
};

Json Decoder::Decode(std::string_view bytes, const Message& message, const std::string& path) {
  Json out = Json::object();
  WireReader reader(bytes);
  WireField wire;
  while (error_.empty() && reader.Next(wire)) {
    for (const Field& field : message.fields) {
      if (field.number != wire.number) continue;
      Set(wire, field, path.empty() ? field.name : path + "." + field.name, out);
      break;
    }
  }
  if (reader.failed()) Fail(path, "malformed field");
  return out;
}

void Decoder::Set(const WireField& wire, const Field& field, const std::string& path, Json& out) {
  const bool number = field.kind == FieldKind::kInteger ||
                      field.kind == FieldKind::kPointerInteger ||
                      field.kind == FieldKind::kPointerBool;
  if (wire.delimited == number) return Fail(path, "wrong wire type");
  switch (field.kind) {
    case FieldKind::kInteger:
    case FieldKind::kPointerInteger:
      if (field.kind == FieldKind::kInteger && wire.integer == 0) break;
      out[field.name] = static_cast<std::int64_t>(wire.integer);
      break;
    case FieldKind::kPointerBool:
      out[field.name] = wire.integer != 0;
      break;
    case FieldKind::kString:
    case FieldKind::kPointerString:
    case FieldKind::kStrings:
      SetText(wire, field, path, out);
      break;
    case FieldKind::kStringMap:
    case FieldKind::kBytesMap:
      SetMapEntry(wire, field, path, out);
      break;
    case FieldKind::kTime:
      SetTime(wire, field, path, out);
      break;
    case FieldKind::kMessage:
      out[field.name] = Decode(wire.bytes, *field.message, path);
      break;
    case FieldKind::kMessages:
      out[field.name].push_back(Decode(wire.bytes, *field.message, path));
      break;
  }
}

void Decoder::SetText(const WireField& wire, const Field& field, const std::string& path,
                      Json& out) {
  if (!IsUtf8(wire.bytes)) return Fail(path, "is not UTF-8");
  if (field.kind == FieldKind::kStrings) {
    out[field.name].push_back(std::string(wire.bytes));
  } else if (field.kind == FieldKind::kPointerString || !wire.bytes.empty()) {
    out[field.name] = std::string(wire.bytes);
  }
}

void Decoder::SetMapEntry(const WireField& wire, const Field& field, const std::string& path,
                          Json& out) {
  WireReader reader(wire.bytes);
  WireField part;
  std::string_view key;
  std::string_view value;
  while (reader.Next(part)) {
    if (!part.delimited) return Fail(path, "wrong wire type");
    if (part.number == 1) key = part.bytes;
    if (part.number == 2) value = part.bytes;
  }
  if (reader.failed()) return Fail(path, "malformed entry");
  const bool bytes = field.kind == FieldKind::kBytesMap;
  if (!IsUtf8(key) || (!bytes && !IsUtf8(value))) return Fail(path, "is not UTF-8");
  out[field.name][std::string(key)] = bytes ? Base64Encode(value) : std::string(value);
}

void Decoder::SetTime(const WireField& wire, const Field& field, const std::string& path,
                      Json& out) {
  WireReader reader(wire.bytes);
  WireField part;
  std::optional<std::int64_t> seconds;
  while (reader.Next(part)) {
    if (part.number == 1 && !part.delimited) seconds = static_cast<std::int64_t>(part.integer);
  }
  // What fits into nanoseconds since the epoch.
  constexpr std::int64_t kMost = 9'200'000'000;
  if (reader.failed() || (seconds && (*seconds > kMost || *seconds < -kMost))) {
    return Fail(path, "malformed time");
  }
  if (seconds) out[field.name] = FormatTime(WallTime(std::chrono::seconds(*seconds)));
}

// --- the messages
// -------------------------------------------------------------------------------------

using K = FieldKind;

const Message& OwnerReferenceMessage() {
  static const Message message = {{{1, "kind", K::kString},
                                   {3, "name", K::kString},
                                   {4, "uid", K::kString},
                                   {5, "apiVersion", K::kString},
                                   {6, "controller", K::kPointerBool},
                                   {7, "blockOwnerDeletion", K::kPointerBool}}};
  return message;
}

const Message& ObjectMetaMessage() {
  static const Message message = {{{1, "name", K::kString},
                                   {2, "generateName", K::kString},
                                   {3, "namespace", K::kString},
                                   {5, "uid", K::kString},
                                   {6, "resourceVersion", K::kString},
                                   {7, "generation", K::kInteger},
                                   {8, "creationTimestamp", K::kTime},
                                   {9, "deletionTimestamp", K::kTime},
                                   {10, "deletionGracePeriodSeconds", K::kPointerInteger},
                                   {11, "labels", K::kStringMap},
                                   {12, "annotations", K::kStringMap},
                                   {13, "ownerReferences", K::kMessages, &OwnerReferenceMessage()},
                                   {14, "finalizers", K::kStrings}}};
  return message;
}

Message WithMetadata(std::vector<Field> fields) {
  fields.insert(fields.begin(), {1, "metadata", K::kMessage, &ObjectMetaMessage()});
  return {std::move(fields)};
}

const Message& ConfigMapMessage() {
  static const Message message = WithMetadata({{2, "data", K::kStringMap},
                                               {3, "binaryData", K::kBytesMap},
                                               {4, "immutable", K::kPointerBool}});
  return message;
}

const Message& SecretMessage() {
  static const Message message = WithMetadata({{2, "data", K::kBytesMap},
                                               {3, "type", K::kString},
                                               {4, "stringData", K::kStringMap},
                                               {5, "immutable", K::kPointerBool}});
  return message;
}

const Message& NamespaceMessage() {
  static const Message spec = {{{1, "finalizers", K::kStrings}}};
  static const Message status = {{{1, "phase", K::kString}}};
  static const Message message =
      WithMetadata({{2, "spec", K::kMessage, &spec}, {3, "status", K::kMessage, &status}});
  return message;
}

const Message& AccessReviewMessage() {
  static const Message selector = {{{1, "rawSelector", K::kString}}};
  static const Message resource = {{{1, "namespace", K::kString},
                                    {2, "verb", K::kString},
                                    {3, "group", K::kString},
                                    {4, "version", K::kString},
                                    {5, "resource", K::kString},
                                    {6, "subresource", K::kString},
                                    {7, "name", K::kString},
                                    {8, "fieldSelector", K::kMessage, &selector},
                                    {9, "labelSelector", K::kMessage, &selector}}};
  static const Message path = {{{1, "path", K::kString}, {2, "verb", K::kString}}};
  static const Message spec = {{{1, "resourceAttributes", K::kMessage, &resource},
                                {2, "nonResourceAttributes", K::kMessage, &path}}};
  static const Message message = WithMetadata({{2, "spec", K::kMessage, &spec}});
  return message;
}

const Message& RulesReviewMessage() {
  static const Message spec = {{{1, "namespace", K::kString}}};
  static const Message message = WithMetadata({{2, "spec", K::kMessage, &spec}});
  return message;
}

const Message& SelfReviewMessage() {
  static const Message message = WithMetadata({});
  return message;
}

const Message& DeleteOptionsMessage() {
  static const Message preconditions = {
      {{1, "uid", K::kPointerString}, {2, "resourceVersion", K::kPointerString}}};
  static const Message message = {{{1, "gracePeriodSeconds", K::kPointerInteger},
                                   {2, "preconditions", K::kMessage, &preconditions},
                                   {3, "orphanDependents", K::kPointerBool},
                                   {4, "propagationPolicy", K::kPointerString},
                                   {5, "dryRun", K::kStrings}}};
  return message;
}

// nullptr: not a kind that comes as protobuf.
const Message* MessageOf(const std::string& kind) {
  if (kind == "ConfigMap") return &ConfigMapMessage();
  if (kind == "Secret") return &SecretMessage();
  if (kind == "Namespace") return &NamespaceMessage();
  if (kind == "SelfSubjectAccessReview") return &AccessReviewMessage();
  if (kind == "SelfSubjectRulesReview") return &RulesReviewMessage();
  if (kind == "SelfSubjectReview") return &SelfReviewMessage();
  if (kind == "DeleteOptions") return &DeleteOptionsMessage();
  return nullptr;
}

ApiError Malformed(const std::string& what) {
  return BadRequest("the protobuf body cannot be read: " + what);
}

}  // namespace

ApiResult<Json> DecodeProtobuf(std::string_view body) {
  if (body.size() > kMaxBodyBytes) return RequestEntityTooLarge(kMaxBodyBytes);
  if (body.substr(0, kMagic.size()) != kMagic) {
    return Malformed("it does not start with \"k8s\\0\"");
  }
  static const Message type_meta = {{{1, "apiVersion", K::kString}, {2, "kind", K::kString}}};
  Decoder decoder;
  Json type = Json::object();
  std::string_view raw;
  WireReader reader(body.substr(kMagic.size()));
  WireField wire;
  while (reader.Next(wire)) {
    if (!wire.delimited) continue;
    if (wire.number == 1) type = decoder.Decode(wire.bytes, type_meta, "typeMeta");
    if (wire.number == 2) raw = wire.bytes;
  }
  if (reader.failed()) return Malformed("malformed envelope");
  if (!decoder.error().empty()) return Malformed(decoder.error());
  const std::string kind = type.value("kind", "");
  const Message* message = MessageOf(kind);
  if (message == nullptr) return UnsupportedMediaType({"application/json", "application/yaml"});
  Json object = decoder.Decode(raw, *message, "");
  if (!decoder.error().empty()) return Malformed(decoder.error());
  object["apiVersion"] = type.value("apiVersion", "");
  object["kind"] = kind;
  return object;
}

}  // namespace salve::apiserver
