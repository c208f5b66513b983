"""`/retention`: for how long the account keeps what, and what the next night will remove."""

from dataclasses import asdict
from typing import Annotated, Any

from flask import g
from pydantic import Field

from app.api.auth import reading, writing
from app.api.base import Answer, Body, api_blueprint
from app.engine_room import engine_room
from app.retention.nightly import foresee
from app.retention.policy import MOST_DAYS, Policy, policy_of, set_policy

bp = api_blueprint("retention")

Days = Annotated[int, Field(ge=1, le=MOST_DAYS)] | None


class RetentionBody(Body):
    """Days that each is kept, null for ever; what is left out stays as it is."""

    visits_days: Days = Field(default=None, description="At least RINGTRACE_CANDIDATE_DAYS.")
    calls_days: Days = Field(default=None, description="At least 30.")
    messages_days: Days = Field(default=None, description="At least 30.")
    recordings_days: Days = None
    events_days: Days = Field(default=None, description="What providers told, as it came; at least 30.")
    audit_days: Days = None


class NextNight(Answer):
    """What a night would remove now. Emptied visits stay for the calls that refer to them, without the person."""

    visits: int
    visits_emptied: int
    recordings: int
    calls: int
    messages: int
    events: int
    audit: int


class RetentionAnswer(Answer):
    """Days that each is kept, null for ever."""

    visits_days: int | None
    calls_days: int | None
    messages_days: int | None
    recordings_days: int | None
    events_days: int | None
    audit_days: int | None
    next_night: NextNight


@bp.get("/retention", responses={200: RetentionAnswer})
def get_retention() -> dict[str, Any]:
    """For how long the account keeps what."""
    with reading() as session:
        policy = policy_of(session)
        return _answer(policy, foresee(session, policy, engine_room().now()))


@bp.put("/retention", responses={200: RetentionAnswer})
def put_retention(body: RetentionBody) -> dict[str, Any]:
    """Sets for how long the account keeps what; the next night removes what is older."""
    room = engine_room()
    with writing() as (_, session):
        policy = set_policy(
            session,
            body.given(),
            candidate_days=room.settings.candidate_days,
            by="token",
            user_id=g.user_id,
            at=room.now(),
        )
    with reading() as session:
        return _answer(policy, foresee(session, policy, room.now()))


def _answer(policy: Policy, foreseen: dict[str, int]) -> dict[str, Any]:
    counts = {name.replace(" ", "_"): count for name, count in foreseen.items()}
    return RetentionAnswer(**asdict(policy), next_night=NextNight(**counts)).json_ready()
