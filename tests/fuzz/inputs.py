"""Inputs: the one of a number is the same in every run with the same seed, on the same code."""

import json
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

from twilio.request_validator import RequestValidator
from werkzeug.routing import Rule

from tests.fuzz.ground import Ground, host_of
from tests.fuzz.schema import Bodies
from tests.fuzz.words import URLS, odd_text, text_for
from tests.support.office import BROWSER

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW", "get")
TYPES = (
    "application/json",
    "application/x-www-form-urlencoded",
    "text/plain",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "multipart/form-data; boundary=x",
    "application/json; charset=utf-7",
    "",
    "a/b; c=" + "d" * 500,
    "\xff/\xff",
)
HOSTS = ("evil.example", "[::1", "a b", "x:99999", "", "127.0.0.1:0", "\xff", "a" * 300, "example.com.")
HEADERS = (
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Authorization",
    "Cookie",
    "If-None-Match",
    "If-Modified-Since",
    "If-Range",
    "Range",
    "Origin",
    "Referer",
    "User-Agent",
    "Forwarded",
    "X-Forwarded-For",
    "X-Request-Id",
    "Idempotency-Key",
    "X-Ringtrace-Fragment",
    "Sec-Fetch-Site",
    "Sec-Purpose",
    "X-HTTP-Method-Override",
    "Transfer-Encoding",
    "Content-Encoding",
    "Expect",
)
IDS_OF_PATHS = {
    "sites": "site",
    "sources": "source",
    "numbers": "number",
    "calls": "call",
    "visits": "visit",
    "messages": "message",
    "webhooks": "endpoint",
}


