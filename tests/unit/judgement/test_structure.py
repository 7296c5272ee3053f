"""Remedies for networks with normalisation, skip connections and convolutions, and the skip as one for plain networks."""

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from made.judged_runs import experiment, only, profile_made, record, stuck

import gradlab
from gradlab import theory
from gradlab.config.experiment import Experiment, Model
from gradlab.config.reading import document
from gradlab.judgement.deviations import forecast_of
from gradlab.judgement.evidence import Evidence
from gradlab.judgement.remedies import structure
from gradlab.judgement.verdict import judge
from gradlab.results.finding import Finding
from gradlab.results.record import Outcome, Record

LAYER, BATCH = {"norm": "layer"}, {"norm": "batch"}


def found(made: Record, rule: str, outcome: Outcome | None = None, **model: Any) -> Finding:
    parts = {"model": model, "train": {"steps": len(made.steps)}}
    run = experiment(made.depth, **parts)
    return only(judge(run, made, outcome or Outcome("completed"), forecast_of(run, made)), rule)


def fields(finding: Finding) -> list[str]:
    """Fields that the remedies set, the leading one first."""
    return [" ".join(remedy.settings) for remedy in finding.remedies]


def sick(decades: float, depth: int = 40, forward: float = 0.0) -> Record:
    return record(depth=depth, decades=decades, forward_decades=forward, **stuck())


def test_a_plain_network_keeps_its_remedy_and_is_offered_a_skip_after_it() -> None:
    remedies = found(sick(-6.0), "vanishing", init="xavier").remedies
    assert remedies[0].settings["model.init"] == {"scheme": "he"}
    assert remedies[-1].settings == {"model.residual": "1/sqrt(depth)"}
    assert remedies[-1].because.startswith(
        "without a skip this depth loses 0.15 decades a layer; the signal then stays within a factor of 1."
    )


@pytest.mark.parametrize(
    "model",
    [{"init": {"scheme": "he", "bias": -9.0}}, {"init": "zeros"}, {"activation": "step"}, {"init": {"sigma_w": 30.0}}],
    ids=["bias", "zeros", "step", "large"],
)
def test_a_skip_is_not_offered_where_it_leaves_the_cause(model: dict[str, Any]) -> None:
    """Large weights multiply the branches: 39 of them with σ_w² = 900 and a² = 1/40 give 10^190."""
    finding = found(
        sick(6.0 if "init" in model and model["init"] == {"sigma_w": 30.0} else -6.0),
        "exploding" if model.get("init") == {"sigma_w": 30.0} else "vanishing",
        **model,
    )
    assert finding.remedies
    assert not any("residual" in name for name in fields(finding))


def test_a_skip_is_not_offered_to_a_run_that_records_jacobians() -> None:
    made = sick(-6.0)
    run = experiment(40, model={"init": "xavier"}, record={"quantities": "default", "spectrum": [1]})
    assert run.record.takes_jacobian
    (finding,) = [one for one in judge(run, made, Outcome("completed"), None).findings if one.rule == "vanishing"]
    assert not any("residual" in name for name in fields(finding))


@pytest.mark.parametrize(("depth", "offered"), [(40, True), (10, False)])
def test_a_deep_network_that_does_not_learn_is_offered_a_skip_last(depth: int, offered: bool) -> None:
    """Where a line finds something to learn, and steps are of a usual size."""
    made = replace(record(depth=depth, **stuck()), data=profile_made())
    own = fields(found(made, "not_learning"))
    assert own[0] == "train.optimizer train.lr"
    assert (own[-1] == "model.residual") is offered


@pytest.mark.parametrize("kind", ["layer", "rms"])
def test_layer_norm_does_not_cure_a_sigmoid_and_batch_norm_does(kind: str) -> None:
    finding = found(sick(-8.0, 20), "vanishing", activation="sigmoid", norm=kind)
    assert fields(finding) == ["model.norm.kind", "model.activation", "model.residual"]
    assert finding.remedies[0].settings == {"model.norm.kind": "batch"}
    assert "loses 0.42 decades; over the batch χ₁ is 1.03" in finding.remedies[0].because
    assert finding.remedies[1].settings == {"model.activation": {"name": "tanh"}}
    assert "its χ₁ is 1.18, sigmoid 0.153" in finding.remedies[1].because
    few = experiment(20, model={"activation": "sigmoid", "norm": kind}, data={"batch_size": 4})
    ways = structure.mended(Evidence(few, sick(-8.0, 20), Outcome("completed"), None), structure.Advice())
    assert "model.norm.kind" not in [*ways.remedies[0].settings]


@pytest.mark.parametrize("norm", ["batch", "layer", {"kind": "rms", "position": "after"}])
@pytest.mark.parametrize("init", ["he", "xavier", {"scheme": "normal", "std": 0.5}, {"sigma_w": 7.0}])
def test_no_start_is_recommended_behind_a_normalisation(norm: Any, init: Any) -> None:
    """Behind it the size of the weights does nothing; a relu's after it neither."""
    finding = found(sick(5.0, 60), "exploding", norm=norm, init=init)
    assert finding.remedies
    assert not any("init" in name for name in fields(finding))


