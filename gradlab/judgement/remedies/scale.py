"""The scale of the data: whether inputs or targets are of a size that no start and no learning rate is made for.

Starts and learning rates are for inputs and targets of about 1. `data.standardize` brings every input there, and targets that are numbers.
"""

from dataclasses import dataclass

from gradlab.config.experiment import Experiment
from gradlab.config.modules import ModuleData, ModuleExperiment
from gradlab.config.text import rounded
from gradlab.datasets.profile import DataProfile, said
from gradlab.judgement.limits import LARGE, OFFSET, ONE_COLUMN
from gradlab.judgement.remedies.advice import Advice, change
from gradlab.judgement.wording import percent
from gradlab.results.record import Record

FEW = 2
"""Columns up to which one of them may well have most of it."""


@dataclass(frozen=True)
class ScaleFault:
    """What is wrong with the scale of the data.

    Attributes:
        what: `inputs`, `targets`, or both.
        value: The figure that tells.
        limit: What it is compared with.
        reason: Clause that says it with its figures.
    """

    what: str
    value: float
    limit: float
    reason: str


def scale_fault(experiment: Experiment | ModuleExperiment, record: Record | None) -> ScaleFault | None:
    """What is wrong with the scale of a run's data; None where nothing is, they are standardised, or the user's own loader gives them."""
    if isinstance(experiment.data, ModuleData) or experiment.data.standardize or record is None:
        return None
    if record.data is None:
        return _of_first_batch(record.input_mean_square**0.5)
    faults = [fault for fault in (_of_inputs(record.data), _of_targets(record.data)) if fault is not None]
    if len(faults) < 2:
        return faults[0] if faults else None
    inputs, targets = faults
    return ScaleFault("inputs and targets", inputs.value, inputs.limit, f"{inputs.reason}; {targets.reason}")


def tiny_inputs(experiment: Experiment, record: Record) -> bool:
    """Whether the inputs, as the network gets them, are far smaller than starts are made for."""
    if experiment.data.standardize:
        return False
    rms = record.input_mean_square**0.5 if record.data is None else record.data.input_rms
    return 0.0 < rms < 1.0 / LARGE


def _of_first_batch(rms: float) -> ScaleFault | None:
    """Of runs of which no more was recorded."""
    if rms == 0.0 or 1.0 / LARGE < rms < LARGE:
        return None
    reason = f"the first batch's inputs have a root mean square of {rounded(rms, 3)}"
    return ScaleFault("inputs", rms, LARGE if rms > 1 else 1.0 / LARGE, reason)


def _of_inputs(data: DataProfile) -> ScaleFault | None:
    rms, many = data.input_rms, data.num_features > 1
    if rms == 0.0 or data.num_distinct_rows == 1:  # no scale makes a difference where there is none
        return None
    one = many and data.largest_share > ONE_COLUMN and data.spread_ratio > LARGE
    largest = (
        f"column '{said(data.largest_column)}' has {percent(data.largest_share)} of their square sum" if one else ""
    )
    offset = f"{percent(data.offset_share)} of their mean square is an offset that all examples have"
    if not 1.0 / LARGE <= rms <= LARGE:
        more = f", and {largest}" if largest else f", and {offset}" if data.offset_share > OFFSET else ""
        reason = f"the inputs have a root mean square of {rounded(rms, 3)}, where starts are made for 1{more}"
        return ScaleFault("inputs", rms, LARGE if rms > 1 else 1.0 / LARGE, reason)
    if data.offset_share > OFFSET:
        return ScaleFault("inputs", data.offset_share, OFFSET, f"of the inputs {offset}")
    if one and (data.num_features > FEW or data.largest_share > 1.0 - (1.0 - ONE_COLUMN) ** 2):
        return ScaleFault("inputs", data.largest_share, ONE_COLUMN, f"of the inputs {largest}")
    return None


def _of_targets(data: DataProfile) -> ScaleFault | None:
    if data.target_std is None or data.target_mean is None or data.target_std == 0.0:
        return None
    size = (data.target_mean**2 + data.target_std**2) ** 0.5
    told = f"the targets are {rounded(data.target_mean, 3)} ± {rounded(data.target_std, 3)}" if data.target_mean else (
        f"the targets have a standard deviation of {rounded(data.target_std, 3)}"
    )  # fmt: skip
    if not 1.0 / LARGE <= size <= LARGE:
        reason = f"{told}, where outputs begin near 1"
        return ScaleFault("targets", size, LARGE if size > 1 else 1.0 / LARGE, reason)
    if data.target_mean > LARGE * data.target_std:
        return ScaleFault("targets", data.target_mean / data.target_std, LARGE, f"{told}, all but an offset")
    if data.target_ratio is not None and data.target_ratio > LARGE:
        reason = f"one target spreads {rounded(data.target_ratio, 3)} times as far as another, and the loss is all but its own"
        return ScaleFault("targets", data.target_ratio, LARGE, reason)
    return None


def standardised(fault: ScaleFault) -> Advice:
    """The remedy: the one setting that undoes the scale of inputs and targets alike."""
    return change({"data.standardize": True}, fault.reason)
