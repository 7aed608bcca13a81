// SPDX-License-Identifier: Apache-2.0
#include <set>

#include "pkg/base/time_format.h"
#include "pkg/edge/problem.h"
#include "pkg/edge/receivers.h"

namespace salve::edge {

nlohmann::json ToJson(const PolicySignal& one) {
  const auto& signal = one.signal;
  return {{"policy", {{"namespace", one.policy.ns}, {"name", one.policy.name}}},
          {"trigger", signal.trigger},
          {"fingerprint", signal.fingerprint},
          {"target", signal.target},
          {"state", signal.state},
          {"since", signal.since},
          {"receivedAt", signal.received_at},
          {"occurrences", signal.occurrences},
          {"severity", signal.severity},
          {"message", signal.message},
          {"labels", signal.labels}};
}

namespace {

using http::ResponseWriter;
using nlohmann::json;

constexpr std::size_t kMaxDelivery = 1u << 20;

json ToJson(const UnmatchedAlert& one) {
  return {{"receiver", one.alert.receiver},
          {"fingerprint", one.fingerprint},
          {"state", one.alert.firing ? healing::kSignalFiring : healing::kSignalCleared},
          {"since", FormatMicroTime(one.alert.since)},
          {"firstReceivedAt", FormatMicroTime(one.first_at)},
          {"receivedAt", FormatMicroTime(one.last_at)},
          {"occurrences", one.occurrences},
          {"severity", one.alert.severity},
          {"message", one.alert.message},
          {"labels", one.alert.labels}};
}

http::Response ListSignals(Receivers& receivers, Authorizer& authorizer,
                           const RoutedRequest& request, Clock& clock) {
  const std::string only(request.target.query.Get("namespace").value_or(""));
  std::map<std::string, bool> may;
  const auto readable = [&](const std::string& ns) {
    const auto known = may.find(ns);
    if (known != may.end()) return known->second;
    return may[ns] = authorizer.MayReadIncidents(request.identity, ns);
  };
  if (!only.empty() && !readable(only)) {
    return ProblemResponse(
        PermissionDeniedError("you may not read signals in namespace \"" + only + "\""));
  }
  json items = json::array();
  for (const PolicySignal& signal : receivers.Signals()) {
    if (!only.empty() && signal.policy.ns != only) continue;
    if (readable(signal.policy.ns)) items.push_back(ToJson(signal));
  }
  json body = {{"items", std::move(items)}, {"serverTime", FormatTime(clock.Now())}};
  // Nobody's namespace: for those who may see all of them.
  if (readable("")) {
    json unmatched = json::array();
    for (const UnmatchedAlert& alert : receivers.board().List()) unmatched.push_back(ToJson(alert));
    body["unmatched"] = std::move(unmatched);
  }
  return JsonResponse(200, body);
}

}  // namespace

void AddReceiverRoutes(Router& router, Receivers& receivers, std::shared_ptr<Authorizer> authorizer,
                       Clock& clock) {
  Route deliver;
  deliver.method = "POST";
  deliver.pattern = "/api/v1/webhooks/{name}";
  deliver.access = Access::kOpen;  // by the receiver's own means
  deliver.max_body_bytes = kMaxDelivery;
  deliver.admit = [&receivers](const RoutedRequest& head) { return receivers.Admit(head); };
  deliver.handle = [&receivers](const RoutedRequest& request,
                                std::unique_ptr<ResponseWriter> writer) {
    writer->Send(receivers.Deliver(request));
  };
  router.Add(std::move(deliver));

  Route list;
  list.method = "GET";
  list.pattern = "/api/v1/signals";
  list.max_body_bytes = 0;
  list.handle = [&receivers, authorizer = std::move(authorizer), &clock](
                    const RoutedRequest& request, std::unique_ptr<ResponseWriter> writer) {
    writer->Send(ListSignals(receivers, *authorizer, request, clock));
  };
  router.Add(std::move(list));
}

}  // namespace salve::edge
