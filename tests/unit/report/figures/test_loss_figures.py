"""Loss and accuracy over the steps, constant answers, what was held out, and where runs diverged."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made.deep_runs import column, record
from pictured import NOWHERE, assert_same_bytes, caught, line, run, words

from gradlab.errors import SelectionError
from gradlab.report.figures import losses
from gradlab.report.figures.canvas import BLUE, COLUMN, PAGE, VERMILION
from gradlab.report.figures.losses import draw_losses
from gradlab.report.figures.sides import sides
from gradlab.results.record import Outcome, Record


def recorded(loss: Any, constant: float | None = math.log(10), depth: int = 3, **figures: Any) -> Record:
    """A record with these losses."""
    kept = record(depth, steps=len(loss))
    kept.figures["loss"] = column(loss)  # type: ignore[index]
    kept.figures.update(figures)  # type: ignore[attr-defined]
    return replace(kept, constant_loss=constant, constant_accuracy=0.1)


def drawn(monkeypatch: pytest.MonkeyPatch, *runs: Any, quantities: tuple[str, ...] = ()) -> Any:
    return caught(monkeypatch, losses, lambda: draw_losses(sides(list(runs)), quantities, NOWHERE))


def crosses(ax: Any) -> list[list[float]]:
    return [one.get_xydata()[0].tolist() for one in ax.lines if one.get_marker() == "x"]


def test_one_run_with_its_constant_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = drawn(monkeypatch, run(depth=3, kept=recorded([2.5, 2.4, 2.3])))
    assert figure.get_figwidth() == COLUMN
    loss, accuracy = figure.axes
    assert line(loss, BLUE).get_ydata().tolist() == [2.5, 2.4, 2.3]
    assert [text.get_text() for text in loss.texts] == ["2.303 ≈ ln 10"]
    assert loss.lines[0].get_ydata() == [math.log(10)] * 2
    assert [text.get_text() for text in accuracy.texts] == ["0.1"]
    assert accuracy.get_ylim() == (-0.03, 1.03)
    assert {"training batch", "best constant answer"} <= set(words(figure))
    assert loss.get_ylim()[1] - loss.get_ylim()[0] >= 0.1 * 2.5


def test_many_decades_have_a_logarithmic_axis_and_few_a_plain_one(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = drawn(monkeypatch, run(depth=3, kept=recorded([1.0, 1e3, 1e30])))
    np.testing.assert_allclose(line(figure.axes[0], BLUE).get_ydata(), [0.0, 3.0, 30.0])
    assert "$10^{30}$" in [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert figure.axes[0].lines[0].get_ydata()[0] == pytest.approx(math.log10(math.log(10)), abs=1e-3)


def test_a_loss_of_zero_stands_on_the_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = drawn(monkeypatch, run(depth=3, kept=recorded([1.0, 0.01, 0.0])))
    assert [one.get_xydata().tolist() for one in figure.axes[0].lines if one.get_marker() == "v"] == [[[2.0, 0.0]]]
    assert "zero" in words(figure)


def test_divergence_is_a_cross_at_the_last_finite_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = recorded([1.0, 2.0, 3.0, math.nan])
    made = run(depth=3, kept=kept, outcome=Outcome("diverged", 3, 1), verdict="diverged")
    figure = drawn(monkeypatch, made)
    assert crosses(figure.axes[0]) == [[3.0, 3.0]]
    assert words(figure).count("not finite") == 1
    assert np.isnan(line(figure.axes[0], BLUE).get_ydata()[3])


def test_a_run_that_diverges_at_once_is_said_to(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = recorded([math.nan])
    made = run(depth=3, kept=kept, outcome=Outcome("diverged", 0, 1), verdict="diverged")
    figure = drawn(monkeypatch, made)
    assert crosses(figure.axes[0]) == [[0.0, 1.0]]
    assert "no finite value" in words(figure)


def test_held_out_figures_are_open_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    held = {"holdout_loss": column([2.6, 0.0, 2.2], [True, False, True])}
    figure = drawn(monkeypatch, run(depth=3, kept=recorded([2.5, 2.4, 2.3], **held)))
    (marks,) = [one for one in figure.axes[0].lines if one.get_markerfacecolor() == "white"]
    assert marks.get_xydata().tolist() == [[0.0, 2.6], [2.0, 2.2]]
    assert "held out" in words(figure)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_held_out_figure_that_is_not_finite_is_marked(value: float, monkeypatch: pytest.MonkeyPatch) -> None:
    held = {"holdout_loss": column([2.6, value, 2.2])}
    kept = recorded([2.5, 2.4, 2.3], **held)
    figure = drawn(monkeypatch, run(depth=3, kept=kept), quantities=("loss",))
    assert crosses(figure.axes[0]) == [[1.0, 1.0]]
    assert {"held out", "not finite"} <= set(words(figure))
    whole = run(depth=3, seed=1, kept=recorded([2.5, 2.4, 2.3], holdout_loss=column([2.6, 2.4, 2.2])))
    assert "not finite" not in words(drawn(monkeypatch, whole, quantities=("loss",)))
    seeds = drawn(monkeypatch, run(depth=3, kept=kept), whole, quantities=("loss",))
    assert crosses(seeds.axes[0]) == [[1.0, 1.0]]


def test_seeds_that_end_early_leave_the_median_to_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    short = recorded([1.0, math.nan])
    runs = [
        run(depth=3, seed=0, kept=recorded([1.0, 2.0, 3.0])),
        run(depth=3, seed=1, kept=recorded([3.0, 4.0, 9.0])),
        run(depth=3, seed=2, kept=short, outcome=Outcome("diverged", 1, 1)),
    ]
    figure = drawn(monkeypatch, *runs, quantities=("loss",))
    assert line(figure.axes[0], BLUE).get_ydata().tolist() == [1.0, 4.0, 6.0]
    assert crosses(figure.axes[0]) == [[1.0, 1.0]]


def test_several_experiments_are_overlaid_with_each_constant_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = drawn(
        monkeypatch,
        run("a", depth=3, kept=recorded([2.5, 2.4])),
        run("b", depth=4, kept=recorded([2.0, 1.0, 0.7], constant=math.log(2), depth=4)),
    )
    assert figure.get_figwidth() == PAGE
    assert line(figure.axes[0], BLUE).get_xdata().tolist() == [0, 1]
    assert line(figure.axes[0], VERMILION).get_xdata().tolist() == [0, 1, 2]
    assert [text.get_text() for text in figure.axes[0].texts] == ["0.6931 ≈ ln 2", "2.303 ≈ ln 10"]
    assert "training batch" not in words(figure)


def test_a_regression_has_no_accuracy(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = recorded([1.0, 0.9], constant=0.98)
    del kept.figures["accuracy"]  # type: ignore[attr-defined]
    figure = drawn(monkeypatch, run(depth=3, kept=kept))
    assert [ax.get_ylabel() for ax in figure.axes] == ["loss"]
    assert [text.get_text() for text in figure.axes[0].texts] == ["0.98"]
    with pytest.raises(SelectionError, match="accuracy: not recorded of deep: its targets are numbers"):
        draw_losses(sides([run(depth=3, kept=kept)]), ("accuracy",), NOWHERE)
    with pytest.raises(SelectionError, match=r"clip_factor: .*train.clip_norm"):
        draw_losses(sides([run(depth=3, kept=kept)]), ("clip_factor",), NOWHERE)


def test_ten_thousand_steps_make_a_small_file(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).uniform(1.0, 2.0, 10_000)
    draw_losses(sides([run(depth=3, kept=recorded(noise))]), (), tmp_path / "a.svg")
    assert (tmp_path / "a.svg").stat().st_size < 120_000


def test_loss_files_are_the_same_each_time(tmp_path: Path) -> None:
    chosen = sides([run("a", depth=3, kept=recorded([2.5, 2.4])), run("b", depth=4, kept=recorded([2.0], depth=4))])
    assert_same_bytes(lambda file: draw_losses(chosen, (), file), tmp_path, "svg")
