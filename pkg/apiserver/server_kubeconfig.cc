// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/server_kubeconfig.h"

#include <string_view>

#include "pkg/apiserver/store_file.h"
#include "pkg/base/base64.h"

namespace salve::apiserver {
namespace {

constexpr std::size_t kMaxBytes = 1u << 20;
constexpr char kDescription[] = "the kubeconfig of the data directory";
constexpr char kAdminUser[] = "admin";

// The token of a kubeconfig that this file wrote; "" if there is none.
std::string TokenIn(std::string_view kubeconfig) {
  constexpr std::string_view kKey = "    token: ";
  const auto at = kubeconfig.find(kKey);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = kubeconfig.substr(at + kKey.size());
  return std::string(rest.substr(0, rest.find('\n')));
}

StatusOr<std::string> RenewToken(TokenStore& tokens) {
  for (const TokenRecord& record : tokens.List()) {
    if (record.description == kDescription) SALVE_RETURN_IF_ERROR(tokens.Revoke(record.id));
  }
  TokenRecord record;
  record.identity.user = kAdminUser;
  record.identity.groups = {kAdminsGroup};
  record.description = kDescription;
  SALVE_ASSIGN_OR_RETURN(const NewToken token, tokens.Add(record));
  return token.secret;
}

}  // namespace

std::string MakeKubeconfig(const std::string& server_url, const std::string& ca_pem,
                           const std::string& token) {
  std::string text = "apiVersion: v1\nkind: Config\nclusters:\n- name: salve\n  cluster:\n";
  if (!ca_pem.empty()) {
    text += "    certificate-authority-data: " + Base64Encode(ca_pem) + "\n";
  }
  text += "    server: " + server_url + "\n";
  text += "users:\n- name: salve\n  user:\n    token: " + token + "\n";
  text += "contexts:\n- name: salve\n  context:\n    cluster: salve\n    user: salve\n";
  text += "    namespace: default\n";
  return text + "current-context: salve\n";
}

StatusOr<std::string> EnsureKubeconfig(const std::string& data_dir, const std::string& server_url,
                                       const std::string& ca_pem, TokenStore& tokens) {
  const std::string path = data_dir + "/" + kKubeconfigFile;
  const auto present = ReadFile(path, kMaxBytes);
  if (!present.ok() && present.code() != Code::kNotFound) return present.status();
  std::string token = present.ok() ? TokenIn(*present) : "";
  if (token.empty() || !tokens.Authenticate(token)) {
    SALVE_ASSIGN_OR_RETURN(token, RenewToken(tokens));
  }
  const std::string content = MakeKubeconfig(server_url, ca_pem, token);
  if (!present.ok() || *present != content) SALVE_RETURN_IF_ERROR(ReplaceFile(path, content));
  return path;
}

}  // namespace salve::apiserver
