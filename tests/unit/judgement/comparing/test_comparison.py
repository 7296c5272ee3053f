"""Runs side by side."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made.judged_runs import experiment, record, stuck

from gradlab.config.condition import ConditionError
from gradlab.config.experiment import Experiment
from gradlab.errors import UsageError
from gradlab.judgement.comparing.comparison import Comparison, compare, compare_sides
from gradlab.judgement.comparing.profiles import Profile, against, profile
from gradlab.judgement.comparing.rows import Row
from gradlab.judgement.verdict import judge
from gradlab.results.record import Outcome, Record, Summary


@dataclass(frozen=True)
class Made:
    name: str
    experiment: Experiment
    summary: Summary
    record: Record | None
    id: str = "7f3ac9d1e2b4"
    path: Path = Path("runs/made-7f3ac9d1e2b4")

    @property
    def seed(self) -> int:
        return self.experiment.seed


def run(made: Record | None, name: str = "made", outcome: str = "completed", **parts: Any) -> Made:
    depth = 10 if made is None else made.depth
    own = experiment(depth, **parts).model_copy(update={"name": name})
    return Made(name, own, judge(own, made, Outcome(outcome), None), made)  # type: ignore[arg-type]


def row(found: Comparison, figure: str) -> Row:
    (own,) = [item for item in found.rows if item.figure == figure]
    return own


def seeds(number: int = 5, decades: float = 0.0, loss: float = 0.1, **parts: Any) -> list[Made]:
    """Runs that differ in their seed, and in their losses by some thousandths."""
    sick = stuck() if decades < -3.0 else {}
    found = []
    for seed in range(number):
        own = {"loss": np.linspace(2.3, loss * (1 + 0.001 * seed), 160)} | sick
        found.append(run(record(decades=decades + 0.01 * seed, **own), seed=seed, **parts))
    return found


def test_a_better_run() -> None:
    found = compare([*seeds(decades=-9.0, model={"init": "xavier"}), *seeds()])
    assert found.judgements == ("better",)
    assert [item.field for item in found.config] == ["model.init.scheme", "model.readout_init.scheme"]
    assert found.config[0].values == ("xavier", "he")
    assert [side.verdict for side in found.sides] == ["vanishing", "healthy"]
    loss = row(found, "final.loss").differences[0]
    assert loss is not None
    assert loss.judgement == "better"
    assert loss.interval is not None
    assert row(found, "final.backward_decades").values == pytest.approx((-8.98, 0.02))


def test_one_run_is_not_better_than_another() -> None:
    one, two = run(record(decades=-9.0, **stuck()), model={"init": "xavier"}), run(record())
    for runs in ([one, two], [one, *seeds()]):
        found = compare(runs)
        assert found.judgements == ("too few seeds",)
        assert {item.differences[0].judgement for item in found.telling if item.differences[0]} == {"too few seeds"}


def test_worse_same_and_mixed() -> None:
    base = seeds()
    worse = seeds(decades=-9.0, train={"lr": 0.2})
    same = seeds(train={"lr": 0.3})
    mixed = [
        run(record(decades=-9.0, loss=np.linspace(2.3, 0.01 + 1e-5 * seed, 160)), seed=seed, train={"lr": 0.4})
        for seed in range(5)
    ]
    wide = [
        run(record(decades=0.01 * seed, loss=np.linspace(2.3, loss, 160)), seed=seed, train={"lr": 0.5})
        for seed, loss in enumerate((0.05, 0.1, 0.2, 0.06, 0.15))
    ]
    assert compare([*base, *worse, *same, *mixed, *wide]).judgements == ("worse", "same", "mixed", "cannot tell")


def test_seeds_stand_on_one_side() -> None:
    def seeded(seed: int, shift: float, lr: float) -> Made:
        return run(record(loss=np.linspace(2.3, 0.5 + shift + 0.01 * seed, 160)), seed=seed, train={"lr": lr})

    found = compare([seeded(seed, shift, 0.1 + shift) for shift in (0.0, 0.3) for seed in range(5)])
    assert [side.seeds for side in found.sides] == [(0, 1, 2, 3, 4)] * 2
    loss = row(found, "final.loss").differences[0]
    assert loss is not None
    assert loss.interval is not None
    assert loss.judgement == "worse"
    assert loss.amount == pytest.approx(0.3)


def test_names_that_repeat_are_told_apart() -> None:
    found = compare([run(record()), run(record(), train={"lr": 0.5}), run(record(), name="other", train={"lr": 0.7})])
    assert [side.label for side in found.sides] == ["made (train.lr=0.01)", "made (train.lr=0.5)", "other"]


def test_networks_of_different_depth_lie_on_relative_depth() -> None:
    found = compare([run(record(depth=5, decades=-4.0)), run(record(depth=50, decades=-49.0))])
    backward = found.profiles[0]
    assert [item.quantity for item in backward if item] == ["log10_backward_rms"] * 2
    first, second = backward
    assert first is not None
    assert second is not None
    assert (first.relative_depth[0], first.relative_depth[-1], len(second.relative_depth)) == (0.0, 1.0, 50)
    assert first.at(np.array([0.0, 0.5, 1.0])) == pytest.approx([-4.0, -2.0, 0.0])
    assert second.at(np.array([0.0, 0.5, 1.0])) == pytest.approx([-49.0, -24.5, 0.0])
    share = row(found, "learning_share")
    assert share.values == (1.0, 1.0)
    assert row(found, "learning_layers").values == (5.0, 50.0)


def test_runs_without_a_record_or_figures_compare_by_what_there_is() -> None:
    found = compare([run(record()), run(None, outcome="failed", train={"lr": 0.5})])
    assert found.sides[1].outcome == "failed"
    assert row(found, "final.loss").differences == (None,)
    assert row(found, "final.loss").changed
    assert found.profiles[0][1] is None
    nothing = compare([run(None, outcome="failed"), run(None, outcome="failed", train={"lr": 0.5})])
    assert (nothing.rows, nothing.profiles, nothing.judgements) == ((), (), ("cannot tell",))


def test_changed_rows_are_those_that_are_not_the_same() -> None:
    found = compare([run(record()), run(record(loss=np.linspace(2.3, 1.0, 160)), train={"lr": 0.5})])
    assert {item.figure for item in found.rows if item.changed} == {"final.loss"}


class TestGates:
    BASE = tuple(seeds())
    SICK = tuple(seeds(decades=-9.0, train={"lr": 0.5}))

    def passed(self, condition: str) -> bool:
        found = compare([*self.BASE, *self.SICK], [condition])
        assert [label for label, _ in found.gates] == [found.sides[1].label]
        assert found.passed == found.gates[0][1].passed
        return found.passed

    @pytest.mark.parametrize(
        ("condition", "expected"),
        [
            ("final.loss > +5%", False),
            ("final.loss > +5000%", True),
            ("final.loss > +1.5", False),
            ("final.accuracy < -50%", False),
            ("verdict == vanishing", False),
            ("verdict == exploding", True),
            ("final.backward_decades < -8 and final.loss > +5%", False),
            ("max(dead_fraction) > 0.5", True),
        ],
    )
    def test_a_gate_fails_where_its_condition_holds(self, condition: str, expected: bool) -> None:
        assert self.passed(condition) is expected

    def test_a_side_of_several_seeds_is_its_mean_and_its_worst_verdict(self) -> None:
        good = run(record(loss=np.linspace(2.3, 1.0, 160)), seed=0, train={"lr": 0.5})
        bad = run(record(decades=-9.0, loss=np.full(160, 2.0), accuracy=0.1), seed=1, train={"lr": 0.5})
        found = compare([*self.BASE, good, bad], ["final.loss > 1.4 and final.loss < 1.6", "verdict == vanishing"])
        assert [gate.passed for _, gate in found.gates] == [False, False]

    def test_an_unjudged_run_leads_a_side_of_healthy_ones(self) -> None:
        unseen = run(record(quantities="gradients"), seed=1, train={"lr": 0.5})
        found = compare([*self.BASE, run(record(), seed=0, train={"lr": 0.5}), unseen])
        assert found.sides[1].verdicts == ("healthy", "not_judged")
        assert found.sides[1].verdict == "not_judged"

    def test_a_condition_that_cannot_be_read(self) -> None:
        with pytest.raises(ConditionError):
            compare([*self.BASE, *self.SICK], ["final.los > +5%"])


def test_one_run_or_nothing_but_seeds_cannot_be_compared() -> None:
    for runs in ([], [run(record())], [run(record()), run(record(), seed=1)]):
        with pytest.raises(UsageError, match="more than their seed"):
            compare(runs)


def test_runs_that_differ_only_in_their_seed_may_be_kept_apart() -> None:
    seeds = [run(record(), seed=seed) for seed in (0, 1, 2)]
    found = compare(seeds, apart=True)
    assert [side.label for side in found.sides] == ["made (seed 0)", "made (seed 1)", "made (seed 2)"]
    assert (found.config, len(found.judgements)) == ((), 2)
    with_another = compare([*seeds, run(record(), train={"lr": 0.5})], apart=True)
    assert [side.seeds for side in with_another.sides] == [(0, 1, 2), (0,)]
    with pytest.raises(UsageError, match="more than their seed"):
        compare(seeds[:1], apart=True)


def test_profiles_at_the_first_step_stand_beside_those_at_the_last() -> None:
    made = record(decades=-9.0)
    slopes = made.layers["mean_slope"]
    values = slopes.values.copy()
    values[0] = 0.9
    changing = replace(made, layers={**made.layers, "mean_slope": replace(slopes, values=values)})
    found = compare([run(changing), run(record(), train={"lr": 0.5})])
    last, first = (
        next(sides[0] for sides in profiles if sides[0] is not None and sides[0].quantity == "mean_slope")
        for profiles in (found.profiles, found.init_profiles)
    )
    assert last is not None
    assert first is not None
    assert first.values == pytest.approx(np.full(10, 0.9))
    assert last.values == pytest.approx(slopes.values[-1, :10])


def test_telling_figures_are_those_that_the_overall_judgement_rests_on() -> None:
    found = compare([run(record(decades=-9.0, **stuck())), run(record(), train={"lr": 0.5})])
    names = [row.figure for row in found.telling]
    assert names == ["final.backward_decades", "final.loss", "final.accuracy", "learning_share"]


class TestProfile:
    def test_signals_are_relative_to_the_last_hidden_layer_and_shares_are_not(self) -> None:
        found = profile([record(decades=-9.0)], "log10_backward_rms")
        assert found is not None
        assert (found.values[0], found.values[-1]) == pytest.approx((-9.0, 0.0))
        slopes = profile([record(slope=0.4), record(slope=0.6)], "mean_slope")
        assert slopes is not None
        assert slopes.values == pytest.approx(np.full(10, 0.5))

    def test_zero_reaches_as_far_as_it_may(self) -> None:
        found = Profile("log10_backward_rms", np.array([0.0, 0.5, 1.0]), np.array([-np.inf, -2.0, 0.0]))
        assert found.at(np.array([0.0, 0.25, 0.5, 0.75])).tolist() == [-np.inf, -np.inf, -2.0, -1.0]

    def test_what_is_not_finite_stays_what_it_is(self) -> None:
        found = Profile("forward_rms", np.array([0.0, 0.5, 1.0]), np.array([np.nan, np.inf, 1.0]))
        assert found.at(np.array([0.0, 0.25, 0.5, 0.75, 1.0])).tolist()[2:] == [np.inf, np.inf, 1.0]
        assert np.isnan(found.at(np.array([0.0, 0.25]))).all()

    def test_each_run_stands_beside_the_mean(self) -> None:
        found = profile([record(slope=0.4), record(slope=0.6)], "mean_slope")
        assert found is not None
        assert [values[0] for values in found.each] == pytest.approx([0.4, 0.6])

    def test_a_run_that_has_none_is_left_out(self) -> None:
        made = record(slope=0.4)
        broken = replace(made, figures={"loss": replace(made.figures["loss"], values=np.full(160, np.nan))})
        found = profile([broken, record(slope=0.6)], "mean_slope")
        assert found is not None
        assert (len(found.each), found.values[0]) == (1, pytest.approx(0.6))
        at_first = profile([broken, record(slope=0.6)], "mean_slope", "init")
        assert at_first is not None
        assert at_first.values[0] == pytest.approx(0.5)

    def test_profiles_of_different_depth_are_subtracted_where_either_has_a_layer(self) -> None:
        first = Profile("mean_slope", np.array([0.0, 1.0]), np.array([0.0, 1.0]))
        other = Profile("mean_slope", np.array([0.0, 0.5, 1.0]), np.array([0.5, 0.5, 2.0]))
        found = against(first, other)
        assert found.relative_depth.tolist() == [0.0, 0.5, 1.0]
        assert found.values.tolist() == [0.5, 0.0, 1.0]

    def test_equal_infinities_cancel(self) -> None:
        zero = Profile("log10_grad_norm", np.array([0.0, 1.0]), np.array([-np.inf, 0.0]))
        other = Profile("log10_grad_norm", np.array([0.0, 1.0]), np.array([-3.0, 0.0]))
        assert against(zero, zero).values.tolist() == [0.0, 0.0]
        assert against(zero, other).values.tolist() == [np.inf, 0.0]
        assert against(other, zero).values.tolist() == [-np.inf, 0.0]

    def test_one_layer(self) -> None:
        found = profile([record(depth=1)], "mean_slope")
        assert found is not None
        assert found.relative_depth.tolist() == [0.0]
        assert found.at(np.array([0.0, 1.0])).tolist() == [0.5, 0.5]

    def test_what_was_not_recorded(self) -> None:
        assert profile([record(quantities="gradients")], "mean_slope") is None
        assert profile([record(dead=None)], "dead_fraction") is None
        made = record()
        broken = replace(made, figures={"loss": replace(made.figures["loss"], values=np.full(160, np.nan))})
        assert profile([broken], "mean_slope") is None


def test_no_two_sides_have_one_label() -> None:
    def labels(*sides: Made) -> list[str]:
        return [side.label for side in compare_sides([[side] for side in sides]).sides]

    one = run(record())
    assert labels(one, run(record(), seed=1)) == ["made (seed 0)", "made (seed 1)"]
    elsewhere = replace(one, path=Path("other/made-7f3ac9d1e2b4"))
    assert labels(one, elsewhere) == ["made (in runs)", "made (in other)"]
    assert labels(one, one) == ["made #1", "made #2"]
    assert labels(one, one, run(record(), name="other")) == ["made #1", "made #2", "other"]


def test_a_side_that_holds_the_runs_of_the_first_is_told() -> None:
    """A gate on a change cannot fail there, whatever happened: nothing new was trained, or the wrong name was typed."""
    one, other = seeds(), [replace(each, id=f"0{each.id[1:]}") for each in seeds()]
    found = compare_sides([one, one[::-1]], ["final.loss > +5%"])
    assert found.passed
    assert found.notices == ("made #2: these are the runs of the first side, so nothing can differ",)
    assert compare_sides([one, one[:3]], ["final.loss > +5%"]).notices == ()
    assert compare_sides([one, other], ["final.loss > +5%"]).notices == ()
