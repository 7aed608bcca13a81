// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/secrets.h"

#include <filesystem>
#include <fstream>

#include "pkg/base/base64.h"
#include "pkg/base/environment.h"
#include "pkg/base/redact.h"

namespace salve::runtime {
namespace {

constexpr std::size_t kMaxSecretBytes = 64u << 10;
const apis::meta::v1::ResourceInfo kSecretInfo{"", "v1", "secrets", "Secret", true};

bool StartsWith(const std::string& text, const std::string& prefix) {
  return text.compare(0, prefix.size(), prefix) == 0;
}

// Without its line end, and never to be seen in a log.
std::string Known(std::string value) {
  while (!value.empty() && (value.back() == '\n' || value.back() == '\r')) value.pop_back();
  RegisterSecret(value);
  return value;
}

StatusOr<std::string> ReadEnvironment(const std::string& name) {
  if (!StartsWith(name, "SALVE_SECRET_") && !StartsWith(name, "SALVE_DEMO_")) {
    return PermissionDeniedError(
        "environment variable " + name +
        " is not open to policies; only names that begin with SALVE_SECRET_ are");
  }
  std::optional<std::string> value = Variable(name);
  if (!value) {
    return NotFoundError("environment variable " + name + " is not set where the controller runs");
  }
  return *std::move(value);
}

}  // namespace

PolicySecretReader::PolicySecretReader(client::Client& client, std::string file_root,
                                       std::shared_ptr<AwsSecrets> aws)
    : client_(client), local_(std::move(file_root), std::move(aws)) {}

StatusOr<std::string> PolicySecretReader::Read(const apis::salve::v1alpha1::SecretSource& source,
                                               const std::string& ns) {
  if (!source.secret_name) return local_.Read(source, ns);
  SALVE_ASSIGN_OR_RETURN(std::string secret,
                         ReadSecret(ns, *source.secret_name, source.secret_key));
  return Known(std::move(secret));
}

StatusOr<std::string> LocalSecretReader::Read(const apis::salve::v1alpha1::SecretSource& source,
                                              const std::string& ns) {
  StatusOr<std::string> value = InvalidArgumentError("the secret reference names no source");
  if (!source.env.empty()) {
    value = ReadEnvironment(source.env);
  } else if (!source.file.empty()) {
    value = ReadFile(source.file);
  } else if (source.ssm || source.secrets_manager) {
    value = aws_ != nullptr ? aws_->ReadForPolicy(source, ns) : AwsSecretsNotOpen(source);
  }
  if (!value.ok()) return value;
  return Known(std::move(value).value());
}

void LocalSecretReader::Refused(const apis::salve::v1alpha1::SecretSource& source) {
  if (aws_ != nullptr) aws_->Doubt(source);
}

StatusOr<std::string> LocalSecretReader::ReadFile(const std::string& path) const {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path root = fs::canonical(file_root_, error);
  if (file_root_.empty() || error) {
    return PermissionDeniedError("file " + path + ": no directory is open for secrets of policies");
  }
  const fs::path real = fs::canonical(path, error);
  if (error) return NotFoundError("file " + path + ": " + error.message());
  const fs::path relative = real.lexically_relative(root);
  if (relative.empty() || *relative.begin() == "..") {
    return PermissionDeniedError("file " + path + " is not below " + root.string() +
                                 ", where secrets of policies are");
  }
  std::ifstream in(real, std::ios::binary);
  std::string text(kMaxSecretBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (in.bad()) return UnavailableError("file " + path + " cannot be read");
  if (text.size() > kMaxSecretBytes) {
    return InvalidArgumentError("file " + path + " is larger than 64 kB");
  }
  return text;
}

StatusOr<std::string> PolicySecretReader::ReadSecret(const std::string& ns, const std::string& name,
                                                     const std::string& key) {
  const std::string what = "Secret " + ns + "/" + name;
  auto object = client_.Get(kSecretInfo, {ns, name});
  if (!object.ok()) return object.status().Annotate(what);
  const auto data = object->find("data");
  if (data == object->end() || !data->is_object() || !data->contains(key) ||
      !(*data)[key].is_string()) {
    return NotFoundError(what + " has no key \"" + key + "\"");
  }
  const auto value = Base64Decode((*data)[key].get<std::string>());
  if (!value) return InvalidArgumentError(what + ", key \"" + key + "\": not base64");
  return *value;
}

}  // namespace salve::runtime
