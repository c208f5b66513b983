"""What the benchmark of the swap path serves, by the environment variable RINGTRACE_BENCH_SERVE.

`echo` is the floor: a bare Flask application that reads JSON and answers JSON. `front` is Ringtrace as it is served,
`flask` the same through Flask's dispatch, `plain` the same with a transaction of its own for every request.
"""

import os
import threading
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, jsonify, request
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from app.snippet.writer import Perform
from app.threads import THREADS
from store.sessions import Database

SERVE = "RINGTRACE_BENCH_SERVE"
KINDS = ("echo", "front", "flask", "plain")


class WriterAlone:
    """Does each content at once, in a transaction of its own and the thread that brings it. For comparison."""

    def __init__(self, database: Database, perform: Callable[[], Perform]) -> None:
        self._database, self._make = database, perform
        self._mine = threading.local()

    def do(self, content: Any, key: object) -> Any:
        """Has it written. Raises what the writing raised."""
        perform: Perform | None = getattr(self._mine, "perform", None)
        if perform is None:
            perform = self._mine.perform = self._make()
        with self._database.write() as work:
            outcomes, committed = perform(work, [content])
        committed()
        return outcomes[0]


def echo() -> Flask:
    """The floor."""
    app = Flask("echo")

    @app.post("/v1/swap")
    def swap() -> Response:
        sent = request.get_json(force=True)
        shown = {number: {"e164": number, "source": "echo"} for number in sent["numbers"]}
        answer = jsonify(visitor=sent["visitor"], visit=None, source="echo", numbers=shown, ttl=1800)
        answer.headers["Access-Control-Allow-Origin"] = request.headers.get("Origin", "")
        answer.headers["Vary"] = "Origin"
        return answer

    return app


def build(kind: str) -> Any:
    """The WSGI application of a kind."""
    if kind == "echo":
        return echo()
    from app.factory import create_app, warm_up
    from app.snippet.batch import Batch
    from app.snippet.desk import desk_of

    app = create_app()
    warm_up()
    if kind == "flask":
        return lambda environ, start_response: Flask.wsgi_app(app, environ, start_response)
    if kind == "plain":
        desk = desk_of(app)
        desk.write_by(WriterAlone(desk.room.database, lambda: Batch(desk.room.visitor_ids)))
    return app


if SERVE in os.environ:
    app = build(os.environ[SERVE])


def main() -> None:
    """Serves as production does, one process; the echo with one thread, as the floor is defined."""
    kind = os.environ[SERVE]
    Granian(
        "app.bench.swap_server:app",
        address="127.0.0.1",
        port=int(os.environ["PORT"]),
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=1 if kind == "echo" else THREADS,
        log_level=LogLevels.error,
        log_access=False,
    ).serve()


if __name__ == "__main__":
    main()
