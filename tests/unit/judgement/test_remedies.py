"""Every remedy is a setting with a number in it, fits the config, and is one that theory finds harmless."""

import itertools
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made.judged_runs import broken_at_end, experiment, only, profile_made, record, stuck, summary
from made.shares import share

from benchmarks.diagnosis.case import Family, cases_of
from benchmarks.diagnosis.families import all_families
from gradlab import theory
from gradlab.config import catalogue
from gradlab.config.experiment import Experiment
from gradlab.config.reading import document
from gradlab.config.sweeps.file_kind import is_sweep
from gradlab.judgement.deviations import forecast_of
from gradlab.judgement.remedies.advice import Advice, change
from gradlab.judgement.remedies.harm import HARMLESS
from gradlab.judgement.verdict import judge
from gradlab.results.finding import Finding, Remedy
from gradlab.results.record import Column, Outcome, Record

ROOT = Path(__file__).parents[3]
SHIPPED = [
    path
    for path in sorted((ROOT / "configs").glob("**/*.yaml"))
    if not is_sweep(path) and isinstance(document.read(path), Experiment) and "ten_th" not in path.stem
]
FAMILIES = all_families()
SCHEMES = [scheme for scheme in catalogue.SCHEMES if scheme not in ("critical", "delta_orthogonal")]


def overrides(remedy: Remedy) -> list[str]:
    """What follows each `-s`; JSON is YAML."""
    return [f"{key}={json.dumps(value)}" for key, value in remedy.settings.items()]


def applied(run: Experiment, remedy: Remedy) -> Experiment:
    """The run with a remedy's settings."""
    return document.from_mapping(run.model_dump(mode="json", exclude_unset=True), overrides(remedy)).experiment


def found(made: Record, run: Experiment, rule: str) -> Finding:
    own = theory.forecast(run, made.input_mean_square, made.fan_in.tolist(), made.fan_out.tolist())
    return only(judge(run, made, Outcome("completed"), own), rule)


@pytest.mark.parametrize(("scheme", "activation"), share(itertools.product(SCHEMES, catalogue.ACTIVATIONS), 3))
def test_another_start_has_numbers_and_holds_in_theory(activation: str, scheme: str) -> None:
    made = record(depth=20, decades=-9.0, **stuck())
    run = experiment(20, model={"activation": activation, "init": scheme}, train={"steps": 160})
    finding = found(made, run, "vanishing")
    assert re.search(r"= -?\d|: \d", finding.remedy), finding.remedy
    mended = applied(run, finding.remedies[0])
    assert mended != run
    expected = theory.forecast(mended, made.input_mean_square, made.fan_in.tolist(), made.fan_out.tolist())
    if mended.model.activation != run.model.activation or mended.model.init != run.model.init:
        typical, spread = expected.typical_backward_decades, expected.expected_spread
        assert typical is not None
        assert spread is not None
        assert abs(typical) + 2 * spread <= HARMLESS


@pytest.mark.parametrize(
    ("parts", "rule", "said"),
    [
        ({"model": {"init": {"scheme": "he", "bias": -9.0}}}, "dead", "model.init.bias: 0 (yours is -9)"),
        ({"model": {"activation": "tanh", "init": {"sigma_w": 20.0}}}, "saturated", "model.init: critical (σ_w² = 1)"),
        ({"model": {"activation": "sigmoid", "depth": 2, "init": {"sigma_w": 90.0}}}, "saturated", "model.init: xavier"),
        ({"model": {"activation": "tanh"}, "data": {"standardize": False}}, "saturated", "data.standardize: true"),
    ],
)  # fmt: skip
def test_flat_units(parts: dict[str, Any], rule: str, said: str) -> None:
    depth = parts["model"].get("depth", 10)
    made = record(depth=depth, dead=1.0, slope=0.01, **stuck())
    object.__setattr__(made, "input_mean_square", 1e6 if "data" in parts else 1.0)
    run = experiment(depth, train={"steps": 160}, **parts)
    finding = found(made, run, rule)
    assert finding.remedy.startswith(said)
    assert applied(run, finding.remedies[0]) != run


