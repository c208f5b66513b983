"""The calibration report in the reader's words: sentences, bands, kinds of proof. Pure."""

from dataclasses import dataclass
from datetime import date

from app.web import words
from reports.calibration import CalibrationReport
from reports.rules.calibration import ALARM_WEEKS, ENOUGH, JUDGING, Proof, Reliability, Tally

PROOFS = {
    Proof.STAFF: "Decided by staff",
    Proof.FORM: "Phone in a later form",
    Proof.SPAM: "Marked as spam",
}
SELECTION = {
    Proof.STAFF: "Staff looked at these calls and said who it was: mostly doubtful ones, and wrong ones sooner than "
    "right ones. Confirming right ones makes this fairer.",
    Proof.FORM: "After the call a visitor left the caller's phone in a form. That was somebody from the site, so what "
    "is judged is whom the model held likeliest among the visitors, by its share of what it gave them all.",
    Proof.SPAM: "People marked these as spam, so nobody from the site called. It shows how often the model had said "
    "nobody; percentages cannot be judged by it, because no call is marked for being somebody's.",
}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether what was stated holds, in a word with a status colour and an icon."""

    text: str
    tone: str
    icon: str


UNTOLD = Verdict(text="too few to tell", tone="quiet", icon="hourglass-split")


def verdict(held: Tally) -> Verdict:
    """Whether a share of right answers fits what was stated."""
    if held.holds is None or held.stated is None:
        return UNTOLD
    if held.holds:
        return Verdict(text="holds", tone="sure", icon="check-circle")
    return Verdict(text=f"no: {_way(held)}", tone="unsure", icon="exclamation-circle")


def verdict_of(held: Reliability) -> Verdict:
    """The same of a kind of proof, band by band where there are bands."""
    together = verdict(held.tally)
    if held.holds is False and held.tally.holds:
        return Verdict(text="not at every height", tone="unsure", icon="exclamation-circle")
    return together


def _way(held: Tally) -> str:
    return "too sure" if held.right < held.promised else "too careful"


def band(low: float, high: float) -> str:
    """A band of likelihoods, such as "62 to 78 %"; with tenths where whole per cent would hide that it is one."""
    first, last = f"{low * 100:.0f}", f"{high * 100:.0f}"
    if first == last or high > 0.995:
        first, last = f"{low * 100:.1f}", f"{high * 100:.1f}"
    if high < 1 and last == "100.0":
        last = "99.9"  # what is not certain never reads as if it were
    return f"{last}\u00a0%" if first == last else f"{first} to {last}\u00a0%"


def share(value: float | None) -> str:
    """An observed share, which unlike a likelihood may well be 0 or 100 %."""
    return "–" if value is None else f"{value * 100:.0f}\u00a0%"


def points(value: float | None) -> str:
    """A difference of likelihoods, in percentage points."""
    return "–" if value is None else f"{value * 100:.1f}"


def week(begins: date) -> str:
    """The Monday that a week begins with."""
    return f"{begins.day} {begins:%b %Y}"


def promise(held: Tally) -> str:
    """What was promised, and what came of it."""
    answers = words.counted(held.calls, "answer")
    return f"Of {answers} that could be checked {held.right:,} were right; {held.promised:,.1f} had been promised."


def headline(report: CalibrationReport) -> list[str]:
    """What the page says before it shows anything."""
    overall = report.overall
    if report.proof is Proof.SPAM:
        seen = overall.tally
        return [f"Of {words.counted(seen.calls, 'call')} marked as spam the model had given {seen.right:,} to nobody."]
    if overall.holds is None:
        return [f"Too little is known yet: {words.counted(overall.tally.calls, 'answer')} of {ENOUGH} can be checked."]
    return [_finding(overall), promise(overall.tally)]


def _finding(overall: Reliability) -> str:
    if overall.holds:
        return "The percentages hold."
    held = overall.tally
    if held.holds is False:
        return f"The percentages are {_way(held)}."
    return "The percentages hold on the whole, but not at every height."


def error_sentence(overall: Reliability) -> str:
    """The expected calibration error beside what chance makes of it."""
    within = "which chance alone explains" if overall.holds else "which is more than chance explains"
    return (
        f"On average a percentage is off by {points(overall.error)} points, {within}: for so many calls, "
        f"percentages that hold stay below {points(overall.by_chance)} points in 95 of 100 cases."
    )


def slip_sentence(report: CalibrationReport) -> str:
    """What the last weeks say of it."""
    held = report.slip.tally
    if held.calls < ENOUGH:
        return (
            f"In the last {ALARM_WEEKS} weeks {words.counted(held.calls, 'answer')} could be checked; "
            f"from {ENOUGH} on, this page raises an alarm where they are further off than chance explains."
        )
    said = (
        f"In the last {ALARM_WEEKS} weeks {held.right:,} of {words.counted(held.calls, 'answer')} were right; "
        f"{held.promised:,.1f} had been promised."
    )
    if report.slip.alarm:
        chance = "Chance alone does that in fewer than 1 of 100 cases."
        return f"The percentages have slipped: they are {_way(held)}. {said} {chance}"
    return f"{said} That is no more than chance explains."


def judges(proof: Proof) -> bool:
    """Whether percentages can be held against this kind of proof."""
    return proof in JUDGING
