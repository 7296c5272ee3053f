"""A run's metrics in MLflow's database: by its own tables at once, or by its `log_batch`, which takes ten times as long."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from gradlab.report.trackers.contents import Contents

Row = dict[str, Any]

_COLUMNS = {"run_uuid", "key", "value", "timestamp", "step", "is_nan"}
"""What MLflow's tables of metrics hold of one."""

_METRICS, _ROWS = 1000, 10_000
"""Metrics that one call takes; rows that are made before they are written."""


def write_metrics(contents: Contents, run_id: str, store: Any, client: Any) -> None:
    """Write every figure of a run, NaN as NaN and infinities as MLflow's databases have them."""
    rows = Rows(contents, run_id, store.sanitize_metric_value)
    if not _insert(store, rows):
        _log(client, run_id, rows)


@dataclass(frozen=True)
class Rows:
    """A run's metrics as MLflow's tables hold them, made as they are asked for: there may be millions."""

    contents: Contents
    run_id: str
    sanitize: Callable[[float], tuple[bool, float]]

    def every(self) -> Iterator[Row]:
        for name, steps, values in self._series():
            for step, value in zip(steps, values, strict=True):
                yield self._row(name, step, value)

    def latest(self) -> Iterator[Row]:
        for name, steps, values in self._series():
            yield self._row(name, steps[-1], values[-1])

    def _series(self) -> Iterator[tuple[str, list[int], list[float]]]:
        for point in self.contents.points:
            yield point.name, [point.step], [point.value]
        yield from self.contents.figures.by_name()

    def _row(self, name: str, step: int, value: float) -> Row:
        is_nan, kept = (False, value) if math.isfinite(value) else self.sanitize(value)
        when = milliseconds(self.contents.time_of(step))
        return {"run_uuid": self.run_id, "key": name, "value": kept, "timestamp": when, "step": step, "is_nan": is_nan}


def _insert(store: Any, rows: Rows) -> bool:
    """Write metrics into MLflow's own tables at once, all or none; False where this MLflow has others than are known.

    `log_batch` makes an object of every figure: 140,000 of them take 28 s of a core, and 3 s this way.
    """
    try:
        from mlflow.store.tracking.dbmodels.models import SqlLatestMetric, SqlMetric
    except ImportError:
        return False
    tables = [model.__table__ for model in (SqlMetric, SqlLatestMetric)]
    if any(set(table.columns.keys()) != _COLUMNS for table in tables):
        return False
    try:
        transaction = store.ManagedSessionMaker(read_only=False)
    except TypeError:  # of earlier days
        return False
    with transaction as session:
        for table, found in zip(tables, (rows.every(), rows.latest()), strict=True):
            for batch in _batched(found, _ROWS):
                session.execute(table.insert(), batch)
    return True


def _log(client: Any, run_id: str, rows: Rows) -> None:
    """Write metrics by the way that every version has."""
    from mlflow.entities import Metric

    for batch in _batched(rows.every(), _METRICS):
        metrics = [
            Metric(row["key"], math.nan if row["is_nan"] else row["value"], row["timestamp"], row["step"])
            for row in batch
        ]
        client.log_batch(run_id, metrics=metrics)


def _batched(rows: Iterator[Row], most: int) -> Iterator[list[Row]]:
    while batch := list(islice(rows, most)):
        yield batch


def milliseconds(seconds: float) -> int:
    """A time as MLflow has it."""
    return round(seconds * 1000)
