"""Tracking sources of a site: making, changing, finding and deleting them.

Every write holds the site's row until the transaction ends, so that two requests cannot make two catch-alls, or one
slug twice. A deleted source keeps its row: calls and visits of its time go on naming it.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select

from attribution.rules.sources import PRESETS, RuleError, check_rule, preset_position
from core.errors import Conflict, InvalidInput, NotFound, shown
from core.ids import is_id, new_id
from core.phone import require_e164
from core.text import storable
from numberpool.in_use import RELEASED, numbers_in_use
from numberpool.rules.allocation import DEFAULT_POLICY, POLICIES
from numberpool.rules.slugs import slug_of
from store.paging import newest_first
from store.sessions import AccountSession
from store.sites import Site, TrackingNumber, TrackingSource

ONLINE, OFFLINE = "online", "offline"
NOTICE_LIMIT = 500
# No XML can hold these two, and what a caller is to hear goes to the provider as XML.
_NOT_XML = re.compile("[\ufffe\uffff]")

# Rules of the owner's own come before all presets (which begin at 10), in the order they were made.
_FIRST_OWN, _LAST_OWN, _STEP = -1000, 0, 10
# What nothing leads to by itself comes last.
_LAST = 1000


def create_source(session: AccountSession, fields: Mapping[str, Any], at: datetime) -> TrackingSource:
    """A tracking source.

    `fields`: `site` (id), `name`, `kind`, `destination`, and where wanted `preset` or `rule`, `position`,
    `catch_all`, `target`, `allocation` (a name of POLICIES), `recorded` and `notice`. Raises InvalidInput, and Conflict
    for a second one of a preset or a second catch-all.
    """
    site = _lock_site(session, fields["site"])
    others = _sources_of(session, site.site_id)
    source = TrackingSource(
        source_id=new_id(at),
        site_id=site.site_id,
        name=fields["name"],
        kind=fields["kind"],
        preset=fields.get("preset"),
        rule=fields.get("rule"),
        catch_all=fields.get("catch_all", False),
        target=_phone(fields.get("target"), "target", site),
        destination=_destination(session, fields["destination"], site),
        allocation=fields.get("allocation", DEFAULT_POLICY),
        recorded=fields.get("recorded", False),
        notice=_notice(fields.get("notice")),
        turn=0,
        created_at=at,
    )
    _check(source, others)
    source.slug = _slug(source, others)
    source.position = fields["position"] if "position" in fields else _default_position(source, others)
    session.add(source)
    session.flush()
    return source


def change_source(session: AccountSession, reference: str, fields: Mapping[str, Any]) -> TrackingSource:
    """Changes the given fields of a source; a `preset` takes the place of a `rule` and the other way round.

    `site` and `kind` cannot change. The slug stays, unless the preset changes, for then it is the preset's.
    Raises NotFound, InvalidInput, Conflict as `create_source`.
    """
    found = get_source(session, reference)
    site = _lock_site(session, found.site_id)
    source = source_row(session, found.source_id, lock=True)
    if source.deleted_at is not None:
        raise NotFound("there is no such source")
    others = [s for s in _sources_of(session, site.site_id) if s.source_id != source.source_id]
    with session.no_autoflush:
        _change_reach(source, fields, others)
        for name in ("name", "catch_all", "position", "allocation", "recorded"):
            if name in fields:
                setattr(source, name, fields[name])
        if "target" in fields:
            source.target = _phone(fields["target"], "target", site)
        if "destination" in fields:
            source.destination = _destination(session, fields["destination"], site)
        if "notice" in fields:
            source.notice = _notice(fields["notice"])
        _check(source, others)
    session.flush()
    return source


def delete_source(session: AccountSession, reference: str, at: datetime) -> None:
    """Deletes a source; its history stays. Raises NotFound, and Conflict while it has numbers."""
    found = get_source(session, reference)
    _lock_site(session, found.site_id)
    source = source_row(session, found.source_id, lock=True)
    if source.deleted_at is not None:
        raise NotFound("there is no such source")
    held = select(TrackingNumber.number).where(
        TrackingNumber.source_id == source.source_id, TrackingNumber.status != RELEASED
    )
    number = session.scalar(held.limit(1))
    if number is not None:
        raise Conflict(f"the source has numbers, such as {number}; release or move them first")
    source.deleted_at = at
    session.flush()


def find_source(session: AccountSession, reference: str) -> TrackingSource | None:
    """The source of this id, or of this slug where only one site has it; None for none and for deleted ones."""
    if not storable(reference):
        return None
    live = select(TrackingSource).where(TrackingSource.deleted_at.is_(None))
    if is_id(reference):
        found = session.scalar(live.where(TrackingSource.source_id == reference))
        if found is not None:
            return found
    by_slug = session.scalars(live.where(TrackingSource.slug == reference).limit(2)).all()
    return by_slug[0] if len(by_slug) == 1 else None


def get_source(session: AccountSession, reference: str) -> TrackingSource:
    """As `find_source`. Raises NotFound."""
    source = find_source(session, reference)
    if source is None:
        raise NotFound("there is no such source")
    return source


def source_row(session: AccountSession, source_id: str, *, lock: bool = False) -> TrackingSource:
    """The source of this id, deleted or not; with `lock` it is held until the transaction ends. Raises NotFound."""
    key = (session.account_id, source_id)
    source = session.get(TrackingSource, key, with_for_update={"key_share": True} if lock else None)
    if source is None:
        raise NotFound("there is no such source")
    return source


def list_sources(
    session: AccountSession, *, site_id: str | None = None, after: tuple[datetime, str] | None, limit: int
) -> Sequence[TrackingSource]:
    """Up to `limit` sources that were not deleted, newest first, after a place."""
    statement = select(TrackingSource).where(TrackingSource.deleted_at.is_(None))
    if site_id is not None:
        statement = statement.where(TrackingSource.site_id == site_id)
    return session.scalars(
        newest_first(statement, TrackingSource.created_at, TrackingSource.source_id, after=after, limit=limit)
    ).all()


def _lock_site(session: AccountSession, site_id: str) -> Site:
    site = None
    if is_id(site_id):
        site = session.get(Site, (session.account_id, site_id), with_for_update={"key_share": True})
    if site is None:
        raise InvalidInput({"site": "there is no such site"})
    return site


def _sources_of(session: AccountSession, site_id: str) -> Sequence[TrackingSource]:
    return session.scalars(
        select(TrackingSource).where(TrackingSource.site_id == site_id, TrackingSource.deleted_at.is_(None))
    ).all()


def _change_reach(source: TrackingSource, fields: Mapping[str, Any], others: Sequence[TrackingSource]) -> None:
    """Which visits fit it: takes over `preset` and `rule`, and with them slug and default position."""
    for name in ("site", "kind"):
        now = source.site_id if name == "site" else source.kind
        if fields.get(name, now) != now:
            raise InvalidInput({name: f"{name} cannot change; make another source"})
    before = source.preset
    by_default = source.position == _default_position(source, others)
    if fields.get("preset") is not None and fields.get("rule") is None:
        source.preset, source.rule = fields["preset"], None
    elif fields.get("rule") is not None and fields.get("preset") is None:
        source.preset, source.rule = None, fields["rule"]
    else:
        source.preset, source.rule = fields.get("preset", source.preset), fields.get("rule", source.rule)
    if source.preset != before:
        source.slug = _slug(source, others)
        if by_default:
            source.position = _default_position(source, others)


def _check(source: TrackingSource, others: Sequence[TrackingSource]) -> None:
    """Raises unless kind, preset, rule and catch_all go together, beside the site's other sources."""
    if source.kind == OFFLINE:
        for name, value in (("preset", source.preset), ("rule", source.rule), ("catch_all", source.catch_all or None)):
            if value is not None:
                raise InvalidInput({name: "an offline source has none; visits do not come to it"})
    elif source.preset is not None and source.rule is not None:
        raise InvalidInput({"rule": "a preset or a rule is allowed, not both"})
    elif source.preset is None and source.rule is None and not source.catch_all:
        raise InvalidInput({"preset": "an online source needs a preset or a rule"})
    if source.preset is not None and source.preset not in PRESETS:
        raise InvalidInput({"preset": f"{shown(source.preset)} is no preset; allowed are {', '.join(PRESETS)}"})
    if source.allocation not in POLICIES:
        allowed = ", ".join(POLICIES)
        raise InvalidInput({"allocation": f"{shown(source.allocation)} is no policy; allowed are {allowed}"})
    if source.recorded and source.notice is None:
        raise InvalidInput({"notice": "callers must hear a notice before they are recorded, so one is needed"})
    if source.rule is not None:
        _check_rule(source.rule)
    if source.preset is not None and any((o.preset, o.target) == (source.preset, source.target) for o in others):
        raise Conflict(f"the site has a source for {source.preset} already", fields={"preset": "is taken"})
    if source.catch_all and any(other.catch_all for other in others):
        raise Conflict("the site has a source that catches all already", fields={"catch_all": "is taken"})


