"""Values: what is plausible in a field of this name, and what nobody should send."""

from random import Random
from typing import Any

ODD_TEXTS = (
    "",
    " ",
    "\x00",
    "\ud800",
    "a\x00b",
    "\u202e",
    "‮evil",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
    "é",
    "e\u0301",
    "İ",
    "ß",
    "٣٤٥",
    "１２",
    "<script>alert(1)</script>",
    "{{7*7}}",
    "' OR 1=1 --",
    '"; DROP TABLE calls; --',
    "%",
    "%00",
    "%ff",
    "_",
    "\\",
    "../../etc/passwd",
    "\r\nX-Evil: 1",
    "=1+1",
    "null",
    "None",
    "true",
    "NaN",
    "Infinity",
    "-0",
    "1e999",
    "0x10",
    "1_000",
    "9" * 400,
    "-9223372036854775809",
    "x" * 5000,
    "🙈" * 300,
    "[",
    "{}",
    "a|b",
    "$(id)",
    "\u2028",
    "\x1f",
    "\x7f",
    "\ufeff",
)
ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    10**30,
    -(10**30),
    2**31,
    2**63,
    0.1,
    -0.0,
    1e308,
    float("nan"),
    float("inf"),
    [],
    {},
    [[]],
    [None],
    {"": ""},
    {"a": {"b": {"c": []}}},
)
MOMENTS = (
    "2026-01-31",
    "2026-02-30",
    "2026-03-08T02:30:00",
    "2026-03-08T07:00:00Z",
    "2026-11-22T06:00:00+14:00",
    "2026-11-22T06:00:00.123456789Z",
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-14:00",
    "9999-12-31",
    "0001-01-01",
    "1969-12-31",
    "2026-W05",
    "20260131",
    "24:00",
    "2026-01-31T24:00:00Z",
    "10000-01-01",
    "-001-01-01",
    "1767225600",
)
PHONES = (
    "+12125550100",
    "+12125559000",
    "(212) 555-0142",
    "+442079460123",
    "+1900555",
    "911",
    "+266696687",
    "anonymous",
    "Restricted",
    "client:alice",
    "sip:bob@example.com;user=phone",
    "+" + "1" * 30,
    "++1212",
    "+१२१२५५५०१४२",
    "*31#",
    "tel:+12125550142",
    "+12125550142;ext=5",
)
URLS = (
    "https://example.com/",
    "https://example.com/?gclid=Cj0abc&utm_source=google&utm_medium=cpc",
    "https://www.example.com:8443/a?utm_source=%00&utm_medium=%ff",
    "https://example.com/?" + "utm_source=x&" * 200,
    "http://[::1",
    "http://[::1]:99999/",
    "//example.com",
    "javascript:alert(1)",
    "https://user:pass@example.com/",
    "https://xn--zckzah.example/",
    "https://ex\u0430mple.com/",
    "https://169.254.169.254/latest/",
    "https://8.8.8.8/hook",
    "android-app://com.google.android.gm",
    "https://example.com:port/",
    "ftp://example.com",
    "https://" + "a" * 300 + ".com",
    "https://example.com/#utm_source=x",
    "data:text/html,x",
)
PLAIN = {
    "name": ("Acme", "A" * 200, "A" * 201, "<b>", "Google Ads"),
    "kind": ("online", "offline", "local", "toll_free", "mobile"),
    "preset": ("google_ads", "bing", "direct", "email", "referral", "nothing"),
    "currency": ("USD", "EUR", "JPY", "usd", "XXX"),
    "country": ("US", "DE", "us", "ZZ"),
    "time_zone": ("America/New_York", "UTC", "Europe/Berlin", "../UTC", "Mars/Phobos", "localtime", "Factory"),
    "status": ("active", "resting", "quarantined", "released", "completed", "ringing", "no-answer"),
    "provider": ("manual", "twilio", "demo"),
    "email": ("owner@example.com", "nobody@example.com", "a@b" * 200),
    "emails": ("a@example.com, b@example.com", ",,,;", "a@b"),
    "amount": ("1", "480", "1,200.50", "-1", "1e9", "٣", "0.001", "99999999999999999999"),
    "spam": ("yes", "no", "true", "false"),
    "match": ("sure", "likely", "unsure", "nobody", "staff", "model", "none"),
    "when": ("today", "yesterday", "7", "30", "90"),
    "period": ("7", "30", "90", "365", "0"),
    "limit": ("1", "50", "500", "501", "0", "-1", "1e2"),
    "consent": ("full", "source", "none"),
    "consent_default": ("full", "source", "none"),
    "exclude_networks": ("10.0.0.0/8", "::/0", "1.2.3.4/33"),
    "domains": ("example.com", "www.example.com", "localhost", "*.example.com", "example.com:80"),
    "tags": ("a, b", ",", "x" * 200, "é"),
    "area_code": ("212", "0", "999999"),
    "contains": ("555", "**", "AB"),
    "account_sid": ("AC" + "0" * 32, "AC" + "g" * 32),
    "auth_token": ("f" * 32, "ü", ""),
    "allocation": ("least_ambiguous", "x"),
    "type": ("pageview", "heartbeat", "tel_click", "form", "leave", "own_thing"),
    "CallStatus": ("ringing", "in-progress", "completed", "busy", "no-answer", "queued", "ANSWERED"),
    "CallDuration": ("0", "61", "-1", "1e9", "9" * 30),
    "RecordingStatus": ("in-progress", "completed", "absent"),
    "Timestamp": ("Sun, 22 Nov 2026 06:00:00 +0000", "yesterday"),
    "Direction": ("inbound", "outbound-dial", "outbound-api"),
    "NumMedia": ("0", "3", "-1", "x"),
    "Body": ("Hello", "STOP", "<b>", "\x00"),
}
MOMENT_NAMES = frozenset({"from", "to", "at", "since", "as_of", "cursor", "older", "due_at"})
PHONE_NAMES = frozenset({"number", "numbers", "e164", "caller", "near", "From", "To", "target", "destination", "phone"})
URL_NAMES = frozenset({"url", "referrer", "webhook_url", "next", "landing_url", "RecordingUrl", "example"})


def odd_text(random: Random) -> str:
    """A text nobody expects."""
    if random.random() < 0.8:
        return random.choice(ODD_TEXTS)
    return "".join(chr(random.choice((random.randrange(32, 127), random.randrange(0x500)))) for _ in range(8))


def odd_value(random: Random) -> Any:
    """A JSON value nobody expects."""
    return random.choice(ODD_VALUES) if random.random() < 0.5 else odd_text(random)


def text_for(random: Random, name: str, ids: dict[str, list[str]]) -> str:
    """What might stand in a field of this name; `ids` are of real things, by kind."""
    if random.random() < 0.2:
        return odd_text(random)
    if name in PHONE_NAMES:
        return random.choice([*ids.get("number", []), *PHONES])
    if name in URL_NAMES:
        return random.choice(URLS)
    if name in MOMENT_NAMES:
        return random.choice([*MOMENTS, *ids.get("cursor", [])])
    if name in ids and random.random() < 0.7:
        return random.choice(ids[name])
    if name in PLAIN:
        return random.choice(PLAIN[name])
    everything = [value for values in ids.values() for value in values]
    return random.choice([*everything, "x", "1", "yes", "on"])
