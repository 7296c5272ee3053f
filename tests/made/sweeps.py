"""Members of sweeps that were never trained, for tests of how a sweep looks."""

import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from made.deep_runs import experiment, stored, summary

from gradlab.judgement.conditions.gates import GateResult, GroupResult
from gradlab.report.views.sweep import SweepView, sweep_view
from gradlab.report.words.points import Point
from gradlab.results.record import Expectation, Outcome
from gradlab.results.stored import StoredRun

Told = dict[str, Any]
Member = tuple[Point, StoredRun]

FIXED = {"data.source": "digits", "model.width": 100}
"""What the example sweep sets to the same for all."""


def unread() -> None:
    raise AssertionError("a sweep is seen without opening any run's record")


def member(point: Mapping[str, Any], seed: int = 0, name: str = "deep_sigmoid", number: int = 0, **told: Any) -> Member:
    """A member whose run came to what is told; `decades`, `loss`, `accuracy` are figures of both moments."""
    silent = dict.fromkeys(("expected_backward_decades", "expected_spread", "typical_backward_decades"))
    told = {"verdict": "vanishing", "expectations": (), **silent} | told
    figures = {
        "backward_decades": told.pop("decades", -30.0),
        "loss": told.pop("loss", 2.3),
        "accuracy": told.pop("accuracy", 0.1),
    }
    run = stored(4, None, Path("runs") / f"{name}-{number:012x}")
    asked = experiment(4, name).model_copy(update={"seed": seed})
    came = summary(**({"init": figures, "final": figures, "learning_layers": 3} | told))
    return point, replace(run, id=f"{number:012x}", experiment=asked, summary=came, read=unread)


def failed(point: Mapping[str, Any], reason: str, kind: str = "failed", **told: Any) -> Member:
    """A member that could not be carried out."""
    nothing: Told = {"init": {}, "final": {}, "learning_layers": None, "findings": (), "verdict": "not_judged"}
    return member(point, outcome=Outcome(kind, reason=reason), **nothing, **told)  # type: ignore[arg-type]


def grid(axes: Mapping[str, Sequence[Any]], come_to: Callable[[Told, int], Told], seeds: int = 5) -> list[Member]:
    """A member for each combination and seed."""
    members = []
    points = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    for number, (point, seed) in enumerate(itertools.product(points, range(seeds))):
        members.append(member(point, seed, number=number, **come_to(point, seed)))
    return members


def init_by_depth(seeds: int = 5) -> list[Member]:
    """Three initialisations at four depths: vanishing, mixed, healthy, diverged; two runs failed."""
    random_ = random.Random(3)

    def come_to(point: Told, seed: int) -> Told:
        depth, init = point["model.depth"], point["model.init"]
        expected = -0.02 * depth * {"normal": 60, "xavier": 20, "he": 1}[init]
        decades = expected + random_.gauss(0, 0.2)
        verdict = "vanishing" if decades < -10 else "healthy"
        if point["model.activation"] == "relu" and init == "he" and depth == 100 and seed < 3:
            return {"verdict": "diverged", "outcome": Outcome("diverged", 7, 3), "decades": 3.0 + seed, "loss": 2e9}
        if verdict == "healthy" and depth >= 20 and seed == 1:
            verdict = "vanishing"
        if init == "normal" and depth == 100:
            decades = float("-inf") if seed < 3 else decades
        loss = 2.3 if verdict == "vanishing" else 0.2 + random_.random() / 10
        held = Expectation("verdict == healthy", verdict == "healthy", verdict)
        return {"verdict": verdict, "decades": decades, "loss": loss, "accuracy": 1 - loss / 2.5,
                "expectations": (held, Expectation("outcome == completed", True, "completed")),
                "learning_layers": 4 if verdict == "healthy" else seed % 3, "expected_backward_decades": expected,
                "typical_backward_decades": expected - 0.09, "expected_spread": 0.2}  # fmt: skip

    members = grid(
        {"model.depth": [10, 20, 50, 100], "model.init": ["normal", "xavier", "he"],
         "model.activation": ["relu", "tanh"]} | {name: [value] for name, value in FIXED.items()}, come_to, seeds)  # fmt: skip
    point = members[7][0]
    members[7] = failed(point, "RuntimeError: the worker died (killed by signal 9), alone and again", seed=2, number=7)
    members[11] = failed(members[11][0], "interrupted at step 12", "interrupted", seed=1, number=11)
    return members


def gate(text: str, passed: bool, actual: str, groups: Sequence[tuple[Told, bool, str, int]] = ()) -> GateResult:
    """A judged gate."""
    return GateResult(text, passed, actual, tuple(GroupResult(*part) for part in groups))


_TOO_MANY = {50: "10 (000000000042, 000000000043 and 8 more)", 100: "12 (000000000062, 000000000063 and 10 more)"}

GATES = (
    gate("median(final.accuracy) > 0.05", True, "0.1"),
    gate(
        "count(verdict == vanishing) == 0 by model.depth",
        False,
        f"fails in 2 of 4 groups: model.depth = 50: {_TOO_MANY[50]}",
        [({"model.depth": depth}, depth < 50, _TOO_MANY.get(depth, "0"), 30) for depth in (10, 20, 50, 100)],
    ),
)


def seen(members: Sequence[Member], **told: Any) -> SweepView:
    """The view of a sweep of these members."""
    axes = tuple(dict.fromkeys(axis for point, _ in members for axis in point))
    path = told.pop("path", Path("runs/sweeps/init_by_depth-0f1e2d3c4b5a"))
    return sweep_view("init_by_depth", "0f1e2d3c4b5a", path, told.pop("axes", axes), members, **told)


def example() -> SweepView:
    """The view that the snapshots show."""
    return seen(init_by_depth(), gates=GATES, counts={"done": 88, "cached": 30, "failed": 1, "interrupted": 1})


def drawn(number: int = 500, seeds: int = 1) -> list[Member]:
    """Members of a random sweep: a learning rate each, of which the largest diverge."""
    random_ = random.Random(7)
    rates = [10 ** random_.uniform(-4, 0) for _ in range(number)]
    widths = [random_.choice([16, 64, 256]) for _ in range(number)]

    def come_to(rate: float) -> Told:
        verdict = "diverged" if rate > 0.3 else "not_learning" if rate < 1e-3 else "healthy"
        return {"verdict": verdict, "decades": -rate, "loss": 1 / rate, "accuracy": min(rate, 1.0)}

    pairs = itertools.product(zip(rates, widths, strict=True), range(seeds))
    return [
        member({"train.lr": rate, "model.width": width}, seed, number=place, **come_to(rate))
        for place, ((rate, width), seed) in enumerate(pairs)
    ]
