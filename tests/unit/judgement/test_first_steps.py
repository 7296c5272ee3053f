"""How far the first steps of a start go: theory's answer against networks drawn and differentiated here, and what remedies make of it."""

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from made.judged_runs import assessed, experiment, only, profile_made, record, scaled, stuck, summary

from gradlab.config.experiment import Experiment
from gradlab.judgement.deviations import forecast_of
from gradlab.judgement.evidence import Evidence
from gradlab.judgement.remedies import first_steps
from gradlab.judgement.remedies.advice import change
from gradlab.judgement.verdict import judge
from gradlab.results.record import Column, Outcome, Record, Summary

DEPTH, WIDTH, FEATURES, CLASSES = 6, 64, 32, 10

SEEDS = 400


def network(**parts: Any) -> Experiment:
    model = {"depth": DEPTH, "width": WIDTH, "activation": "tanh", "init": "xavier"} | parts.pop("model", {})
    return experiment(DEPTH, model=model, **parts)


def seen(one: Experiment, **told: Any) -> Evidence:
    """A run of it of which the size of its inputs, its layers and `told` are known."""
    hidden = [one.model.width] * one.model.depth
    sizes = {"fan_in": np.array([FEATURES, *hidden]), "fan_out": np.array([*hidden, CLASSES])}
    made = replace(record(one.model.depth, constant=(math.log(CLASSES), 0.1)), **sizes, **told)
    return Evidence(one, made, Outcome("completed"), forecast_of(one, made))


class TestParametrization:
    """The first steps of a layer follow its own learning rate."""

    @pytest.mark.parametrize(
        ("optimizer", "fastest"),
        # By hand: sigma_w 1 between hidden layers of 256 units, weights of 1/16, and 1/sqrt(32) in the first layer, of which xavier makes
        # sqrt(2 / 288). Of adam all have lr over that size, the hidden ones a quarter of it.
        [
            ("adam", max(1.0 / math.sqrt(2.0 / 288.0), 16.0 / 4.0)),
            ("adagrad", max(1.0 / math.sqrt(2.0 / 288.0), 16.0 / 4.0)),
        ],
    )
    def test_adaptive(self, optimizer: str, fastest: float) -> None:
        train = {"optimizer": optimizer, "lr": 0.01}
        ours, plain = (
            first_steps.expected_update(seen(network(model={"width": 256, "parametrization": name}, train=train)))
            for name in ("mup", "standard")
        )
        assert ours == pytest.approx(0.01 * fastest)
        assert plain == pytest.approx(0.01 * 16.0)

    def test_plain_descent(self) -> None:
        """A readout of half the size sends half the gradient down; the first layer has four times the rate, the others their own."""
        sgd = {"optimizer": "sgd", "lr": 0.01}
        both = [network(model={"width": 256, "parametrization": name}, train=sgd) for name in ("mup", "standard")]
        ours, plain = (first_steps._gradient_norms(seen(one), forecast_of(one, seen(one).record)) for one in both)
        assert ours[:-1] == pytest.approx(plain[:-1] / 2.0)
        assert ours[-1] == pytest.approx(plain[-1])
        sizes = np.array([math.sqrt(2.0 / 288.0 * 32 * 256), *[16.0] * (DEPTH - 1)])
        expected = 0.01 * np.max(ours[:-1] / sizes * np.array([4.0, *[1.0] * (DEPTH - 1)]))
        assert first_steps.expected_update(seen(both[0])) == pytest.approx(expected)


def judged(one: Experiment, made: Record, kind: Any = "completed") -> Summary:
    outcome = Outcome(kind, 40) if kind == "diverged" else Outcome(kind)
    return judge(one, made, outcome, forecast_of(one, made))


