"""The calibration page in a real browser: charts under the policy, in both schemes, and readable everywhere."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.app.web.proofs import form_after, prove
from tests.app.web.scene import Scene
from tests.browser.test_pages import CONTRAST, WATCH
from tests.support.office import PASSWORD, Office
from tests.support.serving import Served

pytestmark = pytest.mark.browser

PATHS = ("/calibration", "/calibration?proof=form", "/calibration?proof=spam", "/calibration/calls")
NAMELESS = """() => [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, [role=img]")]
  .filter((e) => e.checkVisibility() && !(e.textContent.trim() || e.ariaLabel || e.labels?.length))
  .map((e) => e.outerHTML)"""
TOO_WIDE = """(width) => document.documentElement.scrollWidth <= width ? []
  : ["page", ...document.querySelectorAll("body *")]
  .filter((e) => e === "page" || e.getBoundingClientRect().right > width + 1).map((e) => e.outerHTML?.slice(0, 80))"""
OUTLINE = """() => ({
  headings: [...document.querySelectorAll("h1, h2, h3, h4")].map((h) => Number(h.tagName[1])),
  ids: [...document.querySelectorAll("[id]")].map((e) => e.id),
  tables: [...document.querySelectorAll("table")].filter((t) => !t.caption || !t.querySelector("th[scope]")).length,
  lost: [...document.querySelectorAll("[aria-labelledby]")]
    .filter((e) => !document.getElementById(e.getAttribute("aria-labelledby"))).length,
})"""

Sit = Callable[..., Page]


@pytest.fixture
def proven(lite_office: Office, sqlite_url: str) -> Scene:
    """An office with 240 calls that came to light."""
    scene = Scene(sqlite_url, lite_office.account_id, datetime.now(UTC))
    scene.site()
    scene.source("google_ads", "Google Ads", 2, first=100)
    scene.source("email", "Email", 1, first=300)
    prove(scene, 180, lite_office.user_id)
    prove(scene, 60, None, days=60, slug="email", off=-0.1)
    scene.calls(6, "email", [0.2], lambda _: {"spam": True, "from_number": None}, timedelta(days=5))
    for i in range(8):
        caller = f"+121255502{i:02d}"
        form_after(scene, scene.call("google_ads", [0.8, 0.1], timedelta(days=3 + i), from_number=caller))
    return scene


@pytest.fixture
def sit(browser: Browser, lite_server: Served, lite_office: Office) -> Iterator[Sit]:
    """A page of a signed-in member of staff; no page may err, break the policy or ask another server."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def at(**settings: object) -> Page:
        context = browser.new_context(base_url=lite_server.url, **settings)  # type: ignore[arg-type]
        context.set_default_timeout(15_000)
        contexts.append(context)
        if settings.get("java_script_enabled", True):
            context.add_init_script(WATCH)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(f"error: {error}"))
        page.on("console", lambda m: errors.append(m.text) if m.type in {"error", "warning"} else None)
        page.on("request", lambda r: errors.append(f"asked {r.url}") if not r.url.startswith(lite_server.url) else None)
        page.goto("/sign-in")
        page.fill("#email", lite_office.email)
        page.fill("#password", PASSWORD)
        page.click("button:has-text('Sign in')")
        page.wait_for_url("**/calls")
        return page

    yield at
    for context in contexts:
        context.close()
    assert errors == []


def drawn(page: Page, scheme: str = "light") -> None:
    """Waits until both charts are there, in the colours of the scheme."""
    for name in ("bands", "trend"):
        expect(page.locator(f"#chart-{name}[data-drawn={scheme}]")).to_be_visible()
        page.wait_for_function(
            "(id) => document.getElementById(id).querySelector('*')?.shadowRoot?.querySelector('*') != null",
            arg=f"chart-{name}",
        )


