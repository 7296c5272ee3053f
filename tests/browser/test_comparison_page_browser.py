"""The page of a comparison in Chromium, every control driven: what it shows is what was recorded."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from figure_hands import hover, power, settled, tip, traces, until
from made.odd_runs import filled, keep, make_record
from page_watch import OpenPage
from playwright.sync_api import Page, expect

from gradlab.judgement.comparing.profiles import against, profile
from gradlab.report.page.comparison.page import comparison_page
from gradlab.results.record import Column, Outcome
from gradlab.results.stored import StoredRun

pytestmark = pytest.mark.browser

Axe = Callable[[Page], list[str]]
Draw = Callable[[Page], int]

EVIL = """<script>alert(1)</script> "q" 'é' & <b>bold</b> 🔥 مرحبا"""


def written(out: Path, runs: Sequence[StoredRun], name: str = "page") -> Path:
    path = out / f"{name}.html"
    path.write_text(comparison_page(runs, path), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[StoredRun]]:
    """Networks of different depth, everything recorded; the first one's gradient shrinks, the other's grows."""
    out = tmp_path_factory.mktemp("two")
    runs = [
        keep(out, "shallow", make_record(8, 30), steps=30),
        keep(out, "deep", make_record(21, 30, decades_a_layer=-0.2)),
    ]
    return written(out, runs), runs


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seeds on each of two sides, and a side that diverged."""
    out = tmp_path_factory.mktemp("seeded")
    runs = [
        keep(out, f"of{depth}_{seed}", make_record(depth, 30, seed=seed), seed=seed)
        for depth in (8, 12)
        for seed in range(3)
    ]
    broken = filled(make_record(5, 30, decades_a_layer=-0.5), math.nan, 20)
    runs.append(keep(out, "broken", broken, Outcome("diverged", 20, 3)))
    return written(out, runs)


def names(page: Page, figure: str) -> list[str]:
    """Sides whose own lines a figure draws."""
    return sorted(
        {str(trace["name"]) for trace in traces(page, figure) if trace.get("name") and len(trace["name"]) == 1}
    )


def chosen(page: Page, switch: str, value: str, figure: str) -> None:
    """Choose an entry of a switch and wait until a figure follows."""
    page.locator(f"#{switch} input[value='{value}']").check(force=True)
    page.evaluate("(id) => gradlab.figures.find((one) => one.element.id === id).busy", figure)


@pytest.mark.parametrize(
    ("name", "width", "theme", "num_figures"),
    [
        ("seeded", 1440, "light", 8),
        pytest.param("seeded", 360, "dark", 8, marks=pytest.mark.slow),
        pytest.param("two", 360, "light", 7, marks=pytest.mark.slow),
        pytest.param("two", 1440, "dark", 7, marks=pytest.mark.slow),
    ],
)
def test_it_is_silent_fits_and_is_accessible(
    request: pytest.FixtureRequest,
    open_page: OpenPage,
    draw: Draw,
    axe: Axe,
    overflow: Callable[[Page], int],
    name: str,
    width: int,
    theme: Any,
    num_figures: int,
) -> None:
    path = request.getfixturevalue(name)
    page = open_page(path[0] if isinstance(path, tuple) else path, width, theme)
    assert draw(page) == num_figures  # profiles, differences, three curves, a heatmap a side
    assert overflow(page) <= 0
    assert axe(page) == []


def test_profiles_are_what_was_recorded_at_both_moments(two: tuple[Path, list[StoredRun]], open_page: OpenPage) -> None:
    path, runs = two
    page = open_page(path)
    settled(page, "profile-plot")
    for quantity in page.locator("#quantity-switch input").evaluate_all("(all) => all.map((one) => one.value)"):
        for moment in ("final", "init"):
            chosen(page, "quantity-switch", quantity, "profile-plot")
            chosen(page, "moment-switch", moment, "profile-plot")
            drawn = {str(trace["name"]): trace for trace in traces(page, "profile-plot")}
            found = [profile([run.record], quantity, moment) for run in runs if run.record is not None]  # type: ignore[arg-type]
            for letter, one in zip("AB", found, strict=True):
                assert one is not None
                values = np.log10(one.values) if quantity == "forward_rms" else one.values
                np.testing.assert_allclose(drawn[letter]["x"], one.relative_depth, atol=1e-12)
                np.testing.assert_allclose(drawn[letter]["y"], values, rtol=1e-6, atol=1e-6)
            page.evaluate("gradlab.figures.find((one) => one.element.id === 'difference-plot').force()")
            if quantity != "forward_rms":
                (apart,) = [trace for trace in traces(page, "difference-plot") if trace["name"] == "B"]
                assert found[0] is not None
                assert found[1] is not None
                np.testing.assert_allclose(apart["y"], against(found[0], found[1]).values, rtol=1e-5, atol=1e-5)
    expect(page.locator("#profile-note")).to_contain_text("at the first step")


