"""The strip around a call in a real browser: what it shows, by keyboard, in light and dark, wide and narrow."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from tests.app.web.scene import Scene
from tests.browser.test_pages import CONTRAST, Sit, sit, unloaded

__all__ = ["sit"]

pytestmark = pytest.mark.browser

PLACES = """() => [...document.querySelectorAll(".strip .lane")].map((lane) => {
  const box = lane.getBoundingClientRect();
  const of = (name) => [...lane.querySelectorAll(name)].map((e) => e.getBoundingClientRect());
  return {
    width: box.width, right: box.right,
    stays: of(".stay").map((r) => [r.left - box.left, r.right - box.left]),
    clicks: of(".click").map((r) => (r.left + r.right) / 2 - box.left),
    called: of("line.called").map((r) => (r.left + r.right) / 2 - box.left),
    words: of("text").map((r) => [r.left, r.right]),
  };
})"""


def a_call(scene: Scene) -> str:
    """A call with more possible visitors than lanes."""
    return scene.call("google_ads", [0.5, 0.3, *[0.01] * 9], caller_name="Anna Field")


def test_visits_clicks_and_the_call_stand_where_they_happened(sit: Sit) -> None:
    desk = sit(viewport={"width": 1440, "height": 900})
    desk.open(f"/calls/{a_call(desk.scene)}")
    *lanes, axis = desk.page.evaluate(PLACES)
    assert len(lanes) == 8
    assert "and 3 more" in desk.page.inner_text(".strip")
    first, minute = lanes[0], lanes[0]["width"] / 130
    (called,) = first["called"]
    assert called == pytest.approx(120 * minute, abs=2)
    assert first["stays"][0] == pytest.approx([called - 3 * minute, called], abs=2)
    assert first["clicks"][0] == pytest.approx(called - 0.1 * minute, abs=2)
    assert lanes[1]["stays"][0][0] == pytest.approx(called - 23 * minute, abs=2)
    assert {round(lane["called"][0]) for lane in lanes} == {round(called)}
    assert axis["words"]
    assert all(left > 0 and right <= axis["right"] + 1 for left, right in axis["words"])


def test_a_lane_leads_to_its_visit_by_keyboard_without_a_reload(sit: Sit) -> None:
    desk = sit(viewport={"width": 1440, "height": 900})
    desk.open(f"/calls/{a_call(desk.scene)}")
    with unloaded(desk.page):
        lane = desk.page.locator(".strip a").nth(1)
        name = lane.locator("span").first.inner_text()
        lane.focus()
        assert desk.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        desk.page.keyboard.press("Enter")
        expect(desk.page.locator("h2#visit")).to_have_text(f"The visit of visitor {name}")
    desk.page.locator("summary", has_text="The same as a table").focus()
    desk.page.keyboard.press("Enter")
    expect(desk.page.locator(".told tbody tr")).to_have_count(9)
    expect(desk.page.locator(".told tbody tr").first).to_contain_text("50")


def test_without_scripts_it_is_the_same(sit: Sit) -> None:
    desk = sit(java_script_enabled=False)
    desk.open(f"/calls/{a_call(desk.scene)}")
    assert desk.page.locator(".strip .lane").count() == 9
    desk.page.locator(".strip a").nth(2).click()
    expect(desk.page.locator("h2#visit")).to_contain_text("The visit of visitor")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_everything_opened_fits_and_can_be_read(sit: Sit, width: int, scheme: str) -> None:
    desk = sit(viewport={"width": width, "height": 844}, color_scheme=scheme)
    for call_id in (a_call(desk.scene), desk.scene.call("google_ads", [0.4], timedelta(days=3))):
        desk.open(f"/calls/{call_id}")
        desk.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        assert desk.page.evaluate("document.documentElement.scrollWidth") <= width
        assert desk.page.evaluate(CONTRAST) == []
        lanes = desk.page.evaluate(PLACES)
        assert all(lane["right"] <= width for lane in lanes)
        assert all(right <= width for left, right in lanes[-1]["words"])
