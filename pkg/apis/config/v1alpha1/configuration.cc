// SPDX-License-Identifier: Apache-2.0
#include "pkg/apis/config/v1alpha1/configuration.h"

#include <algorithm>
#include <set>

#include "pkg/apis/codec_impl.h"
#include "pkg/apis/config/v1alpha1/sinks.h"
#include "pkg/apis/config/v1alpha1/tables.h"
#include "pkg/apis/salve/v1alpha1/tables.h"
#include "pkg/apis/schema_builder.h"
#include "pkg/apis/syntax.h"
#include "pkg/apis/yaml/yaml.h"

namespace salve::apis {

using config::v1alpha1::BackendConfiguration;
using config::v1alpha1::ControllerConfiguration;
using config::v1alpha1::DockerBackend;
using config::v1alpha1::EcsBackend;
using config::v1alpha1::ExecConfiguration;
using config::v1alpha1::FilesConfiguration;
using config::v1alpha1::KubernetesBackend;
using config::v1alpha1::ProbeConfiguration;
using config::v1alpha1::ReceiverConfiguration;
using config::v1alpha1::SecretsConfiguration;
using config::v1alpha1::SinkConfiguration;
using config::v1alpha1::TlsFiles;

SALVE_APIS_TABLE(
    TlsFiles,
    Describe("TlsFiles",
             {
                 F<&TlsFiles::ca_file>(
                     "caFile", "Authorities that may have signed the engine's certificate."),
                 F<&TlsFiles::cert_file>("certFile", "Client certificate."),
                 F<&TlsFiles::key_file>("keyFile", "Its private key."),
                 F<&TlsFiles::server_name>("serverName", "Name to verify instead of the host's."),
             }));

SALVE_APIS_TABLE(
    DockerBackend,
    Describe("DockerBackend",
             {
                 F<&DockerBackend::host>("host",
                                         "unix:///path or tcp://host:port; default DOCKER_HOST, "
                                         "else the usual socket."),
                 F<&DockerBackend::tls>("tls", "Speak TLS to a tcp host."),
                 F<&DockerBackend::allowed_namespaces>(
                     "allowedNamespaces", "Namespaces whose policies may use it; * means all."),
             }));

SALVE_APIS_TABLE(
    KubernetesBackend,
    Describe("KubernetesBackend",
             {
                 F<&KubernetesBackend::kubeconfig>(
                     "kubeconfig",
                     "Path of a kubeconfig; default the cluster that the controller itself uses, "
                     "for standalone KUBECONFIG, else ~/.kube/config."),
                 F<&KubernetesBackend::context>("context",
                                                "Which of its contexts; default the current one."),
                 F<&KubernetesBackend::allowed_namespaces>(
                     "allowedNamespaces",
                     "Namespaces whose policies may use it; * means all but kube-system, "
                     "kube-public and kube-node-lease, which have to be named."),
             }));

SALVE_APIS_TABLE(
    EcsBackend,
    Describe(
        "EcsBackend",
        {
            F<&EcsBackend::region>(
                "region", "Default AWS_REGION, else AWS_DEFAULT_REGION, else the profile's own.")
                .Matching("^[a-z]{2}(-[a-z]+)+-[0-9]+$"),
            F<&EcsBackend::profile>("profile",
                                    "Of the shared files; default AWS_PROFILE, else default."),
            F<&EcsBackend::role_arn>("roleARN", "A role to assume with those credentials.")
                .Matching("^arn:aws[a-z-]*:iam::[0-9]{12}:role/\\S+$"),
            F<&EcsBackend::endpoint>(
                "endpoint", "Instead of the region's own; plain http only on this machine."),
            F<&EcsBackend::poll_seconds>("pollSeconds",
                                         "How often the services that policies name are looked at.")
                .Default()
                .Range(1, 3600),
            F<&EcsBackend::allowed_namespaces>(
                "allowedNamespaces", "Namespaces whose policies may use it; * means all."),
        }));

SALVE_APIS_TABLE(
    BackendConfiguration,
    Describe(
        "BackendConfiguration",
        {
            F<&BackendConfiguration::name>("name", "What policies call it.").Required().DnsLabel(),
            F<&BackendConfiguration::docker>("docker", "A Docker engine."),
            F<&BackendConfiguration::kubernetes>("kubernetes", "A Kubernetes cluster."),
            F<&BackendConfiguration::ecs>("ecs", "An account of Amazon ECS in one region."),
        }));

SALVE_APIS_TABLE(ExecConfiguration,
                 Describe("ExecConfiguration",
                          {
                              F<&ExecConfiguration::allow>("allow", "Commands that exec may run."),
                          }));

SALVE_APIS_TABLE(ProbeConfiguration,
                 Describe("ProbeConfiguration",
                          {
                              F<&ProbeConfiguration::allowed_cidrs>(
                                  "allowedCIDRs", "Where probes may connect to; default anywhere."),
                              F<&ProbeConfiguration::denied_cidrs>(
                                  "deniedCIDRs", "Where they may not, whatever is allowed."),
                          }));

SALVE_APIS_TABLE(
    FilesConfiguration,
    Describe("FilesConfiguration",
             {
                 F<&FilesConfiguration::roots>(
                     "roots",
                     "Directories on this machine whose files policies may have watched, with "
                     "everything below them. Without any: none.")
                     .MaxItems(32)
                     .ItemMaxLength(512),
                 F<&FilesConfiguration::allowed_namespaces>(
                     "allowedNamespaces", "Namespaces whose policies may; * means all."),
             }));

namespace {

// apiVersion and kind are checked apart: the file is no Kubernetes object.
struct File {
  std::string api_version;
  std::string kind;
  std::vector<BackendConfiguration> backends;
  std::vector<ReceiverConfiguration> receivers;
  std::vector<SinkConfiguration> sinks;
  SecretsConfiguration secrets;
  ExecConfiguration exec;
  ProbeConfiguration probes;
  FilesConfiguration files;
};

}  // namespace

template <>
const Struct& SchemaOf<File>() {
  static const Struct table =
      Describe("ControllerConfiguration",
               {
                   F<&File::api_version>("apiVersion", "Version of this format.").Required(),
                   F<&File::kind>("kind", "ControllerConfiguration.").Required(),
                   F<&File::backends>("backends", "Where targets live."),
                   F<&File::receivers>("receivers", "Whose alerts are believed.").MaxItems(64),
                   F<&File::sinks>("sinks", "Where messages to people go.").MaxItems(64),
                   F<&File::secrets>("secrets", "How secrets outside of this machine are read."),
                   F<&File::exec>("exec", "What exec actions may run."),
                   F<&File::probes>("probes", "Where probes may connect to."),
                   F<&File::files>("files", "Which files of this machine may be watched."),
               });
  return table;
}

namespace config::v1alpha1 {
namespace {

void CheckEcs(const EcsBackend& ecs, const std::string& path, FieldErrors& errors) {
  if (ecs.endpoint.empty()) return;
  const std::string why = CheckHttpUrl(ecs.endpoint);
  if (!why.empty()) errors.push_back(InvalidField(path + ".endpoint", Quoted(ecs.endpoint), why));
}

void CheckBackends(const std::vector<BackendConfiguration>& backends, FieldErrors& errors) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < backends.size(); ++i) {
    const std::string path = "backends[" + std::to_string(i) + "]";
    if (!names.insert(backends[i].name).second) {
      errors.push_back(DuplicateField(path + ".name", Quoted(backends[i].name)));
    }
    const int kinds =
        (backends[i].docker ? 1 : 0) + (backends[i].kubernetes ? 1 : 0) + (backends[i].ecs ? 1 : 0);
    if (kinds != 1) {
      errors.push_back(
          kinds > 1 ? ForbiddenField(path + (backends[i].ecs ? ".ecs" : ".kubernetes"),
                                     "a backend is of one kind only")
                    : RequiredField(path, "a backend needs its kind: docker, kubernetes or ecs"));
      continue;
    }
    if (backends[i].ecs) CheckEcs(*backends[i].ecs, path + ".ecs", errors);
    if (!backends[i].docker) continue;
    const std::string& host = backends[i].docker->host;
    if (!host.empty() && host.rfind("unix:///", 0) != 0 && host.rfind("tcp://", 0) != 0) {
      errors.push_back(InvalidField(path + ".docker.host", Quoted(host),
                                    "must be unix:///path or tcp://host:port"));
    }
  }
}

void CheckCidrs(const std::vector<std::string>& cidrs, const std::string& path,
                FieldErrors& errors) {
  for (std::size_t i = 0; i < cidrs.size(); ++i) {
    const std::string why = CheckCidr(cidrs[i]);
    if (!why.empty()) errors.push_back(InvalidField(apis::At(path, i), Quoted(cidrs[i]), why));
  }
}

void CheckRoots(const std::vector<std::string>& roots, FieldErrors& errors) {
  for (std::size_t i = 0; i < roots.size(); ++i) {
    const bool whole = roots[i].find_first_not_of('/') == std::string::npos;
    const bool climbs = (roots[i] + "/").find("/../") != std::string::npos;
    if (roots[i].rfind('/', 0) == 0 && !whole && !climbs) continue;
    errors.push_back(InvalidField(apis::At("files.roots", i), Quoted(roots[i]),
                                  "must be the absolute path of a directory, and not /"));
  }
}

FieldErrors Check(const File& file) {
  FieldErrors errors;
  if (file.api_version != kApiVersion) {
    errors.push_back(UnsupportedField("apiVersion", Quoted(file.api_version), {kApiVersion}));
  }
  if (file.kind != kKind) errors.push_back(UnsupportedField("kind", Quoted(file.kind), {kKind}));
  CheckBackends(file.backends, errors);
  CheckReceivers(file.receivers, errors);
  CheckSinks(file.sinks, errors);
  CheckAwsSecrets(file.secrets.aws, file.backends, errors);
  CheckArgvPatterns(file.exec.allow, "exec.allow", errors);
  CheckCidrs(file.probes.allowed_cidrs, "probes.allowedCIDRs", errors);
  CheckCidrs(file.probes.denied_cidrs, "probes.deniedCIDRs", errors);
  CheckRoots(file.files.roots, errors);
  return errors;
}

Status At(const std::string& file, const yaml::Document& document, const FieldErrors& errors) {
  std::string message;
  for (const FieldError& error : errors) {
    message += (message.empty() ? "" : "\n") + file + ":" +
               std::to_string(document.LineOf(error.field)) + ": " + error.ToString();
  }
  return InvalidArgumentError(std::move(message));
}

}  // namespace

