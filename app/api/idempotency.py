"""`Idempotency-Key`: a POST that is repeated gets its first answer again, and does nothing again.

The key is kept in the transaction that does the work, so that of two at the same moment one does it; the answer
follows it in one of its own. Where a process dies between the two, a repeat is told 409, never done twice.
"""

import hashlib
import json
import re
from contextlib import suppress
from datetime import timedelta

from flask import Response, current_app, g, request
from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError

from app.engine_room import engine_room
from app.http_errors import error_response
from store.answers import FirstAnswer
from store.sessions import AccountSession

HEADER = "Idempotency-Key"
KEPT = timedelta(days=7)
"""For how long a key is remembered."""
_KEY = re.compile(r"[ -~]{1,255}")


def answer_again() -> Response | None:
    """Before a POST runs: the first answer of its key, 409 for another request under that key, 422 for no key."""
    key = request.headers.get(HEADER)
    if request.method != "POST" or key is None:
        return None
    if not _KEY.fullmatch(key):
        allowed = "1 to 255 printable ASCII characters are allowed"
        return error_response(422, f"{HEADER}: {allowed}", fields={HEADER: allowed})
    asked = hashlib.sha256(
        json.dumps([request.path, g.api_body], sort_keys=True, separators=(",", ":")).encode()
    ).digest()
    with engine_room().database.read() as work:
        row = work.account(g.account_id).get(FirstAnswer, (g.account_id, key))
    if row is not None and row.created_at > engine_room().now() - KEPT:
        return _repeated(row, asked)
    g.first_answer = (key, asked)
    return None


def mark(session: AccountSession) -> None:
    """In the transaction that does the work: this key is taken. A unique violation where it was taken meanwhile."""
    if "first_answer" not in g or g.get("first_answer_marked"):
        return
    key, asked = g.first_answer
    now = engine_room().now()
    session.execute(
        delete(FirstAnswer).where(FirstAnswer.created_at <= now - KEPT),
        execution_options={"synchronize_session": False},
    )
    session.add(FirstAnswer(key=key, asked=asked, created_at=now))
    session.flush()
    g.first_answer_marked = True


def keep_answer(response: Response) -> Response:
    """After a POST: keeps its answer under its key, a refusal too; not where we failed or were asked too often."""
    if "first_answer" not in g or response.status_code >= 500 or response.status_code == 429:
        return response
    key, asked = g.first_answer
    done = {"status": response.status_code, "body": response.get_data(as_text=True)}
    # A request that lost a race, or was refused, must not answer for the one that did the work.
    worked = g.get("first_answer_marked", False) and response.status_code < 400
    with suppress(IntegrityError), engine_room().database.write() as work:
        session = work.account(g.account_id)
        if not worked and session.get(FirstAnswer, (g.account_id, key)) is None:
            session.add(FirstAnswer(key=key, asked=asked, created_at=engine_room().now(), **done))
        elif worked:
            session.execute(
                update(FirstAnswer).where(FirstAnswer.key == key, FirstAnswer.asked == asked).values(**done),
                execution_options={"synchronize_session": False},
            )
    return response


def _repeated(row: FirstAnswer, asked: bytes) -> Response:
    if row.asked != asked:
        return error_response(409, f"this {HEADER} came with another request", fields={HEADER: "was used before"})
    if row.status is None:
        return error_response(409, "the first request with this key has no answer yet", fields={HEADER: "is in use"})
    return current_app.response_class(row.body or "", status=row.status, mimetype="application/json")
