"""`/providers/twilio`: the account's own credentials at Twilio."""

from typing import Annotated, Any

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from app.accounts import providers
from app.api.auth import noted, reading, writing
from app.api.base import Answer, Body, Text, api_blueprint
from app.engine_room import engine_room
from core.errors import InvalidInput
from core.time import format_time
from store.sites import ProviderCredential

bp = api_blueprint("providers")


def _unseen(value: object, check: ValidatorFunctionWrapHandler) -> str:
    """The checked secret, or "" for a wrong one: an error of its own would repeat what was given."""
    try:
        return str(check(value))
    except ValidationError:
        return ""


Secret = Annotated[
    Text,
    Field(min_length=1, max_length=200, pattern=r"^[!-~]+$", json_schema_extra={"writeOnly": True}),
    WrapValidator(_unseen),
]


class TwilioCredentials(Body):
    """What Twilio's console shows."""

    account_sid: Annotated[str, Field(pattern=r"^AC[0-9a-fA-F]{32}$")]
    auth_token: Secret
    next_auth_token: Secret | None = Field(
        default=None,
        description="Twilio's secondary token, valid too before it is promoted there. Not sent: it stays; null: none.",
        json_schema_extra={"writeOnly": True},
    )


class TwilioAnswer(Answer):
    """What is told of the credentials: never a token."""

    account_sid: str
    updated_at: str
    previous_until: str | None = Field(description="Until when the token before is valid too.")
    next_stored: bool = Field(description="Whether a token is kept that is to take this one's place.")


def rendered(row: ProviderCredential) -> dict[str, Any]:
    """Credentials as the outside sees them."""
    until = row.previous_until
    return TwilioAnswer(
        account_sid=row.account_sid,
        updated_at=format_time(row.updated_at),
        previous_until=format_time(until) if until is not None and until > engine_room().now() else None,
        next_stored=row.next_token is not None,
    ).json_ready()


@bp.put("/providers/twilio", responses={200: TwilioAnswer})
def store_twilio(body: TwilioCredentials) -> dict[str, Any]:
    """Keeps the credentials, encrypted; asks nothing of Twilio. The token before stays valid for 24 hours."""
    wrong = [name for name in ("auth_token", "next_auth_token") if getattr(body, name) == ""]
    if wrong:
        raise InvalidInput(dict.fromkeys(wrong, "1 to 200 letters, digits and signs without spaces are allowed"))
    room = engine_room()
    with writing() as (work, session):
        row = providers.store_twilio(
            work,
            session,
            room.secrets,
            account_sid=body.account_sid,
            auth_token=body.auth_token,
            next_auth_token=body.given().get("next_auth_token", providers.KEEP),
            at=room.now(),
        )
        noted(session, "provider.credentials", "twilio", account_sid=row.account_sid)
        return rendered(row)


@bp.get("/providers/twilio", responses={200: TwilioAnswer})
def get_twilio() -> dict[str, Any]:
    """What is kept of the credentials."""
    with reading() as session:
        return rendered(providers.get_twilio(session))
