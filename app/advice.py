"""What to do about a source's numbers, in a sentence with its cost. Pure; it recommends, a person buys."""

from app.web import words
from core.currency import minor_digits
from reports.accuracy import SourceAccuracy
from reports.rules.recommend import Money, Prices, Why

POINT = 0.005
"""Half a percentage point: less is not worth a word."""


def advice(source: SourceAccuracy, visitors_per_number: int, target: float) -> str:
    """What is recommended, with what it brings and costs; plain text."""
    if source.deleted:
        return "Deleted; it needs no numbers." if not source.numbers else "Deleted; its numbers can be released."
    if source.kind == "offline":
        return _offline(source)
    change, why = source.recommendation.change, source.recommendation.why
    if change > 0:
        return _more(source, visitors_per_number, target)
    if change < 0:
        return _fewer(source, target)
    if why is Why.KEEPS_TARGET:
        return (
            f"The rule of one number per {visitors_per_number} daily visitors would give some back, but then the "
            f"expected likelihood would fall {_further(source, target)} the target of {words.percent(target)}: keep "
            f"all {source.numbers:,}."
        )
    return f"Just right: keep {words.counted(source.numbers, 'number')}.{_no_curve(source)}"


def what_if(source: SourceAccuracy, numbers: int) -> str:
    """What so many numbers would mean for the source; it has a curve. Plain text."""
    if source.curve is None:
        raise ValueError("without a curve nothing is known of other numbers")
    point, change = source.curve.at(numbers), numbers - source.numbers
    said = (
        f"{words.counted(numbers, 'number')}: {words.percent(point.likelihood)} expected "
        f"({words.percent(point.low)} to {words.percent(point.high)}), {words.percent(point.sure)} of calls sure"
    )
    if change == 0:
        return f"{said}. That is what there is now."
    each = source.recommendation.each
    cost = None if each is None else Money(amount_minor=each.amount_minor * change, currency=each.currency)
    if change > 0:
        return f"{said}. {change:,} more than now, {_cost(cost)}."
    return f"{said}. {-change:,} fewer than now; that {_saving(cost, True)}."


def _offline(source: SourceAccuracy) -> str:
    if source.numbers == 0:
        return f"{source.name} has no number that is printed on it: give it one."
    return "One printed number is what it needs." if source.numbers == 1 else "One printed number is enough."


def _further(source: SourceAccuracy, target: float) -> str:
    return "further under" if source.expected and source.expected.likelihood < target else "under"


def _more(source: SourceAccuracy, visitors_per_number: int, target: float) -> str:
    found = source.recommendation
    what = f"{words.counted(found.change, 'more number', 'more numbers')} on {source.name}, {_cost(found.cost)},"
    one = found.change == 1
    if found.now is None or found.then is None:
        brings = "brings" if one else "bring"
        return f"{what} {brings} it to one per {visitors_per_number} daily visitors.{_no_curve(source)}"
    lifts = "lifts" if one else "lift"
    beyond = " or more" if found.then.numbers < found.numbers else ""
    if found.why is Why.UNDER_TARGET:
        before, after = words.percent(found.now.likelihood), words.percent(found.then.likelihood)
        return (
            f"By the rule it has enough, but {before} is expected and {words.percent(target)} is wanted: {what} "
            f"{lifts} the expected likelihood to {after}{beyond}."
        )
    before, after = words.percent(found.now.sure), words.percent(found.then.sure)
    if found.then.sure - found.now.sure < POINT:
        return f"{what} {'follows' if one else 'follow'} the rule; sure matches would stay at about {before}{beyond}."
    return f"{what} {lifts} the sure matches from {before} to {after}{beyond}."


def _fewer(source: SourceAccuracy, target: float) -> str:
    found = source.recommendation
    count = words.counted(-found.change, "fewer number", "fewer numbers")
    one = found.change == -1
    if found.now is None or found.then is None:
        return f"{count} on {source.name} would still be enough and {_saving(found.cost, one)}.{_no_curve(source)}"
    lost = found.now.sure - found.then.sure
    beyond = " or more" if found.then.numbers > found.numbers else ""
    costs = "costs" if one else "cost"
    what = f"{costs} no sure matches" if lost < POINT / 10 and not beyond else f"{costs} {points(lost)} of sure matches"
    kept = f" Fewer still would miss the target of {words.percent(target)}." if found.why is Why.KEEPS_TARGET else ""
    return f"{count} on {source.name} {what}{beyond} and {_saving(found.cost, one)}.{kept}"


def _no_curve(source: SourceAccuracy) -> str:
    return f" What more or fewer would bring is not known: {source.no_curve}." if source.curve is None else ""


def _cost(cost: Money | None) -> str:
    return "at a price that is not known here" if cost is None else f"{money(cost)} a month"


def _saving(cost: Money | None, one: bool) -> str:
    if cost is None:
        return f"{'saves' if one else 'save'} what {'it costs' if one else 'they cost'}; no price is known here"
    saved = Money(amount_minor=-cost.amount_minor, currency=cost.currency)
    return f"{'saves' if one else 'save'} {money(saved)} a month"


def money(amount: Money) -> str:
    """With its currency, such as "$2.30"."""
    digits = minor_digits(amount.currency)
    text = words.money(amount.amount_minor, amount.currency)
    # "$2" in a column of "$2.30" reads as another unit.
    return text if "." in text or not digits else _padded(text, digits)


def _padded(text: str, digits: int) -> str:
    number, space, code = text.partition(" ")
    return f"{number}.{'0' * digits}{space}{code}"


def monthly(prices: Prices) -> str:
    """What numbers cost a month together; what is not known is said, never counted as nothing."""
    known = " + ".join(money(one) for one in prices.sums)
    if not prices.unknown:
        return known
    return f"{known} + {prices.unknown:,} unknown" if known else "not known"


def points(share: float) -> str:
    """A difference of shares in percentage points, such as "0.4 points"."""
    text = f"{share * 100:.1f}"
    return f"{text} {'point' if text == '1.0' else 'points'}"
