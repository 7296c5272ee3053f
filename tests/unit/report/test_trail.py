"""A training brought down to cells: the means are right, nothing is lost, and the room is bounded."""

import numpy as np
import pytest

from gradlab.report.trail import BANDS, COLUMNS, Panel, Trail, middle
from gradlab.results.record import Recent


def recent(steps: object, num_layers: int, seed: int = 0) -> Recent:
    """Steps whose values are known: each depends on its step and layer alone."""
    steps = np.asarray(steps, dtype=np.int64)
    layers = np.sin(steps[:, None] * 0.37 + np.arange(num_layers) + seed) * 10 - np.arange(num_layers)
    return Recent(steps, np.cos(steps * 0.1)[:, None] + 3, "log10_backward_rms", layers)


def trail_of(steps: np.ndarray, num_layers: int, a_time: int) -> Trail:
    """A trail that is told of some steps at a time."""
    trail = Trail()
    for start in range(0, len(steps), a_time):
        trail.add(recent(steps[start : start + a_time], num_layers))
    return trail


def brute(steps: np.ndarray, num_layers: int, panel: Panel) -> np.ndarray:
    """The cells, each value put into its place by itself."""
    whole = recent(steps, num_layers)
    columns = steps // panel.stride
    lines = [whole.layers[:, first - 1 : last] for first, last in panel.layers]
    return np.array([[line[columns == column].mean() for column in range(columns[-1] + 1)] for line in lines])


@pytest.mark.parametrize("num_layers", [2, 51, 128, 500])
@pytest.mark.parametrize(("num_steps", "a_time"), [(1, 1), (7, 3), (256, 100), (257, 64), (3000, 80)])
def test_a_cell_is_the_mean_of_all_that_it_covers(num_layers: int, num_steps: int, a_time: int) -> None:
    steps = np.arange(num_steps)
    trail = trail_of(steps, num_layers, a_time)
    lines = min(num_layers, 18)
    panel = trail.panel(lines, 1, 45)
    assert panel.cells == pytest.approx(brute(steps, num_layers, panel))
    assert panel.cells.shape[1] <= 45
    assert panel.stride * panel.cells.shape[1] >= num_steps > panel.stride * (panel.cells.shape[1] - 1)
    assert [layer for first, last in panel.layers for layer in range(first, last + 1)] == [*range(1, num_layers + 1)]
    whole = recent(steps, num_layers)
    assert panel.newest == pytest.approx([whole.layers[-1, first - 1 : last].mean() for first, last in panel.layers])
    losses = [whole.loss[steps // panel.stride == column].mean() for column in range(panel.cells.shape[1])]
    assert panel.loss == pytest.approx(losses)
    assert panel.step == num_steps - 1


@pytest.mark.parametrize("num_layers", [51, 500])
def test_what_is_drawn_between_changes_nothing(num_layers: int) -> None:
    """Folding only what changed gives what folding all of it does, whatever size the terminal had meanwhile."""
    drawn, other = Trail(), Trail()
    rng = np.random.default_rng(0)
    start = 0
    while start < 2000:
        part = recent(np.arange(start, start := start + int(rng.integers(1, 90))), num_layers)
        drawn.add(part)
        other.add(part)
        drawn.panel(18, 2, int(rng.choice([20, 45, 130])))
        room = (18, int(rng.integers(1, 3)), 45)
        fresh = Trail()
        fresh.__dict__.update(other.__dict__)
        mine, theirs = drawn.panel(*room), fresh.panel(*room)
        assert mine.cells == pytest.approx(theirs.cells)
        assert mine.loss == pytest.approx(theirs.loss)
        assert mine.stride == theirs.stride


def test_columns_are_as_wide_as_steps_lie_apart() -> None:
    panel = trail_of(np.arange(0, 1000, 100), 3, 1).panel(3, 1, 40)
    assert panel.stride == 100
    assert panel.cells.shape == (3, 10)
    assert panel.cells == pytest.approx(recent(np.arange(0, 1000, 100), 3).layers.T)


def test_a_column_without_a_step_shows_the_one_before() -> None:
    steps = np.array([0, 1, 2, 5, 6])
    panel = trail_of(steps, 2, 3).panel(2, 1, 40)
    values = recent(steps, 2).layers.T
    assert panel.cells == pytest.approx(values[:, [0, 1, 2, 2, 2, 3, 4]])


def test_marks_win_as_in_the_heatmap() -> None:
    values = np.array([[np.nan, -np.inf, -np.inf, 1.0], [-1.0, -np.inf, -3.0, np.inf]])
    trail = Trail()
    trail.add(Recent(np.arange(2), np.array([[1.0], [np.nan]]), "log10_backward_rms", values))
    assert trail.panel(4, 1, 1).cells[:, 0].tolist() == [np.inf, -np.inf, -3.0, np.inf]
    assert trail.panel(4, 1, 2).cells.tolist() == [[np.inf, -1.0], [-np.inf, -np.inf], [-np.inf, -3.0], [1.0, np.inf]]
    assert trail.panel(2, 1, 2).cells.tolist() == [[np.inf, -1.0], [1.0, np.inf]]
    assert trail.panel(4, 1, 2).newest.tolist() == [-1.0, -np.inf, -3.0, np.inf]
    assert trail.panel(4, 1, 2).loss.tolist() == [1.0, np.inf]


def test_no_layers_leaves_the_loss() -> None:
    trail = Trail()
    trail.add(Recent(np.arange(5), np.arange(5.0)[:, None], None, np.zeros((5, 0))))
    panel = trail.panel(0, 1, 40)
    assert trail.num_layers == 0
    assert panel.cells.size == panel.newest.size == len(panel.layers) == 0
    assert panel.loss.tolist() == [0, 1, 2, 3, 4]


def test_nothing_new_is_nothing() -> None:
    trail = Trail()
    trail.add(Recent(np.zeros(0, np.int64), np.zeros((0, 1)), None, np.zeros((0, 0))))
    assert trail.step == -1


def test_the_room_does_not_grow() -> None:
    trail = trail_of(np.arange(0, 10**6, 997), 2001, 8)
    sizes = [array.size for array in vars(trail).values() if isinstance(array, np.ndarray)]
    assert max(sizes) <= COLUMNS * 4 * BANDS
    assert trail.panel(20, 2, 120).cells.shape[1] > 60


def test_the_median_is_numpys() -> None:
    rng = np.random.default_rng(0)
    for num_runs in range(1, 8):
        loss = rng.normal(size=(20, num_runs))
        loss[rng.random(loss.shape) < 0.3] = np.nan
        expected = [np.median(row[np.isfinite(row)]) if np.isfinite(row).any() else np.nan for row in loss]
        assert middle(loss) == pytest.approx(expected, nan_ok=True)
