// SPDX-License-Identifier: Apache-2.0
#include "pkg/client/kubeconfig.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "pkg/apis/yaml/yaml.h"
#include "pkg/base/base64.h"
#include "pkg/base/redact.h"
#include "pkg/http/url.h"

namespace salve::client {
namespace {

using apis::yaml::Document;
using Json = nlohmann::json;

constexpr std::size_t kMaxKubeconfigBytes = 4u << 20;
constexpr std::size_t kMaxPemBytes = 1u << 20;
constexpr std::size_t kMaxTokenBytes = 64u << 10;

std::string DirectoryOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash == 0 ? 1 : slash);
}

std::string Trim(std::string text) {
  const char* space = " \t\r\n";
  text.erase(text.find_last_not_of(space) + 1);
  text.erase(0, text.find_first_not_of(space));
  return text;
}

// The file being read: for errors and for resolving names.
class Reader {
 public:
  Reader(std::string path, const Document& document, FileSource& files)
      : path_(std::move(path)), document_(document), files_(files) {}

  Status Error(const std::string& field, const std::string& problem) const {
    return InvalidArgumentError(Where(field) + ": " + problem);
  }
  std::string Where(const std::string& field) const {
    return path_ + ":" + std::to_string(document_.LineOf(field)) + ": " + field;
  }

  // The string member `name` of `object`, "" if absent.
  StatusOr<std::string> Text(const Json& object, const std::string& at,
                             const std::string& name) const {
    const auto it = object.find(name);
    if (it == object.end() || it->is_null()) return std::string();
    if (!it->is_string()) return Error(at + "." + name, "must be a string");
    return it->get<std::string>();
  }

  StatusOr<bool> Flag(const Json& object, const std::string& at, const std::string& name) const {
    const auto it = object.find(name);
    if (it == object.end() || it->is_null()) return false;
    if (!it->is_boolean()) return Error(at + "." + name, "must be true or false");
    return it->get<bool>();
  }

  // A PEM text from `name`-data (base64) or the file `name`; "" if neither is set. Data wins, as in
  // kubectl.
  StatusOr<std::string> Pem(const Json& object, const std::string& at,
                            const std::string& name) const {
    SALVE_ASSIGN_OR_RETURN(std::string data, Text(object, at, name + "-data"));
    if (!data.empty()) {
      data.erase(std::remove_if(data.begin(), data.end(),
                                [](char c) { return c == '\n' || c == '\r' || c == ' '; }),
                 data.end());
      std::optional<std::string> pem = Base64Decode(data);
      if (!pem) return Error(at + "." + name + "-data", "is not base64");
      return *std::move(pem);
    }
    return FromFile(object, at, name, kMaxPemBytes);
  }

  // The contents of the file that the member `name` names; "" if it is absent.
  StatusOr<std::string> FromFile(const Json& object, const std::string& at, const std::string& name,
                                 std::size_t max_bytes) const {
    SALVE_ASSIGN_OR_RETURN(const std::string file, Text(object, at, name));
    if (file.empty()) return std::string();
    const std::string full = file[0] == '/' ? file : DirectoryOf(path_) + "/" + file;
    StatusOr<std::string> content = files_.Read(full, max_bytes);
    if (!content.ok()) return content.status().Annotate(Where(at + "." + name));
    if (content->empty()) return Error(at + "." + name, "the file " + full + " is empty");
    return content;
  }

  // The entry called `name` of the list `list` ("clusters"), its payload under `member`
  // ("cluster").
  StatusOr<std::pair<Json, std::string>> Entry(const std::string& list, const std::string& member,
                                               const std::string& name) const {
    const auto entries = document_.value.find(list);
    if (entries != document_.value.end() && entries->is_array()) {
      for (std::size_t i = 0; i < entries->size(); ++i) {
        const Json& entry = (*entries)[i];
        if (!entry.is_object() || !entry.contains("name") || entry["name"] != name) continue;
        const std::string at = list + "[" + std::to_string(i) + "]." + member;
        const auto payload = entry.find(member);
        if (payload == entry.end() || payload->is_null()) return std::pair{Json::object(), at};
        if (!payload->is_object()) return Error(at, "must be an object");
        return std::pair{*payload, at};
      }
    }
    return Error(list, "has no entry called \"" + name + "\"");
  }

 private:
  const std::string path_;
  const Document& document_;
  FileSource& files_;
};

Status RefuseUnsupported(const Reader& reader, const Json& object, const std::string& at,
                         const std::vector<const char*>& fields) {
  for (const char* field : fields) {
    if (!object.contains(field) || object[field].is_null()) continue;
    return UnimplementedError(reader.Where(at + "." + field) +
                              ": not supported by Salve; use a token, a client certificate or a "
                              "direct address");
  }
  return Status::Ok();
}

