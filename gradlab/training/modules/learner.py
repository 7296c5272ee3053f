"""Trains somebody's own module in a plain PyTorch loop, one run by itself, and watches it as `gradlab.watch` does.

The same run gives the same bits on one machine: it is seeded, it computes with one thread on a CPU, and nothing of other runs is left in
the process. Random numbers of the process are as they were when it is over.
"""

import math
import random
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from gradlab.config.allowed_code import NO_CODE, AllowedCode
from gradlab.config.experiment import Data, num_steps
from gradlab.config.modules import ModuleExperiment
from gradlab.datasets import Dataset
from gradlab.datasets.order import Order
from gradlab.datasets.statistics import constant_answer, input_correlation, input_sizes
from gradlab.errors import OwnCodeError, WatchWarning
from gradlab.network import losses
from gradlab.network.network import Network, Shape
from gradlab.network.place import Place
from gradlab.results.record import Column, Outcome, Progress, Record, Timing, Trained
from gradlab.training import loop
from gradlab.training.engine import DTYPES
from gradlab.training.modules.assessed import AssessedModule
from gradlab.training.modules.code import called, guarded, importable
from gradlab.training.modules.feed import DatasetFeed, OwnFeed
from gradlab.training.modules.objective import Objective, resolved
from gradlab.training.modules.optimizer import optimizer, rate
from gradlab.training.modules.recorded import ModuleSoFar
from gradlab.training.record.alignment import Alignment
from gradlab.training.record.assessment import Assessment, PartFigures
from gradlab.training.record.quantities import assessed_columns
from gradlab.training.step_threads import StepThreads
from gradlab.training.watching.options import Options
from gradlab.training.watching.watcher import Watcher

BLOCK_STEPS = 32
"""Steps from one look to the next whether the run is finite, on a GPU."""


def train(
    experiment: ModuleExperiment,
    dataset: Dataset | None,
    device: str,
    observer: Callable[[Progress], None] | None = None,
    code: AllowedCode = NO_CODE,
) -> Trained:
    """Imports, builds and trains a module.

    Args:
        experiment: What is trained.
        dataset: What it learns from; None where its own code gives the batches.
        device: `cpu`, `cuda` or `cuda:N`.
        observer: Called now and then with the progress.
        code: What may be imported, and from where.

    Returns:
        What was recorded. A run that diverges is a result; Ctrl+C ends it and keeps what was recorded.

    Raises:
        UsageError: If its code is not allowed.
        OwnCodeError: If its code cannot be used: it cannot be imported, raises, or does not fit the data.
    """
    place = Place(DTYPES[experiment.train.dtype.storage], torch.device(device), 1, torch.device(device).type == "cpu")
    with ExitStack() as stack:
        stack.enter_context(redirect_stdout(sys.stderr))  # what the code prints is not the command's answer
        stack.enter_context(importable(experiment.packages, code))
        stack.enter_context(_seeded(experiment.seed, place.device))
        stack.enter_context(torch.enable_grad())
        stack.enter_context(np.errstate(all="ignore"))  # a run that diverges is a result, and not a warning
        if not place.may_read_back:
            stack.enter_context(torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True))
        learner = ModuleLearner(experiment, dataset, place, code)
        stack.callback(learner.close)
        return loop.train(learner, observer)[0]


@contextmanager
def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    """A context with its own random numbers and one thread, after which those of the process are as they were."""
    states, threads, dtype = (
        (random.getstate(), np.random.get_state()),
        torch.get_num_threads(),
        torch.get_default_dtype(),
    )
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        try:
            torch.manual_seed(seed)
            random.seed(seed)
            np.random.seed(seed % 2**32)
            if device.type == "cpu":
                torch.set_num_threads(1)
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])
            torch.set_num_threads(threads)
            torch.set_default_dtype(dtype)


@dataclass
class _Last:
    """The last step that was trained; whether it was finite is known on a CPU at once."""

    loss: Tensor | None = None
    diverged: int | None = None


