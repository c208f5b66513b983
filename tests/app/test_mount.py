"""Below a path, behind a proxy that passes the path on and behind one that does not."""

import pytest
import requests

from tests.app.web.staff import Staff
from tests.support.office import Office
from tests.support.serving import free_port, served


@pytest.mark.parametrize("passed_on", ["", "/ring/trace"])
def test_every_way_in_works_below_a_path(sqlite_url: str, passed_on: str) -> None:
    base = f"http://127.0.0.1:{free_port()}/ring/trace"
    with served(sqlite_url, RINGTRACE_PUBLIC_BASE_URL=base) as server:
        office = Office.open(server.url + passed_on, sqlite_url)
        site = office.site()
        office.source(site)
        assert office.swap(site).status_code == 200
        assert office.api("GET", "/nothing").json()["error"]["code"] == "not_found"
        script = requests.get(f"{office.url}/s/{site['key']}.js", timeout=10).text
        assert f'"{base}"' in script
        page = Staff(office.url, office.email).get("/sign-in")
        assert page.status_code == 200
        assert 'action="/ring/trace/sign-in' in page.text or 'href="/ring/trace/' in page.text
        moved = requests.get(f"{office.url}/", allow_redirects=False, timeout=10)
        assert moved.headers["Location"].startswith("/ring/trace/")


def test_a_prefix_that_is_a_page_of_ours_too_can_be_told_apart(sqlite_url: str) -> None:
    with served(sqlite_url, RINGTRACE_PUBLIC_BASE_URL="http://127.0.0.1:9/calls") as server:
        office = Office.open(server.url, sqlite_url)
        office.site()
        for path in ("/calls/health", "/health"):
            assert requests.get(server.url + path, timeout=10).json()["status"] == "ok"
        staff = Staff.of(office)
        for path in ("/calls", "/calls/calls"):
            assert "<h1" in staff.get(path).text


def test_a_path_that_only_begins_alike_is_another(sqlite_url: str) -> None:
    with served(sqlite_url, RINGTRACE_PUBLIC_BASE_URL="http://127.0.0.1:9/ring") as server:
        assert requests.get(f"{server.url}/ringing/health", timeout=10).status_code == 404
        assert requests.get(f"{server.url}/ring/health", timeout=10).status_code == 200
