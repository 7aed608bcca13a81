#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns the figures of standalone.py into docs/benchmarks.md: report.py FILE.json"""
import datetime
import json
import sys

# What a row is held against: the goal, and what docker-autoheal (a shell script that polls) measured on the
# same kind of machine.
ROWS = [
    ("start to ready, ms (median of 7)", "≤ 100", ""),
    ("idle PSS, no policy, MB", "≤ 16", ""),
    ("idle PSS, 100 containers, MB", "≤ 16", "11"),
    ("CPU-seconds a minute, 100 containers", "≤ 0.1", "0.75"),
    ("writes while nothing changed", "0", ""),
    ("threads", "", ""),
    ("fault to incident, probe once a second, ms: max of 8", "≤ 1010", ""),
    ("unhealthy to acted on, ms, one at a time: p50", "", "2300"),
    ("unhealthy to acted on, ms, one at a time: p95", "≤ 100", "4700"),
    ("unhealthy to acted on, ms, 20 together: p50", "", "one after the other"),
    ("unhealthy to acted on, ms, 20 together: p95", "side by side", "one after the other"),
    ("containers acted on, of 20", "20", ""),
]


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        figures = json.load(f)
    print("<!-- SPDX-License-Identifier: Apache-2.0 -->")
    print("# Benchmarks\n")
    print(f"Measured by `make bench` on {figures['machine']}, {datetime.date.today().isoformat()}.")
    print("The machine is shared, so single figures wander; the goals are those of the design.")
    print("docker-autoheal's figures come from a run on the same kind of machine, not from this run.\n")
    print("| what | measured | goal | docker-autoheal |")
    print("|---|---|---|---|")
    for name, goal, peer in ROWS:
        print(f"| {name} | {figures.get(name, '–')} | {goal} | {peer} |")
    print("\nOf Amazon ECS: [benchmarks-ecs.md](benchmarks-ecs.md).")


if __name__ == "__main__":
    main()
