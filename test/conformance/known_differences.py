# SPDX-License-Identifier: Apache-2.0
"""Differences that stay, each with its reason. One that no longer differs fails the suite."""
import re


class Known:
    """`case` is a regular expression for the sentence, `path` one for where the answers differ."""

    def __init__(self, case, path, reason):
        self._case = re.compile(case)
        self._path = re.compile(path)
        self.reason = reason
        self.seen = False

    def covers(self, sentence, path):
        return bool(self._case.search(sentence) and self._path.search(path))

    def __str__(self):
        return f"{self._case.pattern!r} at {self._path.pattern!r}: {self.reason}"


_WORDS = r"^\.body\.(message|details\.causes)"

KNOWN = [
    # --- the code and the reason agree, the sentence is the one of Go's decoders
    Known(r"body that is not JSON is 400|bytes after the body's object", _WORDS,
          "ours says at which byte JSON ends to be JSON, Go's decoder prints the bytes in hex"),
    Known(r"merge patch that is no object|JSON patch that is none|strategic merge patch that is none",
          _WORDS, "the sentence names types of Go"),
    Known(r"delete with a body that is none|of another kind is refused: built-in", _WORDS,
          "the sentence names types and source files of Go"),
    Known(r"without kind or version: salve's kinds|of another kind is refused: salve's kinds", _WORDS,
          "theirs repeats the body in the message"),
    Known(r"an apply of another name, kind or body", _WORDS, "each YAML parser has its own words"),
    Known(r"checked for unknown fields|with a duplicate key|JSON patch of a built-in kind", r"^\.(code|body)",
          "theirs shows the whole patched object in the message, in Go's syntax"),
    Known(r"a continue token that is none", _WORDS, "tokens are opaque; theirs tells its inside"),
    Known(r"may I, without saying what", r"^\.body", "theirs forgets the kind's name in the message"),
    Known(r"a patch of an unknown type is 415", r"^\.(body|headers)", "ours lists what is taken, for built-in kinds, too"),
    Known(r"owner references are checked", _WORDS, "members of an object in another order"),
    # --- both refuse, or both take it, differently
    Known(r"a body that is not JSON is 400: built-in", r"^\.(code|body)",
          "theirs takes null for an object without members and misses its name"),
    Known(r"a strategic merge patch that is none", r"^\.(code|body)",
          "ours refuses a $patch that it does not know, theirs ignores it"),
    Known(r"field selectors that cannot be read", r"^\.(code|body)", "theirs takes a selector of nothing but ="),
    Known(r"IncidentApproval: every field of spec", r"^\.(code|body)",
          "ours refuses names of policies that cannot be, before it asks for the right to approve for them"),
    Known(r"an event of each form", r"^\.(code|body)",
          "theirs is stricter with events that have an eventTime, which is for events.k8s.io"),
    Known(r"an apply with a resourceVersion or uid", r"^\.body\.details\.causes", "theirs says it more often"),
    # --- the same with another server behind the same API
    Known(r"without a token a request is 401|something else than a bearer token", r"^\.(code|body)",
          "hack/kube-up lets anonymous users in to be refused by RBAC; ours is as --anonymous-auth=false"),
    Known(r"a list over all namespaces", r"^\.body\.items\[",
          "etcd sorts by the text namespace/name, ours by namespace, then name: differs where one namespace's "
          "name begins with another's"),
    Known(r"every field of spec\.(target\.docker|policyRef|probes|windows\[\])$", r"^\.(code|body|headers)",
          "ours also checks what no schema can say (cron lines, time zones, networks, selectors); on a cluster "
          "the controller says it in a condition"),
    # --- what nobody asks for
    Known(r"an object in YAML", r"^\[", "answers in YAML are not served: kubectl makes its own"),
    Known(r"a Table of the older version", r"^\.", "v1beta1 Tables are not served: kubectl 1.20 takes v1, too"),
    Known(r"asked for as one object's metadata, and the reverse", r"^\.",
          "ours answers with the metadata in the form that fits"),
    Known(r"a streamed list as Tables", r"^\.events\[1\]",
          "theirs prints an empty object as the row of the bookmark"),
    Known(r"discovery is read only", r"^$", "theirs answers a POST to /apis as if it was a GET"),
    Known(r"the core group, aggregated", r"responseKind\.version|subresource",
          "theirs leaves out the version that the list has, and serves namespaces/finalize"),
    Known(r"a namespace's finalizers and status", r"^\.body\.spec\.finalizers",
          "finalizers of a namespace's spec need namespaces/finalize, which is not served"),
    Known(r"the schemas of our kinds", r"x-kubernetes-selectable-fields|\.anyOf$",
          "no client reads it, and x-kubernetes-int-or-string says the same"),
    Known(r"finalizers are checked", r"^\.headers\.warning", "a hint for authors of controllers"),
    Known(r"a patch cannot change the kind", r"^\.(code|headers|body)",
          "theirs prunes by a schema that another kind does not have; both refuse"),
    Known(r"body of another kind is refused: salve's kinds|update of an object's kind", r"^\.headers\.warning",
          "theirs warns of fields of the kind that it refuses"),
    Known(r"a strategic merge patch merges finalizers", r"^\.body\.metadata\.finalizers", "a set has no order"),
    Known(r"times of events and leases", r"^\.body", "ours keeps a time in the form in which it was sent"),
]
