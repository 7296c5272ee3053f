"""Profiles: what stands on the axes is what the view holds, theory's band beside it."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made.deep_runs import record
from pictured import NOWHERE, assert_same_bytes, caught, line, run, words

from gradlab.errors import SelectionError
from gradlab.report.figures import profiles
from gradlab.report.figures.canvas import BLUE, COLUMN, GREEN, PAGE, VERMILION
from gradlab.report.figures.profiles import draw_profiles
from gradlab.report.figures.sides import sides
from gradlab.results.record import Column


def test_one_run_at_its_first_and_last_step_with_theorys_band(monkeypatch: pytest.MonkeyPatch) -> None:
    (side,) = sides([run()])
    figure = caught(monkeypatch, profiles, lambda: draw_profiles([side], (), NOWHERE))
    assert figure.get_figwidth() == PAGE
    assert [ax.get_ylabel() for ax in figure.axes] == ["backward signal", "", "forward signal", ""]
    view = side.views[0]
    for ax, name in ((figure.axes[0], "log10_backward_rms"), (figure.axes[2], "forward_rms")):
        profile = next(one for one in view.profiles if one.quantity == name)
        assert profile.final is not None
        np.testing.assert_array_equal(
            line(ax, BLUE).get_xydata(), np.stack([np.arange(1, 7), profile.init.values[:6]], 1)
        )
        np.testing.assert_array_equal(line(ax, VERMILION).get_ydata(), profile.final.values[:6])
        assert profile.band is not None
        np.testing.assert_allclose(line(ax, "black").get_ydata(), profile.band.typical[:6])
        open_marks = [one for one in ax.lines if one.get_markerfacecolor() == "white"]
        assert [one.get_xydata().tolist() for one in open_marks] == [
            [[7.0, profile.init.values[6]]],
            [[7.0, profile.final.values[6]]],
        ]
    away = [one.backward.decades for one in view.theory]
    np.testing.assert_allclose(line(figure.axes[1], BLUE).get_ydata(), away[:6])
    reach = [2 * (one.backward.spread or 0.0) for one in view.theory][:6]
    widest = figure.axes[1].collections[0].get_paths()[0].vertices[:, 1]
    assert widest.max() == pytest.approx(max(reach))
    assert widest.min() == pytest.approx(-max(reach))
    told = words(figure)
    assert {"step 0", "step 19", "readout", "theory, typical", "± 1 sd over seeds", "± 2 sd"} <= set(told)
    assert any(view.id in one and "6 × 100 sigmoid" in one for one in told)


def test_without_theory_there_is_one_column(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = caught(
        monkeypatch, profiles, lambda: draw_profiles(sides([run()]), ("log10_grad_norm", "log10_update_ratio"), NOWHERE)
    )
    assert figure.get_figwidth() == COLUMN
    assert len(figure.axes) == 2
    assert not any("theory" in one for one in words(figure))


@pytest.mark.parametrize(("quantity", "told"), [("log10_grad_norm", False), ("log10_backward_rms", True)])
def test_the_small_print_of_several_tells_of_theory_where_it_is_drawn(
    quantity: str, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    several = sides([run("a"), run("b", depth=9)])
    figure = caught(monkeypatch, profiles, lambda: draw_profiles(several, (quantity,), NOWHERE))
    assert any("what theory expects" in one for one in words(figure)) is told


def test_seeds_are_a_median_with_their_range(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = []
    for seed, lift in enumerate((0.0, 1.0, 5.0)):
        kept = record(6, steps=20)
        kept.layers["log10_grad_norm"].values[:] += lift
        runs.append(run(seed=seed, kept=kept))
    figure = caught(monkeypatch, profiles, lambda: draw_profiles(sides(runs), ("log10_grad_norm",), NOWHERE))
    (ax,) = figure.axes
    base = record(6, steps=20).layers["log10_grad_norm"].values[0, :6]
    np.testing.assert_allclose(line(ax, BLUE).get_ydata(), base + 1.0)
    shade = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (shade.min(), shade.max()) == (pytest.approx(base.min()), pytest.approx(base.max() + 5.0))


@pytest.mark.parametrize(("value", "mark", "height"), [(-math.inf, "v", 0.0), (math.inf, "x", 1.0)])
def test_a_seed_beyond_the_axis_is_marked_and_the_range_reaches_it(
    value: float, mark: str, height: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = []
    for seed in range(3):
        kept = record(6, steps=20)
        kept.layers["log10_grad_norm"].values[:] += 0.1 * seed
        if seed == 1:
            kept.layers["log10_grad_norm"].values[0, 2] = value
        runs.append(run(seed=seed, kept=kept))
    figure = caught(monkeypatch, profiles, lambda: draw_profiles(sides(runs), ("log10_grad_norm",), NOWHERE))
    (ax,) = figure.axes
    assert np.isfinite(line(ax, BLUE).get_ydata()).all()
    assert [one.get_xydata().tolist() for one in ax.lines if one.get_marker() == mark] == [[[3.0, height]]]
    shade = ax.collections[0].get_paths()[0].vertices
    assert ax.get_ylim()[int(height)] in shade[shade[:, 0] == 3.0, 1]
    assert ("zero" if mark == "v" else "not finite") in words(figure)


def test_several_depths_lie_on_relative_depth(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = caught(
        monkeypatch, profiles, lambda: draw_profiles(sides([run(depth=3), run(depth=6)]), ("log10_grad_norm",), NOWHERE)
    )
    first, last = figure.axes
    assert first.get_xlabel().startswith("relative depth")
    assert line(first, BLUE).get_xdata().tolist() == [0.0, 0.5, 1.0]
    assert line(first, VERMILION).get_xdata().tolist() == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    np.testing.assert_allclose(
        line(last, VERMILION).get_ydata(), record(6, steps=20).layers["log10_grad_norm"].values[-1, :6]
    )
    assert {"depth 3", "depth 6", "first step", "last finite step"} <= set(words(figure))


def test_equal_depths_keep_their_layers_and_readout(monkeypatch: pytest.MonkeyPatch) -> None:
    other = replace(run("other"), experiment=run("other", depth=6).experiment.model_copy(update={"expect": ()}))
    changed = other.experiment.model_copy(update={"train": other.experiment.train.model_copy(update={"lr": 0.5})})
    figure = caught(
        monkeypatch,
        profiles,
        lambda: draw_profiles(sides([run(), replace(other, experiment=changed)]), (), NOWHERE),
    )
    assert figure.axes[2].get_xlabel() == "layer"
    assert line(figure.axes[0], BLUE).get_xdata().tolist() == [1, 2, 3, 4, 5, 6]
    assert sum(one.get_markerfacecolor() == "white" for one in figure.axes[0].lines) == 2


def test_zeros_and_what_is_not_finite_stand_at_the_edges(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = record(6, steps=20)
    kept.layers["log10_grad_norm"].values[0, :3] = [-math.inf, math.nan, math.inf]
    figure = caught(
        monkeypatch, profiles, lambda: draw_profiles(sides([run(kept=kept)]), ("log10_grad_norm",), NOWHERE)
    )
    (ax,) = figure.axes
    marks = {one.get_marker(): one.get_xydata().tolist() for one in ax.lines if one.get_marker() in ("v", "x")}
    assert marks == {"v": [[1.0, 0.0]], "x": [[2.0, 1.0], [3.0, 1.0]]}
    assert np.isnan(line(ax, BLUE).get_ydata()[:3]).all()
    assert {"zero", "not finite"} <= set(words(figure))


@pytest.mark.parametrize(
    ("value", "mark", "height"), [(-math.inf, "v", 0.0), (math.nan, "x", 1.0), (math.inf, "x", 1.0)]
)
def test_a_broken_layer_is_marked_relative_to_theory_too(
    value: float, mark: str, height: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = record(6, steps=20)
    kept.layers["log10_backward_rms"].values[0, 2] = value
    figure = caught(
        monkeypatch, profiles, lambda: draw_profiles(sides([run(kept=kept)]), ("log10_backward_rms",), NOWHERE)
    )
    for ax in figure.axes:
        marks = [one.get_xydata().tolist() for one in ax.lines if one.get_marker() == mark]
        assert marks == [[[3.0, height]]]
    assert np.isnan(line(figure.axes[1], BLUE).get_ydata()).tolist() == [place == 2 for place in range(6)]


@pytest.mark.parametrize(("value", "said"), [(-math.inf, "zero everywhere"), (math.nan, "no finite value")])
def test_a_panel_without_a_finite_value_says_so(value: float, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = record(6, steps=20)
    kept.layers["log10_grad_norm"].values[:] = value
    figure = caught(
        monkeypatch, profiles, lambda: draw_profiles(sides([run(kept=kept)]), ("log10_grad_norm",), NOWHERE)
    )
    assert [text.get_text() for text in figure.axes[0].texts] == [said]
    assert figure.axes[0].get_yticks().size == 0


def test_ticks_stay_right_far_beyond_floats(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = record(6, steps=20, decades_a_layer=200.0)
    figure = caught(
        monkeypatch, profiles, lambda: draw_profiles(sides([run(kept=kept)]), ("log10_grad_norm",), NOWHERE)
    )
    (ax,) = figure.axes
    labels = [text.get_text() for text in ax.get_yticklabels()]
    assert labels[:2] == ["$10^{-1200}$", "$10^{-900}$"]
    assert ax.get_yticks()[:2].tolist() == [-1200.0, -900.0]


def test_what_was_not_recorded_is_said_with_its_remedy() -> None:
    kept = record(6, steps=20)
    del kept.layers["log10_update_ratio"]  # type: ignore[attr-defined]
    chosen = sides([run(), run(kept=kept, depth=6, seed=1)])
    with pytest.raises(
        SelectionError, match=r"deep: log10_update_ratio was not recorded; -s record.quantities=default"
    ):
        draw_profiles(chosen, ("log10_update_ratio",), NOWHERE)


def test_a_default_that_was_not_recorded_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = record(6, steps=20)
    del kept.layers["forward_rms"]  # type: ignore[attr-defined]
    figure = caught(monkeypatch, profiles, lambda: draw_profiles(sides([run(kept=kept)]), (), NOWHERE))
    assert figure.axes[0].get_ylabel() == "backward signal"
    assert "forward signal" not in words(figure)


@pytest.mark.parametrize("ending", ["svg", "png", "pdf"])
def test_files_are_the_same_each_time(ending: str, tmp_path: Path) -> None:
    chosen = sides([run(), run("x", seed=1)])
    assert_same_bytes(lambda file: draw_profiles(chosen, ("log10_backward_rms",), file), tmp_path, ending)


@pytest.mark.parametrize(("depth", "steps"), [(1, 1), (1, 20), (2, 1)])
def test_small_runs_are_drawn(depth: int, steps: int, tmp_path: Path) -> None:
    small = run(depth=depth, kept=record(depth, steps=steps))
    draw_profiles(sides([small]), (), tmp_path / "a.png")
    draw_profiles(sides([small, run()]), ("log10_backward_rms",), tmp_path / "b.png")


def test_two_thousand_layers_make_a_small_file_that_keeps_its_extremes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = record(2000, steps=2)
    values = kept.layers["log10_grad_norm"].values
    values[0] = np.random.default_rng(0).standard_normal(2001)
    values[0, 1234], values[0, 77] = 9.0, -9.0
    chosen = sides([run(depth=2000, kept=kept)])
    draw_profiles(chosen, ("log10_grad_norm",), tmp_path / "a.svg")
    assert (tmp_path / "a.svg").stat().st_size < 150_000
    (ax,) = caught(monkeypatch, profiles, lambda: draw_profiles(chosen, ("log10_grad_norm",), NOWHERE)).axes
    drawn = line(ax, BLUE).get_xydata()
    assert len(drawn) < 700
    assert [1235.0, 9.0] in drawn.tolist()
    assert [78.0, -9.0] in drawn.tolist()
    assert drawn[0, 0] == 1.0
    assert drawn[-1, 0] == 2000.0


def test_names_are_shown_as_they_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    odd = []
    for number, name in enumerate(["_hidden", "$x_1$", "<script>alert(1)</script>", "漢 \U0001f600 שלום", "a\\b$"]):
        made = run(depth=number + 2)
        odd.append(replace(made, experiment=made.experiment.model_copy(update={"name": name})))
    chosen = sides(odd)
    draw_profiles(chosen, ("log10_grad_norm",), tmp_path / "a.svg")
    assert b"<script>" not in (tmp_path / "a.svg").read_bytes()
    figure = caught(monkeypatch, profiles, lambda: draw_profiles(chosen, ("log10_grad_norm",), NOWHERE))
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "_hidden", "$x_1$", "<script>alert(1)</script>", "\ufffd \U0001f600 שלום", "a\\b$",
    ]  # fmt: skip
    assert not any(text.get_parse_math() for text in legend.get_texts())


def test_a_null_is_a_gap_and_no_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = record(6, steps=20)
    column = kept.layers["log10_grad_norm"]
    present = column.present.copy()
    present[:, 2] = False
    kept.layers["log10_grad_norm"] = Column(column.values, present)  # type: ignore[index]
    (ax,) = caught(
        monkeypatch, profiles, lambda: draw_profiles(sides([run(kept=kept)]), ("log10_grad_norm",), NOWHERE)
    ).axes
    assert np.isnan(line(ax, BLUE).get_ydata()).tolist() == [False, False, True, False, False, False]
    assert not any(one.get_marker() in ("v", "x") for one in ax.lines)
    assert not any(one.get_color() == GREEN for one in ax.lines)
