# SPDX-License-Identifier: Apache-2.0
"""Those who deliver to the six kinds of receivers: the right body of each, and how each shows who it is.

Signatures are made with the standard library (SNS: with test/aws/sns.py), a second opinion on Salve's own.
"""
import base64
import hashlib
import hmac
import json
import pathlib
import sys
import time
import uuid
from datetime import datetime, timedelta, timezone

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "aws"))
import sns  # noqa: E402, found only now


def digest(key, text):
    return hmac.new(key, text, hashlib.sha256)


class Sender:
    """One kind. `secret` is what the receiver has; `body` is about an alert of the given name."""

    signs = True  # whether a body that was changed on the way is noticed
    dated = False  # whether a delivery grows old
    numbered = False  # whether a delivery has a number that is taken once
    media = "application/json"
    extra = {}
    # Bodies of another shape: what is changed, and the path that the answer names.
    misshapen = []
    list_limit = None  # a change that makes a list too long, and its path

    def __init__(self, secret):
        self.secret = secret

    def body(self, name):
        raise NotImplementedError

    def labelled(self, name, count):
        """The same with `count` labels, or, where a sender has no labels, with as many fields."""
        body = self.body(name)
        self.labels_of(body).update({f"l{i}": "x" * 20 for i in range(count)})
        return body

    def labels_of(self, body):
        return body

    def show(self, text, age=0, secret=None):
        """The headers that go with the body `text`, made `age` seconds ago."""
        raise NotImplementedError

    def seal(self, body, age=0):
        """The bytes of a body, with all that is inside of it."""
        del age
        return json.dumps(body).encode()


class Alertmanager(Sender):
    signs = False
    misshapen = [({"alerts": [{"status": "firing", "labels": 3}]}, ".alerts[0].labels"), ({"alerts": {}}, ".alerts"), ({"alerts": [{"labels": {}}]}, ".alerts[0].status"),
                 ({"alerts": [{"status": "on", "labels": {}}]}, ".alerts[0].status"), ({"version": "5"}, ".version"),
                 ({"alerts": [{"status": "firing", "labels": {"a": 1}}]}, ".alerts[0].labels.a"),
                 ({"alerts": [{"status": "firing", "labels": {}, "startsAt": "today"}]}, ".alerts[0].startsAt")]
    list_limit = ({"alerts": [{"status": "firing", "labels": {}}] * 1001}, ".alerts")

    def body(self, name):
        return {"version": "4", "status": "firing", "alerts": [
            {"status": "firing", "labels": {"alertname": name}, "annotations": {}, "startsAt": "2026-01-01T00:00:00Z"}]}

    def labels_of(self, body):
        return body["alerts"][0]["labels"]

    def show(self, text, age=0, secret=None):
        return {"Authorization": "Bearer " + (secret or self.secret)}


class Standard(Sender):
    """Whoever signs as Standard Webhooks says."""
    dated = numbered = True

    def show(self, text, age=0, secret=None):
        secret = secret or self.secret
        whole = secret.startswith("whsec_")
        key = base64.b64decode(secret.removeprefix("whsec_")) if whole else secret.encode()
        number, at = f"msg_{uuid.uuid4().hex}", str(int(time.time() - age))
        mark = base64.b64encode(digest(key, f"{number}.{at}.".encode() + text).digest()).decode()
        return {"webhook-id": number, "webhook-timestamp": at, "webhook-signature": "v1," + mark}


class SelfHeal(Standard):
    misshapen = [({"labels": []}, ".labels"), ({"labels": {}}, ".labels"), ({"labels": {"a": None}}, ".labels.a"),
                 ({"status": "on"}, ".status"), ({"startsAt": 5}, ".startsAt"), ({"message": {}}, ".message")]

    def body(self, name):
        return {"labels": {"alertname": name}, "message": "by hand"}

    def labels_of(self, body):
        return body["labels"]


class Logfire(Standard):
    misshapen = [({"alert_name": [], "message": "x"}, ".alert_name"), ({"labels": "x"}, ".labels"),
                 ({"labels": {"a": {}}}, ".labels.a"), ({"alert_name": None, "message": None}, "alert_name")]

    def body(self, name):
        return {"alert_name": name, "message": "a query found something", "project": "shop", "labels": {}}

    def labels_of(self, body):
        return body["labels"]


