"""What the benchmark of the swap path serves, by the environment variable RINGTRACE_BENCH_SERVE.

`echo` is the floor: a bare Flask application that reads JSON and answers JSON. `front` is Ringtrace as it is served,
`flask` the same through Flask's dispatch, `plain` the same with a transaction of its own for every request.
"""

import os
from typing import Any

from flask import Flask, Response, jsonify, request
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from app.serve import BLOCKING_THREADS

SERVE = "RINGTRACE_BENCH_SERVE"
KINDS = ("echo", "front", "flask", "plain")


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
    from app.snippet.desk import desk_of

    app = create_app()
    warm_up()
    if kind == "flask":
        return lambda environ, start_response: Flask.wsgi_app(app, environ, start_response)
    if kind == "plain":
        desk_of(app).write_alone()
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
        blocking_threads=1 if kind == "echo" else BLOCKING_THREADS,
        log_level=LogLevels.error,
        log_access=False,
    ).serve()


if __name__ == "__main__":
    main()