def first_ratios(sigma_w: float, relu: bool, squared: bool) -> np.ndarray:
    """Update ratio of the fastest hidden layer in the first step of plain descent, of one example, lr 1, [SEEDS], all by hand."""
    random, found = np.random.default_rng(7), []
    sizes = [FEATURES, *[WIDTH] * DEPTH, CLASSES]
    for _ in range(SEEDS):
        weights = [random.normal(size=(m, n)) * sigma_w / math.sqrt(n) for n, m in pairwise(sizes)]
        inputs = random.normal(size=FEATURES)
        activations = [inputs * math.sqrt(FEATURES) / np.linalg.norm(inputs)]
        slopes = []
        for weight in weights[:-1]:
            z = weight @ activations[-1]
            activations.append(np.maximum(z, 0.0) if relu else np.tanh(z))
            slopes.append((z > 0).astype(float) if relu else 1.0 - np.tanh(z) ** 2)
        outputs = weights[-1] @ activations[-1]
        if squared:
            error = 2.0 * (outputs - random.normal(size=CLASSES)) / CLASSES
        else:
            error = np.exp(outputs) / np.exp(outputs).sum() - np.eye(CLASSES)[random.integers(CLASSES)]
        ratios = []
        for layer in range(DEPTH - 1, -1, -1):
            error = (weights[layer + 1].T @ error) * slopes[layer]
            gradient = np.outer(error, activations[layer])
            ratios.append(np.linalg.norm(gradient) / np.linalg.norm(weights[layer]))
        found.append(max(ratios))
    return np.array(found)


class TestExpectedUpdate:
    @pytest.mark.parametrize("sigma_w", [0.7, 1.0, 1.4])
    @pytest.mark.parametrize("relu", [False, True], ids=["tanh", "relu"])
    @pytest.mark.parametrize("squared", [False, True], ids=["cross-entropy", "squared error"])
    def test_one_example_against_drawn_networks(self, sigma_w: float, relu: bool, squared: bool) -> None:
        measured = np.log10(first_ratios(sigma_w, relu, squared))
        model = {"activation": "relu" if relu else "tanh", "init": {"sigma_w": sigma_w, "sigma_b": 0.0}}
        train = {"lr": 1.0, "loss": "mse" if squared else "auto"}
        told = {"constant_loss": 1.0} if squared else {}
        found = first_steps.expected_update(seen(network(model=model, train=train, data={"batch_size": 1}), **told))
        assert found is not None
        # The mean of 400 logs is known to a twentieth of their spread; the largest of six layers is more than one of them is.
        assert (
            measured.mean() - 0.1 - measured.std() / 4 < math.log10(found) < measured.mean() + 0.1 + measured.std() / 4
        )

    def test_the_learning_rate_and_a_clip_are_factors(self) -> None:
        usual = first_steps.expected_update(seen(network(train={"lr": 0.01})))
        assert usual is not None
        assert first_steps.expected_update(seen(network(train={"lr": 0.03}))) == pytest.approx(3 * usual, rel=1e-12)
        assert first_steps.expected_update(seen(network(train={"lr": 0.01, "clip_norm": 1e9}))) == usual
        small = first_steps.expected_update(seen(network(train={"lr": 0.01, "clip_norm": 1e-4})))
        smaller = first_steps.expected_update(seen(network(train={"lr": 0.01, "clip_norm": 1e-5})))
        assert small is not None
        assert small < usual
        assert smaller == pytest.approx(small / 10, rel=1e-12)

    @pytest.mark.parametrize(("name", "times"), [("adam", 1.0), ("adamw", 1.0), ("adagrad", 1.0), ("rmsprop", 10.0)])
    def test_of_an_adaptive_optimizer_it_is_the_rate_over_the_weights_size(self, name: str, times: float) -> None:
        train = {"lr": 1e-3, "optimizer": name}
        found = first_steps.expected_update(
            seen(network(model={"init": {"sigma_w": 2.0, "sigma_b": 0.0}}, train=train))
        )
        assert found == pytest.approx(times * 1e-3 / (2.0 / math.sqrt(WIDTH)), rel=1e-12)

    def test_there_is_none_without_a_theory(self) -> None:
        assert first_steps.expected_update(seen(network(model={"init": "zeros"}))) is None
        assert first_steps.expected_update(seen(network(model={"activation": "step"}))) is None


