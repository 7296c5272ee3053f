"""A run's metrics in MLflow's database: by its own tables at once, or by its `log_batch`, which takes ten times as long."""

import math
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, islice
from typing import Any

from gradlab.report.trackers.contents import Contents

Row = dict[str, Any]

_COLUMNS = {"run_uuid", "key", "value", "timestamp", "step", "is_nan"}
"""What MLflow's tables of metrics hold of one."""

_METRICS, _ROWS = 1000, 10_000
"""Metrics that one call takes; rows that are made before they are written."""


def write_metrics(contents: Contents, run_id: str, store: Any, client: Any) -> None:
    """Write every figure of a run, NaN as NaN and infinities as MLflow's databases have them."""
    every = partial(_rows, contents, run_id, store.sanitize_metric_value)
    if not _insert(store, every(), every(first=-1)):
        _log(client, run_id, every())


def _rows(
    contents: Contents, run_id: str, sanitize: Callable[[float], tuple[bool, float]], first: int = 0
) -> Iterator[Row]:
    """Metrics as MLflow's tables hold them, of each series from `first` on, made when they are asked for: there may be millions."""
    single = ((point.name, [point.step], [point.value]) for point in contents.points)
    for name, steps, values in chain(single, contents.figures.by_name()):
        for step, value in zip(steps[first:], values[first:], strict=True):
            is_nan, kept = (False, value) if math.isfinite(value) else sanitize(value)
            when = milliseconds(contents.time_of(step))
            yield {"run_uuid": run_id, "key": name, "value": kept, "timestamp": when, "step": step, "is_nan": is_nan}


def _insert(store: Any, every: Iterator[Row], latest: Iterator[Row]) -> bool:
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
        for table, rows in zip(tables, (every, latest), strict=True):
            for batch in _batched(rows, _ROWS):
                session.execute(table.insert(), batch)
    return True


def _log(client: Any, run_id: str, rows: Iterator[Row]) -> None:
    """Write metrics by the way that every version has."""
    from mlflow.entities import Metric

    for batch in _batched(rows, _METRICS):
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
