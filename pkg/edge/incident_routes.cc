// SPDX-License-Identifier: Apache-2.0
#include "pkg/edge/incident_routes.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "pkg/base/time_format.h"
#include "pkg/edge/json_body.h"
#include "pkg/edge/problem.h"

namespace salve::edge {
namespace {

using http::ResponseWriter;
using nlohmann::json;

constexpr std::size_t kMaxListed = 500;
constexpr std::size_t kMaxReason = 1024;

// What the routes share; kept alive by them.
class IncidentApi {
 public:
  IncidentApi(TimelineHub& hub, std::shared_ptr<Authorizer> authorizer, ApprovalSink approvals,
              Clock& clock)
      : hub_(hub),
        authorizer_(std::move(authorizer)),
        approvals_(std::move(approvals)),
        clock_(clock) {}

  http::Response List(const RoutedRequest& request) const {
    const std::string ns(request.target.query.Get("namespace").value_or(""));
    std::size_t limit = kMaxListed;
    if (const auto text = request.target.query.Get("limit")) {
      const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), limit);
      if (error != std::errc() || end != text->data() + text->size() || limit == 0) {
        return ProblemResponse(InvalidArgumentError("limit: a whole number above 0 is needed"));
      }
    }
    if (!ns.empty()) {
      if (const Status may = MayRead(request.identity, ns); !may.ok()) return ProblemResponse(may);
    }
    if (!hub_.synced()) return ProblemResponse(hub_.Admit(request.identity));
    json items = json::array();
    for (const auto& incident : hub_.List(request.identity, ns, std::min(limit, kMaxListed))) {
      items.push_back(ToJson(incident, false));
    }
    return JsonResponse(200, {{"items", std::move(items)},
                              {"lastSequence", hub_.LastSequence()},
                              {"serverTime", FormatTime(clock_.Now())}});
  }

  http::Response Get(const RoutedRequest& request) const {
    const auto incident = Find(request);
    if (!incident.ok()) return ProblemResponse(incident.status());
    return JsonResponse(200, ToJson(*incident, true));
  }

  void Timeline(const RoutedRequest& request, std::unique_ptr<ResponseWriter> writer, bool one) {
    std::optional<IncidentKey> only;
    if (one) {
      const auto incident = Find(request);
      if (!incident.ok()) return writer->Send(ProblemResponse(incident.status()));
      if (WantsJson(request)) return writer->Send(Poll(request, *incident));
      only.emplace(incident->ns, incident->name);
    }
    if (const Status may = hub_.Admit(request.identity); !may.ok()) {
      return writer->Send(ProblemResponse(may));
    }
    http::Response head{200,
                        {{"Content-Type", "text/event-stream"},
                         {"Cache-Control", "no-store"},
                         {"X-Accel-Buffering", "no"},
                         {"X-Content-Type-Options", "nosniff"}},
                        ""};
    auto sink = writer->Stream(std::move(head), hub_.options().reader_buffer_bytes);
    hub_.Attach(request.identity, std::move(only), LastId(request), std::move(sink));
  }

  http::Response Decide(const RoutedRequest& request, bool approve) const {
    const auto incident = Find(request);
    if (!incident.ok()) return ProblemResponse(incident.status());
    ApprovalDecision decision;
    decision.approve = approve;
    if (const Status s = ParseDecision(request, decision); !s.ok()) return ProblemResponse(s);
    const ProposalView& proposal = incident->proposal;
    if (proposal.digest != decision.digest) {
      return ProblemResponse(ConflictError(WhatChanged(proposal)),
                             {{"current", Current(proposal)}});
    }
    decision.ns = incident->ns;
    decision.incident = incident->name;
    decision.incident_uid = incident->uid;
    decision.policy = incident->policy;
    decision.identity = request.identity;
    if (!approvals_) {
      return ProblemResponse(
          UnimplementedError("decisions are not taken here: use kubectl or salve"));
    }
    if (const Status s = approvals_(decision); !s.ok()) {
      return ProblemResponse(s, {{"current", Current(proposal)}});
    }
    return JsonResponse(201, {{"decision", approve ? "Approve" : "Reject"},
                              {"digest", decision.digest},
                              {"by", request.identity.user}});
  }

 private:
  Status MayRead(const Identity& identity, const std::string& ns) const {
    if (authorizer_ && authorizer_->MayReadIncidents(identity, ns)) return {};
    return PermissionDeniedError("you may not read incidents in namespace \"" + ns + "\"");
  }

  StatusOr<IncidentView> Find(const RoutedRequest& request) const {
    const std::string& ns = request.params.at("namespace");
    const std::string& name = request.params.at("name");
    SALVE_RETURN_IF_ERROR(MayRead(request.identity, ns));
    if (!hub_.synced()) return hub_.Admit(request.identity);
    auto incident = hub_.Find({ns, name});
    if (!incident) return NotFoundError("incident \"" + ns + "/" + name + "\" not found");
    return *std::move(incident);
  }

