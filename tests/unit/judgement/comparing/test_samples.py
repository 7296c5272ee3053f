"""A figure of two groups of runs: divergence, one batch, one seed, other data and losses."""

import math
from dataclasses import replace
from typing import Any

import pytest
from made.deep_runs import stored, summary
from made.judged_runs import profile_made
from made.module_runs import module_run, watched

from gradlab.config.experiment import Experiment
from gradlab.config.modules import ModuleExperiment
from gradlab.judgement.comparing.comparability import OF_DATA, OF_LOSS
from gradlab.judgement.comparing.comparison import compare_sides
from gradlab.judgement.comparing.difference import AIMS, Difference
from gradlab.judgement.comparing.samples import difference_of, figure_of
from gradlab.results.record import Outcome
from gradlab.results.stored import StoredRun

DIVERGED = Outcome("diverged", 8, 1)


def seeded(run: StoredRun, seed: int, **parts: Any) -> StoredRun:
    config = run.experiment.model_dump(mode="json") | {"seed": seed} | parts
    kind = ModuleExperiment if config["model"].get("kind") == "module" else Experiment
    return replace(run, experiment=kind.model_validate(config), id=f"{seed:012d}")


def side(
    number: int = 5, loss: float = 2.0, first: int = 0, told: dict[str, Any] | None = None, **parts: Any
) -> list[StoredRun]:
    """Runs whose losses are some percent apart."""
    runs = []
    for place in range(number):
        final = summary().final | {"loss": loss * (1 + 0.02 * ((place * 3) % 5))}
        final |= {"holdout_loss": final["loss"], "holdout_accuracy": 0.1 + 0.01 * place, "loss_ratio": final["loss"]}
        runs.append(seeded(stored(50, None, final=final, **(told or {})), first + place, **parts))
    return runs


def watched_run(name: str, loss: float) -> StoredRun:
    run = module_run(watched(name), None)
    return replace(run, summary=replace(run.summary, final={"loss": loss}))


def told(name: str, first: list[StoredRun], other: list[StoredRun]) -> Difference:
    found = difference_of(name, lambda run: figure_of(run, name), first, other)
    assert found is not None
    return found


class TestDivergence:
    def diverged(self, number: int, of: int = 5, loss: float = 2.0) -> list[StoredRun]:
        runs = side(of, loss=loss, first=10)
        return [replace(run, summary=replace(run.summary, outcome=DIVERGED)) for run in runs[:number]] + runs[number:]

    @pytest.mark.parametrize("name", ["final.loss", "final.accuracy", "final.backward_decades", "learning_share"])
    def test_a_side_of_which_runs_diverged_is_worse_whatever_its_last_finite_figures_say(self, name: str) -> None:
        better = self.diverged(2, loss=0.1)
        found = told(name, side(), better)
        assert (found.judgement, found.interval, found.because) == ("worse", None, "2 of 5 seeds diverged")
        turned = told(name, better, side())
        assert (turned.judgement, turned.because) == ("better", "2 of the first's 5 seeds diverged")

    def test_at_one_seed_a_side_too(self) -> None:
        found = told("final.loss", side(1), self.diverged(1, of=1, loss=0.1))
        assert (found.judgement, found.because) == ("worse", "diverged")
        assert told("final.loss", self.diverged(1, of=1), side(5)).judgement == "better"

    def test_on_both_sides_it_cannot_be_told_but_where_all_did(self) -> None:
        assert told("final.loss", self.diverged(1), self.diverged(3)).judgement == "cannot tell"
        assert told("final.loss", self.diverged(5), self.diverged(3)).judgement == "cannot tell"
        assert told("final.loss", self.diverged(5), self.diverged(5)).judgement == "same"

    def test_before_it_had_a_figure(self) -> None:
        gone = [replace(run, summary=replace(run.summary, final={})) for run in self.diverged(5)]
        found = told("final.loss", side(), gone)
        assert (found.judgement, found.because) == ("worse", "5 of 5 seeds diverged")
        assert math.isnan(found.amount)
        compared = compare_sides([side(), gone], ["final.loss > +5%"], profiled=False)
        assert compared.judgements == ("worse",)
        assert not compared.passed

    def test_figures_of_the_start_and_those_that_nothing_is_wanted_of_are_not_judged_by_it(self) -> None:
        assert told("init.loss", side(), self.diverged(2)).judgement is None
        grads = [
            [
                replace(run, summary=replace(run.summary, final={"grad_ratio": 1.0 + run.experiment.seed}))
                for run in runs
            ]  # type: ignore[operator]
            for runs in (side(), self.diverged(2))
        ]
        assert told("final.grad_ratio", *grads).judgement is None

    @pytest.mark.parametrize("kind", ["failed", "interrupted"])
    def test_runs_that_failed_did_not_diverge(self, kind: Any) -> None:
        runs = [replace(run, summary=replace(run.summary, outcome=Outcome(kind))) for run in side(first=10)]
        assert told("final.loss", side(), runs).judgement == "same"


