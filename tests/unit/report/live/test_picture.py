"""The picture of a training: it fits every terminal and says what is there."""

import numpy as np
import pytest

from gradlab.report.live.history import History
from gradlab.report.live.picture import COLORS, SMALLEST, Picture, Scale, lay_out, whole_decades
from gradlab.report.live.screen import Palette, Screen
from gradlab.results.record import Progress, Recent


def training(num_steps: int, num_layers: int, num_runs: int = 1) -> Recent:
    """A training in which the signal vanishes towards the input, and a little less as it goes on."""
    steps = np.arange(num_steps)
    layers = np.linspace(-0.6 * num_layers, 0, num_layers)[None] * (1 - steps[:, None] / 1e4)
    loss = 2.3 * np.exp(-steps / 500)[:, None] * np.ones(num_runs)
    return Recent(steps, loss, "log10_backward_rms" if num_layers else None, layers)


def drawn(
    recent: Recent, width: int, height: int, *, total: int = 2000, color: bool = False, unicode: bool = True
) -> Screen:
    """The picture of what was recorded."""
    history = History()
    history.add(recent)
    picture = Picture(
        Palette("truecolor" if color else None, COLORS),
        color=color,
        unicode=unicode,
        encoding="utf-8" if unicode else "ascii",
    )
    layout = lay_out(width, height, history.num_layers, total, color=color, unicode=unicode)
    past = history.picture(layout.lines, 2 if layout.halves else 1, layout.columns // layout.stretch)
    names = ("deep",) * recent.loss.shape[1]
    progress = Progress(int(recent.steps[-1]) + 1, total, names, recent.loss[-1], None, 88.0)
    return picture.draw(layout, width, progress, past, recent.quantity)


@pytest.mark.parametrize("size", [(48, 10), (80, 24), (132, 43), (200, 50), (400, 200)])
@pytest.mark.parametrize("num_layers", [0, 2, 3, 51, 2001])
@pytest.mark.parametrize("color", [True, False])
@pytest.mark.parametrize("unicode", [True, False])
def test_it_fits(size: tuple[int, int], num_layers: int, color: bool, unicode: bool) -> None:
    for num_steps, total in ((1, 1), (3, 5), (150, 2000)):
        screen = drawn(training(num_steps, num_layers), *size, total=total, color=color, unicode=unicode)
        assert screen.height <= size[1] - 1
        assert screen.width == size[0] - 1
        text = screen.text()
        assert text[0].startswith("deep ")
        if not unicode:
            assert all(line.isascii() for line in text)
        if num_layers:
            labels = [line.split()[0] for line in text[-2 - min(num_layers, 3) : -2]]
            assert labels[-1].split("-")[-1] == str(num_layers)


def test_every_layer_has_its_line_or_is_named_in_one() -> None:
    for height in range(SMALLEST[1], 60):
        for num_layers in (2, 7, 51, 333):
            lines = drawn(training(5, num_layers), 100, height, color=True).text()
            labels = [line.split()[0] for line in lines[2:-2] if line.split()[0][:1].isdigit()]
            ends = [label.split("-") for label in labels]
            assert ends[0][0] == "1"
            assert ends[-1][-1] == str(num_layers)
            assert [int(end[0]) for end in ends[1:]] == [int(end[-1]) + 1 for end in ends[:-1]]


def test_what_is_seen_at_80_columns() -> None:
    lines = drawn(training(700, 51), 80, 24).text()
    assert len(lines) == 23
    assert lines[0].startswith("deep ━")
    assert "700/2000 loss" in lines[0]
    assert lines[1].startswith("backward signal; layer 1 (input) on top")
    assert lines[1].endswith("at step 699")
    assert lines[2].split()[0] == "loss"
    assert lines[2].endswith("0.5746 to 2.266")
    assert lines[3].split()[0] == "1-3"
    assert "10^-28" in lines[3]
    assert lines[20].split()[0] == "49-51"
    assert "10^-1" in lines[20]
    assert lines[20].endswith("█▋")
    assert lines[21].split()[:4] == ["step", "0", "128", "256"]
    assert lines[22].split() == ["10^-30", "10^0"]


def test_powers_of_ten_far_beyond_what_a_float_holds() -> None:
    lines = drawn(training(20, 2001), 100, 24).text()
    assert "10^-1166" in lines[3]
    assert lines[-1].split()[0] == "10^-1200"


def test_the_run_that_is_shown_is_named_where_there_are_several() -> None:
    assert "of the first of 3 runs" in drawn(training(5, 51, 3), 80, 24).text()[1]


def test_what_is_not_finite_and_what_is_zero_is_marked_and_explained() -> None:
    recent = training(40, 10)
    recent.layers[30:], recent.loss[30:] = np.nan, np.nan
    recent.layers[:10, :5] = -np.inf
    lines = drawn(recent, 80, 24, total=40).text()
    assert "xxxxxxxxxx" in lines[2]
    first = lines[3].split()
    assert first[1].startswith("0000000000")
    assert first[1].endswith("xxxxxxxxxx")
    assert first[2:] == ["not", "finite", "x"]
    assert lines[-1].startswith("      not finite x  zero 0")
    assert "not finite" not in drawn(training(40, 10), 80, 24).text()[-1]


@pytest.mark.parametrize("value", [np.nan, -np.inf, np.inf, -5.0])
@pytest.mark.parametrize("color", [True, False])
def test_the_same_everywhere_is_drawn_too(value: float, color: bool) -> None:
    recent = Recent(np.arange(3), np.full((3, 1), value), "log10_grad_norm", np.full((3, 2), value))
    lines = drawn(recent, 80, 24, color=color).text()
    assert lines[1].startswith("gradient norm;")
    words = {"nan": "not finite", "inf": "not finite", "-inf": "0", "-5.0": "10^-5"}[str(value)]
    assert all(words in line for line in lines[3:5])


def test_a_loss_over_many_decades_is_drawn_by_its_logarithm() -> None:
    recent = training(40, 2)
    recent.loss[:] = 10.0 ** np.linspace(0, -6, 40)[:, None]
    line = drawn(recent, 80, 24, total=40).text()[2]
    assert line.endswith("1e-06 to 1, log scale")
    assert "▅▅" in line
    assert drawn(training(40, 2), 80, 24, total=40).text()[2].endswith("to 2.3")


def test_without_layers_there_is_the_loss() -> None:
    lines = drawn(training(40, 0), 80, 24).text()
    assert len(lines) == 4
    assert lines[1] == "no backward signal is recorded (record.quantities)"
    assert "█" in lines[2]


def test_a_long_training_stays_whole() -> None:
    """The first step is at the left and the last one at the right, however many there are."""
    for num_steps in (44, 45, 46, 500, 20_000):
        recent = training(num_steps, 2)
        recent.layers[:] = np.arange(num_steps)[:, None]
        cells = drawn(recent, 80, 24, total=10**6).text()[3].split()[1]
        assert 22 < len(cells) <= 45
        assert list(cells) == sorted(cells)
        assert cells[0] == "▁"
        assert cells[-1] in "▆▇█"


def test_layers_share_a_line_in_colour() -> None:
    screen = drawn(training(20, 51), 80, 24, color=True)
    line = screen.text()[3]
    assert line.split()[1] == "▀" * 20
    assert len(set(screen.styles[3:21, 7].tolist())) == 18


def test_the_scale_does_not_move_with_every_value() -> None:
    scale = Scale()
    ends = set()
    for value in np.linspace(-30.9, -30.1, 50):
        scale.fit(np.array([value, -0.5]))
        ends.add((scale.low, scale.high))
    assert len(ends) == 1
    scale.fit(np.array([-40.0, -0.5]))
    assert scale.low <= -40
    for _ in range(2):
        scale.fit(np.array([-30.0, -0.5]))
        assert scale.low <= -40, "it does not shrink for a quarter"
    scale.fit(np.array([-3.0, -0.5]))
    assert (scale.low, scale.high) == (-3, 0)
    scale.fit(np.array([np.nan, -np.inf]))
    assert (scale.low, scale.high) == (-3, 0)


@pytest.mark.parametrize("span", [0.0, 0.3, 5.0, 31.0, 77.7, 612.4, 9000.0, 1e9])
def test_a_scale_holds_its_values_and_wastes_little(span: float) -> None:
    low, high = whole_decades(-3.3 - span, -3.3)
    assert low <= -3.3 - span < -3.3 <= high or span == 0.0
    assert low == round(low)
    assert high - low <= max(1.3 * span, 3)
