"""What an import came to, as programs and as people are told."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.train import Trained

COUNTED = (
    "page_views",
    "visits",
    "visitors",
    "heartbeats",
    "tel_clicks",
    "forms",
    "calls",
    "overrides",
    "later_answers",
    "calls_elsewhere",
    "calls_known",
    "bot_page_views",
    "foreign_pages",
    "unknown_visitors",
    "unknown_calls",
)
_BROUGHT = {
    "calls": "calls",
    "visitors": "visitors",
    "visits": "visits",
    "page_views": "page views",
    "overrides": "decisions of staff",
}
_PASSED_OVER = {
    "calls_elsewhere": "calls that rang none of the site's tracking numbers",
    "calls_known": "calls that were there already",
    "bot_page_views": "page views of bots",
    "foreign_pages": "page views of other domains",
    "unknown_visitors": "lines about visitors without a page view before",
    "unknown_calls": "decisions on calls that are not there",
}


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What an import came to. `counts` are those of all its runs; `new_lines` were brought by this one.

    `made`: the site was made by this run. `trained` is None where no training was asked for, or nothing was left to do.
    """

    account_id: str
    site_id: str
    domain: str
    made: bool
    lines: int
    new_lines: int
    bad_lines: int
    complaints: tuple[str, ...]
    counts: Mapping[str, int]
    trained: Trained | None

    @property
    def changed(self) -> bool:
        """Whether this run did anything."""
        return self.made or self.new_lines > 0 or self.trained is not None

    def told(self) -> dict[str, Any]:
        """As one JSON object."""
        return {
            "account_id": self.account_id,
            "site": self.site_id,
            "domain": self.domain,
            "site_made": self.made,
            "changed": self.changed,
            "lines": self.lines,
            "new_lines": self.new_lines,
            "bad_lines": self.bad_lines,
            **{name: self.counts.get(name, 0) for name in COUNTED},
            "model": self.trained.told() if self.trained else None,
        }

    def said(self) -> list[str]:
        """For people."""
        found = self.counts
        if not self.changed:
            return [f"all {self.lines:,} lines were imported before; nothing changed"]
        lines = [
            f"{self.new_lines:,} of {self.lines:,} lines imported into {self.domain} ({self.site_id}); "
            f"{'the site was made' if self.made else 'the site was there'}",
            ", ".join(f"{found.get(name, 0):,} {words}" for name, words in _BROUGHT.items()),
        ]
        lines += [f"passed over: {found[name]:,} {words}" for name, words in _PASSED_OVER.items() if found.get(name)]
        return [*lines, *(self.trained.lines() if self.trained else ())]