class TestSteps:
    def test_a_clip_that_leaves_nothing(self) -> None:
        made = record(update=-8.0, **stuck())
        clip = Column(np.full(160, 1e-5), np.ones(160, bool))
        object.__setattr__(made, "figures", {**made.figures, "clip_factor": clip})
        remedy = only(summary(made, train={"clip_norm": 1e-6}), "not_learning").remedy
        assert remedy.startswith("train.clip_norm: 0.1, the gradient's own norm")

    def test_an_eps_that_swallows_the_step(self) -> None:
        optimizer = {"name": "adam", "eps": 1e5}
        remedy = only(summary(record(update=-8.0, **stuck()), train={"optimizer": optimizer}), "not_learning").remedy
        assert remedy.startswith("train.optimizer.eps: 1e-08")

    def test_updates_that_are_rounded_away(self) -> None:
        made = record(update=-3.2, **stuck())
        assert "train.dtype: float32" in only(summary(made, train={"dtype": "bfloat16"}), "not_learning").remedy
        assert "dtype" not in only(summary(made), "not_learning").remedy

    @pytest.mark.parametrize(("changed", "lost"), [(0.05, True), (0.3, False)])
    def test_updates_of_which_little_is_stored(self, changed: float, lost: bool) -> None:
        """What the update changes decides where it was recorded, and not its norm beside the format's grain."""
        made = record(update=-3.2, **stuck())
        share = Column(
            np.full((len(made.steps), made.depth + 1), changed), np.ones((len(made.steps), made.depth + 1), bool)
        )
        made = replace(made, layers={**made.layers, "changed_fraction": share})
        remedy = only(summary(made, train={"dtype": "bfloat16"}), "not_learning").remedy
        assert ("train.dtype: float32" in remedy) is lost
        assert ("changes 5 % of a layer's weights" in remedy) is lost

    def test_inputs_that_are_all_the_same(self) -> None:
        made = record(update=-8.0, **stuck())
        same = replace(made, data=profile_made(num_distinct_rows=1))
        finding = only(summary(same), "not_learning")
        assert finding.remedy == "all training rows have the same inputs: there is nothing in them to learn from"
        assert finding.remedies == ()
        zeros = only(summary(replace(made, input_mean_square=0.0)), "not_learning")
        assert zeros.remedy.startswith("all inputs are the same in every training row")

    def test_inputs_along_one_line_are_not_the_same(self) -> None:
        """One column, or an offset: a network sees sign and size of inputs whose cosines are all 1."""
        made = replace(record(update=-8.0, **stuck()), input_correlation=1.0, data=profile_made(num_distinct_rows=2))
        assert only(summary(made), "not_learning").remedies[0].settings.keys() == {"train.lr"}

    def test_a_short_run_may_take_larger_steps(self) -> None:
        remedy = only(summary(record(update=-4.3, **stuck())), "not_learning").remedy
        assert remedy == "train.lr: 0.62, 60 times larger: update ratios are then near 0.003"

    def test_the_first_step_tells_how_far_off_a_divergence_was(self) -> None:
        ratios = np.concatenate([[1.0], np.full(159, 9.0)])[:, None] * np.ones(10)
        finding = only(summary(record(update=ratios, **stuck()), Outcome("diverged", 159, 3)), "diverged")
        assert finding.remedy.startswith("train.lr: 1e-06, 10,000 times smaller")

    def test_a_divergence_has_two_ways_out(self) -> None:
        finding = only(summary(record(update=-5.0), Outcome("diverged", 79, 1)), "diverged")
        assert finding.remedy == "train.lr: 0.001, ten times smaller; or train.clip_norm: 1"
        assert [dict(one.settings) for one in finding.remedies] == [{"train.lr": 0.001}, {"train.clip_norm": 1}]

    def test_more_steps_take_the_place_of_epochs(self) -> None:
        run = experiment(train={"epochs": 7.5})
        longer = found(record(rows=40, **stuck(40)), run, "undecided").remedies[0]
        assert longer.settings == {"train.steps": 400, "train.epochs": None}
        assert applied(run, longer).train.steps == 400


