"""Runs that were never trained: small records with every kind of value, for tests of what comes after training."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from gradlab.config.experiment import Experiment
from gradlab.config.quantities import LAYER_QUANTITIES, STEP_NAMES
from gradlab.datasets.probe import Probe
from gradlab.datasets.profile import ColumnScale, DataProfile
from gradlab.results.finding import Finding
from gradlab.results.record import Column, Expectation, Outcome, OutcomeKind, Record, Spectrum, Summary, Timing, Trained
from gradlab.results.stored import StoredRun


def make_experiment(name: str = "synthetic", seed: int = 0, depth: int = 3, **parts: Any) -> Experiment:
    """A resolved experiment; `parts` replace whole parts, as in `train={"lr": 0.1}`."""
    model = {"depth": depth, "width": 8, "activation": "sigmoid"}
    return Experiment.model_validate({"name": name, "seed": seed, "model": model} | parts)


def make_spectrum(seed: int = 0, shape: tuple[int, int, int, int] = (2, 2, 3, 8)) -> Spectrum:
    """Singular values of some steps, layers, examples and units, with nulls, NaN and -inf among them."""
    values = -np.sort(np.random.default_rng(seed).exponential(10.0, shape), axis=3)
    present = np.ones(shape, dtype=bool)
    values[..., 6], values[..., 7], present[..., 5] = math.nan, -math.inf, False
    return Spectrum(np.arange(shape[0]) * 15, np.arange(1, shape[1] + 1) ** 2, Column(values, present))


def make_profile() -> DataProfile:
    """What is known of data whose columns have names and sizes that a file could confuse with words for figures."""
    return DataProfile(
        num_train=50, num_holdout=12, num_features=3, num_distinct_rows=2, input_rms=math.inf, offset_share=0.25,
        largest_column="inf", largest_share=1.0, spread_ratio=1e300, num_constant=1, constant_columns=("nan",),
        num_repeated=1, repeated_columns=(("-inf", "inf"),), target_mean=None, target_std=None, target_ratio=None,
        smallest_class=0.125, probe=Probe(-0.03125, 0.0625),
        columns=(ColumnScale("inf", -0.0, math.inf), ColumnScale("nan", 1e-300, 0.0), ColumnScale("-inf", 1.0, 2.0)),
    )  # fmt: skip


def make_record(depth: int = 3, num_steps: int = 4, seed: int = 0, spectrum: bool = False) -> Record:
    """A record with all quantities, in which nulls, NaN, both infinities, zeros of both signs and denormals occur."""
    rng = np.random.default_rng(seed)
    special = np.array([math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7e308, 1e-300])
    layers = {}
    for place, quantity in enumerate(LAYER_QUANTITIES):
        values = rng.standard_normal((num_steps, depth + 1))
        present = np.ones(values.shape, dtype=bool)
        if quantity.hidden_only:
            present[:, -1] = False
        if quantity.name == "dead_fraction":
            present[:] = False
        if values.size and not quantity.name.startswith("log10"):
            values[0, 0] = special[place % len(special)]
        if values.size and quantity.name == "log10_backward_rms":
            values[0, 0] = -math.inf
        layers[quantity.name] = Column(values, present)
    figures = {}
    for name in STEP_NAMES:
        present = np.ones(num_steps, dtype=bool)
        if name.startswith("holdout"):
            present[1:-1] = False
        figures[name] = Column(rng.standard_normal(num_steps), present)
    fan_in = np.array([64] + [8] * depth)
    fan_out = np.array([8] * depth + [10])
    kept = make_spectrum(seed) if spectrum else None
    return Record(np.arange(num_steps) * 5, layers, figures, fan_in, fan_out, 0.953125, spectrum=kept)


def make_summary(kind: OutcomeKind = "completed") -> Summary:
    """A summary in which every kind of figure occurs."""
    finding = Finding("vanishing", "critical", (1, 3), 0, -math.inf, -3.0, "it's «gone»", "σ_w² = 2")
    return Summary(
        outcome=Outcome(kind, 3 if kind in ("diverged", "interrupted") else None, None, None),
        verdict="vanishing",
        findings=(finding, Finding("note", "note", None, 2, math.nan, math.inf, "", "")),
        init={"backward_decades": -math.inf, "backward_fit": None, "loss": 2.302585092994046},
        final={"backward_decades": -30.123456789012345, "backward_fit": math.nan, "loss": math.inf},
        learning_layers=2,
        expected_backward_decades=-30.8,
        expected_spread=None,
        expected_reason=None,
        expectations=(Expectation("verdict == vanishing", True, "vanishing"),),
        rules_version=7,
        typical_backward_decades=-30.9,
    )


def make_run(
    run_id: str = "0123456789ab",
    name: str = "synthetic",
    seed: int = 0,
    kind: OutcomeKind = "completed",
    record: Record | None = None,
    **manifest: Any,
) -> StoredRun:
    """A run that is ready to be saved."""
    record = make_record(seed=seed) if record is None else record
    return StoredRun(
        id=run_id,
        path=Path("nowhere"),
        experiment=make_experiment(name, seed),
        summary=make_summary(kind),
        manifest={"id": run_id, "started": "2026-01-01T00:00:00", "finished": "2026-01-01T00:00:01"} | manifest,
        timing=Timing(1.5, 133.25, 1, None, 4096),
        read=lambda: record,
    )


def make_trained(experiment: Experiment, kind: OutcomeKind = "completed") -> Trained:
    """What training might hand on for an experiment."""
    record = make_record(experiment.model.depth, seed=experiment.seed)
    step = 3 if kind in ("diverged", "interrupted") else None
    return Trained(experiment, record, Outcome(kind, step), Timing(0.5, 400.0, 1))


def assert_same(one: Record, other: Record) -> None:
    """Equal bit for bit at every place that has a meaning, and without meaning at the same places."""
    for name in ("steps", "fan_in", "fan_out"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.input_mean_square == other.input_mean_square
    assert one.input_correlation == other.input_correlation
    assert (one.constant_loss, one.constant_accuracy) == (other.constant_loss, other.constant_accuracy)
    assert (one.data, one.copied_layers) == (other.data, other.copied_layers)
    assert (one.spectrum is None) is (other.spectrum is None)
    if one.spectrum is not None and other.spectrum is not None:
        np.testing.assert_array_equal(one.spectrum.steps, other.spectrum.steps)
        np.testing.assert_array_equal(one.spectrum.layers, other.spectrum.layers)
        ours, theirs = one.spectrum.log10_s, other.spectrum.log10_s
        np.testing.assert_array_equal(ours.present, theirs.present)
        assert ours.values[ours.present].tobytes() == theirs.values[theirs.present].tobytes()
    for table in ("layers", "figures"):
        ones, others = getattr(one, table), getattr(other, table)
        assert list(ones) == list(others)
        for name, column in ones.items():
            np.testing.assert_array_equal(column.present, others[name].present)
            assert column.values[column.present].tobytes() == others[name].values[column.present].tobytes(), name
