"""The page of a run in Chromium: what its figures show, to the eye, the pointer and the keyboard, is what was recorded."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from figure_hands import hover, page_of, power, recorded, settled, spot, tip, traces, until
from page_watch import OpenPage
from playwright.sync_api import Page, expect

import gradlab
from gradlab.cli.main import main
from gradlab.config.quantities import GRIDS, QUANTITIES
from gradlab.results.stored import StoredRun

pytestmark = pytest.mark.browser

Axe = Callable[[Page], list[str]]

TINY = {
    "name": "tiny",
    "model": {"depth": 60, "width": 8, "activation": "tanh", "init": {"scheme": "normal", "std": 1e-11}},
    "data": {"source": "xor", "samples": 80},
    "train": {"steps": 4},
}
"""Gradients far below what any float holds."""

STILL = {
    "name": "still",
    "model": {"depth": 6, "width": 16, "activation": "tanh"},
    "data": {"source": "digits"},
    "train": {"steps": 150, "lr": 1e-7},
}
"""Updates so small that nothing is learned, which the heatmap of the update ratios shows."""

DRAWN = tuple(name for name in GRIDS if QUANTITIES[name].only is None)
"""The heatmaps of a run in float32 that records everything."""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> StoredRun:
    """A run whose gradient in layer 1 is about 10^-640, recorded by default."""
    out = tmp_path_factory.mktemp("tiny")
    (run,) = gradlab.run(TINY, out=out)
    assert main(["report", run.id, "--out", str(out)]) == 0
    return run


@pytest.mark.parametrize(
    ("width", "theme"),
    [
        (360, "dark"),
        pytest.param(360, "light", marks=pytest.mark.slow),
        pytest.param(1440, "light", marks=pytest.mark.slow),
        pytest.param(1440, "dark", marks=pytest.mark.slow),
    ],
)
def test_it_is_silent_fits_and_is_accessible(
    small: list[StoredRun],
    open_page: OpenPage,
    draw: Callable[[Page], int],
    axe: Axe,
    overflow: Callable[[Page], int],
    width: int,
    theme: str,
) -> None:
    page = open_page(page_of(small[0]), width, theme)
    assert draw(page) == 9  # four profiles, heatmap, three curves, seeds
    assert overflow(page) == 0
    assert axe(page) == []
    assert page.title() == "small: vanishing"
    assert page.locator("h1").inner_text() == "small: vanishing"
    assert page.locator("html").get_attribute("data-theme") == theme


def test_the_switch_shows_each_quantity_as_recorded(small: list[StoredRun], open_page: OpenPage) -> None:
    page = open_page(page_of(small[0]))
    settled(page, "heatmap-plot")
    offered = page.locator("#switch input").evaluate_all("(all) => all.map((one) => one.value)")
    assert sorted(offered) == sorted(DRAWN)
    for quantity in offered:
        page.locator(f"#switch input[value={quantity}]").check(force=True)
        page.evaluate("gradlab.figures.find((one) => one.element.id === 'heatmap-plot').busy")
        values, present = recorded(small[0], quantity)
        shown = np.where(present & np.isfinite(values), values, np.nan)
        if quantity == "forward_rms":
            with np.errstate(divide="ignore"):
                shown = np.log10(shown)
        z = np.array(
            [[math.nan if cell is None else cell for cell in row] for row in traces(page, "heatmap-plot")[0]["z"]]
        )
        np.testing.assert_array_equal(z, np.where(np.isinf(shown), np.nan, shown), err_msg=quantity)
        expect(page.locator("#heatmap-note")).to_contain_text(f"({quantity}")


def test_what_was_not_recorded_is_switched_off_and_says_so(tiny: StoredRun, open_page: OpenPage) -> None:
    page = open_page(page_of(tiny))
    off = page.locator("#switch input:disabled")
    assert off.evaluate_all("(all) => all.map((one) => one.value)") == ["inactive_fraction"]
    label = page.locator("#switch label:has(input:disabled)")
    assert label.inner_text() == "inactive (not recorded)"
    assert "record.quantities: all" in (label.get_attribute("title") or "")


def expected_lines(run: StoredRun, quantity: str, layer: int, step: int) -> list[str]:
    """The first two lines of the tip over a cell, from the record."""
    values, present = recorded(run, quantity)
    value = float(values[layer - 1, step])
    where = f"layer {layer}, step {step}"
    if not present[layer - 1, step]:
        return [where, "– (has no meaning here)"]
    log10 = value if quantity.startswith("log10_") else math.log10(value) if value > 0 else -math.inf
    if quantity.startswith("log10_") or quantity == "forward_rms":
        if log10 == -math.inf:
            return [where, "0 (every entry is zero; log10 −inf)"]
        return [where, f"{power(log10)} (log10 {log10:.2f})"]
    if quantity in ("activation_std", "activation_mean", "sample_correlation"):
        return [where, f"{float(f'{value:.5g}'):.10g}"]
    return [where, f"{value:.3f}"]


def test_hover_and_keys_show_what_layers_parquet_has(small: list[StoredRun], open_page: OpenPage) -> None:
    run = small[0]
    page = open_page(page_of(run), reduced_motion="reduce")
    figure = settled(page, "heatmap-plot")
    for quantity in DRAWN:
        page.locator(f"#switch input[value={quantity}]").check(force=True)
        settled(page, "heatmap-plot")
        values, present = recorded(run, quantity)
        for layer, step in [(1, 0), (13, 29), (7, 11)]:
            shown = hover(page, "heatmap-plot", step, layer - 1)
            assert [shown[0], shown[1].partition(": ")[2]] == expected_lines(run, quantity, layer, step)
            if not present[layer - 1, step] or not math.isfinite(values[layer - 1, step]):
                continue
            name, _, exact = shown[2].partition(" ")
            assert name == quantity
            if quantity == "forward_rms":  # drawn as its log10
                assert float(exact) == pytest.approx(values[layer - 1, step], rel=1e-11)
            else:
                assert float(exact) == values[layer - 1, step]
        page.mouse.move(2, 2)
        figure.focus()
        for key in ("Home", "End", "PageUp", "PageUp", "ArrowLeft", "ArrowDown"):
            page.keyboard.press(key)
        assert [tip(page)[0], tip(page)[1].partition(": ")[2]] == expected_lines(run, quantity, 2, 28)
        page.keyboard.press("Escape")
        expect(page.locator("#tip")).to_be_hidden()


def test_powers_are_right_where_no_float_reaches(tiny: StoredRun, open_page: OpenPage) -> None:
    page = open_page(page_of(tiny))
    value = float(recorded(tiny, "log10_grad_norm")[0][0, 2])
    assert value < -600
    settled(page, "heatmap-plot")
    shown = hover(page, "heatmap-plot", 2, 0)
    assert shown[1] == f"gradient norm: {power(value)} (log10 {value:.2f})"
    assert "·10⁻⁶" in shown[1]
    assert float(shown[2].removeprefix("log10_grad_norm ")) == value
    settled(page, "profile-log10_grad_norm")
    first = float(recorded(tiny, "log10_grad_norm")[0][0, 0])
    assert hover(page, "profile-log10_grad_norm", 1, first)[1] == f"step 0: {power(first)} (log10 {first:.2f})"
    ticks = page.locator("#profile-log10_grad_norm .ytick text").all_text_contents()
    assert "10⁻⁶⁰⁰" in ticks


def test_profiles_and_curves_show_values_steps_and_theory(small: list[StoredRun], open_page: OpenPage) -> None:
    run = small[0]
    page = open_page(page_of(run), reduced_motion="reduce")
    settled(page, "profile-log10_backward_rms")
    values = recorded(run, "log10_backward_rms")[0]
    shown = hover(page, "profile-log10_backward_rms", 5, values[4, 0])
    assert shown[:3] == [
        "layer 5",
        f"step 0: {power(values[4, 0])} (log10 {values[4, 0]:.2f})",
        f"step 29: {power(values[4, -1])} (log10 {values[4, -1]:.2f})",
    ]
    assert shown[3].startswith("theory: ")
    assert "± 0." in shown[3]
    assert hover(page, "profile-log10_backward_rms", 13, values[12, 0])[0] == "layer 13, the readout"
    settled(page, "curve-loss")
    loss = run.record.figures["loss"].values
    assert hover(page, "curve-loss", 17, loss[17]) == ["step 17", f"loss: {float(f'{loss[17]:.5g}'):.10g}"]
    ends = hover(page, "curve-loss", 29, loss[29])
    assert ends[0] == "step 29"
    held_out = run.record.figures["holdout_loss"].values[29]
    assert ends[2] == f"held-out loss: {float(f'{held_out:.5g}'):.10g}"


def test_figures_are_walked_with_the_arrow_keys(small: list[StoredRun], open_page: OpenPage) -> None:
    page = open_page(page_of(small[0]), reduced_motion="reduce")
    for figure, unit in [("profile-forward_rms", "layer"), ("curve-accuracy", "step"), ("seeds-plot", "seed")]:
        settled(page, figure).focus()
        page.keyboard.press("ArrowRight")
        first = tip(page)[0]
        page.keyboard.press("ArrowRight")
        second = tip(page)[0]
        assert first.startswith(unit)
        assert second.startswith(unit)
        assert first != second
        page.keyboard.press("Home")
        assert tip(page)[0] == first


def test_a_finding_leads_to_its_picture_and_marks_it(small: list[StoredRun], open_page: OpenPage) -> None:
    page = open_page(page_of(small[0]), reduced_motion="reduce")
    finding = next(one for one in small[0].summary.findings if one.rule == "vanishing")
    link = page.locator("[data-finding]").first
    assert link.inner_text() == "see it: backward signal over the layers"
    link.click()
    assert page.url.endswith("#profile-log10_backward_rms")
    expect(page.locator("#profile-log10_backward_rms")).to_be_in_viewport(ratio=0.9)
    until(page, "document.getElementById('profile-log10_backward_rms').layout?.shapes?.length === 1")
    shape = page.evaluate("document.getElementById('profile-log10_backward_rms').layout.shapes[0]")
    first, last = finding.layers
    assert (shape["x0"], shape["x1"]) == (first - 0.5, last + 0.5)
    marked = page.locator("#layer-table tr.marked td:first-child").all_inner_texts()
    assert sorted(map(int, marked)) == list(range(first, last + 1))


def test_a_finding_switches_the_heatmap_to_what_shows_it(tmp_path: Path, open_page: OpenPage) -> None:
    (still,) = gradlab.run(STILL, out=tmp_path)
    assert main(["report", still.id, "--out", str(tmp_path)]) == 0
    page = open_page(page_of(still), reduced_motion="reduce")
    link = page.locator("[data-finding]", has_text="over layers and steps").first
    link.click()
    assert page.url.endswith("#heatmap")
    expect(page.locator("#heatmap")).to_be_in_viewport()
    expect(page.locator("#heatmap-note")).to_contain_text("(log10_update_ratio")
    assert page.locator("#switch input:checked").get_attribute("value") == "log10_update_ratio"


def test_a_click_on_a_cell_leads_to_the_layer(small: list[StoredRun], open_page: OpenPage) -> None:
    page = open_page(page_of(small[0]), reduced_motion="reduce")
    settled(page, "heatmap-plot")
    page.mouse.click(*spot(page, "heatmap-plot", 3, 4))
    row = page.locator("#layer-table tr.marked")
    expect(row).to_have_count(1)
    assert row.locator("td").first.inner_text() == "5"
    expect(row).to_be_in_viewport()


def test_seeds_are_switched_and_lead_to_their_runs(small: list[StoredRun], open_page: OpenPage) -> None:
    page = open_page(
        page_of(small[2]), reduced_motion="reduce"
    )  # written last: the others' pages were there to link to
    settled(page, "seeds-plot")
    figures = page.locator("#seed-switch label").all_inner_texts()
    assert figures[0] == "init.backward_decades"
    for figure in figures:
        page.get_by_label(figure, exact=True).check(force=True)
        page.evaluate("gradlab.figures.find((one) => one.element.id === 'seeds-plot').busy")
        moment, _, name = figure.partition(".")
        (points,) = traces(page, "seeds-plot")
        assert points["x"] == [0, 1, 2]
        assert points["y"] == [getattr(run.summary, moment)[name] for run in small]
    page.get_by_label("init.backward_decades", exact=True).check(force=True)
    page.evaluate("gradlab.figures.find((one) => one.element.id === 'seeds-plot').busy")
    values = [run.summary.init["backward_decades"] for run in small]
    note = page.locator("#seeds-note").inner_text()
    assert f"mean {float(f'{np.mean(values):.5g}'):.10g}" in note
    assert f"standard deviation {float(f'{np.std(values, ddof=1):.5g}'):.10g} over 3 seeds" in note
    shown = hover(page, "seeds-plot", 0, values[0])
    assert shown == ["seed 0: vanishing", f"init.backward_decades: {values[0]!r}", small[0].id]
    page.mouse.click(*spot(page, "seeds-plot", 0, values[0]))
    page.wait_for_url(f"**/{small[0].path.name}/report.html")
    assert small[0].id in page.locator("main").inner_text()
