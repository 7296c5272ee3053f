"""Pairs of groups of runs with random figures, and random conditions on them with what they say, for tests of gates."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from made.deep_runs import TIMING, column, record, summary

from gradlab.config.experiment import Experiment
from gradlab.report.files.markdown import markdown
from gradlab.report.views.run import view
from gradlab.results.record import Outcome, Record
from gradlab.results.store import Store
from gradlab.results.stored import StoredRun

DEPTH = 3
FIGURES = ("final.loss", "final.holdout_loss", "final.accuracy", "final.backward_decades", "init.accuracy", "init.loss",
           "final.grad_ratio", "learning_layers", "max(dead_fraction)", "train.lr")  # fmt: skip
"""Terms that the conditions are about: with each aim, without one, of the first batch, over layers, of the config."""

_CENTRES = {"loss": 2.0, "holdout_loss": 2.2, "accuracy": 0.7, "backward_decades": -4.0, "grad_ratio": -1.0}
_UNITS = {"loss": 0.3, "holdout_loss": 0.3, "accuracy": 0.06, "backward_decades": 1.0, "grad_ratio": 0.5}


def make_pair(rng: np.random.Generator) -> tuple[list[StoredRun], list[StoredRun]]:
    """Two groups of one to five seeds, as a run reads them; some with runs that diverged, are not finite or have no figures."""
    other = {"train": {"lr": 0.02}} | ({"data": {"source": "wine"}} if rng.random() < 0.1 else {})
    shift = rng.choice([0.0, 0.5, 3.0]) * rng.choice([-1, 1])
    odd = rng.choice(["none", "first", "other", "both"], p=[0.6, 0.1, 0.2, 0.1])
    first = _group(rng, {"train": {"lr": 0.01}}, 0.0, odd in ("first", "both"))
    return first, _group(rng, other, float(shift), odd in ("other", "both"))


def save_all(runs: Sequence[StoredRun], root: Path) -> list[str]:
    """Store runs; their ids."""
    store = Store(root)
    for run in runs:
        store.save(run, markdown(view(run).blocks))
    return [run.id for run in runs]


def value(run: StoredRun, name: str) -> float | None:
    """A term's value for one run, read off what it was made of."""
    if name == "train.lr":
        assert isinstance(run.experiment, Experiment)
        assert isinstance(run.experiment.train.lr, float)
        return run.experiment.train.lr
    if name == "max(dead_fraction)":
        assert run.record is not None
        return float(run.record.layers["dead_fraction"].values[-1, :DEPTH].max())
    if name == "learning_layers":
        return run.summary.learning_layers
    moment, figure = name.split(".")
    return (run.summary.init if moment == "init" else run.summary.final).get(figure)


def _group(rng: np.random.Generator, parts: dict[str, Any], shift: float, odd: bool) -> list[StoredRun]:
    number = int(rng.choice([1, 2, 3, 5]))
    seeds = rng.choice(8, number, replace=False) if rng.random() < 0.5 else np.arange(number)
    tied = rng.random() < 0.2
    runs = []
    for seed in sorted(seeds.tolist()):
        run = _run(rng, parts, seed, shift, 0.0 if tied else 1.0)
        runs.append(_broken(rng, run) if odd and rng.random() < 0.6 else run)
    return runs


def _run(rng: np.random.Generator, parts: dict[str, Any], seed: int, shift: float, spread: float) -> StoredRun:
    model = {"depth": DEPTH, "width": 8, "activation": "relu", "init": "he"}
    final = {name: _CENTRES[name] + _UNITS[name] * (shift + spread * float(rng.normal())) for name in _CENTRES}
    final["accuracy"] = float(np.clip(final["accuracy"], 0.0, 1.0))
    made: Record = record(DEPTH, steps=2)
    dead = np.clip(rng.random((2, DEPTH + 1)) * 0.3 + 0.1 * max(shift, 0.0), 0.0, 1.0)
    made = replace(made, layers={**made.layers, "dead_fraction": column(dead, np.arange(DEPTH + 1) < DEPTH)})
    return StoredRun(
        id=f"{rng.integers(16**12):012x}",
        path=Path("nowhere"),
        experiment=Experiment.model_validate({"name": "pair", "seed": seed, "model": model, **parts}),
        summary=summary(
            verdict=str(rng.choice(["healthy", "vanishing", "undecided"])),
            init={"loss": 2.3 + 0.1 * float(rng.normal()), "accuracy": float(rng.uniform(0.0, 0.2))},
            final=final,
            learning_layers=int(np.clip(DEPTH - round(shift) + rng.integers(-1, 2), 0, DEPTH)),
            expectations=(),
        ),
        manifest={"started": "2026-01-01T00:00:00.000000+00:00", "finished": "2026-01-01T00:00:01.000000+00:00"},
        timing=TIMING,
        read=lambda: made,
    )


