#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns the figures of standalone.py and receivers.py into docs/benchmarks.md: report.py STANDALONE.json RECEIVERS.json"""
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


GOAL_P99 = 5  # ms, for changes over 10 connections


def print_receivers(figures):
    print("\n## Alerts in\n")
    print("Salve's receiver of kind `alertmanager` answers when the alert is on the disk; next to it Alertmanager's own API")
    print("(`/api/v2/alerts`), which keeps alerts in memory, in the same run, in turns, one alert a request. *Changes* are alerts")
    print("that begin and end in turns: each is a write of its policy. *Repeats* are of what is known: nothing is written.")
    print(f"Goal: p99 ≤ {GOAL_P99} ms of changes over 10 connections. Median of the rounds; where a rate is given, from the moment at which")
    print(f"each alert was due. 50 policies, each with an open incident. Load average at the start: {figures['load']}.\n")
    print("| what comes | to | p50, ms | p99, ms | alerts a second | CPU-seconds for 1,000 |")
    print("|---|---|---|---|---|---|")
    for scene, sides in figures["scenes"].items():
        for name, one in sides.items():
            print(f"| {scene} | {name} | {one['p50']:.2f} | {one['p99']:.2f} | {one['rate']:.0f} | {one['cpu']:.2f} |")
    print("\n| what | measured | goal |")
    print("|---|---|---|")
    for name, goal in (("writes to the store for 1,000 changes", "1000 or more"),
                       ("alerts taken in for memory", ""), ("PSS after a tenth of them, MB", ""),
                       ("PSS after all of them, MB", "the same")):
        print(f"| {name} | {figures[name]} | {goal} |")


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
    if len(sys.argv) > 2:
        with open(sys.argv[2], encoding="utf-8") as f:
            print_receivers(json.load(f))
    print("\nWhere the time of an alert goes: [benchmarks-alerts.md](benchmarks-alerts.md). Of Amazon ECS:")
    print("[benchmarks-ecs.md](benchmarks-ecs.md).")


if __name__ == "__main__":
    main()