  static bool WantsJson(const RoutedRequest& request) {
    const auto accept = request.request.headers.Get("Accept").value_or("");
    return accept.find("application/json") != std::string_view::npos &&
           accept.find("text/event-stream") == std::string_view::npos;
  }

  // Last-Event-ID is what a browser sends when it comes back by itself: newer than ?after=.
  static std::optional<std::string> LastId(const RoutedRequest& request) {
    auto id = request.request.headers.Get("Last-Event-ID");
    if (!id || id->empty()) id = request.target.query.Get("after");
    if (!id || id->empty()) return std::nullopt;
    return std::string(*id);
  }

  http::Response Poll(const RoutedRequest& request, IncidentView incident) const {
    std::int64_t after = 0;
    const std::string id = LastId(request).value_or("0");
    std::from_chars(id.data(), id.data() + id.size(), after);
    std::erase_if(incident.timeline,
                  [&](const TimelineEvent& entry) { return entry.sequence <= after; });
    json body = ToJson(incident, true);
    body["serverTime"] = FormatTime(clock_.Now());
    return JsonResponse(200, body);
  }

  static Status ParseDecision(const RoutedRequest& request, ApprovalDecision& out) {
    const auto type = request.request.headers.Get("Content-Type").value_or("");
    if (!type.starts_with("application/json")) {
      return InvalidArgumentError("Content-Type: application/json is needed");
    }
    SALVE_ASSIGN_OR_RETURN(const json body, ParseJsonBody(request.request.body));
    if (!body.is_object()) return InvalidArgumentError("JSON body: an object is needed");
    for (const auto& [key, value] : body.items()) {
      if (key != "digest" && key != "reason") {
        return InvalidArgumentError("." + key.substr(0, 64) + ": unknown field");
      }
      if (!value.is_string()) return InvalidArgumentError("." + key + ": a string is needed");
    }
    out.digest = body.value("digest", "");
    out.reason = body.value("reason", "");
    if (out.digest.empty()) {
      return InvalidArgumentError(".digest: the digest of the proposal that you saw is needed");
    }
    if (out.reason.size() > kMaxReason) {
      return InvalidArgumentError(".reason: longer than " + std::to_string(kMaxReason) + " bytes");
    }
    return {};
  }

  static std::string WhatChanged(const ProposalView& proposal) {
    if (proposal.digest.empty()) {
      return "nothing is proposed any more: the proposal that you saw was withdrawn, decided or "
             "expired";
    }
    return "the proposal has changed since you saw it: it is now step \"" + proposal.step +
           "\": " + proposal.command;
  }

  static json Current(const ProposalView& proposal) {
    if (proposal.digest.empty()) return nullptr;
    return {{"digest", proposal.digest},
            {"step", proposal.step},
            {"command", proposal.command},
            {"expiresAt", proposal.expires_at}};
  }

  TimelineHub& hub_;
  const std::shared_ptr<Authorizer> authorizer_;
  const ApprovalSink approvals_;
  Clock& clock_;
};

constexpr char kIncident[] = "/api/v1/incidents/{namespace}/{name}";

}  // namespace

void AddIncidentRoutes(Router& router, TimelineHub& hub, std::shared_ptr<Authorizer> authorizer,
                       ApprovalSink approvals, Clock& clock) {
  auto api = std::make_shared<IncidentApi>(hub, std::move(authorizer), std::move(approvals), clock);
  const auto add = [&](const char* method, const std::string& pattern, const auto& handle) {
    Route route;
    route.method = method;
    route.pattern = pattern;
    if (route.method == "GET") route.max_body_bytes = 0;
    route.handle = [handle](const RoutedRequest& request, std::unique_ptr<ResponseWriter> writer) {
      handle(request, std::move(writer));
    };
    router.Add(std::move(route));
  };
  const std::string incident = kIncident;
  add("GET", "/api/v1/incidents",
      [api](const RoutedRequest& r, std::unique_ptr<ResponseWriter> w) { w->Send(api->List(r)); });
  add("GET", incident,
      [api](const RoutedRequest& r, std::unique_ptr<ResponseWriter> w) { w->Send(api->Get(r)); });
  for (const bool approve : {true, false}) {
    add("POST", incident + (approve ? "/approve" : "/reject"),
        [api, approve](const RoutedRequest& r, std::unique_ptr<ResponseWriter> w) {
          w->Send(api->Decide(r, approve));
        });
  }
  for (const bool one : {true, false}) {
    add("GET", one ? incident + "/timeline" : "/api/v1/timeline",
        [api, one](const RoutedRequest& r, std::unique_ptr<ResponseWriter> w) {
          api->Timeline(r, std::move(w), one);
        });
  }
}

}  // namespace salve::edge
