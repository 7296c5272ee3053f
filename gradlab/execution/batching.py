"""How batches are cut into tasks: small enough for memory and caches, and enough of them to keep every worker busy.

A run's numbers do not depend on its batch, so a batch may be cut anywhere.
"""

import itertools
import math
from collections.abc import Sequence

from gradlab.config import catalogue, memory
from gradlab.config.experiment import Experiment, num_steps
from gradlab.config.modules import ModuleExperiment, Trainable
from gradlab.execution.executors.contract import Task
from gradlab.execution.machine import num_cores
from gradlab.execution.plan import Plan, Planned, Settings
from gradlab.execution.planned_data import PlannedData, Sizes

MOST_RUNS = 32
"""Runs in a batch beyond which nothing is gained on a CPU, however small they are: caches overflow."""

FEWEST_RUNS = 8
"""Runs that a batch is not cut below, unless memory asks for it."""

OVERHEAD_SHARE = 0.05
"""Share of a step's time that may go to its calls, which are the same for one run and for many."""

PIECES_PER_WORKER = 2
"""Tasks that a worker should find at least: with one, all would wait for the slowest, and runs be stored only at the end."""

_MEMORY_SHARE = 0.25
"""Share of the machine's memory that all tasks at work may take by the estimate; results on their way to the disk take as much again."""

_SECONDS_PER_LAYER = 10e-6
_SECONDS_PER_FLOP = 1 / 60e9
_SECONDS_PER_ENTRY = 3.5e-9
"""Of one step on one core, fitted to docs/speed.md: for the calls, for products, and for everything that passes over a signal."""

_SECONDS_PER_STEP = 0.25e-3
"""Of one step, whatever the network: its examples, its loss, its row of figures."""

_SECONDS_PER_WEIGHT = 6e-9
"""Of one step, for each number that an optimizer keeps of the gradients before."""

_NUMBER_FACTORS = {"float32": 1.0, "float64": 2.0, "bfloat16": 1.5, "float16": 6.0}
"""How long work on these numbers takes, against float32; measured on CPUs."""

_NORM_FACTOR = 1.6
"""With a normalisation between the layers, against none."""

_MORE_FIGURES = 2.5
"""What a recorded step takes beside the update where more is recorded than the default."""


def seconds(experiment: Experiment, num_runs: int, sizes: Sizes) -> float:
    """About how long a batch of so many such runs trains on one core."""
    calls, work = _step(experiment, sizes)
    train, record, model = experiment.train, experiment.record, experiment.model
    factor = _NUMBER_FACTORS[train.dtype.storage] * (1.0 if model.norm is None else _NORM_FACTOR)
    if record.quantities != "default":
        factor *= 1.0 + _MORE_FIGURES / record.every
    states = catalogue.OPTIMIZERS[train.optimizer.name].num_states
    work = factor * work + states * _num_weights(experiment, sizes) * _SECONDS_PER_WEIGHT
    return num_steps(experiment, sizes.num_examples) * (_SECONDS_PER_STEP + calls + num_runs * work)


def _step(experiment: Experiment, sizes: Sizes) -> tuple[float, float]:
    """Seconds of one step: of its calls, and of one run's work."""
    model, B = experiment.model, experiment.data.batch_size
    positions = _positions(experiment)
    flops = 6 * B * positions * _num_weights(experiment, sizes)
    work = flops * _SECONDS_PER_FLOP + (model.depth + 1) * B * positions * model.width * _SECONDS_PER_ENTRY
    return (model.depth + 1) * _SECONDS_PER_LAYER, work


def _positions(experiment: Experiment) -> int:
    """Places of an image at which a convolution's weights are used; 1 in a dense network."""
    image = experiment.data.image
    return 1 if image is None or experiment.model.kind != "conv" else math.prod(image[1:])


def _num_weights(experiment: Experiment, sizes: Sizes) -> int:
    """Weights that are used at each place."""
    model, image = experiment.model, experiment.data.image
    maps = (model.depth - 1) * (1 if model.residual is None else model.residual.layers)
    if image is None or model.kind != "conv":
        return maps * model.width**2 + model.width * (sizes.num_features + sizes.num_outputs)
    area = (model.kernel or 1) ** 2
    return area * (maps * model.width**2 + image[0] * model.width) + model.width * sizes.num_outputs // _positions(
        experiment
    )


