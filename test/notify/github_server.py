#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One repository at GitHub, as far as Salve writes to it, that refuses what GitHub would refuse.

usage: github_server.py DIR --repository OWNER/NAME --token TOKEN [--app ID --installation ID --key PUBLIC.pem]

Listens on a free port of the loopback and writes it to DIR/port. Requests are judged by github_api.json, which
is taken out of GitHub's own description of its API (make-github-schema), and by the rules that stand only in
its prose: who may, what is there already, what is too long. DIR/state.json has what is in the repository,
DIR/seen each request as a line "OPERATION STATUS", DIR/rejected why requests were not as described,
DIR/disgrace what GitHub would ban a client for (coming back before a limit is over, no User-Agent).

DIR/mode, "MODE OPERATION" ("*" for all), makes it misbehave:
  mute      does it and does not answer      gone      closes the connection without an answer
  limit     403, the hour's limit is used up; it is over LIMIT seconds later, and with it this mode
  secondary 403 with Retry-After: LIMIT, likewise over after that
  fail 500, unauthorized 401, forbid 403, hide 404, conflict 409, disabled 410, invalid 422
  redirect  301 to the same place below /stolen      flood     200 and a body of 1 GB
  nonsense  200 and a body that is no JSON
What people do there: POST /_/close/N, /_/merge/N, /_/lock/N, /_/label/N, /_/comment/N (its text is the body);
/_/revoke/0 takes an App's tokens back.
"""
import argparse
import base64
import binascii
import datetime
import hashlib
import http.server
import json
import pathlib
import re
import subprocess
import tempfile
import threading
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
LIMIT = 12  # seconds; longer than Salve waits of its own accord after a first refusal
MAX_TITLE, MAX_BODY, MAX_LABEL, MAX_PAYLOAD = 256, 65536, 50, 65535
RIGHTS = {
    "issues/create": "issues", "issues/update": "issues", "issues/list-for-repo": "issues",
    "issues/get": "issues", "issues/list-comments": "issues", "issues/create-comment": "issues pull_requests",
    "issues/add-labels": "issues pull_requests", "repos/create-dispatch-event": "contents",
    "git/create-ref": "contents", "git/get-ref": "contents", "repos/get-content": "contents",
    "repos/create-or-update-file-contents": "contents", "pulls/create": "pull_requests",
    "pulls/list": "pull_requests", "pulls/get": "pull_requests",
}


class Refusal(Exception):
    def __init__(self, status, message, errors=None, **headers):
        super().__init__(message)
        self.status, self.message, self.errors, self.headers = status, message, errors, headers


def stamp(at=None):
    when = datetime.datetime.fromtimestamp(at or time.time(), datetime.timezone.utc)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def sha(*parts):
    return hashlib.sha1("\n".join(parts).encode()).hexdigest()


def is_a(kind, value):
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return {"string": isinstance(value, str), "object": isinstance(value, dict), "array": isinstance(value, list),
            "boolean": isinstance(value, bool), "number": number,
            "integer": number and not isinstance(value, float)}[kind]


def problems(schema, value, at="body"):
    """What is wrong with the value, by the words of JSON Schema that the description uses."""
    if value is None and schema.get("nullable"):
        return []
    for word in ("oneOf", "anyOf"):
        if word in schema:
            found = [problems(one, value, at) for one in schema[word]]
            good = sum(1 for one in found if not one)
            return [] if good == 1 or (good and word == "anyOf") else min(found, key=len) or [f"{at} is ambiguous"]
    out = []
    for one in schema.get("allOf", []):
        out += problems(one, value, at)
    if "type" in schema and not is_a(schema["type"], value):
        return out + [f"{at} is no {schema['type']}"]
    if "enum" in schema and value not in schema["enum"]:
        out.append(f"{at} is none of {schema['enum']}")
    if isinstance(value, str):
        if len(value) < schema.get("minLength", 0) or len(value) > schema.get("maxLength", len(value)):
            out.append(f"{at} has a length that is not allowed")
        if schema.get("format") == "date-time" and not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value):
            out.append(f"{at} is no date-time")
    if isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            out.append(f"{at} has too few items")
        for i, item in enumerate(value):
            out += problems(schema.get("items", {}), item, f"{at}[{i}]")
    if isinstance(value, dict):
        known = schema.get("properties", {})
        if len(value) > schema.get("maxProperties", len(value)):
            out.append(f"{at} has more than {schema['maxProperties']} properties")
        out += [f"{at}.{name} is missing" for name in schema.get("required", []) if name not in value]
        for name, item in value.items():
            if name in known:
                out += problems(known[name], item, f"{at}.{name}")
            elif known and not schema.get("additionalProperties"):
                # GitHub leaves it out; who sends it meant something by it.
                out.append(f"{at}.{name} is not described")
    return out


def parsed(schema, text):
    if schema.get("type") == "integer":
        return int(text) if re.fullmatch(r"\d+", text) else text
    return {"true": True, "false": False}.get(text, text) if schema.get("type") == "boolean" else text


class Repository:
    """What is there, and the rules of each operation. Called with the server's lock held."""

    def __init__(self, name):
        self.name = name
        self.owner = name.split("/")[0]
        first = sha("first commit")
        self.issues, self.dispatches = {}, []
        self.refs, self.files = {"heads/main": first}, {"heads/main": {"README.md": "IyBIZWxsbwo="}}
        self.base = ""

    def state(self):
        return {"issues": list(self.issues.values()), "dispatches": self.dispatches, "refs": self.refs,
                "files": self.files}

    def issue(self, number, pull=None):
        found = self.issues.get(int(number))
        if found is None or (pull is not None and ("head" in found) != pull):
            raise Refusal(404, "Not Found")
        return found

    def shown(self, issue):
        out = {key: value for key, value in issue.items() if key != "comments"}
        out["comments"] = len(issue["comments"])
        if "head" in issue:
            out["pull_request"] = {"url": f"{self.base}/pulls/{issue['number']}"}
        return out

    @staticmethod
    def check_text(resource, title, body):
        if title is not None and not title.strip():
            raise Refusal(422, "Validation Failed", [{"resource": resource, "code": "missing_field", "field": "title"}])
        for field, text, most in (("title", title or "", MAX_TITLE), ("body", body or "", MAX_BODY)):
            if len(text) > most:
                raise Refusal(422, "Validation Failed", [{
                    "resource": resource, "code": "custom", "field": field,
                    "message": f"{field} is too long (maximum is {most} characters)"}])

    @staticmethod
    def check_labels(labels):
        for label in labels:
            if not label.strip() or len(label) > MAX_LABEL:
                raise Refusal(422, "Validation Failed", [{
                    "resource": "Label", "code": "invalid", "field": "name"}])
        return [{"name": label} for label in labels]

    def add(self, title, body, labels, kind):
        number = len(self.issues) + 1
        now = stamp()
        self.issues[number] = {
            "number": number, "title": title, "body": body, "labels": labels, "state": "open", "state_reason": None,
            "locked": False, "created_at": now, "updated_at": now, "closed_at": None, "comments": [],
            "html_url": f"https://github.com/{self.name}/{kind}/{number}", "user": {"login": "salve-bot"}}
        return self.issues[number]

    def repos_get(self, _, __, ___):
        return 200, {"id": 1, "full_name": self.name, "private": True, "archived": False, "has_issues": True,
                     "default_branch": "main",
                     "permissions": {"admin": False, "push": True, "triage": True, "pull": True}}

    def issues_list_for_repo(self, _, query, __):
        wanted = [one for one in query.get("labels", "").split(",") if one]
        found = [one for one in self.issues.values()
                 if all(any(label["name"] == want for label in one["labels"]) for want in wanted)
                 and query.get("state", "open") in ("all", one["state"])]
        found.sort(key=lambda one: one["number"], reverse=query.get("direction", "desc") == "desc")
        return 200, page([self.shown(one) for one in found], query)

    def issues_create(self, _, __, body):
        self.check_text("Issue", str(body["title"]), body.get("body"))
        issue = self.add(body["title"], body.get("body"), self.check_labels(body.get("labels", [])), "issues")
        return 201, self.shown(issue)

    def issues_get(self, path, _, __):
        return 200, self.shown(self.issue(path["issue_number"]))

    def issues_update(self, path, _, body):
        issue = self.issue(path["issue_number"])
        if "state" in body:
            issue["state"] = body["state"]
            issue["state_reason"] = body.get("state_reason") or ("completed" if body["state"] == "closed" else None)
            issue["closed_at"] = stamp() if body["state"] == "closed" else None
        issue["updated_at"] = stamp()
        return 200, self.shown(issue)

    def issues_list_comments(self, path, query, _):
        comments = self.issue(path["issue_number"])["comments"]
        return 200, page([one for one in comments if one["updated_at"] >= query.get("since", "")], query)

    def issues_create_comment(self, path, _, body):
        issue = self.issue(path["issue_number"])
        if issue["locked"]:
            raise Refusal(403, "Unable to create comment because issue is locked.")
        if not body["body"].strip():
            raise Refusal(422, "Validation Failed", [{"resource": "IssueComment", "code": "missing_field",
                                                      "field": "body"}])
        self.check_text("IssueComment", None, body["body"])
        comment = {"id": len(issue["comments"]) + 1, "body": body["body"], "created_at": stamp(),
                   "updated_at": stamp()}
        issue["comments"].append(comment)
        return 201, comment

    def issues_add_labels(self, path, _, body):
        issue = self.issue(path["issue_number"])
        for label in self.check_labels(body["labels"]):
            if label not in issue["labels"]:
                issue["labels"].append(label)
        return 200, issue["labels"]

    def repos_create_dispatch_event(self, _, __, body):
        if len(json.dumps(body.get("client_payload", {}))) > MAX_PAYLOAD:
            raise Refusal(422, "client_payload is too large.")
        self.dispatches.append(body)
        return 204, None

    def git_get_ref(self, path, _, __):
        if path["ref"] not in self.refs:
            raise Refusal(404, "Not Found")
        return 200, {"ref": "refs/" + path["ref"], "object": {"type": "commit", "sha": self.refs[path["ref"]]}}

    def git_create_ref(self, _, __, body):
        ref = body["ref"]
        if not re.fullmatch(r"refs/[^/]+/.+", ref) or re.search(r"\.\.|[ ~^:?*\[\\]|//|/$|\.lock$|/\.", ref):
            raise Refusal(422, f"Reference name '{ref}' is not valid.")
        if body["sha"] not in self.refs.values():
            raise Refusal(422, "Object does not exist")
        name = ref.removeprefix("refs/")
        if name in self.refs:
            raise Refusal(422, "Reference already exists")
        start = next(one for one, value in self.refs.items() if value == body["sha"])
        self.refs[name] = body["sha"]
        self.files[name] = dict(self.files[start])
        return 201, {"ref": ref, "object": {"type": "commit", "sha": body["sha"]}}

    def repos_get_content(self, path, query, _):
        files = self.files.get("heads/" + query.get("ref", "main"))
        if files is None:
            raise Refusal(404, f"No commit found for the ref {query.get('ref')}")
        if path["path"] not in files:
            raise Refusal(404, "Not Found")
        return 200, {"type": "file", "path": path["path"], "content": files[path["path"]], "encoding": "base64",
                     "sha": sha(files[path["path"]])}

    def repos_create_or_update_file_contents(self, path, _, body):
        branch = "heads/" + body.get("branch", "main")
        if branch not in self.refs:
            raise Refusal(404, f"Branch {body['branch']} not found")
        try:
            base64.b64decode(body["content"], validate=True)
        except binascii.Error:
            raise Refusal(422, "content is not valid Base64") from None
        known = self.files[branch].get(path["path"])
        if known is not None and "sha" not in body:
            raise Refusal(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
        if known is not None and body["sha"] != sha(known):
            raise Refusal(409, f"{path['path']} does not match {body['sha']}")
        self.files[branch][path["path"]] = body["content"]
        self.refs[branch] = sha(self.refs[branch], body["message"], body["content"])
        return 200 if known else 201, {"content": {"path": path["path"]}, "commit": {"sha": self.refs[branch]}}

    def pulls_list(self, _, query, __):
        head = query.get("head", "")
        found = [one for one in self.issues.values() if "head" in one
                 and head in ("", f"{self.owner}:{one['head']['ref']}")
                 and query.get("state", "open") in ("all", one["state"])]
        found.sort(key=lambda one: -one["number"])
        return 200, page([self.shown(one) for one in found], query)

    def pulls_get(self, path, _, __):
        return 200, self.shown(self.issue(path["pull_number"], pull=True))

    def pulls_create(self, _, __, body):
        self.check_text("PullRequest", body.get("title", ""), body.get("body"))
        for field in ("head", "base"):
            if "heads/" + body[field] not in self.refs:
                raise Refusal(422, "Validation Failed", [{"resource": "PullRequest", "field": field,
                                                          "code": "invalid"}])
        if self.refs["heads/" + body["head"]] == self.refs["heads/" + body["base"]]:
            raise Refusal(422, "Validation Failed", [{
                "resource": "PullRequest", "code": "custom",
                "message": f"No commits between {body['base']} and {body['head']}"}])
        if any(one["state"] == "open" and one.get("head", {}).get("ref") == body["head"]
               for one in self.issues.values()):
            raise Refusal(422, "Validation Failed", [{
                "resource": "PullRequest", "code": "custom",
                "message": f"A pull request already exists for {self.owner}:{body['head']}."}])
        pull = self.add(body["title"], body.get("body"), [], "pull")
        pull.update(head={"ref": body["head"]}, base={"ref": body["base"]}, merged_at=None)
        return 201, self.shown(pull)

    def person(self, what, number, text):
        issue = self.issue(number)
        if what == "lock":
            issue["locked"] = True
        elif what == "label":
            issue["labels"].append({"name": text})
        elif what == "comment":
            issue["comments"].append({"id": len(issue["comments"]) + 1, "body": text, "created_at": stamp(),
                                      "updated_at": stamp()})
        else:
            issue.update(state="closed", closed_at=stamp(), state_reason="completed")
            if what == "merge":
                issue["merged_at"] = stamp()


def page(items, query):
    size = min(int(query.get("per_page", 30)), 100)
    first = (int(query.get("page", 1)) - 1) * size
    return items[first:first + size]


class Api:
    """The operations of github_api.json, found by method and path."""

    def __init__(self):
        described = json.loads((HERE / "github_api.json").read_text(encoding="utf-8"))
        self.operations = described["operations"]
        self.routes = []
        for name, operation in self.operations.items():
            pattern = re.sub(r"\{(path|ref)\}", r"(?P<\1>.+)", operation["path"])
            pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern)
            self.routes.append((operation["method"], re.compile(pattern), name))

    def find(self, method, path):
        for wanted, pattern, name in self.routes:
            match = pattern.fullmatch(path)
            if match and wanted == method:
                return name, {key: urllib.parse.unquote(value) for key, value in match.groupdict().items()}
        return None, {}

    def problems(self, name, path, query, body):
        operation = self.operations[name]
        out, known = [], {}
        for parameter in operation["parameters"]:
            known[parameter["name"]] = parameter
            given = (path if parameter["in"] == "path" else query).get(parameter["name"])
            if given is None:
                out += [f"{parameter['name']} is missing"] if parameter.get("required") else []
            else:
                out += problems(parameter["schema"], parsed(parameter["schema"], given), parameter["name"])
        out += [f"parameter {one} is not described" for one in query if one not in known]
        if operation["body"] is None:
            return out + (["a body is not described"] if body is not None else [])
        if body is None:
            return out + (["the body is missing"] if operation["bodyRequired"] else [])
        return out + problems(operation["body"], body)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def note(self, file, text):
        with open(self.server.dir / file, "a", encoding="utf-8") as out:
            out.write(text + "\n")

    def answer(self, status, body=None, raw=None, **headers):
        data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        if data:
            self.send_header("Content-Type", "application/json; charset=utf-8")
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    # --- who it is ---

    def authenticate(self, operation):
        kind, _, token = (self.headers.get("Authorization") or "").partition(" ")
        if kind.lower() not in ("bearer", "token") or not token:
            raise Refusal(401, "Requires authentication")
        server = self.server
        if operation == "apps/create-installation-access-token":
            self.check_jwt(token)
            return
        if server.token and token == server.token:
            return
        granted = server.granted.get(token)
        if granted is None or granted["expires"] < time.time():
            raise Refusal(401, "Bad credentials")
        needed = RIGHTS.get(operation, "").split()
        if needed and not any(granted["permissions"].get(one) in ("write", "admin") for one in needed):
            raise Refusal(403, "Resource not accessible by integration",
                          X_Accepted_GitHub_Permissions=f"{needed[0]}=write")

    def check_jwt(self, token):
        def piece(text):
            return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        try:
            head, claims, signature = token.split(".")
            header, said = json.loads(piece(head)), json.loads(piece(claims))
        except ValueError:
            raise Refusal(401, "A JSON web token could not be decoded") from None
        with tempfile.NamedTemporaryFile() as file:
            file.write(piece(signature))
            file.flush()
            good = self.server.key and subprocess.run(
                ["openssl", "dgst", "-sha256", "-verify", self.server.key, "-signature", file.name],
                input=f"{head}.{claims}".encode(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                check=False).returncode == 0
        if not good or header.get("alg") != "RS256":
            raise Refusal(401, "A JSON web token could not be decoded")
        now = time.time()
        if said["exp"] > now + 600:
            raise Refusal(401, "'Expiration time' claim ('exp') is too far in the future")
        if said["exp"] <= now or said["iat"] > now:
            raise Refusal(401, "'Issued at' or 'Expiration time' claim is not of now")
        if str(said["iss"]) != str(self.server.app):
            raise Refusal(404, "Integration not found")

    def grant(self, path, body):
        server = self.server
        if path["installation_id"] != str(server.installation):
            raise Refusal(404, "Not Found")
        name = server.repository.name.split("/")[1]
        if body.get("repositories", [name]) != [name]:
            raise Refusal(422, "There is at least one repository that does not exist or is not accessible to the "
                               "parent installation.")
        have = server.app_permissions
        for one, level in body.get("permissions", have).items():
            if level not in {"write": ["read", "write"], "read": ["read"]}.get(have.get(one), []):
                raise Refusal(422, "The permissions requested are not granted to this installation.")
        server.grants += 1
        token = f"ghs_{server.grants:036d}"
        expires = time.time() + 3600
        server.granted[token] = {"expires": expires, "permissions": body.get("permissions", have)}
        return 201, {"token": token, "expires_at": stamp(expires), "permissions": body.get("permissions", have)}

    # --- what it does ---

    def mode_for(self, operation):
        file = self.server.dir / "mode"
        mode, _, which = file.read_text().strip().partition(" ") if file.exists() else ("ok", "", "*")
        return mode if which in ("*", operation) else "ok"

    def check_limits(self, mode):
        server, now = self.server, time.time()
        if now < server.limited_until:
            self.note("disgrace", "came back before the limit was over")
            raise Refusal(403, "API rate limit exceeded", X_RateLimit_Remaining=0,
                          X_RateLimit_Reset=int(server.limited_until))
        if mode not in ("limit", "secondary") or server.limited_until:
            return
        if mode == "limit":
            server.limited_until = int(now) + LIMIT
            raise Refusal(403, "API rate limit exceeded for user ID 1.", X_RateLimit_Limit=5000,
                          X_RateLimit_Remaining=0, X_RateLimit_Reset=server.limited_until)
        server.limited_until = now + LIMIT
        raise Refusal(403, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
                      Retry_After=LIMIT)

    def misbehave(self, mode):
        refusals = {
            "fail": (500, "Server Error \x1b[31m"), "unauthorized": (401, "Bad credentials"),
            "forbid": (403, "Resource not accessible by personal access token"), "hide": (404, "Not Found"),
            "conflict": (409, "Git Repository is empty."), "disabled": (410, "Issues are disabled for this repo"),
            "invalid": (422, "Validation Failed")}
        if mode in refusals:
            errors = [{"resource": "Issue", "code": "custom", "message": "is not to our taste"}]
            more = {"X_Accepted_GitHub_Permissions": "issues=write"} if mode == "forbid" else {}
            raise Refusal(*refusals[mode], errors if mode == "invalid" else None, **more)

    def flood(self):
        self.send_response(200)
        self.send_header("Content-Length", str(1 << 30))
        self.end_headers()
        sent = 0
        try:
            while sent < 1 << 30:
                sent += self.wfile.write(b" " * 65536)
        except OSError:
            pass
        self.note("flooded", str(sent))
        self.close_connection = True

    def carry_out(self, operation, path, query, body):
        server = self.server
        if operation == "apps/create-installation-access-token":
            return self.grant(path, body or {})
        if f"{path['owner']}/{path['repo']}".lower() != server.repository.name.lower():
            raise Refusal(404, "Not Found")
        done = getattr(server.repository, operation.replace("/", "_").replace("-", "_"))(path, query, body)
        new = server.dir / "state.new"
        new.write_text(json.dumps(server.repository.state()))
        new.rename(server.dir / "state.json")
        return done

    def judge(self, operation, path, query, data):
        if not self.headers.get("User-Agent"):
            self.note("disgrace", "no User-Agent")
            raise Refusal(403, "Request forbidden by administrative rules.")
        if operation is None:
            raise Refusal(404, "Not Found")
        if self.headers.get("X-GitHub-Api-Version") not in ("2022-11-28", "2026-03-10"):
            raise Refusal(400, "X-GitHub-Api-Version is not supported")
        self.authenticate(operation)
        try:
            body = json.loads(data) if data else None
        except ValueError:
            raise Refusal(400, "Problems parsing JSON") from None
        wrong = self.server.api.problems(operation, path, query, body)
        if wrong:
            self.note("rejected", f"{operation}: {'; '.join(wrong)}")
            raise Refusal(422, "Invalid request.\n\n" + wrong[0])
        return body

    def handle_request(self):
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urllib.parse.urlsplit(self.path)
        server = self.server
        if url.path.startswith("/_/"):
            _, _, what, number = url.path.split("/")
            with server.lock:
                if what == "revoke":
                    server.granted.clear()
                else:
                    server.repository.person(what, number, data.decode())
            self.answer(204)
            return
        if url.path.startswith("/stolen"):
            self.note("disgrace", "a redirect was followed with " + str(self.headers.get("Authorization")))
        operation, path = server.api.find(self.command, url.path)
        mode = self.mode_for(operation)
        status, answer, headers = 500, None, {}
        try:
            with server.lock:
                self.check_limits(mode)
                self.misbehave(mode)
                body = self.judge(operation, path, dict(urllib.parse.parse_qsl(url.query)), data)
                if mode in ("ok", "mute", "limit", "secondary"):
                    status, answer = self.carry_out(operation, path, dict(urllib.parse.parse_qsl(url.query)), body)
            headers = {}
            if self.command == "GET" and status == 200:
                headers["ETag"] = f'W/"{sha(json.dumps(answer))}"'
                if self.headers.get("If-None-Match") == headers["ETag"]:
                    status, answer = 304, None
            headers |= {"X_RateLimit_Limit": 5000, "X_RateLimit_Remaining": 4000,
                       "X_RateLimit_Reset": int(time.time()) + 1800}
        except Refusal as refusal:
            status, headers = refusal.status, refusal.headers
            answer = {"message": refusal.message, "documentation_url": "https://docs.github.com/rest",
                      "status": str(refusal.status)}
            if refusal.errors:
                answer["errors"] = refusal.errors
        with server.lock:
            self.note("seen", f"{operation} {status if mode not in ('mute', 'gone') else mode}")
        if mode == "mute":
            server.over.wait(60)
            self.close_connection = True
        elif mode == "gone":
            self.close_connection = True
        elif mode == "redirect":
            self.answer(301, {"message": "Moved Permanently"}, Location=f"http://{self.headers['Host']}/stolen{self.path}")
        elif mode == "flood":
            self.flood()
        elif mode == "nonsense":
            self.answer(200, raw=b"<html>a login page</html>")
        else:
            self.answer(status, answer, **headers)

    do_GET = do_POST = do_PUT = do_PATCH = handle_request


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dir", type=pathlib.Path)
    parser.add_argument("--repository", required=True)
    parser.add_argument("--token", default="")
    parser.add_argument("--app")
    parser.add_argument("--installation")
    parser.add_argument("--key")
    parser.add_argument("--app-permissions", type=json.loads, default={
        "metadata": "read", "issues": "write", "contents": "write", "pull_requests": "write"})
    arguments = parser.parse_args()
    server = Server(("127.0.0.1", 0), Handler)
    for name in ("dir", "token", "app", "installation", "key", "app_permissions"):
        setattr(server, name, getattr(arguments, name))
    server.repository = Repository(arguments.repository)
    server.repository.base = f"http://127.0.0.1:{server.server_port}/repos/{arguments.repository}"
    server.api, server.lock, server.over = Api(), threading.RLock(), threading.Event()
    server.granted, server.grants, server.limited_until = {}, 0, 0
    port = arguments.dir / "port.new"
    port.write_text(str(server.server_port))
    port.rename(arguments.dir / "port")
    server.serve_forever()


if __name__ == "__main__":
    main()
