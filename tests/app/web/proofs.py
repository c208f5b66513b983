"""Calls of an office that came to light later: confirmed or corrected by staff, by a form, or marked as spam."""

import random
from datetime import timedelta

from core.ids import new_id
from store.calls import Call, MatchDecision
from store.sessions import AccountSession
from store.visits import Form
from tests.app.web.scene import Scene

SEED = 5


def prove(scene: Scene, count: int, user_id: str | None, *, days: int = 80, off: float = 0.0, slug: str = "") -> None:
    """So many calls over the last `days`, each decided by staff; right with what was stated plus `off`."""
    rng = random.Random(SEED)
    slug = slug or next(iter(scene.sources))

    def write(session: AccountSession) -> None:
        for i in range(count):
            stated = round(rng.betavariate(5, 1), 3)
            ago = timedelta(days=1 + days * (i + 0.5) / count)
            call = session.get_one(
                Call, (scene.account_id, scene._call(session, slug, [stated, (1 - stated) / 2], scene.at - ago))
            )
            decide(session, call, agree=rng.random() < stated + off, user_id=user_id)

    scene.write(write)


def decide(session: AccountSession, call: Call, *, agree: bool, user_id: str | None) -> None:
    """Staff confirm the model's answer, or say that it was somebody else: nobody, or a visitor where it said nobody."""
    later = call.started_at + timedelta(hours=2)
    call.matched_by, call.matched_at, call.matched_user_id = "staff", later, user_id
    if not agree:
        call.matched_visit_id = call.matched_visitor_id = None
    call.matched_likelihood = call.model_likelihood if agree else call.none_likelihood
    session.add(
        MatchDecision(
            decision_id=new_id(later),
            call_id=call.call_id,
            at=later,
            by="staff",
            user_id=user_id,
            visit_id=call.matched_visit_id,
            visitor_id=call.matched_visitor_id,
            likelihood=call.matched_likelihood or 0.0,
        )
    )
    session.flush()


def form_after(scene: Scene, call_id: str) -> None:
    """The visitor of the model's answer leaves the caller's phone an hour after the call."""

    def write(session: AccountSession) -> None:
        call = session.get_one(Call, (scene.account_id, call_id))
        assert call.model_visitor_id
        assert call.model_visit_id
        session.add(
            Form(
                form_id=new_id(scene.at),
                site_id=call.site_id,
                visitor_id=call.model_visitor_id,
                visit_id=call.model_visit_id,
                at=call.started_at + timedelta(hours=1),
                phone=call.from_number,
            )
        )

    scene.write(write)
