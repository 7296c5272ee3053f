"""The plane through the layers: grids, regions, and what stands where a layer has nothing to show."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection, QuadMesh
from pictured import NOWHERE, assert_same_bytes, caught, words

from gradlab.errors import UsageError
from gradlab.report.figures import input_plane
from gradlab.report.figures.input_plane import Shown, draw_spaces
from gradlab.results.input_plane import InputPlane, LayerView, Snapshot

SIDE = 41
X = Y = np.linspace(-2.0, 2.0, SIDE)
GRID = np.stack(np.meshgrid(X, Y), axis=-1)
POINTS = np.random.default_rng(0).uniform(-1.5, 1.5, (60, 2))


def bent(layer: int, boundary: float = 0.0, **changes: Any) -> LayerView:
    """A layer that leaves the plane as it is, and cuts it upright."""
    scores = np.stack([boundary - GRID[:, :, 0], GRID[:, :, 0] - boundary], axis=-1)
    return replace(LayerView(layer, GRID.copy(), POINTS.copy(), (0.7, 0.2), scores, 0.875), **changes)


def plane(*moments: Snapshot, **changes: Any) -> InputPlane:
    targets = (POINTS[:, 0] > 0).astype(np.int64)
    made = InputPlane(("x1", "x2"), X, Y, POINTS, targets, ("no", "yes"), 2, "held-out", moments, None)
    return replace(made, **changes)


def moment(step: int = 0, layers: int = 3, **changes: Any) -> Snapshot:
    found = tuple(bent(number) for number in range(layers))
    return replace(Snapshot(step, found, tuple(range(layers))), **changes)


def drawn(monkeypatch: pytest.MonkeyPatch, *shown: InputPlane) -> Any:
    named = [Shown(f"run {index}", f"about {index}", one) for index, one in enumerate(shown)]
    return caught(monkeypatch, input_plane, lambda: draw_spaces(named, NOWHERE))


def kinds(ax: Any, kind: type) -> list[Any]:
    return [one for one in ax.collections if isinstance(one, kind)]


def test_one_run_has_a_row_of_grids_and_one_of_answers_for_each_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = drawn(monkeypatch, plane(moment(0), moment(9)))
    assert len(figure.axes) == 12
    assert [ax.get_title() for ax in figure.axes[:3]] == ["inputs", "layer 1", "output"]
    assert [figure.axes[place].get_ylabel() for place in (0, 3, 6, 9)] == ["step 0", "x2", "step 9", "x2"]
    assert [ax.get_xlabel() for ax in figure.axes[9:]] == ["x1"] * 3
    above, below = figure.axes[1], figure.axes[4]
    (lines,) = kinds(above, LineCollection)
    assert len(lines.get_segments()) == 12
    np.testing.assert_array_equal(lines.get_segments()[0], GRID[0, ::2])
    np.testing.assert_array_equal(lines.get_segments()[6], GRID[::2, 0])
    assert above.get_xlabel() == "70 + 20 % of variance"
    assert below.get_title() == "0.88 right"
    placed = np.concatenate([one.get_offsets() for one in kinds(above, PathCollection)])
    assert sorted(placed.tolist()) == sorted(POINTS.tolist())
    assert {"class no", "class yes", "boundary", "the inputs' grid"} <= set(words(figure))


def test_the_boundary_is_where_the_answer_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = (bent(0), bent(1, boundary=0.55), bent(2, boundary=9.0))
    figure = drawn(monkeypatch, plane(Snapshot(0, layers, (0, 1, 2))))
    contours = [
        one for one in figure.axes[4].collections if np.ndim(one.get_linewidth()) and one.get_linewidth()[0] == 0.8
    ]
    places = np.concatenate([path.vertices for one in contours for path in one.get_paths() if len(path.vertices)])
    np.testing.assert_allclose(places[:, 0], 0.55, atol=1e-9)
    assert not [one for one in figure.axes[5].collections if one.get_linewidth()[0] == 0.8]  # one answer everywhere


def test_several_runs_are_shown_at_their_last_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = drawn(monkeypatch, plane(moment(0), moment(9)), plane(moment(0, 5), moment(9, 5)))
    assert len(figure.axes) == 2 * 3 + 2 * 5
    titles = [ax.get_title() for ax in figure.axes]
    assert titles.count("inputs") == titles.count("output") == 2
    assert "layer 3" in titles
    assert {"run 0", "run 1"} <= set(words(figure))


def test_layers_without_a_picture_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    alike = bent(1, points=np.zeros((60, 2)), shares=(0.0, 0.0))
    figure = drawn(monkeypatch, plane(Snapshot(0, (bent(0), alike, None), (0, 1, 2))))
    assert [text.get_text() for text in figure.axes[1].texts] == ["all alike"]
    assert [text.get_text() for text in figure.axes[2].texts] == ["not finite"]
    assert [text.get_text() for text in figure.axes[5].texts] == ["not finite"]


def test_numbers_are_shades(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = GRID[:, :, :1] * 10
    layers = tuple(bent(number, scores=scores, right=-0.001) for number in range(3))
    numbers = plane(Snapshot(0, layers, (0, 1, 2)), targets=POINTS[:, 0] * 10, class_names=(), num_outputs=2)
    figure = drawn(monkeypatch, numbers)
    (mesh,) = kinds(figure.axes[3], QuadMesh)
    assert mesh.get_clim() == (numbers.targets.min(), numbers.targets.max())
    np.testing.assert_array_equal(np.asarray(mesh.get_array()).reshape(SIDE, SIDE), scores[:, :, 0])
    assert figure.axes[3].get_title() == "R² 0.00"
    assert "target" in words(figure)
    assert any("the first number that is learned" in one for one in words(figure))


def test_many_classes_have_their_own_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = np.stack([np.cos(angle) * GRID[:, :, 0] + np.sin(angle) * GRID[:, :, 1] for angle in range(5)], axis=-1)
    layers = tuple(bent(number, scores=scores) for number in range(3))
    five = plane(Snapshot(0, layers, (0, 1, 2)), targets=np.arange(60) % 5, class_names=tuple("abcde"))
    figure = drawn(monkeypatch, five)
    assert len(kinds(figure.axes[0], PathCollection)) == 5
    assert {"class a", "class e"} <= set(words(figure))


def test_what_is_not_the_stored_run_is_in_the_small_print(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = drawn(monkeypatch, plane(moment(), deviation="trained again, its losses differ"))
    assert any("run 0: trained again, its losses differ" in one for one in words(figure))
    assert any("share of held-out examples that is right" in one for one in words(figure))


def test_names_of_inputs_and_classes_are_shown_as_they_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    odd = plane(moment(), names=("$x^2$", "_y"), class_names=("$a$", "<b>"))
    figure = drawn(monkeypatch, odd)
    assert figure.axes[3].xaxis.label.get_text() == "$x^2$"
    assert not figure.axes[3].xaxis.label.get_parse_math()
    assert {"class $a$", "class <b>", "_y"} <= set(words(figure))
    monkeypatch.undo()
    draw_spaces([Shown("$r$", "about", odd)], tmp_path / "a.svg")


def test_a_page_has_room_for_four() -> None:
    with pytest.raises(UsageError, match="room for 4 runs, and these are 5"):
        draw_spaces([Shown("a", "about", plane(moment()))] * 5, NOWHERE)


def test_space_files_are_the_same_each_time(tmp_path: Path) -> None:
    shown = [Shown("a", "about", plane(moment(0), moment(9)))]
    assert_same_bytes(lambda file: draw_spaces(shown, file), tmp_path, "svg")
