// SPDX-License-Identifier: Apache-2.0
#include "pkg/client/testing/interceptor_client.h"

#include <utility>

namespace salve::client::testing {
namespace {

class FaultyStream final : public WatchStream {
 public:
  FaultyStream(ResourceInfo resource, std::unique_ptr<WatchStream> inner,
               std::function<EventFault(const ResourceInfo&, const WatchEvent&)> hook)
      : resource_(std::move(resource)), inner_(std::move(inner)), hook_(std::move(hook)) {}

  StatusOr<std::optional<WatchEvent>> Next(MonoTime deadline) override {
    while (true) {
      if (again_) return std::exchange(again_, std::nullopt);
      StatusOr<std::optional<WatchEvent>> event = inner_->Next(deadline);
      if (!event.ok() || !event->has_value() || hook_ == nullptr) return event;
      const EventFault fault = hook_(resource_, **event);
      switch (fault.kind) {
        case EventFault::Kind::kPass:
          return event;
        case EventFault::Kind::kDrop:
          break;
        case EventFault::Kind::kDuplicate:
          again_ = **event;
          return event;
        case EventFault::Kind::kFail:
          return fault.status;
      }
    }
  }
  void Close() override { inner_->Close(); }

 private:
  const ResourceInfo resource_;
  const std::unique_ptr<WatchStream> inner_;
  const std::function<EventFault(const ResourceInfo&, const WatchEvent&)> hook_;
  std::optional<WatchEvent> again_;
};

NamespacedName NameOf(const Json& object) {
  const Json metadata = object.is_object() ? object.value("metadata", Json::object()) : Json();
  if (!metadata.is_object()) return {};
  return {metadata.value("namespace", std::string()), metadata.value("name", std::string())};
}

// Runs `call` under the fault that the hooks ask for. R is StatusOr<…> or Status.
template <class R, class F>
R Guard(const InterceptorClient& client, const Call& call, F&& run) {
  const Fault fault = client.on_call != nullptr ? client.on_call(call) : Fault::None();
  if (fault.kind == Fault::Kind::kRefuse) {
    if (client.after_call != nullptr) client.after_call(call, fault.status);
    return fault.status;
  }
  R result = run();
  if (fault.kind == Fault::Kind::kLoseResponse) result = R(fault.status);
  if (client.after_call != nullptr) {
    client.after_call(call, result.ok() ? Status::Ok() : Status(result.code(), ""));
  }
  return result;
}

}  // namespace

StatusOr<Json> InterceptorClient::Get(const ResourceInfo& resource, const NamespacedName& name) {
  return Guard<StatusOr<Json>>(*this, {"get", resource, name, ""},
                               [&] { return inner_.Get(resource, name); });
}

StatusOr<ObjectList> InterceptorClient::List(const ResourceInfo& resource,
                                             const ListOptions& options) {
  return Guard<StatusOr<ObjectList>>(*this, {"list", resource, {options.ns, ""}, ""},
                                     [&] { return inner_.List(resource, options); });
}

StatusOr<std::string> InterceptorClient::PodLogs(const NamespacedName& pod,
                                                 const PodLogOptions& options) {
  static const ResourceInfo* pods = new ResourceInfo{"", "v1", "pods", "Pod", true};
  return Guard<StatusOr<std::string>>(*this, {"get", *pods, pod, "log"},
                                      [&] { return inner_.PodLogs(pod, options); });
}

StatusOr<std::unique_ptr<WatchStream>> InterceptorClient::Watch(const ResourceInfo& resource,
                                                                const WatchOptions& options) {
  using R = StatusOr<std::unique_ptr<WatchStream>>;
  return Guard<R>(*this, {"watch", resource, {options.ns, ""}, ""}, [&]() -> R {
    SALVE_ASSIGN_OR_RETURN(std::unique_ptr<WatchStream> stream, inner_.Watch(resource, options));
    return std::unique_ptr<WatchStream>(
        std::make_unique<FaultyStream>(resource, std::move(stream), on_event));
  });
}

StatusOr<Json> InterceptorClient::Create(const ResourceInfo& resource, const Json& object,
                                         const WriteOptions& options) {
  return Guard<StatusOr<Json>>(*this, {"create", resource, NameOf(object), options.subresource},
                               [&] { return inner_.Create(resource, object, options); });
}

StatusOr<Json> InterceptorClient::Update(const ResourceInfo& resource, const Json& object,
                                         const WriteOptions& options) {
  return Guard<StatusOr<Json>>(*this, {"update", resource, NameOf(object), options.subresource},
                               [&] { return inner_.Update(resource, object, options); });
}

StatusOr<Json> InterceptorClient::Patch(const ResourceInfo& resource, const NamespacedName& name,
                                        PatchType type, const Json& patch,
                                        const WriteOptions& options) {
  return Guard<StatusOr<Json>>(*this, {"patch", resource, name, options.subresource},
                               [&] { return inner_.Patch(resource, name, type, patch, options); });
}

Status InterceptorClient::Delete(const ResourceInfo& resource, const NamespacedName& name,
                                 const DeleteOptions& options) {
  return Guard<Status>(*this, {"delete", resource, name, ""},
                       [&] { return inner_.Delete(resource, name, options); });
}

}  // namespace salve::client::testing
