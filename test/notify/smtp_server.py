#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A mail relay for tests: SMTP with STARTTLS and AUTH, that takes no shortcut a real one would refuse.

usage: smtp_server.py DIR [--cert FILE --key FILE] [--user U --password P]

Listens on a free port of the loopback and writes it to DIR/port. Takes mail only over TLS where a
certificate is given, and only after AUTH where a user is. Each mail becomes DIR/mail/N.eml; what was
said, without passwords, is in DIR/dialogue. It refuses AUTH on a plain line and notes it in
DIR/disgrace, as it does a password or a header line that should not be possible. With DIR/mode holding
"later" it answers RCPT with 451, with "never" DATA with 554, with "hang" it says nothing at all.
"""
import argparse
import base64
import email
import email.policy
import pathlib
import socketserver
import ssl


class Session(socketserver.StreamRequestHandler):
    def setup(self):
        super().setup()
        self.tls = False
        self.user = None
        self.sender = None
        self.recipients = []

    def say(self, line):
        self.note("dialogue", "S " + line)
        self.wfile.write(line.encode() + b"\r\n")
        self.wfile.flush()

    def hear(self, quiet=False):
        line = self.rfile.readline(4096)
        if not line.endswith(b"\r\n"):
            return None
        text = line[:-2].decode("ascii", "replace")
        self.note("dialogue", "C " + ("(not shown)" if quiet or text.upper().startswith("AUTH") else text))
        return text

    def note(self, name, text):
        with open(self.server.dir / name, "a", encoding="utf-8") as file:
            file.write(text + "\n")

    def mode(self):
        file = self.server.dir / "mode"
        return file.read_text().strip() if file.exists() else ""

    def handle(self):
        self.request.settimeout(240)
        try:
            if self.mode() == "hang":
                self.rfile.readline()
                return
            self.say("220 relay.test ESMTP")
            while True:
                line = self.hear()
                if line is None:
                    return
                verb, _, rest = line.partition(" ")
                if not getattr(self, "do_" + verb.lower(), self.unknown)(rest):
                    return
        except (OSError, ssl.SSLError) as error:
            self.note("dialogue", f"- {error}")

    def unknown(self, _):
        self.say("500 what?")
        return True

    def do_ehlo(self, _):
        lines = ["relay.test"]
        if self.server.context and not self.tls:
            lines.append("STARTTLS")
        if self.server.user and (self.tls or not self.server.context):
            lines.append("AUTH PLAIN LOGIN")
        for i, line in enumerate(lines):
            self.say(f"250{' ' if i == len(lines) - 1 else '-'}{line}")
        return True

    def do_starttls(self, _):
        if not self.server.context or self.tls:
            self.say("503 not now")
            return True
        self.say("220 go ahead")
        self.request = self.server.context.wrap_socket(self.request, server_side=True)
        self.rfile = self.request.makefile("rb")
        self.wfile = self.request.makefile("wb")
        self.tls = True
        self.note("dialogue", f"- TLS {self.request.version()}")
        return True

    def do_auth(self, rest):
        if not self.tls:
            self.note("disgrace", "AUTH without TLS")
            self.say("538 encryption required")
            return True
        mechanism, _, initial = rest.partition(" ")
        if mechanism.upper() == "PLAIN":
            if not initial:
                self.say("334 ")
                initial = self.hear(quiet=True) or ""
            _, user, password = base64.b64decode(initial).decode().split("\0")
        else:
            self.say("334 VXNlcm5hbWU6")
            user = base64.b64decode(self.hear(quiet=True)).decode()
            self.say("334 UGFzc3dvcmQ6")
            password = base64.b64decode(self.hear(quiet=True)).decode()
        if (user, password) != (self.server.user, self.server.password):
            self.say("535 no")
            return True
        self.user = user
        self.say("235 welcome")
        return True

    def do_mail(self, rest):
        if self.server.context and not self.tls:
            self.note("disgrace", "MAIL without TLS")
            self.say("530 STARTTLS first")
        elif self.server.user and self.user is None:
            self.say("530 AUTH first")
        else:
            self.sender = rest.partition("<")[2].partition(">")[0]
            self.recipients = []
            self.say("250 ok")
        return True

    def do_rcpt(self, rest):
        if self.mode() == "later":
            self.say("451 try again later")
        else:
            self.recipients.append(rest.partition("<")[2].partition(">")[0])
            self.say("250 ok")
        return True

    def do_data(self, _):
        if self.mode() == "never":
            self.say("554 no such mail here")
            return True
        self.say("354 go ahead")
        lines = []
        while (line := self.rfile.readline(4096)) not in (b".\r\n", b""):
            if not line.endswith(b"\r\n") or len(line) > 1000:
                self.note("disgrace", "a line that is none")
            lines.append(line.removeprefix(b"."))
        data = b"".join(lines)
        mail = email.message_from_bytes(data, policy=email.policy.default)
        for defect in mail.defects:
            self.note("disgrace", f"{type(defect).__name__}")
        number = self.server.take(data)
        self.note("envelope", f"{self.sender} {','.join(self.recipients)} {self.user} {'tls' if self.tls else 'plain'}")
        self.say(f"250 queued as {number}")
        return True

    def do_quit(self, _):
        self.say("221 bye")
        return False

    def do_rset(self, _):
        self.say("250 ok")
        return True


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    count = 0

    def take(self, data):
        self.count += 1
        folder = self.dir / "mail"
        folder.mkdir(exist_ok=True)
        new = folder / f"{self.count}.new"
        new.write_bytes(data)
        new.rename(folder / f"{self.count}.eml")
        return self.count


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dir", type=pathlib.Path)
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--user")
    parser.add_argument("--password")
    arguments = parser.parse_args()
    server = Server(("127.0.0.1", 0), Session)
    server.dir = arguments.dir
    server.user = arguments.user
    server.password = arguments.password
    server.context = None
    if arguments.cert:
        server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.context.minimum_version = ssl.TLSVersion.TLSv1_2
        server.context.load_cert_chain(arguments.cert, arguments.key)
    port = arguments.dir / "port.new"
    port.write_text(str(server.server_address[1]))
    port.rename(arguments.dir / "port")
    server.serve_forever()


if __name__ == "__main__":
    main()
