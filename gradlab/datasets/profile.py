"""One look at the data as the network gets them: how large inputs and targets are, what they repeat, and what a line can learn of them.

Shapes: N training rows, F features, O outputs. Figures are over the training part and rounded to `DIGITS` digits: sums of floats depend on
how many threads add them, and what is stored repeats.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from gradlab.config.text import clean_line, cut
from gradlab.datasets import probe

if TYPE_CHECKING:
    from gradlab.datasets.dataset import Dataset, Float

DIGITS = 4
"""Significant digits of a figure."""

MOST_NAMED = 4
"""Columns of a kind that are named; all of them are counted."""

MOST_LISTED = 64
"""Columns whose mean and standard deviation are kept one by one."""

LONGEST_NAME = 40
"""Characters of a column's name that are said."""

MOST_COMPARED = 4096
"""Columns among which repeated ones are looked for."""


@dataclass(frozen=True)
class ColumnScale:
    """One column over the training rows."""

    name: str
    mean: float
    std: float


@dataclass(frozen=True)
class DataProfile:
    """What the training part of a data set is like.

    Attributes:
        num_train: Training rows, N.
        num_holdout: Held-out rows.
        num_features: Columns, F.
        num_distinct_rows: 1 where all training inputs are the same, else 2: more were not counted.
        input_rms: Root mean square of all inputs.
        offset_share: Share of their mean square that is that of the columns' means: 0 for centred columns, near 1 where examples
            differ by little beside what they have in common.
        largest_column: Name of the column with the largest mean square.
        largest_share: Its share of the sum over the columns of their mean squares.
        spread_ratio: Largest standard deviation of a column over the median one's, of the columns that are not constant; 1 where all are.
        num_constant: Columns that are the same in every training row.
        constant_columns: The first few of them.
        num_repeated: Columns that repeat an earlier one exactly.
        repeated_columns: The first few of them, each with the column that it repeats.
        target_mean: Root mean square of the means of targets that are numbers, None for classes.
        target_std: Root mean square of their standard deviations, likewise.
        target_ratio: Largest standard deviation of an output over the smallest that is not 0, likewise.
        smallest_class: Share of the rarest class, None for numbers.
        probe: What a linear fit learns of the data; None where it was not tried.
        columns: Every column, where there are few.
    """

    num_train: int
    num_holdout: int
    num_features: int
    num_distinct_rows: int
    input_rms: float
    offset_share: float
    largest_column: str
    largest_share: float
    spread_ratio: float
    num_constant: int
    constant_columns: tuple[str, ...]
    num_repeated: int
    repeated_columns: tuple[tuple[str, str], ...]
    target_mean: float | None
    target_std: float | None
    target_ratio: float | None
    smallest_class: float | None
    probe: probe.Probe | None
    columns: tuple[ColumnScale, ...] = ()

    def to_json(self, with_columns: bool = True) -> dict[str, Any]:
        """Plain types; a figure beyond float64's range is infinite."""
        # By hand: every run of a sweep stores it twice, and `asdict` copies all values of all columns.
        found = dict(vars(self))
        found["probe"] = None if self.probe is None else dict(vars(self.probe))
        if with_columns:
            found["columns"] = [dict(vars(column)) for column in self.columns]
        else:
            del found["columns"]
        return found

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """What `to_json` gave, after a way through JSON with non-finite figures as words.

        Raises:
            KeyError, TypeError, ValueError: If it is something else.
        """
        values = {key: value if key == "largest_column" else _number(value) for key, value in found.items()}
        line = values.get("probe")
        values["probe"] = None if line is None else probe.Probe(**{key: _number(item) for key, item in line.items()})
        values["constant_columns"] = tuple(values["constant_columns"])
        values["repeated_columns"] = tuple((one, two) for one, two in values["repeated_columns"])
        scales = values.get("columns", ())
        values["columns"] = tuple(ColumnScale(item["name"], float(item["mean"]), float(item["std"])) for item in scales)
        return cls(**values)


def _number(value: Any) -> Any:
    return float(value) if value in ("inf", "-inf", "nan") else value