StatusOr<ControllerConfiguration> LoadConfiguration(const std::string& text,
                                                    const std::string& file) {
  StatusOr<yaml::Document> document = yaml::ParseOne(text);
  if (!document.ok()) return document.status().Annotate(file);
  File read;
  internal::DecodeContext context;
  context.strict = true;
  internal::DecodeStruct(SchemaOf<File>(), document->value, internal::Path{}, &read, context);
  FieldErrors errors = std::move(context.errors);
  if (errors.empty()) errors = CheckSchema(read);
  if (errors.empty()) errors = Check(read);
  if (!errors.empty()) return At(file, *document, errors);
  ControllerConfiguration configuration;
  configuration.backends = std::move(read.backends);
  configuration.receivers = std::move(read.receivers);
  configuration.sinks = std::move(read.sinks);
  CompleteSinks(configuration.sinks);
  configuration.secrets = std::move(read.secrets);
  configuration.exec = std::move(read.exec);
  configuration.probes = std::move(read.probes);
  configuration.files = std::move(read.files);
  if (configuration.files.allowed_namespaces.empty()) {
    configuration.files.allowed_namespaces = {"*"};
  }
  if (configuration.backends.empty()) {
    configuration.backends.emplace_back().name = "docker";
    configuration.backends[0].docker.emplace();
  }
  for (BackendConfiguration& backend : configuration.backends) {
    std::vector<std::string>& namespaces = backend.AllowedNamespaces();
    if (namespaces.empty()) namespaces = {"*"};
  }
  for (ReceiverConfiguration& receiver : configuration.receivers) {
    if (receiver.allowed_namespaces.empty()) receiver.allowed_namespaces = {"*"};
  }
  return configuration;
}

}  // namespace config::v1alpha1
}  // namespace salve::apis
