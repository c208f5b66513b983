"""Slugs, and sources on the database itself."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Conflict, InvalidInput, NotFound
from core.ids import new_id
from numberpool.numbers import add_number, release_number
from numberpool.rules.slugs import MAX_SLUG, slug_of
from numberpool.sources import change_source, create_source, delete_source, find_source, list_sources, source_row
from store.sessions import Database
from store.sites import Site
from tests.support.rows import with_site

AT = datetime(2026, 5, 4, 12, tzinfo=UTC)
RULE = {"all": [{"field": "utm_medium", "op": "present", "value": None}]}


@given(st.text(max_size=220), st.lists(st.text(max_size=12), max_size=12))
def test_slugs_are_plain_short_and_never_taken(name: str, names: list[str]) -> None:
    taken: set[str] = set()
    for each in [*names, name, name, name]:
        slug = slug_of(each, taken)
        assert slug not in taken
        assert slug.isascii()
        assert slug == slug.lower().strip("-")
        assert 1 <= len(slug) <= MAX_SLUG
        taken.add(slug)


@given(st.from_regex(r"[a-z0-9]{1,30}(-[a-z0-9]{1,20}){0,2}", fullmatch=True))
def test_a_slug_is_its_own_slug(slug: str) -> None:
    assert slug_of(slug, ()) == slug


def fields(site: Site, **more: object) -> dict[str, object]:
    return {"site": site.site_id, "name": "Radio", "kind": "offline", "destination": "212 555 9000", **more}


def test_a_source_without_preset_or_rule_only_catches_all(database: Database) -> None:
    with database.write() as work:
        session = work.account(new_id(AT))
        site = with_site(session, AT)
        with pytest.raises(InvalidInput):
            create_source(session, fields(site, kind="online"), AT)
        rest = create_source(session, fields(site, kind="online", catch_all=True), AT)
        ruled = create_source(session, fields(site, kind="online", rule=RULE), AT)
        preset = create_source(session, fields(site, kind="online", preset="direct"), AT)
        assert ruled.position < preset.position < rest.position
        assert rest.destination == "+12125559000"


def test_a_deleted_source_is_found_by_nobody_but_kept(database: Database) -> None:
    with database.write() as work:
        session = work.account(new_id(AT))
        source = create_source(session, fields(with_site(session, AT)), AT)
        add_number(session, number="+12125550142", source="radio", provider="manual", at=AT)
        with pytest.raises(Conflict):
            delete_source(session, "radio", AT)
        release_number(session, "+12125550142", AT)
        delete_source(session, "radio", AT)
        assert find_source(session, "radio") is None
        assert find_source(session, source.source_id) is None
        assert list_sources(session, after=None, limit=10) == []
        assert source_row(session, source.source_id).deleted_at == AT
        with pytest.raises(NotFound):
            change_source(session, source.source_id, {"name": "x"})


def test_an_account_sees_its_own_sources_only(database: Database) -> None:
    with database.write() as work:
        ours, theirs = work.account(new_id(AT)), work.account(new_id(AT))
        site = with_site(theirs)
        source = create_source(theirs, fields(site), AT)
        with_site(ours)
        assert find_source(ours, source.source_id) is None
        assert find_source(ours, "radio") is None
        with pytest.raises(InvalidInput):
            create_source(ours, fields(site), AT)
