"""The figures for Prometheus: who gets them, that they are right, and that their number stays small."""

import os
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from app.metrics_folder import SIZE, VARIABLE, prepare, reserve
from tests.app.web.staff import Staff
from tests.support.office import Office
from tests.support.serving import Served, ServeProcess, served

Figures = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def figures(url: str, **headers: str) -> Figures:
    answer = requests.get(f"{url}/metrics", headers=headers, timeout=30)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    found: Figures = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            found[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
    return found


def count(found: Figures, name: str, **labels: str) -> float:
    return sum(v for (n, given), v in found.items() if n == name and set(labels.items()) <= set(given))


def test_requests_are_counted_by_rule_and_status(lite_office: Office) -> None:
    before = figures(lite_office.url)
    site = lite_office.site()
    lite_office.swap(site)
    for n in range(5):
        assert lite_office.api("GET", f"/sites/{n:032x}").status_code == 404
    staff = Staff(lite_office.url, lite_office.email)
    staff.enter("wrong password")
    staff.enter()
    after = figures(lite_office.url)

    def more(name: str, **labels: str) -> float:
        return count(after, name, **labels) - count(before, name, **labels)

    rule = "/api/v1/sites/<string:id>"
    assert more("ringtrace_requests_total", route=rule, method="GET", status="404") == 5
    assert more("ringtrace_request_seconds_count", route=rule) == 5
    assert more("ringtrace_request_seconds_bucket", route=rule, le="+Inf") == 5
    assert more("ringtrace_requests_total", route="/v1/swap", status="200") == 1
    assert more("ringtrace_sign_ins_total", outcome="wrong") == 1
    assert more("ringtrace_sign_ins_total", outcome="in") == 1
    assert count(after, "ringtrace_database_up") == 1
    assert count(after, "ringtrace_events_waiting") == 0
    assert ("ringtrace_deliveries_waiting", ()) in after
    assert count(after, "process_resident_memory_bytes") > 0


def test_strange_paths_and_methods_make_no_new_figures(lite_office: Office) -> None:
    url = lite_office.url
    requests.get(f"{url}/nothing", timeout=30)
    requests.request("BREW", f"{url}/nothing", timeout=30)
    before = set(figures(url))
    for n in range(50):
        requests.request(f"BREW{n}", f"{url}/nothing/{n}", timeout=30)
        requests.get(f"{url}/nothing/{n}?x={n}", timeout=30)
        lite_office.api("GET", f"/sites/{n}")
    new = {name for name in set(figures(url)) - before if "/sites/" not in str(name)}
    assert not {n for n in new if "none" in str(n)}
    text = requests.get(f"{url}/metrics", timeout=30).text
    assert lite_office.account_id not in text
    assert "BREW" not in text


def test_only_this_machine_itself_reads_them_without_a_token(lite_server: Served) -> None:
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
        answer = requests.get(f"{lite_server.url}/metrics", headers={name: "127.0.0.1"}, timeout=30)
        assert answer.status_code == 404, name
        assert answer.json()["error"]["code"] == "not_found"
    client = lite_server.app.test_client()
    for address, status in (("127.0.0.1", 200), ("127.8.9.1", 200), ("::1", 200), ("192.0.2.1", 404), ("", 404)):
        assert client.get("/metrics", environ_base={"REMOTE_ADDR": address}).status_code == status, address


def test_with_a_token_only_its_bearer_reads_them(sqlite_url: str) -> None:
    token = "a token of the scraper"
    with served(sqlite_url, RINGTRACE_METRICS_TOKEN=token) as server:
        for given in ("", "Bearer x", "Basic a token of the scraper", "Bearer é", f"Bearer {token}x"):
            headers = {"Authorization": given.encode()}
            assert requests.get(f"{server.url}/metrics", headers=headers, timeout=30).status_code == 404
        assert figures(server.url, Authorization=f"Bearer {token}")


def test_they_are_told_while_the_database_is_away(lite_server: Served) -> None:
    engine = lite_server.app.extensions["ringtrace"].database.engine

    def fail(*_: object) -> None:
        raise OperationalError("SELECT 1", {}, Exception("down"))

    event.listen(engine, "before_cursor_execute", fail)
    try:
        found = figures(lite_server.url)
    finally:
        event.remove(engine, "before_cursor_execute", fail)
    assert count(found, "ringtrace_database_up") == 0
    assert ("ringtrace_events_waiting", ()) not in found


def test_several_processes_tell_what_all_of_them_counted(postgres_url: str, tmp_path: Path) -> None:
    stale = tmp_path / "metrics-999999999"
    stale.mkdir()
    server = ServeProcess(postgres_url, workers=2, RINGTRACE_INSTANCE_DIR=str(tmp_path)).wait(60)
    try:
        for _ in range(60):
            # A connection of its own each time, so that both processes get some.
            assert requests.get(f"{server.url}/sign-in", timeout=30).status_code == 200
        told = {count(figures(server.url), "ringtrace_requests_total", route="/sign-in") for _ in range(20)}
        files = [path.name for path in tmp_path.glob("metrics-*/counter_*.db")]
    finally:
        server.stop()
    assert told == {60.0}
    assert len(files) >= 2
    assert not stale.exists(), "what a server that was killed left is gone"


def test_a_process_counts_for_itself_where_files_find_no_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "is-not-there"))
    reserve()
    assert VARIABLE not in os.environ
    prepare(tmp_path, 1)
    assert VARIABLE not in os.environ
    prepare(tmp_path, 2)
    folder = Path(os.environ[VARIABLE])
    reserve()
    assert {path.stat().st_blocks * 512 >= SIZE for path in folder.iterdir()} == {True}, (
        "the place is taken, not promised"
    )
    (tmp_path / "file").write_text("")
    prepare(tmp_path / "file", 2)
    assert VARIABLE not in os.environ
