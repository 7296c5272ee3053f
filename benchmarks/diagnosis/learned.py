"""Whether a network has learned, would by and by, or would not: by plain training, and on fresh rows that gradlab does not have.

Learned means: its loss lies below that of the best answer that does not look at the inputs. What the generator gives anew is looked at, as
many rows as are needed; for bundled data, which cannot be drawn anew, the held-out rows.
"""

import math
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.diagnosis import data_files
from benchmarks.diagnosis.case import Case, Label
from benchmarks.diagnosis.plain import Layers, Plain
from benchmarks.diagnosis.proofs import BOUNDED, IDLE, SMALL_DECADES, Measured, decades, tail, throughout
from benchmarks.diagnosis.together import Member, Trained, train
from benchmarks.diagnosis.trained import content_of, dataset_of
from gradlab.config.experiment import Experiment

PLACE = Path("build/diagnosis/seen")

FRESH = 8000
"""Rows drawn anew, and more where the file holds more."""

TIMES = (1.5, 2.0, 3.0, 5.0, 7.0, 10.0)
"""Multiples of a run's steps at which a longer training is looked at."""

SHORT = 100
"""Steps below which a run shows no pace."""

LATER = "what comes later decides"

NUDGE = 1e-5
"""Relative change of the weights at the start that may not change a label."""

Learning = Literal["learned", "nothing", "unclear"]


@dataclass(frozen=True)
class Gain:
    """Loss of the best constant answer minus the network's, example by example.

    Attributes:
        fresh: Its mean over fresh rows, as a share of the constant answer's loss.
        sure: That mean in its own standard errors.
        held: The same in the standard errors of as many rows as gradlab holds out; inf where it holds out none.
        train: As `fresh`, over the training rows.
        train_sure: That in its standard errors.
    """

    fresh: float
    sure: float
    held: float
    train: float
    train_sure: float

    @property
    def learning(self) -> Learning:
        """Whether it has learned; a margin lies between the answers, and `unclear` in it."""
        general = self.fresh > 0 and self.held >= 4.0
        spread_thin = self.sure >= 6.0 and self.train_sure >= 6.0 and self.fresh >= 0.5 * self.train
        by_heart = self.train >= 0.5 and self.train_sure >= 8.0
        if general or spread_thin or by_heart:
            return "learned"
        nothing_new = self.sure <= 1.0 or self.held <= 0.5
        return "nothing" if nothing_new and self.train <= 0.02 and self.train_sure <= 2.0 else "unclear"


@dataclass(frozen=True)
class Seen:
    """What plain training showed.

    Attributes:
        state: Figures of the proofs.
        gain: At the end of the run; None where it did not stay finite.
        later: Multiple of its steps -> gain, of the same training carried on, up to where it learned.
        moved: Norm of the change of all weights, over their norm at the start.
        progress: What the run took off the loss, over what was missing to the constant answer at its end; inf where nothing was missing.
        nudged: What its gain and end say after the weights at the start were changed in their last digits.
        copies: Whether all units of a hidden layer end with the same weights in and out.
    """

    state: Measured
    gain: Gain | None
    later: dict[str, Gain]
    moved: float
    progress: float
    nudged: tuple[str, str]
    copies: bool = False