@dataclass(frozen=True)
class Input:
    """One request as a server hands it on. `rule` is what it is aimed at."""

    number: int
    rule: str
    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    length: str | None

    def environ(self) -> dict[str, Any]:
        """The WSGI environment without its streams; the path is in latin-1 as PEP 3333 has it."""
        made: dict[str, Any] = {
            "REQUEST_METHOD": self.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": self.path.encode("utf-8", "surrogatepass").decode("latin-1"),
            "QUERY_STRING": self.query,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
        }
        for name, value in self.headers:
            key = name.upper().replace("-", "_")
            made[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
        if self.length is not None:
            made["CONTENT_LENGTH"] = self.length
        return made


class Maker:
    """Makes inputs for one ground."""

    def __init__(self, ground: Ground, seed: str) -> None:
        self._ground = ground
        self._seed = seed
        self._bodies = Bodies(ground.document, ground.ids)

    def make(self, number: int) -> Input:
        """The input of that number."""
        random = Random(f"{self._seed}/{number}")
        rule = random.choice(self._ground.rules)
        own = sorted(rule.methods or {"GET"})
        method = random.choice(own) if random.random() < 0.93 else random.choice(METHODS)
        path = self._path(random, rule)
        query = self._query(random, rule) if random.random() < (0.75 if method == "GET" else 0.15) else ""
        headers = self._headers(random, path)
        kind, body = self._body(random, rule, method, path, query, headers)
        if kind is not None:
            headers["Content-Type"] = kind
        self._spoil(random, headers)
        length = str(len(body))
        if random.random() < 0.02:
            length = random.choice(("", "abc", "-1", "0", "9" * 25, str(len(body) + 10), str(max(0, len(body) - 3))))
        return Input(
            number=number,
            rule=rule.rule,
            method=method,
            path=path,
            query=query,
            headers=tuple(headers.items()),
            body=body,
            length=length if body or random.random() < 0.5 else None,
        )

    def _path(self, random: Random, rule: Rule) -> str:
        if random.random() < 0.02:
            return random.choice(("//", "/\x00", "/%2e%2e/", "/calls//", "/CALLS", "/api/v1", "/" + odd_text(random)))
        path = "".join(part if not dynamic else f"\0{part}\0" for dynamic, part in rule._trace).lstrip("|")
        for name in rule.arguments:
            kind = name.removesuffix("_id")
            if name == "id":
                kind = IDS_OF_PATHS.get(rule.rule.split("/")[3] if rule.rule.count("/") > 2 else "", "visitor")
            kind = "number" if name in {"e164", "digits"} else kind
            known = self._ground.ids.get(kind, []) or ["app.css"]
            value = random.choice(known) if random.random() < 0.6 else text_for(random, kind, self._ground.ids)
            path = path.replace(f"\0{name}\0", value)
        return path if path.startswith("/") else f"/{path}"

    def _query(self, random: Random, rule: Rule) -> str:
        if random.random() < 0.05:
            return random.choice(("%", "&&&", "=", "a=%ff", "a" * 8000, "\xff=1", "from=1&from=2", "&" * 2000))
        names = self._ground.names
        own = [
            parameter["name"]
            for operation in self._ground.document["paths"].get(_documented(rule), {}).values()
            if isinstance(operation, dict)
            for parameter in operation.get("parameters", ())
            if parameter["in"] == "query"
        ]
        chosen = [random.choice(own if own and random.random() < 0.85 else names) for _ in range(random.randint(1, 4))]
        pairs = [(name, text_for(random, name, self._ground.ids)) for name in chosen]
        return urlencode([(n, v.encode("utf-8", "surrogatepass")) for n, v in pairs])

    def _headers(self, random: Random, path: str) -> dict[str, str]:
        headers = {"Host": host_of(self._ground.base), "User-Agent": BROWSER}
        if path.startswith("/api/") or path.startswith("/metrics"):
            headers["Authorization"] = f"Bearer {self._ground.api_token}"
            if random.random() < 0.1:
                headers["Idempotency-Key"] = f"key-{random.randrange(50)}"
        elif path.startswith("/v1/"):
            headers["Origin"] = "https://example.com"
        elif not path.startswith("/webhooks/twilio/"):
            headers["Cookie"] = self._ground.cookies
        return headers

    def _body(
        self, random: Random, rule: Rule, method: str, path: str, query: str, headers: dict[str, str]
    ) -> tuple[str | None, bytes]:
        if method in {"GET", "HEAD", "OPTIONS"} and random.random() < 0.97:
            return None, b""
        roll = random.random()
        if roll < 0.04:
            return random.choice(TYPES), random.randbytes(random.choice((1, 20, 300, 20_000)))
        if roll < 0.045:
            return random.choice(TYPES), b"[" * 120_000
        if roll < 0.05:
            return "application/x-www-form-urlencoded", b"a=1&" * 3000
        if path.startswith("/api/"):
            return "application/json", self._bodies.body(random, self._schema(rule, method))
        if path.startswith("/v1/"):
            return "text/plain", self._page_message(random, path)
        fields = self._fields(random, path)
        if path.startswith("/webhooks/twilio/") and random.random() < 0.8:
            # The signature goes over the address as the provider was given it; some of them are meant not to fit.
            where = f"{self._ground.base}{quote(path, errors='replace')}" + (f"?{query}" if query else "")
            signed = {n: v.encode("utf-8", "replace").decode() for n, v in fields}
            validator = RequestValidator(self._ground.provider_token)
            headers["X-Twilio-Signature"] = validator.compute_signature(where, signed)
        if random.random() < 0.03:
            return "multipart/form-data; boundary=x", _multipart(fields)
        body = urlencode([(n, v.encode("utf-8", "surrogatepass")) for n, v in fields]).encode()
        return "application/x-www-form-urlencoded", body

    def _schema(self, rule: Rule, method: str) -> dict[str, Any]:
        operation = self._ground.document["paths"].get(_documented(rule), {}).get(method.lower(), {})
        content = operation.get("requestBody", {}).get("content", {})
        return next((c["schema"] for c in content.values()), {"type": "object", "properties": {}})

    def _page_message(self, random: Random, path: str) -> bytes:
        ids = self._ground.ids
        message: dict[str, Any] = {
            "site": random.choice(ids["key"]),
            "visitor": random.choice([None, *ids["visitor"]]),
            "url": random.choice(URLS[:4]),
            "referrer": text_for(random, "referrer", ids),
            "title": odd_text(random),
            "numbers": ["+12125550100", text_for(random, "number", ids)],
        }
        if path == "/v1/events":
            event = {"type": text_for(random, "type", ids), "url": URLS[0], "number": random.choice(ids["number"])}
            more = {"age_ms": random.choice((0, -5, 1e9, "x")), "phone": text_for(random, "phone", ids)}
            message |= {
                "visit": random.choice(ids["visit"]),
                "events": [{**event, **more}] * random.choice((1, 2, 250)),
            }
        if random.random() < 0.5:
            message[random.choice(list(message))] = text_for(random, random.choice(list(message)), ids)
        return json.dumps(message).encode()

    def _fields(self, random: Random, path: str) -> list[tuple[str, str]]:
        ids = self._ground.ids
        if path.startswith("/webhooks/twilio/"):
            base = {
                "CallSid": random.choice(ids["CallSid"]),
                "To": random.choice(ids["number"]),
                "From": "+12125557777",
            }
            for name in random.choices(self._ground.twilio_names, k=random.randint(0, 8)):
                base[name] = text_for(random, name, ids)
            return list(base.items())
        names = random.choices(self._ground.names, k=random.randint(0, 12))
        token = [("csrf_token", self._ground.form_token)] if random.random() < 0.95 else []
        return token + [(name, text_for(random, name, ids)) for name in names]

    def _spoil(self, random: Random, headers: dict[str, str]) -> None:
        if random.random() < 0.02:
            headers["Host"] = random.choice(HOSTS)
        while random.random() < 0.12:
            value = random.choice(
                (odd_text(random), "bytes=0-", "bytes=5-1", "*", "gzip;q=x", '"', "1" * 4000, "Bearer")
            )
            cleaned = "".join(c for c in value if c not in "\r\n\0")
            headers[random.choice(HEADERS)] = cleaned.encode("utf-8", "replace").decode("latin-1")


def _documented(rule: Rule) -> str:
    """The rule as the document writes its path."""
    return rule.rule.replace("<string:", "{").replace("<", "{").replace(">", "}")


def _multipart(fields: list[tuple[str, str]]) -> bytes:
    parts = [f'--x\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields]
    return ("".join(parts) + "--x--\r\n").encode("utf-8", "replace")
