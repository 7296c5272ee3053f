"""Proofs of the labels: what plain training shows of each case, apart from any rule.

A case's label is right where its own proof holds and no proof of a verdict that leads over it does. What was there before the first step
is a cause of what comes later: units that die in a network whose signal had vanished do not make it dead. The limits here are those of
the labels' definitions; none of them is gradlab's, and between `SMALL_DECADES` and `CLEAR_DECADES` nothing is claimed.
"""

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.diagnosis.case import LABELS, Case, Label
from benchmarks.diagnosis.plain import Course, Plain, State
from benchmarks.diagnosis.trained import Kept, content_of

PLACE = Path("build/diagnosis/proofs.json")

IDLE = 0.01
"""Share of the first loss by which no step's loss may differ when the first half of the layers is frozen."""

CLEAR_DECADES = 2.5
"""Decades between the last hidden layer and the first from which the signal is called vanishing or exploding for a label."""

SMALL_DECADES = 1.5
"""Decades up to which it is neither."""

DEAD_SHARE = 0.9
"""Share of a layer's units without a slope for any training example."""

FLAT_SHARE = 0.75
"""Share of a layer's entries with less than a tenth of the largest slope."""

LEARNED = 0.5
"""Share of what the best constant answer leaves."""

AGREES = 0.25
"""Share by which the late losses of the two trainings of a case may differ."""

GAIN = 0.05
"""Share of the loss, and of the way to all right, that has to be gone before anything counts as learned."""

BOUNDED = ("sigmoid", "tanh", "hardtanh", "softsign", "scaled_sigmoid", "step")


@dataclass(frozen=True)
class Measured:
    """What plain training showed of a case.

    Attributes:
        finite: Whether it stayed finite.
        idle: Largest difference that freezing the first half of the layers made to a step's loss, as a share of the first loss; None for
            one layer or where the frozen run did not stay finite.
        decades: Of the signal from the last hidden layer to the first, before training and after it.
        dead: Largest share of dead units in a layer: throughout, and at the end.
        flat: Largest share of flat entries in a layer: throughout, and at the end.
        loss: Mean over the training examples, without its scale, before training and after it.
        accuracy: The same; None for numbers.
        constant: Loss and accuracy of the best constant answer.
        decayed: lr · weight_decay summed over the steps: what decay alone does to a weight, which freezing undoes.
        tail: Mean loss of the last quarter of the steps, with its scale; inf where it did not stay finite.
    """

    finite: bool
    idle: float | None
    decades: tuple[float, float]
    dead: tuple[float, float]
    flat: tuple[float, float]
    loss: tuple[float, float]
    accuracy: tuple[float, float] | None
    constant: tuple[float, float]
    decayed: float
    tail: float

    @property
    def learned(self) -> float:
        """Share of what the best constant answer leaves that was learned: the better of loss and accuracy, and nothing at a huge loss."""
        by_loss = 1.0 - self.loss[1] / self.constant[0] if self.constant[0] > 0 else 0.0
        if self.accuracy is None:
            return by_loss
        by_accuracy = (self.accuracy[1] - self.constant[1]) / (1.0 - self.constant[1])
        return max(by_loss, by_accuracy) if self.loss[1] < 2.0 * self.constant[0] else min(by_loss, by_accuracy)


