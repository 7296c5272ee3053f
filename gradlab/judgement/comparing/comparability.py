"""Whether figures of two runs can be held against each other: a loss on other data, or another loss, says nothing."""

from typing import Any, Literal

from gradlab.config.catalogue import SOURCES
from gradlab.config.experiment import Data
from gradlab.config.modules import ModuleData, WatchedExperiment, file_of
from gradlab.results.stored import StoredRun

OF_LOSS = frozenset({"loss", "holdout_loss", "loss_ratio", "holdout_gain"})
"""Figures in the unit of the loss."""

OF_DATA = OF_LOSS | {"accuracy", "holdout_accuracy", "holdout_balanced_accuracy"}
"""Figures that say how well something is learned, whose unit is the task."""

_IN_UNITS = frozenset({"loss", "holdout_loss"})
"""Figures that follow the unit of a target that is a number; the others are in units of the best constant answer."""


def obstacle(figure: str, first: StoredRun, other: StoredRun) -> str:
    """Why a figure of two runs cannot be compared, "" where it can: "different data" or "different losses".

    Of a module that was watched it is not known what it learned from: it can be compared with everything.

    Args:
        figure: Its name, without `init.` or `final.`.
        first: A run of what is compared with.
        other: A run of what is compared.
    """
    if figure not in OF_DATA:
        return ""
    if isinstance(first.experiment, WatchedExperiment) or isinstance(other.experiment, WatchedExperiment):
        return ""
    data, others = first.experiment.data, other.experiment.data
    if _task(data) != _task(others) or _other_file(first, other):
        return "different data"
    if figure in OF_LOSS and _loss(first) != _loss(other):
        return "different losses"
    # A target that is a number is standardised, or is not.
    if figure in _IN_UNITS and _kind(first) == "numbers" and _scaled(data) != _scaled(others):
        return "different units"
    return ""


def _scaled(data: Data | ModuleData) -> bool:
    return isinstance(data, Data) and data.standardize


def _task(data: Data | ModuleData) -> tuple[Any, ...]:
    """What is to be learned of which inputs; not how it is drawn, split, scaled or cut into batches."""
    if isinstance(data, ModuleData):
        return data.source, data.build
    return data.source, data.target, data.features, data.classes, data.noise


def _other_file(first: StoredRun, other: StoredRun) -> bool:
    """Whether two runs read files that differ in their path and, as far as it is known, in what is in them."""
    paths = [
        file_of(run.experiment.data) for run in (first, other) if not isinstance(run.experiment, WatchedExperiment)
    ]
    return len(set(paths)) > 1 and (first.summary.data is None or first.summary.data != other.summary.data)


def _loss(run: StoredRun) -> str:
    """The loss that is minimised, where it goes by the task too."""
    loss = "auto" if isinstance(run.experiment, WatchedExperiment) else run.experiment.train.loss
    return loss if loss != "auto" else "mse" if _kind(run) == "numbers" else "cross_entropy"


def _kind(run: StoredRun) -> Literal["classes", "numbers"]:
    """Whether classes or numbers are to be predicted: as the source has it, as the file was read, or as an accuracy tells."""
    data = None if isinstance(run.experiment, WatchedExperiment) else run.experiment.data
    task = SOURCES[data.source].task if isinstance(data, Data) else None
    if task is not None:
        return task
    if run.summary.data is not None:
        return "numbers" if run.summary.data.smallest_class is None else "classes"
    figures = (*run.summary.init.items(), *run.summary.final.items())
    return "classes" if any(name == "accuracy" and value is not None for name, value in figures) else "numbers"
