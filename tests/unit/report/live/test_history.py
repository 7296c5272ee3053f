"""A training brought down to cells: the means are right, nothing is lost, and the room is bounded."""

import numpy as np
import pytest

from gradlab.report.live.history import BANDS, COLUMNS, History, HistoryPicture, middle
from gradlab.results.record import Recent


def recent(steps: object, num_layers: int, seed: int = 0) -> Recent:
    """Steps whose values are known: each depends on its step and layer alone."""
    steps = np.asarray(steps, dtype=np.int64)
    layers = np.sin(steps[:, None] * 0.37 + np.arange(num_layers) + seed) * 10 - np.arange(num_layers)
    return Recent(steps, np.cos(steps * 0.1)[:, None] + 3, "log10_backward_rms", layers)


def history_of(steps: np.ndarray, num_layers: int, a_time: int) -> History:
    """A history that is told of some steps at a time."""
    history = History()
    for start in range(0, len(steps), a_time):
        history.add(recent(steps[start : start + a_time], num_layers))
    return history


def brute(steps: np.ndarray, num_layers: int, past: HistoryPicture) -> np.ndarray:
    """The cells, each value put into its place by itself."""
    whole = recent(steps, num_layers)
    columns = steps // past.stride
    lines = [whole.layers[:, first - 1 : last] for first, last in past.layers]
    return np.array([[line[columns == column].mean() for column in range(columns[-1] + 1)] for line in lines])


@pytest.mark.parametrize("num_layers", [2, 51, 128, 500])
@pytest.mark.parametrize(("num_steps", "a_time"), [(1, 1), (7, 3), (256, 100), (257, 64), (3000, 80)])
def test_a_cell_is_the_mean_of_all_that_it_covers(num_layers: int, num_steps: int, a_time: int) -> None:
    steps = np.arange(num_steps)
    history = history_of(steps, num_layers, a_time)
    lines = min(num_layers, 18)
    past = history.picture(lines, 1, 45)
    assert past.cells == pytest.approx(brute(steps, num_layers, past))
    assert past.cells.shape[1] <= 45
    assert past.stride * past.cells.shape[1] >= num_steps > past.stride * (past.cells.shape[1] - 1)
    assert [layer for first, last in past.layers for layer in range(first, last + 1)] == [*range(1, num_layers + 1)]
    whole = recent(steps, num_layers)
    assert past.newest == pytest.approx([whole.layers[-1, first - 1 : last].mean() for first, last in past.layers])
    losses = [whole.loss[steps // past.stride == column].mean() for column in range(past.cells.shape[1])]
    assert past.loss == pytest.approx(losses)
    assert past.step == num_steps - 1


@pytest.mark.parametrize("num_layers", [51, 500])
def test_what_is_drawn_between_changes_nothing(num_layers: int) -> None:
    """Folding only what changed gives what folding all of it does, whatever size the terminal had meanwhile."""
    drawn, other = History(), History()
    rng = np.random.default_rng(0)
    start = 0
    while start < 2000:
        part = recent(np.arange(start, start := start + int(rng.integers(1, 90))), num_layers)
        drawn.add(part)
        other.add(part)
        drawn.picture(18, 2, int(rng.choice([20, 45, 130])))
        room = (18, int(rng.integers(1, 3)), 45)
        fresh = History()
        fresh.__dict__.update(other.__dict__)
        mine, theirs = drawn.picture(*room), fresh.picture(*room)
        assert mine.cells == pytest.approx(theirs.cells)
        assert mine.loss == pytest.approx(theirs.loss)
        assert mine.stride == theirs.stride


def test_columns_are_as_wide_as_steps_lie_apart() -> None:
    past = history_of(np.arange(0, 1000, 100), 3, 1).picture(3, 1, 40)
    assert past.stride == 100
    assert past.cells.shape == (3, 10)
    assert past.cells == pytest.approx(recent(np.arange(0, 1000, 100), 3).layers.T)


def test_a_column_without_a_step_shows_the_one_before() -> None:
    steps = np.array([0, 1, 2, 5, 6])
    past = history_of(steps, 2, 3).picture(2, 1, 40)
    values = recent(steps, 2).layers.T
    assert past.cells == pytest.approx(values[:, [0, 1, 2, 2, 2, 3, 4]])


def test_marks_win_as_in_the_heatmap() -> None:
    values = np.array([[np.nan, -np.inf, -np.inf, 1.0], [-1.0, -np.inf, -3.0, np.inf]])
    history = History()
    history.add(Recent(np.arange(2), np.array([[1.0], [np.nan]]), "log10_backward_rms", values))
    assert history.picture(4, 1, 1).cells[:, 0].tolist() == [np.inf, -np.inf, -3.0, np.inf]
    assert history.picture(4, 1, 2).cells.tolist() == [
        [np.inf, -1.0],
        [-np.inf, -np.inf],
        [-np.inf, -3.0],
        [1.0, np.inf],
    ]
    assert history.picture(2, 1, 2).cells.tolist() == [[np.inf, -1.0], [1.0, np.inf]]
    assert history.picture(4, 1, 2).newest.tolist() == [-1.0, -np.inf, -3.0, np.inf]
    assert history.picture(4, 1, 2).loss.tolist() == [1.0, np.inf]


def test_no_layers_leaves_the_loss() -> None:
    history = History()
    history.add(Recent(np.arange(5), np.arange(5.0)[:, None], None, np.zeros((5, 0))))
    past = history.picture(0, 1, 40)
    assert history.num_layers == 0
    assert past.cells.size == past.newest.size == len(past.layers) == 0
    assert past.loss.tolist() == [0, 1, 2, 3, 4]


def test_nothing_new_is_nothing() -> None:
    history = History()
    history.add(Recent(np.zeros(0, np.int64), np.zeros((0, 1)), None, np.zeros((0, 0))))
    assert history.step == -1


def test_the_room_does_not_grow() -> None:
    history = history_of(np.arange(0, 10**6, 997), 2001, 8)
    sizes = [array.size for array in vars(history).values() if isinstance(array, np.ndarray)]
    assert max(sizes) <= COLUMNS * 4 * (1 + BANDS)  # of the loss and of each band
    assert history.picture(20, 2, 120).cells.shape[1] > 60


def test_the_median_is_numpys() -> None:
    rng = np.random.default_rng(0)
    for num_runs in range(1, 8):
        loss = rng.normal(size=(20, num_runs))
        loss[rng.random(loss.shape) < 0.3] = np.nan
        expected = [np.median(row[np.isfinite(row)]) if np.isfinite(row).any() else np.nan for row in loss]
        assert middle(loss) == pytest.approx(expected, nan_ok=True)
