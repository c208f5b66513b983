"""Why a candidate is as likely as they are: the rows of the sum, in plain words with the raw value."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from matching.rules.facts import CallFacts, CandidateFacts, PhoneHistory
from matching.rules.model import INTENSITY_ROWS, LikelihoodModel
from matching.rules.phones import Owners

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

ROWS: tuple[str, ...] = (
    *INTENSITY_ROWS,
    "machine",
    "number_history",
    "robocall_burst",
    "withheld",
    "area_code",
    "other_phone",
    "known_phone",
)
"""Every row a candidate's sum may have, in the order shown. ``base_rate`` comes first and is always shown."""

_NAMES = {
    "home_page": "page",
    "contact_page": "page",
    "pricing_page": "page",
    "device_phone": "device",
    "device_tablet": "device",
}


class Evidence(NamedTuple):
    """One reason. ``weight`` is log2 against nobody; ``value`` is for people; ``name`` is stable."""

    name: str
    value: str
    weight: float


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What the words need beside the candidate."""

    call: CallFacts
    history: PhoneHistory
    posterior: Owners
    model: LikelihoodModel


def ago(seconds: float) -> str:
    """Return a duration in words, rounded down: ``4 s``, ``40 min``, ``3 h``, ``21 days``."""
    seconds = max(seconds, 0.0)
    if seconds < 120.0:
        return f"{int(seconds)} s"
    if seconds < 7_200.0:
        return f"{int(seconds // 60)} min"
    if seconds < 172_800.0:
        return f"{int(seconds // 3_600)} h"
    return f"{int(seconds // 86_400)} days"


def rows(scene: Scene, candidate: CandidateFacts, weights: list[float]) -> tuple[Evidence, ...]:
    """Return the rows of one candidate that say something, ``weights`` being in the order of ROWS.

    Rows of weight 0 are left out, the base rate never is; the weights of what is returned add up to the whole
    sum.
    """
    return tuple(
        Evidence(_NAMES.get(name, name), _WORDS[name](scene, candidate), weight)
        for name, weight in zip(ROWS, weights, strict=True)
        if weight != 0.0 or name == "base_rate"
    )


def _base_rate(scene: Scene, _: CandidateFacts) -> str:
    per_day = scene.model.background.rate(scene.call.number_kind) * 86_400.0
    kind = {"pool": "a pool number", "offline": "an offline number"}.get(scene.call.number_kind, "a number")
    return f"a visitor this very second, against {per_day:.2g} calls a day from nobody on {kind}"


def _last_seen(scene: Scene, candidate: CandidateFacts) -> str:
    if candidate.page_open:
        return f"page open, last sign {ago(candidate.seconds_since_seen)} before the {scene.call.what}"
    if candidate.seconds_since_seen < 120.0:
        return f"seen {ago(candidate.seconds_since_seen)} before the {scene.call.what}"
    return f"left {ago(candidate.seconds_since_seen)} ago"


def _page_age(scene: Scene, candidate: CandidateFacts) -> str:
    return f"last page view {ago(candidate.seconds_since_view or 0.0)} before the {scene.call.what}"


def _tel_click(scene: Scene, candidate: CandidateFacts) -> str:
    return f"{ago(candidate.tel_click_seconds or 0.0)} before the {scene.call.what}"


def _page(_: Scene, candidate: CandidateFacts) -> str:
    return candidate.last_page_path or "/"


def _page_views(_: Scene, candidate: CandidateFacts) -> str:
    return _count(candidate.page_views, "page view")


def _visits(_: Scene, candidate: CandidateFacts) -> str:
    return _count(candidate.visits, "visit")


def _device(_: Scene, candidate: CandidateFacts) -> str:
    return candidate.device or "unknown"


def _form(_: Scene, candidate: CandidateFacts) -> str:
    return f"form filled in {ago(candidate.form_seconds or 0.0)} ago"


def _hour(scene: Scene, _: CandidateFacts) -> str:
    day, hour = divmod(scene.call.local_hour_of_week, 24)
    return f"{_DAYS[day]} {hour:02d}:00 to {hour + 1:02d}:00"


def _number_history(scene: Scene, _: CandidateFacts) -> str:
    terms = scene.model.background_terms(scene.call)
    per_day = 2.0 ** (terms["base_rate"] + terms["number_history"]) * 86_400.0
    return f"{per_day:.2g} calls a day from nobody, learnt on this number and its source"


def _burst(scene: Scene, _: CandidateFacts) -> str:
    if scene.call.recent_calls_other_numbers:
        return f"caller rang {_count(scene.call.recent_calls_other_numbers, 'other number')} within minutes"
    return "calls from nobody on other numbers within minutes"


def _area_code(scene: Scene, candidate: CandidateFacts) -> str:
    return f"caller from {scene.call.caller_region}, visitor in {candidate.region}"


def _other_phone(_: Scene, candidate: CandidateFacts) -> str:
    return f"this visitor's own phone is known to be another ({candidate.other_phone:.0%} sure)"


def _known_phone(scene: Scene, candidate: CandidateFacts) -> str:
    said = []
    if any(form.visitor == candidate.visitor for form in scene.history.forms):
        said.append("phone left in this visitor's form")
    elif scene.history.forms:
        said.append("phone left in another visitor's form")
    if scene.history.calls:
        said.append(_count(len(scene.history.calls), "earlier call") + ", " + _last_owner(scene, candidate))
    return "; ".join(said)


def _last_owner(scene: Scene, candidate: CandidateFacts) -> str:
    """Say what is thought of the earlier calls, staff before model."""
    decided = [call for call in scene.history.calls if call.decision is not None]
    if decided:
        latest = max(decided, key=lambda call: call.at).decision
        assert latest is not None
        who, how = latest.visitor, "credited by staff to"
    else:
        # None first and names after it, so that equal shares do not depend on any order of arrival.
        who = max(scene.posterior, key=lambda owner: (scene.posterior[owner], owner is None, owner or ""))
        how = "last matched to"
    if who is None:
        return f"{how} nobody"
    return f"{how} {'this visitor' if who == candidate.visitor else 'another visitor'}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


_WORDS: dict[str, Callable[[Scene, CandidateFacts], str]] = {
    "base_rate": _base_rate,
    "last_seen": _last_seen,
    "page_age": _page_age,
    "tel_click": _tel_click,
    "form_filled": _form,
    "left_page": lambda _, candidate: "the page was closed",
    "superseded": lambda _, candidate: "is shown another number since",
    "home_page": _page,
    "contact_page": _page,
    "pricing_page": _page,
    "page_views": _page_views,
    "visits": _visits,
    "device_phone": _device,
    "device_tablet": _device,
    "hour_of_week": _hour,
    "source": lambda scene, candidate: "visitors of this source, as learnt",
    "machine": lambda _, candidate: "one of a great many visitors of one network whose pages never showed life",
    "number_history": _number_history,
    "robocall_burst": _burst,
    "withheld": lambda scene, _: "caller id withheld" if scene.call.caller is None else "caller id shown",
    "area_code": _area_code,
    "other_phone": _other_phone,
    "known_phone": _known_phone,
}
