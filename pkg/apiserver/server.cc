// SPDX-License-Identifier: Apache-2.0
#include "pkg/apiserver/server.h"

#include <utility>

#include "pkg/apiserver/auth_reviews.h"
#include "pkg/apiserver/gc.h"
#include "pkg/apiserver/rest_body.h"
#include "pkg/apiserver/rest_builtin.h"
#include "pkg/apiserver/rest_object.h"
#include "pkg/apiserver/server_documents.h"

namespace salve::apiserver {
namespace {

std::vector<std::unique_ptr<AdmissionPlugin>> MakeAdmission() {
  std::vector<std::unique_ptr<AdmissionPlugin>> plugins;
  plugins.push_back(MakeNamespacePlugin());
  plugins.push_back(MakeSalveKindsPlugin());
  plugins.push_back(MakeApprovalPlugin());
  return plugins;
}

StatusOr<std::vector<ServedResource>> AllResources(const std::vector<Json>& crds) {
  std::vector<ServedResource> all = BuiltInResources();
  for (const Json& crd : crds) {
    SALVE_ASSIGN_OR_RETURN(std::vector<ServedResource> served, ServedResourcesFromCrd(crd));
    for (ServedResource& resource : served) all.push_back(std::move(resource));
  }
  return all;
}

class ApiServerImpl final : public ApiServer, public http::Handler {
 public:
  ApiServerImpl(ApiServerOptions options, std::vector<ServedResource> resources,
                std::unique_ptr<Store> store, std::unique_ptr<TokenStore> tokens, Clock& clock,
                Random& random)
      : version_(std::move(options.version)),
        clock_(clock),
        random_(random),
        resources_(std::move(resources)),
        admission_(MakeAdmission()),
        tokens_(std::move(tokens)),
        store_(std::move(store)),
        hub_(*store_, clock, options.watch),
        collector_(*store_, resources_, clock),
        rest_{*store_, hub_, clock, random, resources_, admission_, options.rest} {}

  ~ApiServerImpl() override {
    collector_.Stop();
    hub_.Stop();
    // Waits for the writes that are on their way: their answers use the members above.
    store_.reset();
  }

  Status Start() {
    store_->SetListener([this](const std::vector<StoreEvent>& events) {
      hub_.Publish(events);
      collector_.Observe(events);
    });
    SALVE_RETURN_IF_ERROR(EnsureNamespaces());
    Identity controller;
    controller.user = kControllerUser;
    controller.groups = {"system:serviceaccounts", "system:serviceaccounts:salve-system"};
    controller_token_ = tokens_->AddEphemeral(std::move(controller));
    collector_.Start();
    return Status::Ok();
  }

  http::Handler& handler() override { return *this; }
  TokenStore& tokens() override { return *tokens_; }
  Store& store() override { return *store_; }
  const ResourceTable& resources() const override { return resources_; }
  const std::string& controller_token() const override { return controller_token_; }
  void StopWatches() override { hub_.Stop(); }
  std::size_t watches() const override { return hub_.watches(); }

  void Handle(http::Request request, std::unique_ptr<http::ResponseWriter> writer) override;
  bool AdmitHead(const http::Request& head, http::Response* refusal) override;

 private:
  Status EnsureNamespaces();
  std::optional<Identity> Authenticate(const http::Request& request);
  void ServeReview(const CallPtr& call);