def test_the_pointer_and_the_keys_read_every_side(two: tuple[Path, list[StoredRun]], open_page: OpenPage) -> None:
    path, runs = two
    page = open_page(path)
    figure = settled(page, "profile-plot")
    found = [profile([run.record], "log10_backward_rms") for run in runs if run.record is not None]
    first, second = found
    assert first is not None
    assert second is not None
    lines = hover(page, "profile-plot", 0.0, float(first.values[0]))
    assert lines[0] == "relative depth 0, at the last finite step"
    assert lines[1].startswith(f"A, layer 1 of 8: {power(first.values[0])} (log10 {first.values[0]:.2f})")
    assert lines[2].startswith(f"B, layer 1 of 21: {power(second.values[0])} (log10 {second.values[0]:.2f})")
    figure.focus()
    page.keyboard.press("Home")
    assert tip(page)[0].startswith("relative depth 0,")
    page.keyboard.press("End")
    assert tip(page)[0].startswith("relative depth 1,")
    page.keyboard.press("ArrowLeft")
    assert tip(page)[2].startswith("B, layer 20 of 21: ")
    page.keyboard.press("Escape")
    expect(page.locator("#tip")).to_be_hidden()
    settled(page, "difference-plot").focus()
    page.keyboard.press("Home")
    apart = second.values[0] - first.values[0]
    assert tip(page)[1] == f"B: {power(apart)} times A's (+{apart:.2f} decades)"
    settled(page, "curve-loss").focus()
    page.keyboard.press("Home")
    page.keyboard.press("End")
    loss = [float(run.record.figures["loss"].values[-1]) for run in runs if run.record is not None]
    assert tip(page) == ["loss, step 29", *(f"{letter}: {value:.5g}" for letter, value in zip("AB", loss, strict=True))]


def test_sides_are_left_out_and_come_back(seeded: Path, open_page: OpenPage, draw: Draw) -> None:
    page = open_page(seeded)
    draw(page)
    assert names(page, "profile-plot") == ["A", "B", "C"]
    box = page.locator("#side-switch input[value='1']")
    box.uncheck(force=True)
    page.evaluate("Promise.all(gradlab.figures.map((figure) => figure.busy))")
    for figure in ("profile-plot", "curve-loss"):
        assert names(page, figure) == ["A", "C"]
    assert names(page, "difference-plot") == ["A", "C"]
    expect(page.locator("figure.heatmap[data-side='1']")).to_be_hidden()
    box.focus()
    page.keyboard.press("Space")
    page.evaluate("Promise.all(gradlab.figures.map((figure) => figure.busy))")
    assert names(page, "profile-plot") == ["A", "B", "C"]
    expect(page.locator("figure.heatmap[data-side='1']")).to_be_visible()


def test_colour_never_speaks_alone(seeded: Path, open_page: OpenPage, draw: Draw) -> None:
    page = open_page(seeded)
    draw(page)
    own = [trace for trace in traces(page, "profile-plot") if trace.get("name") in ("A", "B", "C")]
    assert len({trace["line"]["dash"] for trace in own}) == 3
    assert len({trace["marker"]["symbol"] for trace in own}) == 3
    letters = page.evaluate("document.getElementById('profile-plot').layout.annotations.map((one) => one.text)")
    assert sorted(letters) == ["<b>A</b>", "<b>B</b>", "<b>C</b>"]
    assert page.locator(".side .swatch svg path").count() == 6
    for word in page.locator(".side .word").all():
        assert word.get_attribute("data-glyph")


def test_seeds_are_thin_lines_and_a_run_that_diverged_ends_in_a_cross(
    seeded: Path, open_page: OpenPage, draw: Draw
) -> None:
    page = open_page(seeded)
    draw(page)
    thin = [trace for trace in traces(page, "profile-plot") if trace.get("opacity", 1) < 1]
    assert len(thin) == 6
    crosses = [trace for trace in traces(page, "curve-loss") if trace.get("marker", {}).get("symbol") == "x"]
    assert [trace["x"] for trace in crosses] == [[20]]
    expect(page.locator("#curve-loss-note")).to_contain_text("✖ not finite: from the mark on.")
    expect(page.locator("#heatmap-note")).to_contain_text("not finite")
    expect(page.locator("#heatmap-0-seed")).to_have_text("seed 0")