def _broken(rng: np.random.Generator, run: StoredRun) -> StoredRun:
    """A run that diverged, whose figures are not finite, or that has none."""
    kind = rng.choice(["diverged", "not finite", "failed"])
    if kind == "diverged":
        return replace(run, summary=replace(run.summary, outcome=Outcome("diverged", 1, 1), verdict="diverged"))
    if kind == "failed":
        failed = replace(
            run.summary, outcome=Outcome("failed"), verdict="not_judged", init={}, final={}, learning_layers=None
        )
        return replace(run, summary=failed)
    lost = {"loss": math.inf, "holdout_loss": math.nan, "backward_decades": -math.inf}
    return replace(run, summary=replace(run.summary, final={**run.summary.final, **lost}))


@dataclass(frozen=True)
class Leaf:
    """A comparison: of a change, in percent or not, of a figure as it stands, or of a word."""

    name: str
    operator: str
    number: float
    percent: bool
    change: bool
    text: str


Tree = Leaf | tuple[str, tuple[Any, ...]]
"""A comparison, or `and`, `or`, `not` with what it joins."""


def make_condition(rng: np.random.Generator, depth: int = 0) -> tuple[Tree, str]:
    """A random condition of any form, as a tree and as it is written."""
    if depth < 3 and rng.random() < 0.45:
        kind = str(rng.choice(["and", "or", "not"]))
        parts = [make_condition(rng, depth + 1) for _ in range(1 if kind == "not" else int(rng.integers(2, 4)))]
        trees, texts = zip(*parts, strict=True)
        text = f"not ({texts[0]})" if kind == "not" else f" {kind} ".join(f"({one})" for one in texts)
        return (kind, trees), text
    leaf = _leaf(rng)
    return leaf, leaf.text


def _leaf(rng: np.random.Generator) -> Leaf:
    if rng.random() < 0.2:
        name, word = rng.choice([("verdict", "healthy"), ("verdict", "vanishing"), ("outcome", "diverged")])
        operator = str(rng.choice(["==", "!="]))
        return Leaf(str(name), operator, 0.0, False, False, f"{name} {operator} {word}")
    name = str(rng.choice(FIGURES))
    worse = {"final.accuracy": "<", "final.backward_decades": "<", "init.accuracy": "<"}.get(name, ">")
    operator = str(rng.choice([worse, worse, worse, "<", ">", "<=", ">=", "!="]))
    if rng.random() < 0.25:
        centre = _CENTRES.get(name.split(".")[-1], 1.0)
        number = round(centre * float(rng.choice([0.8, 1.0, 1.2])), 3)
        return Leaf(name, operator, number, False, False, f"{name} {operator} {number!r}")
    sign = 1 if operator in (">", ">=") else -1
    number, percent = sign * float(rng.choice([0.0, 0.013, 0.21, 1.7])), rng.random() < 0.5
    if percent:
        number = sign * float(rng.choice([1.0, 5.3, 21.0]))
        signed = f"{number:+}%"
        written = (
            f"{name} {operator} {signed}",
            f"change({name}) {operator} {signed}",
            f"change({name}) {operator} {number}%",
        )
        return Leaf(name, operator, number, True, True, str(rng.choice(written)))
    if number > 0 and rng.random() < 0.5:
        return Leaf(name, operator, number, False, True, f"{name} {operator} {number:+}")
    return Leaf(name, operator, number, False, True, f"change({name}) {operator} {number}")


Told = Callable[[Leaf], int]


def outcome_of(tree: Tree, told: Told, negated: bool = False) -> int:
    """What a condition comes to: 1 where it holds, 0 where that cannot be told, -1 where it does not; by what its leaves come to."""
    if isinstance(tree, Leaf):
        if not tree.change:
            return -told(tree) if negated else told(tree)
        opposite = {"<": ">=", ">=": "<", ">": "<=", "<=": ">", "!=": "==", "==": "!="}
        return told(replace(tree, operator=opposite[tree.operator])) if negated else told(tree)
    kind, parts = tree
    if kind == "not":
        return outcome_of(parts[0], told, not negated)
    states = [outcome_of(part, told, negated) for part in parts]
    return min(states) if (kind == "and") is not negated else max(states)


def leaves(tree: Tree) -> list[Leaf]:
    """The comparisons of a condition."""
    return [tree] if isinstance(tree, Leaf) else [leaf for part in tree[1] for leaf in leaves(part)]
