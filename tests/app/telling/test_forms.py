"""A form is told as it was kept, its visitor by the id the outside knows."""

import json

import pytest

from app.secretbox import VisitorIds
from app.telling.forms import FormSent, tell_form
from app.telling.outbox import CALL_ENDED, FORM_RECEIVED
from core.ids import new_id
from store.sessions import Database
from tests.app.telling.world import AT, Office


@pytest.fixture
def office(database: Database, database_url: str) -> Office:
    return Office.open(database, database_url)


@pytest.mark.parametrize(("phone", "email"), [("+12125550199", "zoe@example.com"), (None, None)])
def test_a_form_is_told_to_those_who_asked(office: Office, phone: str | None, email: str | None) -> None:
    office.endpoint("http://127.0.0.1:9", CALL_ENDED)
    asked, _ = office.endpoint("http://127.0.0.1:9", FORM_RECEIVED)
    ids = VisitorIds(office.settings)
    form = FormSent(
        form_id=new_id(AT),
        site_id=new_id(AT),
        visitor_id=new_id(AT),
        visit_id=new_id(AT),
        phone=phone,
        email=email,
        at=AT,
    )
    with office.database.write() as work:
        assert tell_form(work.account(office.account_id), ids, form, at=AT) == 1
    [row] = office.deliveries()
    assert (row.endpoint_id, row.event, row.subject) == (asked, FORM_RECEIVED, form.form_id)
    data = json.loads(row.payload)["data"]
    assert ids.verify(form.site_id, data.pop("visitor")) == form.visitor_id
    assert data == {
        "id": form.form_id,
        "site": form.site_id,
        "visit": form.visit_id,
        "name": None,
        "email": email,
        "phone": phone,
        "fields": {},
        "at": "2026-04-15T15:00:00.000Z",
    }
