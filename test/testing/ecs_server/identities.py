# SPDX-License-Identifier: Apache-2.0
"""Who may call: access keys, sessions that end, and what a policy grants to each."""
import fnmatch
import secrets
import threading
import time

from errors import access_denied
from model import ACCOUNT

# The keys of AWS's own documentation. The first is the tests', the second Salve's.
ADMIN = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
SALVE = ("AKIAI44QH8DHBEXAMPLE", "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY")


class Identity:
    def __init__(self, access_key, secret, name, token=None, expires_at=None):
        self.access_key = access_key
        self.secret = secret
        self.name = name
        self.token = token
        self.expires_at = expires_at

    @property
    def arn(self):
        return f"arn:aws:iam::{ACCOUNT}:user/{self.name}"


def _listed(value):
    return value if isinstance(value, list) else [value]


def allows(policy, action, resource, context):
    """What IAM decides about one call by one identity policy: an explicit Deny wins, nothing is allowed unsaid."""
    allowed = False
    for statement in _listed(policy["Statement"]):
        if not any(fnmatch.fnmatchcase(action.lower(), a.lower()) for a in _listed(statement["Action"])):
            continue
        if not any(fnmatch.fnmatchcase(resource, r) for r in _listed(statement["Resource"])):
            continue
        if not _conditions_hold(statement.get("Condition", {}), context):
            continue
        if statement["Effect"] == "Deny":
            return False
        allowed = True
    return allowed


def _conditions_hold(conditions, context):
    for operator, wanted in conditions.items():
        if operator not in ("ArnEquals", "ArnLike", "StringEquals", "StringLike"):
            return False
        for key, patterns in wanted.items():
            have = context.get(key)
            if have is None or not any(fnmatch.fnmatchcase(have, p) for p in _listed(patterns)):
                return False
    return True


class Identities:
    """Safe to use from several threads."""

    def __init__(self):
        self._lock = threading.Lock()
        self._known = {}
        self._policies = {}  # name → policy; a name without one may do everything
        for (key, secret), name in ((ADMIN, "suite"), (SALVE, "salve")):
            self._known[key] = Identity(key, secret, name)
        self.session_seconds = 3600.0
        self.sessions_given = 0

    def find(self, access_key):
        with self._lock:
            return self._known.get(access_key)

    def set_policy(self, name, policy):
        with self._lock:
            if policy is None:
                self._policies.pop(name, None)
            else:
                self._policies[name] = policy

    def check(self, identity, needed):
        """Raises AccessDenied where the identity's policy does not grant all of [(action, resource, context)]."""
        with self._lock:
            policy = self._policies.get(identity.name)
        if policy is None:
            return
        for action, resource, context in needed:
            if not allows(policy, action, resource, context):
                raise access_denied(identity.arn, action, resource)

    def new_session(self, name="salve"):
        """Credentials as a container's endpoint gives them."""
        with self._lock:
            self.sessions_given += 1
            session = Identity("ASIA" + secrets.token_hex(8).upper(), secrets.token_urlsafe(30), name,
                               secrets.token_urlsafe(60), time.time() + self.session_seconds)
            self._known[session.access_key] = session
        return {"AccessKeyId": session.access_key, "SecretAccessKey": session.secret, "Token": session.token,
                "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(session.expires_at))}

    def expire_sessions(self):
        """From now on every session given until now is refused as expired, whatever it was told at first."""
        with self._lock:
            for identity in self._known.values():
                if identity.token is not None:
                    identity.expires_at = 0.0

    def forget(self, access_key):
        with self._lock:
            self._known.pop(access_key, None)
