"""What a provider does between the telephone network and us: webhooks, signed, and the answer's number to ring."""

import hashlib
import queue
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs
from xml.etree import ElementTree

import requests
from twilio.request_validator import RequestValidator

SID = "AC" + "0" * 32
TELLERS = 4


@dataclass
class SipCall:
    """A call on the wire. Times are the machine's (s)."""

    sid: str
    caller: str
    number: str
    reports: str | None = None
    answered_at: float | None = None
    over: bool = False


@dataclass
class Provider:
    """Tells a server of ours about calls as Twilio does. Calls are asked about at once, their statuses told in line."""

    base: str
    token: str
    calls: dict[str, SipCall] = field(default_factory=dict)
    told: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    """How long each voice webhook took."""
    line: "queue.Queue[tuple[str, dict[str, str]]]" = field(default_factory=queue.Queue)
    guard: threading.Lock = field(default_factory=threading.Lock)
    local: threading.local = field(default_factory=threading.local)

    def post(self, url: str, form: dict[str, str]) -> requests.Response:
        """A signed webhook."""
        if not hasattr(self.local, "http"):
            self.local.http = requests.Session()
        signature = RequestValidator(self.token).compute_signature(url, form)
        answer: requests.Response = self.local.http.post(
            url, data=form, headers={"X-Twilio-Signature": signature}, timeout=15
        )
        with self.guard:
            self.told[f"{url.rpartition('/')[2]} {form['CallStatus']} {answer.status_code}"] += 1
        return answer

    def ring(self, call_id: str, caller: str, number: str) -> str | None:
        """Asks where a call is to ring."""
        call = SipCall("CA" + hashlib.md5(call_id.encode(), usedforsecurity=False).hexdigest(), caller, number)
        with self.guard:
            self.calls[call_id] = call
        begun = time.monotonic()
        answer = self.post(f"{self.base}/webhooks/twilio/voice", self._form(call, "ringing"))
        self.seconds.append(time.monotonic() - begun)
        found = ElementTree.fromstring(answer.content).find("Dial/Number") if answer.ok else None
        if found is None:
            return None
        call.reports = found.get("statusCallback")
        self._tell_leg(call, "ringing")
        return found.text

    def answered(self, call_id: str) -> None:
        """The destination picked up."""
        call = self.calls[call_id]
        call.answered_at = time.monotonic()
        self._tell(call, "in-progress")
        self._tell_leg(call, "in-progress")

    def ended(self, call_id: str) -> None:
        """Somebody hung up; told with how long they talked."""
        call = self.calls[call_id]
        seconds = str(round(time.monotonic() - (call.answered_at or time.monotonic())))
        self._tell_leg(call, "completed", CallDuration=seconds)
        self._tell(call, "completed", CallDuration=seconds)
        call.over = True

    def failed(self, call_id: str) -> None:
        """Nobody picked up."""
        if call_id in self.calls:
            self._tell(self.calls[call_id], "no-answer")
            self.calls[call_id].over = True

    def all_over(self, calls: int) -> bool:
        """Whether so many calls are over."""
        with self.guard:
            return sum(call.over for call in self.calls.values()) >= calls

    def work(self) -> None:
        """Tells what stands in line, for ever."""
        while True:
            url, form = self.line.get()
            try:
                self.post(url, form)
            except requests.RequestException as error:
                with self.guard:
                    self.told[type(error).__name__] += 1
            finally:
                self.line.task_done()

    def _tell(self, call: SipCall, status: str, **more: str) -> None:
        self.line.put((f"{self.base}/webhooks/twilio/status", self._form(call, status, **more)))

    def _tell_leg(self, call: SipCall, status: str, **more: str) -> None:
        if call.reports is not None:
            leg = {"CallSid": "CA" + call.sid[:1:-1], "ParentCallSid": call.sid, "Direction": "outbound-dial"}
            self.line.put((call.reports, self._form(call, status, **{**leg, **more})))

    def _form(self, call: SipCall, status: str, **more: str) -> dict[str, str]:
        form = {"CallSid": call.sid, "AccountSid": SID, "From": call.caller, "To": call.number}
        return {**form, "CallStatus": status, "Direction": "inbound", "ApiVersion": "2010-04-01", **more}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_POST(self) -> None:
        """The network asks (`/ring`) or tells."""
        provider: Provider = self.server.provider  # type: ignore[attr-defined]
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        # The network's values come bare: a plus sign is a plus sign.
        form = {name: values[0] for name, values in parse_qs(text.replace("+", "%2B")).items()}
        status, body = 200, "told"
        try:
            if self.path == "/ring":
                number = provider.ring(form["call"], form["from"], form["to"])
                status, body = (200, number) if number else (404, "")
            else:
                getattr(provider, {"/answered": "answered", "/ended": "ended", "/failed": "failed"}[self.path])(
                    form["call"]
                )
        except (KeyError, requests.RequestException, ElementTree.ParseError) as error:
            status, body = 502, type(error).__name__
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


@contextmanager
def shim(port: int, provider: Provider) -> Iterator[None]:
    """Serves the network on this port."""
    server = _Server(("127.0.0.1", port), _Handler)
    server.provider = provider  # type: ignore[attr-defined]
    for _ in range(TELLERS):
        threading.Thread(target=provider.work, daemon=True).start()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
