# SPDX-License-Identifier: Apache-2.0
"""What goes wrong on purpose, how often calls may come, and the record of all calls made."""
import collections
import json
import threading
import time

KINDS = ("throttle", "500", "503", "denied", "hang", "cut", "stall", "lost")
MOST_CALLS_KEPT = 200_000


class Fault:
    """
    throttle, 500, 503, denied   answered so, nothing done
    hang                         never answered, nothing done
    cut                          the connection is cut, nothing done
    stall                        done, but never answered
    lost                         done, then the connection is cut
    """

    def __init__(self, how, operation, who, count):
        if how not in KINDS:
            raise ValueError(f"how must be one of {', '.join(KINDS)}, not {how}")
        self.how = how
        self.operation = operation
        self.who = who
        self.left = count


class Faults:
    """Safe to use from several threads."""

    def __init__(self):
        self._lock = threading.Lock()
        self._faults = []

    def add(self, fault):
        with self._lock:
            self._faults.append(fault)

    def clear(self):
        with self._lock:
            self._faults.clear()

    def next(self, operation, who):
        """What this call is to suffer, used up by that; None for nothing."""
        with self._lock:
            for fault in self._faults:
                if (fault.left != 0 and fault.operation in ("*", operation) and fault.who in ("*", who)):
                    fault.left -= 1
                    return fault.how
        return None


class Bucket:
    def __init__(self, burst, rate):
        self.burst = burst
        self.rate = rate
        self.level = float(burst)
        self.at = time.monotonic()

    def take(self):
        now = time.monotonic()
        self.level = min(self.burst, self.level + (now - self.at) * self.rate)
        self.at = now
        if self.level < 1:
            return False
        self.level -= 1
        return True


class Rates:
    """Token buckets as the services publish them: (burst, a second) for a group of operations."""

    _GROUPS = {
        "read": (100, 20), "modify": (50, 5), "register": (20, 1), "FilterLogEvents": (10, 10),
    }

    def __init__(self):
        self._lock = threading.Lock()
        self._buckets = {}
        self.enabled = True

    @staticmethod
    def _group(operation):
        if operation in ("FilterLogEvents",):
            return operation
        if operation in ("RegisterTaskDefinition", "DeregisterTaskDefinition"):
            return "register"
        return "read" if operation.startswith(("Describe", "List", "Filter")) else "modify"

    def allow(self, operation, who):
        """False where the caller has been too fast. The suite itself is never."""
        if not self.enabled or who == "suite":
            return True
        group = self._group(operation)
        with self._lock:
            bucket = self._buckets.setdefault((group, who), Bucket(*self._GROUPS[group]))
            return bucket.take()


class Calls:
    """The witness: every call with its time, key and end, in memory and as a line of a file."""

    def __init__(self, path):
        self._lock = threading.Lock()
        self._calls = collections.deque(maxlen=MOST_CALLS_KEPT)
        self._file = open(path, "a", encoding="utf-8")
        self._number = 0

    def add(self, record):
        with self._lock:
            self._number += 1
            record = {"n": self._number, "time": round(time.time(), 3), **record}
            self._calls.append(record)
            self._file.write(json.dumps(record) + "\n")
            self._file.flush()

    def list(self, operation=None, who=None, after=0):
        with self._lock:
            return [c for c in self._calls if c["n"] > after and operation in (None, c["operation"])
                    and who in (None, c["who"])]

    def close(self):
        with self._lock:
            self._file.close()