def test_batch_norm_that_explodes_with_depth() -> None:
    finding = found(sick(5.1, 60), "exploding", **BATCH)
    assert [dict(one.settings) for one in finding.remedies] == [
        {"model.residual": "1/sqrt(depth)"},
        {"model.depth": 18},
    ]
    assert "gains 0.086 decades" in finding.remedy


def test_states_below_eps_need_a_larger_start_behind_a_normalisation_too() -> None:
    """The normalisation divides by √(variance + eps), which is then √eps."""
    made = record(depth=20, decades=-11.0, forward_decades=-20.0, **stuck())
    finding = found(made, "vanishing", **LAYER, init={"scheme": "normal", "std": 1e-4})
    assert [dict(one.settings) for one in finding.remedies] == [{"model.init": {"scheme": "he"}}]
    assert "below √eps = 0.0032" in finding.remedy


def test_branches_that_add_up() -> None:
    finding = found(sick(6.0, forward=6.0), "exploding", residual=1)
    assert [dict(one.settings) for one in finding.remedies][:2] == [
        {"model.residual.scale": "1/sqrt(depth)"},
        {"model.norm": "layer"},
    ]
    assert "with branches of 1 a block gains 0.15 decades" in finding.remedy
    diverged = found(sick(6.0, forward=6.0), "diverged", Outcome("diverged", 2, 7), residual=1)
    assert diverged.remedies[0].settings == {"model.residual.scale": "1/sqrt(depth)"}
    run = experiment(40, model={"residual": 1})
    (nothing,) = judge(run, None, Outcome("diverged", 0, 7), None).findings[:1]
    assert nothing.remedies[0].settings == {"model.residual.scale": "1/sqrt(depth)"}


def test_an_activation_after_the_sum() -> None:
    finding = found(sick(-20.0), "vanishing", activation="sigmoid", residual={"scale": 1, "position": "post"})
    assert finding.remedies[0].settings == {"model.residual.position": "pre", "model.residual.scale": "1/sqrt(depth)"}


def test_small_branches_with_large_weights_need_a_start() -> None:
    finding = found(sick(5.0), "exploding", residual="1/sqrt(depth)", init={"sigma_w": 9.0})
    assert finding.remedies[0].settings == {"model.init": {"scheme": "he"}}


def test_a_start_reaches_units_only_where_phi_reads_the_weights() -> None:
    made = record(depth=6, slope=0.02, **stuck())
    after = {"activation": "tanh", "init": {"sigma_w": 20.0}, "norm": {"kind": "layer", "position": "after"}}
    assert found(made, "saturated", **after).remedies[0].settings == {"model.init": {"scheme": "critical"}}
    assert not found(made, "saturated", **(after | {"norm": "layer"})).remedies


def test_small_states_are_no_chance_behind_a_normalisation() -> None:
    made = record(depth=6, dead=0.95, forward_decades=-3.0, **stuck())
    small = {"forward_rms": made.layers["forward_rms"]}
    small["forward_rms"].values[:] *= 1e-3
    assert "by chance" in found(made, "dead").message
    assert "by chance" not in found(made, "dead", **LAYER).message


@pytest.mark.parametrize(
    ("model", "stream", "growth"),
    [
        ({"residual": 1}, None, math.exp(39 * 1.0)),
        ({"residual": "1/sqrt(depth)"}, None, math.exp(39 / 40)),
        ({"residual": "1/sqrt(depth)", "norm": "layer"}, 1.0, 1 + 39 / 40),
        ({"residual": 1, "norm": "layer"}, 1.0, 40.0),
        ({"residual": 1, "norm": "batch"}, 1.0, (1 + 39 * (1 - 1 / math.pi)) ** (math.pi / (math.pi - 1))),
        ({"residual": {"scale": 1, "layers": 2}, "norm": "batch"}, 1.0,
         (1 + 39 * (1 - 1 / math.pi)) ** ((math.pi / (math.pi - 1)) ** 2)),
    ],
)  # fmt: skip
def test_the_arithmetic_is_that_of_branches(model: dict[str, Any], stream: float | None, growth: float) -> None:
    """Squares of a relu network under He, from d = 1/2, E[phi^2] = 1/2, Var(phi) = (1 - 1/π) / 2."""
    whole = Model.model_validate({"depth": 40, "width": 64, "activation": "relu", "init": "he"} | model)
    left = structure._growth(whole, stream)
    assert left is not None
    assert 10.0 ** (2 * left) == pytest.approx(growth, rel=1e-9)


def test_weights_of_branches_with_two_layers_are_those_of_the_config() -> None:
    """A row's weight norm counts both matrices of its branch."""
    from gradlab.judgement.rules import theory as rule

    run = experiment(10, model={"residual": {"scale": 1, "layers": 2}})
    made = record()
    norms = made.layers["weight_norm"].values
    norms[:, :10] = math.sqrt(2.0) * math.sqrt(100.0)  # σ_w² = 2, 100 units: norm² = 200
    norms[:, 1:10] *= math.sqrt(2.0)
    assert rule._wrong_weights(Evidence(run, made, Outcome("completed"), None)) is None
    assert rule._wrong_weights(Evidence(experiment(10), made, Outcome("completed"), None)) is not None


