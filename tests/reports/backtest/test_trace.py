"""Reading a trace: what is a line, and what is said of those that are none."""

import gzip
import json
import pickle
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reports.backtest.lines import PageView
from reports.backtest.trace import Trace, TraceError, read_truth
from tests.reports.backtest.traces import call, event, override, site, view, write

GOOD = [
    view(1, "v1"),
    event("heartbeat", 2, "v1"),
    event("tel_click", 3, "v1"),
    event("form", 4, "v1", phone="+12125556789", email=None),
    call(5, "c1", {"visitor": "v1"}),
    override(6, "c1", None),
]
_GONE = object()


def changed(line: dict[str, Any], **fields: Any) -> dict[str, Any]:
    merged = {**line, **fields}
    return {k: v for k, v in merged.items() if v is not _GONE}


def lines_of(path: Path, **more: Any) -> tuple[list[Any], Trace]:
    trace = Trace(path, **more)
    return list(trace), trace


def test_every_kind_of_line_is_read_plain_or_packed_whatever_the_name(tmp_path: Path):
    plain = write(tmp_path / "trace.gz", [site(), *GOOD])
    packed = tmp_path / "trace.ndjson"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    read, trace = lines_of(plain)
    assert [type(line).__name__ for line in read] == ["PageView", "Heartbeat", "TelClick", "Form", "Call", "Override"]
    assert lines_of(packed)[0] == read
    assert (trace.lines, trace.bad_lines, trace.site.pools[1].pool) == (7, 0, "email")
    assert read[0].at.isoformat() == "2026-03-02T05:00:01+00:00"


BAD_LINES = {
    "no JSON": b"{nonsense\n",
    "empty": b"\n",
    "NaN": json.dumps(call(9, "c9", {"visitor": "v1"}, duration_s=float("nan"))).encode(),
    "no object": b"[1]\n",
    "a number": b"7\n",
    "bad UTF-8": b'{"type":"heartbeat","at":"2026-03-02T06:00:00Z","visitor":"\xff"}\n',
    "deep": b"[" * 100_000,
    "large": b'{"type":' + b"9" * 5000 + b"}",
    "infinite": json.dumps(call(9, "c9", {"visitor": "v1"})).replace(": 60,", ": 1e999,").encode(),
    **{
        name: json.dumps(line).encode()
        for name, line in {
            "unknown type": {"type": "visit", "at": "2026-03-02T06:00:00Z"},
            "no type": {"at": "2026-03-02T06:00:00Z"},
            "type is a list": {"type": ["pageview"]},
            "second site": site(),
            "back in time": event("heartbeat", 5, "v1"),
            "no visitor": changed(view(9, "v1"), visitor=_GONE),
            "no referrer": changed(view(9, "v1"), referrer=_GONE),
            "no time": changed(view(9, "v1"), at=_GONE),
            "visitor is a number": changed(view(9, "v1"), visitor=7),
            "visitor is empty": event("heartbeat", 9, ""),
            "url is null": changed(view(9, "v1"), url=None),
            "user agent is null": changed(view(9, "v1"), user_agent=None),
            "region is a list": changed(view(9, "v1"), ip_region=["US"]),
            "time without a zone": changed(view(9, "v1"), at="2026-03-02T06:00:00"),
            "time with an offset": changed(view(9, "v1"), at="2026-03-02T06:00:00+01:00"),
            "time as a number": changed(view(9, "v1"), at=1772431200),
            "no such day": changed(view(9, "v1"), at="2026-02-30T06:00:00Z"),
            "phone in national form": event("form", 9, "v1", phone="(212) 555-0142", email=None),
            "no e-mail": event("form", 9, "v1", phone=None),
            "caller without plus": call(9, "c9", {"visitor": "v1"}, **{"from": "12125556789"}),
            "caller of other digits": call(9, "c9", {"visitor": "v1"}, **{"from": "+1212555６789"}),
            "duration is a bool": call(9, "c9", {"visitor": "v1"}, duration_s=True),
            "duration below 0": call(9, "c9", {"visitor": "v1"}, duration_s=-1),
            "duration is text": call(9, "c9", {"visitor": "v1"}, duration_s="60"),
            "dials nobody": call(9, "c9", {}),
            "dials two": call(9, "c9", {"visitor": "v1", "number": "+12125550101"}),
            "dials null": call(9, "c9", None),
            "dials no number": call(9, "c9", {"number": "555"}),
            "dials another slot": call(9, "c9", {"pool": "email", "slot": "first"}),
            "dials without slot": call(9, "c9", {"pool": "email"}),
            "dials an unknown preset": call(9, "c9", {"pool": "mail", "slot": "random"}),
            "key is a number": call(9, "c9", {"pool": "email", "slot": "random", "key": 1}),
            "same call again": call(9, "c1", {"visitor": "v1"}),
            "override without visitor": {"type": "override", "at": view(9, "v")["at"], "call": "c1"},
            "override's call is null": changed(override(9, "c1", "v1"), call=None),
        }.items()
    },
}