def test_a_lone_spike_is_in_every_picture_and_a_broken_held_out_figure_is_marked(
    tmp_path: Path, open_page: OpenPage, draw: Draw
) -> None:
    spiked = make_record(8, 3_000)
    spiked.figures["loss"].values[1_777] = 1e30
    held = Column(np.full(3_000, 2.0), np.isin(spiked.steps, [0, 1_000, 2_999]))
    held.values[1_000] = math.nan
    spiked = replace(spiked, figures={**spiked.figures, "holdout_loss": held})
    runs = [keep(tmp_path, "plain", make_record(6, 3_000)), keep(tmp_path, "spiked", spiked)]
    page = open_page(written(tmp_path, runs))
    draw(page)
    drawn = traces(page, "curve-loss")
    line = next(trace for trace in drawn if trace.get("name") == "B")
    assert dict(zip(line["x"], line["y"], strict=True))[1_777] == 30
    assert len(line["x"]) <= 800
    assert [trace["x"] for trace in drawn if trace.get("name") == "not finite"] == [[1_000]]
    expect(page.locator("#curve-loss-note")).to_contain_text("✖ not finite: what was held out")
    path = page.locator(".glance[data-side='1'] svg").last.locator("path").last.get_attribute("d") or ""
    assert " 4.0" in path  # the top of a small picture


def test_heatmaps_stand_on_one_scale(two: tuple[Path, list[StoredRun]], open_page: OpenPage, draw: Draw) -> None:
    path, runs = two
    page = open_page(path)
    draw(page)
    for quantity in ("log10_grad_norm", "forward_rms", "mean_slope"):
        chosen(page, "switch", quantity, "heatmap-1")
        page.evaluate("Promise.all(gradlab.figures.map((figure) => figure.busy))")
        ends = [(trace["zmin"], trace["zmax"]) for side in (0, 1) for trace in traces(page, f"heatmap-{side}")[:1]]
        assert ends[0] == ends[1]
        for side, run in enumerate(runs):
            assert run.record is not None
            column = run.record.layers[quantity]
            values = np.where(column.present, column.values, np.nan).T
            shown = np.array(traces(page, f"heatmap-{side}")[0]["z"], dtype=float)
            np.testing.assert_array_equal(shown, np.log10(values) if quantity == "forward_rms" else values)
    expect(page.locator("#ramp")).to_contain_text("mean slope:")


def test_the_theme_changes_the_colours(two: tuple[Path, list[StoredRun]], open_page: OpenPage, draw: Draw) -> None:
    page = open_page(two[0])
    draw(page)
    before = traces(page, "profile-plot")[0]["line"]["color"]
    swatch = page.locator(".swatch path").first.get_attribute("stroke")
    page.locator("#theme").click()
    until(page, f"document.getElementById('profile-plot').data[0].line.color !== '{before}'")
    assert page.locator(".swatch path").first.get_attribute("stroke") != swatch
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_the_table_sorts_filters_and_leaves_out_what_is_the_same(
    two: tuple[Path, list[StoredRun]], open_page: OpenPage
) -> None:
    page = open_page(two[0])
    rows = page.locator("#figure-table tbody tr:not([hidden])")
    number = rows.count()
    page.locator("#changed-only").check()
    changed = rows.count()
    assert 0 < changed < number
    expect(page.locator("#figure-count")).to_have_text(f"{changed} of {number} rows")
    assert rows.count() == page.locator("#figure-table tbody tr[data-changed]").count()
    page.locator("#changed-only").uncheck()
    page.locator("#figure-filter").fill("init decades")
    assert rows.locator("th").all_inner_texts() == ["init.backward_decades", "init.forward_decades"]
    page.locator("#figure-filter").fill("")
    page.locator("#figure-table th[data-name='B − A'] button").click()
    exact = [
        float(cell)
        for cell in rows.locator("td:nth-child(4)").evaluate_all("(all) => all.map((one) => one.dataset.v ?? 'inf')")
    ]
    assert exact == sorted(exact)
    cell = rows.first.locator("td:nth-child(4)")
    cell.scroll_into_view_if_needed()
    cell.hover()
    assert tip(page) == ["B − A", cell.get_attribute("data-v")]


def test_every_control_is_reached_by_the_keyboard(two: tuple[Path, list[StoredRun]], open_page: OpenPage) -> None:
    page = open_page(two[0])
    page.locator("#quantity-switch input").first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#profile-title")).to_contain_text("gradient norm")
    page.locator("#moment-switch input").first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#profile-title")).to_contain_text("at the first step")
    page.locator("#switch input").first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#ramp")).to_contain_text("backward signal")


