"""The first thing that must run, on both databases."""

import requests

from tests.support.serving import Served


def test_health_is_ok_while_the_database_answers(server: Served) -> None:
    answer = requests.get(f"{server.url}/health", timeout=10)
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "database": "up"}


def test_an_unknown_api_path_answers_in_the_error_form(server: Served) -> None:
    answer = requests.get(f"{server.url}/api/v1/nothing", timeout=10)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"
