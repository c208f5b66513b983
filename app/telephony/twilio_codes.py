"""What Twilio's REST API says when it does not do what it was asked, in words for people. Pure."""

from typing import NamedTuple

from numberpool.provider import Doubtful, Failed, Refused

UNAUTHORISED, NOT_THERE, TOO_MANY = 20003, 20404, 20429
TAKEN = frozenset({21422, 21452})
WORDS = {
    UNAUTHORISED: "Twilio does not accept the stored credentials; store the current AccountSid and auth token",
    NOT_THERE: "Twilio knows no such thing",
    TOO_MANY: "Twilio is asked too much at the moment; try again in a minute",
    10004: "Twilio lets new accounts have few numbers and calls until a Primary Customer Profile is approved there",
    21421: "Twilio says that this is no number it can sell",
    21422: "Twilio does not sell this number any more; somebody was quicker",
    21451: "Twilio knows no such area code",
    21452: "Twilio has no such number to sell",
    21457: "Twilio sells numbers of this kind by number only, not by area code",
    21613: "Twilio needs an address for numbers of this country; add one in its console",
    21631: "Twilio needs an address for numbers of this country; add one in its console",
    21649: "Twilio needs a regulatory bundle for numbers of this country; have one approved in its console",
}


class TwilioAnswer(NamedTuple):
    """An answer of Twilio's that is no success: the HTTP status, its own code, its message."""

    status: int
    code: int | None
    message: str


def outcome_of(answer: TwilioAnswer) -> Failed:
    """A refusal in words; an error on Twilio's side says nothing about what it did before."""
    status, code, message = answer
    if status >= 500 or status < 400:
        return Doubtful(reason=f"Twilio had an error of its own ({status})")
    if status == 429:
        code = TOO_MANY
    elif status == 401 or (status == 403 and code is None):
        code = UNAUTHORISED
    elif status == 404:
        code = NOT_THERE
    said = WORDS.get(code or 0) or f"Twilio refused: {message[:200]}"
    return Refused(reason=f"{said} (Twilio's code {code})" if code else said, code=code)