class ModuleLearner:
    """One module that trains; see `training.learner.Learner`."""

    def __init__(self, experiment: ModuleExperiment, dataset: Dataset | None, place: Place, code: AllowedCode) -> None:
        """See `train`."""
        self.experiment, self.place, self._dataset, self._code = experiment, place, dataset, code
        self.names: tuple[str, ...] = (experiment.name,)
        self.threads = StepThreads(place.num_threads, chooses=False)
        self.num_steps = num_steps(experiment, 0 if dataset is None else len(dataset.train_inputs))
        self.block_steps = BLOCK_STEPS
        self.every = experiment.record.every
        self._last = _Last()
        self._module = self._built()
        self._feed, self._objective = self._data()
        self._assessment, self._head = self._assessed()
        self._settle_shapes()
        parameters = list(self._module.parameters())
        if not any(each.requires_grad for each in parameters):
            none = "no parameters" if not parameters else "no parameters that learn (requires_grad)"
            raise OwnCodeError(f"model.build: the module of {experiment.model.build} has {none}")
        self._optimizer = optimizer(experiment.train, parameters)
        self._watcher = Watcher(
            self._module, self._optimizer, options=Options(every=self.every, quantities=experiment.record.quantities)
        )
        self.so_far = ModuleSoFar(self._watcher.record)

    def _built(self) -> nn.Module:
        own = self.experiment.model
        module = called("model", own.build, own.args, self._code)
        if not isinstance(module, nn.Module):
            raise OwnCodeError(f"model.build: {own.build} returns {type(module).__name__}; expected a torch.nn.Module")
        with guarded(
            f"train.dtype: the module of {own.build} cannot be brought to {self.experiment.train.dtype.storage}"
        ):
            return module.to(device=self.place.device, dtype=self.place.dtype)

    def _data(self) -> tuple[DatasetFeed | OwnFeed, Objective]:
        experiment, data = self.experiment, self.experiment.data
        build, loss = experiment.model.build, experiment.train.loss
        if isinstance(data, Data):
            dataset = self._dataset
            assert dataset is not None
            classes = dataset.task == "classes"
            loss = resolved(loss, classes)
            outputs = 1 if loss == "binary_cross_entropy" else dataset.num_outputs
            feed = DatasetFeed(data, dataset, experiment.seed, self.block_steps, self.place)
            return feed, Objective(loss, classes, outputs, build)
        own = OwnFeed(data, self.place, self._code)
        loss = resolved(loss, own.classifies)
        return own, Objective(loss, own.classifies or loss == "binary_cross_entropy", None, build)

    def _assessed(self) -> tuple[Assessment | None, losses.Head | None]:
        """What compares the module with the best constant answer, where a data set says what that is."""
        feed, objective, data, dataset = self._feed, self._objective, self.experiment.data, self._dataset
        if not isinstance(feed, DatasetFeed) or not isinstance(data, Data) or dataset is None:
            return None, None
        outputs = objective.num_outputs or 1
        features = dataset.train_inputs.shape[1]
        sizes = Shape(1, data.batch_size, features, outputs, (features,), (outputs,))
        seen = AssessedModule(self._module, self._outputs, feed.shape, sizes, self.place)
        head = losses.head(objective.loss, objective.classifies, (1, data.batch_size, outputs), self.place)
        # It asks no more of a network than this has.
        return Assessment(dataset, objective.loss, cast(Network, seen), feed.batches, self.num_steps, self.every), head

    def _settle_shapes(self) -> None:
        """Lets a module whose sizes follow from its inputs see some."""
        if not any(isinstance(each, nn.parameter.UninitializedParameter) for each in self._module.parameters()):
            return
        with torch.no_grad():
            self._forward(self._feed.example())

    def _outputs(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """What the module makes of inputs, in the shape that the loss takes."""
        return self._objective.outputs(self._forward(inputs), targets)

    def _forward(self, inputs: Tensor) -> Any:
        build, shape = self.experiment.model.build, list(inputs.shape)
        hint = ""
        if isinstance(self._feed, DatasetFeed):
            given = len(self._feed.shape) > 1
            hint = (
                " (without data.image they are [examples, features])"
                if given
                else " (data.image: [channels, height, width] gives images)"
            )
        kind = str(inputs.dtype).removeprefix("torch.")
        with guarded(f"model.build: the module of {build} raised on inputs {shape} of {kind}{hint}"):
            return self._module(inputs)

    @property
    def assessed_steps(self) -> tuple[int, ...]:
        """See `Learner`."""
        return () if self._assessment is None else self._assessment.steps

    def load_block(self, first: int, num_steps: int) -> None:
        self._feed.load_block(num_steps)

    def assess(self, step: int) -> None:
        if self._assessment is not None and self._head is not None and self._last.diverged is None:
            with torch.no_grad():
                self._assessment.take(step, self._head)

    def train_step(self, step: int) -> None:
        """See `Learner`; after a loss that is not finite nothing more is trained."""
        if self._last.diverged is not None:
            return
        recorded = step % self.every == 0 or step == self.num_steps - 1
        if recorded:
            self._watcher.look()
        for group in self._optimizer.param_groups:
            group["lr"] = rate(self.experiment.train, step, self.num_steps)
        self._optimizer.zero_grad(set_to_none=True)
        inputs, targets = self._feed.next()
        outputs = self._outputs(inputs, targets)
        loss, right = self._objective(outputs, targets)
        with guarded(f"model.build: the backward pass of the module of {self.experiment.model.build} raised"):
            loss.backward()  # type: ignore[no-untyped-call]
        self._last.loss = loss.detach()
        if self.place.may_read_back and not math.isfinite(self._last.loss):
            self._last.diverged = step
        if recorded:
            self._watcher.log(loss=self._last.loss, **({} if right is None else {"accuracy": right}))
            self.so_far.note(step, float(self._last.loss))
        if self.experiment.train.clip_norm is not None:
            nn.utils.clip_grad_norm_(self._module.parameters(), self.experiment.train.clip_norm)
        self._optimizer.step()

    def abandon(self) -> None:
        """A step that was cut short was not recorded."""

    def flush(self) -> bool:
        """See `Learner`."""
        last = self._last
        if (
            last.loss is not None
            and last.diverged is None
            and not self.place.may_read_back
            and not math.isfinite(last.loss)
        ):
            last.diverged = -1  # some step of the block: the record tells which
        if self._assessment is not None:
            self._assessment.collect()
        return last.diverged is None

    def close(self) -> None:
        """Stops watching; that nothing was recorded is said by whatever ended training."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", WatchWarning)
            self._watcher.close()

    def trained(self, steps_done: int, seconds: float, interrupted: bool) -> list[Trained]:
        self._watcher.close()
        outcome = self._watcher.outcome()
        if outcome.kind == "completed" and self._last.diverged is not None:
            step = None if self._last.diverged < 0 else self._last.diverged
            outcome = Outcome("diverged", step, None, "the loss is not finite")
        elif outcome.kind == "completed" and interrupted:
            outcome = Outcome("interrupted", steps_done, None, f"stopped by the user before step {steps_done}")
        record = self._watcher.record()
        done = steps_done if outcome.kind != "diverged" or outcome.step is None else outcome.step + 1
        timing = Timing(seconds, done / seconds if seconds > 0 else 0.0, 1)
        found = None if record is None else self._with_data(record)
        return [Trained(self.experiment, found, outcome, timing, dict(self._watcher.facts))]

    def _with_data(self, record: Record) -> Record:
        """The record with what is known of the data."""
        feed = self._feed
        if isinstance(feed, OwnFeed):
            loss, accuracy = feed.seen.constant(self._objective.loss)
            return replace(record, constant_loss=loss, constant_accuracy=accuracy)
        dataset, assessment = self._dataset, self._assessment
        assert dataset is not None
        assert assessment is not None
        parts: dict[str, Mapping[int, PartFigures | Alignment]] = {
            **assessment.figures(0),
            "alignment": assessment.alignment(0),
        }
        columns: dict[str, Column] = assessed_columns(record.steps.tolist(), self._objective.classifies, parts)
        constant = constant_answer(dataset, self._objective.loss)
        rows = Order(self.experiment.seed, len(dataset.train_inputs)).take(feed.batches.batch_size)
        first = dataset.train_inputs[rows]
        return replace(
            record,
            figures={**record.figures, **columns},
            input_mean_square=float(np.square(first).mean()),
            input_correlation=input_correlation(first),
            input_sizes=input_sizes(first),
            constant_loss=constant[0],
            constant_accuracy=constant[1],
            data=dataset.profile,
        )