class TestAdvice:
    ONE = change({"train.lr": 0.001}, "smaller", "{settings}, {because}")
    OTHER = change({"model.activation": {"name": "leaky_relu", "slope": 0.01}}, "has a slope")

    def test_alternatives_stay_apart(self) -> None:
        both = self.ONE.or_else(self.OTHER)
        assert both.sentence == "train.lr: 0.001, smaller; or model.activation: leaky_relu (slope 0.01) (has a slope)"
        assert both.remedies == self.ONE.remedies + self.OTHER.remedies

    def test_what_goes_together_is_one_alternative(self) -> None:
        both = self.ONE.along_with(self.OTHER)
        assert both.sentence == "train.lr: 0.001, smaller; model.activation: leaky_relu (slope 0.01) (has a slope)"
        settings = {"train.lr": 0.001, "model.activation": {"name": "leaky_relu", "slope": 0.01}}
        assert both.remedies == (Remedy(settings, "smaller; has a slope"),)

    def test_a_word_without_a_setting_leaves_the_other_s_settings(self) -> None:
        both = Advice("look at the data").along_with(self.ONE)
        assert (both.sentence, both.remedies) == ("look at the data; train.lr: 0.001, smaller", self.ONE.remedies)
        assert Advice().along_with(self.ONE) == self.ONE == self.ONE.along_with(Advice())


ILLS: list[dict[str, Any]] = [
    {"decades": -9.0}, {"decades": 9.0}, {"decades": -9.0, "slope": 0.01, "dead": 1.0}, {"forward_decades": -40.0},
    {"update": -12.0}, {"update": -1.5}, {"update": -3.0}, {"quantities": "gradients"}, {"quantities": "none"},
]  # fmt: skip


def advised(run: Experiment) -> set[tuple[str, ...]]:
    """What is advised, as overrides, were the run ill in each of many ways."""
    depth, width = run.model.depth, run.model.width
    remedies = []
    for square in (1.0, 1e6):
        sizes = {"fan_in": np.array([64] + [width] * depth), "fan_out": np.array([width] * depth + [10])}
        healthy = replace(record(depth=depth), input_mean_square=square, **sizes)
        forecast = forecast_of(run, healthy)
        for ill in ILLS:
            made = replace(record(depth=depth, **ill, **stuck()), input_mean_square=square, **sizes)
            ends = [(made, Outcome("completed")), (broken_at_end(made), Outcome("diverged", 159, 1))]
            for own, outcome in ends:
                findings = judge(run, own, outcome, forecast).findings
                remedies += [remedy for finding in findings for remedy in finding.remedies]
    return {tuple(overrides(remedy)) for remedy in remedies}


def some_now(every: list[Any], number: int, depth: Callable[[Any], int]) -> list[Any]:
    """So many of a list for every test run; the rest, and what is deep, among the longer proofs."""
    now = [one for one in every[:: -(-len(every) // number)] if depth(one) <= 50]
    return [pytest.param(one, marks=() if one in now else pytest.mark.slow) for one in every]


@pytest.mark.parametrize(
    "path", some_now(SHIPPED, 8, lambda path: document.read(path).model.depth), ids=lambda path: path.stem
)
def test_whatever_is_advised_fits_a_shipped_config(path: Path) -> None:
    found = advised(document.read(path))
    assert len(found) > 3
    for texts in found:
        document.load(path, texts)


@pytest.mark.parametrize(
    "family",
    some_now(FAMILIES, 6, lambda family: cases_of(family)[0].experiment.model.depth),
    ids=lambda family: family.name,
)
def test_whatever_is_advised_fits_a_labelled_case(family: Family) -> None:
    run = cases_of(family)[0].experiment
    config = {key: value for key, value in next(iter(family.cases.values())).items() if key != "loss_scale"}
    for texts in advised(run):
        document.from_mapping(config, texts)
