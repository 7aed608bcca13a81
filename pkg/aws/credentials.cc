// SPDX-License-Identifier: Apache-2.0
#include "pkg/aws/credentials.h"

#include <utility>

#include "pkg/base/redact.h"

namespace salve::aws {
namespace {

class StaticCredentials final : public CredentialsProvider {
 public:
  explicit StaticCredentials(Credentials credentials) : credentials_(std::move(credentials)) {}

  StatusOr<Credentials> Get(const WaitOptions& /*options*/) override { return credentials_; }
  void Reject(const Credentials& /*credentials*/) override {}

 private:
  const Credentials credentials_;
};

}  // namespace

std::ostream& operator<<(std::ostream& os, const Credentials& /*credentials*/) {
  return os << kRedacted;
}

std::unique_ptr<CredentialsProvider> MakeStaticCredentials(Credentials credentials) {
  return std::make_unique<StaticCredentials>(std::move(credentials));
}

}  // namespace salve::aws
