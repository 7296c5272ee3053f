"""The heatmap's cells, marks and legend."""

import numpy as np
import pytest

from gradlab.report.terminal.heatmap import LINES, cells, draw
from gradlab.report.views.series import Grid


def grid(values: object) -> Grid:
    array = np.asarray(values, dtype=float)
    return Grid("log10_grad_norm", "decades", array, np.ones(array.shape, dtype=bool), np.arange(array.shape[1]))


@pytest.mark.parametrize("shape", [(1, 1), (3, 1), (7, 10), (51, 200), (2000, 3)])
def test_every_value_is_in_exactly_one_cell(shape: tuple[int, int]) -> None:
    values = np.random.default_rng(0).normal(size=shape)
    picture = cells(grid(values), 10, 20)
    rows, columns = picture.values.shape
    assert rows == min(shape[0], 10)
    assert columns == min(shape[1], 20)
    covered = [layer for first, last in picture.layers for layer in range(first, last + 1)]
    assert covered == list(range(1, shape[0] + 1))
    if shape[0] % rows == 0 and shape[1] % columns == 0:
        assert picture.values.mean() == pytest.approx(values.mean())


def test_a_cell_is_the_mean_of_its_logs() -> None:
    assert cells(grid([[-30.0, -10.0], [-20.0, -40.0]]), 1, 1).values.tolist() == [[-25.0]]


def test_a_failure_wins_over_a_zero_and_a_zero_over_the_mean() -> None:
    picture = cells(grid([[np.nan, -1.0, -np.inf, -np.inf, -np.inf, -3.0, np.inf, 0.0]]), 1, 4)
    assert picture.values.tolist() == [[np.inf, -np.inf, -np.inf, np.inf]]


def test_null_is_left_empty() -> None:
    holes = Grid("log10_grad_norm", "decades", np.zeros((1, 2)), np.array([[True, False]]), np.arange(2))
    assert np.isnan(cells(holes, 1, 2).values[0, 1])
    line = draw(holes, 40, color=False, unicode=True)[0].plain
    assert line.split() == ["1", "▅▅▅▅"]


def test_noise_does_not_fill_the_scale() -> None:
    picture = cells(grid([[-5.0, -5.001]]), 1, 2)
    assert picture.high - picture.low == 1
    assert picture.level(-5.0) == pytest.approx(0.5, abs=0.01)


def test_nothing_finite_still_draws() -> None:
    lines = [line.plain for line in draw(grid([[np.nan, -np.inf]]), 40, color=False, unicode=True)]
    assert "xxxx0000" in lines[0]
    assert lines[-1].endswith("not finite x   zero 0")


@pytest.mark.parametrize("color", [True, False])
@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize("width", [20, 80, None])
@pytest.mark.parametrize("shape", [(3, 2), (51, 200), (500, 7)])
def test_it_fits(color: bool, unicode: bool, width: int | None, shape: tuple[int, int]) -> None:
    lines = draw(grid(np.random.default_rng(0).normal(size=shape)), width, color=color, unicode=unicode)
    assert len(lines) <= LINES + 2
    picture = lines[:-1]
    assert max(len(line.plain) for line in picture) <= (width or 120)
    if not unicode:
        assert all(line.plain.isascii() for line in lines)


def test_little_and_much_look_different_in_colour_and_without() -> None:
    ramp = grid([[-10.0, -5.0, 0.0]])
    without = draw(ramp, 40, color=False, unicode=True)[0].plain
    assert without.split()[1] == "▁▁▁▁▅▅▅▅████"
    with_color = draw(ramp, 40, color=True, unicode=True)[0]
    assert len({str(span.style) for span in with_color.spans}) == 3


def test_deep_networks_put_two_layers_into_a_coloured_line() -> None:
    lines = draw(grid(np.arange(30.0)[:, None] * np.ones(3)), 80, color=True, unicode=True)
    assert len(lines) == 15 + 2
    assert lines[0].plain.split()[0] == "1-2"
    assert lines[14].plain.split()[0] == "29-30"
