"""Heatmaps: cells, their scale, and what has no finite value."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made.deep_runs import column, record
from matplotlib.collections import PolyCollection, QuadMesh
from pictured import NOWHERE, assert_same_bytes, caught, run, words

from gradlab.errors import SelectionError, UsageError
from gradlab.report.figures import heatmaps
from gradlab.report.figures.heatmaps import draw_heatmaps
from gradlab.report.figures.sides import sides
from gradlab.results.record import Record


def mesh(ax: Any) -> QuadMesh:
    return next(one for one in ax.collections if isinstance(one, QuadMesh))


def marked(ax: Any) -> dict[str, Any]:
    return {one.get_hatch() or "": one for one in ax.collections if isinstance(one, PolyCollection)}


def broken(kind: float, layers: slice, steps: slice) -> Record:
    kept = record(6, steps=20)
    kept.layers["log10_grad_norm"].values[steps, layers] = kind
    return kept


def test_cells_are_the_values_with_layer_1_on_top(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = record(6, steps=20, every=7)
    figure = caught(monkeypatch, heatmaps, lambda: draw_heatmaps(sides([run(kept=kept)]), None, NOWHERE))
    ax, bar = figure.axes
    np.testing.assert_array_equal(mesh(ax).get_array(), kept.layers["log10_grad_norm"].values.T)
    assert ax.get_ylim() == (7.5, 0.5)
    assert mesh(ax).get_coordinates()[0, :, 0].tolist() == [-3.5, 3.5, 10.5, 17.5]
    assert bar.get_ylabel() == "gradient norm"
    assert mesh(ax).get_rasterized()


def test_all_panels_have_one_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    flat = record(6, steps=20, decades_a_layer=0.0)
    chosen = sides([run("a"), run("b", 1, kept=flat)])
    figure = caught(monkeypatch, heatmaps, lambda: draw_heatmaps(chosen, "log10_grad_norm", NOWHERE))
    assert len(figure.axes) == 3
    first, second = (mesh(ax).get_clim() for ax in figure.axes[:2])
    both = [one.layers["log10_grad_norm"].values for one in (record(6, steps=20), flat)]
    assert first == second == (min(one.min() for one in both), max(one.max() for one in both))
    assert {"a, seed 0", "a, seed 1"} <= set(words(figure))


@pytest.mark.parametrize(("quantity", "limits"), [("dead_fraction", (0.0, 1.0)), ("activation_mean", None)])
def test_scales(quantity: str, limits: tuple[float, float] | None, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = record(6, steps=20)
    if limits is None:
        kept.layers[quantity].values[:] = np.linspace(-2.0, 3.0, 20)[:, None]
    figure = caught(monkeypatch, heatmaps, lambda: draw_heatmaps(sides([run(kept=kept)]), quantity, NOWHERE))
    assert mesh(figure.axes[0]).get_clim() == (limits or (-2.0, 3.0))
    assert "no meaning" in words(figure)  # the readout has none
    (piece,) = marked(figure.axes[0])[""].get_paths()
    assert piece.vertices[:, 1].min() == 6.5


@pytest.mark.parametrize(
    ("value", "hatch", "said"), [(-math.inf, "....", "zero"), (math.nan, "xxxxxx", "not finite"), (math.inf, "xxxxxx", "not finite")]
)  # fmt: skip
def test_cells_without_a_finite_value_are_hatched(
    value: float, hatch: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = broken(value, slice(0, 3), slice(10, 20))
    figure = caught(monkeypatch, heatmaps, lambda: draw_heatmaps(sides([run(kept=kept)]), None, NOWHERE))
    (piece,) = marked(figure.axes[0])[hatch].get_paths()
    assert piece.get_extents().bounds == (9.5, 0.5, 10.0, 3.0)
    assert said in words(figure)
    assert mesh(figure.axes[0]).get_array().mask[:3, 10:].all()
    assert mesh(figure.axes[0]).get_array().mask.sum() == 30


def test_scattered_marks_are_drawn_as_one_picture(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kept = record(100, steps=200)
    checks = np.indices((200, 101)).sum(axis=0) % 2 == 0
    kept.layers["log10_grad_norm"].values[checks] = -math.inf
    chosen = sides([run(depth=100, kept=kept)])
    figure = caught(monkeypatch, heatmaps, lambda: draw_heatmaps(chosen, None, NOWHERE))
    assert not marked(figure.axes[0])
    meshes = [one for one in figure.axes[0].collections if isinstance(one, QuadMesh)]
    assert (meshes[1].get_array().mask == ~checks.T).all()
    monkeypatch.undo()
    draw_heatmaps(chosen, None, tmp_path / "a.svg")
    assert (tmp_path / "a.svg").stat().st_size < 400_000


def test_many_layers_and_steps_become_means_and_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kept = record(1199, steps=720)
    chosen = sides([run(depth=1199, kept=kept)])
    figure = caught(monkeypatch, heatmaps, lambda: draw_heatmaps(chosen, None, NOWHERE))
    values = kept.layers["log10_grad_norm"].values
    found = mesh(figure.axes[0]).get_array()
    assert found.shape == (240, 360)
    assert found[0, 0] == pytest.approx(values[:2, :5].mean())
    assert found[-1, -1] == pytest.approx(values[-2:, -5:].mean())
    assert any("1,200 layers × 720 steps are shown as 240 × 360 cells" in one for one in words(figure))
    monkeypatch.undo()
    draw_heatmaps(chosen, None, tmp_path / "a.svg")
    assert (tmp_path / "a.svg").stat().st_size < 300_000


def test_no_scale_where_there_is_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = broken(math.nan, slice(None), slice(None))
    figure = caught(monkeypatch, heatmaps, lambda: draw_heatmaps(sides([run(kept=kept)]), None, NOWHERE))
    assert len(figure.axes) == 1


def test_one_step_is_one_column(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = sides([run(depth=1, kept=record(1, steps=1))])
    figure = caught(monkeypatch, heatmaps, lambda: draw_heatmaps(chosen, None, NOWHERE))
    assert figure.axes[0].get_xticks().tolist() == [0]
    assert figure.axes[0].get_yticks().tolist() == [1, 2]


def test_the_default_is_what_all_runs_have(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = record(6, steps=20)
    del kept.layers["log10_grad_norm"]  # type: ignore[attr-defined]
    chosen = sides([run("a"), run("b", 1, kept=kept)])
    figure = caught(monkeypatch, heatmaps, lambda: draw_heatmaps(chosen, None, NOWHERE))
    assert figure.axes[-1].get_ylabel() == "backward signal"
    with pytest.raises(SelectionError, match=r"a: log10_grad_norm was not recorded; -s record.quantities=gradients"):
        draw_heatmaps(chosen, "log10_grad_norm", NOWHERE)
    with pytest.raises(SelectionError, match=r"a: inactive_fraction was not recorded; -s record.quantities=all"):
        draw_heatmaps(chosen, "inactive_fraction", NOWHERE)


def test_a_page_has_room_for_sixteen(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = record(2, steps=2)
    kept.layers["dead_fraction"] = column(np.zeros((2, 3)))  # type: ignore[index]
    many = sides([run("a", seed, 2, kept=kept) for seed in range(17)])
    with pytest.raises(UsageError, match="room for 16 runs, and these are 17"):
        draw_heatmaps(many, None, NOWHERE)


def test_heatmap_files_are_the_same_each_time(tmp_path: Path) -> None:
    chosen = sides([run(kept=broken(math.nan, slice(0, 3), slice(10, 20))), run("b", depth=3)])
    assert_same_bytes(lambda file: draw_heatmaps(chosen, None, file), tmp_path, "svg")
