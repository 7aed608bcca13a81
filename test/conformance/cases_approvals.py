# SPDX-License-Identifier: Apache-2.0
"""Admission: who may approve, and what people may say in incidents."""
from lib.case import case
from lib.objects import approval, incident


@case("only the sender can be the approver")
def _(api):
    api.post(api.iapp(), approval("a1", {"approver": "somebody else"}))
    api.post(api.iapp(), approval("a2", {"approver": "admin", "decision": "Reject"}))
    api.post(api.iapp(), approval("a3", {"approver": "bob"}), "dryRun=All")


@case("an approval by somebody without rights is refused before its content is read")
def _(api):
    api.post(api.iapp(), approval("a1", {"approver": "bob"}), user="bob")


@case("the schema of an approval comes before its approver")
def _(api):
    api.post(api.iapp(), approval("a1", {"approver": "somebody else", "decision": "Maybe"}))


@case("an administrator may write anything into an incident")
def _(api):
    api.post(api.inc(), incident("i1", {"errorLogs": ["x"], "metricsSnapshot": [{"name": "a", "value": 1}]}))
