// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_ENGINE_WRITE_GATE_H_
#define SALVE_PKG_ENGINE_WRITE_GATE_H_

#include <memory>

#include "pkg/client/client.h"
#include "pkg/engine/leader.h"

namespace salve::engine {

// A client that lets writes through only while this process leads: the last look before a request
// is sent, so that whoever was leader and does not know it yet (a stopped process that goes on, a
// blocked thread) changes nothing. Reads and watches pass. A refused write is kUnavailable: it was
// certainly not sent. Thread-safe.
class WriteGate final : public client::Client {
 public:
  // Both must outlive it.
  WriteGate(client::Client& inner, const LeaderElector& elector)
      : inner_(inner), elector_(elector) {}

  StatusOr<client::Json> Get(const client::ResourceInfo& resource,
                             const client::NamespacedName& name) override;
  StatusOr<client::ObjectList> List(const client::ResourceInfo& resource,
                                    const client::ListOptions& options) override;
  StatusOr<std::string> PodLogs(const client::NamespacedName& pod,
                                const client::PodLogOptions& options) override;
  StatusOr<std::unique_ptr<client::WatchStream>> Watch(
      const client::ResourceInfo& resource, const client::WatchOptions& options) override;
  StatusOr<client::Json> Create(const client::ResourceInfo& resource, const client::Json& object,
                                const client::WriteOptions& options) override;
  StatusOr<client::Json> Update(const client::ResourceInfo& resource, const client::Json& object,
                                const client::WriteOptions& options) override;
  StatusOr<client::Json> Patch(const client::ResourceInfo& resource,
                               const client::NamespacedName& name, client::PatchType type,
                               const client::Json& patch,
                               const client::WriteOptions& options) override;
  Status Delete(const client::ResourceInfo& resource, const client::NamespacedName& name,
                const client::DeleteOptions& options) override;

 private:
  Status MayWrite(const char* verb, const client::ResourceInfo& resource) const;

  client::Client& inner_;
  const LeaderElector& elector_;
};

}  // namespace salve::engine

#endif  // SALVE_PKG_ENGINE_WRITE_GATE_H_
