"""What docs/recognition.md promises, measured on lists made by others for other purposes."""

import re
from pathlib import Path

from app.visitor_agent import read_agent
from tests.recognition import crawlers, found, people, right

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "recognition.md").read_text("utf-8")


def test_bots_are_found_and_people_are_none():
    everything = crawlers()
    meant = [case for case in everything if not case.allowed]
    assert len(meant) > 1_900
    assert found(meant) >= 0.97
    assert found(everything) >= 0.95
    assert len(people()) > 800
    assert found(people()) <= 0.01


def test_devices_are_right():
    assert right(people()) >= 0.97
    assert {case.device for case in people()} == {"phone", "tablet", "desktop"}


def test_what_the_document_says_is_measured_now():
    for cases, share in (
        ([case for case in crawlers() if not case.allowed], found),
        (crawlers(), found),
        (people(), found),
        (people(), right),
    ):
        assert f"{share(cases):.4f} of {len(cases):,}" in DOCUMENT


def test_a_list_of_bots_holds_people_too_and_they_are_none():
    inside = [case.user_agent for case in crawlers() if re.search(r"Instagram \d|MetaIAB Facebook", case.user_agent)]
    assert inside
    assert not any(read_agent(text).bot for text in inside)
