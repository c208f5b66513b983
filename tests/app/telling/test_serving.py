"""A serving process sends by itself, and one that was killed leaves nothing unsent."""

import json

from sqlalchemy import update
from standardwebhooks import Webhook

from store.engine import make_engine
from store.sessions import Database
from store.webhooks import WebhookDelivery
from tests.app.telling.world import holding
from tests.support.office import Office
from tests.support.post import receiver
from tests.support.serving import ServeProcess, wait_until

NETWORKS = {"RINGTRACE_WEBHOOK_NETWORKS": "127.0.0.0/8"}


def test_from_the_decision_to_the_receiver_and_again_after_a_kill(database_url: str) -> None:
    with receiver() as there, holding() as (silent, _, taken):
        server = ServeProcess(database_url, **NETWORKS).wait()
        try:
            office = Office.open(server.url, database_url)
            number = office.source(office.site())["pool"][0]
            office.swap(office.api("GET", "/sites", expect=200)["items"][0])
            sid, _answer = office.ring(number, "+12125550199")
            call = office.call_of(sid)
            webhook = office.api("POST", "/webhooks", _of(there.url), expect=201)
            held = office.api("POST", "/webhooks", _of(silent), expect=201)
            path = f"/calls/{call['id']}/match"
            answer = office.api("PUT", path, {"visit": None}, expect=200)
            wait_until(lambda: len(there.posts) == 1, 10, "nothing arrived")
            told = Webhook(webhook["secret"]).verify(there.posts[0][2], there.posts[0][1])
            assert (told["type"], told["data"]) == ("call.match_changed", answer)
            wait_until(lambda: len(taken) == 1, 10, "the silent one was not told")
        finally:
            server.kill()
        # The message to the silent one was on its way. A minute later somebody takes it up: here, its time has come.
        database = Database(make_engine(database_url))
        with database.write() as work:
            rows = work.account(office.account_id)
            rows.execute(
                update(WebhookDelivery)
                .where(WebhookDelivery.endpoint_id == held["id"])
                .values(next_try_at=WebhookDelivery.last_try_at)
                .execution_options(synchronize_session=False)
            )
        database.engine.dispose()
        server = ServeProcess(database_url, port=server.port, **NETWORKS).wait()
        try:
            wait_until(lambda: len(taken) == 2, 15, "what was on its way is lost")
        finally:
            server.stop()
        assert taken[0] == taken[1], "under the same id"
        assert len(there.posts) == 1, "what was noted is not sent again"
        assert json.loads(there.posts[0][2])["sequence"] == 1


def _of(url: str) -> dict[str, object]:
    return {"url": url, "events": ["call.match_changed"]}
