# SPDX-License-Identifier: Apache-2.0
"""Random sequences of operations on a handful of names, the same on both servers, by seed.

What a sequence does next depends on its seed alone and never on an answer, so both servers are asked
the same. Answers are remembered by name, for resourceVersions and uids that are right or stale.
"""
import random

from lib.case import TABLE, add_case
from lib.objects import configmap, incident, lease, policy

STEPS = 40
NAMES = ("a", "b", "c")
WATCHED = ("hp", "cm")


class _Kind:
    def __init__(self, name, make, changes, status=None):
        self.name = name
        self.make = make
        self.changes = changes  # merge patches
        self.status = status    # merge patches of the status

    def path(self, api, *rest):
        return getattr(api, self.name)(*rest)


KINDS = (
    _Kind("hp", policy,
          [{"spec": {"mode": "Auto"}}, {"spec": {"mode": None}}, {"spec": {"mode": "Wild"}},
           {"spec": {"guardrails": {"cooldownSeconds": 7}}}, {"spec": {"guardrails": None}},
           {"spec": {"ladder": [{"name": "one", "action": {"restart": {}}}]}}, {"spec": {"colour": "red"}},
           {"metadata": {"labels": {"app": "x"}}}, {"metadata": {"labels": None}},
           {"metadata": {"annotations": {"a": "b"}}}, {"metadata": {"finalizers": ["salve.dev/x"]}},
           {"metadata": {"finalizers": None}}, {}],
          [{"status": {"health": "1/1"}}, {"status": {"health": None}}, {"status": None},
           {"status": {"targetsTotal": 3}, "spec": {"mode": "Auto"}}, {"status": {"targetsTotal": "x"}}]),
    _Kind("inc", incident,
          [{"spec": {"cancel": True}}, {"spec": {"severity": "Critical"}}, {"spec": {"policyRef": {"name": "z"}}},
           {"metadata": {"labels": {"app": "x"}}}, {}],
          [{"status": {"phase": "Detected"}}, {"status": {"phase": "Resolved", "outcome": "SelfResolved"}},
           {"status": {"phase": "Nonsense"}}, {"status": None}]),
    _Kind("cm", configmap,
          [{"data": {"a": "b"}}, {"data": {"a": None}}, {"data": None}, {"data": {"a": "c", "d": "e"}},
           {"immutable": True}, {"metadata": {"labels": {"app": "x"}}}, {"metadata": {"labels": None}},
           {"metadata": {"finalizers": ["salve.dev/x"]}}, {"metadata": {"finalizers": None}}, {}]),
    _Kind("lease", lease,
          [{"spec": {"holderIdentity": "me"}}, {"spec": {"holderIdentity": None}}, {"spec": {"leaseTransitions": 1}},
           {"spec": {"leaseDurationSeconds": -1}}, {}]),
)


class _Sequence:
    """One run of one seed on one server."""

    def __init__(self, api, seed):
        self.api = api
        self.random = random.Random(seed)
        self.seen = {}  # (kind, name): the objects that were answered, oldest first

    def run(self):
        watches = [self.api.watch(getattr(self.api, name)(), {"resourceVersion": self.api.get(
            getattr(self.api, name)(), quiet=True).meta["resourceVersion"]}) for name in WATCHED]
        for _ in range(STEPS):
            self.step()
        for watch, name, make in zip(watches, WATCHED, (policy, configmap)):
            self.api.create(getattr(self.api, name)(), make("zz-end"))
            watch.until("zz-end")

    def step(self):
        kind = self.random.choice(KINDS)
        name = self.random.choice(NAMES)
        action = self.random.choices(
            (self.create, self.update, self.patch, self.status, self.delete, self.read, self.list),
            (5, 4, 5, 4 if kind.status else 0, 3, 2, 2))[0]
        action(kind, name)

    def remember(self, kind, name, answer):
        if answer.json and answer.json.get("metadata", {}).get("uid"):
            self.seen.setdefault((kind.name, name), []).append(answer.json)

    def query(self):
        return self.random.choice(("", "", "", "dryRun=All", "fieldValidation=Strict"))

    def create(self, kind, name):
        thing = kind.make(name)
        if self.random.random() < 0.3:
            thing["metadata"]["labels"] = {"app": self.random.choice("xy")}
        query = self.query()
        answer = self.api.post(kind.path(self.api), thing, query)
        if "dryRun" not in query:
            self.remember(kind, name, answer)

    def update(self, kind, name):
        """Something that was answered before, changed, with its resourceVersion of then."""
        age = self.random.choice((1, 1, 1, 2))
        label = self.random.choice("xyz")
        query = self.query()
        known = self.seen.get((kind.name, name), [])
        thing = dict(known[-min(age, len(known))]) if known else kind.make(name)
        thing["metadata"] = {**thing["metadata"], "labels": {"app": label}}
        answer = self.api.put(kind.path(self.api, name), thing, query)
        if "dryRun" not in query:
            self.remember(kind, name, answer)

    def patch(self, kind, name):
        change = self.random.choice(kind.changes)
        query = self.query()
        answer = self.api.patch(kind.path(self.api, name), change, query=query)
        if "dryRun" not in query:
            self.remember(kind, name, answer)

    def status(self, kind, name):
        change = self.random.choice(kind.status)
        self.remember(kind, name, self.api.patch(kind.path(self.api, name, "status"), change))

    def delete(self, kind, name):
        how = self.random.choice(("plain", "plain", "old uid", "dry", "all"))
        known = self.seen.get((kind.name, name), [])
        path = kind.path(self.api, name)
        if how == "old uid":
            uid = known[0]["metadata"]["uid"] if known else "11111111-1111-1111-1111-111111111111"
            self.api.delete(path, {"preconditions": {"uid": uid}})
        elif how == "dry":
            self.api.delete(path, query="dryRun=All")
        elif how == "all" and kind.name not in WATCHED:
            self.api.delete(kind.path(self.api))
        else:
            self.api.delete(path)

    def read(self, kind, name):
        accept = self.random.choice((None, TABLE))
        self.remember(kind, name, self.api.get(kind.path(self.api, name), accept=accept))

    def list(self, kind, _):
        query = self.random.choice(("", "labelSelector=app%3Dx", "labelSelector=app%21%3Dx", "limit=1"))
        accept = self.random.choice((None, TABLE))
        self.api.get(kind.path(self.api), query, accept=accept)


def add_cases(first, count):
    for seed in range(first, first + count):
        def body(api, seed=seed):
            _Sequence(api, seed).run()

        body.__module__ = "cases_sequences"
        body.is_sequence = True
        add_case(f"the random sequence of seed {seed}", body)