def _check_rule(rule: dict[str, Any]) -> None:
    try:
        check_rule(rule)
    except RuleError as error:
        raise InvalidInput({error.field: error.message}) from None
    if not storable(_texts_of(rule)):
        raise InvalidInput({"rule": "control characters are not allowed"})


def _texts_of(value: object) -> str:
    """All texts inside a JSON value, one after the other."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return "".join(_texts_of(part) for pair in value.items() for part in pair)
    return "".join(_texts_of(part) for part in value) if isinstance(value, list) else ""


def _slug(source: TrackingSource, others: Sequence[TrackingSource]) -> str:
    """The preset's id while it is free, else one from the name; the ids of presets are kept for presets."""
    taken = {other.slug for other in others}
    if source.preset is not None and source.preset not in taken:
        return source.preset
    return slug_of(source.name, {*PRESETS, *taken})


def _default_position(source: TrackingSource, others: Sequence[TrackingSource]) -> int:
    if source.preset is not None:
        return preset_position(source.preset) if source.preset in PRESETS else _LAST
    if source.rule is None:
        return _LAST
    own = [o.position for o in others if o.rule is not None and _FIRST_OWN <= o.position <= _LAST_OWN]
    return min(max(own) + _STEP, _LAST_OWN) if own else _FIRST_OWN


def _phone(value: str | None, field: str, site: Site) -> str | None:
    return None if value is None else require_e164(value, field, site.country)


def _notice(value: str | None) -> str | None:
    """What callers hear before they are recorded, on one line; None for nothing."""
    text = " ".join(value.split()) if value is not None else ""
    if len(text) > NOTICE_LIMIT or not storable(text) or _NOT_XML.search(text):
        allowed = f"a text of at most {NOTICE_LIMIT} characters is allowed, without control characters"
        raise InvalidInput({"notice": allowed})
    return text or None


def _destination(session: AccountSession, value: str, site: Site) -> str:
    """Where calls are sent (E.164); never one of our own numbers, for the call would come back."""
    number = require_e164(value, "destination", site.country)
    if numbers_in_use(session, [number]):
        raise InvalidInput({"destination": f"{number} is a tracking number, so calls would come back"})
    return number
