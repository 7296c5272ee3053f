"""Figures: what is on the axes, and the files that they become."""

import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from made.shares import share

from gradlab.config.reading.activation_text import read_all
from gradlab.errors import UsageError
from gradlab.report.figures import activations as activation_figures
from gradlab.report.figures import canvas
from gradlab.report.figures.activations import draw_curves, draw_phases
from gradlab.report.figures.canvas import check_file, panels, save
from gradlab.theory import activations

DRAWN = [draw_curves, draw_phases]
MAGIC = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}


@pytest.fixture
def figure_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The figure that a drawing would write."""

    def caught(draw: Callable[..., None], *texts: str) -> Any:
        found: list[Any] = []
        monkeypatch.setattr(activation_figures, "save", lambda figure, path: found.append(figure))
        draw(read_all(texts), Path("none.svg"))
        return found[0]

    return caught


@pytest.mark.parametrize(("draw", "ending"), share(itertools.product(DRAWN, canvas.FORMATS), 2))
def test_each_format_is_written_and_always_the_same(draw: Callable[..., None], ending: str, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.{ending}" for number in range(2)]
    for file in files:
        draw(read_all(["tanh", "relu"]), file)
    first, second = (file.read_bytes() for file in files)
    assert first.startswith(MAGIC[ending])
    assert first == second
    assert sorted(tmp_path.iterdir()) == files


@pytest.mark.parametrize("draw", DRAWN)
def test_an_svg_is_sound_and_small_and_keeps_no_date(draw: Callable[..., None], tmp_path: Path) -> None:
    file = tmp_path / "many.svg"
    draw(read_all(["identity", "sigmoid", "tanh", "relu", "gelu", "step"]), file)
    root = ElementTree.fromstring(file.read_bytes())
    assert root.tag.endswith("svg")
    assert root.attrib["width"] == f"{72 * canvas.PAGE:g}pt"
    assert not [one for one in root.iter() if one.tag.endswith("}date")]
    assert file.stat().st_size < 250_000  # colours are one picture a panel, not a shape a cell


def test_curves_are_the_functions(figure_of: Callable[..., Any]) -> None:
    figure = figure_of(draw_curves, "gelu", "hardtanh", "step")
    assert [ax.get_title() for ax in figure.axes] == ["gelu", "hardtanh", "step"]
    for ax, name in zip(figure.axes, ("gelu", "hardtanh", "step"), strict=True):
        lines = {line.get_label(): line.get_xydata().T for line in ax.lines if not line.get_label().startswith("_")}
        one = activations.activation(name)
        for label, function in (("φ(z)", one.phi), ("φ′(z)", one.dphi)):
            x, y = lines[label]
            there = np.isfinite(y)
            np.testing.assert_allclose(y[there], function(x[there]), atol=1e-12)
            assert x[0] == pytest.approx(-4.0)
            assert x[-1] == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("name", "gaps"), [("gelu", (0, 0)), ("relu", (0, 1)), ("hardtanh", (0, 2)), ("step", (1, 0)), ("softsign", (0, 0))]
)
def test_no_line_is_drawn_across_a_jump(name: str, gaps: tuple[int, int], figure_of: Callable[..., Any]) -> None:
    (ax,) = figure_of(draw_curves, name).axes
    found = [int(np.isnan(line.get_ydata()).sum()) for line in ax.lines[-2:]]
    assert tuple(found) == gaps


def test_many_panels_share_their_axes_and_one_shows_all_of_itself(figure_of: Callable[..., Any]) -> None:
    figure = figure_of(draw_curves, "identity", "tanh", "elu:alpha=30")
    assert len({ax.get_ylim() for ax in figure.axes}) == 1
    assert figure.axes[0].get_ylim()[0] > -4.0
    (ax,) = figure_of(draw_curves, "elu:alpha=30").axes
    assert ax.get_ylim()[0] < -29.0
    assert ax.get_ylim()[1] > 30.0


def test_the_plane_is_coloured_around_chi_1_of_one(figure_of: Callable[..., Any]) -> None:
    figure = figure_of(draw_phases, "tanh")
    ax = figure.axes[0]
    (mesh,) = [one for one in ax.collections if hasattr(one, "get_clim") and one.get_array() is not None][:1]
    low, high = mesh.get_clim()
    assert low == -high
    values = mesh.get_array()
    assert values.min() < -0.5
    assert 0.1 < values.max() < 0.5
    words = {text.get_text(): text.get_position()[0] for text in ax.texts}
    assert words["ordered"] < words["chaotic"]
    (dot,) = [line for line in ax.lines if line.get_marker() == "o"]
    assert dot.get_xydata().tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "prelu", "identity", "gelu", "softplus"])
def test_a_region_is_not_called_chaotic_where_examples_do_not_part(figure_of: Callable[..., Any], name: str) -> None:
    """Beyond their edge the variance grows without end: gradients explode, and examples come to look alike or stay as they are."""
    (ax,) = [one for one in figure_of(draw_phases, name).axes if one.texts]
    words = {text.get_text(): text.get_position()[0] for text in ax.texts}
    assert words["ordered"] < words["exploding"]
    assert "chaotic" not in words


def test_a_far_critical_point_is_on_the_picture(figure_of: Callable[..., Any]) -> None:
    figure = figure_of(draw_phases, "sigmoid")
    assert figure.axes[0].get_xlim()[1] > 10.15


def test_no_colours_where_no_gradient_passes(figure_of: Callable[..., Any]) -> None:
    (ax,) = figure_of(draw_phases, "step").axes
    assert "no gradient passes" in ax.texts[0].get_text()


@pytest.mark.parametrize(("number", "rows", "columns"), [(1, 1, 1), (2, 1, 2), (5, 2, 3), (7, 2, 4), (16, 4, 4)])
def test_panels_are_even(number: int, rows: int, columns: int) -> None:
    with panels(number, sharex=True) as (figure, axes):
        assert len(axes) == len(figure.axes) == number
        grid = axes[0].get_subplotspec().get_gridspec()
        assert (grid.nrows, grid.ncols) == (rows, columns)
        assert figure.get_figwidth() == (canvas.COLUMN if columns <= 2 else canvas.PAGE)
        for ax in axes[-columns:]:  # nothing stands below them
            assert ax.xaxis.get_tick_params()["labelbottom"]


def test_the_users_settings_neither_count_nor_change() -> None:
    with matplotlib.rc_context({"lines.linewidth": 9.0, "font.size": 33.0}):
        with panels(1) as (_, (ax,)):
            (line,) = ax.plot([0, 1], [0, 1])
            assert line.get_linewidth() == 1.4
        assert matplotlib.rcParams["lines.linewidth"] == 9.0
        assert matplotlib.rcParams["font.size"] == 33.0


def test_a_place_in_a_region_is_its_middle() -> None:
    region = np.zeros((40, 60), dtype=bool)
    region[:, :30] = True
    across, up = activation_figures._roomiest(region) or (0.0, 0.0)
    assert 0.2 < across < 0.3
    assert 0.4 < up < 0.6
    assert activation_figures._roomiest(np.zeros((40, 60), dtype=bool)) is None
    region[:] = False
    region[:, :2] = True
    assert activation_figures._roomiest(region) is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a.jpg", "ends in .svg, .png or .pdf"),
        ("a", "ends in .svg, .png or .pdf"),
        ("nowhere/a.svg", "there is no directory"),
        ("folder.svg", "is a directory"),
    ],
)
def test_files_that_cannot_be(name: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "folder.svg").mkdir()
    with pytest.raises(UsageError, match=said):
        check_file(tmp_path / name)


def test_endings_in_capitals_will_do(tmp_path: Path) -> None:
    check_file(tmp_path / "A.SVG")
    draw_curves(read_all(["tanh"]), tmp_path / "A.PNG")
    assert (tmp_path / "A.PNG").read_bytes().startswith(MAGIC["png"])


def test_what_cannot_be_written_is_said_and_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.svg"
    file.write_text("before")

    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with panels(1) as (figure, _), pytest.raises(UsageError, match=r"cannot write .*a\.svg: No space left on device"):
        save(figure, file)
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]


def test_drawing_needs_no_display_and_no_pyplot(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from gradlab.cli.main import main\n"
        "assert main(['activations', 'tanh', '--quiet', '--plot', 'a.png', '--phase', 'b.svg']) == 0\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "DISPLAY"} | {"MPLBACKEND": "tkagg"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env=environment, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert {path.name for path in tmp_path.iterdir()} == {"a.png", "b.svg"}