class Fresh:
    """Rows that gradlab never sees, beside the training rows, for one case."""

    def __init__(self, plain: Plain) -> None:
        self.plain = plain
        data = plain.experiment.data
        name = data_files.name_of(data.path) if data.path else None
        held = plain.dataset.holdout_inputs
        self.num_held = len(held)
        if name is None:
            inputs, targets = held, plain.dataset.holdout_targets
        else:
            inputs, targets = self._drawn(name)
        self.inputs, self.targets = torch.from_numpy(inputs), torch.from_numpy(targets)

    def _drawn(self, name: str) -> tuple[Any, Any]:
        """A new draw, in the units that the network is fed with: means and deviations of the training rows alone."""
        data = self.plain.experiment.data
        inputs, targets = data_files.draw(name, 1, max(FRESH, data_files.GENERATORS[name].rows))
        numbers = not self.plain.classifies
        targets = targets.astype(np.float64).reshape(len(inputs), -1) if numbers else targets.astype(np.int64)
        if not data.standardize:
            return inputs, targets
        raw = dataset_of(data.model_copy(update={"standardize": False}), self.plain.experiment.train.loss)
        inputs = _units_of(raw.train_inputs, inputs)
        assert np.allclose(_units_of(raw.train_inputs, raw.train_inputs), self.plain.dataset.train_inputs, atol=1e-6)
        return inputs, _units_of(raw.train_targets, targets) if numbers else targets

    def gain(self, layers: Layers) -> Gain:
        """Gain of a network as it is."""
        plain = self.plain
        fresh = self._constant(self.targets) - plain.losses_of(layers, None, self.inputs, self.targets)
        train = self._constant(plain.targets) - plain.losses_of(layers, None, plain.inputs, plain.targets)
        scale = float(self._constant(plain.targets).mean()) or 1.0
        mean, sure = _sureness(fresh, len(fresh))
        return Gain(
            fresh=mean / scale,
            sure=sure,
            held=_sureness(fresh, self.num_held)[1] if self.num_held else math.inf,
            train=float(train.mean()) / scale,
            train_sure=_sureness(train, len(train))[1],
        )

    def _constant(self, targets: Tensor) -> Tensor:
        """Loss of each example under the best answer to the training rows that does not look at the inputs."""
        own = self.plain.targets
        if self.plain.classifies:
            count = self.plain.dataset.num_classes or 2
            share = torch.bincount(own, minlength=count).double() / len(own)
            if self.plain.loss_name == "mse":
                return (share - functional.one_hot(targets, count).double()).square().mean(1)
            return -share.clamp_min(1e-12).log()[targets]
        return (own.double().mean(0) - targets.double()).square().mean(1)


def _sureness(values: Tensor, count: int) -> tuple[float, float]:
    """Mean, and the mean over the standard error that `count` such values have."""
    mean = float(values.mean())
    error = float(values.std()) / math.sqrt(max(count, 1))
    return mean, mean / error if error > 0 else math.copysign(math.inf, mean) if mean else 0.0


def _units_of(train: Any, values: Any) -> Any:
    """Values in the training rows' deviations from their mean; 0 in columns that are constant there."""
    deviation = np.where(np.ptp(train, axis=0) == 0, np.inf, train.std(axis=0))
    return (values - train.mean(axis=0)) / deviation


def observe(cases: Sequence[Case]) -> list[Seen]:
    """What plain training shows of cases that differ by their seeds; what was seen once is kept in build/diagnosis/seen."""
    paths = [PLACE / f"{content_of(case)}.pickle" for case in cases]
    missing = [index for index, path in enumerate(paths) if not path.exists()]
    if missing:
        PLACE.mkdir(parents=True, exist_ok=True)
        for index, seen in zip(missing, _observed([cases[index] for index in missing]), strict=True):
            paths[index].write_bytes(pickle.dumps(seen))
    return [pickle.loads(path.read_bytes()) for path in paths]


