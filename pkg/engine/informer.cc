// SPDX-License-Identifier: Apache-2.0
#include "pkg/engine/informer.h"

#include "pkg/base/log.h"

namespace salve::engine {
namespace {

std::string NameOf(const ResourceInfo& resource) {
  return resource.group.empty() ? resource.plural : resource.plural + "." + resource.group;
}

}  // namespace

InformerBase::InformerBase(ReflectorOptions options, client::Client& client, Decoder decoder,
                           Environment env)
    : name_(NameOf(options.resource)),
      decoder_(decoder),
      env_(env),
      reflector_(std::move(options), client, client, store_, std::move(decoder), env.clock,
                 env.random, env.metrics) {}

InformerBase::~InformerBase() { Stop(); }

Status InformerBase::Start() {
  return thread_.Start("watch-" + name_, [this] { Run(); });
}

void InformerBase::Stop() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  reflector_.Stop();
  thread_.Join();
}

MonoTime InformerBase::Step() { return reflector_.Step(env_.clock.Monotonic()); }

void InformerBase::Run() {
  bool told = false;
  while (true) {
    const MonoTime next = reflector_.Step(MonoTime::max());
    MutexLock lock(mu_);
    if (stopping_) return;
    if (!told && HasSynced()) {
      told = true;
      changed_.NotifyAll();
    }
    // While a stream is open the wait for the next event is the stream's.
    if (reflector_.state() == Reflector::State::kStream) continue;
    while (!stopping_ && env_.clock.Monotonic() < next) {
      (void)env_.clock.WaitUntil(changed_, mu_, next);
    }
    if (stopping_) return;
  }
}

bool InformerBase::WaitForSync(MonoTime deadline, std::stop_token stop) {
  const std::stop_callback wake(stop, [this] {
    MutexLock lock(mu_);
    changed_.NotifyAll();
  });
  MutexLock lock(mu_);
  while (!HasSynced()) {
    if (stopping_ || stop.stop_requested() || env_.clock.Monotonic() >= deadline) return false;
    (void)env_.clock.WaitUntil(changed_, mu_, deadline);
  }
  return true;
}

void InformerBase::Offer(const Json& object) {
  try {
    StatusOr<CachedPtr> entry = decoder_(object);
    if (entry.ok()) (void)store_.Offer(std::move(entry).value());
  } catch (const std::exception& e) {  // The watch will bring the object anyway.
    Log(Severity::kWarning, "answer not taken over into the cache",
        {{"kind", name_}, {"error", e.what()}});
  }
}

}  // namespace salve::engine
