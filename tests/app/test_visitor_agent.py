import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import visitor_agent
from app.visitor_agent import MAX_CHARACTERS, Agent, read_agent

WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
BLINK = "AppleWebKit/537.36 (KHTML, like Gecko)"

DEVICES = {
    "phone": [
        f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) {WEBKIT} Version/18.5 Mobile/15E148 Safari/604.1",
        f"Mozilla/5.0 (Linux; Android 10; K) {BLINK} Chrome/142.0.0.0 Mobile Safari/537.36",
        "Mozilla/5.0 (Android 14; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0",
        f"Mozilla/5.0 (Linux; Android 14; SM-F946B) {BLINK} SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36",
        "Opera/9.80 (J2ME/MIDP; Opera Mini/9.80/191.308; U; en) Presto/2.5.25 Version/10.54",
        "Mozilla/5.0 (Mobile; Nokia_2720_Flip; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5.2",
        # Apps that show pages.
        f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) {WEBKIT} Mobile/15E148 [FBAN/FBIOS;FBAV/465.0.0.41;"
        "FBBV/602060281;FBDV/iPhone14,5;FBMD/iPhone;FBSN/iOS;FBSV/17.5;FBSS/3;FBID/phone;FBLC/en_US;FBOP/5]",
        f"Mozilla/5.0 (Linux; Android 14; SM-S911B Build/UP1A.231005.007; wv) {BLINK} Version/4.0 Chrome/125.0.6422.165"
        " Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/466.0.0.55.85;]",
        f"Mozilla/5.0 (Linux; Android 13; SM-A536B; wv) {BLINK} Version/4.0 Chrome/124.0.0.0 Mobile Safari/537.36"
        " Instagram 331.0.0.37.90 Android (33/13; 450dpi; 1080x2177; samsung; SM-A536B; a53x; s5e8825; de_DE)",
        f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) {WEBKIT} Mobile/15E148 WhatsApp/24.11.80",
        f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) {WEBKIT} GSA/312.0.625 Mobile/15E148 Safari/604.1",
        f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_4 like Mac OS X) {WEBKIT} Version/18.4 Mobile/15E148 Safari/605.1.15"
        " (Ecosia ios@11.0.2.2268)",
        f"Mozilla/5.0 (Linux; Android 8.1.0; CUBOT J3 PRO) {BLINK} Chrome/91.0.4472.120 Mobile Safari/537.36",
    ],
    "tablet": [
        f"Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) {WEBKIT} Version/17.5 Mobile/15E148 Safari/604.1",
        f"Mozilla/5.0 (Linux; Android 10; K) {BLINK} Chrome/142.0.0.0 Safari/537.36",
        f"Mozilla/5.0 (Linux; Android 13; SM-X700) {BLINK} Chrome/120.0.0.0 Safari/537.36",
        "Mozilla/5.0 (Android 14; Tablet; rv:132.0) Gecko/132.0 Firefox/132.0",
        f"Mozilla/5.0 (Linux; Android 11; KFTRWI) {BLINK} Silk/130.4.1 like Chrome/130.0.6723.102 Safari/537.36",
    ],
    "desktop": [
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {BLINK} Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
        "Mozilla/5.0 (Windows NT 6.3; Trident/7.0; Touch; rv:11.0) like Gecko",
        "Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.2; Trident/6.0; Touch)",
        # Also what an iPad says, unless its owner chose otherwise; nothing else in the request tells them apart.
        f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Version/18.5 Safari/605.1.15",
        f"Mozilla/5.0 (X11; Linux x86_64) {BLINK} Chrome/142.0.0.0 Safari/537.36",
        "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
        f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {BLINK} Chrome/131.0.0.0 Safari/537.36",
        f"Mozilla/5.0 (X11; Linux x86_64) {BLINK} HeadlessChrome/142.0.0.0 Safari/537.36",
    ],
    "other": [
        f"Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.5) {BLINK} 85.0.4183.93/6.5 TV Safari/537.36",
        f"Mozilla/5.0 (Web0S; Linux/SmartTV) {BLINK} Chrome/87.0.4280.88 Safari/537.36 WebAppManager",
        f"Mozilla/5.0 (PlayStation; PlayStation 5/8.20) {WEBKIT} Version/15.4 Safari/605.1.15",
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox One) {BLINK} Chrome/115.0.0.0 Safari/537.36 Edg/115.0",
        f"Mozilla/5.0 (Linux; Android 11; SM-R895F) {BLINK} SamsungBrowser/16.0 Chrome/92.0 Mobile Safari/537.36",
        f"Mozilla/5.0 (Linux; Android 12; Quest 3) {BLINK} OculusBrowser/33.0 Chrome/126.0.6478.122 VR Safari/537.36",
        f"Mozilla/5.0 (X11; GNU/Linux) {BLINK} Chrome/88.0.4324.150 Safari/537.36 Tesla/2022.44",
    ],
}


@pytest.mark.parametrize(("device", "user_agent"), [(kind, text) for kind, texts in DEVICES.items() for text in texts])
def test_people_and_what_they_hold(device: str, user_agent: str):
    assert read_agent(user_agent) == Agent(bot=False, device=device)


@pytest.mark.parametrize(
    "user_agent",
    [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        f"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X) {BLINK} Chrome/41.0 Safari/537.36 (compatible; Googlebot/2.1)",
        # On nobody's list: by their address, their form and their name.
        f"Mozilla/5.0 (X11; Linux x86_64) {BLINK} Chrome/142.0.0.0 Safari/537.36 (see https://nowhere.example/why)",
        f"Mozilla/5.0 (Windows NT 10.0) {BLINK} Chrome/142.0.0.0 Safari/537.36 ask@nowhere.example",
        "Mozilla/5.0 (compatible; Zuxvlamp/3.1)",
        "Zuxvlamp Siteviewer/3.1",
        "WhatsApp/2.23.20.0 N",
    ],
)
def test_bots(user_agent: str):
    assert read_agent(user_agent) == Agent(bot=True, device="other")


@pytest.mark.parametrize(
    "user_agent",
    [
        "python-requests/2.32.3", "curl/8.5.0", "Go-http-client/2.0", "node", "undici", "axios/1.6.7", "okhttp/4.12.0",
        "PostmanRuntime/7.36.0", "Werkzeug/3.1.3", "k6/0.49.0 (https://k6.io/)", "hey/0.0.1", "", "Mozilla/5.0",
    ],
)  # fmt: skip
def test_programs_of_the_business_are_no_bots(user_agent: str):
    assert read_agent(user_agent) == Agent(bot=False, device="other")


@given(st.text(alphabet=st.characters(max_codepoint=255), max_size=1200))
def test_any_header_is_read_and_only_its_beginning_counts(text: str):
    agent = read_agent(text)
    assert agent.device in {"phone", "tablet", "desktop", "other"}
    assert read_agent(text[:MAX_CHARACTERS] + "x" * 50 if len(text) >= MAX_CHARACTERS else text) == agent


def test_a_flood_of_user_agents_is_bounded_in_memory_and_a_known_one_costs_microseconds():
    cache = visitor_agent._read.cache_info()
    assert cache.maxsize is not None
    assert cache.maxsize * sys.getsizeof("é" * MAX_CHARACTERS) < 25 * 1024 * 1024
    known = DEVICES["desktop"][0]
    read_agent(known)
    start = time.perf_counter()
    for _ in range(1_000):
        read_agent(known)
    assert time.perf_counter() - start < 0.1