def test_figures_of_one_batch_are_shown_and_not_judged() -> None:
    def begun(loss: float) -> list[StoredRun]:
        runs = side()
        return [
            replace(run, summary=replace(run.summary, init={"loss": loss + 0.01 * place}))
            for place, run in enumerate(runs)
        ]

    found = told("init.loss", begun(2.0), begun(9.0))
    assert (found.judgement, found.because) == (None, "one batch")
    assert found.amount == pytest.approx(7.0)
    assert found.interval is not None
    assert told("init.loss", begun(2.0)[:1], begun(9.0)[:1]).because == "one batch"


class TestOneSeed:
    def test_is_too_few(self) -> None:
        assert told("final.loss", side(1), side(1, loss=9.0)).because == "one seed a side"
        found = told("final.loss", side(5), side(1, loss=9.0))
        assert (found.judgement, found.interval, found.because) == ("too few seeds", None, "5 against 1 seed")

    def test_but_a_run_is_the_same_as_itself(self) -> None:
        assert told("final.loss", side(1), side(1)).judgement == "same"
        assert told("final.loss", side(1), side(1, first=1)).judgement == "too few seeds"  # another seed, the same loss

    def test_one_experiment_that_came_out_otherwise_in_another_place_is_not(self) -> None:
        assert told("final.loss", side(1), side(1, loss=2.1)).judgement == "too few seeds"

    def test_watched_modules_have_runs_for_seeds(self) -> None:
        found = told("final.loss", [watched_run("a", 1.0)], [watched_run("b", 2.0)])
        assert (found.judgement, found.because) == ("too few seeds", "one run a side")


def test_sides_with_the_same_seeds_are_paired() -> None:
    first, other = side(), side(loss=2.02)
    assert told("final.loss", first, other).because == "paired by seed"
    assert told("final.loss", first, other).judgement == "worse"
    assert told("final.loss", first, side(loss=2.02, first=10)).judgement == "cannot tell"


def test_a_group_is_the_same_as_itself() -> None:
    found = told("final.loss", side(), side())
    assert (found.judgement, found.interval) == ("same", (0.0, 0.0))


def test_a_side_without_a_value_has_no_difference() -> None:
    silent = [replace(run, summary=replace(run.summary, final={})) for run in side()]
    assert difference_of("final.loss", lambda run: figure_of(run, "final.loss"), side(), silent) is None


