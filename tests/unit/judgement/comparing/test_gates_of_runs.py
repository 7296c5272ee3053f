"""Gates of groups of runs: with seeds, with one, of the first batch, of runs that diverged, over other data."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from made.deep_runs import column, record, stored

from gradlab.config.experiment import Experiment
from gradlab.judgement.comparing.comparison import Comparison, compare_sides
from gradlab.judgement.comparing.gates import ComparedGate
from gradlab.results.record import Outcome
from gradlab.results.stored import StoredRun

DEPTH = 3
FIVE = (0.0, 0.01, -0.01, 0.02, -0.02)


def side(losses: Sequence[float | None], lr: float = 0.1, *, dead: float = 0.1, **changes: Any) -> list[StoredRun]:
    """Runs of these final losses, one a seed; `data` is the source, `init` the figures of the first batch."""
    data, init = changes.pop("data", "digits"), changes.pop("init", {"accuracy": 0.016})
    model = {"depth": DEPTH, "width": 8, "activation": "relu", "init": "he"}
    runs = []
    for seed, loss in enumerate(losses):
        seen = record(DEPTH, steps=2)
        share = column(np.full((2, DEPTH + 1), dead + 0.001 * seed), np.arange(DEPTH + 1) < DEPTH)
        final = {} if loss is None else {"loss": loss, "accuracy": 0.9 - 0.1 * loss}
        own = stored(
            DEPTH, seen, **({"verdict": "healthy", "init": init, "final": final, "learning_layers": DEPTH} | changes)
        )
        given = {"name": "net", "seed": seed, "model": model, "data": {"source": data}, "train": {"lr": lr}}
        read = type(seen)(**{**vars(seen), "layers": {**seen.layers, "dead_fraction": share}})
        runs.append(
            StoredRun(
                id=f"{seed}{data[:1]}{lr}", path=own.path, experiment=Experiment.model_validate(given), summary=own.summary,
                manifest=own.manifest, timing=own.timing, read=lambda read=read: read,
            )
        )  # fmt: skip
    return runs


def around(loss: float, number: int = 5) -> list[float]:
    return [loss + noise for noise in FIVE[:number]]


def gate(first: list[StoredRun], other: list[StoredRun], text: str) -> ComparedGate:
    found = compare_sides([first, other], [text])
    ((_, own),) = found.gates
    assert found.passed is own.passed
    assert all(name in found.gated for name in own.rows)
    return own


BASE = side(around(1.0))


@pytest.mark.parametrize(
    ("other", "text", "state"),
    [
        (around(1.2), "final.loss > +5%", "failed"),
        (around(1.2), "change(final.loss) > 0.1", "failed"),
        (around(1.2), "change(final.accuracy) < -0.01", "failed"),
        (around(1.2), "final.loss > +30%", "passed"),
        (around(1.2), "change(final.accuracy) < -0.03", "passed"),
        (around(0.8), "final.loss < -5%", "passed"),
        (around(1.0), "final.loss > -1%", "passed"),
        ([0.5, 1.9, 1.3, 0.4, 1.5], "final.loss > +5%", "cannot tell"),
        (around(1.2, 1), "final.loss > +5%", "cannot tell"),
        (around(1.2, 1), "final.loss > 1.1", "failed"),
        (around(1.2, 1), "final.loss > 1.1 and final.loss > +5%", "cannot tell"),
        (around(1.2, 1), "verdict == healthy and final.loss > 1.1", "failed"),
        (around(1.2), "max(dead_fraction) > +5%", "failed"),
        (around(1.2), "change(max(dead_fraction)) > 0.05", "failed"),
        (around(1.2), "max(dead_fraction) > 0.15", "failed"),
        (around(1.2, 1), "change(max(dead_fraction)) > 0.05", "cannot tell"),
        (around(1.2, 1), "train.lr > +50%", "failed"),
    ],
)
def test_gates_of_five_seeds_beside_others(other: list[float], text: str, state: str) -> None:
    assert gate(BASE, side(other, 0.2, dead=0.2), text).state == state


@pytest.mark.parametrize(
    ("numbers", "because"), [((1, 1), "too few seeds: one seed a side"), ((5, 1), "too few seeds: 5 against 1 seed")]
)
def test_with_one_seed_on_either_side_a_change_cannot_be_told(numbers: tuple[int, int], because: str) -> None:
    for one, two in (numbers, numbers[::-1]):
        own = gate(side(around(1.0, one)), side(around(5.0, two), 0.2), "final.loss > +5%")
        assert own.state == "cannot tell"
        assert own.because.startswith("too few seeds: ")
        assert "--seeds 0-4" in own.remedy
    assert (
        gate(side(around(1.0, numbers[0])), side(around(5.0, numbers[1]), 0.2), "final.loss > +5%").because == because
    )


def test_figures_of_one_batch_are_no_evidence() -> None:
    first = side(around(1.0), init={"accuracy": 0.016})
    other = side(around(1.0), 0.2, init={"accuracy": 0.047})
    for text in ("init.accuracy > +5%", "change(init.accuracy) > 0.01"):
        own = gate(first, other, text)
        assert (own.state, own.because) == ("cannot tell", "figures of one batch are no evidence")
    assert gate(first, other, "init.accuracy > 0.04").state == "failed"


def test_over_other_data_a_change_cannot_be_told() -> None:
    own = gate(BASE, side(around(1.5), data="wine"), "final.loss > +5%")
    assert own.state == "cannot tell"
    assert own.because.startswith("not comparable")
    assert gate(BASE, side(around(1.5), data="wine"), "final.loss > 1.4").state == "failed"


@pytest.mark.parametrize("number", [1, 5])
@pytest.mark.parametrize("losses", [[2.0], [math.inf], [math.nan], [None], [2.0, 1.0, 1.0, 1.0, 1.0]])
def test_a_side_that_diverged_fails_at_one_seed_too(number: int, losses: list[float | None]) -> None:
    other = side(losses, 0.2)
    other[0] = side(losses[:1], 0.2, outcome=Outcome("diverged", 1, 1), verdict="diverged")[0]
    own = gate(side(around(1.0, number)), other, "final.loss > +5%")
    assert own.state == "failed"
    assert gate(other, side(around(1.0, number)), "final.loss < -5%").state == "passed"


@pytest.mark.parametrize("loss", [math.inf, math.nan])
def test_a_figure_that_is_not_finite_is_worse(loss: float) -> None:
    assert gate(side([1.0]), side([loss], 0.2), "final.loss > +5%").state == "failed"
    assert gate(side([1.0]), side([loss], 0.2), "final.loss < -5%").state == "passed"
    assert gate(side([loss]), side([1.0], 0.2), "final.loss > +5%").state == "passed"


def test_a_run_that_diverged_at_a_low_loss_is_pointed_out() -> None:
    other = side([0.9], 0.2, outcome=Outcome("diverged", 1, 1), verdict="diverged")
    own = gate(BASE, other, "final.loss > +5%")
    assert (own.state, own.because) == ("cannot tell", "it diverged, and this is its last finite value")
    assert "outcome == diverged" in own.remedy
    assert gate(BASE, other, "outcome == diverged").state == "failed"


def test_the_same_runs_hold_every_gate() -> None:
    for text in (
        "final.loss > +0%",
        "change(final.loss) != 0",
        "change(max(dead_fraction)) >= 0",
        "init.accuracy > +0%",
    ):
        assert gate(BASE, BASE, text).state == "passed", text


def test_a_gate_on_the_share_of_layers_that_learn() -> None:
    other = side(around(1.0), 0.2, learning_layers=1)
    assert gate(BASE, other, "learning_share < -10%").state == "failed"
    own = gate(BASE, other, "learning_share < 0.5")
    assert (own.state, own.actual, own.rows) == ("failed", "0.333333", ("learning_share",))
    found = compare_sides([BASE, other], ["learning_share > 1.2"])
    assert found.notices == ("learning_share is never above 1, so learning_share > 1.2 never holds",)


def compared(*fail_on: str, fail_on_any: Sequence[str] = ()) -> Comparison:
    return compare_sides([BASE, side(around(1.2), 0.2, dead=0.2)], fail_on, fail_on_any=fail_on_any)


def test_a_quantity_that_is_no_change_is_of_the_layers_of_all_seeds() -> None:
    other = side(around(1.2), 0.2, dead=0.2)
    assert gate(BASE, other, "max(dead_fraction) > 0.203").actual == "0.204 in the layers of all seeds"
    assert gate(BASE, other[:1], "max(dead_fraction) > 0.1").actual == "0.2"
    assert gate(BASE, other, "change(max(dead_fraction)) > 0.05").actual == "0.202 (first: 0.102)"


def test_terms_of_gates_have_rows_of_their_own() -> None:
    plain = {row.figure for row in compared().rows}
    found = compared(
        "max(dead_fraction) > 0.5 or train.lr > 1", "any(dead_fraction) > 0.9", "verdict == dead", "final.loss > 3"
    )
    own = {row.figure: row for row in found.rows if row.figure not in plain}
    assert list(own) == ["max(dead_fraction)", "train.lr"]
    assert own["max(dead_fraction)"].values == pytest.approx((0.102, 0.202))
    (change,) = own["max(dead_fraction)"].differences
    assert change is not None
    assert change.interval is not None
    assert (own["train.lr"].values, found.gated) == ((0.1, 0.2), frozenset())


def test_rows_that_decided_are_known() -> None:
    found = compared(
        "any(dead_fraction) > 0.15", "verdict == healthy", "final.loss > +50%", fail_on_any=["train.lr > +0%"]
    )
    assert [own.rows for _, own in found.gates] == [("max(dead_fraction)",), ("verdict",), (), ("train.lr",)]
    assert found.gated == {"max(dead_fraction)", "verdict", "train.lr"}
    assert [own.bare for _, own in found.gates] == [False, False, False, True]


def test_the_bare_figures_are_judged_whatever_the_seeds_tell() -> None:
    first, other = side([1.0]), side([0.8], 0.2, init={"accuracy": 0.047})
    texts = ["final.loss < -5%", "init.accuracy > +5%", "not final.loss > +5%", "final.loss > +5%"]
    found = compare_sides([first, other], fail_on_any=texts)
    assert [own.state for _, own in found.gates] == ["failed", "failed", "failed", "passed"]
    assert [own.state for _, own in compare_sides([first, other], texts).gates] == ["cannot tell"] * 3 + ["passed"]
