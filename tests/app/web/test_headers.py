"""Headers of every kind of answer."""

import requests

from app.web.headers import HSTS, MACHINE_POLICY, PERMISSIONS
from tests.app.web.staff import Staff
from tests.support.office import Office
from tests.support.serving import served


def test_an_answer_to_a_machine_is_no_page(lite_office: Office) -> None:
    site = lite_office.site()
    answers = [
        lite_office.api("GET", "/sites"),
        lite_office.api("GET", "/nothing"),
        lite_office.webhook("voice", {"To": "+12125550100"}, token="wrong"),
        requests.get(f"{lite_office.url}/health", timeout=30),
        requests.get(f"{lite_office.url}/metrics", timeout=30),
    ]
    for answer in answers:
        headers = answer.headers
        assert headers["Content-Security-Policy"] == MACHINE_POLICY, answer.url
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"
        assert "Server" not in headers or "Werkzeug" in headers["Server"], "the development server tells its name"
    script = requests.get(f"{lite_office.url}/s/{site['key']}.js", timeout=30)
    assert script.headers["Cross-Origin-Resource-Policy"] == "cross-origin", "other sites' pages load it"
    assert "Cross-Origin-Resource-Policy" not in lite_office.swap(site).headers


def test_a_page_may_do_little(lite_office: Office) -> None:
    for path in ("/sign-in", "/nothing", "/static/app.css"):
        headers = Staff(lite_office.url, lite_office.email).get(path).headers
        assert headers["Permissions-Policy"] == PERMISSIONS
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_under_https_every_answer_says_so(sqlite_url: str) -> None:
    with served(sqlite_url, RINGTRACE_PUBLIC_BASE_URL="https://calls.example.com") as server:
        office = Office.open(server.url, sqlite_url)
        site = office.site()
        answers = [requests.get(f"{server.url}{p}", timeout=30) for p in ("/sign-in", "/health", "/api/v1/sites", "/x")]
        for answer in [*answers, office.swap(site)]:
            assert answer.headers["Strict-Transport-Security"] == HSTS
