// SPDX-License-Identifier: Apache-2.0
#include "pkg/reconcilers/policy_status.h"

#include "pkg/apis/codec.h"

namespace salve::reconcilers {
namespace {

using apis::meta::v1::NamespacedName;

constexpr int kAttempts = 5;

}  // namespace

template <class T>
StatusOr<T> StatusUpdater<T>::Update(const NamespacedName& name,
                                     const std::function<StatusOr<bool>(T&)>& change) {
  MutexLock lock(writers_[std::hash<std::string>()(name.ToString()) % writers_.size()]);
  Status last;
  std::string refused;  // the version that it was refused on
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    T object;
    const auto cached = cache_.Get(name);
    if (attempt == 0 && cached != nullptr) {
      object = *cached;
    } else {
      // The cache was behind: only the server knows better, and everybody here should.
      SALVE_ASSIGN_OR_RETURN(const client::Json live, client_.Get(T::kInfo, name));
      cache_.Offer(live);
      SALVE_ASSIGN_OR_RETURN(object, apis::Decode<T>(live));
      // A replica that is behind itself: the work queue waits until it has caught up.
      if (object.metadata.resource_version == refused) return last;
    }
    SALVE_ASSIGN_OR_RETURN(const bool changed, change(object));
    if (!changed) return object;
    refused = object.metadata.resource_version;
    client::WriteOptions options;
    options.subresource = "status";
    StatusOr<client::Json> stored = client_.Update(T::kInfo, apis::Encode(object), options);
    if (stored.ok()) {
      cache_.Offer(*stored);
      return apis::Decode<T>(*stored);
    }
    last = stored.status();
    if (last.code() != Code::kConflict) return last;
  }
  return last;
}

template class StatusUpdater<apis::salve::v1alpha1::HealingPolicy>;
template class StatusUpdater<apis::salve::v1alpha1::HealingGuardrail>;
template class StatusUpdater<apis::salve::v1alpha1::Incident>;

}  // namespace salve::reconcilers