def measure(case: Case) -> Measured:
    """Trains a case in plain PyTorch, and once more with its first half frozen."""
    plain = Plain(case)
    course = plain.train()
    train = plain.experiment.train
    decayed = train.lr * train.weight_decay * plain.num_steps
    begin = course.start
    end = course.end or begin
    frozen = plain.train(frozen=max(1, plain.depth // 2)) if plain.depth > 1 and course.finite else None
    return Measured(
        finite=course.finite,
        idle=difference(course, frozen),
        decades=(decades(begin), decades(end)),
        dead=(throughout(begin.dead, end.dead), max(end.dead)),
        flat=(throughout(begin.flat, end.flat), max(end.flat)),
        loss=(begin.loss, end.loss if course.finite else math.inf),
        accuracy=None if begin.accuracy is None or end.accuracy is None else (begin.accuracy, end.accuracy),
        constant=plain.constant,
        decayed=decayed,
        tail=tail(course.losses) if course.finite else math.inf,
    )


def tail(losses: Sequence[float]) -> float:
    """Mean of the last quarter."""
    last = losses[-max(1, len(losses) // 4) :]
    return sum(last) / len(last)


def same_run(seen: Measured, kept: Kept) -> bool:
    """Whether plain training and gradlab's went the same way: where training is chaos, the one says nothing of the other.

    Args:
        seen: What plain training showed.
        kept: What gradlab recorded.
    """
    if kept.record is None or not seen.finite or kept.outcome.kind == "diverged":
        return not seen.finite and kept.outcome.kind == "diverged"
    record = kept.record
    steps = int(record.steps[-1]) + 1
    late = record.steps >= steps - max(1, steps // 4)
    ours = float(record.figures["loss"].values[late].mean())
    first = float(record.figures["loss"].values[0])
    return abs(ours - seen.tail) <= AGREES * max(ours, seen.tail, 0.1 * first)


def proven(case: Case, seen: Measured) -> list[Label]:
    """The verdicts whose proof holds, in order of precedence."""
    if not seen.finite:
        return ["diverged"]
    bounded = case.experiment.model.activation.name in BOUNDED
    learned, (start, end) = seen.learned >= LEARNED, seen.decades
    begins = abs(start) >= CLEAR_DECADES
    frozen_alike = seen.idle is None or seen.idle <= IDLE or seen.decayed > 1.0
    vanished = start <= -CLEAR_DECADES or (end <= -CLEAR_DECADES and not learned and not begins)
    proofs: dict[Label, bool] = {
        "dead": not bounded
        and (seen.dead[0] >= DEAD_SHARE or (seen.dead[1] >= DEAD_SHARE and not learned and not begins)),
        "exploding": (start if begins else end) >= CLEAR_DECADES and not learned,
        "vanishing": vanished and frozen_alike,
        "saturated": bounded and (seen.flat[0] >= FLAT_SHARE or (seen.flat[1] >= FLAT_SHARE and not learned)),
        "not_learning": gained_nothing(seen),
        "healthy": learned and not (vanished and frozen_alike) and (abs(start) <= SMALL_DECADES or not frozen_alike),
    }
    return [label for label in LABELS if proofs.get(label, False)]


def clearly(case: Case, seen: Measured) -> Label | None:
    """The verdict of a case that was drawn at random, where it is clear; None where it lies near what parts two of them."""
    if not seen.finite:
        return "diverged"
    (start, end), learned = seen.decades, seen.learned
    bounded = case.experiment.model.activation.name in BOUNDED
    calm = max(abs(start), abs(end)) <= SMALL_DECADES
    living, answering = seen.dead[1] <= 0.75 or bounded, seen.flat[1] <= (0.6 if bounded else 0.9)
    idle = seen.idle is not None and seen.idle <= 0.3 * IDLE and seen.decayed <= 1.0
    if not bounded and (
        seen.dead[0] >= 0.95 or (seen.dead[1] >= 0.97 and learned < 0.3 and abs(start) <= SMALL_DECADES)
    ):
        return "dead"
    if start >= 3.0 and learned < 0.3 and living:
        return "exploding"
    if start <= -3.0 and idle and learned < 0.3 and (bounded or seen.dead[0] <= 0.75):
        return "vanishing"
    if bounded and seen.flat[0] >= 0.85 and calm:
        return "saturated"
    if learned >= 0.6 and calm and living and answering:
        return "healthy"
    still = seen.loss[1] >= 0.99 * min(seen.constant[0], seen.loss[0]) and gained_nothing(seen)
    if still and calm and living and answering and case.experiment.train.dtype.storage in ("float32", "float64"):
        return "not_learning"
    return None


def prove(cases: Sequence[Case], say: bool = True) -> dict[str, Measured]:
    """Measures what is not known yet; name of the case -> what was seen."""
    known = json.loads(PLACE.read_text()) if PLACE.exists() else {}
    found: dict[str, Measured] = {}
    for index, case in enumerate(cases):
        key = content_of(case)
        if key not in known:
            if say and sys.stderr.isatty():
                print(f"\rproving {index + 1}/{len(cases)} {case.name[:70]:<70}", end="", file=sys.stderr, flush=True)
            known[key] = _plain(asdict(measure(case)))
            if index % 20 == 0:
                _keep(known)
        found[case.name] = _measured(known[key])
    _keep(known)
    return found


def _keep(known: dict[str, object]) -> None:
    PLACE.parent.mkdir(parents=True, exist_ok=True)
    PLACE.write_text(json.dumps(known))


def _plain(value: object) -> object:
    """Figures with infinities as words."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _measured(kept: dict[str, object]) -> Measured:
    """The way back."""

    def figure(value: object) -> object:
        if isinstance(value, list):
            return tuple(figure(item) for item in value)
        return float(value) if isinstance(value, str) else value

    return Measured(**{key: figure(value) for key, value in kept.items()})  # type: ignore[arg-type]


def throughout(begin: list[float], end: list[float]) -> float:
    """Largest share that a layer keeps."""
    return max(min(pair) for pair in zip(begin, end, strict=True))


def decades(state: State) -> float:
    """Decades from the last hidden layer to the first; 0 where nothing is left to learn."""
    first, last = state.reach[0], state.reach[-1]
    if first == -math.inf:
        return 0.0 if last == -math.inf and state.loss < 1e-6 else -math.inf
    return first - last


def difference(course: Course, frozen: Course | None) -> float | None:
    """What freezing the first half changed."""
    if frozen is None or not frozen.finite:
        return None
    scale = abs(course.losses[0]) or 1.0
    return max(abs(one - other) for one, other in zip(course.losses, frozen.losses, strict=True)) / scale


def gained_nothing(seen: Measured) -> bool:
    """Whether the inputs were never used: no gain over the best constant answer, nor over the start below it."""
    loss, right = seen.constant
    if seen.loss[1] < (1.0 - GAIN) * min(loss, max(seen.loss[0], 1e-300)):
        return False
    if seen.accuracy is None:
        return True
    return seen.accuracy[1] <= max(right, seen.accuracy[0]) + GAIN * (1.0 - right)