class Hex(Sender):
    header = prefix = ""

    def show(self, text, age=0, secret=None):
        mark = digest((secret or self.secret).encode(), text).hexdigest()
        return {self.header: self.prefix + mark, **self.extra}


class Github(Hex):
    header, prefix, extra = "X-Hub-Signature-256", "sha256=", {"X-GitHub-Event": "workflow_run"}
    misshapen = [({"action": 5}, ".action"), ({"workflow_run": []}, ".workflow_run"),
                 ({"workflow_run": {"name": "w"}}, ".workflow_run.conclusion"), ({"repository": None}, ".repository"),
                 ({"repository": {"full_name": 1}}, ".repository.full_name")]

    def body(self, name):
        return {"action": "completed", "repository": {"full_name": "acme/shop"},
                "workflow_run": {"name": name, "conclusion": "failure", "head_branch": "main",
                                 "updated_at": "2026-01-01T00:00:00Z", "html_url": "https://example.com/1"}}


class Sentry(Hex):
    header, extra = "Sentry-Hook-Signature", {"Sentry-Hook-Resource": "event_alert"}
    misshapen = [({"data": 5}, ".data"), ({"data": {"event": []}}, ".data.event"),
                 ({"data": {"event": {"title": {}}}}, ".data.event.title"), ({"data": {}}, ".data.event")]

    def body(self, name):
        return {"action": "triggered", "data": {"triggered_rule": name, "event": {
            "title": "an exception", "project": 1, "issue_id": "7", "level": "error"}}}


class Sns(Sender):
    """`secret` is the directory of the key that signs (test/aws/sns.py)."""
    dated = numbered = True
    media = "text/plain; charset=UTF-8"
    misshapen = [({"Type": "Letter"}, ".Type"), ({"TopicArn": None}, ".TopicArn"), ({"MessageId": 7}, ".MessageId")]
    inner_misshapen = [({"NewStateValue": 3}, ".Message.NewStateValue"), ({"Trigger": []}, ".Message.Trigger"),
                       ({"Trigger": {"Dimensions": [{"name": 1}]}}, ".Message.Trigger.Dimensions[0].name"),
                       ({"Trigger": {"Dimensions": [{}] * 31}}, ".Message.Trigger.Dimensions")]

    def alarm(self, name):
        return {"AlarmName": name, "NewStateValue": "ALARM", "NewStateReason": "Threshold Crossed",
                "StateChangeTime": "2026-01-01T00:00:00.000+0000", "Region": "EU (Frankfurt)",
                "Trigger": {"MetricName": "Errors", "Namespace": "AWS/X", "Dimensions": []}}

    def body(self, name):
        return {"Type": "Notification", "TopicArn": sns.TOPIC, "Message": json.dumps(self.alarm(name)),
                "SignatureVersion": "2", "SigningCertURL": f"https://{sns.HOST}{sns.CERTIFICATE}"}

    def labelled(self, name, count):
        body = self.body(name)
        return {**body, "Message": json.dumps({**json.loads(body["Message"]), **{f"l{i}": "x" * 20 for i in range(count)}})}

    def seal(self, body, age=0):
        sent = datetime.now(timezone.utc) - timedelta(seconds=age)
        body = {"MessageId": str(uuid.uuid4()), "Timestamp": sent.strftime("%Y-%m-%dT%H:%M:%S.000Z"), **body}
        text = "".join(f"{name}\n{body[name]}\n" for name in sns.SIGNED["Notification"] if body.get(name) is not None)
        mark = sns.openssl("dgst", "-sha256", "-sign", pathlib.Path(self.secret) / "signer.key", stdin=text.encode())
        return json.dumps({**body, "Signature": base64.b64encode(mark).decode()}).encode()

    def show(self, text, age=0, secret=None):
        return {"x-amz-sns-message-type": "Notification"}


KINDS = {"alertmanager": Alertmanager, "self-heal": SelfHeal, "logfire": Logfire, "github": Github, "sentry": Sentry,
         "sns": Sns}
