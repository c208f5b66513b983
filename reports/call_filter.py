"""Which calls are asked for: a filter as plain values, and the conditions it stands for.

A filter that names something unknown (a source, a tag, a visitor of another account) finds nothing; it is no error.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, ScalarSelect, and_, exists, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from core.errors import InvalidInput, shown
from core.ids import is_id
from core.phone import dialled
from core.text import clean, storable
from store.calls import Call, CallNote, CallTag
from store.sites import Site, TrackingSource

Word = Literal["sure", "likely", "unsure"]
STATUSES = ("queued", "ringing", "in-progress", "completed", "busy", "failed", "no-answer", "canceled")
WITHHELD = "withheld"
SEARCH_LIMIT = 200
_PHONE_LIKE = re.compile(r"[\d\s()+./-]*")
_LEAST_DIGITS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class CallFilter:
    """What to look for; None asks nothing.

    `start` is inclusive, `end` exclusive (aware UTC). `site` is an id, `source` a slug or an id, `number` the dialled
    tracking number and `caller` the caller's (E.164, or "withheld"). The likelihoods (probabilities, both inclusive)
    are those of whom the call is credited to: a call that the model gives to nobody and staff left alone has none, and
    is not found by them. `match`: "model" = matched to a visit by the model, "staff" = decided by staff, "none" =
    credited to nobody by whomever. `word`: whose likelihood the call's site calls so. `visitor` is the bare id of the
    visitor it is credited to. `text` searches the caller's number (in any format), the caller's name, tags and notes.
    """

    start: datetime | None = None
    end: datetime | None = None
    site: str | None = None
    source: str | None = None
    number: str | None = None
    status: str | None = None
    min_likelihood: float | None = None
    max_likelihood: float | None = None
    match: Literal["model", "staff", "none"] | None = None
    word: Word | None = None
    caller: str | None = None
    visitor: str | None = None
    tag: str | None = None
    spam: bool | None = None
    text: str | None = None


def conditions(asked: CallFilter) -> list[ColumnElement[bool]]:
    """The conditions on a query of `Call` joined with its `TrackingSource`.

    Raises InvalidInput for a `number` or `caller` that is no phone number.
    """
    found: list[ColumnElement[bool]] = []
    if asked.start is not None:
        found.append(Call.started_at >= asked.start)
    if asked.end is not None:
        found.append(Call.started_at < asked.end)
    if asked.site is not None:
        found.append(Call.site_id == as_id(asked.site))
    if asked.source is not None:
        found.append(of_source(asked.source))
    if asked.number is not None:
        found.append(Call.number == as_phone(asked.number, "number"))
    if asked.status is not None:
        found.append(Call.status == asked.status)
    if asked.spam is not None:
        found.append(Call.spam.is_(asked.spam))
    if asked.caller is not None:
        found.append(_by_caller(asked.caller))
    if asked.tag is not None:
        found.append(_tagged(CallTag.tag == (clean(asked.tag, SEARCH_LIMIT) or "")))
    if asked.text is not None and (wanted := clean(asked.text, SEARCH_LIMIT)):
        found.append(_holds_text(wanted))
    return found + _match_conditions(asked)


def _match_conditions(asked: CallFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if asked.min_likelihood is not None:
        found.append(Call.matched_likelihood >= asked.min_likelihood)
    if asked.max_likelihood is not None:
        found.append(Call.matched_likelihood <= asked.max_likelihood)
    if asked.min_likelihood is not None or asked.max_likelihood is not None:
        found.append(or_(Call.matched_visit_id.is_not(None), Call.matched_by == "staff"))
    if asked.word is not None:
        found.append(_called(asked.word))
    if asked.visitor is not None:
        found.append(Call.matched_visitor_id == as_id(asked.visitor))
    if asked.match == "model":
        found += [Call.matched_by == "model", Call.matched_visit_id.is_not(None)]
    elif asked.match == "staff":
        found.append(Call.matched_by == "staff")
    elif asked.match == "none":
        found.append(Call.matched_visit_id.is_(None))
    return found


def _called(word: Word) -> ColumnElement[bool]:
    """Where a match has this word at its site; the same bounds as `matching.rules.confidence`."""
    sure, likely = (_of_site(column) for column in (Site.sure_from, Site.likely_from))
    stated = Call.matched_likelihood
    return {
        "sure": stated >= sure,
        "likely": and_(stated >= likely, stated < sure),
        "unsure": stated < likely,
    }[word]


def _of_site(column: InstrumentedAttribute[float]) -> ScalarSelect[float]:
    here = and_(Site.account_id == Call.account_id, Site.site_id == Call.site_id)
    return select(column).where(here).correlate(Call).scalar_subquery()


def as_id(given: str) -> str:
    """An id as given; one that can be nobody's where it has not even the form of one."""
    return given if is_id(given) else ""


def of_source(given: str) -> ColumnElement[bool]:
    """Those of the source with this id, or of every source (deleted ones too) that is called by this slug."""
    name = given if storable(given) else ""
    return or_(TrackingSource.slug == name, TrackingSource.source_id == name)


def as_phone(given: str, field: str) -> str:
    """A number as given, in E.164. Raises InvalidInput naming `field`."""
    # A plus sign that was not escaped in a query arrives as a blank, and people leave it out.
    number = dialled(given)
    if number is None:
        raise InvalidInput({field: f"{shown(given)} is no phone number; E.164 is allowed, such as +12125550142"})
    return number


def _by_caller(given: str) -> ColumnElement[bool]:
    if given == WITHHELD:
        return Call.from_number.is_(None)
    return Call.from_number == as_phone(given, "caller")


def _tagged(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(and_(CallTag.account_id == Call.account_id, CallTag.call_id == Call.call_id, condition))


def _holds_text(wanted: str) -> ColumnElement[bool]:
    """Where caller, name, a tag or a note holds `wanted`, whatever its case; `%` and `_` stand for themselves."""
    in_note = exists().where(
        and_(CallNote.account_id == Call.account_id, CallNote.call_id == Call.call_id, holds(CallNote.text, wanted))
    )
    found = [holds(Call.caller_name, wanted), _tagged(holds(CallTag.tag, wanted)), in_note]
    if digits := digits_of(wanted):
        found.append(Call.from_number.contains(digits, autoescape=True))
    return or_(*found)


def digits_of(wanted: str) -> str:
    """The digits of what may be a part of a phone number; "" where it is none, or too little to search by."""
    digits = re.sub(r"\D", "", wanted).lstrip("0")  # the trunk prefix of national forms is not in E.164
    return digits if _PHONE_LIKE.fullmatch(wanted) and len(digits) >= _LEAST_DIGITS else ""


def holds(column: InstrumentedAttribute[Any], wanted: str) -> ColumnElement[bool]:
    """Where `column` holds `wanted`, whatever its case; `%` and `_` stand for themselves."""
    # SQLite folds ASCII only, so letters beyond it are offered in each case they may be stored in.
    spellings = {wanted} if wanted.isascii() else {wanted, wanted.lower(), wanted.upper(), wanted.title()}
    return or_(*(column.icontains(spelling, autoescape=True) for spelling in sorted(spellings)))
