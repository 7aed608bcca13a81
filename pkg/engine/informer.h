// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_ENGINE_INFORMER_H_
#define SALVE_PKG_ENGINE_INFORMER_H_

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "pkg/base/clock.h"
#include "pkg/base/mutex.h"
#include "pkg/base/random.h"
#include "pkg/client/client.h"
#include "pkg/engine/metrics.h"
#include "pkg/engine/reflector.h"
#include "pkg/engine/store.h"
#include "pkg/engine/thread.h"

namespace salve::engine {

// The world that the engine's parts share. All must outlive them.
struct Environment {
  Clock& clock;
  Random& random;
  EngineMetrics& metrics;
};

// A cache of one kind that keeps itself up to date: a Store, the Reflector that feeds it and the
// Reflector's thread. Thread-safe. The typed face is Informer<T>.
class InformerBase {
 public:
  InformerBase(ReflectorOptions options, client::Client& client, Decoder decoder, Environment env);
  virtual ~InformerBase();  // stops
  InformerBase(const InformerBase&) = delete;
  InformerBase& operator=(const InformerBase&) = delete;

  // "incidents.salve.dev"
  const std::string& name() const { return name_; }

  // Runs the reflector on a thread of its own until Stop().
  Status Start();
  // Closes the watch and waits for the thread (at most for the list call that is under way).
  void Stop();

  // One step on the calling thread instead of Start(): never waits for an event. Returns when the
  // next step can do something. For simulation.
  MonoTime Step();

  // True once the first list is in the cache and every handler has seen it.
  bool HasSynced() const { return store_.synced(); }
  // Waits for that; false at `deadline`, after Stop() or when `stop` is requested.
  bool WaitForSync(MonoTime deadline, std::stop_token stop = {});
  // The reflector's last error, "" if all is well.
  std::string last_error() const { return reflector_.last_error(); }

  // Hands the answer of a write or of a direct read to the cache, which takes it over only if it is
  // newer than what it has: so the next reconcile does not start from a state that its own write
  // has replaced.
  void Offer(const Json& object);

  // Before Start() only; see Store::AddHandler.
  void AddRawHandler(Store::Handler handler) { store_.AddHandler(std::move(handler)); }
  const Store& store() const { return store_; }

 protected:
  Store store_;

 private:
  void Run();

  const std::string name_;
  const Decoder decoder_;
  Environment env_;
  Reflector reflector_;
  Thread thread_;

  Mutex mu_;
  CondVar changed_;
  bool stopping_ SALVE_GUARDED_BY(mu_) = false;
};

// What a handler gets: Delta with types. `object()` is the newest state that is known.
template <class T>
struct Change {
  Delta::Type type = Delta::Type::kAdded;
  ObjectHeader header;
  std::shared_ptr<const T> before;  // kUpdated, kDeleted
  std::shared_ptr<const T> after;   // kAdded, kUpdated
  std::int64_t generation_before = 0;
  std::string version_before;
  bool initial = false;
  bool final_state_unknown = false;

  const T& object() const { return after != nullptr ? *after : *before; }
};

// Read access to a cache. Objects are shared and immutable: copy before you change one.
// Thread-safe.
template <class T>
class Lister {
 public:
  virtual ~Lister() = default;
  // nullptr if the cache has none of that name.
  virtual std::shared_ptr<const T> Get(const NamespacedName& name) const = 0;
  // In the order of their names; "" = all namespaces.
  virtual std::vector<std::shared_ptr<const T>> List(const std::string& ns = "") const = 0;
  // Those to which the index function gave `value`; the index must have been added before Start().
  virtual std::vector<std::shared_ptr<const T>> ByIndex(const std::string& index,
                                                        const std::string& value) const = 0;
};

template <class T>
class Informer final : public InformerBase, public Lister<T> {
 public:
  // `decode` makes the typed object from the wire form (apis::Decode<T>); what it refuses is
  // logged, counted and left out.
  Informer(ReflectorOptions options, client::Client& client,
           std::function<StatusOr<T>(const Json&)> decode, Environment env)
      : InformerBase(std::move(options), client, MakeDecoder<T>(std::move(decode)), env) {}

  std::shared_ptr<const T> Get(const NamespacedName& name) const override {
    return ValueOf<T>(store_.Get(name));
  }
  std::vector<std::shared_ptr<const T>> List(const std::string& ns = "") const override {
    return Typed(ns.empty() ? store_.List() : store_.List(ns));
  }
  std::vector<std::shared_ptr<const T>> ByIndex(const std::string& index,
                                                const std::string& value) const override {
    return Typed(store_.ByIndex(index, value));
  }

  // Before Start() only.
  void AddIndex(const std::string& index,
                std::function<std::vector<std::string>(const T&)> function) {
    store_.AddIndex(index, [function = std::move(function)](const CachedObject& entry) {
      return function(static_cast<const CachedValue<T>&>(entry).value);
    });
  }
  // Before Start() only. Called in order, by one thread at a time; must be quick.
  void AddHandler(std::function<void(const Change<T>&)> handler) {
    store_.AddHandler(
        [handler = std::move(handler)](const Delta& delta) { handler(MakeChange(delta)); });
  }

  static Change<T> MakeChange(const Delta& delta) {
    Change<T> change;
    change.type = delta.type;
    change.header = delta.header();
    change.before = ValueOf<T>(delta.before);
    change.after = ValueOf<T>(delta.after);
    if (delta.before != nullptr) {
      change.generation_before = delta.before->header.generation;
      change.version_before = delta.before->header.resource_version;
    }
    change.initial = delta.initial;
    change.final_state_unknown = delta.final_state_unknown;
    return change;
  }

 private:
  static std::vector<std::shared_ptr<const T>> Typed(const std::vector<CachedPtr>& entries) {
    std::vector<std::shared_ptr<const T>> values;
    values.reserve(entries.size());
    for (const CachedPtr& entry : entries) values.push_back(ValueOf<T>(entry));
    return values;
  }
};

}  // namespace salve::engine

#endif  // SALVE_PKG_ENGINE_INFORMER_H_