def test_charts_are_drawn_after_the_tables_and_follow_the_scheme(proven: Scene, sit: Sit) -> None:
    page = sit(viewport={"width": 1440, "height": 900}, color_scheme="light")
    page.goto("/calibration")
    drawn(page)
    before = page.locator("#chart-bands").bounding_box()
    assert before
    assert before["height"] == 320
    page.emulate_media(color_scheme="dark")
    drawn(page, "dark")
    assert page.locator("#chart-bands").bounding_box() == before, "nothing jumps"


def test_a_dot_tells_its_numbers_under_the_mouse(proven: Scene, sit: Sit) -> None:
    page = sit(viewport={"width": 1440, "height": 900})
    page.goto("/calibration")
    drawn(page)
    page.locator("#chart-bands").scroll_into_view_if_needed()
    x, y = page.evaluate(
        """() => {
          const view = [...Bokeh.index.roots][0];
          const read = (data, name) => (data instanceof Map ? data.get(name) : data?.[name]);
          const data = view.model.renderers.map((r) => r.data_source?.data).find((d) => read(d, "share"));
          const [stated, share] = [read(data, "stated"), read(data, "share")];
          const box = view.canvas_view.el.getBoundingClientRect();
          return [box.x + view.frame.x_scale.compute(stated[0]), box.y + view.frame.y_scale.compute(share[0])];
        }"""
    )
    page.mouse.move(x - 3, y - 3)
    page.mouse.move(x, y)
    expect(page.locator(".bk-Tooltip").get_by_text("90 % interval")).to_be_visible()


def test_a_chart_that_cannot_be_loaded_says_where_its_numbers_are(proven: Scene, sit: Sit) -> None:
    page = sit()
    page.route("**/calibration/charts?*", lambda route: route.fulfill(status=200, body="no JSON"))
    page.goto("/calibration")
    expect(page.locator("#chart-bands")).to_contain_text("the table above holds its numbers")


def test_without_scripts_the_tables_say_it_all(proven: Scene, sit: Sit) -> None:
    page = sit(java_script_enabled=False, viewport={"width": 1440, "height": 900})
    page.goto("/calibration")
    expect(page.locator("h1")).to_have_text("Calibration")
    expect(page.locator("#chart-bands")).to_be_hidden()
    page.select_option("#proof", "form")
    page.click("button:has-text('Show')")
    assert "proof=form" in page.url
    page.goto("/calibration")
    page.locator("section[aria-labelledby=staff] a[href*='right=no']").first.click()
    expect(page.locator("h1")).to_have_text("Calls behind the calibration")
    page.click("text=Back to the report")
    expect(page.locator("h1")).to_have_text("Calibration")


def test_filters_live_in_the_url(proven: Scene, sit: Sit) -> None:
    page = sit()
    page.goto("/calibration")
    page.select_option("#period", "30")
    page.wait_for_url("**period=30**")
    page.select_option("#proof", "staff")
    page.wait_for_url("**proof=staff**")
    assert "period=30" in page.url
    page.go_back()
    expect(page.locator("#proof")).to_have_value("")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_the_page_fits_and_can_be_read(proven: Scene, sit: Sit, width: int, scheme: str) -> None:
    page = sit(viewport={"width": width, "height": 844}, color_scheme=scheme, reduced_motion="reduce")
    for path in PATHS:
        page.goto(path)
        if path == "/calibration":
            drawn(page, scheme)
        assert page.evaluate(TOO_WIDE, width) == [], path
        assert page.evaluate(CONTRAST) == [], path
        assert page.evaluate(NAMELESS) == [], path
        outline = page.evaluate(OUTLINE)
        assert outline["headings"][0] == 1
        assert outline["headings"].count(1) == 1
        assert len(set(outline["ids"])) == len(outline["ids"]), "ids are unique"
        assert (outline["tables"], outline["lost"]) == (0, 0)
        if folder := os.environ.get("RINGTRACE_TEST_SCREENSHOTS"):
            name = path.strip("/").replace("/", "-").replace("?", "-").replace("=", "-")
            page.screenshot(path=str(Path(folder) / f"{name}-{width}-{scheme}.png"), full_page=True)
