"""The plane of a run's two inputs through its layers: the run is trained again, looked at, and compared with what was stored.

References:
    Alain and Bengio 2016, arXiv:1610.01644: linear read-outs of every layer.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradlab.config.catalogue import DTYPES
from gradlab.config.experiment import Experiment
from gradlab.datasets import Dataset
from gradlab.errors import SelectionError, UsageError
from gradlab.execution import linear_probe, machine
from gradlab.results.environment import say_products_are_fixed, version
from gradlab.results.input_plane import InputPlane, LayerView, Snapshot
from gradlab.results.record import Float, Record
from gradlab.results.stored import StoredRun

PLACES = 81
"""Places along each side of the grid."""

_MARGIN = 0.12
"""Share of the examples' extent that the grid reaches beyond them, on each side."""

_EXAMPLES = 2000
"""Most examples that a read-out is fitted on, and scored on."""


@dataclass(frozen=True)
class RunData:
    """What a run learns from, and how its numbers are read in the data's own units.

    Attributes:
        centre: Mean of each input over the training part, 0 where they are not standardised, [2].
        spread: Their standard deviation, 1 where they are not or where it is 0, [2].
        target_centre: The same of targets that are numbers, [O].
    """

    run: StoredRun
    experiment: Experiment
    dataset: Dataset
    centre: Float
    spread: Float
    target_centre: Float
    target_spread: Float


def load_run_data(run: StoredRun) -> RunData:
    """Load what a run learns from.

    Raises:
        ConfigError: If its data cannot be loaded.
        SelectionError: If they have not two features, or the network is not a plain stack of dense layers.
    """
    from gradlab import datasets

    experiment = run.experiment
    if not isinstance(experiment, Experiment):
        raise SelectionError(
            f"{run.name}: --kind space goes through a plain stack of dense layers, and this network is a module of your own; "
            "--kind profile and heatmap show it"
        )
    if not experiment.model.is_plain:
        raise SelectionError(
            f"{run.name}: --kind space goes through a plain stack of dense layers, and this network has "
            f"{experiment.model.beyond_plain}; --kind profile and heatmap show it"
        )
    dataset = datasets.load(experiment.data, experiment.train.loss)
    number = dataset.train_inputs.shape[1]
    if number != 2:
        raise SelectionError(
            f"{run.name}: its data have {number} feature{'' if number == 1 else 's'}, and --kind space shows a plane of two; "
            "train on circles, moons, spirals or xor, on a mixture or teacher with data.features=2, or on a file with two "
            "columns beside its target"
        )
    own = dataset
    if experiment.data.standardize:
        own = datasets.load(experiment.data.model_copy(update={"standardize": False}), experiment.train.loss)
    numbers = dataset.task == "numbers"
    return RunData(
        run,
        experiment,
        dataset,
        *_scale(own.train_inputs, scaled=own is not dataset),
        *_scale(np.atleast_2d(own.train_targets.T).T.astype(np.float64), scaled=numbers and own is not dataset),
    )


def _scale(values: Float, *, scaled: bool) -> tuple[Float, Float]:
    """Mean and standard deviation of columns, as standardising takes them."""
    if not scaled:
        return np.zeros(values.shape[1]), np.ones(values.shape[1])
    deviation = values.std(axis=0)
    return values.mean(axis=0), np.where(deviation > 0, deviation, 1.0)


def trace_input_plane(data: RunData) -> InputPlane:
    """Train a run again and see what its layers make of the plane.

    It trains on the kind of device that the stored run was trained on where there is one, else on the processor.

    Raises:
        UsageError: If training does not reach the steps that are stored.
    """
    from gradlab.training.replay import replay

    say_products_are_fixed()
    run, dataset = data.run, data.dataset
    record = run.record
    assert record is not None
    last = record.final_index()
    steps = sorted({int(record.steps[0]), int(record.steps[last or 0])})
    layers = choose(record.depth)
    held = len(dataset.holdout_inputs) > 0
    fitted = dataset.train_inputs[:_EXAMPLES]
    scored = (dataset.holdout_inputs if held else dataset.train_inputs)[:_EXAMPLES]
    scored_targets = (dataset.holdout_targets if held else dataset.train_targets)[: len(scored)]
    fitted_targets = dataset.train_targets[: len(fitted)]
    sides = _sides(np.concatenate([dataset.train_inputs, dataset.holdout_inputs]))
    grid = np.stack(np.meshgrid(*sides), axis=-1)
    places = np.concatenate([grid.reshape(-1, 2), fitted, scored])
    stop = run.summary.outcome.step if run.outcome == "interrupted" else None
    trained, seen = replay(data.experiment, dataset, places, layers, steps, stop=stop, device=_device(run))
    if trained.record is None or set(seen) != set(steps):
        raise UsageError(f"{run.path}: trained again, it does not come to step {steps[-1]}, which is stored of it")
    examples = _Examples(data, grid, fitted, fitted_targets, scored_targets)
    moments = []
    for step in steps:
        views = [examples.layer(0, places)]
        views += [examples.layer(layer, seen[step].hidden[layer]) for layer in layers]
        views.append(examples.output(record.depth + 1, seen[step].outputs))
        moments.append(Snapshot(step, tuple(views), (0, *layers, record.depth + 1)))
    return InputPlane(
        names=(dataset.feature_names[0], dataset.feature_names[1]),
        x=sides[0] * data.spread[0] + data.centre[0],
        y=sides[1] * data.spread[1] + data.centre[1],
        points=fitted * data.spread + data.centre,
        targets=fitted_targets if dataset.task == "classes" else examples.own(fitted_targets)[:, 0],
        class_names=dataset.class_names,
        num_outputs=dataset.num_outputs,
        scored="held-out" if held else "training",
        moments=tuple(moments),
        deviation=deviation(run, record, trained.record),
    )