Status ReadCluster(const Reader& reader, const std::string& name, Connection* connection) {
  SALVE_ASSIGN_OR_RETURN(const auto entry, reader.Entry("clusters", "cluster", name));
  const auto& [cluster, at] = entry;
  SALVE_RETURN_IF_ERROR(RefuseUnsupported(reader, cluster, at, {"proxy-url"}));
  SALVE_ASSIGN_OR_RETURN(const std::string server, reader.Text(cluster, at, "server"));
  const StatusOr<http::Url> url = http::ParseUrl(server);
  if (!url.ok() || (url->scheme != "https" && url->scheme != "http") || url->host.empty()) {
    return reader.Error(at + ".server", "must be an http or https address, is \"" + server + "\"");
  }
  const bool v6 = url->host.find(':') != std::string::npos;
  connection->base_url = url->scheme + "://" + (v6 ? "[" + url->host + "]" : url->host) + ":" +
                         std::to_string(url->port);
  connection->path_prefix = url->path;
  while (!connection->path_prefix.empty() && connection->path_prefix.back() == '/') {
    connection->path_prefix.pop_back();
  }
  http::TlsOptions& tls = connection->tls;
  SALVE_ASSIGN_OR_RETURN(tls.ca_pem, reader.Pem(cluster, at, "certificate-authority"));
  SALVE_ASSIGN_OR_RETURN(tls.insecure_skip_verify,
                         reader.Flag(cluster, at, "insecure-skip-tls-verify"));
  SALVE_ASSIGN_OR_RETURN(tls.server_name, reader.Text(cluster, at, "tls-server-name"));
  if (tls.insecure_skip_verify && !tls.ca_pem.empty()) {
    return reader.Error(at + ".insecure-skip-tls-verify",
                        "cannot be combined with a certificate authority");
  }
  return Status::Ok();
}

Status ReadToken(const Reader& reader, const Json& user, const std::string& at,
                 Connection* connection) {
  SALVE_ASSIGN_OR_RETURN(std::string token, reader.FromFile(user, at, "tokenFile", kMaxTokenBytes));
  if (token.empty()) {
    SALVE_ASSIGN_OR_RETURN(token, reader.Text(user, at, "token"));
  }
  token = Trim(std::move(token));
  SALVE_ASSIGN_OR_RETURN(const std::string username, reader.Text(user, at, "username"));
  SALVE_ASSIGN_OR_RETURN(const std::string password, reader.Text(user, at, "password"));
  std::string header;
  if (!token.empty()) {
    RegisterSecret(token);
    header = "Bearer " + token;
  } else if (!username.empty()) {
    RegisterSecret(password);
    const std::string pair = Base64Encode(username + ":" + password);
    RegisterSecret(pair);
    header = "Basic " + pair;
  }
  if (std::any_of(header.begin(), header.end(),
                  [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; })) {
    return reader.Error(at + ".token", "contains control characters");
  }
  if (!header.empty()) connection->headers.Set("Authorization", std::move(header));
  return Status::Ok();
}

Status ReadUser(const Reader& reader, const std::string& name, Connection* connection) {
  if (name.empty()) return Status::Ok();
  SALVE_ASSIGN_OR_RETURN(const auto entry, reader.Entry("users", "user", name));
  const auto& [user, at] = entry;
  SALVE_RETURN_IF_ERROR(RefuseUnsupported(
      reader, user, at, {"exec", "auth-provider", "as", "as-uid", "as-groups", "as-user-extra"}));
  SALVE_RETURN_IF_ERROR(ReadToken(reader, user, at, connection));
  http::TlsOptions& tls = connection->tls;
  SALVE_ASSIGN_OR_RETURN(tls.certificate_pem, reader.Pem(user, at, "client-certificate"));
  SALVE_ASSIGN_OR_RETURN(tls.private_key_pem, reader.Pem(user, at, "client-key"));
  if (tls.certificate_pem.empty() != tls.private_key_pem.empty()) {
    return reader.Error(at, "client-certificate and client-key must be set together");
  }
  return Status::Ok();
}

}  // namespace

StatusOr<Connection> LoadKubeconfig(const std::string& path, const std::string& context,
                                    FileSource& files) {
  StatusOr<std::string> text = files.Read(path, kMaxKubeconfigBytes);
  if (!text.ok()) return text.status().Annotate("kubeconfig");
  StatusOr<Document> document = apis::yaml::ParseOne(*text);
  if (!document.ok()) return document.status().Annotate("kubeconfig " + path);
  if (!document->value.is_object()) {
    return InvalidArgumentError("kubeconfig " + path + ": not an object");
  }
  const Reader reader(path, *document, files);
  Connection connection;
  connection.context = context;
  if (context.empty()) {
    SALVE_ASSIGN_OR_RETURN(connection.context, reader.Text(document->value, "", "current-context"));
    if (connection.context.empty()) {
      return reader.Error("current-context", "is not set; name a context");
    }
  }
  SALVE_ASSIGN_OR_RETURN(const auto entry, reader.Entry("contexts", "context", connection.context));
  const auto& [chosen, at] = entry;
  SALVE_ASSIGN_OR_RETURN(const std::string cluster, reader.Text(chosen, at, "cluster"));
  SALVE_ASSIGN_OR_RETURN(const std::string user, reader.Text(chosen, at, "user"));
  SALVE_ASSIGN_OR_RETURN(connection.ns, reader.Text(chosen, at, "namespace"));
  if (connection.ns.empty()) connection.ns = "default";
  SALVE_RETURN_IF_ERROR(ReadCluster(reader, cluster, &connection));
  SALVE_RETURN_IF_ERROR(ReadUser(reader, user, &connection));
  return connection;
}

StatusOr<std::string> KubeconfigPath(
    const std::string& flag,
    const std::function<std::optional<std::string>(const std::string&)>& env) {
  if (!flag.empty()) return flag;
  if (const std::optional<std::string> list = env("KUBECONFIG"); list && !list->empty()) {
    if (list->find(':') != std::string::npos) {
      return UnimplementedError("$KUBECONFIG names several files (" + *list +
                                "): merging them is not supported, name one with --kubeconfig");
    }
    return *list;
  }
  const std::optional<std::string> home = env("HOME");
  if (!home || home->empty()) {
    return InvalidArgumentError(
        "no kubeconfig: neither --kubeconfig nor $KUBECONFIG nor $HOME is set");
  }
  return *home + "/.kube/config";
}

}  // namespace salve::client
