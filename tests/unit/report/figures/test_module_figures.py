"""Figures of somebody's own modules: rows by name, lines along the chains, the rows between as points."""

from pathlib import Path

import numpy as np
import pytest
from made.module_runs import ODD_NAMES, module_record, module_run, one_run, plain, transformer, watched
from pictured import NOWHERE, assert_same_bytes, caught, line, run, words

from gradlab.errors import SelectionError
from gradlab.report.figures import heatmaps, module_profiles, profiles
from gradlab.report.figures.canvas import BLUE, COLUMN, PAGE, VERMILION
from gradlab.report.figures.heatmaps import draw_heatmaps
from gradlab.report.figures.names import with_room, written
from gradlab.report.figures.profiles import draw_profiles
from gradlab.report.figures.sides import sides
from gradlab.report.figures.spectra import draw_spectra


def labels(axis: object) -> list[str]:
    return [text.get_text() for text in axis.get_ticklabels()]  # type: ignore[attr-defined]


def test_a_line_goes_along_the_blocks_and_the_rows_between_are_points(monkeypatch: pytest.MonkeyPatch) -> None:
    deep = one_run("resnet")
    assert deep.record is not None
    assert deep.record.rows is not None
    figure = caught(monkeypatch, module_profiles, lambda: draw_profiles(sides([deep]), (), NOWHERE))
    assert [ax.get_ylabel() for ax in figure.axes] == ["backward signal, norm", "gradient norm"]
    assert figure.get_figwidth() == PAGE
    chain = list(deep.record.rows.chains[0])
    signal = deep.record.layers["log10_backward_norm"].values
    solid = next(one for one in figure.axes[0].lines if one.get_linestyle() == "-" and one.get_color() == BLUE)
    np.testing.assert_array_equal(solid.get_xdata(), np.array(chain) + 1)
    np.testing.assert_array_equal(solid.get_ydata(), signal[0, chain])
    faint = next(one for one in figure.axes[0].lines if one.get_marker() == "." and one.get_color() == VERMILION)
    assert len(faint.get_xdata()) == len(deep.record.rows.names) - len(chain) - 1
    hollow = [one for one in figure.axes[0].lines if one.get_markerfacecolor() == "white"]
    assert [one.get_xdata().tolist() for one in hollow] == [[49.0], [49.0]]
    assert {"step 0", "step 195", "rows in the blocks", "readout"} <= set(words(figure))
    assert {"conv1", "layer1.0", "layer4.1", "fc"} <= set(labels(figure.axes[-1].xaxis))


def test_a_module_with_two_chains_has_two_lines_and_no_readout(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = caught(monkeypatch, module_profiles, lambda: draw_profiles(sides([one_run("gan")]), (), NOWHERE))
    assert figure.get_figwidth() == COLUMN
    solid = [one for one in figure.axes[0].lines if one.get_linestyle() == "-"]
    assert [one.get_xdata().tolist() for one in solid] == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert "readout" not in words(figure)


def test_of_many_rows_the_blocks_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = caught(monkeypatch, module_profiles, lambda: draw_profiles(sides([one_run("transformer")]), (), NOWHERE))
    named = labels(figure.axes[-1].xaxis)
    assert {f"blocks.{block}" for block in range(24)} <= set(named)
    assert not any("attn" in name for name in named)
    deeper = module_run(watched("deeper"), module_record(transformer(200)))
    figure = caught(monkeypatch, module_profiles, lambda: draw_profiles(sides([deeper]), (), NOWHERE))
    named = labels(figure.axes[-1].xaxis)
    assert {"blocks.0", "blocks.199"} <= set(named)
    assert len(named) < 80


def test_names_are_shown_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = caught(monkeypatch, module_profiles, lambda: draw_profiles(sides([one_run("odd")]), (), NOWHERE))
    named = labels(figure.axes[-1].xaxis)
    assert r"\$x^2\$" in named  # as matplotlib is told not to take it for a formula
    assert "<script>alert(1)</script>" in named
    assert len(set(named)) == len(named) == len(ODD_NAMES)
    assert max(map(len, named)) <= 26
    assert written(["a" * 40 + "b"], [0], 10) == ["aa…aaaaaab"]


def test_a_heatmap_names_the_rows_that_have_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = caught(monkeypatch, heatmaps, lambda: draw_heatmaps(sides([one_run("resnet")]), None, NOWHERE))
    named = labels(figure.axes[0].yaxis)
    assert named[0] == "conv1"
    assert not any("bn" in name for name in named)  # a normalisation has no gradient of a matrix
    assert any("rows in order of first use" in one for one in words(figure))
    figure = caught(
        monkeypatch,
        heatmaps,
        lambda: draw_heatmaps(sides([one_run("lstm"), one_run("gan")]), "log10_backward_norm", NOWHERE),
    )
    assert labels(figure.axes[0].yaxis) == ["lstm.layer0", "lstm.layer1", "head"]
    assert labels(figure.axes[1].yaxis)[0] == "generator.0"


def test_modules_and_dense_networks_are_overlaid_by_relative_depth(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = caught(
        monkeypatch,
        profiles,
        lambda: draw_profiles(sides([run(), one_run("resnet")]), ("log10_backward_rms",), NOWHERE),
    )
    np.testing.assert_allclose(line(figure.axes[0], VERMILION).get_xdata(), np.arange(8) / 7)
    assert any("of a module: along its longest chain of blocks or rows" in one for one in words(figure))


def test_a_line_goes_past_rows_without_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    record = module_record(plain(6))
    record.layers["log10_grad_norm"].present[:, 2] = False
    gap = module_run(watched("gap"), record)
    figure = caught(monkeypatch, module_profiles, lambda: draw_profiles(sides([gap]), ("log10_grad_norm",), NOWHERE))
    solid = next(one for one in figure.axes[0].lines if one.get_linestyle() == "-")
    assert solid.get_xdata().tolist() == [1, 2, 4, 5]


def test_what_is_not_of_a_module_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        SelectionError, match="this network is a module of your own; --kind profile and heatmap show it"
    ):
        draw_spectra(sides([one_run("resnet")]), tmp_path / "x.png")


def test_figures_of_a_module_have_the_same_bytes(tmp_path: Path) -> None:
    assert_same_bytes(lambda path: draw_profiles(sides([one_run("odd")]), (), path), tmp_path, "svg")


def test_names_that_do_not_fit_are_left_out() -> None:
    assert with_room(3, (), 1.0) == [0, 1, 2]
    assert with_room(1000, [0, 999, 500], 1.0) == [0, 500, 999]