def profile(dataset: "Dataset") -> DataProfile:
    """Look at a data set."""
    inputs = dataset.train_inputs
    names = dataset.feature_names
    means, deviations, rms = _moments(inputs)
    largest = int(np.argmax(rms)) if len(rms) else 0
    total = math.hypot(*rms.tolist())
    constant = np.flatnonzero((inputs == inputs[0]).all(axis=0))
    varying = np.sort(np.delete(deviations, constant))
    repeated = _repeated(inputs)
    numbers = dataset.num_classes is None
    target_means = target_deviations = np.zeros(0)
    if numbers:
        target_means, target_deviations, _ = _moments(np.asarray(dataset.train_targets, dtype=np.float64))
    moving = target_deviations[target_deviations > 0]
    counts = (
        None if numbers else np.bincount(dataset.train_targets.astype(np.int64), minlength=dataset.num_classes or 0)
    )
    few = inputs.shape[1] <= MOST_LISTED
    return DataProfile(
        num_train=len(inputs),
        num_holdout=len(dataset.holdout_inputs),
        num_features=inputs.shape[1],
        num_distinct_rows=1 if len(constant) == inputs.shape[1] else 2,
        input_rms=_rounded(total / math.sqrt(max(1, len(rms)))),
        offset_share=_share(math.hypot(*means.tolist()), total),
        largest_column=names[largest] if names else "",
        largest_share=_share(float(rms[largest]) if len(rms) else 0.0, total),
        spread_ratio=_rounded(_ratio(varying[-1], varying[len(varying) // 2]) if len(varying) else 1.0),
        num_constant=len(constant),
        constant_columns=tuple(names[place] for place in constant[:MOST_NAMED]),
        num_repeated=len(repeated),
        repeated_columns=tuple((names[later], names[first]) for later, first in repeated[:MOST_NAMED]),
        target_mean=_beside(_root_mean_square(target_means), _root_mean_square(target_deviations)) if numbers else None,
        target_std=_rounded(_root_mean_square(target_deviations)) if numbers else None,
        target_ratio=_rounded(_ratio(moving.max(), moving.min()) if len(moving) else 1.0) if numbers else None,
        smallest_class=None if counts is None else _rounded(float(counts.min()) / len(inputs)),
        probe=probe.fit(dataset),
        columns=tuple(
            ColumnScale(name, _beside(float(mean), float(deviation)), _rounded(float(deviation)))
            for name, mean, deviation in zip(names, means, deviations, strict=True)
        )
        if few
        else (),
    )


def _moments(values: "Float") -> tuple["Float", "Float", "Float"]:
    """Mean, standard deviation and root mean square of each column, [F].

    Columns are brought near 1 by a power of two first, which is exact, so that no square leaves float64's range.
    """
    _, exponent = np.frexp(np.abs(values).max(axis=0, initial=0.0))
    scaled = np.ldexp(values, -exponent)
    mean = scaled.mean(axis=0)
    deviation = np.where((scaled == scaled[0]).all(axis=0), 0.0, np.sqrt(np.square(scaled - mean).mean(axis=0)))
    parts = (mean, deviation, np.sqrt(np.square(scaled).mean(axis=0)))
    return tuple(np.ldexp(part, exponent) for part in parts)  # type: ignore[return-value]


def _root_mean_square(values: "Float") -> float:
    return math.hypot(*values.tolist()) / math.sqrt(max(1, len(values)))


def _repeated(inputs: "Float") -> list[tuple[int, int]]:
    """Columns that are the same as an earlier one in every row and not constant, each with the first such."""
    seen: dict[bytes, int] = {}
    found = []
    for place in range(min(inputs.shape[1], MOST_COMPARED)):
        column = np.ascontiguousarray(inputs[:, place])
        if (column == column[0]).all():
            continue
        first = seen.setdefault(column.tobytes(), place)
        if first != place:
            found.append((place, first))
    return found


def _rounded(value: float) -> float:
    """To `DIGITS` significant digits.

    >>> _rounded(123456.0), _rounded(0.0)
    (123500.0, 0.0)
    """
    return float(f"{value:.{DIGITS - 1}e}")


def _ratio(above: float, below: float) -> float:
    """Of two standard deviations; inf beyond float64's range, or where the lower one is below it."""
    if above == below:  # also where both are below its range
        return 1.0
    with np.errstate(over="ignore", divide="ignore"):
        return float(np.float64(above) / np.float64(below))


def _share(part: float, total: float) -> float:
    """Share of a mean square, given the roots of both; to six decimals, below which it is rounding."""
    return round((part / total) ** 2, 6) if 0 < total < math.inf else 0.0


def _beside(mean: float, deviation: float) -> float:
    """A mean, 0 where it is no more than the rounding of values that spread so far."""
    return _rounded(mean) if abs(mean) > 1e-9 * deviation else 0.0


def said(column: str) -> str:
    r"""A column's name as a sentence has it: in one short line, whatever the file calls it.

    >>> said("a\x1b[31m\nb")
    'a [31m b'
    """
    return cut(clean_line(column), LONGEST_NAME)


def named(names: Sequence[str], number: int) -> str:
    """The first few names of so many.

    >>> named(("a", "b"), 5)
    'a, b and 3 more'
    """
    shown = ", ".join(names)
    return shown if number <= len(names) else f"{shown} and {number - len(names)} more"
