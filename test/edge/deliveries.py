#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Delivers to a receiver all that can be wrong about a delivery, and what is right, and looks at the answers.

usage: deliveries.py --address HOST:PORT --kind KIND --receiver NAME --secret S --few NAME --log FILE

The receiver is fresh and of that kind; --secret is its secret (of sns: the directory of test/aws/sns.py). --few is another
one like it that takes two deliveries at once and one an hour. Prints the names of the alerts that must be
known afterwards, one a line; what is not as it must be goes to the standard error.

Exit: 0 every answer was right and every attempt is in Salve's log FILE, without what it showed; 1 some were not.
"""
import argparse
import gzip
import http.client
import json
import sys
import time

from senders import KINDS

BEFORE_CERTAIN = 240  # seconds; matters only where something is broken
LARGEST = 1 << 20


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.text = response.read(65536).decode(errors="replace")
        self.headers = {name.lower(): value for name, value in response.getheaders()}


class Visitor:
    """Posts to one receiver and keeps what is to be found in the log."""

    def __init__(self, address):
        self.host, port = address.rsplit(":", 1)
        self.port = int(port)
        self.wrong = []
        self.known = []
        self.attempts = {}  # request id: (status, receiver)
        self.shown = set()

    def connection(self):
        return http.client.HTTPConnection(self.host, self.port, timeout=BEFORE_CERTAIN)

    def complain(self, what):
        self.wrong.append(what)
        print(what, file=sys.stderr)

    def post(self, receiver, name, headers, text):
        """`headers` is a list of pairs; `text` bytes, or an iterable of them, which goes in chunks."""
        request_id = f"{receiver}.{name}".replace(" ", "-")[:64]
        self.shown.update(value for key, value in headers if "sig" in key.lower() or key == "Authorization")
        connection = self.connection()
        try:
            connection.putrequest("POST", f"/api/v1/webhooks/{receiver}")
            for key, value in [*headers, ("X-Request-Id", request_id)]:
                connection.putheader(key, value)
            self.send(connection, headers, text)
            answer = Answer(connection.getresponse())
        finally:
            connection.close()
        self.attempts[request_id] = (answer.status, receiver)
        return answer

    @staticmethod
    def send(connection, headers, text):
        chunked = not isinstance(text, bytes)
        if chunked:
            connection.putheader("Transfer-Encoding", "chunked")
        elif not any(key == "Content-Length" for key, _ in headers):
            connection.putheader("Content-Length", str(len(text)))
        connection.endheaders()
        try:
            for part in text if chunked else [text]:
                connection.send(b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)
            if chunked:
                connection.send(b"0\r\n\r\n")
        except OSError:
            pass  # who is refused need not be listened to any longer: the answer is there

    def expect(self, what, answer, status, *words):
        if answer.status != status:
            self.complain(f"{what}: expected {status}, found {answer.status}: {answer.text[:300]}")
        for word in words:
            if word not in answer.text:
                self.complain(f"{what}: expected to read \"{word}\" in: {answer.text[:300]}")


class Trial:
    """All deliveries of one sender to one receiver."""

    def __init__(self, visitor, sender, receiver):
        self.visitor, self.sender, self.receiver = visitor, sender, receiver

    def headers(self, shown, media=None):
        return [("Content-Type", media or self.sender.media), *shown.items()]

    def deliver(self, name, text, status, *words, shown=None, media=None):
        shown = self.sender.show(text) if shown is None else shown
        answer = self.visitor.post(self.receiver, name, self.headers(shown, media), text)
        self.visitor.expect(f"{self.receiver}, {name}", answer, status, *words)
        return answer

    def right(self, name, body, *words):
        """A delivery that is taken; its alert is called like it."""
        answer = self.deliver(name, self.sender.seal(body), 202, '"matched":1', *words)
        if "x-ratelimit-remaining" not in answer.headers or "x-ratelimit-limit" not in answer.headers:
            self.visitor.complain(f"{self.receiver}, {name}: the answer does not say what is left")
        self.visitor.known.append(name)
        return answer

    def refused(self):
        """The bytes of a delivery that would be right; with something wrong about it its alert must not be known."""
        return self.sender.seal(self.sender.body("refused"))

    def who_it_is(self):
        sender, text = self.sender, self.refused()
        if hasattr(sender, "alarm"):
            self.deliver("nothing signed", json.dumps({**json.loads(text), "Signature": ""}).encode(), 401)
            for number, (field, value) in enumerate((
                    ("TopicArn", "arn:aws:sns:eu-central-1:123456789012:other"),
                    ("SigningCertURL", "https://sns.eu-central-1.amazonaws.com.example.com/SimpleNotificationService-1.pem"),
                    ("SigningCertURL", "https://sns.eu-central-1.amazonaws.com/other.pem"),
                    ("SignatureVersion", "3"), ("Signature", "AAAA"), ("Message", "changed"))):
                self.deliver(f"changed {field} {number}", json.dumps({**json.loads(text), field: value}).encode(), 403)
            return
        self.deliver("nothing shown", text, 401, shown=sender.extra)
        wrong = sender.show(text, secret="whsec_" + "A" * 32 if "whsec_" in sender.secret else "not-the-secret")
        self.deliver("another secret", text, 403, shown=wrong)
        twice = self.visitor.post(self.receiver, "shown twice", [*self.headers(sender.show(text)), *sender.show(text).items()], text)
        self.visitor.expect(f"{self.receiver}, shown twice", twice, 401)
        if sender.signs:
            self.deliver("changed on the way", text + b" ", 403, shown=sender.show(text))
            self.deliver("truncated on the way", text[:-9], 403, shown=sender.show(text))

    def when_it_was(self):
        if not self.sender.dated:
            return
        for name, age in (("too old", 7200), ("of the future", -7200)):
            text = self.sender.seal(self.sender.body("refused"), age)
            self.deliver(name, text, 403, shown=self.sender.show(text, age))

    def what_it_is(self):
        text = self.refused()
        self.deliver("a page", text, 415, media="text/html")
        self.deliver("nothing said", text, 415, media=" ")
        packed = self.sender.show(text)
        bomb = gzip.compress(b" " * 50_000_000)
        for number, encoding in enumerate(("gzip", "deflate, gzip", "br")):
            self.deliver(f"packed {number}", bomb, 415, shown={**packed, "Content-Encoding": encoding})
        self.deliver("packed in secret", bomb, 400)

    def how_large(self):
        text = self.refused()
        shown = self.sender.show(text)
        announced = {**shown, "Content-Length": "100000000"}
        self.deliver("100 MB", b" " * 1_000_000, 413, shown=announced)
        self.deliver("100 MB in chunks", (b" " * 100_000 for _ in range(1000)), 413, shown=shown)
        largest = self.sender.seal(self.sender.body("the-largest"))
        largest += b" " * (LARGEST - len(largest))
        self.deliver("the largest", largest, 202)
        self.visitor.known.append("the-largest")
        self.deliver("larger by one", largest + b" ", 413)

    def how_it_is_written(self):
        text = self.refused()
        deep = b"[" * 40 + b"]" * 40
        for name, body, word in (
                ("truncated", text[:-9], "JSON body"),
                ("nothing", b"", "JSON body"),
                ("deep", b'{"deep":' + deep + b"," + text[1:], "nested too deep"),
                ("very deep", b"[" * 900_000, "nested too deep"),
                ("the same key twice", b'{"twin":1,"twin":2,' + text[1:], "appears twice"),
                ("no UTF-8", b'{"a":"\xff\xfe",' + text[1:], "JSON body"),
                ("half a surrogate", b'{"a":"\\ud800",' + text[1:], "JSON body"),
                ("too large a number", b'{"a":1e9999,' + text[1:], "JSON body"),
                ("two documents", text + text, "JSON body"),
                ("too many values", b'{"a":[' + b"1," * 200_001 + b"1]," + text[1:], "too many values")):
            self.deliver(name, body, 400, word)

    def what_shape(self):
        sender = self.sender
        for number, body in enumerate((b"3", b"null", b'"x"')):
            self.deliver(f"no object {number}", body, 400, "object is needed")
        shapes = [*sender.misshapen, *([sender.list_limit] if sender.list_limit else [])]
        for number, (change, path) in enumerate(shapes):
            self.deliver(f"shape {number}", sender.seal({**sender.body("refused"), **change}), 400, path)
        for number, (change, path) in enumerate(getattr(sender, "inner_misshapen", [])):
            message = json.dumps({**sender.alarm("refused"), **change})
            self.deliver(f"inner shape {number}", sender.seal({**sender.body("refused"), "Message": message}), 400, path)

    def what_is_right(self):
        sender = self.sender
        self.right("right", sender.body("right"))
        self.right("unknown-fields", {**sender.body("unknown-fields"), "new": [{"a": None}], "": 1})
        self.right("many-labels", sender.labelled("many-labels", 10_000))
        text = sender.seal(sender.body("replayed"))
        shown = sender.show(text)
        self.visitor.known.append("replayed")
        for name in ("replayed", "replayed again", "replayed once more"):
            words = ['"repeated":true'] if sender.numbered and name != "replayed" else ['"matched":1']
            self.deliver(name, text, 202, *words, shown=shown)

    def cut_off(self):
        """Connections that end in the middle of a delivery."""
        text = self.refused()
        for part in (0, len(text) // 2, len(text) - 1):
            connection = self.visitor.connection()
            connection.putrequest("POST", f"/api/v1/webhooks/{self.receiver}")
            for key, value in [*self.headers(self.sender.show(text)), ("Content-Length", str(len(text)))]:
                connection.putheader(key, value)
            connection.endheaders()
            connection.send(text[:part])
            connection.close()

    def all(self):
        self.who_it_is()
        self.when_it_was()
        self.what_it_is()
        self.how_large()
        self.how_it_is_written()
        self.what_shape()
        self.cut_off()
        self.what_is_right()

    def too_many(self):
        """Of a receiver that takes two at once. Who is not believed takes nothing of that."""
        for number in range(3):
            text = self.refused()
            shown = {} if hasattr(self.sender, "alarm") else self.sender.show(text, secret="wrong")
            answer = self.deliver(f"stranger {number}", text.replace(b"refused", b"forged!"), 403, shown=shown)
            if "x-ratelimit-remaining" in answer.headers:
                self.visitor.complain(f"{self.receiver}: a stranger is told what is left")
        left = [self.right(f"first-{number}", self.sender.body(f"first-{number}")).headers for number in range(2)]
        text = self.refused()
        last = self.deliver("too many", text, 429).headers
        said = [one.get("x-ratelimit-remaining") for one in (*left, last)]
        if said != ["1", "0", "0"] or last.get("x-ratelimit-limit") != "2":
            self.visitor.complain(f"{self.receiver}: left of its plan: {said} of {last.get('x-ratelimit-limit')}")
        if not 3000 < int(last.get("retry-after", 0)) <= 3600 or not 3600 < int(last.get("x-ratelimit-reset", 0)) <= 7200:
            self.visitor.complain(f"{self.receiver}: when to come again: {last}")

    def wrong_ways(self):
        self.visitor.expect("nobody's receiver", self.visitor.post("nobody", "x", self.headers({}), b"{}"), 404)
        connection = self.visitor.connection()
        connection.request("GET", f"/api/v1/webhooks/{self.receiver}")
        answer = Answer(connection.getresponse())
        self.visitor.expect("another method", answer, 405)
        if answer.headers.get("allow") != "POST":
            self.visitor.complain("405 does not say which method is allowed")


def check_log(visitor, file, secrets):
    """Every attempt is a line of its own with its result; what was shown is nowhere.

    But for those that the connection refused for their size: nobody looked at who they are from.
    """
    missing = {name: attempt for name, attempt in visitor.attempts.items() if attempt[0] != 413}
    deadline = time.monotonic() + BEFORE_CERTAIN
    while missing and time.monotonic() < deadline:
        with open(file, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                one = json.loads(line) if line.startswith("{") else {}
                status, receiver = missing.get(one.get("request_id"), (0, ""))
                # A receiver that nobody has has no name.
                named = one.get("receiver") == (receiver if status != 404 else "-")
                if one.get("msg") == "delivery" and one.get("status") == status and named:
                    del missing[one["request_id"]]
        time.sleep(0.1)
    for request_id in missing:
        visitor.complain(f"no line of the log about {request_id}, {missing[request_id]}")
    with open(file, encoding="utf-8", errors="replace") as log:
        text = log.read()
    for secret in {*visitor.shown, *secrets}:
        value = secret.removeprefix("Bearer ").removeprefix("v1,").removeprefix("sha256=")
        if value and value in text:
            visitor.complain("what was shown is in the log: " + value)


def main():
    parser = argparse.ArgumentParser()
    for name in ("address", "kind", "receiver", "secret", "few", "log"):
        parser.add_argument("--" + name, required=True)
    options = parser.parse_args()
    visitor = Visitor(options.address)
    sender = KINDS[options.kind](options.secret)
    trial = Trial(visitor, sender, options.receiver)
    trial.all()
    trial.wrong_ways()
    Trial(visitor, sender, options.few).too_many()
    check_log(visitor, options.log, [] if options.kind == "sns" else [options.secret])
    print(*sorted(visitor.known), sep="\n")
    print(f"{len(visitor.attempts)} deliveries", file=sys.stderr)
    return 1 if visitor.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
