"""Telephones ring for real: visitors get numbers, phones dial them, the log shows who called. A documented run.

    sh tests/sip/run.sh --calls 1000 --rate 50

A visitor opens a page of a site and is shown a number; a SIP telephone (SIPp) dials it; a SIP proxy (Kamailio) asks our
voice webhook where to ring, as a provider would, and connects the call to another telephone; they talk for a while. In
the end our API is asked about every call.
"""

import argparse
import json
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import quantiles
from typing import Any

from tests.sip.shim import Provider, shim
from tests.support.databases import migrated_sqlite, postgres_server
from tests.support.office import Office
from tests.support.serving import ServeProcess, free_port, wait_until

HERE = Path(__file__).resolve().parent
POOLS = {
    "google_ads": "https://example.com/?gclid=Cj0abc",
    "facebook_ads": "https://example.com/?fbclid=IwAR0abc&utm_source=facebook&utm_medium=cpc",
    "direct": "https://example.com/",
}
TALK_SECONDS = (1, 5)


@dataclass(frozen=True)
class Planned:
    """A call that is to be made: by which telephone, to which number, by which visitor, for how long (s)."""

    caller: str
    number: str
    visitor: str
    source: str
    talk: int


def main() -> int:
    """Makes the calls and tells how they went; 1 where any went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=200, help="how many calls (200)")
    parser.add_argument("--rate", type=int, default=50, help="new calls a second (50)")
    parser.add_argument("--share", type=int, default=20, help="visitors who are shown the same number (20)")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    asked = parser.parse_args()
    for tool in ("sipp", "kamailio"):
        if shutil.which(tool) is None:
            print(f"{tool} is not installed; run tests/sip/run.sh", file=sys.stderr)
            return 1
    with tempfile.TemporaryDirectory() as folder, _database(asked.database, Path(folder)) as url:
        figures = _run(url, Path(folder), asked.calls, asked.rate, asked.share)
    print(json.dumps(figures, indent=2))
    return 0 if not figures["wrong"] and figures["right"] == asked.calls else 1


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{migrated_sqlite(folder)}"
    else:
        with postgres_server() as server:
            yield server.copy()


def _run(database_url: str, folder: Path, calls: int, rate: int, share: int) -> dict[str, Any]:
    more: dict[str, Any] = {
        "RINGTRACE_INSTANCE_DIR": str(folder / "instance"),
        "RINGTRACE_NEW_VISITORS_PER_MINUTE": "1000000",
        "RINGTRACE_NEW_VISITORS_PER_MINUTE_AND_NETWORK": "1000000",
        "RINGTRACE_API_CALLS_PER_MINUTE": "1000000",
    }
    server = ServeProcess(database_url, **more).wait()
    try:
        office = Office.open(server.url, database_url)
        planned = _visits(office, calls, share)
        provider = Provider(server.url, office.provider_token)
        begun = time.monotonic()
        told = _ring(planned, provider, folder, rate)
        took = time.monotonic() - begun
        provider.line.join()
        told |= {"seconds": round(took, 1), "seconds_until_all_was_told": round(time.monotonic() - begun, 1)}
        told["webhooks"] = dict(sorted(provider.told.items()))
        cuts = quantiles(provider.seconds, n=100)
        told["voice_webhook_ms"] = {name: round(1000 * cuts[at - 1]) for name, at in (("p50", 50), ("p99", 99))}
        return told | _check(office, planned)
    finally:
        server.stop()


def _visits(office: Office, calls: int, share: int) -> list[Planned]:
    """As many visitors as calls, each shown a number of its source."""
    site, draw = office.site(), random.Random(6)
    for preset in POOLS:
        office.source(site, preset, numbers=max(1, -(-calls // len(POOLS) // share)))
    planned = []
    for index in range(calls):
        source = list(POOLS)[index % len(POOLS)]
        swapped = office.swap(site, POOLS[source]).json()
        [shown] = swapped["numbers"].values()
        planned.append(
            Planned(
                caller=f"+1646{5_550_000 + index}",
                number=shown["e164"],
                visitor=swapped["visitor"],
                source=source,
                talk=draw.randint(*TALK_SECONDS),
            )
        )
    draw.shuffle(planned)
    return planned


def _ring(planned: list[Planned], provider: Provider, folder: Path, rate: int) -> dict[str, Any]:
    """Has the telephones dial; what SIPp counted."""
    ports = {name: free_port() for name in ("KAMAILIO_PORT", "SHIM_PORT", "CALLED_PORT", "CALLER_PORT")}
    network, dialled, counted = folder / "kamailio.cfg", folder / "calls.csv", folder / "counted.csv"
    text = (HERE / "kamailio.cfg").read_text()
    for name, port in ports.items():
        text = text.replace(name, str(port))
    network.write_text(text)
    subprocess.run(["kamailio", "-c", "-f", str(network)], capture_output=True, check=True)
    lines = [f"{call.caller};{call.number};{1000 * call.talk}" for call in planned]
    dialled.write_text("\n".join(["SEQUENTIAL", *lines]) + "\n")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
    called = ["sipp", "-sf", str(HERE / "called.xml"), "-i", "127.0.0.1", "-p", str(ports["CALLED_PORT"]), "-nostdin"]
    proxy = ["kamailio", "-f", str(network), "-DD", "-m", "512", "-w", str(folder), "-Y", str(folder)]
    caller = [
        *("sipp", f"127.0.0.1:{ports['KAMAILIO_PORT']}", "-sf", str(HERE / "caller.xml"), "-inf", str(dialled)),
        *("-i", "127.0.0.1", "-p", str(ports["CALLER_PORT"]), "-m", str(len(planned)), "-r", str(rate)),
        *("-l", str(len(planned)), "-trace_stat", "-stf", str(counted), "-fd", "1", "-nostdin"),
        *("-timeout", "600", "-recv_timeout", "60000"),
        *("-trace_err", "-error_file", str(folder / "errors")),
    ]
    with shim(ports["SHIM_PORT"], provider):
        others = [subprocess.Popen(command, cwd=folder, **quiet) for command in (called, proxy)]  # type: ignore[call-overload]
        try:
            for name in ("CALLED_PORT", "KAMAILIO_PORT"):
                wait_until(partial(_is_taken, ports[name]), 20, "the telephone network did not come up")
            status = subprocess.run(caller, cwd=folder, **quiet, check=False, timeout=900).returncode  # type: ignore[call-overload]
            with suppress(AssertionError):  # then the figures say so
                wait_until(partial(provider.all_over, len(planned)), 20, "some calls are not over")
        finally:
            for other in others:
                other.terminate()
                other.wait(10)
    last = dict(zip(*(line.split(";") for line in _first_and_last(counted)), strict=False))
    return {
        "calls": len(planned),
        "rate": rate,
        "sipp": {
            "exit": status,
            "successful": int(last["SuccessfulCall(C)"]),
            "failed": int(last["FailedCall(C)"]),
            "sent_again": int(last["Retransmissions(C)"]),
            "said": _beginning(folder / "errors"),
        },
    }


def _is_taken(port: int) -> bool:
    """Whether something listens on this port (UDP)."""
    with socket.socket(type=socket.SOCK_DGRAM) as trying:
        try:
            trying.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _beginning(path: Path) -> list[str]:
    """What the telephones complain of first, if of anything."""
    return path.read_text().splitlines()[:3] if path.exists() else []


def _first_and_last(path: Path) -> tuple[str, str]:
    lines = path.read_text().strip().splitlines()
    return lines[0], lines[-1]


def _check(office: Office, planned: list[Planned]) -> dict[str, Any]:
    """Asks our API about every call: there once, over, as long as it was, of its source, its visitor among who may be.

    `likeliest` counts the calls whose likeliest candidate is the very visitor.
    """
    listed, cursor = [], None
    while True:
        page = office.api(
            "GET", "/calls", params={"limit": "500", **({"cursor": cursor} if cursor else {})}, expect=200
        )
        listed += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    by_caller: dict[str, list[Any]] = {}
    for item in listed:
        by_caller.setdefault(item["from"], []).append(item)
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda item: office.api("GET", f"/calls/{item['id']}", expect=200), listed)
        whole = {call["id"]: call for call in found}
    wrong: dict[str, int] = {}
    right = likeliest = 0
    for plan in planned:
        here = by_caller.get(plan.caller, [])
        faults = [f"{len(here)} times"] if len(here) != 1 else _faults(plan, whole[here[0]["id"]])
        for fault in faults:
            wrong[fault] = wrong.get(fault, 0) + 1
        right += not faults
        first = whole[here[0]["id"]]["candidates"][:1] if here else []
        likeliest += [candidate["visitor"] for candidate in first] == [plan.visitor]
    strangers = len(listed) - sum(len(by_caller.get(plan.caller, [])) for plan in planned)
    return {"listed": len(listed), "strangers": strangers, "right": right, "wrong": wrong, "likeliest": likeliest}


def _faults(plan: Planned, call: Any) -> list[str]:
    """What is not as it was."""
    said = call["duration_seconds"]
    found = {
        "not completed": call["status"] != "completed",
        "another number": call["number"] != plan.number,
        "another source": call["source"] != plan.source,
        "another duration": said is None or abs(said - plan.talk) > 1,
        "visitor not among the candidates": plan.visitor not in {c["visitor"] for c in call["candidates"]},
    }
    return [fault for fault, is_so in found.items() if is_so]


if __name__ == "__main__":
    sys.exit(main())
