// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/aws_secrets.h"

#include <algorithm>
#include <utility>

#include "pkg/base/log.h"
#include "pkg/base/pause.h"

namespace salve::runtime {
namespace {

namespace config = apis::config::v1alpha1;
namespace v1 = apis::salve::v1alpha1;
using std::chrono::seconds;

constexpr seconds kReadTimeout{10};
// After a read that failed; what is missing may just have been made.
constexpr seconds kRetry{10};

std::string ParameterName(const std::string& name) { return "SSM parameter \"" + name + "\""; }
std::string SecretName(const std::string& id) { return "Secrets Manager secret \"" + id + "\""; }

std::string NameOf(const config::SecretReference& reference) {
  return reference.ssm ? ParameterName(reference.ssm->name)
                       : SecretName(reference.secrets_manager->id);
}

// The account that secrets.aws names, by itself or by one of the backends.
AwsAccountOptions AccountOf(const config::ControllerConfiguration& configuration) {
  const config::AwsSecretsConfiguration& aws = configuration.secrets.aws;
  for (const config::BackendConfiguration& backend : configuration.backends) {
    if (!aws.backend.empty() && backend.name == aws.backend && backend.ecs) {
      return {"secrets.aws.backend: ecs.region", backend.ecs->region, backend.ecs->profile,
              backend.ecs->role_arn};
    }
  }
  return {"secrets.aws.region", aws.region, aws.profile, aws.role_arn};
}

bool IsSet(const config::AwsSecretsConfiguration& aws) {
  return !(aws.backend + aws.region + aws.profile + aws.role_arn + aws.endpoint + aws.policy_prefix)
              .empty();
}

// "arn:aws:ssm:eu-west-1:…" → "eu-west-1"; "" for what is no ARN.
std::string RegionOfArn(const std::string& arn) {
  if (!arn.starts_with("arn:")) return "";
  std::size_t begin = 0;
  for (int i = 0; i < 3; ++i) {
    begin = arn.find(':', begin);
    if (begin == std::string::npos) return "";
    ++begin;
  }
  return arn.substr(begin, arn.find(':', begin) - begin);
}

}  // namespace

StatusOr<std::shared_ptr<AwsSecrets>> AwsSecrets::Make(
    const config::ControllerConfiguration& configuration, const aws::Platform& platform) {
  const auto references = AwsReferences(configuration);
  if (!IsSet(configuration.secrets.aws) && references.empty()) return std::shared_ptr<AwsSecrets>();
  SALVE_ASSIGN_OR_RETURN(AwsAccount account, MakeAwsAccount(AccountOf(configuration), platform));
  std::shared_ptr<AwsSecrets> self(
      new AwsSecrets(configuration.secrets.aws.policy_prefix, std::move(account), *platform.clock));
  SALVE_RETURN_IF_ERROR(self->Connect(configuration.secrets.aws, platform));
  for (const config::SecretReference& reference : references) {
    SALVE_RETURN_IF_ERROR(self->CheckRegion(reference));
  }
  return self;
}

Status AwsSecrets::Connect(const config::AwsSecretsConfiguration& configuration,
                           const aws::Platform& platform) {
  aws::EndpointOptions endpoint;
  endpoint.region = account_.region;
  endpoint.url = configuration.endpoint;
  aws::ClientOptions client;
  client.attempt_timeout = seconds(5);
  client.call_timeout = kReadTimeout;
  const auto make = [&](const aws::Service& service) {
    return aws::MakeJsonClient(service, endpoint, *account_.credentials, client, platform);
  };
  auto ssm = make(aws::kSsm);
  if (!ssm.ok()) return ssm.status().Annotate("secrets.aws.endpoint");
  ssm_ = std::move(ssm).value();
  auto secrets_manager = make(aws::kSecretsManager);
  if (!secrets_manager.ok()) return secrets_manager.status().Annotate("secrets.aws.endpoint");
  secrets_manager_ = std::move(secrets_manager).value();
  aws::SecretsOptions options;
  options.ttl = seconds(configuration.refresh_seconds);
  source_ = std::make_unique<aws::SecretsSource>(*ssm_, *secrets_manager_, options, clock_);
  return Status::Ok();
}

Status AwsSecrets::CheckRegion(const config::SecretReference& reference) const {
  const std::string& arn = reference.ssm ? reference.ssm->name : reference.secrets_manager->id;
  const std::string region = RegionOfArn(arn);
  if (region.empty() || region == account_.region) return Status::Ok();
  return InvalidArgumentError(arn + " is in " + region + ", but secrets are read in " +
                              account_.region + " (secrets.aws.region)");
}

aws::WaitOptions AwsSecrets::Wait() const {
  return {clock_.Monotonic() + kReadTimeout, stop_.get_token()};
}

StatusOr<std::string> AwsSecrets::Read(const config::SecretReference& reference) {
  if (reference.ssm) return source_->Parameter(reference.ssm->name, Wait());
  return source_->Secret(reference.secrets_manager->id, reference.secrets_manager->key, Wait());
}

StatusOr<std::string> AwsSecrets::ReadForPolicy(const v1::SecretSource& source,
                                                const std::string& ns) {
  if (source.ssm) {
    const std::string& name = source.ssm->name;
    SALVE_RETURN_IF_ERROR(CheckOpen(ParameterName(name), name, ns));
    return source_->Parameter(name, Wait());
  }
  const std::string& id = source.secrets_manager->id;
  SALVE_RETURN_IF_ERROR(CheckOpen(SecretName(id), id, ns));
  return source_->Secret(id, source.secrets_manager->key, Wait());
}

// A name that goes up, or has an empty part, is nobody's.
Status AwsSecrets::CheckOpen(const std::string& what, const std::string& name,
                             const std::string& ns) const {
  if (policy_prefix_.empty()) {
    return PermissionDeniedError(what + " is not open to policies: the configuration has no " +
                                 "secrets.aws.policyPrefix");
  }
  const std::string own = policy_prefix_ + "/" + ns + "/";
  const bool below = name.starts_with(own) && name.size() > own.size();
  if (below && name.find("//") == std::string::npos && name.find("/.") == std::string::npos) {
    return Status::Ok();
  }
  return PermissionDeniedError(what + " is not open to policies of namespace " + ns +
                               "; only names that begin with " + own +
                               " are (secrets.aws.policyPrefix of the configuration)");
}

void AwsSecrets::Doubt(const v1::SecretSource& source) {
  if (source.ssm) source_->DoubtParameter(source.ssm->name);
  if (source.secrets_manager) source_->DoubtSecret(source.secrets_manager->id);
}

Status AwsSecretsNotOpen(const v1::SecretSource& source) {
  return PermissionDeniedError(
      (source.ssm ? ParameterName(source.ssm->name) : SecretName(source.secrets_manager->id)) +
      " is not open to policies: the configuration has no secrets.aws.policyPrefix");
}

std::vector<config::SecretReference> AwsReferences(
    const config::ControllerConfiguration& configuration) {
  std::vector<config::SecretReference> found;
  const auto add = [&](const config::SecretReference& one) {
    if (!one.ssm && !one.secrets_manager) return;
    if (std::find(found.begin(), found.end(), one) == found.end()) found.push_back(one);
  };
  for (const config::ReceiverConfiguration& receiver : configuration.receivers) {
    const config::ReceiverAuthentication& how = receiver.authentication;
    for (const auto* list : {&how.bearer, &how.hmac, &how.basic}) {
      std::for_each(list->begin(), list->end(), add);
    }
  }
  for (const config::SinkConfiguration& sink : configuration.sinks) {
    if (sink.webhook) add(sink.webhook->secret);
    if (sink.slack) add(sink.slack->url);
    if (sink.teams) add(sink.teams->url);
    if (sink.pagerduty) add(sink.pagerduty->routing_key);
    if (sink.email) add(sink.email->password);
    if (sink.github) add(sink.github->token);
    if (sink.github && sink.github->app) add(sink.github->app->private_key);
  }
  return found;
}

KeptAwsSecrets::KeptAwsSecrets(std::shared_ptr<AwsSecrets> secrets,
                               std::vector<config::SecretReference> references, Duration refresh,
                               Clock& clock)
    : secrets_(std::move(secrets)), refresh_(refresh), clock_(clock) {
  for (config::SecretReference& one : references) {
    Status not_yet = UnavailableError(NameOf(one) + " is being read for the first time");
    kept_.push_back({std::move(one), std::move(not_yet)});
  }
}

KeptAwsSecrets::~KeptAwsSecrets() { Stop(); }

void KeptAwsSecrets::Start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
}

