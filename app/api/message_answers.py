"""Texts as the REST API shows them: the models of the document, and how the facts of `reports.messages` become them."""

from typing import Literal

from pydantic import ConfigDict, Field

from app.api.base import Answer
from app.api.call_answers import CandidateAnswer, MatchAnswer, Sign, candidate_answer
from core.errors import NotFound
from core.time import format_time
from reports.messages import MessageRow


class MessageAnswer(Answer):
    """A text that came in, with everybody who may have sent it, the likeliest first."""

    model_config = ConfigDict(populate_by_name=True)

    id: str
    provider_message_id: str
    site: str
    from_: str | None = Field(alias="from", description="Null where no telephone number wrote it.")
    sender: str | None = Field(description="Who wrote it where that is no telephone number: a short code, a name.")
    to: str = Field(description="The tracking number it was sent to.")
    body: str
    media: int = Field(description="How many pictures or files came with it.")
    at: str
    source: str
    match: MatchAnswer | None
    none: float = Field(description="How likely it is that nobody from the site wrote it.")
    model: str | None = Field(description="Version of the model that gave the likelihoods; null where that failed.")
    candidates: list[CandidateAnswer]


def message_answer(message: MessageRow | None, sign: Sign) -> MessageAnswer:
    """The text with its candidates. Raises NotFound for none."""
    if message is None:
        raise NotFound("there is no such message")
    return MessageAnswer(
        id=message.message_id,
        provider_message_id=message.provider_message_id,
        site=message.site_id,
        from_=message.from_number,
        sender=message.sender,
        to=message.number,
        body=message.body,
        media=message.media,
        at=format_time(message.at),
        source=message.source,
        match=_match(message, sign),
        none=message.none,
        model=message.model,
        candidates=[candidate_answer(message.site_id, c, sign) for c in message.candidates or ()],
    )


def _match(message: MessageRow, sign: Sign) -> MatchAnswer | None:
    if message.visit_id is None:
        return None
    by: Literal["model"] = "model"
    return MatchAnswer(
        visit=message.visit_id,
        visitor=sign(message.site_id, message.visitor_id) if message.visitor_id else None,
        likelihood=message.likelihood or 0.0,
        by=by,
        at=format_time(message.at),
        user=None,
        user_name=None,
    )