@pytest.mark.parametrize("raw", BAD_LINES.values(), ids=BAD_LINES.keys())
def test_a_bad_line_is_named_by_its_number_or_passed_over_and_counted(tmp_path: Path, raw: bytes):
    path = write(tmp_path / "t", [site(), *GOOD])
    path.write_bytes(path.read_bytes() + raw.rstrip(b"\n") + b"\n" + json.dumps(view(10, "v2")).encode())
    with pytest.raises(TraceError, match=r"^t, line 8: .+$") as caught:
        lines_of(path)
    assert caught.value.line == 8
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    read, trace = lines_of(path, skip_bad_lines=True)
    assert (len(read), trace.bad_lines, trace.lines) == (7, 1, 9)
    assert trace.complaints[0].startswith("line 8: ")


@pytest.mark.parametrize(
    "line",
    [
        view(1, "v1"),
        *(changed(site(), **{name: _GONE}) for name in ("domain", "time_zone", "start", "end", "pools")),
        changed(site(), fallback_number=_GONE),
        changed(site(), fallback_number=None),
        changed(site(), time_zone="Mars/Base"),
        changed(site(), end=site()["start"]),
        changed(site(), pools={}),
        changed(site(), domain=""),
        changed(site(), pools=[{"pool": "email", "rule": "r", "count": 1, "numbers": []}]),
        changed(site(), pools=[{"pool": "email", "rule": "r", "count": True, "numbers": ["+12125550101"]}]),
        changed(site(), pools=[{"pool": "mail", "rule": "r", "count": 0, "numbers": []}]),
        changed(site(), pools=[{"pool": "email", "rule": None, "count": 0, "numbers": []}]),
        changed(site(), pools=[{"pool": "email", "count": 0, "numbers": []}]),
        changed(site(), pools=["email"]),
        changed(site(), pools=[{"pool": "email", "rule": "r", "count": 1, "numbers": ["+12125550100"]}]),
        changed(site(), pools=2 * [{"pool": "email", "rule": "r", "count": 0, "numbers": []}]),
    ],
)
def test_without_a_sound_first_line_nothing_can_be_played(tmp_path: Path, line: dict[str, Any]):
    path = write(tmp_path / "t", [line])
    with pytest.raises(TraceError, match=r"^t, line 1: "):
        Trace(path)
    with pytest.raises(TraceError, match="no site line"):
        Trace(path, skip_bad_lines=True)


def test_an_empty_file_is_no_trace(tmp_path: Path):
    with pytest.raises(TraceError, match="line 1: there is no site line"):
        Trace(write(tmp_path / "t", []))


