"""The staff pages in a real browser: nothing hostile runs, actions and calls appear in place, keyboard, screens."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.app.web.scene import Scene
from tests.browser.hostile import PAYLOADS
from tests.support.office import PASSWORD, Office
from tests.support.serving import Served

pytestmark = pytest.mark.browser

WATCH = "document.addEventListener('securitypolicyviolation', (e) => console.error('csp: ' + e.violatedDirective));"
CONTRAST = """() => {
  const parse = (c) => c.match(/[\\d.]+/g).map(Number);
  const lum = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const e of document.querySelectorAll("body *")) {
    if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || !e.checkVisibility()) continue;
    if (e.closest(".visually-hidden, .skip, option")) continue;
    const [a, b] = [lum(parse(getComputedStyle(e).color)), lum(ground(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.push(`${e.className || e.tagName} ${ratio.toFixed(2)} ${e.textContent.trim().slice(0, 30)}`);
  }
  return poor;
}"""


@dataclass
class Desk:
    """A member of staff at a browser; `errors` holds what a page did that none may."""

    url: str
    page: Page
    scene: Scene
    errors: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Goes to a page of ours."""
        self.page.goto(self.url + path)

    def sign_in(self, email: str) -> None:
        """Through the door."""
        self.open("/sign-in")
        self.page.fill("#email", email)
        self.page.fill("#password", PASSWORD)
        self.page.click("button:has-text('Sign in')")
        self.page.wait_for_url("**/calls")

    def row(self, call_id: str) -> str:
        """The row of a call."""
        return f"tr.call[data-id='{call_id}']"


Sit = Callable[..., Desk]


@pytest.fixture
def sit(browser: Browser, lite_server: Served, lite_office: Office, sqlite_url: str) -> Iterator[Sit]:
    """A desk at the office, with whatever browser settings a test asks for; no page may err."""
    scene = Scene(sqlite_url, lite_office.account_id, datetime.now(UTC))
    scene.site()
    scene.source("google_ads", "Google Ads", 2, first=100)
    contexts: list[BrowserContext] = []
    desks: list[Desk] = []

    def at(**settings: object) -> Desk:
        context = browser.new_context(**settings)  # type: ignore[arg-type]
        context.set_default_timeout(10_000)
        contexts.append(context)
        if settings.get("java_script_enabled", True):
            context.add_init_script(WATCH)
        desk = Desk(lite_server.url, context.new_page(), scene)
        desk.page.on("pageerror", lambda error: desk.errors.append(f"error: {error}"))
        desk.page.on("dialog", lambda dialog: (desk.errors.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        desk.page.on("console", lambda m: desk.errors.append(m.text) if m.type == "error" else None)
        desk.page.on(
            "request", lambda r: desk.errors.append(f"asked {r.url}") if not r.url.startswith(desk.url) else None
        )
        desks.append(desk)
        desk.sign_in(lite_office.email)
        return desk

    yield at
    for context in contexts:
        context.close()
    assert [error for desk in desks for error in desk.errors] == []


@contextmanager
def unloaded(page: Page) -> Iterator[None]:
    """The page is not loaded anew meanwhile."""
    page.evaluate("window.__same = true")
    yield
    assert page.evaluate("window.__same") is True


def test_nothing_hostile_runs_wherever_staff_read_it(sit: Sit) -> None:
    desk = sit()
    assert len(PAYLOADS) >= 200
    calls = []
    for i in range(0, len(PAYLOADS), 8):
        p = [*PAYLOADS[i : i + 8], *PAYLOADS[:8]]
        fields = {
            "caller_name": p[0][:200],
            "tags": [p[1][:60]],
            "notes": [p[2]],
            "visit": {
                "url": p[3],
                "referrer": p[4],
                "utm": {"source": p[5], "campaign": p[6], p[7]: p[7]},
                "click_ids": {"gclid": p[7]},
                "touch_campaign": p[6][:255],
                "channel": p[5][:40],
                "path": p[3][:400],
                "user_agent": p[4][:400],
            },
        }
        calls.append(desk.scene.call("google_ads", [0.7], timedelta(minutes=i), **fields))
    desk.open("/calls")
    for call_id in calls:
        desk.page.click(f"{desk.row(call_id)} .open-call")
        expect(desk.page.locator(f"[data-call='{call_id}']")).to_be_visible()
        links = desk.page.eval_on_selector_all("[data-panel] a[href]", "all => all.map((a) => a.href)")
        assert all(link.startswith(("http://", "https://")) for link in links), links
        outside = desk.page.eval_on_selector_all(
            "[data-panel] a[target]", "all => all.map((a) => a.rel).filter((rel) => rel !== 'noreferrer noopener')"
        )
        assert outside == []
        assert desk.page.evaluate("window.__ran") is None
    for call_id in calls[:6]:
        desk.open(f"/calls/{call_id}")
        assert desk.page.evaluate("window.__ran") is None
    for payload in PAYLOADS[::9]:
        for query in ("q", "tag", "source", "site", "caller"):
            if query != "caller":
                desk.open(f"/calls?{query}={quote(payload, safe='')}")
        assert desk.page.evaluate("window.__ran") is None


def test_a_decision_and_its_undo_happen_beside_the_log(sit: Sit) -> None:
    desk = sit(viewport={"width": 1440, "height": 900})
    call_id = desk.scene.call("google_ads", [0.9, 0.05], caller_name="Anna Field")
    desk.open("/calls?source=google_ads")
    with unloaded(desk.page):
        desk.page.click(f"{desk.row(call_id)} .open-call")
        expect(desk.page.locator("#call-title")).to_have_text("Anna Field")
        assert desk.page.url.endswith(f"/calls/{call_id}?source=google_ads")
        desk.page.fill("#reason", "it was the van")
        desk.page.click("[data-decide]:has-text('nobody')")
        expect(desk.page.locator(".said")).to_contain_text("credited to nobody from the site now")
        expect(desk.page.locator(f"{desk.row(call_id)} .credit")).to_contain_text("decided")
        expect(desk.page.locator(f"{desk.row(call_id)} .credit")).to_contain_text("model: visitor")
        expect(desk.page.locator(".history")).to_contain_text("it was the van")
        desk.page.click(".said button:has-text('Undo')")
        expect(desk.page.locator(".said")).to_contain_text("The model's choice counts again")
        expect(desk.page.locator(f"{desk.row(call_id)} .credit")).to_contain_text("sure")
        desk.page.go_back()
        expect(desk.page.locator("[data-panel]")).to_be_hidden()
        assert desk.page.url.endswith("/calls?source=google_ads")
        desk.page.go_forward()
        expect(desk.page.locator("#call-title")).to_have_text("Anna Field")


def test_enter_in_the_reason_decides_nothing(sit: Sit) -> None:
    desk = sit()
    call_id = desk.scene.call("google_ads", [0.9])
    desk.open(f"/calls/{call_id}")
    desk.page.fill("#reason", "hm")
    desk.page.press("#reason", "Enter")
    desk.open(f"/calls/{call_id}")
    expect(desk.page.locator(".answer")).not_to_contain_text("decided")


def test_calls_come_and_change_without_a_reload(sit: Sit) -> None:
    desk = sit(viewport={"width": 1440, "height": 500})
    desk.scene.calls(30, "google_ads", [0.95], ago=timedelta(hours=1))
    desk.open("/calls")
    with unloaded(desk.page):
        desk.scene.at = datetime.now(UTC)
        first = desk.scene.call("google_ads", [0.97], caller_name="At Top", status="ringing", duration_seconds=None)
        expect(desk.page.locator("tr.call").first).to_contain_text("At Top")
        expect(desk.page.locator(desk.row(first))).to_contain_text("ringing")
        expect(desk.page.locator("[data-sentence]")).to_contain_text("31 calls: 31 sure.")
        desk.scene.hang_up(first, datetime.now(UTC))
        expect(desk.page.locator(desk.row(first))).to_contain_text("1:15")
        expect(desk.page.locator(desk.row(first))).not_to_contain_text("ringing")
        desk.page.mouse.wheel(0, 600)
        desk.page.wait_for_function("scrollY > 100")
        desk.scene.at = datetime.now(UTC)
        second = desk.scene.call("google_ads", [0.2], caller_name="While Away")
        expect(desk.page.locator(".fresh button")).to_have_text("1 new call")
        expect(desk.page.locator(desk.row(second))).to_have_count(0)
        desk.page.click(".fresh button")
        expect(desk.page.locator("tr.call").first).to_contain_text("While Away")
        expect(desk.page.locator(".fresh")).to_be_hidden()


def test_the_first_call_fills_the_empty_page(sit: Sit) -> None:
    desk = sit()
    desk.open("/calls")
    expect(desk.page.locator("[data-empty]")).to_contain_text("No calls yet")
    with unloaded(desk.page):
        desk.scene.at = datetime.now(UTC)
        desk.scene.call("google_ads", [0.97], caller_name="The First")
        expect(desk.page.locator("tr.call")).to_contain_text("The First")
        expect(desk.page.locator("[data-empty]")).to_have_count(0)


def test_the_keyboard_does_it_all(sit: Sit) -> None:
    desk = sit(viewport={"width": 1440, "height": 900})
    calls = desk.scene.calls(3, "google_ads", [0.8, 0.1], lambda i: {"caller_name": f"Caller {i}"})
    desk.open("/calls")
    focused = desk.page.locator(":focus")
    press = desk.page.keyboard.press
    press("j")
    expect(focused).to_have_text("Caller 0")
    press("j")
    press("j")
    press("j")
    expect(focused).to_have_text("Caller 2")
    press("k")
    expect(focused).to_have_text("Caller 1")
    press("Enter")
    expect(desk.page.locator("#call-title")).to_have_text("Caller 1")
    press("o")
    expect(focused).to_contain_text("this one")
    press("Enter")
    expect(desk.page.locator(".said")).to_contain_text("credited to visitor")
    press("u")
    expect(desk.page.locator(".said")).to_contain_text("The model's choice counts again")
    press("Escape")
    expect(desk.page.locator("[data-panel]")).to_be_hidden()
    expect(focused).to_have_text("Caller 1")
    press("j")
    press("o")
    expect(desk.page.locator(f"[data-call='{calls[2]}']")).to_be_visible()
    press("?")
    expect(desk.page.locator("dialog.help")).to_be_visible()
    press("Escape")
    expect(desk.page.locator("dialog.help")).to_be_hidden()
    press("/")
    expect(focused).to_have_id("q")
    desk.page.keyboard.type("caller 2jo?")
    expect(desk.page.locator("#q")).to_have_value("caller 2jo?")


def test_filters_answer_at_once_and_stay_in_the_address(sit: Sit) -> None:
    desk = sit()
    desk.scene.call("google_ads", [0.95], caller_name="Sure One")
    desk.scene.call("google_ads", [0.3, 0.2], caller_name="Nobodys One")
    desk.open("/calls")
    desk.page.select_option("#f-match", "sure")
    desk.page.wait_for_url("**/calls?match=sure")
    expect(desk.page.locator("tr.call")).to_have_count(1)
    desk.page.go_back()
    expect(desk.page.locator("tr.call")).to_have_count(2)


def test_without_scripts_everything_can_be_read_and_done(sit: Sit) -> None:
    desk = sit(java_script_enabled=False)
    call_id = desk.scene.call("google_ads", [0.9, 0.05], caller_name="Anna Field")
    desk.open("/calls")
    desk.page.select_option("#f-match", "sure")
    desk.page.click("button:has-text('Show')")
    assert "match=sure" in desk.page.url
    desk.page.click("a.open-call")
    assert f"/calls/{call_id}" in desk.page.url
    desk.page.click("button:has-text('use this one')")
    expect(desk.page.locator(".said")).to_contain_text("credited to visitor")
    desk.page.click(".said button")
    expect(desk.page.locator(".said")).to_contain_text("The model's choice counts again")
    desk.page.fill("#text", "a note\nof two lines")
    desk.page.click("button:has-text('Keep')")
    expect(desk.page.locator(".note")).to_contain_text("of two lines")
    desk.page.click("a:has-text('All calls')")
    assert desk.page.url.endswith("/calls?match=sure")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 768, 1440, 1920])
def test_pages_fit_and_can_be_read(sit: Sit, width: int, scheme: str) -> None:
    desk = sit(viewport={"width": width, "height": 844}, color_scheme=scheme)
    long = "An-unbroken-name-that-does-not-end-" * 5
    call_id = desk.scene.call("google_ads", [0.5, 0.3], caller_name=long, tags=["lead"], spam=True)
    desk.scene.call("google_ads", [0.95], timedelta(days=1), value_minor=123456789, value_currency="USD")
    desk.scene.call("google_ads", [], timedelta(days=1), status="no-answer")
    desk.scene.call("google_ads", [0.7], timedelta(days=2), status="ringing", visit={"path": "/" + long})
    for path in ("/calls", f"/calls/{call_id}", "/accuracy", "/accounts", "/calls?q=none", "/nothing"):
        desk.open(path)
        desk.errors[:] = [error for error in desk.errors if "404" not in error]
        assert desk.page.evaluate("document.documentElement.scrollWidth") <= width, path
        desk.page.emulate_media(reduced_motion="reduce")
        assert desk.page.evaluate(CONTRAST) == [], path
    desk.open("/calls")
    desk.page.click(f"{desk.row(call_id)} .open-call", position={"x": 20, "y": 5})
    expect(desk.page.locator("[data-call]")).to_be_visible()
    assert desk.page.evaluate("document.documentElement.scrollWidth") <= width
    assert desk.page.evaluate(CONTRAST) == []


def test_every_control_has_a_name_and_shows_its_focus(sit: Sit) -> None:
    desk = sit()
    call_id = desk.scene.call("google_ads", [0.5, 0.3], caller_name="Anna")
    for path in ("/calls", f"/calls/{call_id}", "/accuracy"):
        desk.open(path)
        nameless = desk.page.evaluate(
            """() => [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea")]
              .filter((e) => e.checkVisibility() && !(e.textContent.trim() || e.ariaLabel || e.labels?.length))
              .map((e) => e.outerHTML)"""
        )
        assert nameless == []
        for _ in range(12):
            desk.page.keyboard.press("Tab")
            if desk.page.evaluate("document.activeElement === document.body"):
                break  # past the last control
            seen = desk.page.evaluate(
                "[getComputedStyle(document.activeElement)].flatMap((s) => [s.outlineStyle, s.outlineWidth])"
            )
            assert seen == ["solid", "2px"], desk.page.evaluate("document.activeElement.outerHTML")
