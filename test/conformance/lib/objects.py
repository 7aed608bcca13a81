# SPDX-License-Identifier: Apache-2.0
"""Small valid objects of each kind. Keyword arguments go into the metadata."""

DIGEST = "0123456789abcdef" * 4


def _object(version, kind, name, meta, **members):
    metadata = {**({"name": name} if name else {}), **meta}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **members}


def policy(name, spec=None, **meta):
    return _object("salve.dev/v1alpha1", "HealingPolicy", name, meta,
                   spec={"target": {"docker": {"container": "c1"}}, **(spec or {})})


def incident(name, spec=None, **meta):
    return _object("salve.dev/v1alpha1", "Incident", name, meta,
                   spec={"policyRef": {"name": "p1"},
                         "target": {"backend": "docker", "kind": "Container", "name": "c1"},
                         **(spec or {})})


def approval(name, spec=None, **meta):
    return _object("salve.dev/v1alpha1", "IncidentApproval", name, meta,
                   spec={"incidentName": "i1", "incidentUID": "u1", "policyName": "p1",
                         "proposalDigest": DIGEST, "decision": "Approve", "approver": "admin",
                         **(spec or {})})


def guardrail(name, spec=None, **meta):
    return _object("salve.dev/v1alpha1", "HealingGuardrail", name, meta, spec=spec or {})


def configmap(name, data=None, **meta):
    return _object("v1", "ConfigMap", name, meta, **({} if data is None else {"data": data}))


def secret(name, data=None, **meta):
    return _object("v1", "Secret", name, meta, **({} if data is None else {"data": data}))


def namespace(name, **meta):
    return _object("v1", "Namespace", name, meta)


def lease(name, spec=None, **meta):
    return _object("coordination.k8s.io/v1", "Lease", name, meta,
                   **({} if spec is None else {"spec": spec}))


def event(name, ns, involved="p1", **members):
    return {"apiVersion": "v1", "kind": "Event", "metadata": {"name": name, "namespace": ns},
            "involvedObject": {"apiVersion": "salve.dev/v1alpha1", "kind": "HealingPolicy",
                               "name": involved, "namespace": ns},
            "reason": "Healed", "message": "restarted c1", "type": "Normal",
            "source": {"component": "salve"}, "count": 1,
            "firstTimestamp": "2020-01-02T03:04:05Z", "lastTimestamp": "2020-01-02T03:04:05Z",
            **members}


def owner(thing, **members):
    """A reference to an object as the server returned it."""
    return {"apiVersion": thing["apiVersion"], "kind": thing["kind"],
            "name": thing["metadata"]["name"], "uid": thing["metadata"]["uid"], **members}
