"""What a run's data are like, what there is to learn in them, and how much of it the network learned."""

import math
from dataclasses import dataclass

from gradlab.config.text import rounded
from gradlab.datasets.profile import DataProfile, named, said
from gradlab.report.words.table import Field, Table
from gradlab.report.words.values import counted, say
from gradlab.results.record import Column, Record, Summary

OFFSET = 0.9
"""Share of the inputs' mean square that is the columns' means, from which it is told: less is how grey values are."""

LARGEST = 0.5
"""Share of the inputs' mean squares that one of three columns or more has, from which it is told."""

RARE = 0.5
"""Share of the rarest class beside that of equal classes, from which down it is told."""

MANY = 0.5
"""Share of the columns that are constant, from which a terminal tells it: in pictures a few pixels of the margin always are."""

UNLIKE = 10.0
"""Largest over smallest root mean square of the columns, from which they are shown one by one."""

_SAID = {"scale": ("offset", "largest column"), "columns": ("repeated columns",)}
"""What findings tell of the data by themselves."""


@dataclass(frozen=True)
class ColumnSizes:
    """Every column's mean and standard deviation over the training rows, in the columns' order."""

    names: tuple[str, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]

    @property
    def table(self) -> Table:
        fields = (Field("column"), Field("mean", "figure"), Field("std", "figure"))
        return Table(fields, tuple(zip(self.names, self.means, self.deviations, strict=True)))


@dataclass(frozen=True)
class DataView:
    """What there is to see of a run's data.

    Attributes:
        facts: What each is called, and what is said of it; those of which there is something to say.
        lines: The same in a few words: how much was learned, and what is not as it usually is and no finding tells.
        columns: Every column where there are few and they differ in size, else None.
    """

    facts: tuple[tuple[str, str], ...]
    lines: tuple[str, ...]
    columns: ColumnSizes | None


def data_view(summary: Summary, record: Record | None) -> DataView | None:
    """What there is to see; None of a run that was stored before its data were looked at."""
    data = summary.data if record is None or record.data is None else record.data
    if data is None:
        return None
    remarkable, fit = _remarkable(data, record), _linear_fit(data)
    facts = [("rows", _rows(data)), ("inputs", f"root mean square {say(data.input_rms)}"), *remarkable.items()]
    facts += [("targets", _targets(data))] if data.target_std is not None else []
    facts += [("a linear fit", fit)] if fit else []
    if record is not None and record.constant_loss is not None:
        right = "" if record.constant_accuracy is None else f", accuracy {say(record.constant_accuracy, 'share')}"
        facts.append(("best constant answer", f"loss {say(record.constant_loss)}{right}"))
        gained = _gained(record, balanced=True)
        facts += [("the network", f"loss {gained}")] if gained else []
    return DataView(tuple(facts), tuple(_lines(summary, data, record, remarkable)), _columns(data))


def _lines(summary: Summary, data: DataProfile, record: Record | None, remarkable: dict[str, str]) -> list[str]:
    lines = []
    gained = "" if record is None else _gained(record, balanced="rarest class" in remarkable)
    if record is not None and gained:
        constant = say(record.constant_loss)
        lines.append(
            f"the best answer that does not look at the inputs has a loss of {constant}; the network's is {gained}"
        )
    said = {name for finding in summary.findings for name in _SAID.get(finding.rule, ())}
    said |= set() if data.num_constant > MANY * data.num_features else {"constant columns"}
    told = [words for name, words in remarkable.items() if name not in said]
    return [*lines, *([f"data: {'; '.join(told)}"] if told else [])]


def _rows(data: DataProfile) -> str:
    held = f", {data.num_holdout:,} held out" if data.num_holdout else ", none held out"
    return f"{data.num_train:,} in training{held}; {counted(data.num_features, 'column')}"


def _remarkable(data: DataProfile, record: Record | None) -> dict[str, str]:
    """What is not as it usually is, by what it is about."""
    found = {}
    if data.num_distinct_rows == 1:
        found["alike"] = "all training rows have the same inputs"
    if data.offset_share > OFFSET:
        found["offset"] = f"{_percent(data.offset_share)} of the inputs' mean square is an offset that all rows have"
    if data.num_features > 2 and data.largest_share > LARGEST:
        found["largest column"] = (
            f"'{said(data.largest_column)}' has {_percent(data.largest_share)} of the inputs' square sum"
        )
    if data.num_constant and data.num_distinct_rows > 1:
        which = named([said(one) for one in data.constant_columns], data.num_constant)
        is_one = data.num_constant == 1
        found["constant columns"] = (
            f"{_of(data.num_constant, data)} {'is' if is_one else 'are'} the same in every training row: {which}"
        )
    if data.num_repeated:
        pairs = named([f"{said(one)} ({said(first)})" for one, first in data.repeated_columns], data.num_repeated)
        is_one = data.num_repeated == 1
        found["repeated columns"] = (
            f"{_of(data.num_repeated, data)} {'is a copy' if is_one else 'are copies'} of an earlier one: {pairs}"
        )
    classes = 0 if record is None else max(2, int(record.fan_out[-1]))
    if data.smallest_class is not None and data.smallest_class * classes < RARE and classes:
        found["rarest class"] = f"the rarest class has {_percent(data.smallest_class)} of the training rows"
    return found


def _of(number: int, data: DataProfile) -> str:
    return f"{number} of {counted(data.num_features, 'column')}"


def _targets(data: DataProfile) -> str:
    ratio = data.target_ratio
    apart = "" if ratio is None or ratio <= UNLIKE else f"; one spreads {say(ratio)} times as far as another"
    return f"{say(data.target_mean)} ± {say(data.target_std)}{apart}"


def _linear_fit(data: DataProfile) -> str:
    """What a linear fit learns; "" where none was tried."""
    if data.probe is None:
        return ""
    share = f"{100 * data.probe.explained:.3g} ± {100 * data.probe.error:.2g} %"
    if data.probe.finds:
        return f"explains {share} of the targets' variance on rows that it was not fitted on"
    return f"finds nothing: {share} of the targets' variance on rows that it was not fitted on"


def _gained(record: Record, balanced: bool) -> str:
    """How far the network's loss is from the best constant answer's at the last finite step; "" where they were not compared there."""
    if record.constant_loss is None:
        return ""
    last = record.final_index()
    said = []
    for part, words in (("holdout", "on held-out rows"), ("train", "on training rows")):
        gain, error = _last(record, f"{part}_gain", last), _last(record, f"{part}_gain_error", last)
        if gain is None or error is None:
            continue
        right = _last(record, f"{part}_balanced_accuracy", last) if balanced else None
        more = "" if right is None else f" (balanced accuracy {say(right, 'share')})"
        where = "below" if gain > 0 else "above"
        size = (
            f"{rounded(abs(gain), 2)} ± {rounded(error, 1)}"
            if math.isfinite(gain) and math.isfinite(error)
            else "not finite, far"
        )
        said.append(f"{size} {where} it {words}{more}")
    return " and ".join(said)


def _last(record: Record, name: str, last: int | None) -> float | None:
    column: Column | None = record.figures.get(name)
    if column is None or last is None or not column.present[last]:
        return None
    return float(column.values[last])


def _columns(data: DataProfile) -> ColumnSizes | None:
    sizes = [size for size in (math.hypot(one.mean, one.std) for one in data.columns) if size > 0]
    if len(sizes) < 2 or max(sizes) <= UNLIKE * min(sizes):
        return None
    return ColumnSizes(
        tuple(said(one.name) for one in data.columns),
        tuple(one.mean for one in data.columns),
        tuple(one.std for one in data.columns),
    )


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
