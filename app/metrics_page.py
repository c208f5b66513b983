"""`/metrics`: for Prometheus, and for nobody else."""

import hmac
import ipaddress
from collections.abc import Iterator

from flask import Flask, Response, abort, request
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from app.engine_room import EngineRoom, engine_room
from app.metrics import exposition
from store.totals import Totals, totals

_FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")
_CONTENT = "text/plain; version=0.0.4; charset=utf-8"


class LookedUp(Collector):
    """What can be seen when it is asked for: whether the database answers, how much waits, how jobs stand."""

    def __init__(self, room: EngineRoom) -> None:
        self._room = room

    def collect(self) -> Iterator[Metric]:
        """The gauges; those that the database tells are missing while it is away."""
        outage, database = self._room.outage, self._room.database
        try:
            found = outage.patience(lambda: totals(database), reads=True)
        except SQLAlchemyError:
            found = None
        yield GaugeMetricFamily(
            "ringtrace_database_up", "Whether the database answers (1) or not (0).", found is not None
        )
        about = "What happened while the database was away and is not replayed yet, on this machine."
        yield GaugeMetricFamily("ringtrace_spool_waiting", about, outage.spool.waiting())
        about = "Records of the spool that could not be read any more, on this machine."
        yield GaugeMetricFamily("ringtrace_spool_lost", about, outage.spool.lost())
        if found is not None:
            yield from _waiting(found)
            yield _jobs(found, self._room)


def _waiting(found: Totals) -> Iterator[Metric]:
    told = {
        "events": ("Webhooks of providers that are kept and not processed yet.", found.events_waiting),
        "deliveries": ("Messages to others that are not delivered yet.", found.deliveries_waiting),
        "recordings": ("Recordings that are not fetched yet.", found.recordings_waiting),
    }
    for name, (about, count) in told.items():
        yield GaugeMetricFamily(f"ringtrace_{name}_waiting", about, count)
    about = "Webhooks of providers that could not be processed; the page of events shows them."
    yield GaugeMetricFamily("ringtrace_events_failed", about, found.events_failed)


def _jobs(found: Totals, room: EngineRoom) -> Metric:
    about = "Seconds since a job last ended well, in whichever account."
    family = GaugeMetricFamily("ringtrace_job_success_age_seconds", about, labels=("job",))
    for job, at in sorted(found.jobs.items()):
        family.add_metric((job,), max(0.0, (room.now() - at).total_seconds()))
    return family


def metrics() -> Response:
    """The figures; 404 for whoever may not have them, as if there was nothing."""
    if not _may_read():
        abort(404)
    return Response(exposition(LookedUp(engine_room())), content_type=_CONTENT)


def _may_read() -> bool:
    """With a token, whoever brings it; without one, only this machine itself, and nobody through a proxy on it."""
    token = engine_room().settings.metrics_token
    if token is not None:
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        return kind.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())
    if any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def register(app: Flask) -> None:
    """Puts the route into the application."""
    app.add_url_rule("/metrics", view_func=metrics)