def test_a_damaged_gzip_file_is_named_where_it_breaks(tmp_path: Path):
    whole = gzip.compress("".join(json.dumps(x) + "\n" for x in [site(), *GOOD]).encode())
    path = tmp_path / "t"
    path.write_bytes(whole[: len(whole) - 12])
    with pytest.raises(TraceError, match="gzip"):
        lines_of(path)
    path.write_bytes(gzip.compress("".join(json.dumps(x) + "\n" for x in [site(), *GOOD]).encode()) + b"rubbish")
    with pytest.raises(TraceError, match=r"line 8: .*gzip"):
        lines_of(path)
    read, trace = lines_of(path, skip_bad_lines=True)
    assert (len(read), trace.bad_lines) == (6, 1)


def test_a_bad_line_does_not_move_time(tmp_path: Path):
    later = changed(view(900, "v2"), url=None)
    read, trace = lines_of(write(tmp_path / "t", [site(), view(1, "v1"), later, view(2, "v3")]), skip_bad_lines=True)
    assert [line.visitor for line in read] == ["v1", "v3"]
    assert trace.bad_lines == 1


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def _mutated(draw: st.DrawFn) -> bytes:
    line = dict(draw(st.sampled_from([site(), *GOOD])))
    name = draw(st.sampled_from(sorted(line)))
    line[name] = draw(_json)
    raw = json.dumps(line).encode()
    cut = draw(st.integers(0, len(raw)))
    return raw if draw(st.booleans()) else raw[:cut] + draw(st.binary(max_size=5)) + raw[cut:]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(_mutated() | st.binary(max_size=60), max_size=4), first=st.booleans(), packed=st.booleans())
def test_whatever_comes_is_read_or_named(tmp_path: Path, lines: list[bytes], first: bool, packed: bool):
    """Nothing but TraceError is ever raised, and it always names a line there is, or the end of the file."""
    start = [json.dumps(site()).encode()] if first else []
    raw = b"\n".join([*start, *lines])
    path = tmp_path / "fuzz"
    path.write_bytes(gzip.compress(raw) if packed else raw)
    count = raw.count(b"\n") + 1
    error = _error_of(path)
    if error is not None:
        assert 1 <= error.line <= count + 1
        assert f"line {error.line}: " in str(error)
        assert "\n" not in str(error)
    error = _error_of(path, skip_bad_lines=True)
    if error is not None:
        assert "no site line" in str(error)
        return
    read, trace = lines_of(path, skip_bad_lines=True)
    assert len(read) + trace.bad_lines + 1 == trace.lines
    assert all(a[0] <= b[0] for a, b in pairwise(read))


def _error_of(path: Path, **more: Any) -> TraceError | None:
    try:
        lines_of(path, **more)
    except TraceError as error:
        return error
    return None


def test_truth_is_read_and_checked(tmp_path: Path):
    good = [{"call": "c1", "visitor": "v1"}, {"call": "c2", "visitor": None}]
    assert read_truth(write(tmp_path / "t", good)) == {"c1": "v1", "c2": None}
    for bad in ({"call": "c3"}, {"call": 3, "visitor": None}, {"call": "c3", "visitor": 1}, good[0]):
        with pytest.raises(TraceError, match="t, line 3: "):
            read_truth(write(tmp_path / "t", [*good, bad]))


def test_what_may_be_empty_or_null_may(tmp_path: Path):
    lines = [
        view(1, "v", referrer=None, user_agent="", ip_region=None),
        event("form", 2, "v", phone=None, email=None),
        call(3, "c", {"pool": "referral", "slot": "random", "key": None}, **{"from": None}, duration_s=1.5),
    ]
    read, _ = lines_of(write(tmp_path / "t", [site(), *lines]))
    assert isinstance(read[0], PageView)
    assert (read[0].region, read[2].caller, read[2].duration_s, read[2].dials.key) == (None, None, 1.5, None)


def test_an_error_crosses_from_another_process_whole():
    error = TraceError("t", 8, "is no JSON")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.line) == (str(error), 8)
