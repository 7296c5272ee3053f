"""The verdict that plain training bears out, with a margin on both sides; none where two can be argued for."""

from benchmarks.diagnosis.case import Case, Label
from benchmarks.diagnosis.fresh import Gain, Seen
from benchmarks.diagnosis.plain import Plain
from benchmarks.diagnosis.proofs import BOUNDED, IDLE, SMALL_DECADES

TIMES = (1.5, 2.0, 3.0, 5.0, 7.0, 10.0)
"""Multiples of a run's steps at which a longer training is looked at."""

IN_TIME = 7.0
"""Multiple up to which it has to have learned: some way short of ten times, which is what a verdict speaks of."""

SHORT = 100
"""Steps below which a run shows no pace."""

LATER = "what comes later decides"
"""The reason where the training has to be carried on with before anything can be said."""


def label_of(case: Case, seen: Seen) -> tuple[Label | None, str]:
    """The verdict that plain training bears out, with a margin on both sides; None with the reason where it is none or two."""
    state = seen.state
    if not state.finite:
        return (
            (None, "the last digits decide whether it stays finite") if seen.nudged[0] == "finite" else ("diverged", "")
        )
    return label_of_finite(case, seen)


def label_of_finite(case: Case, seen: Seen) -> tuple[Label | None, str]:
    """The label of a run that stayed finite."""
    state, gain = seen.state, seen.gain
    assert gain is not None
    ends = condition(case, state.dead[1], state.flat[1])
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
    if gain.learning == "learned" and seen.state.loss[1] > 0.97 * seen.state.loss[0]:
        # a start that happens to lie below the constant answer, and stays where it is
        return ("not_learning", "") if seen.moved <= 1e-4 else (None, "hardly anything learned beyond a lucky start")
    if gain.learning == "learned":
        return "healthy", ""
    if seen.state.accuracy is not None:
        told_apart = (seen.state.accuracy[1] - seen.state.constant[1]) / (1.0 - seen.state.constant[1])
        if told_apart >= 0.15:
            return (
                None,
                f"classes are told apart ({told_apart:.2f} of the way), at a loss that is no better than the constant answer's",
            )
    if gain.learning == "unclear":
        return None, f"a little learned: {gain.fresh:.3f} of the loss ({gain.held:.1f} σ), {gain.train:.3f} in training"
    short = _steps(case) < SHORT
    if short and seen.moved >= 1e-3 and seen.state.loss[1] <= 1.5 * max(seen.state.loss[0], seen.state.constant[0]):
        return "undecided", ""
    if not seen.later:
        return None, LATER
    when = next((float(times) for times, later in seen.later.items() if later.learning == "learned"), None)
    still = all(later.learning == "nothing" for later in seen.later.values()) and len(seen.later) == len(TIMES)
    if when is not None and when <= IN_TIME:
        return (
            ("undecided", "")
            if 10.0 * seen.progress >= 1.0
            else (None, "a plateau: it learns later, and showed nothing of it")
        )
    if still and (not short or seen.moved <= 1e-5):
        return "not_learning", ""
    return None, f"learned after {when} times its steps" if when else "a little learned later, or too short"


def condition(case: Case, dead: float, flat: float) -> str:
    """The state at an end in one word."""
    if case.experiment.model.activation.name in BOUNDED:
        return "flat" if flat >= 0.85 else "" if flat <= 0.6 else "between"
    return "dead" if dead >= 0.97 else "" if dead <= 0.75 else "between"


def _steps(case: Case) -> int:
    """Updates of a run."""
    return case.experiment.train.steps or Plain(case).num_steps
