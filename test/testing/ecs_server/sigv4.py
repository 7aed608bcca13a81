# SPDX-License-Identifier: Apache-2.0
"""Checks Signature Version 4 of a request, written from AWS's description of it.

It shares nothing with the code that signs, so that a mistake there does not cancel itself out here.
"""
import calendar
import hashlib
import hmac
import re
import time
import urllib.parse

from errors import ApiError

ALGORITHM = "AWS4-HMAC-SHA256"
MAX_SKEW_SECONDS = 300
_FIELDS = re.compile(
    r"^Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{64})$")


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _canonical_query(query):
    pairs = urllib.parse.parse_qsl(query, keep_blank_values=True)
    quoted = [(urllib.parse.quote(k, safe="-_.~"), urllib.parse.quote(v, safe="-_.~"))
              for k, v in pairs]
    return "&".join(f"{k}={v}" for k, v in sorted(quoted))


def _canonical_headers(headers, signed):
    lines = []
    for name in signed:
        values = headers.get_all(name)
        if values is None:
            raise _mismatch()
        joined = ",".join(" ".join(v.split()) for v in values)
        lines.append(f"{name}:{joined}\n")
    return "".join(lines)


def _mismatch():
    return ApiError(
        "InvalidSignatureException",
        "The request signature we calculated does not match the signature you provided. Check your "
        "AWS Secret Access Key and signing method. Consult the service documentation for details.", 403)


def _check_time(stamp, now):
    try:
        signed_at = calendar.timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ"))
    except (TypeError, ValueError):
        raise ApiError("IncompleteSignatureException",
                       f"Date must be in ISO-8601 'basic format'. Got '{stamp}'.") from None

    def basic(t):
        return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(t))

    if signed_at < now - MAX_SKEW_SECONDS:
        raise ApiError("InvalidSignatureException",
                       f"Signature expired: {stamp} is now earlier than {basic(now - MAX_SKEW_SECONDS)} "
                       f"({basic(now)} - 5 min.)", 403)
    if signed_at > now + MAX_SKEW_SECONDS:
        raise ApiError("InvalidSignatureException",
                       f"Signature not yet current: {stamp} is still later than "
                       f"{basic(now + MAX_SKEW_SECONDS)} ({basic(now)} + 5 min.)", 403)


def verify(method, target, headers, body, service, region, find_key, now):
    """Returns the identity that signed, or raises the error that AWS answers.

    `headers` is an email.message.Message, `find_key(access_key)` gives an object with `secret`,
    `token` (None for a long-lived key) and `expires_at` (None: never), or None.
    """
    authorization = headers.get("Authorization")
    if not authorization:
        raise ApiError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
    algorithm, _, rest = authorization.partition(" ")
    fields = _FIELDS.match(rest.strip())
    if algorithm != ALGORITHM or not fields:
        raise ApiError("IncompleteSignatureException",
                       "Authorization header requires 'Credential', 'Signature' and 'SignedHeaders' "
                       "parameters in the form that AWS4-HMAC-SHA256 has.")
    credential, signed_headers, signature = fields.groups()
    scope = credential.split("/")
    if len(scope) != 5 or scope[4] != "aws4_request":
        raise ApiError("IncompleteSignatureException",
                       f"Credential must have exactly 5 slash-delimited elements, got {len(scope)}.")
    access_key, day, scope_region, scope_service, _ = scope
    stamp = headers.get("X-Amz-Date")
    _check_time(stamp, now)
    if not stamp.startswith(day):
        raise ApiError("InvalidSignatureException",
                       f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of "
                       f"date from HTTP: '{day}' != '{stamp[:8]}'.", 403)
    if scope_region != region:
        raise ApiError("InvalidSignatureException",
                       f"Credential should be scoped to a valid region, not '{scope_region}'.", 403)
    if scope_service != service:
        raise ApiError("InvalidSignatureException",
                       f"Credential should be scoped to correct service: '{service}'.", 403)
    key = find_key(access_key)
    if key is None:
        raise ApiError("UnrecognizedClientException",
                       "The security token included in the request is invalid.")
    signed = signed_headers.split(";")
    if signed != sorted(signed) or "host" not in signed:
        raise _mismatch()
    must_be_signed = {n.lower() for n in headers.keys() if n.lower().startswith("x-amz-")}
    if not must_be_signed <= set(signed) | {"x-amzn-trace-id"}:
        raise _mismatch()

    parts = urllib.parse.urlsplit(target)
    path = urllib.parse.quote(parts.path or "/", safe="/-_.~%")
    canonical = "\n".join([
        method, path, _canonical_query(parts.query), _canonical_headers(headers, signed),
        signed_headers, hashlib.sha256(body).hexdigest()])
    to_sign = "\n".join([
        ALGORITHM, stamp, "/".join(scope[1:]), hashlib.sha256(canonical.encode()).hexdigest()])
    derived = ("AWS4" + key.secret).encode()
    for part in scope[1:]:
        derived = _hmac(derived, part)
    wanted = _hmac(derived, to_sign).hex()
    if not hmac.compare_digest(wanted, signature):
        raise _mismatch()

    if not hmac.compare_digest((key.token or "").encode(),
                               (headers.get("X-Amz-Security-Token") or "").encode()):
        raise ApiError("UnrecognizedClientException",
                       "The security token included in the request is invalid.")
    if key.expires_at is not None and now >= key.expires_at:
        raise ApiError("ExpiredTokenException",
                       "The security token included in the request is expired")
    return key