  const std::string version_;
  Clock& clock_;
  Random& random_;
  const ResourceTable resources_;
  const std::vector<std::unique_ptr<AdmissionPlugin>> admission_;
  const std::unique_ptr<TokenStore> tokens_;
  std::unique_ptr<Store> store_;
  WatchHub hub_;
  GarbageCollector collector_;
  const RestContext rest_;
  std::string controller_token_;
};

Status ApiServerImpl::EnsureNamespaces() {
  const ServedResource* resource = resources_.Find("", "v1", "namespaces");
  if (resource == nullptr) return InternalError("the resource namespaces is not served");
  for (const char* name : kPermanentNamespaces) {
    SALVE_ASSIGN_OR_RETURN(const auto present, store_->Get({"namespaces", "", name}));
    if (present) continue;
    Json object = MakeNamespace(name);
    PrepareMetadataForCreate(object, *resource, clock_.Now(), random_);
    PrepareBuiltIn(object, nullptr, *resource);
    const auto created = store_->Write(MakeMutation(object, *resource, 0, false, 0));
    if (!created.ok()) {
      return created.status().Annotate("making the namespace " + std::string(name));
    }
  }
  return Status::Ok();
}

std::optional<Identity> ApiServerImpl::Authenticate(const http::Request& request) {
  const auto header = request.headers.Get("Authorization");
  return header ? tokens_->Authenticate(BearerToken(*header)) : std::nullopt;
}

bool ApiServerImpl::AdmitHead(const http::Request& head, http::Response* refusal) {
  // Nobody unknown makes the server read a body.
  if (Authenticate(head) || IsPublicPath(head.target.substr(0, head.target.find('?')))) {
    return true;
  }
  const ApiError error = Unauthorized();
  *refusal = {error.code(),
              {{"Content-Type", "application/json"}, {"WWW-Authenticate", "Bearer"}},
              DumpJson(error.body())};
  return false;
}

void ApiServerImpl::Handle(http::Request request, std::unique_ptr<http::ResponseWriter> writer) {
  auto target = http::ParseTarget(request.target);
  if (!target.ok()) return ReplyError(*writer, BadRequest(target.status().message()));
  auto call = std::make_shared<Call>();
  call->target = std::move(target).value();
  call->route = ParseRoute(call->target.segments);
  const Attributes wanted = AttributesOf(request.method, call->target, call->route);
  if (auto identity = Authenticate(request)) {
    call->user = *std::move(identity);
    if (!Allowed(call->user, wanted)) {
      const Route& route = call->route;
      const ResourceInfo info{route.group, route.version, route.plural, "", true};
      return ReplyError(*writer, route.is_resource
                                     ? ForbiddenAccess(call->user.user, wanted.verb, info,
                                                       route.subresource, wanted.ns, route.name)
                                     : ForbiddenPath(call->user.user, wanted.verb, wanted.path));
    }
  } else if (!IsPublicPath(call->target.path) || request.headers.Get("Authorization")) {
    return ReplyError(*writer, Unauthorized());
  }
  if (!call->route.is_resource) {
    return writer->Send(ServeDocument(request, call->target, resources_, version_, clock_.Now()));
  }
  call->verb = wanted.verb;
  call->resource = resources_.Find(call->route.group, call->route.version, call->route.plural);
  if (call->resource == nullptr) {
    return resources_.HasBuiltIn(call->route.group, call->route.version)
               ? ReplyError(*writer, NotFoundPath())
               : ReplyNoPage(*writer);
  }
  call->request = std::move(request);
  call->writer = std::move(writer);
  if (IsReview(call->route.group, call->route.plural)) return ServeReview(call);
  ServeResource(rest_, call);
}

void ApiServerImpl::ServeReview(const CallPtr& call) {
  if (call->verb != "create" || !call->route.ns.empty() || !call->route.name.empty()) {
    return ReplyError(*call, MethodNotAllowed());
  }
  auto body = DecodeBody(call->request, rest_.limits.max_body_bytes);
  if (!body.ok()) return ReplyError(*call, body.error());
  Json review = std::move(body).value().value;
  if (auto error = NormalizeKind(review, *call->resource)) return ReplyError(*call, *error);
  const auto answer = AnswerReview(call->route.plural, review, call->user);
  if (!answer.ok()) return ReplyError(*call, answer.error());
  Reply(*call, 201, DumpJson(*answer));
}

}  // namespace

StatusOr<std::unique_ptr<ApiServer>> ApiServer::Create(ApiServerOptions options, Clock& clock,
                                                       Random& random) {
  SALVE_ASSIGN_OR_RETURN(std::vector<ServedResource> resources, AllResources(options.crds));
  SALVE_ASSIGN_OR_RETURN(auto store, options.data_dir.empty()
                                         ? Store::OpenInMemory(options.store)
                                         : Store::Open(options.data_dir, options.store));
  SALVE_ASSIGN_OR_RETURN(auto tokens, TokenStore::Open(options.data_dir, clock, random));
  auto server = std::make_unique<ApiServerImpl>(std::move(options), std::move(resources),
                                                std::move(store), std::move(tokens), clock, random);
  SALVE_RETURN_IF_ERROR(server->Start());
  return std::unique_ptr<ApiServer>(std::move(server));
}

}  // namespace salve::apiserver
