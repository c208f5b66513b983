"""Numbers at Twilio: searching, prices, buying, configuring, listing, releasing.

What Twilio answers becomes a value of `numberpool.provider`; its codes become sentences for people. Nothing of this is
on the path of a call or a page: only people and the nightly reconcile wait for it.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, cast

from app.telephony.twilio_codes import NOT_THERE, TAKEN, WORDS
from app.telephony.twilio_rest import TIMEOUT_SECONDS, TwilioRest
from core.currency import minor_digits
from numberpool.provider import (
    Bought,
    Doubtful,
    Failed,
    Held,
    Kind,
    Offer,
    Prices,
    Refused,
    Released,
    Taken,
    Wanted,
    Webhooks,
)

MOST_HELD = 5_000
"""Numbers of one account that are listed."""

_RESOURCE: dict[Kind, str] = {"local": "local", "toll_free": "toll_free", "mobile": "mobile"}
_PRICE_KINDS: dict[str, Kind] = {"local": "local", "toll free": "toll_free", "mobile": "mobile"}


class TwilioNumbers:
    """Twilio as a provider of numbers, with one account's credentials. No token is in its repr, its logs, its errors.

    `elsewhere` sends what is meant for a host of Twilio to another base address (a proxy, an emulator); `wait` sleeps
    for so many seconds between two tries, `timeout` is how long one of them may take (seconds).
    """

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        *,
        elsewhere: Mapping[str, str] | None = None,
        wait: Callable[[float], None] = time.sleep,
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        self._rest = TwilioRest(account_sid, auth_token, elsewhere=elsewhere, wait=wait, timeout=timeout)
        self._client, self._ask, self._account_sid = self._rest.client, self._rest.ask, account_sid

    def __repr__(self) -> str:
        return f"TwilioNumbers({self._account_sid[:6]}…)"

    @property
    def name(self) -> str:
        """`twilio`."""
        return "twilio"

    def search(self, wanted: Wanted) -> Sequence[Offer] | Failed:
        """Numbers with voice that can be bought; what was asked for and is not known here is Twilio's to refuse."""
        if wanted.area_code is not None and not wanted.area_code.isdigit():
            return Refused(reason=WORDS[21451], code=21451)
        asked = {
            "area_code": int(wanted.area_code) if wanted.area_code else None,
            "contains": wanted.contains,
            "near_number": wanted.near,
            "in_region": wanted.region,
            "in_locality": wanted.locality,
        }
        given = {name: value for name, value in asked.items() if value is not None}

        def ask() -> Sequence[Any]:
            resource = getattr(self._client.available_phone_numbers(wanted.country), _RESOURCE[wanted.kind])
            return cast(
                Sequence[Any],
                resource.list(voice_enabled=True, limit=wanted.limit, page_size=min(wanted.limit, 100), **given),
            )

        found = self._ask(ask)
        if isinstance(found, Refused | Doubtful):
            return found
        return [_offer(item, wanted) for item in found]

    def prices(self, country: str) -> Prices | Failed:
        """What numbers of a country cost this very account a month."""
        found = self._ask(lambda: self._client.pricing.v1.phone_numbers.countries(country).fetch())
        if isinstance(found, Refused | Doubtful):
            return found
        currency = str(found.price_unit or "").upper()
        monthly: dict[Kind, int] = {}
        for price in found.phone_number_prices or []:
            kind, minor = _PRICE_KINDS.get(str(price.get("number_type")).lower()), _minor(price, currency)
            if kind is not None and minor is not None:
                monthly[kind] = minor
        return Prices(country=country, currency=currency, monthly=monthly)

    def buy(self, number: str, *, token: str, webhooks: Webhooks) -> Bought | Taken | Refused | Doubtful:
        """Buys a number. No answer, or one that cannot be understood, is doubtful: it may have been bought."""
        done = self._ask(
            lambda: self._client.incoming_phone_numbers.create(
                phone_number=number, friendly_name=token, **_fields(webhooks)
            )
        )
        if isinstance(done, Refused):
            return Taken(reason=done.reason, code=done.code) if done.code in TAKEN else done
        return done if isinstance(done, Doubtful) else Bought(held=_held(done))

    def find_by_token(self, token: str) -> Held | Failed | None:
        """The number that was bought under this name, or None."""
        found = self._ask(lambda: self._client.incoming_phone_numbers.list(friendly_name=token, limit=20))
        if isinstance(found, Refused | Doubtful):
            return found
        # Twilio's filter compares in its own way; ours is exact.
        return next((_held(item) for item in found if item.friendly_name == token), None)

    def configure(self, sid: str, *, webhooks: Webhooks) -> Held | Failed:
        """Points a number's webhooks to us."""
        done = self._ask(lambda: self._client.incoming_phone_numbers(sid).update(**_fields(webhooks)))
        return done if isinstance(done, Refused | Doubtful) else _held(done)

    def list_numbers(self) -> Sequence[Held] | Failed:
        """All numbers of the account."""
        found = self._ask(lambda: self._client.incoming_phone_numbers.list(limit=MOST_HELD, page_size=1000))
        return found if isinstance(found, Refused | Doubtful) else [_held(item) for item in found]

    def release(self, sid: str) -> Released | Failed:
        """Gives a number back; one that is not there any more is given back already."""
        done = self._ask(lambda: self._client.incoming_phone_numbers(sid).delete())
        if isinstance(done, Refused) and done.code == NOT_THERE:
            return Released(gone=True)
        if isinstance(done, Refused | Doubtful):
            return done
        return Released() if done else Doubtful(reason="Twilio answered something else than a release")


def _fields(webhooks: Webhooks) -> dict[str, str]:
    """The webhooks as Twilio's parameters; the fallback is a static file, which only GET can have."""
    return {
        "voice_url": webhooks.voice_url,
        "voice_method": "POST",
        "voice_fallback_url": webhooks.voice_fallback_url,
        "voice_fallback_method": "GET",
        "status_callback": webhooks.status_callback,
        "status_callback_method": "POST",
        "sms_url": webhooks.sms_url,
        "sms_method": "POST",
    }


def _held(item: Any) -> Held:
    """A number of the account as Twilio tells of it."""
    elsewhere = [
        word for word, sid in (("an application", item.voice_application_sid), ("a SIP trunk", item.trunk_sid)) if sid
    ]
    return Held(
        sid=str(item.sid),
        number=str(item.phone_number),
        token=item.friendly_name or "",
        webhooks=Webhooks(
            voice_url=item.voice_url or "",
            voice_fallback_url=item.voice_fallback_url or "",
            status_callback=item.status_callback or "",
            sms_url=item.sms_url or "",
        ),
        elsewhere=" and ".join(elsewhere),
    )


def _offer(item: Any, wanted: Wanted) -> Offer:
    """A number for sale as Twilio tells of it."""
    can = {str(name).lower(): bool(value) for name, value in (item.capabilities or {}).items()}
    return Offer(
        number=str(item.phone_number),
        kind=wanted.kind,
        country=item.iso_country or wanted.country,
        region=item.region or None,
        locality=item.locality or None,
        voice=can.get("voice", False),
        sms=can.get("sms", False),
        mms=can.get("mms", False),
    )


def _minor(price: Mapping[str, Any], currency: str) -> int | None:
    """What the account pays now, in minor units; None where that is no amount."""
    try:
        amount = Decimal(str(price.get("current_price") or price.get("base_price")))
        return int((amount * 10 ** minor_digits(currency)).to_integral_value(ROUND_HALF_UP))
    except (InvalidOperation, ValueError, OverflowError):
        return None
