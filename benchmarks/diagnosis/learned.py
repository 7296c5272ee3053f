"""Whether a network has learned, would by and by, or would not: by plain training, of all seeds of a case at once."""

import math
import pickle
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from torch import Tensor

from benchmarks.diagnosis.case import Case, Label
from benchmarks.diagnosis.fresh import Fresh, Gain, Learning, Seen
from benchmarks.diagnosis.labelling import IN_TIME, LATER, TIMES, condition, label_of_finite
from benchmarks.diagnosis.plain import Layers, Plain
from benchmarks.diagnosis.proofs import Measured, decades, tail, throughout
from benchmarks.diagnosis.together import Member, Trained, train
from benchmarks.diagnosis.trained import content_of
from gradlab.config.experiment import Experiment

PLACE = Path("build/diagnosis/seen")

LAST = 6
"""Last steps over which a label may not change."""

NUDGE = 1e-5
"""Relative change of the weights at the start that may not change a label."""


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


def _seen(case: Case, fresh: Fresh, own: Trained, nudged: Trained, frozen: Trained | None) -> Seen:
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
        other, ends = fresh.gain(nudged.layers).learning, condition(case, max(there.dead), max(there.flat))
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
    return seen.gain is not None and seen.gain.learning == "nothing" and label_of_finite(case, seen)[1] == LATER


def _later(cases: Sequence[Case]) -> list[dict[str, Gain]]:
    """Gains of the same trainings at multiples of their steps, until each has learned."""
    first = Plain(cases[0]).num_steps
    longer = [Plain(_longer(case, first)) for case in cases]
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


def carried_on(case: Case) -> Label | None:
    """What a run that gained nothing would come to in ten times its steps; None where that is unclear.

    For any config that a constant learning rate can be carried on with; with a schedule that ends, the run is over.
    """
    first = Plain(case)
    steps, over = first.num_steps, case.experiment.train.schedule != "constant"
    plain = first if over else Plain(_longer(case, steps))
    fresh, found = Fresh(plain), dict[float, Learning]()
    at = {round(times * steps): times for times in ((1.0,) if over else (1.0, *TIMES))}

    def look(step: int, layers: Layers, slopes: list[Tensor] | None) -> bool:
        if step in at:
            found[at[step]] = fresh.gain(layers, slopes).learning
        return found.get(at.get(step, 0.0)) == "learned"

    plain.train(look=look)
    if found.get(1.0) != "nothing":
        return None
    if any(word == "learned" and times <= IN_TIME for times, word in found.items()):
        return "undecided"
    return "not_learning" if len(found) == len(at) and set(found.values()) == {"nothing"} else None


def _longer(case: Case, steps: int) -> Case:
    """The same training for the most of `TIMES` as many steps."""
    config = case.experiment.model_dump(mode="json", exclude_unset=True)
    config["train"] = {key: value for key, value in config["train"].items() if key != "epochs"} | {
        "steps": round(TIMES[-1] * steps)
    }
    return replace(case, experiment=Experiment.model_validate(config))


def recent(cases: Sequence[Case]) -> list[set[Learning]]:
    """What the gains of the last `LAST` steps say of cases that differ by their seeds: one word where they do not jump about."""
    paths = [PLACE / f"{content_of(case)}.recent.pickle" for case in cases]
    missing = [index for index, path in enumerate(paths) if not path.exists()]
    if missing:
        plains = [Plain(cases[index]) for index in missing]
        fresh, found, steps = [Fresh(plain) for plain in plains], [set[Learning]() for _ in plains], plains[0].num_steps

        def look(step: int, network: Callable[[int], Layers], runs: Sequence[int]) -> list[int]:
            if steps - step < LAST:
                for run in runs:
                    found[run].add(fresh[run].gain(network(run)).learning)
            return []

        train([Member(plain) for plain in plains], look)
        for index, words in zip(missing, found, strict=True):
            paths[index].write_bytes(pickle.dumps(words))
    return [pickle.loads(path.read_bytes()) for path in paths]


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
