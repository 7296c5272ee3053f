"""Singular values: all of some layers, or the extremes of all, beside theory's root mean square."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made.deep_runs import column, record
from pictured import NOWHERE, assert_same_bytes, caught, line, run, words

from gradlab.config.experiment import Experiment
from gradlab.drawing import figure
from gradlab.errors import SelectionError, UsageError
from gradlab.report.figures import spectra
from gradlab.report.figures.canvas import BLUE, COLUMN, GREEN, PAGE, VERMILION
from gradlab.report.figures.sides import sides
from gradlab.report.figures.spectra import draw_spectra, refuse_other_networks
from gradlab.results.record import Column, Record, Spectrum


def with_spectrum(values: Any, layers: Any = (1, 3), steps: Any = (0, 19), present: Any = True) -> Record:
    """A record with these singular values, log10 [S, K, E, N]."""
    kept = Spectrum(np.array(steps), np.array(layers), column(values, present))
    return replace(record(6, steps=20), spectrum=kept)


def some(seed: int = 0, shape: tuple[int, ...] = (2, 2, 3, 8)) -> Any:
    return -np.sort(np.random.default_rng(seed).exponential(2.0, shape), axis=-1)


def with_extremes(depth: int = 6, **changed: Any) -> Record:
    kept = record(depth, steps=20)
    taken = np.zeros((20, depth + 1), dtype=bool)
    taken[[0, 19], : depth - 1] = True
    for lift, name in enumerate(("min", "mean", "max")):
        values = np.broadcast_to(lift - np.arange(depth + 1.0)[::-1], taken.shape) + np.arange(20.0)[:, None]
        kept.layers[f"jacobian_log10_s_{name}"] = Column(values.copy(), taken.copy())  # type: ignore[index]
    for name, value in changed.items():
        kept.layers[name].values[0, 0] = value
    return kept


def test_a_panel_a_layer_with_its_steps_and_theory(monkeypatch: pytest.MonkeyPatch) -> None:
    values = some()
    chosen = sides([run(kept=with_spectrum(values))])
    figure = caught(monkeypatch, spectra, lambda: draw_spectra(chosen, NOWHERE))
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["from layer 1", "from layer 3"]
    view = chosen[0].views[0]
    for place, ax in enumerate(figure.axes):
        for row, color in enumerate((BLUE, VERMILION)):
            drawn = line(ax, color)
            assert drawn.get_xdata().tolist() == list(range(1, 9))
            np.testing.assert_allclose(drawn.get_ydata(), np.median(values[row, place], axis=0))
            (root,) = [one for one in ax.lines if one.get_color() == color and len(one.get_xdata()) == 1]
            assert root.get_ydata()[0] == pytest.approx(0.5 * math.log10(np.mean(10.0 ** (2 * values[row, place]))))
        (theory,) = [one for one in ax.lines if one.get_color() == "black"]
        assert theory.get_ydata()[0] == view.theory[2 * place].backward.expected
    assert {"step 0", "step 19", "root mean square", "the same by theory, at step 0"} <= set(words(figure))
    assert any("median and range over 3 examples" in one for one in words(figure))


def test_seeds_are_pooled(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [some(seed) for seed in range(3)]
    runs = [run(seed=seed, kept=with_spectrum(part)) for seed, part in enumerate(parts)]
    figure = caught(monkeypatch, spectra, lambda: draw_spectra(sides(runs), NOWHERE))
    pooled = np.concatenate([part[0, 0] for part in parts])
    np.testing.assert_allclose(line(figure.axes[0], BLUE).get_ydata(), np.median(pooled, axis=0))
    assert any("over 9 examples" in one for one in words(figure))


def test_zeros_and_what_cannot_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    values = some()
    values[..., 6:] = -math.inf
    present = np.ones(values.shape, dtype=bool)
    present[..., 5] = False
    chosen = sides([run(kept=with_spectrum(values, present=present))])
    figure = caught(monkeypatch, spectra, lambda: draw_spectra(chosen, NOWHERE))
    ax = figure.axes[0]
    assert np.isnan(line(ax, BLUE).get_ydata()).tolist() == [False] * 5 + [True] * 3
    zeros = [one.get_xdata().tolist() for one in ax.lines if one.get_marker() == "v"]
    assert zeros == [[7.0, 8.0]] * 2
    root = next(one for one in ax.lines if one.get_color() == BLUE and len(one.get_xdata()) == 1)
    kept = np.where(present, values, -math.inf)[0, 0]
    assert root.get_ydata()[0] == pytest.approx(0.5 * math.log10(np.mean(10.0 ** (2 * kept))))
    assert "zero" in words(figure)


def test_many_layers_and_steps_are_thinned_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = with_spectrum(some(shape=(7, 9, 2, 4)), layers=range(1, 10), steps=range(0, 14, 2))
    chosen = sides([run(depth=12, kept=replace(record(12, steps=20), spectrum=kept.spectrum))])
    figure = caught(monkeypatch, spectra, lambda: draw_spectra(chosen, NOWHERE))
    assert [ax.get_title(loc="left") for ax in figure.axes] == [f"from layer {layer}" for layer in (1, 4, 6, 9)]
    assert any("4 of 9 recorded layers; 4 of 7 steps" in one for one in words(figure))
    assert {"step 0", "step 12"} <= set(words(figure))


def test_experiments_with_other_layers_have_their_own_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    other = replace(record(4, steps=20), spectrum=with_spectrum(some(shape=(1, 1, 2, 5)), (2,), (0,)).spectrum)
    chosen = sides([run("a", kept=with_spectrum(some())), run("b", depth=4, kept=other)])
    figure = caught(monkeypatch, spectra, lambda: draw_spectra(chosen, NOWHERE))
    assert figure.get_figwidth() == PAGE
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["from layer 1", "from layer 3", "from layer 2"]
    assert {"a", "b", "first step", "last step"} <= set(words(figure))


def test_a_single_layer_takes_a_column(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = sides([run(kept=with_spectrum(some(shape=(1, 1, 1, 1)), (1,), (0,)))])
    assert caught(monkeypatch, spectra, lambda: draw_spectra(chosen, NOWHERE)).get_figwidth() == COLUMN


def test_extremes_over_the_layers_where_only_they_were_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = sides([run(kept=with_extremes())])
    figure = caught(monkeypatch, spectra, lambda: draw_spectra(chosen, NOWHERE))
    first, last = figure.axes
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["step 0", "step 19"]
    for color, lift in ((GREEN, 0), (BLUE, 1), (VERMILION, 2)):
        np.testing.assert_allclose(line(first, color).get_ydata(), lift - np.arange(7.0)[::-1][:5])
        np.testing.assert_allclose(line(last, color).get_ydata(), 19 + lift - np.arange(7.0)[::-1][:5])
    expected = [one.backward.expected for one in chosen[0].views[0].theory][:5]
    np.testing.assert_allclose(line(first, "black").get_ydata(), expected)
    assert not [one for one in last.lines if one.get_color() == "black"]
    assert {"largest", "mean", "smallest", "root mean square by theory"} <= set(words(figure))


def test_extremes_of_several_depths(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = sides([run("a", kept=with_extremes()), run("b", depth=4, kept=with_extremes(4))])
    figure = caught(monkeypatch, spectra, lambda: draw_spectra(chosen, NOWHERE))
    assert len(figure.axes) == 6
    assert [ax.get_ylabel() for ax in figure.axes[::2]] == [
        "largest singular value", "mean singular value", "smallest singular value",
    ]  # fmt: skip
    assert line(figure.axes[0], VERMILION).get_xdata().tolist() == pytest.approx([0.0, 1 / 3, 2 / 3])


def test_a_step_that_is_not_finite_is_not_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = with_extremes()
    for name in ("min", "mean", "max"):
        kept.layers[f"jacobian_log10_s_{name}"].values[19, :5] = math.nan
    figure = caught(monkeypatch, spectra, lambda: draw_spectra(sides([run(kept=kept)]), NOWHERE))
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["step 0", "step 0"]


def test_what_to_record_is_said() -> None:
    with pytest.raises(SelectionError, match=r"b: no singular values were recorded; -s record\.spectrum=1 keeps"):
        draw_spectra(sides([run("a", kept=with_spectrum(some())), run("b", depth=4)]), NOWHERE)
    with pytest.raises(SelectionError, match="one hidden layer has no Jacobian"):
        draw_spectra(sides([run(depth=1)]), NOWHERE)
    many = [run(str(depth), depth=depth, kept=replace(record(depth), spectrum=with_spectrum(some()).spectrum))
            for depth in range(4, 11)]  # fmt: skip
    with pytest.raises(UsageError, match="room for 6 experiments, and these are 7"):
        draw_spectra(sides(many), NOWHERE)


def test_a_network_that_has_no_such_jacobian_is_not_told_to_record_it() -> None:
    plain = run("a")
    model = plain.experiment.model_dump(mode="json", exclude_unset=True)["model"] | {"residual": 0.1}
    other = replace(plain, experiment=Experiment.model_validate({"name": "b", "model": model}))
    refuse_other_networks([plain])
    with pytest.raises(
        SelectionError, match=r"b: .* Jacobian of a plain dense network, and this network has model\.residual 0\.1;"
    ):
        refuse_other_networks([plain, other])
    with pytest.raises(SelectionError, match=r"this network has model\.residual 0\.1"):
        figure("spectrum", [other])


@pytest.mark.parametrize("kept", [with_spectrum(some()), with_extremes()], ids=["values", "extremes"])
def test_spectrum_files_are_the_same_each_time(kept: Record, tmp_path: Path) -> None:
    chosen = sides([run(kept=kept)])
    assert_same_bytes(lambda file: draw_spectra(chosen, file), tmp_path, "svg")
