"""What is counted while serving, for Prometheus. No tenant's data, and only labels of which there are few.

Counts are of the process, or of all processes of one server (`app.metrics_folder`). What can be looked up when it is
asked for (how much waits, how old a job's last success is) is in `app.metrics_page`.
"""

import os

from app.metrics_folder import VARIABLE, reserve

reserve()  # the library decides at import how it counts

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest  # noqa: E402
from prometheus_client.multiprocess import MultiProcessCollector  # noqa: E402
from prometheus_client.registry import Collector  # noqa: E402

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Seconds. Within 0.5 a page is to have its numbers, within 1 a provider its answer."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_OWN = CollectorRegistry()
_requests = Counter("ringtrace_requests", "Requests by route and status.", ("route", "method", "status"), registry=_OWN)
_seconds = Histogram("ringtrace_request_seconds", "How long answers took.", ("route",), buckets=BUCKETS, registry=_OWN)
_webhooks = Counter("ringtrace_webhooks", "Webhooks of providers.", ("kind", "outcome"), registry=_OWN)
_swaps = Counter("ringtrace_swaps", "Answers to pages that opened.", ("outcome",), registry=_OWN)
_deliveries = Counter("ringtrace_deliveries", "Tries to tell others.", ("outcome",), registry=_OWN)
_sign_ins = Counter("ringtrace_sign_ins", "Tries to sign in.", ("outcome",), registry=_OWN)


def request_answered(route: str, method: str, status: int, seconds: float) -> None:
    """A request was answered. `route` is the rule, never the path: paths are without number."""
    _requests.labels(route, method if method in METHODS else "other", str(status)).inc()
    _seconds.labels(route).observe(seconds)


def webhook_taken(kind: str, outcome: str) -> None:
    """A provider's webhook: `kind` voice, status, recording or sms; `outcome` such as new, repeat, spooled, refused."""
    _webhooks.labels(kind, outcome).inc()


def swap_answered(outcome: str) -> None:
    """A page opened: `outcome` such as numbers, nobody, outage, refused."""
    _swaps.labels(outcome).inc()


def delivery_tried(outcome: str) -> None:
    """A message to others: `outcome` delivered, failed or dead."""
    _deliveries.labels(outcome).inc()


def sign_in_tried(outcome: str) -> None:
    """Somebody tried to sign in: `outcome` in, wrong or refused."""
    _sign_ins.labels(outcome).inc()


def exposition(looked_up: Collector) -> bytes:
    """All of it in Prometheus' text form, with what `looked_up` tells besides."""
    registry = CollectorRegistry()
    if os.environ.get(VARIABLE):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(_OWN)
        registry.register(_Process())
    registry.register(looked_up)
    return generate_latest(registry)


class _Process(Collector):
    """Memory, processor time and open files of this process; of several there is no one figure."""

    def collect(self):  # type: ignore[no-untyped-def]
        """As the library's own collectors tell."""
        for family in REGISTRY.collect():
            if family.name.startswith("process_"):
                yield family
