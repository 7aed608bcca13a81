// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_RECONCILERS_INCIDENT_RUN_H_
#define SALVE_PKG_RECONCILERS_INCIDENT_RUN_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pkg/engine/reconciler.h"
#include "pkg/healing/machine.h"
#include "pkg/reconcilers/shell.h"

namespace salve::reconcilers {

// One reconcile of one incident: the working copy of the incident, the facts gathered so far, and
// the I/O that the state machine asks for. Used once, by one thread.
class IncidentRun {
 public:
  IncidentRun(Shell& shell, const v1::Incident& incident, engine::ReconcileContext& context);

  StatusOr<engine::Result> Run();

 private:
  // One answer of the machine. A value ends the reconcile.
  StatusOr<std::optional<engine::Result>> Step(const healing::Next& next);

  // Takes a policy as it is stored for the one that this incident goes by.
  void Use(std::shared_ptr<const v1::HealingPolicy> policy);
  // Whether what it was opened for is still wanted. kConflict: the caches have not seen it yet.
  Status CheckWanted();

  // --- facts (incident_facts.cc)
  Status Observe();
  // What is put to sleep is not to be healed.
  void CheckAsleep();
  bool IsTargetOfPolicy() const;
  Status Diagnose();
  Status Propose(const healing::Next& next);
  Status EvaluateGates();
  void ForgetOldMeasurements(const std::vector<healing::IndicatorState>& indicators);
  void ConfirmSignal(std::vector<healing::Gate>& gates);
  bool JustStarted() const;
  void NoteOnGuardrails(const std::vector<healing::Gate>& gates);
  StatusOr<healing::ActionPlan> PlanStep(const v1::Step& step);
  healing::GateInput MakeGateInput();
  healing::Evidence GatherEvidence();
  healing::ApprovalResult CountApprovals();
  void ReadLease(healing::GateInput& input);
  // Fresh measurements of everything that counts for the target.
  healing::FreshCheck MeasureFresh(v1::Observation* after);
  std::vector<healing::ProbeReading> MeasureProbes();

  // --- acting (incident_execute.cc)
  Status Execute();
  Status ExecuteSameKey(const std::string& attempt_id);
  Status Abandon(const std::string& attempt_id, const std::string& reason,
                 const std::string& message);
  Status Recover(const std::string& attempt_id);
  Status Verify(const std::string& attempt_id);
  Status Undo(const std::string& attempt_id);
  Status RecoverUndo(const std::string& attempt_id);
  Status UndoSameKey(const std::string& attempt_id);
  Status VerifyUndo(const std::string& attempt_id);
  // False: somebody else holds it.
  StatusOr<bool> TakeLease(const v1::Step& step);
  Status CheckLease() const;
  Status CheckInTime(const std::string& attempt_id) const;
  void ReleaseLease();
  std::string LeaseHolder() const;
  Status Reserve(const v1::Step& step, const std::string& attempt_id);
  Status ReserveOnGuardrails(const std::string& attempt_id);
  // Observes again and compares what would run now with what was decided: OK, or why not to act.
  Status CheckUnchanged(const v1::Step& step);
  Status RunAndRecord(const std::string& attempt_id);
  // An error: the target is no longer what was decided on, and nothing was done.
  StatusOr<healing::ActionResult> Call(const backends::ActionRequest& request);
  // kUnavailable: not to be known now, ask again.
  StatusOr<healing::ActionResult> AskOutcome(const backends::ActionRequest& request);
  backends::ActionRequest RequestFor(const v1::Attempt& attempt, bool undo) const;
  // Runs the inverse of an attempt whose undo is intended. The lease is held.
  Status RunUndo(const std::string& attempt_id);
  // The target for the undo: nothing else may act on it meanwhile.
  Status TakeLeaseForUndo(const v1::Attempt& attempt);
  // Brings the policy's records up to what the attempts say.
  Status SettleRecords();
  // Ends the reservations of this incident that an earlier reconcile left behind (without an
  // attempt, or with one that has ended), so that they hold no place. They stay spent.
  Status SettleEndedReservations();

  // --- writing
  // Stores the status if it differs from what is stored; emits events for what became true.
  Status Persist();
  void NoteMessages();
  // Shows the incident as it is stored now to who keeps the record.
  void TellAudit() const;
  StatusOr<client::Json> StoreStatus();
  void CountOccurrence();
  void ForgetFacts();
  bool IsCanary() const;
  HealingMetrics& Metrics() const;
  void EmitEvents(const v1::IncidentStatus& before) const;
  const v1::Verification& VerificationSpec() const;
  const v1::Step* StepOf(const std::string& name) const;
  // How long a lease must last to cover one attempt with its verification.
  Duration AttemptSpan(const v1::Step& step) const;
  backends::CallContext CallWithin(Duration limit) const;

  Shell& shell_;
  engine::ReconcileContext& context_;
  v1::Incident incident_;                            // working copy
  v1::IncidentStatus stored_status_;                 // what the server has
  const bool scheduled_;                             // a schedule's, not an illness
  std::shared_ptr<const v1::HealingPolicy> policy_;  // nullptr: gone; see ScheduledView
  std::vector<v1::Step> ladder_;                     // what the policy may do
  backends::Backend* backend_ = nullptr;
  Status backend_problem_;  // why backend_ is nullptr

  healing::IncidentView view_;
  std::optional<healing::EffectiveLimits> limits_;
  MonoTime lease_until_{};              // of the target's lease, as taken in this reconcile
  std::optional<Duration> look_again_;  // when a probe that has not measured lately should have
  std::string invalid_;                 // why the policy as stored is none to act by; "" if it is
  // Facts of this reconcile.
  std::optional<healing::TargetObservation> observation_;
  std::optional<healing::ActionPlan> plan_;
  healing::ApprovalResult approval_;
};

// The action with what the policy's probes know filled in (port, user), as it will be executed.
v1::Action FillActionDefaults(const v1::Action& action, const v1::HealingPolicySpec& policy);

// Where the Lease of a target lives: one per target, whatever policy acts on it.
NamespacedName LeaseName(const std::string& ns, const v1::TargetRef& target);

}  // namespace salve::reconcilers

#endif  // SALVE_PKG_RECONCILERS_INCIDENT_RUN_H_
