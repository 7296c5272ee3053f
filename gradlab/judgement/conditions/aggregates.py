"""What gates count and measure over the runs of a sweep, gathered as the runs go by."""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from gradlab.config.logic import Figure, Layers, Lookup, evaluate, in_words, value_of
from gradlab.config.sweeps.gates import Aggregate, Counted, Reduced, Slope, Statistic

Side = Literal["too many", "too few"]
"""On which side of its limit a value is that fails; for a statistic, too large or too small."""

NUM_NAMED = 3
"""How many runs, or groups, are named where there may be thousands."""


@dataclass
class _Some:
    number: int = 0
    ids: list[str] = field(default_factory=list)

    def add(self, run: str) -> None:
        self.number += 1
        if len(self.ids) < NUM_NAMED:
            self.ids.append(run)

    def __str__(self) -> str:
        return enumerated(self.ids, self.number)


class RunTally:
    """A count of runs, or a share of them."""

    def __init__(self, aggregate: Counted) -> None:
        self.aggregate = aggregate
        self.holding, self.others = _Some(), _Some()

    def add(self, run: str, look: Lookup) -> None:
        (self.holding if evaluate(self.aggregate.condition, look)[0] else self.others).add(run)

    def value(self) -> float | None:
        """The count, or the share; None for a share of no runs."""
        if self.aggregate.function == "count":
            return self.holding.number
        num_runs = self.holding.number + self.others.number
        return self.holding.number / num_runs if num_runs else None

    def notes(self, fault: Side | None) -> list[str]:
        """What is to be known of the value: of how many runs it is a share, and which ones are the fault."""
        notes = []
        if self.aggregate.function == "share" and self.value() is not None:
            notes.append(f"{self.holding.number} of {self.holding.number + self.others.number}")
        if fault == "too many" and self.holding.number:
            notes.append(str(self.holding))
        if fault == "too few" and self.others.number:
            notes.append(f"not {self.others}")
        return notes


class Sample:
    """The values of a figure, in the runs that have it."""

    def __init__(self, aggregate: Reduced) -> None:
        self.aggregate = aggregate
        self.values: list[float] = []
        self.runs: list[str] = []
        self.num_runs = 0

    def add(self, run: str, look: Lookup) -> None:
        self.num_runs += 1
        value = _number(self.aggregate.figure, look)
        if value is not None:
            self.values.append(value)
            self.runs.append(run)

    def value(self) -> float | None:
        """The statistic; None where too few runs have the figure, NaN where it is NaN in one."""
        if len(self.values) < (2 if self.aggregate.function == "spread" else 1):
            return None
        if any(math.isnan(value) for value in self.values):
            return math.nan
        return _STATISTICS[self.aggregate.function](self.values)

    def notes(self, fault: Side | None) -> list[str]:
        """What is to be known of the value: which run has it, and that some have no figure."""
        notes = []
        value = self.value()
        if fault is not None and value is not None and self.aggregate.function in ("min", "max"):
            notes.append(self.runs[self.values.index(value)])
        if self.values and len(self.values) < self.num_runs:
            notes.append(f"over the {len(self.values)} of {self.num_runs} that have it")
        return notes


class Line:
    """The logarithms of a figure beside those of a config field, in the runs that have both."""

    def __init__(self, aggregate: Slope) -> None:
        self.aggregate = aggregate
        self.points: list[tuple[float, float]] = []
        self.num_runs = 0
        self._without_logarithm = _Some()
        self._not_above_0 = ""

    def add(self, run: str, look: Lookup) -> None:
        self.num_runs += 1
        terms = (Figure(self.aggregate.field), self.aggregate.figure)
        at, value = (_number(term, look) for term in terms)
        if at is None or value is None:
            return
        self.points.append((at, value))
        for term, number in zip(terms, (at, value), strict=True):
            if number <= 0 or number == math.inf:
                self._not_above_0 = self._not_above_0 or f"{term} is {in_words(number)}"
                self._without_logarithm.add(run)
                return

    def value(self) -> float | None:
        """The least-squares slope of ln figure over ln field; None where there is none (see `notes`), NaN where a figure is NaN."""
        if self._without_logarithm.number or not self._varies():
            return None
        if any(math.isnan(value) for _, value in self.points):
            return math.nan
        logs = [(math.log(at), math.log(value)) for at, value in self.points]
        centre = math.fsum(at for at, _ in logs) / len(logs)
        # From the first one's value on, so that a figure that is the same in all has the slope 0 exactly.
        above = math.fsum((at - centre) * (value - logs[0][1]) for at, value in logs)
        return above / math.fsum((at - centre) ** 2 for at, _ in logs)

    def notes(self, fault: Side | None) -> list[str]:
        """What is to be known of the value: why there is none, and that some runs have no figure."""
        notes = []
        if self._without_logarithm.number:
            runs = self._without_logarithm
            notes.append(
                f"{self._not_above_0} in {runs}; a slope is of logarithms, and these need finite numbers above 0"
            )
        elif self.points and not self._varies():
            field, at = self.aggregate.field, self.points[0][0]
            notes.append(f"{field} is {in_words(at)} in all of them; a slope needs two values of it")
        if self.points and len(self.points) < self.num_runs:
            notes.append(f"over the {len(self.points)} of {self.num_runs} that have it")
        return notes

    def _varies(self) -> bool:
        return len({math.log(at) for at, _ in self.points}) > 1


def _number(term: Figure | Layers, look: Lookup) -> float | None:
    """The value of a term, None where it has none, or a word instead of a number."""
    value = value_of(term, look)
    return value if isinstance(value, int | float) else None


def begin(aggregate: Aggregate) -> RunTally | Sample | Line:
    """What gathers an aggregate."""
    match aggregate:
        case Counted():
            return RunTally(aggregate)
        case Reduced():
            return Sample(aggregate)
        case Slope():
            return Line(aggregate)


def annotated(text: str, notes: Sequence[str]) -> str:
    """A value with what is to be known of it.

    >>> annotated("0.9", ["9 of 10", "not 7f3ac9d1e2b4"]), annotated("0", [])
    ('0.9 (9 of 10; not 7f3ac9d1e2b4)', '0')
    """
    return f"{text} ({'; '.join(notes)})" if notes else text


def enumerated(shown: Sequence[str], number: int, separator: str = ", ") -> str:
    """The first few of a number of things.

    >>> enumerated(["a", "b"], 5), enumerated(["a", "b"], 2)
    ('a, b and 3 more', 'a, b')
    """
    more = f" and {number - len(shown)} more" if number > len(shown) else ""
    return separator.join(shown) + more


def _spread(values: Sequence[float]) -> float:
    """Sample standard deviation; of infinite values, 0 where all are equal, else infinite."""
    if min(values) == max(values):  # inf - inf has no value
        return 0.0
    if any(math.isinf(value) for value in values):
        return math.inf
    try:
        return statistics.stdev(values)
    except OverflowError:  # of the largest floats with both signs
        return math.inf


def _mean(values: Sequence[float]) -> float:
    """Arithmetic mean; NaN where both infinities are among the values."""
    try:
        return math.fsum(value / len(values) for value in values)  # divided first: no sum leaves float64's range
    except ValueError:  # inf - inf
        return math.nan


_STATISTICS: Mapping[Statistic, Callable[[Sequence[float]], float]] = {
    "mean": _mean,
    "median": statistics.median,
    "min": min,
    "max": max,
    "spread": _spread,
}
