"""The plane of a stored run: the same run again, in the data's own units, scored as the run itself was."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gradlab import api
from gradlab.errors import SelectionError, UsageError
from gradlab.execution.input_plane import PLACES, choose, deviation, load_run_data, trace_input_plane
from gradlab.results.input_plane import InputPlane
from gradlab.results.stored import StoredRun

CONFIG = {
    "name": "plane",
    "model": {"depth": 5, "width": 12, "activation": "tanh"},
    "data": {"source": "xor", "samples": 120, "batch_size": 16},
    "train": {"optimizer": "adam", "lr": 0.02, "steps": 40},
    "record": {"every": 3, "quantities": "none"},
}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("planes")


@pytest.fixture(scope="module")
def xor(out: Path) -> StoredRun:
    (made,) = api.run(CONFIG, out=out, device="cpu")
    return api.load(made.id, out)


@pytest.fixture(scope="module")
def plane(xor: StoredRun) -> InputPlane:
    return trace_input_plane(load_run_data(xor))


def other(out: Path, **overrides: object) -> StoredRun:
    (made,) = api.run(CONFIG, out=out, device="cpu", **overrides)
    return api.load(made.id, out)


def test_the_run_is_the_stored_one_to_the_last_bit(plane: InputPlane) -> None:
    assert plane.deviation is None


def test_the_output_is_right_as_often_as_was_recorded(plane: InputPlane, xor: StoredRun) -> None:
    assert [moment.step for moment in plane.moments] == [0, 39]
    assert plane.scored == "held-out"
    for moment, recorded in zip(plane.moments, (xor.summary.init, xor.summary.final), strict=True):
        assert moment.layers[-1] is not None
        assert moment.layers[-1].right == pytest.approx(recorded["holdout_accuracy"])
        assert moment.numbers == (0, 1, 2, 4, 5, 6)
        assert [one.layer for one in moment.layers if one is not None] == list(moment.numbers)


def test_the_plane_is_in_the_datas_own_units(plane: InputPlane) -> None:
    assert plane.names == ("x1", "x2")
    corners = np.abs(plane.points).mean(axis=0)
    np.testing.assert_allclose(corners, 1.0, atol=0.1)  # clouds on (±1, ±1), and not standardised ones
    assert plane.x[0] < plane.points[:, 0].min() < plane.points[:, 0].max() < plane.x[-1]
    assert plane.y[0] < plane.points[:, 1].min() < plane.points[:, 1].max() < plane.y[-1]
    assert len(plane.x) == len(plane.y) == PLACES


def test_the_grid_lies_where_the_inputs_lie(plane: InputPlane) -> None:
    """Of the inputs themselves the components are the inputs, standardised: grid and examples by one map, rows along y."""
    inputs = plane.moments[0].layers[0]
    assert inputs is not None
    across = np.polyfit(plane.points[:, 0], inputs.points[:, 0], 1)
    up = np.polyfit(plane.points[:, 1], inputs.points[:, 1], 1)
    np.testing.assert_allclose(inputs.grid[7, :, 0], np.polyval(across, plane.x), atol=1e-9)
    np.testing.assert_allclose(inputs.grid[:, 7, 1], np.polyval(up, plane.y), atol=1e-9)
    assert sum(inputs.shares) == pytest.approx(1.0)


def test_training_makes_the_layers_readable(plane: InputPlane) -> None:
    first, last = ([one.right for one in moment.layers if one is not None] for moment in plane.moments)
    assert first[0] == last[0] < 0.8  # xor cannot be cut straight
    assert last[-2] > 0.9
    for moment in plane.moments:
        for one in moment.layers:
            assert one is not None
            assert one.scores.shape == (PLACES, PLACES, 2)
            assert one.points.shape == plane.points.shape


def test_a_read_out_says_of_the_grid_what_an_independent_one_says(plane: InputPlane) -> None:
    """The inputs' own read-out by least squares in the data's units, which standardising does not change."""
    inputs = plane.moments[0].layers[0]
    assert inputs is not None
    rows = np.column_stack([plane.points, np.ones(len(plane.points))])
    weight = np.linalg.lstsq(rows, np.eye(2)[plane.targets.astype(int)], rcond=None)[0]
    grid = np.stack([*np.meshgrid(plane.x, plane.y), np.ones((PLACES, PLACES))], axis=-1)
    np.testing.assert_allclose(inputs.scores, grid @ weight, atol=1e-4)  # but for the ridge


def test_a_run_that_is_not_the_stored_one_is_named(xor: StoredRun) -> None:
    record = xor.record
    assert record is not None
    losses = record.figures["loss"]
    changed = losses.values.copy()
    changed[4:] += 1e-7
    away = replace(record, figures={**record.figures, "loss": replace(losses, values=changed)})
    made = replace(xor, manifest={**xor.manifest, "torch": "2.0.0", "device": "cuda:0"})
    told = deviation(made, away, record)
    assert told is not None
    assert "losses differ from the stored ones from step 12 on, by up to 1e-07" in told
    assert "it was trained with torch 2.0.0 on cuda:0, now with torch" in told
    assert "did its data change?" in (deviation(xor, away, record) or "")
    assert deviation(xor, record, record) is None


def test_data_that_are_no_plane(out: Path) -> None:
    run = other(out, **{"data.source": "gaussian_mixture", "data.features": 3})
    with pytest.raises(SelectionError, match=r"plane: its data have 3 features, and --kind space shows a plane of two"):
        load_run_data(run)


def test_numbers_from_a_file_in_their_own_units(out: Path) -> None:
    rng = np.random.default_rng(0)
    table = np.column_stack([rng.uniform(100, 200, 90), rng.uniform(-3, 3, 90)])
    target = 1000 + 5 * table[:, 0] + 100 * np.abs(table[:, 1])
    file = out / "two.csv"
    rows = "\n".join(f"{a},{b},{c}" for (a, b), c in zip(table, target, strict=True))
    file.write_text(f"mass $m$,speed,cost\n{rows}\n")
    run = other(
        out,
        **{"data": {"source": "file", "path": str(file), "target": "cost", "batch_size": 16}, "train.steps": 300},
    )
    found = trace_input_plane(load_run_data(run))
    assert found.deviation is None
    assert found.names == ("mass $m$", "speed")
    assert found.class_names == ()
    assert 1400 < found.targets.min() < found.targets.max() < 2400
    assert found.x[0] > 80
    last = found.moments[-1].layers[-1]
    assert last is not None
    assert last.right > 0.9
    assert 1200 < np.median(last.scores) < 2400
    straight = found.moments[0].layers[0]
    assert straight is not None
    assert 0.5 < straight.right < last.right


def test_a_run_that_diverged_is_seen_at_its_last_finite_step(out: Path) -> None:
    run = other(
        out,
        **{"train.optimizer": "sgd", "train.lr": 1e6, "model.activation": "relu", "record.every": 1,
           "record.quantities": "gradients"},
    )  # fmt: skip
    assert run.outcome == "diverged"
    found = trace_input_plane(load_run_data(run))
    assert found.deviation is None
    assert run.record is not None
    assert found.moments[-1].step == run.record.steps[run.record.final_index() or 0]
    assert found.moments[-1].step < (run.summary.outcome.step or 0)


def test_without_standardising_and_holding_out_and_with_one_output(out: Path) -> None:
    run = other(
        out,
        **{"data.standardize": False, "data.holdout": 0.0, "train.loss": "binary_cross_entropy", "model.depth": 1},
    )
    found = trace_input_plane(load_run_data(run))
    assert found.deviation is None
    assert found.scored == "training"
    last = found.moments[-1].layers[-1]
    assert last is not None
    assert last.scores.shape[2] == 2
    assert found.moments[-1].numbers == (0, 1, 2)


def test_a_step_that_training_does_not_reach_is_said(xor: StoredRun) -> None:
    record = xor.record
    assert record is not None
    later = replace(record, steps=record.steps + 1000)
    with pytest.raises(UsageError, match="does not come to step 1039"):
        trace_input_plane(load_run_data(replace(xor, read=lambda: later)))


def test_chosen_layers_are_few_and_hold_both_ends() -> None:
    for depth in (1, 2, 3, 4, 5, 6, 7, 50, 10_000):
        layers = choose(depth)
        assert len(layers) == min(depth, 4)
        assert (layers[0], layers[-1]) == (1, depth)