def _observed(cases: Sequence[Case]) -> list[Seen]:
    """Trains cases that differ by their seeds in plain PyTorch, all at once.

    Each as it is, nudged, and with its first half frozen; and on to ten times its steps where it has not learned though its signal is well.
    """
    plains = [Plain(case) for case in cases]
    members = [Member(plain) for plain in plains] + [Member(plain, nudge=NUDGE) for plain in plains]
    if plains[0].depth > 1:
        members += [Member(plain, frozen=plain.depth // 2) for plain in plains]
    trained, count = train(members), len(plains)
    seen = []
    for run, (case, plain) in enumerate(zip(cases, plains, strict=True)):
        frozen = trained[2 * count + run] if plain.depth > 1 else None
        seen.append(_seen(case, Fresh(plain), trained[run], trained[count + run], frozen))
    waiting = [run for run, (case, own) in enumerate(zip(cases, seen, strict=True)) if _needs_more(case, own)]
    if waiting:
        for run, later in zip(waiting, _later([cases[run] for run in waiting]), strict=True):
            seen[run] = replace(seen[run], later=later)
    return seen


def _seen(case: Case, fresh: "Fresh", own: Trained, nudged: Trained, frozen: Trained | None) -> Seen:
    """What one training showed, without what comes later."""
    plain = fresh.plain
    begin = plain.state(plain.begun, None)
    end = plain.state(own.layers, None) if own.finite else begin
    train = plain.experiment.train
    state = Measured(
        finite=own.finite,
        idle=_difference(own, frozen),
        decades=(decades(begin), decades(end)),
        dead=(throughout(begin.dead, end.dead), max(end.dead)),
        flat=(throughout(begin.flat, end.flat), max(end.flat)),
        loss=(begin.loss, end.loss if own.finite else math.inf),
        accuracy=None if begin.accuracy is None or end.accuracy is None else (begin.accuracy, end.accuracy),
        constant=plain.constant,
        decayed=train.lr * train.weight_decay * plain.num_steps,
        tail=tail(own.losses) if own.finite else math.inf,
    )
    if not own.finite:
        return Seen(state, None, {}, math.inf, 0.0, ("diverged" if not nudged.finite else "finite", ""))
    taken, missing = begin.loss - end.loss, end.loss - plain.constant[0]
    other, ends = "diverged", ""
    if nudged.finite:
        there = plain.state(nudged.layers, None)
        other, ends = fresh.gain(nudged.layers).learning, _condition(case, max(there.dead), max(there.flat))
    return Seen(
        state,
        fresh.gain(own.layers),
        {},
        _moved(plain, own.layers),
        taken / missing if missing > 0 else math.inf,
        (other, ends),
        _copies(own.layers),
    )


def _needs_more(case: Case, seen: Seen) -> bool:
    """Whether what comes after the run's end decides its label."""
    return seen.gain is not None and seen.gain.learning == "nothing" and _label(case, seen)[1] == LATER


def _later(cases: Sequence[Case]) -> list[dict[str, Gain]]:
    """Gains of the same trainings at multiples of their steps, until each has learned."""
    longer, first = [], Plain(cases[0]).num_steps
    for case in cases:
        config = case.experiment.model_dump(mode="json", exclude_unset=True)
        config["train"] = {key: value for key, value in config["train"].items() if key != "epochs"} | {
            "steps": round(TIMES[-1] * first)
        }
        longer.append(Plain(replace(case, experiment=Experiment.model_validate(config))))
    fresh, found = [Fresh(plain) for plain in longer], [dict[str, Gain]() for _ in cases]
    at = {round(times * first): f"{times:g}" for times in TIMES}

    def look(step: int, network: Callable[[int], Layers], runs: Sequence[int]) -> list[int]:
        if step not in at:
            return []
        for run in runs:
            found[run][at[step]] = fresh[run].gain(network(run))
        return [run for run in runs if found[run][at[step]].learning == "learned"]

    train([Member(plain) for plain in longer], look)
    return found


def _difference(own: Trained, frozen: Trained | None) -> float | None:
    """Largest difference that freezing the first half made to a step's loss, as a share of the first loss."""
    if frozen is None or not frozen.finite:
        return None
    scale = abs(own.losses[0]) or 1.0
    return max(abs(one - other) for one, other in zip(own.losses, frozen.losses, strict=True)) / scale


def _copies(layers: Layers) -> bool:
    """Whether a layer's units are one unit, again and again."""
    for (into, _), (out, _) in pairwise(layers):
        apart = max(float((into - into[:, :1]).abs().max()), float((out - out[:1]).abs().max()))
        if apart <= 1e-6 * max(float(into.abs().max()), float(out.abs().max())):
            return True
    return False


def _moved(plain: Plain, layers: Layers) -> float:
    """Norm of the change of all weights and biases over their norm at the start."""
    pairs = [pair for now, was in zip(layers, plain.begun, strict=True) for pair in zip(now, was, strict=True)]
    change = sum(float((now.detach().double() - was.double()).square().sum()) for now, was in pairs)
    size = sum(float(was.double().square().sum()) for _, was in pairs)
    return math.sqrt(change / size) if size > 0 else math.inf if change > 0 else 0.0


def _condition(case: Case, dead: float, flat: float) -> str:
    """The state at an end in one word."""
    if case.experiment.model.activation.name in BOUNDED:
        return "flat" if flat >= 0.85 else "" if flat <= 0.6 else "between"
    return "dead" if dead >= 0.97 else "" if dead <= 0.75 else "between"


def label_of(case: Case, seen: Seen) -> tuple[Label | None, str]:
    """The verdict that plain training bears out, with a margin on both sides; None with the reason where it is none or two."""
    state = seen.state
    if not state.finite:
        return (
            (None, "the last digits decide whether it stays finite") if seen.nudged[0] == "finite" else ("diverged", "")
        )
    return _label(case, seen)


def silent(case: Case) -> bool:
    """Whether, in the run's own number format, some hidden layer is given no gradient at all by the first examples at the start."""
    plain = Plain(case)
    layers = [(weight.clone().requires_grad_(True), bias) for weight, bias in plain.begun]
    inputs, targets = plain.inputs[:256].to(plain.dtype), plain.targets[:256]
    targets = targets if plain.classifies else targets.to(plain.dtype)
    x = inputs
    for index, (weight, bias) in enumerate(layers):
        x = x @ weight + bias
        x = x if index == plain.depth else plain.phi(x, None)
    plain.loss(x, targets).mean().backward()
    return any(weight.grad is None or not bool(weight.grad.any()) for weight, _ in layers[: plain.depth])


def _label(case: Case, seen: Seen) -> tuple[Label | None, str]:
    """The label of a run that stayed finite."""
    state, gain = seen.state, seen.gain
    assert gain is not None
    ends = _condition(case, state.dead[1], state.flat[1])
    if seen.nudged != (gain.learning, ends):
        return None, f"the last digits of the weights decide: {(gain.learning, ends)} or {seen.nudged}"
    learned, bounded = state.learned, case.experiment.model.activation.name in BOUNDED
    (start, end), calm = state.decades, max(map(abs, state.decades)) <= SMALL_DECADES
    idle = (state.idle is None or state.idle <= 0.3 * IDLE) and state.decayed <= 1.0
    unlearned = learned < 0.3 and gain.learning != "learned"
    if not bounded and (state.dead[0] >= 0.95 or (ends == "dead" and unlearned and abs(start) <= SMALL_DECADES)):
        return "dead", ""
    if start >= 3.0 and unlearned:
        return "exploding", ""
    if start <= -3.0 and idle and unlearned:
        return "vanishing", ""
    if bounded and state.flat[0] >= 0.85 and (calm or (unlearned and abs(start) <= SMALL_DECADES)):
        return "saturated", ""
    if bounded and ends == "flat" and calm and unlearned and state.flat[0] <= 0.5:
        return "saturated", ""
    if seen.copies:
        return "not_learning", ""
    if not calm:
        return None, f"{start:+.1f} and {end:+.1f} decades"
    if ends:
        return None, f"{state.dead} dead, {state.flat} flat"
    return _pace(case, seen, gain)


def _pace(case: Case, seen: Seen, gain: Gain) -> tuple[Label | None, str]:
    """Of a network whose signal is well: whether it has learned, would, or would not."""
    if gain.learning == "learned":
        return "healthy", ""
    if gain.learning == "unclear":
        return None, f"a little learned: {gain.fresh:.3f} of the loss ({gain.held:.1f} σ), {gain.train:.3f} in training"
    short = _steps(case) < SHORT
    if short and seen.moved >= 1e-3 and seen.state.loss[1] <= 1.5 * max(seen.state.loss[0], seen.state.constant[0]):
        return "undecided", ""
    if not seen.later:
        return None, LATER
    when = next((float(times) for times, later in seen.later.items() if later.learning == "learned"), None)
    still = all(later.learning == "nothing" for later in seen.later.values()) and len(seen.later) == len(TIMES)
    if when is not None and when <= 7.0:
        return (
            ("undecided", "")
            if 10.0 * seen.progress >= 1.0
            else (None, "a plateau: it learns later, and showed nothing of it")
        )
    if still and (not short or seen.moved <= 1e-5):
        return "not_learning", ""
    return None, f"learned after {when} times its steps" if when else "a little learned later, or too short"


def _steps(case: Case) -> int:
    """Updates of a run."""
    return case.experiment.train.steps or Plain(case).num_steps
