"""What there is to see of a run, before it is shown."""

import csv
import io
import math
from pathlib import Path

import numpy as np
import pytest
from made.deep_runs import experiment, record, stored

from gradlab.config.modules import ModuleExperiment
from gradlab.datasets.dataset import Reading
from gradlab.errors import UsageError
from gradlab.judgement.conditions.listed import values_of
from gradlab.report.files.run_csv import layer_rows, step_rows
from gradlab.report.views.blocks import Files, Only
from gradlab.report.views.run import recorded_row, setting, view
from gradlab.report.views.run_list import listed, runs_table


@pytest.mark.parametrize(
    ("verdict", "quantity", "values", "order"),
    [
        ("vanishing", "log10_backward_rms", [-3.0, -9.0, -1.0, 0.0], [1, 0, 2, 3]),
        ("exploding", "log10_backward_rms", [3.0, 9.0, 1.0, 0.0], [1, 0, 2, 3]),
        ("dead", "dead_fraction", [0.0, 1.0, 0.5, 0.9], [1, 2, 0, 3]),
        ("saturated", "mean_slope", [0.9, 0.1, 0.5, 0.0], [1, 2, 0, 3]),
        ("not_learning", "log10_update_ratio", [-9.0, -3.0, -math.inf, -20.0], [2, 0, 1, 3]),
        ("healthy", "log10_backward_rms", [-1.0, -1.1, 4.0, 9.0], [2, 1, 0, 3]),
    ],
)
def test_hidden_layers_are_ordered_by_what_the_verdict_rests_on_and_the_readout_is_last(
    verdict: str, quantity: str, values: list[float], order: list[int]
) -> None:
    kept = record(3)
    kept.layers[quantity].values[-1] = values
    seen = view(stored(3, kept, verdict=verdict))
    assert list(seen.worst_first) == order
    assert quantity in seen.worst_by


@pytest.mark.parametrize(
    ("verdict", "order", "words"),
    [
        ("healthy", [0, 1, 2, 3], "in forward order"),
        ("not_judged", [0, 1, 2, 3], "in forward order"),
        ("vanishing", [1, 0, 2, 3], "smallest log10_backward_rms first"),
    ],
)
def test_people_are_shown_the_worst_first_only_where_something_is_wrong(
    verdict: str, order: list[int], words: str
) -> None:
    kept = record(3)
    kept.layers["log10_backward_rms"].values[-1] = [-3.0, -9.0, -1.0, 0.0]
    seen = view(stored(3, kept, verdict=verdict))
    assert (list(seen.order), seen.ordered_by) == (order, words)
    assert list(seen.worst_first) != list(seen.order) or verdict == "vanishing"


def test_nan_is_worst_and_null_is_least() -> None:
    kept = record(4)
    kept.layers["dead_fraction"].values[-1] = [0.1, math.nan, 0.0, 0.9, 0.0]
    kept.layers["dead_fraction"].present[-1] = [True, True, False, True, False]
    assert list(view(stored(4, kept, verdict="dead"), "199").worst_first) == [1, 3, 0, 2, 4]


def test_without_the_quantity_the_order_is_forward() -> None:
    kept = record(3)
    del kept.layers["log10_backward_rms"]  # type: ignore[attr-defined]
    seen = view(stored(3, kept))
    assert list(seen.worst_first) == [0, 1, 2, 3]
    assert seen.grid is not None
    assert seen.grid.quantity == "log10_grad_norm"


def test_steps_are_named_or_numbered() -> None:
    kept = record(3, steps=10, every=4)
    assert [recorded_row(kept, at) for at in ("init", "final", "4", "0")] == [0, 2, 1, 0]
    with pytest.raises(UsageError, match="next to it: 4 and 8"):
        recorded_row(kept, "5")
    with pytest.raises(UsageError, match="next to it: 8 "):
        recorded_row(kept, "99")
    for wrong in ("-1", "last", "1.5", "²"):
        with pytest.raises(UsageError, match="expected init, final or a recorded step"):
            recorded_row(kept, wrong)
    with pytest.raises(UsageError):
        recorded_row(None, "nonsense")
    assert recorded_row(None, "final") is None


def test_setting_says_what_is_not_the_default() -> None:
    own = experiment(3, activation={"name": "leaky_relu", "slope": 0.2}, init={"sigma_w": 2.0})
    assert setting(own).startswith("3 × 100 leaky_relu(slope=0.2) · σ_w=2 σ_b=0 · digits")
    scaled = experiment(3, init={"scheme": "normal", "std": 0.5, "gain": 2.0, "bias": -1.0, "distribution": "uniform"})
    assert " normal std 0.5 gain 2 bias -1 uniform " in setting(scaled)


def test_a_list_reads_config_figures_and_attributes() -> None:
    line = listed(stored())
    assert [values_of([line], name)[0] for name in ("model.depth", "model.activation", "init.loss", "verdict", "seed")] == [
        50, "sigmoid", 2.31, "vanishing", 0,
    ]  # fmt: skip
    assert values_of([line], "model.init.gain") == [1.0]
    assert values_of([line], "final.nothing") == [None]
    assert values_of([line], "nothing") == [None]
    row = dict(zip([field.name for field in runs_table([]).fields], runs_table([line]).rows[0], strict=True))
    assert row["final.backward_decades"] == -30.1


def test_long_csv_has_every_step_layer_and_digit() -> None:
    kept = record(2, steps=3)
    kept.layers["mean_slope"].values[1, 0] = math.nan
    text = io.StringIO()
    csv.writer(text).writerows(layer_rows(kept))
    rows = list(csv.DictReader(io.StringIO(text.getvalue())))
    assert [(row["step"], row["layer"]) for row in rows] == [
        (str(step), str(layer)) for step in range(3) for layer in (1, 2, 3)
    ]
    assert [float(row["log10_grad_norm"]) for row in rows] == kept.layers["log10_grad_norm"].values.ravel().tolist()
    assert rows[3]["mean_slope"] == "nan"
    assert rows[2]["mean_slope"] == ""
    assert float(rows[0]["grad_rms"]) == pytest.approx(float(rows[0]["grad_norm"]) / np.sqrt(64 * 100))
    steps = list(step_rows(kept))
    assert steps[0] == ["step", *kept.figures]
    assert len(steps) == 4


def test_a_files_target_is_said_of_ones_own_module_too() -> None:
    own = ModuleExperiment.model_validate({
        "name": "mine", "model": {"kind": "module", "build": "nets:build"},
        "data": {"source": "file", "path": "/data/stars.csv", "target": "kind"},
    })  # fmt: skip
    assert "stars.csv, batch 64, kind as 5 classes (text)" in setting(own, Reading("kind", "classes", 5, "text"))


def test_the_files_of_a_failed_run_have_its_traceback(tmp_path: Path) -> None:
    for name in ("config.yaml", "summary.json", "traceback.txt"):
        (tmp_path / name).write_text("")
    [named] = [
        block.block
        for block in view(stored(3, path=tmp_path)).blocks
        if isinstance(block, Only) and isinstance(block.block, Files)
    ]
    assert list(named.names) == ["config.yaml", "summary.json", "traceback.txt"]