class TestSteadiness:
    @pytest.mark.parametrize(
        ("optimizer", "times"),
        [("sgd", 1.0), ("momentum", 10.0), ({"name": "nesterov", "momentum": 0.75}, 4.0), ("adam", 1.0), ("rmsprop", 0.1),
         ({"name": "rmsprop", "alpha": 0.9999}, 0.05), ("adagrad", 0.1)],
        ids=str,
    )  # fmt: skip
    def test_later_steps_beside_the_first(self, optimizer: Any, times: float) -> None:
        assert first_steps.steadiness(network(train={"optimizer": optimizer}), 400) == pytest.approx(times, rel=1e-12)


GENTLE = {"model.init": {"scheme": "xavier"}}


class TestSuited:
    def advised(self, lr: float, steps: int = 400, sent: float = math.log10(0.3), **parts: Any) -> dict[str, Any]:
        model = {"init": {"sigma_w": 60.0, "sigma_b": 0.0}}
        train = {"lr": lr, "steps": steps} | parts.pop("train", {})
        one = network(model=model, train=train, **parts)
        made = seen(one)
        errors = record(DEPTH, sent=sent).layers["log10_backward_rms"]
        made = replace(made, record=replace(made.record, layers={**made.record.layers, "log10_backward_rms": errors}))
        return dict(first_steps.suited(made, change(GENTLE, "it is usual")).remedies[0].settings)

    def test_a_usual_rate_stays(self) -> None:
        assert self.advised(0.1) == GENTLE

    @pytest.mark.parametrize("lr", [1e-9, 1e-6, 30.0, 1e6])
    def test_one_that_is_far_off_is_set_so_that_the_aim_is_met(self, lr: float) -> None:
        found = self.advised(lr)
        assert found.keys() == {"model.init", "train.lr"}
        again = first_steps.expected_update(seen(network(train={"lr": found["train.lr"], "steps": 400})))
        # An error of 0.3 is what ten classes come to, sqrt(0.09), so nothing multiplies the loss; the rate is said with two digits.
        assert again == pytest.approx(5e-3, rel=0.06)

    def test_it_follows_a_loss_on_another_scale(self) -> None:
        usual, large = self.advised(1e-9)["train.lr"], self.advised(1e-9, sent=math.log10(0.3 * 2.0**20))["train.lr"]
        assert usual / large == pytest.approx(2.0**20, rel=0.06)

    def test_momentum_adds_up(self) -> None:
        plain, heavy = (self.advised(1e-9, train={"optimizer": name})["train.lr"] for name in ("sgd", "momentum"))
        assert plain / heavy == pytest.approx(10.0, rel=0.06)

    def test_a_short_run_gets_the_steps_that_can_show_it(self) -> None:
        assert self.advised(0.1, 100) == GENTLE
        assert self.advised(0.1, 99) == GENTLE | {"train.steps": 198}
        assert self.advised(0.1, 20) == GENTLE | {"train.steps": 100}

    def test_its_sentence_says_all_of_it(self) -> None:
        made = seen(network(train={"lr": 1e-9, "steps": 20}))
        told = first_steps.suited(made, change(GENTLE, "it is usual")).sentence
        assert told.startswith("model.init: xavier (it is usual), with train.lr: ")
        assert told.endswith("10^-2, and train.steps: 100, fewer do not show whether it learns")

    def test_several_ways_stay_as_they_are(self) -> None:
        made = seen(network(train={"lr": 1e-9}))
        ways = change(GENTLE, "one").or_else(change({"model.depth": 2}, "another"))
        assert first_steps.suited(made, ways) is ways

    def test_epochs_are_taken_as_steps(self) -> None:
        one = network(train={"epochs": 3}, data={"batch_size": 50})
        assert first_steps.planned_steps(seen(one)) == 160  # those that it made
        assert first_steps.planned_steps(seen(one, data=profile_made(num_train=10000))) == 600


