#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Amazon SNS as its subscribers see it, for tests.

usage: sns.py keys DIR                    makes an authority, a certificate of HOST, and the key that signs
       sns.py serve DIR ADDRESS           HTTPS at ADDRESS:443: the signing certificate, and confirmations;
                                          what was asked for goes to DIR/asked; ends at SIGTERM
       sns.py send DIR URL TYPE MESSAGE [FIELD=VALUE…]
                                          signs (version 2) and posts it; FIELDs are changed after that;
                                          prints the status of the answer

TYPE is Notification or SubscriptionConfirmation. Needs the openssl program.
"""
import base64
import http.server
import json
import pathlib
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from datetime import datetime, timezone

HOST = "sns.eu-central-1.amazonaws.com"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:alarms"
CERTIFICATE = "/SimpleNotificationService-0123456789abcdef.pem"
SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}


def openssl(*arguments, stdin=None):
    return subprocess.run(["openssl", *map(str, arguments)], input=stdin, check=True, capture_output=True).stdout


def keys(directory):
    for name, subject in (("ca", "/CN=an authority of the suite"), ("signer", "/CN=sns.amazonaws.com")):
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", subject,
                "-keyout", directory / f"{name}.key", "-out", directory / f"{name}.pem")
    request = openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={HOST}", "-keyout", directory / "server.key")
    names = directory / "names.cnf"
    names.write_text(f"subjectAltName=DNS:{HOST}\n")
    (directory / "server.pem").write_bytes(openssl(
        "x509", "-req", "-days", "2", "-CA", directory / "ca.pem", "-CAkey", directory / "ca.key", "-CAcreateserial",
        "-extfile", names, stdin=request))


def serve(directory, address):
    asked = directory / "asked"

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            with asked.open("a") as log:
                log.write(self.path + "\n")
            body = (directory / "signer.pem").read_bytes() if self.path == CERTIFICATE else b"<ConfirmSubscriptionResponse/>"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer((address, 443), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "server.pem", directory / "server.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    asked.touch()
    server.serve_forever()


def send(directory, url, kind, message, *changes):
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    envelope = {"Type": kind, "MessageId": str(uuid.uuid4()), "TopicArn": TOPIC, "Message": message, "Timestamp": now,
                "SignatureVersion": "2", "SigningCertURL": f"https://{HOST}{CERTIFICATE}"}
    if kind == "SubscriptionConfirmation":
        envelope.update(Token="2336412f37",
                        SubscribeURL=f"https://{HOST}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37")
    text = "".join(f"{name}\n{envelope[name]}\n" for name in SIGNED[kind] if name in envelope)
    signature = openssl("dgst", "-sha256", "-sign", directory / "signer.key", stdin=text.encode())
    envelope["Signature"] = base64.b64encode(signature).decode()
    envelope.update(change.split("=", 1) for change in changes)
    call = urllib.request.Request(url, json.dumps(envelope).encode(),
                                  {"Content-Type": "text/plain; charset=UTF-8", "x-amz-sns-message-type": kind})
    try:
        with urllib.request.urlopen(call, timeout=240) as answer:
            print(answer.status)
    except urllib.error.HTTPError as problem:
        print(problem.code)


def main(arguments):
    commands = {"keys": keys, "serve": serve, "send": send}
    if len(arguments) < 2 or arguments[0] not in commands:
        print(__doc__, file=sys.stderr)
        return 2
    commands[arguments[0]](pathlib.Path(arguments[1]), *arguments[2:])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
