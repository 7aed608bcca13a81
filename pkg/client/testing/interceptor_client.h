// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_CLIENT_TESTING_INTERCEPTOR_CLIENT_H_
#define SALVE_PKG_CLIENT_TESTING_INTERCEPTOR_CLIENT_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pkg/client/client.h"

namespace salve::client::testing {

// A call on its way to the server.
struct Call {
  std::string verb;  // get list watch create update patch delete
  ResourceInfo resource;
  NamespacedName name;  // create: of the object; list, watch: namespace only
  std::string subresource;
};

// What is to happen to it.
struct Fault {
  enum class Kind {
    kNone,
    kRefuse,        // the server never sees it; the caller gets `status`
    kLoseResponse,  // the server carries it out; the caller gets `status`
  };
  Kind kind = Kind::kNone;
  Status status;

  static Fault None() { return {}; }
  static Fault Refuse(Status status) { return {Kind::kRefuse, std::move(status)}; }
  static Fault LoseResponse(Status status = AbortedError("connection lost after sending")) {
    return {Kind::kLoseResponse, std::move(status)};
  }
};

// What is to happen to an event of a watch.
struct EventFault {
  enum class Kind { kPass, kDrop, kDuplicate, kFail };
  Kind kind = Kind::kPass;
  Status status;  // kFail: what Next() returns instead; the event is lost
};

// A Client that breaks chosen calls of another one. Set the hooks before use; they are called from
// the callers' threads. A hook that moves a SimulatedClock makes a call slow.
class InterceptorClient final : public Client {
 public:
  explicit InterceptorClient(Client& inner) : inner_(inner) {}

  std::function<Fault(const Call&)> on_call;
  std::function<void(const Call&, const Status&)> after_call;
  std::function<EventFault(const ResourceInfo&, const WatchEvent&)> on_event;

  StatusOr<Json> Get(const ResourceInfo& resource, const NamespacedName& name) override;
  StatusOr<ObjectList> List(const ResourceInfo& resource, const ListOptions& options) override;
  StatusOr<std::string> PodLogs(const NamespacedName& pod, const PodLogOptions& options) override;
  StatusOr<std::unique_ptr<WatchStream>> Watch(const ResourceInfo& resource,
                                               const WatchOptions& options) override;
  StatusOr<Json> Create(const ResourceInfo& resource, const Json& object,
                        const WriteOptions& options = {}) override;
  StatusOr<Json> Update(const ResourceInfo& resource, const Json& object,
                        const WriteOptions& options = {}) override;
  StatusOr<Json> Patch(const ResourceInfo& resource, const NamespacedName& name, PatchType type,
                       const Json& patch, const WriteOptions& options = {}) override;
  Status Delete(const ResourceInfo& resource, const NamespacedName& name,
                const DeleteOptions& options = {}) override;

 private:
  Client& inner_;
};

}  // namespace salve::client::testing

#endif  // SALVE_PKG_CLIENT_TESTING_INTERCEPTOR_CLIENT_H_