class TestStarts:
    def test_without_its_bias_the_start_has_to_hold(self) -> None:
        model = {"depth": 40, "width": 32, "activation": "gelu", "init": {"scheme": "he", "bias": 5.0}}
        one = experiment(40, model=model)
        settings = only(judged(one, record(40, decades=-4.0, **stuck())), "vanishing").remedies[0].settings
        assert settings["model.init.bias"] == 0
        assert "model.init" in settings

    def test_with_a_start_that_holds_the_bias_alone_is_changed(self) -> None:
        one = experiment(10, model={"init": {"scheme": "he", "bias": -8.0}})
        settings = only(judged(one, record(decades=-4.0, sent=-0.5, **stuck())), "vanishing").remedies[0].settings
        assert settings.keys() - {"train.lr"} == {"model.init.bias"}

    def test_a_run_that_diverged_from_a_start_that_vanishes_gets_both(self) -> None:
        one = experiment(10, model={"init": {"sigma_w": 0.3, "sigma_b": 0.0}}, train={"lr": 500.0})
        made = record(decades=-7.0, sent=-0.5, loss=np.linspace(2.0, 1e9, 160))
        settings = only(judged(one, made, "diverged"), "diverged").remedies[0].settings
        assert settings.keys() == {"model.init", "train.lr"}
        assert settings["train.lr"] < 50.0


class TestRates:
    def test_a_clip_is_not_what_holds_an_adaptive_optimizer(self) -> None:
        made = record(update=-6.0, **stuck())
        clip = Column(np.full(160, 1e-3), np.ones(160, bool))
        made = replace(made, figures={**made.figures, "clip_factor": clip})
        for name, field in (("sgd", "train.clip_norm"), ("adam", "train.lr"), ("rmsprop", "train.lr")):
            train = {"clip_norm": 0.01, "optimizer": name}
            assert list(only(summary(made, train=train), "not_learning").remedies[0].settings) == [field]

    @pytest.mark.parametrize(
        ("optimizer", "times"), [("adam", 1.0), ("rmsprop", 10.0), ("adagrad", math.sqrt(160) / 2)]
    )
    def test_a_rate_that_was_absurd_for_an_adaptive_optimizer(self, optimizer: str, times: float) -> None:
        made = record(update=np.where(np.arange(160)[:, None] < 1, 4.0, 0.5) * np.ones(10))
        found = only(summary(made, Outcome("diverged", 40), train={"optimizer": optimizer, "lr": 1e3}), "diverged")
        # Steady update ratios of 2 / 160 are wanted, but no more than 10^-2; the first one was 10^4.
        assert found.remedies[0].settings["train.lr"] == pytest.approx(1e3 * 1e-2 / 1e4 * times, rel=0.06)

    def test_it_is_ten_times_smaller_at_the_least(self) -> None:
        train = {"lr": 0.5, "optimizer": "adam"}
        found = only(summary(record(update=math.log10(2e-3)), Outcome("diverged", 40), train=train), "diverged")
        assert found.remedies[0].settings["train.lr"] == pytest.approx(0.05)

    def test_a_short_run_that_diverged_is_given_steps(self) -> None:
        made = scaled(record(rows=40, update=0.5), 1.0)
        found = only(summary(made, Outcome("diverged", 40), train={"lr": 1.0}), "diverged")
        assert found.remedies[0].settings.keys() == {"train.lr", "train.steps"}
        assert found.remedies[0].settings["train.steps"] == 100
        assert dict(found.remedies[1].settings) == {"train.clip_norm": 1}


def test_a_bias_that_the_readout_shares_is_named_by_the_first_loss() -> None:
    made = assessed(record(), (1.0, 0.1), course=(-20.0, 0.0, 1.0), data=profile_made())
    found = summary(made, model={"init": {"scheme": "he", "bias": 5.0}})
    assert only(found, "first_loss").remedies[0].settings["model.init.bias"] == 0
