"""Tracking sources: what makes a valid rule, and which source a landing belongs to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from attribution.rules.channel import CHANNELS
from attribution.rules.landing import Landing
from attribution.rules.pattern import PatternError, compiled
from attribution.rules.presets import PRESET_NAMES, PRESETS, preset_position

RULE_FIELDS: tuple[str, ...] = (
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
    "click_id",
    "referrer_host",
    "landing_path",
    "landing_query",
    "channel",
)
"""What a rule may ask about. ``click_id`` holds the names of the click ids present."""
RULE_OPS: tuple[str, ...] = ("equals", "contains", "starts_with", "matches", "in", "present", "absent")
MAX_CONDITIONS = 50
MAX_RULE_VALUE = 512
MAX_RULE_LIST = 200


class RuleError(ValueError):
    """A malformed rule: ``field`` is where (``rule``, ``rule.any.0.op``), ``message`` what to do about it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


@dataclass(frozen=True, kw_only=True)
class SourceRule:
    """A tracking source as far as landings care.

    ``kind``: ``online`` or ``offline``; ``preset`` or ``rule`` says which landings fit, ``position`` who is asked
    first, ``catch_all`` who steps in for sources without numbers.
    """

    id: str
    slug: str
    kind: str
    preset: str | None
    rule: Mapping[str, Any] | None
    position: int
    catch_all: bool


def check_rule(rule: object) -> None:
    """Raises ``RuleError`` unless ``rule`` is ``{"all"|"any": [{"field", "op", "value"}, …]}`` with known words."""
    if not isinstance(rule, Mapping):
        raise RuleError("rule", "Must be an object with all or any.")
    if len(rule) != 1 or next(iter(rule)) not in ("all", "any"):
        raise RuleError("rule", "Must have exactly one key, all or any.")
    ((mode, conditions),) = rule.items()
    if not isinstance(conditions, list) or not 1 <= len(conditions) <= MAX_CONDITIONS:
        raise RuleError(f"rule.{mode}", f"Must be a list of 1 to {MAX_CONDITIONS} conditions.")
    for index, condition in enumerate(conditions):
        _check_condition(f"rule.{mode}.{index}", condition)


def _check_condition(where: str, condition: object) -> None:
    """Raises ``RuleError`` unless this is one valid condition."""
    if not isinstance(condition, Mapping):
        raise RuleError(where, "Must be an object with field, op and value.")
    unknown = [str(key) for key in condition if key not in ("field", "op", "value")]
    if unknown:
        raise RuleError(where, f"Unknown key {unknown[0][:40]!r}.")
    if condition.get("field") not in RULE_FIELDS:
        raise RuleError(f"{where}.field", f"Must be one of {', '.join(RULE_FIELDS)}.")
    op, value = condition.get("op"), condition.get("value")
    if op not in RULE_OPS:
        raise RuleError(f"{where}.op", f"Must be one of {', '.join(RULE_OPS)}.")
    if op in ("present", "absent"):
        if value is not None and not isinstance(value, bool):
            raise RuleError(f"{where}.value", f"{op} takes no value.")
    elif op == "in":
        if not isinstance(value, list) or not 1 <= len(value) <= MAX_RULE_LIST:
            raise RuleError(f"{where}.value", f"Must be a list of 1 to {MAX_RULE_LIST} texts.")
        for item in value:
            _check_text(where, condition["field"], item)
    else:
        _check_text(where, condition["field"] if op == "equals" else "", value)
        if op == "matches":
            try:
                compiled(str(value))
            except PatternError as error:
                raise RuleError(f"{where}.value", str(error)) from None


def _check_text(where: str, field: str, value: object) -> None:
    """Raises ``RuleError`` unless a value is a text, and a channel's name where it is compared with one."""
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_RULE_VALUE:
        raise RuleError(f"{where}.value", f"Must be a text of 1 to {MAX_RULE_VALUE} characters.")
    if field == "channel" and value.strip().casefold() not in _CHANNEL_WORDS:
        raise RuleError(f"{where}.value", f"Must be one of {', '.join(CHANNELS)}.")


_CHANNEL_WORDS = frozenset(name.casefold() for name in CHANNELS)


def _values(landing: Landing, field: str) -> tuple[str, ...]:
    """What a landing holds for a field, in every form a rule may mean: as it came and decoded, with ``www`` and not."""
    if field.startswith("utm_"):
        value = landing.utm.get(field[4:])
        return (value.strip(),) if value else ()
    if field == "click_id":
        return tuple(landing.click_ids)
    if field == "referrer_host":
        host = landing.referrer_host or ""
        return tuple(dict.fromkeys(form for form in (host, host.removeprefix("www.")) if form))
    if field == "channel":
        return (landing.channel,)
    raw = landing.landing_path if field == "landing_path" else landing.landing_query
    return tuple(dict.fromkeys(form for form in (raw, unquote(raw)) if form))


def _pattern_fits(text: str, value: str) -> bool:
    """Whether a pattern occurs in a text; a pattern that is no longer accepted fits nothing."""
    try:
        return compiled(value).search(text)
    except PatternError:
        return False


_OPS: dict[str, Callable[[str, str], bool]] = {
    "equals": lambda text, value: text.casefold() == value.strip().casefold(),
    "contains": lambda text, value: value.casefold() in text.casefold(),
    "starts_with": lambda text, value: text.casefold().startswith(value.casefold()),
    "matches": _pattern_fits,
}


def _condition_fits(condition: Mapping[str, Any], landing: Landing) -> bool:
    """Whether a landing fulfils one checked condition; case is ignored."""
    texts, op, value = _values(landing, condition["field"]), condition["op"], condition.get("value")
    if op in ("present", "absent"):
        wanted: bool = (op == "present") == (value is not False)
        return bool(texts) is wanted
    if op == "in":
        return any(_OPS["equals"](text, item) for text in texts for item in value or ())
    return any(_OPS[op](text, str(value)) for text in texts)


def rule_fits(rule: Mapping[str, Any], landing: Landing) -> bool:
    """Whether a landing fits a rule. A malformed rule fits nothing."""
    try:
        check_rule(rule)
    except RuleError:
        return False
    mode, conditions = next(iter(rule.items()))
    return (all if mode == "all" else any)(_condition_fits(condition, landing) for condition in conditions)


def in_order(sources: Iterable[SourceRule]) -> tuple[SourceRule, ...]:
    """The online sources in the order in which a landing asks them."""
    online = (source for source in sources if source.kind == "online")
    return tuple(sorted(online, key=lambda source: (source.position, source.slug, source.id)))


def fits(source: SourceRule, landing: Landing) -> bool:
    """Whether a landing fits a source's preset or rule; one with neither fits nothing."""
    if source.preset is not None and source.preset == landing.preset:
        return True
    return source.rule is not None and rule_fits(source.rule, landing)


def pick_source(landing: Landing, sources: Iterable[SourceRule]) -> SourceRule | None:
    """The first online source in ``position`` order that the landing fits, None if none does.

    Stepping in for a source without numbers is the caller's.
    """
    return next((source for source in in_order(sources) if fits(source, landing)), None)


__all__ = [
    "MAX_CONDITIONS",
    "PRESETS",
    "PRESET_NAMES",
    "RULE_FIELDS",
    "RULE_OPS",
    "RuleError",
    "SourceRule",
    "check_rule",
    "fits",
    "in_order",
    "pick_source",
    "preset_position",
    "rule_fits",
]
