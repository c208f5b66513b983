"""An account that buys numbers: its server's Twilio is the proxy in front of the outside references."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from app.provisioning.nightly import reconcile_all
from app.provisioning.reconcile import Reconciled
from app.provisioning.shop import MAKER
from app.telephony.twilio_numbers import TwilioNumbers
from tests.support.office import Office
from tests.support.outside import API, PRICING, SID, Outside
from tests.support.serving import Served

# What the example of Twilio's document offers; the document's price is a dollar.
OFFERED = "+18089251571"


def maker(api: str, prices: str) -> Callable[[str, str], TwilioNumbers]:
    """What makes clients that speak to these addresses instead of Twilio's."""
    return lambda sid, token: TwilioNumbers(sid, token, elsewhere={API: api, PRICING: prices}, timeout=2)


def buy(office: Office, source: Any, number: str = OFFERED, expect: int | None = 201, **fields: Any) -> Any:
    """Asks the API to buy; `key` is the Idempotency-Key."""
    key = fields.pop("key", None)
    headers = {"Idempotency-Key": key} if key else {}
    body = {"number": number, "source": source["id"], **fields}
    return office.api("POST", "/numbers/purchase", body, expect=expect, headers=headers)


def put_there(emulator: Outside, number: str, **fields: str) -> str:
    """A number that the Twilio account has had before; its sid."""
    data = {"PhoneNumber": number, **fields}
    answer = emulator.ask("POST", f"/2010-04-01/Accounts/{SID}/IncomingPhoneNumbers.json", data=data)
    assert answer.status_code == 201
    return str(answer.json()["sid"])


def night(server: Served, office: Office, **later: float) -> Reconciled:
    """The nightly reconcile, so much later."""
    room = server.app.extensions["ringtrace"]
    at = server.clock() + timedelta(**later)
    return reconcile_all(room.database, room.settings, office.account_id, at, make=server.app.extensions[MAKER])
