"""The call log's filters: read from the URL, said in a sentence, written back into URLs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from werkzeug.datastructures import MultiDict

from app.api.paging import read_cursor
from core.errors import InvalidInput
from core.time import day_start, local_day, parse_moment
from reports.call_filter import CallFilter, Word

WHEN = {
    "": "any time",
    "today": "today",
    "yesterday": "yesterday",
    "7": "the last 7 days",
    "30": "the last 30 days",
    "90": "the last 90 days",
}
MATCH = {
    "": "any match",
    "sure": "a sure match",
    "likely": "a likely match",
    "unsure": "an unsure match",
    "nobody": "nobody from the site",
    "staff": "a decision by staff",
}
_WORDS: Mapping[str, Word] = {"sure": "sure", "likely": "likely", "unsure": "unsure"}
SPAM = {"": "spam or not", "no": "no spam", "yes": "only spam"}
KEPT = ("when", "source", "match", "spam", "site", "q", "from", "to", "tag", "number", "caller", "visitor")
MOST_PAGES_BACK = 20


@dataclass(frozen=True, kw_only=True)
class LogFilters:
    """What the reader asked for: `given` as in the URL, `older` the cursors of the pages walked so far."""

    given: Mapping[str, str]
    older: tuple[str, ...]

    @property
    def active(self) -> bool:
        """Whether anything is filtered out."""
        return bool(self.given)

    def url_args(self, **changed: str | None) -> dict[str, Any]:
        """The URL parameters of these filters with some changed (None takes one away), from the first page."""
        args: dict[str, Any] = {**self.given, **{k: v for k, v in changed.items() if v is not None}}
        return {k: v for k, v in args.items() if changed.get(k, v) is not None}

    def older_args(self, cursor: str) -> dict[str, Any]:
        """The URL parameters of the next older page."""
        return {**self.given, "older": [*self.older, cursor][-MOST_PAGES_BACK:]}

    def newer_args(self) -> dict[str, Any]:
        """The URL parameters of the page before this one."""
        return {**self.given, "older": list(self.older[:-1])}

    def before(self) -> tuple[datetime, str] | None:
        """The place this page begins after. Raises InvalidInput for a cursor that is none of ours."""
        return read_cursor(self.older[-1]) if self.older else None


def read_filters(args: MultiDict[str, str]) -> LogFilters:
    """The filters of a URL; parameters that say nothing are left out."""
    given = {name: args[name].strip()[:200] for name in KEPT if args.get(name, "").strip()}
    return LogFilters(given=given, older=tuple(args.getlist("older")[-MOST_PAGES_BACK:]))


def asked_for(filters: LogFilters, time_zone: str, at: datetime) -> CallFilter:
    """The filter as the reports understand it. Raises InvalidInput where the URL holds something not allowed."""
    given = filters.given
    start, end = _period(given, time_zone, at)
    asked = CallFilter(
        start=start,
        end=end,
        site=given.get("site"),
        source=given.get("source"),
        number=given.get("number"),
        spam={"no": False, "yes": True}.get(given.get("spam", "")),
        caller=given.get("caller"),
        visitor=given.get("visitor"),
        tag=given.get("tag"),
        text=given.get("q"),
    )
    return _with_match(asked, given.get("match", ""))


def _with_match(asked: CallFilter, match: str) -> CallFilter:
    """The words sure, likely and unsure are about the model's matches, as each site means them; staff's stand apart."""
    if match == "nobody":
        return replace(asked, match="none")
    if match == "staff":
        return replace(asked, match="staff")
    if match not in MATCH:
        raise InvalidInput({"match": "sure, likely, unsure, nobody or staff is allowed"})
    return replace(asked, match="model", word=_WORDS[match]) if match else asked


def _period(given: Mapping[str, str], time_zone: str, at: datetime) -> tuple[datetime | None, datetime | None]:
    if "from" in given or "to" in given:
        start = parse_moment(given["from"], time_zone, "from") if "from" in given else None
        return start, parse_moment(given["to"], time_zone, "to") if "to" in given else None
    when = given.get("when", "")
    if when not in WHEN:
        raise InvalidInput({"when": "today, yesterday, 7, 30 or 90 is allowed"})
    today = local_day(at, time_zone)
    if when == "today":
        return day_start(today, time_zone), None
    if when == "yesterday":
        return day_start(today - timedelta(days=1), time_zone), day_start(today, time_zone)
    return (day_start(today - timedelta(days=int(when)), time_zone), None) if when else (None, None)