TRIED = {
    "plain sigmoid": {"activation": "sigmoid", "depth": 30},
    "layer norm, sigmoid": {"activation": "sigmoid", **LAYER},
    "RMS norm after, sigmoid": {"activation": "sigmoid", "norm": {"kind": "rms", "position": "after"}},
    "batch norm, relu": {**BATCH, "depth": 60, "init": "he"},
    "batch norm after, relu": {"norm": {"kind": "batch", "position": "after"}, "depth": 60, "init": "he"},
    "batch norm, gelu": {**BATCH, "depth": 80, "activation": "gelu"},
    "tiny weights": {**LAYER, "init": {"scheme": "normal", "std": 1e-4}},
    "layer norm after, steep tanh": {"norm": {"kind": "layer", "position": "after"}, "activation": "tanh", "init": {"sigma_w": 4.0}},
    "RMS after relu, bias": {"norm": {"kind": "rms", "position": "after"}, "depth": 6, "init": {"scheme": "he", "bias": -30.0}},
    "residual": {"residual": 1, "depth": 40, "init": "he"},
    "residual of two": {"residual": {"scale": 1, "layers": 2}, "depth": 40, "init": "he"},
    "residual, not finite": {"residual": 1, "depth": 400, "init": "he"},
    "post-activation": {"residual": {"scale": 1, "position": "post"}, "depth": 40, "init": "he"},
    "post-activation, sigmoid": {"residual": {"scale": 1, "position": "post"}, "depth": 40, "activation": "sigmoid"},
    "batch norm, zeros": {**BATCH, "init": "zeros"},
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", list(TRIED))
def test_the_leading_remedy_mends(name: str, tmp_path: Any) -> None:
    """Each is broken, and healthy with the leading remedy of its verdict's finding."""
    config = {
        "name": "tried", "model": {"depth": 20, "width": 64, "activation": "relu", **TRIED[name]},
        "data": {"source": "digits", "batch_size": 64}, "train": {"lr": 0.01, "steps": 200}, "record": {"every": 5},
    }  # fmt: skip
    (run,) = gradlab.run(config, out=tmp_path)
    assert run.verdict not in ("healthy", "undecided")
    leading = run.summary.findings[0]
    assert leading.severity == "critical"
    (mended,) = gradlab.run(config, out=tmp_path, **leading.remedies[0].settings)
    assert mended.verdict == "healthy", (leading.remedies[0].settings, mended.summary.findings)


@pytest.mark.parametrize("name", list(TRIED))
def test_forecasts_of_these_are_figures_or_reasons(name: str) -> None:
    """A remedy's arithmetic gives way to theory's figure where there is one."""
    model = {"depth": 20, "width": 64, "activation": "relu", "init": "he", **TRIED[name]}
    run = Experiment.model_validate({"name": "t", "model": model})
    told = theory.forecast(run, 1.0, [64] * (run.model.depth + 1), [64] * run.model.depth + [10])
    assert (told.expected_backward_decades is None) == (told.reason is not None)


def test_settings_are_taken_by_s() -> None:
    """A scale is a word, a kind a field of what is there."""
    run = experiment(20, model={"norm": "layer"})
    written = [
        f"{key}={json.dumps(value)}"
        for key, value in {"model.residual": "1/sqrt(depth)", "model.norm.kind": "batch"}.items()
    ]
    read = document.from_mapping(run.model_dump(mode="json", exclude_unset=True), written).experiment.model
    assert read.norm is not None
    assert (read.norm.kind, read.residual_scale) == ("batch", pytest.approx(1 / math.sqrt(20)))
    assert np.isfinite(read.residual_scale)


def test_zero_padding_is_named_where_it_is_what_loses_the_signal() -> None:
    """At σ_w² = 1 linear convolutions keep their signal but for the edges; at 0.81 circular padding alone would not do."""
    made = replace(record(depth=120, decades=-2.4, **stuck()), fan_in=np.array([9, *[144] * 119, 1024]),
                   fan_out=np.array([16] * 120 + [10]))  # fmt: skip
    for init, named in (({"sigma_w": 0.9}, False), ("lecun", True)):
        model = {
            "kind": "conv",
            "width": 16,
            "padding": "zeros",
            "pool": "flatten",
            "activation": "identity",
            "init": init,
        }
        run = experiment(120, model=model)
        forecast = forecast_of(run, made)
        settings = structure.mended(Evidence(run, made, Outcome("completed"), forecast), structure.Advice()).remedies
        assert any("model.padding" in one.settings for one in settings) is named, (init, settings, forecast)


def test_a_run_too_short_to_show_anything_gets_more_steps_along() -> None:
    made = record(depth=60, rows=40, decades=5.1, **stuck(40))
    assert found(made, "exploding", **BATCH).remedies[0].settings == {
        "model.residual": "1/sqrt(depth)",
        "train.steps": 100,
    }