void KeptAwsSecrets::Stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void KeptAwsSecrets::Run(const std::stop_token& stop) {
  const std::stop_callback end_read(stop, [this] { secrets_->Stop(); });
  Duration next{};
  do {
    next = ReadAll() ? refresh_ : std::min<Duration>(refresh_, kRetry);
  } while (Pause(clock_, next, stop));
}

// False where one could not be read. Says so once for each reason.
bool KeptAwsSecrets::ReadAll() {
  std::vector<Kept> kept;
  {
    MutexLock lock(mu_);
    kept = kept_;
  }
  bool all = true;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    StatusOr<std::string> value = secrets_->Read(kept[i].reference);
    if (value.code() == Code::kCancelled) return false;
    all = all && value.ok();
    if (!value.ok() && value.status().message() != kept[i].value.status().message()) {
      Log(Severity::kWarning, "a secret of the configuration cannot be read",
          {{"error", value.status().message()}});
    }
    MutexLock lock(mu_);
    kept_[i].value = std::move(value);
  }
  return all;
}

StatusOr<std::string> KeptAwsSecrets::Read(const config::SecretReference& reference) const {
  MutexLock lock(mu_);
  const auto at = std::find_if(kept_.begin(), kept_.end(),
                               [&](const Kept& one) { return one.reference == reference; });
  if (at == kept_.end()) return InternalError(NameOf(reference) + " is not kept");
  return at->value;
}

}  // namespace salve::runtime