class TestComparability:
    FINAL = ("loss", "accuracy", "holdout_loss", "holdout_accuracy", "loss_ratio")

    def obstacles(self, first: list[StoredRun], other: list[StoredRun]) -> dict[str, str]:
        found = {}
        for figure in self.FINAL:
            change = told(f"final.{figure}", first, other)
            found[figure] = change.because if change.judgement == "not comparable" else ""
            assert change.judgement != "not comparable" or change.interval is None
        for free in ("final.backward_decades", "final.backward_slope", "learning_share"):
            assert told(free, first, other).judgement != "not comparable"
        return found

    @pytest.mark.parametrize(
        ("first", "other"),
        [
            ({"source": "digits"}, {"source": "wine"}),
            ({"source": "gaussian_mixture", "classes": 3}, {"source": "gaussian_mixture", "classes": 4}),
            ({"source": "gaussian_mixture", "features": 3}, {"source": "gaussian_mixture", "features": 4}),
            ({"source": "moons", "noise": 0.1}, {"source": "moons", "noise": 0.2}),
            ({"source": "file", "path": "a.csv", "target": "y"}, {"source": "file", "path": "a.csv", "target": "z"}),
            ({"source": "file", "path": "a.csv", "target": "y"}, {"source": "file", "path": "b.csv", "target": "y"}),
        ],
    )
    def test_other_data(self, first: dict[str, Any], other: dict[str, Any]) -> None:
        found = self.obstacles(side(data=first), side(data=other, loss=9.0))
        assert found == dict.fromkeys(self.FINAL, "different data")

    @pytest.mark.parametrize(
        "other",
        [
            {"batch_size": 8},
            {"standardize": False},
            {"holdout": 0.3},
            {"seed": 7},
            {"samples": 99, "source": "gaussian_mixture"},
        ],
    )
    def test_the_same_data_drawn_split_or_cut_otherwise(self, other: dict[str, Any]) -> None:
        first = {"source": other.get("source", "digits")}
        assert set(self.obstacles(side(data=first), side(data=other)).values()) == {""}

    def test_a_file_that_was_moved_is_known_by_what_is_in_it(self) -> None:
        def at(path: str, **profile: Any) -> list[StoredRun]:
            data = {"source": "file", "path": path, "target": "y"}
            return side(data=data, told={"data": profile_made(**profile)})

        assert set(self.obstacles(at("a.csv"), at("b/a.csv")).values()) == {""}
        assert set(self.obstacles(at("a.csv"), at("b.csv", input_rms=2.0)).values()) == {"different data"}

    def test_another_loss_leaves_accuracies(self) -> None:
        found = self.obstacles(side(train={"loss": "mse"}), side(train={"loss": "cross_entropy"}))
        assert {figure for figure, because in found.items() if because == "different losses"} == {
            "loss", "holdout_loss", "loss_ratio",
        }  # fmt: skip
        assert (found["accuracy"], found["holdout_accuracy"]) == ("", "")

    @pytest.mark.parametrize(
        ("data", "loss"), [({"source": "digits"}, "cross_entropy"), ({"source": "diabetes"}, "mse")]
    )
    def test_auto_is_the_loss_that_it_stands_for(self, data: dict[str, Any], loss: str) -> None:
        found = self.obstacles(side(data=data), side(data=data, train={"loss": loss}))
        assert set(found.values()) == {""}

    def test_targets_that_are_standardised_on_one_side_alone_have_another_unit(self) -> None:
        found = self.obstacles(
            side(data={"source": "diabetes"}), side(data={"source": "diabetes", "standardize": False})
        )
        assert {figure for figure, because in found.items() if because} == {"loss", "holdout_loss"}

    def test_of_watched_modules_nothing_is_known(self) -> None:
        assert told("final.loss", [watched_run("a", 1.0)], side(1)).judgement == "too few seeds"

    def test_a_side_of_other_data_is_not_comparable_as_a_whole_where_nothing_else_tells(self) -> None:
        def only_losses(runs: list[StoredRun]) -> list[StoredRun]:
            return [
                replace(
                    run, summary=replace(run.summary, final={"loss": run.summary.final["loss"]}, learning_layers=None)
                )
                for run in runs
            ]

        first, other = only_losses(side()), only_losses(side(data={"source": "wine"}))
        assert compare_sides([first, other], profiled=False).judgements == ("not comparable",)

    def test_the_figures_that_follow_the_data_are_ones_that_something_is_wanted_of(self) -> None:
        assert OF_LOSS < OF_DATA < AIMS.keys()