def choose(depth: int) -> list[int]:
    """Hidden layers that are looked at: the first, the last, and two between.

    >>> choose(1), choose(3), choose(50)
    ([1], [1, 2, 3], [1, 17, 34, 50])
    """
    return sorted({round(float(layer)) for layer in np.linspace(1, depth, min(depth, 4))})


def deviation(run: StoredRun, stored: Record, again: Record) -> str | None:
    """How losses of a second training differ from the stored ones; None where none does, to the last bit."""
    ours, theirs = again.figures["loss"].values, stored.figures["loss"].values
    number = min(len(ours), len(theirs))
    same = (ours[:number] == theirs[:number]) | (np.isnan(ours[:number]) & np.isnan(theirs[:number]))
    if same.all() and np.array_equal(again.steps, stored.steps):
        return None
    then = f"torch {run.manifest.get('torch')} on {run.manifest.get('device')}"
    now = f"torch {version('torch')} on {_device(run)}"
    made = (
        f"it was trained with {then}, now with {now}" if then != now else f"with {now}, as before; did its data change?"
    )
    if same.all():
        return f"trained again, the run ended elsewhere than stored: {made}"
    first = int(np.flatnonzero(~same)[0])
    with np.errstate(invalid="ignore"):
        away = np.abs(ours[:number] - theirs[:number])[~same]
    most = float(np.nan_to_num(away, nan=np.inf).max())
    return f"trained again, its losses differ from the stored ones from step {int(stored.steps[first])} on, by up to {most:.2g}: {made}"


def _device(run: StoredRun) -> str:
    """Where to train again: on such a device as the first time where there is one."""
    kind = machine.kind(str(run.manifest.get("device", "cpu")))
    try:
        return machine.resolve(kind)
    except UsageError:
        return "cpu"


def _sides(inputs: Float) -> tuple[Float, Float]:
    """Places along both sides of a grid that reaches beyond all examples, as the network is given them."""
    low, high = inputs.min(axis=0), inputs.max(axis=0)
    room = np.where(high > low, _MARGIN * (high - low), 1.0)
    first, second = (np.linspace(low[axis] - room[axis], high[axis] + room[axis], PLACES) for axis in range(2))
    return first, second


@dataclass(frozen=True)
class _Examples:
    """Places and examples of one run, and what its layers make of them.

    Attributes:
        grid: Places, [G, G, 2].
        fitted: Examples that read-outs are fitted on, [P, 2].
        fitted_targets: Classes [P], or numbers [P, O].
        scored_targets: Likewise, of the examples that they are scored on, [M].
    """

    data: RunData
    grid: Float
    fitted: Float
    fitted_targets: NDArray[np.int64] | Float
    scored_targets: NDArray[np.int64] | Float

    def layer(self, layer: int, activations: Float) -> LayerView | None:
        if not np.isfinite(activations).all():
            return None
        _, fitted, _ = self._parts(activations)
        probe = linear_probe.fit(fitted, self._columns(), self._resolution)
        return self._view(layer, activations, probe(activations))

    def output(self, layer: int, outputs: Float) -> LayerView | None:
        """The network's output, which is its own read-out."""
        if not np.isfinite(outputs).all():
            return None
        if self._classes and outputs.shape[1] == 1:  # one number tells two classes apart
            return self._view(layer, outputs, np.concatenate([-outputs, outputs], axis=1))
        return self._view(layer, outputs, outputs)

    def own(self, numbers: NDArray[np.int64] | Float) -> Float:
        """Targets or answers in the data's own units."""
        return np.asarray(numbers * self.data.target_spread + self.data.target_centre)

    def _view(self, layer: int, activations: Float, scores: Float) -> LayerView:
        """A layer on its two principal components, with what is said of each place."""
        grid, fitted, _ = self._parts(activations)
        placed = linear_probe.components(fitted, self.fitted, self._resolution)
        side = self.grid.shape[0]
        told, _, scored = self._parts(scores)
        return LayerView(
            layer=layer,
            grid=placed(grid).reshape(side, side, 2),
            points=placed(fitted),
            shares=placed.shares,
            scores=(told if self._classes else self.own(told)).reshape(side, side, -1),
            right=self._right(scored),
        )

    def _parts(self, values: Float) -> list[Float]:
        """Rows of the grid, of the examples that are fitted, and of those that are scored."""
        places = self.grid.shape[0] * self.grid.shape[1]
        return np.split(values, [places, places + len(self.fitted)])

    @property
    def _classes(self) -> bool:
        return self.data.dataset.task == "classes"

    @property
    def _resolution(self) -> float:
        return DTYPES[self.data.experiment.train.dtype.storage].epsilon

    def _columns(self) -> Float:
        if not self._classes:
            return np.asarray(self.fitted_targets, dtype=np.float64)
        return np.eye(self.data.dataset.num_outputs)[self.fitted_targets.astype(np.int64)]

    def _right(self, told: Float) -> float:
        """Share of the scored examples that is right, or R² of the first number."""
        if self._classes:
            return float((told.argmax(axis=1) == self.scored_targets).mean())
        wanted = np.asarray(self.scored_targets, dtype=np.float64)[:, 0]
        total = float(np.square(wanted - wanted.mean()).sum())
        left = float(np.square(wanted - told[:, 0]).sum())
        return 1.0 - left / total if total > 0 else float("nan")
