"""The accuracy page in a real browser: the slider, the chart under the policy, readable everywhere."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from reports.alarms import raise_alarm
from tests.app.web.scene import Scene
from tests.app.web.test_accuracy import busy, give_curve
from tests.browser.test_calibration import NAMELESS, OUTLINE, TOO_WIDE, Sit, sit
from tests.browser.test_pages import CONTRAST
from tests.support.office import Office

pytestmark = pytest.mark.browser
__all__ = ["sit"]

SHADES = """() => {
  const parse = (c) => c.match(/[\\d.]+/g).map(Number);
  const lum = (c) => c.map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const page = parse(getComputedStyle(document.body).backgroundColor).slice(0, 3);
  return [...document.querySelectorAll(".heat tbody td")].filter((e) => e.textContent).map((e) => {
    const [r, g, b, alpha = 1] = parse(getComputedStyle(e).backgroundColor);
    const ground = [r, g, b].map((v, i) => v * alpha + page[i] * (1 - alpha));
    const [x, y] = [lum(parse(getComputedStyle(e).color).slice(0, 3)), lum(ground)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05);
  });
}"""
"""The contrast of digits on their shade, which lies over the page."""


@pytest.fixture
def seen(lite_office: Office, sqlite_url: str) -> Scene:
    """A source with visitors, calls and a curve, another one without, and an alarm."""
    scene = Scene(sqlite_url, lite_office.account_id, datetime.now(UTC))
    scene.site()
    scene.source("google_ads", "Google Ads", 2, first=100)
    scene.source("email", "Email", 1, first=300)
    busy(scene, "google_ads", a_day=30)
    give_curve(scene, "google_ads")
    for hours in range(5):
        scene.call("google_ads", [0.95], timedelta(days=1, hours=hours))
    facts = {"text": "+12125550100 is gone."}
    scene.write(lambda s: raise_alarm(s, "number_missing_at_provider", "x", site_id=None, facts=facts, at=scene.at))
    return scene


def test_the_slider_says_what_the_server_says_and_can_be_shared(seen: Scene, sit: Sit) -> None:
    page = sit(viewport={"width": 1440, "height": 900})
    page.goto("/accuracy?period=7")
    said, slider = page.locator("#whatif-said"), page.get_by_label("What if Google Ads had another number of numbers?")
    slider.focus()
    expect(slider).to_have_attribute("aria-valuetext", said.inner_text())
    page.keyboard.press("Home")
    expect(said).to_contain_text("1 number: 80")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    expect(said).to_contain_text("4 numbers: 92")
    expect(slider).to_have_attribute("aria-valuetext", said.inner_text())
    page.wait_for_url("**whatif=google_ads%3A4*")
    moved = said.inner_text()
    page.reload()
    assert page.locator("#whatif-said").inner_text() == moved
    page.keyboard.press("Tab")
    plain = sit(viewport={"width": 1440, "height": 900}, java_script_enabled=False)
    plain.goto("/accuracy?period=7&whatif=google_ads:4")
    assert plain.locator("#whatif-said").inner_text() == moved
    plain.get_by_role("link", name="1", exact=True).last.click()
    assert plain.locator("#whatif-said").inner_text().startswith("1 number:")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_it_fits_and_can_be_read(seen: Scene, sit: Sit, width: int, scheme: str) -> None:
    page = sit(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page.goto("/accuracy?period=7")
    expect(page.locator(f"#chart-curve[data-drawn={scheme}]")).to_be_visible()
    page.wait_for_function("() => document.getElementById('chart-curve').querySelector('*')?.shadowRoot != null")
    for details in page.locator("summary").all():
        details.click()
    shades = page.evaluate(SHADES)
    assert len(shades) > 5
    assert min(shades) >= 4.5
    for path in (None, "/accuracy?period=7&source=email", "/alarms"):
        if path is not None:
            page.goto(path)
        assert page.evaluate(TOO_WIDE, width) == [], path
        page.emulate_media(reduced_motion="reduce")
        assert page.evaluate(CONTRAST) == [], path
        assert page.evaluate(NAMELESS) == [], path
        outline = page.evaluate(OUTLINE)
        assert outline["headings"][0] == 1
        assert all(
            later - earlier <= 1 for earlier, later in zip(outline["headings"], outline["headings"][1:], strict=False)
        )
        assert len(outline["ids"]) == len(set(outline["ids"]))
        assert (outline["tables"], outline["lost"]) == (0, 0) if path == "/alarms" else outline["lost"] == 0
