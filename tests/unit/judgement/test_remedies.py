"""Every remedy is a setting with a number in it, fits the config, and is one that theory finds harmless."""

import re
from typing import Any

import numpy as np
import pytest
from judged_runs import experiment, only, record, stuck, summary

from gradlab import theory
from gradlab.config import catalogue
from gradlab.config.experiment import Experiment
from gradlab.config.reading import document
from gradlab.judgement.remedies.starts import HARMLESS
from gradlab.judgement.verdict import judge
from gradlab.results.record import Column, Finding, Outcome, Record

SETTING = re.compile(r"\b((?:model|data|train)\.[a-z_.]+): ([^\s,;()]+)")
SCHEMES = [scheme for scheme in catalogue.SCHEMES if scheme != "critical"]


def applied(run: Experiment, remedy: str) -> Experiment:
    """The run with the settings of a remedy's first alternative."""
    settings = SETTING.findall(re.split(r"[;,]? or ", remedy)[0])
    assert settings, remedy
    config = run.model_dump(mode="json", exclude_unset=True)
    whole = {key: value for key, value in settings if key in ("model.init", "model.activation")}
    config["model"] |= {key.removeprefix("model."): value for key, value in whole.items()}
    return document.from_mapping(config, [f"{key}={value}" for key, value in settings if key not in whole]).experiment


def found(made: Record, run: Experiment, rule: str) -> Finding:
    own = theory.forecast(run, made.input_mean_square, made.fan_in.tolist(), made.fan_out.tolist())
    return only(judge(run, made, Outcome("completed"), own), rule)


@pytest.mark.parametrize("activation", list(catalogue.ACTIVATIONS))
@pytest.mark.parametrize("scheme", SCHEMES)
def test_another_start_has_numbers_and_holds_in_theory(activation: str, scheme: str) -> None:
    made = record(depth=20, decades=-9.0, **stuck())
    run = experiment(20, model={"activation": activation, "init": scheme}, train={"steps": 160})
    remedy = found(made, run, "vanishing").remedy
    assert re.search(r"= -?\d|: \d", remedy), remedy
    mended = applied(run, remedy)
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
    remedy = found(made, run, rule).remedy
    assert remedy.startswith(said)
    assert applied(run, remedy) != run


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

    def test_inputs_that_are_all_alike(self) -> None:
        made = record(update=-8.0, **stuck())
        object.__setattr__(made, "input_correlation", 1.0)
        assert "look at the data" in only(summary(made), "not_learning").remedy

    def test_a_short_run_may_take_larger_steps(self) -> None:
        remedy = only(summary(record(update=-4.3, **stuck())), "not_learning").remedy
        assert remedy == "train.lr: 0.62, 6e+01 times larger: update ratios are then near 10^-2.5"

    def test_the_first_step_tells_how_far_off_a_divergence_was(self) -> None:
        ratios = np.concatenate([[1.0], np.full(159, 9.0)])[:, None] * np.ones(10)
        finding = only(summary(record(update=ratios, **stuck()), Outcome("diverged", 159, 3)), "diverged")
        assert finding.remedy.startswith("train.lr: 1e-06, 1e+04 times smaller")