def most_runs(experiment: Experiment, sizes: Sizes, size: int, on_gpu: bool) -> int:
    """Such runs that one batch should hold at most, where `size` batches train at the same time.

    A GPU can hardly be filled: there only memory counts.
    """
    machine = memory.machine_bytes()
    here = min(size, num_cores())  # the others of a cluster train elsewhere
    worth = None
    if not on_gpu:
        calls, work = _step(experiment, sizes)
        worth = max(FEWEST_RUNS, min(MOST_RUNS, math.ceil(calls / (OVERHEAD_SHARE * work))))
    if machine is None:
        return MOST_RUNS if worth is None else min(MOST_RUNS, worth)
    return _fitting(experiment, sizes, int(_MEMORY_SHARE * machine / here), worth)


def _fitting(experiment: Experiment, sizes: Sizes, most_bytes: int, most: int | None) -> int:
    """Such runs that need no more memory than so much together; one at least, and no more than `most` where that is given."""
    one, two = (memory.estimate(experiment, sizes.of_data, num_runs).total for num_runs in (1, 2))
    fitting = 1 + max(0, most_bytes - one) // max(1, two - one)
    if most is not None:  # before the loop, which would come down to it from thousands
        fitting = min(fitting, most)
    while fitting > 1 and memory.estimate(experiment, sizes.of_data, fitting).total > most_bytes:
        fitting = fitting * 7 // 8
    return max(1, fitting)


def divide(
    batches: Sequence[Sequence[Planned]],
    sizes: Sequence[Sizes],
    size: int = 1,
    max_runs: int | None = None,
    on_gpu: bool = False,
) -> list[Task]:
    """Cut batches into tasks, the longest first, for `size` that train at the same time; `max_runs` None is what is
    best here. Modules of one's own come before all others: each trains alone, and nobody knows for how long.
    """
    own = [batch for batch in batches if isinstance(batch[0].experiment, ModuleExperiment)]
    networks = [
        (tuple(experiments), of)
        for batch, of in zip(batches, sizes, strict=True)
        if (experiments := [run.experiment for run in batch if isinstance(run.experiment, Experiment)])
    ]
    pieces = _pieces(networks, size, max_runs, on_gpu)
    runs: list[tuple[Trainable, ...]] = [tuple(run.experiment for run in batch) for batch in own]
    return [Task(number, experiments) for number, experiments in enumerate([*runs, *pieces])]


def _pieces(
    batches: Sequence[tuple[tuple[Experiment, ...], Sizes]], size: int, max_runs: int | None, on_gpu: bool
) -> list[tuple[Experiment, ...]]:
    """Batches of networks that gradlab builds, cut, the longest first."""
    whole = sum(seconds(batch[0], len(batch), of) for batch, of in batches)
    pieces: list[tuple[float, tuple[Experiment, ...]]] = []
    for batch, of in batches:
        first = batch[0]
        most = max_runs or most_runs(first, of, size, on_gpu)
        count = math.ceil(len(batch) / most)
        if size > 1:
            fair = math.ceil(PIECES_PER_WORKER * size * seconds(first, len(batch), of) / whole)
            count = max(count, min(fair, math.ceil(len(batch) / FEWEST_RUNS)))
        for start, stop in itertools.pairwise(round(len(batch) * cut / count) for cut in range(count + 1)):
            runs = batch[start:stop]
            pieces.append((seconds(first, len(runs), of), runs))
    pieces.sort(key=lambda piece: -piece[0])
    return [runs for _, runs in pieces]


def tasks_of(plan: Plan, data: PlannedData, size: int, settings: Settings) -> list[Task]:
    """The batches of a plan, cut for an executor that trains `size` tasks at the same time."""
    if settings.max_runs == 0:
        batches = (tuple(planned.experiment for planned in batch) for batch in plan.batches)
        return [Task(number, experiments) for number, experiments in enumerate(batches)]
    firsts = [batch[0].experiment for batch in plan.batches]
    sizes = [data.sizes((first.data, first.train.loss)) for first in firsts]
    return divide(plan.batches, sizes, size, settings.max_runs, settings.on_gpu)
