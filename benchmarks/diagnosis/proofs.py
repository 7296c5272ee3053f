"""Proofs of the labels: what plain training shows of each case, apart from any rule.

A case's label is right where its own proof holds and no proof of a verdict that leads over it does. What was there before the first step
is a cause of what comes later: units that die in a network whose signal had vanished do not make it dead. The limits here are those of
the labels' definitions; none of them is gradlab's.
"""

import math
from dataclasses import asdict, dataclass

from benchmarks.diagnosis.case import LABELS, Case, Label
from benchmarks.diagnosis.plain import Course, Plain, State

IDLE = 0.01
"""Share of the first loss by which no step's loss may differ when the first half of the layers is frozen."""

CLEAR_DECADES = 2.5
"""Decades between the last hidden layer and the first from which the signal is called vanishing or exploding for a label; between 1.5 and
this nothing is claimed."""

SMALL_DECADES = 1.5

DEAD_SHARE = 0.9
FLAT_SHARE = 0.75

GAIN = 0.05
"""Share of the loss, and of the way to all right, that has to be gone before anything counts as learned."""


@dataclass(frozen=True)
class Evidence:
    """What plain training showed.

    Attributes:
        holds: Verdicts whose proof holds.
        learned: Share of what a constant answer leaves that was learned, over the training examples.
        idle: Largest difference that freezing the first half made, as a share of the first loss; None for one layer or where it diverged.
        decades_start: Decades of the signal from the last hidden layer to the first, before training.
        decades_end: After it.
        dead: Largest share of dead units in a layer at the end.
        flat: Largest share of flat entries in a layer at the end.
        loss: Mean loss over the training examples at the start and at the end.
    """

    holds: list[Label]
    learned: float
    idle: float | None
    decades_start: float
    decades_end: float
    dead: float
    flat: float
    loss: tuple[float, float]

    @property
    def verdict(self) -> Label | None:
        """The first verdict, in order of precedence, whose proof holds."""
        return next((label for label in LABELS if label in self.holds), None)

    def as_json(self) -> dict[str, object]:
        """Figures without infinities."""

        def plain(value: object) -> object:
            if isinstance(value, float):
                return round(value, 4) if math.isfinite(value) else str(value)
            return [plain(item) for item in value] if isinstance(value, list | tuple) else value

        return {key: plain(value) for key, value in asdict(self).items()}


def prove(case: Case) -> Evidence:
    """Trains a case in plain PyTorch, and once more with its first half frozen."""
    plain = Plain(case)
    course = plain.train()
    if not course.finite or course.end is None:
        start = _decades(course.start)
        return Evidence(["diverged"], 0.0, None, start, start, max(course.start.dead), max(course.start.flat), (course.start.loss, math.inf))
    frozen = plain.train(frozen=max(1, plain.depth // 2)) if plain.depth > 1 else None
    idle = _difference(course, frozen)
    learned = _learned(plain, course.end)
    start, end = _decades(course.start), _decades(course.end)
    holds: list[Label] = []
    bounded = plain.experiment.model.activation.name in ("sigmoid", "tanh", "hardtanh", "softsign", "scaled_sigmoid", "step")
    from_start = max((min(pair) for pair in zip(course.start.dead, course.end.dead, strict=True)), default=0.0)
    travels_at_start = abs(start) >= CLEAR_DECADES
    if not bounded and (from_start >= DEAD_SHARE or (max(course.end.dead) >= DEAD_SHARE and learned < 0.5 and not travels_at_start)):
        holds.append("dead")
    if (start if travels_at_start else end) >= CLEAR_DECADES and learned < 0.5:
        holds.append("exploding")
    travels = start <= -CLEAR_DECADES or (end <= -CLEAR_DECADES and learned < 0.5 and not travels_at_start)
    if travels and (idle is None or idle <= IDLE) or (start == -math.inf and idle in (None, 0.0)):
        holds.append("vanishing")
    flat = max((min(pair) for pair in zip(course.start.flat, course.end.flat, strict=True)), default=0.0)
    if bounded and (flat >= FLAT_SHARE or (max(course.end.flat) >= FLAT_SHARE and learned < 0.5)):
        holds.append("saturated")
    if _gained_nothing(plain, course):
        holds.append("not_learning")
    # One layer has no depth to travel.
    if learned >= 0.5 and (idle is None or idle > IDLE):
        holds.append("healthy")
    return Evidence(
        holds, learned, idle, start, end, max(course.end.dead), max(course.end.flat), (course.start.loss, course.end.loss)
    )


def _decades(state: State) -> float:
    """Decades from the last hidden layer to the first; 0 where nothing is left to learn."""
    first, last = state.reach[0], state.reach[-1]
    if first == -math.inf:
        return 0.0 if last == -math.inf and state.loss < 1e-6 else -math.inf
    return first - last


def _difference(course: Course, frozen: Course | None) -> float | None:
    """What freezing the first half changed."""
    if frozen is None or not frozen.finite:
        return None
    scale = abs(course.losses[0]) or 1.0
    return max(abs(one - other) for one, other in zip(course.losses, frozen.losses, strict=True)) / scale


def _learned(plain: Plain, state: State) -> float:
    """Share of what the best constant answer leaves: the better of loss and accuracy."""
    loss, right = plain.constant
    by_loss = 1.0 - state.loss / loss if loss > 0 else 0.0
    if state.accuracy is None:
        return by_loss
    return max(by_loss, (state.accuracy - right) / (1.0 - right))


def _gained_nothing(plain: Plain, course: Course) -> bool:
    """Whether the inputs were never used: nothing gained over the best constant answer, nor `GAIN` over the start below it."""
    assert course.end is not None
    loss, right = plain.constant
    if course.end.loss < (1.0 - GAIN) * min(loss, max(course.start.loss, 1e-300)):
        return False
    if course.end.accuracy is None or course.start.accuracy is None:
        return True
    return course.end.accuracy <= max(right, course.start.accuracy) + GAIN * (1.0 - right)
