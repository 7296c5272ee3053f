"""The finding where what was measured is not what this start can give, on records made by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from made.judged_runs import experiment, record

from gradlab.execution.rejudge import judged
from gradlab.results.finding import Finding
from gradlab.results.record import Column, Outcome, Record

HE = float(np.sqrt(2.0 * 100))  # norm of weights of variance 2 / fan_in into 100 units


def made(weights: float | list[float] = HE, forward: float = 1.41, **told: Any) -> Record:
    """What a ReLU network of ten layers under He shows, or `told` otherwise."""
    kept = record(**told)

    def at(name: str, values: float | list[float]) -> Column:
        column = kept.layers[name]
        hidden = np.broadcast_to(np.asarray(values, dtype=float), (len(kept.steps), kept.depth))
        return replace(column, values=np.concatenate([hidden, column.values[:, -1:]], axis=1))

    layers = {**kept.layers, "weight_norm": at("weight_norm", weights), "forward_rms": at("forward_rms", forward)}
    return replace(kept, layers=layers)


def found(kept: Record, **parts: Any) -> list[Finding]:
    summary = judged(experiment(kept.depth, **parts), kept, Outcome("completed"))
    return [finding for finding in summary.findings if finding.rule == "theory"]


def test_what_a_start_can_give_is_no_finding() -> None:
    assert found(made()) == []


def test_a_profile_that_it_cannot_give_is_one_with_layers_value_limit_and_what_to_do() -> None:
    (finding,) = found(made(decades=-5.0))
    assert (finding.severity, finding.since_step) == ("warning", 0)
    assert finding.layers is not None
    assert finding.layers[0] == 1
    assert finding.value < finding.limit < 0
    assert finding.value == pytest.approx(-5.0, abs=0.1)
    assert finding.message.startswith("theory forbids the backward signal of layers 1 to ")
    assert "at layer 1 it is -5.00 decades, where seeds of this start show -0.0" in finding.message
    assert "the weights are those of model.init" in finding.message
    assert finding.remedy.startswith("run it with --seeds 0-4")
    (other,) = found(made(decades=5.0), data={"standardize": False})
    assert other.value > other.limit > 0
    assert other.remedy.startswith("set data.standardize to true")
    (upwards,) = found(made(forward=300.0))
    assert "the forward signal of layers 1 to 10" in upwards.message
    assert "it is 300, where seeds of this start show 1.41 ± " in upwards.message


def test_weights_that_are_not_the_declared_ones_are_named_with_their_size() -> None:
    (finding,) = found(made([HE] * 5 + [1.5 * HE] * 5))
    assert (finding.layers, finding.value) == ((6, 10), pytest.approx(1.5))
    assert 1.0 < finding.limit < 1.1
    assert finding.message == "layers 6 to 10 have weights 1.5 times as large as model.init says"
    assert finding.remedy == "to have theory speak of these weights, set model.init.gain to 1.5"
    (one,) = found(made([0.5 * HE] + [HE] * 9))
    assert one.message.startswith("layer 1 has weights 0.5 times")
    (scaled,) = found(made(2.0 * HE), model={"init": {"sigma_w": 2.0**0.5}})
    assert scaled.remedy.endswith("set model.init.sigma_w to 2.83")
    (normal,) = found(made(2.0 * HE), model={"init": {"scheme": "normal", "std": 0.1414}})
    assert "set model.init.std to 0.28" in normal.remedy


@pytest.mark.parametrize("decades", [-5.0, 0.0, 5.0])
def test_it_never_decides_the_verdict(decades: float, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = made(2.0 * HE, decades=decades)
    with_it = judged(experiment(10), kept, Outcome("completed"))
    monkeypatch.setattr("gradlab.judgement.verdict.contradicts_theory", lambda evidence: [])
    without = judged(experiment(10), kept, Outcome("completed"))
    assert with_it.verdict == without.verdict
    assert [item for item in with_it.findings if item.rule != "theory"] == list(without.findings)
    assert len(with_it.findings) == len(without.findings) + 1


def test_where_theory_is_silent_or_of_wide_networks_only_nothing_is_forbidden() -> None:
    forged = made(decades=-5.0)
    assert found(replace(forged, steps=forged.steps + 1)) == []  # step 0 was not recorded
    assert found(forged, model={"activation": "step"}) == []
    narrow = replace(forged, fan_in=np.array([64] + [8] * 10), fan_out=np.array([8] * 10 + [10]))
    assert found(narrow, model={"width": 8}) == []
    bare = {name: column for name, column in forged.layers.items() if name == "dead_fraction"}
    assert found(replace(forged, layers=bare)) == []


def test_a_readout_that_begins_at_zero_leaves_the_forward_signal_to_compare() -> None:
    kept = made()
    backward = kept.layers["log10_backward_rms"]
    silent = backward.values.copy()
    silent[0] = -np.inf
    layers = {**kept.layers, "log10_backward_rms": replace(backward, values=silent)}
    assert found(replace(kept, layers=layers), model={"readout_init": "zeros"}) == []
    loud = made(forward=300.0)
    layers = {**loud.layers, "log10_backward_rms": replace(backward, values=silent)}
    assert len(found(replace(loud, layers=layers), model={"readout_init": "zeros"})) == 1