def test_names_and_messages_appear_as_text(tmp_path: Path, open_page: OpenPage, draw: Draw, axe: Axe) -> None:
    runs = [
        keep(tmp_path, "plain", make_record(5, 4)),
        keep(tmp_path, "failed", None, Outcome("failed", reason=f"RuntimeError: {EVIL}"), depth=4),
    ]
    evil = [run.experiment.model_copy(update={"name": f"{run.name} {EVIL}"}) for run in runs]
    named = [
        StoredRun(run.id, run.path, experiment, run.summary, run.manifest, run.timing, read=run.read)
        for run, experiment in zip(runs, evil, strict=True)
    ]
    page = open_page(written(tmp_path, named))
    draw(page)
    assert page.locator(".side .name bdi").all_inner_texts() == [f"plain {EVIL}", f"failed {EVIL}"]
    assert page.locator(".why").last.inner_text() == f"RuntimeError: {EVIL}"
    assert page.locator("main b:not(.letter)").count() == 0
    assert page.locator("h1").inner_text() == f"plain {EVIL} against failed {EVIL}"
    assert axe(page) == []


ODD: dict[str, tuple[Callable[[Path], StoredRun], str]] = {
    "one_layer": (
        lambda out: keep(out, "one_layer", make_record(1, 20)),
        "one hidden layer: a point at relative depth 0, not a line",
    ),
    "one_step": (lambda out: keep(out, "one_step", make_record(9, 1), steps=1), "· 1 step ·"),
    "nothing": (
        lambda out: keep(out, "nothing", None, Outcome("failed", reason="no memory"), depth=4),
        "nothing was recorded; it ended before a step was taken down",
    ),
    "no_layer": (
        lambda out: keep(out, "no_layer", make_record(7, 20, names=())),
        "no layer was recorded (record.quantities: none)",
    ),
    "nan": (
        lambda out: keep(out, "nan", filled(make_record(8, 20), math.nan), Outcome("diverged", 0, 1)),
        "loss or gradient is no longer finite from step 0 on",
    ),
    "zero": (lambda out: keep(out, "zero", filled(make_record(10, 20), -math.inf)), "saturated"),
    "thousands": (lambda out: keep(out, "thousands", make_record(2000, 20)), "layer 2000 to layer 1"),
}
"""Runs that a page has to say something of, and what."""


@pytest.mark.parametrize(
    "sides",
    [
        ("one_layer", "one_step", "nothing", "no_layer", "nan", "zero"),
        ("nothing", "one_layer"),
        pytest.param(("nan", "thousands", "zero"), marks=pytest.mark.slow),
        pytest.param(("zero", "one_step"), marks=pytest.mark.slow),
    ],
    ids="-".join,
)
def test_odd_runs_say_what_they_are(
    tmp_path: Path, open_page: OpenPage, draw: Draw, axe: Axe, overflow: Callable[[Page], int], sides: Sequence[str]
) -> None:
    path = written(tmp_path, [ODD[name][0](tmp_path) for name in sides])
    assert path.stat().st_size < 6e6
    page = open_page(path, 360)
    draw(page)
    for place, name in enumerate(sides):
        assert ODD[name][1] in page.locator(".side").nth(place).inner_text()
    for switch in ("quantity-switch", "moment-switch", "switch"):
        for box in page.locator(f"#{switch} input").all():
            box.check(force=True)
            page.evaluate("Promise.all(gradlab.figures.map((figure) => figure.busy))")
    assert page.locator(".plot .absent").count() == 0
    assert overflow(page) <= 0
    assert axe(page) == []


def test_two_runs_without_anything_are_a_page_too(tmp_path: Path, open_page: OpenPage, axe: Axe) -> None:
    runs = [keep(tmp_path, str(depth), None, Outcome("failed", reason="no"), depth=depth) for depth in (4, 5)]
    page = open_page(written(tmp_path, runs))
    expect(page.locator("main")).to_contain_text("There is nothing to draw: no side recorded anything.")
    expect(page.locator("main")).to_contain_text("No side has a figure: nothing was recorded.")
    assert axe(page) == []


def test_it_reads_without_javascript(two: tuple[Path, list[StoredRun]], open_page: OpenPage) -> None:
    page = open_page(two[0], javascript=False)
    assert page.locator("#figure-table tbody tr").count() > 10
    expect(page.locator("#config-table")).to_contain_text("model.depth")
    text = page.locator("main").inner_text()
    assert "Figures need JavaScript" in text
    assert "loss over the steps, one line a side: A from 2." in text
    page.locator("summary", has_text="in numbers").click()
    assert page.locator("#profile-table tbody tr").count() == 12
    for hidden in (".plot", "#theme", "fieldset"):
        assert not any(one.is_visible() for one in page.locator(hidden).all())


def test_on_paper_everything_is_unfolded(tmp_path: Path, open_page: OpenPage, draw: Draw) -> None:
    runs = [keep(tmp_path, f"run{depth}", make_record(depth, 10)) for depth in range(2, 10)]
    page = open_page(written(tmp_path, runs))
    draw(page)
    assert page.locator(".side details[open]").count() == 0
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".side details[open]").count() == len(runs)
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator(".side details[open]").count() == 0
