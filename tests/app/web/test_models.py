"""The Model page: what scores, since when, what came before, one click back."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from sqlalchemy import update

from app.job_runs import TRAIN, Run, begin, finish
from matching import models
from matching.models import in_use, keep, use
from matching.rules.model import prior
from store.models import ModelVersion
from store.sessions import AccountSession, Database
from tests.app.web.scene import Scene
from tests.app.web.staff import Staff
from tests.app.web.test_guards import counting
from tests.app.web.test_pages import words
from tests.support.models import fitted
from tests.support.office import Office
from tests.support.serving import Served, served


def learnt(scene: Scene, version: str, by: float, ago: timedelta, *, better: bool = True) -> str:
    """A version as the nightly training of so long ago left it; its id."""

    def write(session: AccountSession) -> str:
        at = scene.at - ago
        model_id = keep(session, fitted(version, by, better=better), at=at, by="nightly").model_id
        if better:
            use(session, model_id, at=at, user_id=None, reason="it is less surprised by held-out calls")
        return model_id

    return str(scene.write(write))


def version_in_use(scene: Scene) -> str:
    return str(scene.write(lambda session: in_use(session).model.version))


def undo_form(page: str) -> tuple[str, dict[str, str]]:
    said = re.search(r'class="said".*?</form>', page, re.S)
    assert said
    fields = dict(re.findall(r'name="(model)" value="([^"]*)"', said.group(0)))
    action = re.search(r'action="([^"]+)"', said.group(0))
    assert action
    return unescape(action.group(1)), fields


def test_before_anything_was_learnt(scene: Scene, staff: Staff) -> None:
    page = words(staff.get("/model").text)
    assert "The shipped model scores calls. Nothing was learnt from this account's calls yet." in page
    assert re.search(r"The next training is due (today|tomorrow) at 03:30\.", page)
    assert "No training yet" in page
    assert "One step back" not in page
    assert "Use this one" not in page
    assert 'aria-current="page">Model' in staff.get("/model").text


def test_versions_with_their_figures_and_what_moved(scene: Scene, staff: Staff) -> None:
    learnt(scene, "one", 1.0, timedelta(days=2))
    learnt(scene, "two", 2.5, timedelta(days=1))
    learnt(scene, "three", 0.1, timedelta(hours=1), better=False)
    page = words(staff.get("/model").text)
    assert "Version two scores calls since yesterday" in page
    assert "Learnt from 812 calls and 31 overrides from 2026-01-05 to 2026-03-02." in page
    assert "Log-loss on 120 held-out calls: 0.473 before, 0.416 after (less is better)." in page
    assert page.index("three") < page.index("two nightly") if "two nightly" in page else True
    assert "812 calls and 31 overrides 0.473 0.416 better" in page
    assert page.count("Use this one") == 3
    assert "One step back, to one" in page
    assert "+2.5" in page
    assert "Version one was put to use training it is less surprised by held-out calls" in page


def test_one_click_back_and_undo(scene: Scene, staff: Staff) -> None:
    learnt(scene, "one", 1.0, timedelta(days=2))
    learnt(scene, "two", 2.0, timedelta(days=1))
    page = staff.post("/model/back").text
    assert "Version one scores calls from now on, no longer two." in words(page)
    assert version_in_use(scene) == "one"
    url, fields = undo_form(page)
    undone = staff.post(url, fields).text
    assert "Version two scores calls from now on, no longer one." in words(undone)
    assert version_in_use(scene) == "two"
    url, fields = undo_form(undone)
    assert "Version one scores" in words(staff.post(url, fields).text)
    page = staff.post("/model/back").text
    assert "The shipped model scores calls from now on, no longer one. Undo" in words(page)
    assert version_in_use(scene) == prior().version
    url, fields = undo_form(page)
    staff.post(url, fields)
    assert version_in_use(scene) == "one"
    staff.post("/model/back")
    assert "That was not done: the shipped model is in use and none was before it." in words(
        staff.post("/model/back").text
    )


def test_any_version_can_be_used_and_the_page_says_who_wanted_that(scene: Scene, staff: Staff) -> None:
    one = learnt(scene, "one", 1.0, timedelta(days=2))
    learnt(scene, "two", 2.0, timedelta(days=1))
    unused = learnt(scene, "three", 3.0, timedelta(hours=1), better=False)
    assert "Version three scores calls from now on" in staff.post("/model/use", {"model": unused}).text
    page = words(staff.post("/model/use", {"model": one}).text)
    assert version_in_use(scene) == "one"
    assert re.search(r"Version one was put to use (?!training)\S+", page)
    assert "Version one scores calls already." in words(staff.post("/model/use", {"model": one}).text)
    assert "The shipped model scores calls from now on" in staff.post("/model/use", {"model": ""}).text
    for wanted in ("0" * 32, "<b>x</b>"):
        assert "That was not done: there is no model" in words(staff.post("/model/use", {"model": wanted}).text)
    assert version_in_use(scene) == prior().version


def test_another_accounts_model_is_not_there(scene: Scene, staff: Staff, sqlite_url: str) -> None:
    theirs = learnt(scene, "theirs", 1.0, timedelta(days=1))
    stranger = Staff.of(Office.open(staff.url, sqlite_url))
    assert "theirs" not in stranger.get("/model").text
    assert "there is no model" in stranger.post("/model/use", {"model": theirs}).text
    assert "was not done" in stranger.post("/model/back").text
    assert version_in_use(scene) == "theirs"


def test_a_failed_training_says_why_and_a_good_one_ends_the_alarm(
    lite_server: Served, scene: Scene, staff: Staff
) -> None:
    database: Database = lite_server.app.extensions["ringtrace"].database
    for days, outcome, failed in ((2, "the disk is <full>", True), (1, "version x is in use now: y", False)):
        due = scene.at - timedelta(days=days)
        run = Run(account_id=scene.account_id, job=TRAIN, due_at=due, started_at=due)
        assert begin(database, run)
        running = words(staff.get("/model").text)
        assert "is running" in running
        finish(database, run, at=due + timedelta(minutes=3), outcome=outcome, failed=failed)
        page = staff.get("/model").text
        assert ("The last training failed: the disk is &lt;full&gt;" in page) == failed
        assert "took 3 min" in page
    assert "the disk is &lt;full&gt;" in page, "it stays in the list"


def test_a_version_of_another_release_is_told_of(scene: Scene, staff: Staff) -> None:
    model_id = learnt(scene, "odd", 1.0, timedelta(days=1))
    scene.write(
        lambda session: session.execute(
            update(ModelVersion).where(ModelVersion.model_id == model_id).values(model='{"format": 0}')
        )
    )
    models._memory._models.clear()  # as in a process that starts now
    page = words(staff.get("/model").text)
    assert "The version in use was made by another release of Ringtrace and cannot be read." in page
    assert "One step back" in page


def test_it_asks_the_database_less_than_fifteen_times(lite_server: Served, scene: Scene, staff: Staff) -> None:
    for day in range(8, 0, -1):
        learnt(scene, f"v{day}", day, timedelta(days=day))
    staff.post("/model/back")
    with counting(lite_server) as seen:
        assert staff.get("/model").status_code == 200
    assert 1 <= len(seen) < 15, len(seen)


@pytest.mark.parametrize("setting", ["off"])
def test_without_nightly_training_it_says_so(sqlite_url: str, setting: str) -> None:
    with served(sqlite_url, RINGTRACE_TRAIN_AT=setting) as server:
        staff = Staff.of(Office.open(server.url, sqlite_url))
        assert "Nightly training is switched off." in staff.get("/model").text


def test_an_account_without_a_site(lite_office: Office) -> None:
    assert "Training begins with the first site." in Staff.of(lite_office).get("/model").text


def test_it_says_the_same_on_each_database(office: Office, database_url: str) -> None:
    scene = Scene(database_url, office.account_id, datetime.now(UTC))
    scene.site()
    learnt(scene, "one", 1.0, timedelta(days=2))
    learnt(scene, "two", 2.0, timedelta(days=1))
    staff = Staff.of(office)
    assert "Version two scores calls since yesterday" in words(staff.get("/model").text)
    assert "Version one scores calls from now on" in words(staff.post("/model/back").text)
