"""The page of a run in Chromium, every control driven: what it shows is what was recorded."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from figure_hands import hover, power, settled, spot, tip, traces, until
from odd_runs import keep, make_record
from page_watch import OpenPage
from playwright.sync_api import Page, expect

import gradlab
from gradlab.cli.main import main
from gradlab.report.series import GRIDS
from gradlab.results.stored import StoredRun

pytestmark = pytest.mark.browser

Axe = Callable[[Page], list[str]]

SMALL = {
    "name": "small",
    "model": {"depth": 12, "width": 16, "activation": "sigmoid", "init": "xavier"},
    "data": {"source": "digits", "batch_size": 16},
    "train": {"steps": 30, "lr": 0.01},
    "record": {"quantities": "all"},
}
"""Vanishes, so that there is a finding to follow."""

TINY = {
    "name": "tiny",
    "model": {"depth": 60, "width": 8, "activation": "tanh", "init": {"scheme": "normal", "std": 1e-11}},
    "data": {"source": "xor", "samples": 80},
    "train": {"steps": 4},
}
"""Gradients far below what any float holds."""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> list[StoredRun]:
    """Three seeds of a small run that records everything, each with its page."""
    out = tmp_path_factory.mktemp("small")
    runs = gradlab.run(SMALL, seeds=range(3), out=out)
    for run in runs:
        assert main(["report", run.id, "--out", str(out)]) == 0
    return runs


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> StoredRun:
    """A run whose gradient in layer 1 is about 10^-640, recorded by default."""
    out = tmp_path_factory.mktemp("tiny")
    (run,) = gradlab.run(TINY, out=out)
    assert main(["report", run.id, "--out", str(out)]) == 0
    return run


def page_of(run: StoredRun) -> Path:
    return run.path / "report.html"


def recorded(run: StoredRun, quantity: str) -> tuple[np.ndarray, np.ndarray]:
    """A quantity as layers.parquet has it, [L, T], and where it has a meaning."""
    column = run.record.layers[quantity]
    return column.values.T, column.present.T


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
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
    assert sorted(offered) == sorted(GRIDS)
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
    for quantity in GRIDS:
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


def test_every_control_is_reached_by_the_tab_key(small: list[StoredRun], open_page: OpenPage) -> None:
    page = open_page(page_of(small[0]))
    seen = set()
    for _ in range(150):
        page.keyboard.press("Tab")
        seen.add(
            page.evaluate(
                "(({ id, className, tagName, name, dataset }) => id || name || className || tagName)(document.activeElement)"
            )
        )
        if page.evaluate("document.activeElement.tagName") == "SUMMARY":
            break
    figures = set(page.evaluate("gradlab.figures.map((one) => one.element.id)"))
    assert figures | {"skip", "theme", "quantity", "seed-figure", "scroll"} <= seen


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


def test_a_finding_switches_the_heatmap_to_what_shows_it(small: list[StoredRun], open_page: OpenPage) -> None:
    page = open_page(page_of(small[0]), reduced_motion="reduce")
    link = page.locator("[data-finding]", has_text="over layers and steps").first
    link.click()
    assert page.url.endswith("#heatmap")
    expect(page.locator("#heatmap")).to_be_in_viewport()
    expect(page.locator("#heatmap-note")).to_contain_text("(log10_update_ratio")
    assert page.locator("#switch input:checked").get_attribute("value") == "log10_update_ratio"


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> StoredRun:
    """A run in whose last step zeros, nulls, NaN and infinities stand among the numbers."""
    record = make_record(24, 6, decades_a_layer=9.0)
    record.layers["log10_backward_rms"].values[-1, [2, 3]] = -math.inf
    record.layers["log10_update_ratio"].values[-1, 7] = -math.inf
    record.layers["activation_std"].values[-1, [1, 9]] = math.nan
    record.layers["activation_std"].values[-1, [4, 5]] = [math.inf, -math.inf]
    record.layers["dead_fraction"].present[-1, 10:14] = False
    record.layers["activation_mean"].values[-1] = np.linspace(-1e-9, 1e9, 25)
    out = tmp_path_factory.mktemp("mixed")
    run = keep(out, "mixed", record)
    assert main(["report", run.id, "--out", str(out)]) == 0
    return run


def test_every_column_sorts_both_ways(mixed: StoredRun, open_page: OpenPage) -> None:
    page = open_page(page_of(mixed))
    values = mixed.record.layers
    rows = "[...document.querySelectorAll('#layer-table tbody tr')].map((row) => Number(row.dataset.row))"
    order = page.evaluate(rows)
    assert sorted(order) == list(range(25))
    names = page.locator("#layer-table thead th").evaluate_all("(all) => all.map((one) => one.dataset.name)")
    assert {"layer", "fan_in", *values} <= set(names)

    def key(name: str, row: int) -> float | None:
        if name in ("layer", "fan_in", "fan_out", "grad_rms"):
            size = np.sqrt(mixed.record.fan_in * mixed.record.fan_out)
            told = {"layer": range(25), "fan_in": mixed.record.fan_in, "fan_out": mixed.record.fan_out}
            return float((values["grad_norm"].values[-1] / size if name == "grad_rms" else told[name])[row])
        value = float(values[name].values[-1, row])
        return value if values[name].present[-1, row] and not math.isnan(value) else None

    for name in names:
        head = page.locator(f"#layer-table thead th[data-name={name}]")
        for direction, sign in (("ascending", 1), ("descending", -1)):
            head.locator("button").click()
            assert head.get_attribute("aria-sort") == direction
            told = [row for row in order if key(name, row) is not None]
            order = sorted(told, key=lambda row: sign * key(name, row)) + [row for row in order if row not in told]
            assert page.evaluate(rows) == order, (name, direction)
        assert page.locator("#layer-table thead th[aria-sort=ascending]").count() == 0
    cell = page.locator("#layer-table tbody td[data-v]").nth(3)
    cell.scroll_into_view_if_needed()
    page.evaluate("new Promise((done) => setTimeout(done, 300))")  # what scrolls hides the tip
    cell.hover()
    assert tip(page) == ["grad_norm", cell.get_attribute("data-v")]


def test_rows_are_filtered_by_words(mixed: StoredRun, open_page: OpenPage) -> None:
    page = open_page(page_of(mixed))
    shown = page.locator("#layer-table tbody tr:not([hidden])")
    count = page.locator("#layer-count")
    assert (shown.count(), count.inner_text()) == (25, "25 rows")
    page.get_by_label("filter").fill("-INF")
    layers = sorted(int(one) for one in shown.locator("td:first-child").all_inner_texts())
    assert layers == [3, 4, 6, 8]
    assert count.inner_text() == "4 of 25 rows"
    page.get_by_label("filter").fill("<b> no such")
    assert (shown.count(), count.inner_text()) == (0, "0 of 25 rows")
    page.get_by_label("filter").fill("")
    assert shown.count() == 25


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


def test_the_theme_is_switched_and_kept(small: list[StoredRun], open_page: OpenPage) -> None:
    page = open_page(page_of(small[0]))
    settled(page, "curve-loss")

    def back() -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    def text() -> str:
        return str(page.evaluate("document.getElementById('curve-loss')._fullLayout.font.color"))

    assert (back(), text()) == ("rgb(255, 255, 255)", "#1b1f23")
    button = page.locator("#theme")
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    assert back() == "rgb(20, 23, 26)"
    until(page, "document.getElementById('curve-loss')._fullLayout.font.color === '#e9ecef'")
    page.reload()
    assert back() == "rgb(20, 23, 26)"
    page.locator("#theme").click()
    page.reload()
    assert back() == "rgb(255, 255, 255)"


def test_zoom_has_ticks_and_is_taken_back(small: list[StoredRun], open_page: OpenPage) -> None:
    page = open_page(page_of(small[0]), reduced_motion="reduce")
    settled(page, "profile-log10_grad_norm")
    ranges = "(({ xaxis, yaxis }) => [xaxis.range, yaxis.range])(document.getElementById('profile-log10_grad_norm')._fullLayout)"
    before = page.evaluate(ranges)
    values = recorded(small[0], "log10_grad_norm")[0][:, 0]
    page.mouse.move(*spot(page, "profile-log10_grad_norm", 3.5, values[4] + 0.1))
    page.mouse.down()
    page.mouse.move(*spot(page, "profile-log10_grad_norm", 5.5, values[4] - 0.1), steps=5)
    page.mouse.up()
    until(page, f"{ranges}[0][0] > 3")
    after = page.evaluate(ranges)
    assert after[0] == pytest.approx([3.5, 5.5], abs=0.1)
    assert page.locator("#profile-log10_grad_norm .xtick text").all_text_contents() == ["4", "5"]
    assert page.locator("#profile-log10_grad_norm .ytick text").count() >= 2
    page.locator("#profile-log10_grad_norm + .tools >> text=reset zoom").click()
    until(page, f"{ranges}[0][0] < 1")
    assert page.evaluate(ranges) == before


def test_a_figure_is_saved_as_svg(small: list[StoredRun], open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page(page_of(small[0]), reduced_motion="reduce")
    settled(page, "curve-loss")
    with page.expect_download() as download:
        page.locator("#curve-loss + .tools >> text=save as SVG").click()
    assert download.value.suggested_filename == f"small-{small[0].id}-curve-loss.svg"
    download.value.save_as(tmp_path / "loss.svg")
    saved = (tmp_path / "loss.svg").read_text(encoding="utf-8")
    assert saved.startswith("<svg")
    assert ">held-out loss<" in saved


def test_a_place_named_in_the_address_stays_in_the_window(
    small: list[StoredRun], open_page: OpenPage, draw: Callable[[Page], int]
) -> None:
    page = open_page(page_of(small[0]), reduced_motion="reduce")
    tops = []
    for name in ("heatmap", "layers"):
        page.goto("about:blank")
        page.goto(f"{page_of(small[0]).as_uri()}#{name}")
        before = page.locator(f"#{name}").bounding_box()
        draw(page)
        expect(page.locator(f"#{name}")).to_be_in_viewport()
        after = page.locator(f"#{name}").bounding_box()
        assert before is not None
        assert after is not None
        tops.append(abs(after["y"] - before["y"]))
    assert max(tops) < 2, tops


def test_paper_gets_every_figure_in_light_colours(small: list[StoredRun], open_page: OpenPage) -> None:
    page = open_page(page_of(small[0]), theme="dark")
    until(page, "gradlab.figures.every((one) => one.element.dataset.drawn === 'yes')")  # while nothing else is to do
    # At once: a browser does not wait for anything between this event and the paper.
    drawn = page.evaluate(
        """async () => {
          dispatchEvent(new Event("beforeprint"));
          await null; for (let turn = 0; turn < 200; turn += 1) await null;
          return gradlab.figures.map((one) => [one.element._fullLayout.font.color, one.element._fullLayout.width]);
        }"""
    )
    assert drawn == [["#1b1f23", 660]] * 9
    assert page.evaluate("document.querySelector('details').open") is True
    page.emulate_media(media="print")
    for hidden in ("header", "#switch", ".tools"):
        assert page.locator(hidden).first.is_hidden()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    until(page, "gradlab.figures.every((one) => one.element._fullLayout.font.color === '#e9ecef')")
    assert page.evaluate("document.querySelector('details').open") is False
    pdf = page.pdf(format="A4")
    assert pdf.startswith(b"%PDF")
    assert 4 <= pdf.count(b"/Type /Page\n") <= 12


def test_a_finger_reads_before_it_leaves(
    small: list[StoredRun], open_page: OpenPage, overflow: Callable[[Page], int]
) -> None:
    page = open_page(page_of(small[0]), 360, has_touch=True, is_mobile=True, reduced_motion="reduce")
    settled(page, "heatmap-plot")
    assert overflow(page) == 0
    assert page.evaluate("document.getElementById('heatmap-plot').layout.dragmode") is False
    place = page.evaluate("scrollY")
    page.touchscreen.tap(*spot(page, "heatmap-plot", 10, 3))
    expect(page.locator("#tip")).to_be_visible()
    assert tip(page)[0] == "layer 4, step 10"
    box = page.locator("#tip").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 360
    assert page.evaluate("scrollY") == place
    page.touchscreen.tap(*spot(page, "heatmap-plot", 10, 3))
    expect(page.locator("#layer-table tr.marked")).to_be_in_viewport()


def test_without_a_script_there_are_words_and_tables(
    small: list[StoredRun], open_page: OpenPage, overflow: Callable[[Page], int]
) -> None:
    for width in (360, 1440):
        page = open_page(page_of(small[0]), width, javascript=False)
        text = page.locator("main").inner_text()
        assert "vanishing" in page.locator("h1").inner_text()
        assert "critical: vanishing" in text
        assert "Figures need JavaScript" in text
        assert "backward signal over the layers at step 0: 10^" in text
        assert page.locator("#layer-table tbody tr").count() == 13
        for hidden in (".plot", "#theme", "fieldset"):
            assert not any(one.is_visible() for one in page.locator(hidden).all())


def test_motion_is_only_for_those_who_want_it(small: list[StoredRun], open_page: OpenPage) -> None:
    scroll = "getComputedStyle(document.documentElement).scrollBehavior"
    assert open_page(page_of(small[0]), reduced_motion="reduce").evaluate(scroll) == "auto"
    assert open_page(page_of(small[0]), reduced_motion="no-preference").evaluate(scroll) == "smooth"
