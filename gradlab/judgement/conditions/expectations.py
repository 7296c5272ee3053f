"""Conditions over one run: what a name in a condition means for it, and which of the config's expectations hold."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

from gradlab.config.catalogue import RUN_FIGURES
from gradlab.config.condition import parse
from gradlab.config.experiment import run_names
from gradlab.config.logic import Looked, Lookup, evaluate, field_value
from gradlab.config.modules import AnyExperiment
from gradlab.config.quantities import LAYER_NAMES
from gradlab.results.record import Expectation, Record, Summary

Recorded = Record | None | Callable[[], Record | None]
"""What was recorded, None where there is nothing; or how it is got at, which happens once and only if it is needed."""


def judged(experiment: AnyExperiment, record: Recorded, summary: Summary) -> Summary:
    """A summary with the config's expectations judged anew; the record may be given as what reads it."""
    return dataclasses.replace(summary, expectations=expect(experiment.expect, experiment, record, summary))


def expect(
    conditions: Sequence[str], experiment: AnyExperiment, record: Recorded, summary: Summary
) -> tuple[Expectation, ...]:
    """Judge conditions over a run.

    Raises:
        ConditionError: If one cannot be read.
    """
    look = lookup(experiment, record, summary)
    names = run_names()
    results = ((text, *evaluate(parse(text, names), look)) for text in conditions)
    return tuple(Expectation(text, passed, actual) for text, passed, actual in results)


def lookup(experiment: AnyExperiment, record: Recorded, summary: Summary) -> Lookup:
    """What a condition's name means for a run.

    Returns:
        Name -> value: `verdict`, `outcome`, `learning_layers` and the other figures of the run, `init.*` and
        `final.*`; for a layer quantity its values over the layers at the last finite record; else the config field of
        that path. None where there is no value.
    """

    @functools.cache
    def config() -> dict[str, Any]:
        return experiment.model_dump(mode="json")

    @functools.cache
    def last() -> tuple[Record | None, int | None]:
        found = record() if callable(record) else record
        return found, None if found is None or not len(found.steps) else found.final_index()

    def look(name: str) -> Looked:
        moment, _, figure = name.partition(".")
        if moment in ("init", "final"):
            return (summary.init if moment == "init" else summary.final).get(figure)
        if name == "verdict":
            return summary.verdict
        if name == "outcome":
            return summary.outcome.kind
        if name in RUN_FIGURES:
            value: float | None = getattr(summary, name)
            return value
        if name in LAYER_NAMES:
            return _layers(*last(), name)
        return field_value(config(), name)

    return look


def over_layers(record: Record | None, quantity: str) -> list[float | None]:
    """A quantity's values over the layers at the last finite record, None where it has no meaning; [] where there is no record."""
    row = None if record is None or not len(record.steps) else record.final_index()
    return _layers(record, row, quantity)


def _layers(record: Record | None, row: int | None, quantity: str) -> list[float | None]:
    """A quantity's values over the layers at one record, None where it has no meaning."""
    column = None if record is None else record.layers.get(quantity)
    if column is None or row is None:
        return []
    pairs = zip(column.values[row], column.present[row], strict=True)
    return [float(value) if present else None for value, present in pairs]
