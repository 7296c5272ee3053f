"""The page of a sweep in Chromium, every control driven: maps, lines, profiles, tables, and the run that is chosen."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from figure_hands import hover, settled, spot, tip, traces, until
from made.opened_sweeps import HOSTILE, hostile, opened
from made.sweeps import drawn, failed, init_by_depth, member
from page_watch import OpenPage
from playwright.sync_api import Page, expect

import gradlab
from gradlab import api
from gradlab.cli.main import main
from gradlab.config.text import clean_line
from gradlab.judgement.comparing.samples import figure_of
from gradlab.report.page.shared.document import encoded
from gradlab.report.page.sweep.maps import Maps
from gradlab.report.page.sweep.page import sweep_page
from gradlab.report.views.opened_sweep import OpenedSweep
from gradlab.report.words.points import value_words
from gradlab.report.words.verdicts import word_of
from gradlab.results.selection import select

pytestmark = pytest.mark.browser

SWEEP = {
    "name": "small",
    "experiment": {
        "model": {"width": 8},
        "data": {"source": "digits", "batch_size": 16},
        "train": {"steps": 8, "lr": 0.01},
        "record": {"every": 2},
    },
    "seeds": "0-1",
    "grid": {
        "model.depth": [3, 12],
        "model.activation": ["sigmoid", "relu"],
        "model.init": [{"scheme": "normal", "std": 0.01}, "he"],
    },
    "gates": ["count(verdict == vanishing) == 0"],
    "expect": ["verdict == healthy"],
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[OpenedSweep, Path]:
    """A sweep of 16 runs over three axes and two seeds, of which the first has a page of its own, and its page."""
    out = tmp_path_factory.mktemp("small")
    runs = gradlab.sweep(SWEEP, out=out, executor="inline")
    assert main(["report", runs[0].id, "--out", str(out)]) == 0
    assert main(["report", "small", "--out", str(out)]) == 0
    place = select(out, "small").place
    assert place is not None
    return api.load_sweep(place), place.path / "report.html"


def written(sweep: OpenedSweep, path: Path) -> Path:
    """The page of a sweep, as a file."""
    path.write_bytes(encoded(sweep_page(sweep, path)))
    return path


def member_at(sweep: OpenedSweep, title: str) -> int:
    """Place of the member that a title names."""
    return [f"{run.name}-{run.id}" for _, run in sweep.listed].index(title)


def shown(page: Page) -> list[int]:
    """Members whose rows are shown, in the order of the table."""
    found: list[int] = page.evaluate(
        "[...document.querySelectorAll('#member-table tbody tr:not([hidden])')].map((row) => Number(row.dataset.row))"
    )
    return found


def quiet(page: Page) -> None:
    """Wait until the figures have followed what is shown."""
    page.wait_for_timeout(120)
    page.evaluate("Promise.all(gradlab.figures.map((one) => one.busy))")


def lines(page: Page) -> int:
    """Lines of runs that the parallel coordinates show, without those that are only hinted at and the one that is chosen."""
    told = [one for one in traces(page, "lines-plot") if one.get("name")]
    return sum(1 + sum(value is None for value in one["x"]) for one in told)


@pytest.mark.parametrize(
    ("width", "theme"),
    [
        (1440, "dark"),
        pytest.param(360, "light", marks=pytest.mark.slow),
        pytest.param(360, "dark", marks=pytest.mark.slow),
        pytest.param(1440, "light", marks=pytest.mark.slow),
    ],
)
def test_it_is_silent_fits_and_is_accessible(
    small: tuple[OpenedSweep, Path],
    open_page: OpenPage,
    draw: Callable[[Page], int],
    axe: Callable[[Page], list[str]],
    overflow: Callable[[Page], int],
    width: int,
    theme: str,
) -> None:
    page = open_page(small[1], width, theme)
    assert draw(page) == 2
    assert overflow(page) == 0
    assert axe(page) == []
    page.locator("button[data-member]").first.click()
    expect(page.locator("#details")).to_be_visible()
    assert draw(page) == 3
    assert overflow(page) == 0
    assert axe(page) == []
    assert page.title() == "small: 16 runs in 8 groups, 2 seeds each"


def test_the_map_of_any_two_axes_is_the_one_that_python_computes(
    small: tuple[OpenedSweep, Path], open_page: OpenPage
) -> None:
    sweep, path = small
    page = open_page(path)
    maps = Maps(sweep.view, sweep.members)
    assert maps.names == ("model.depth", "model.activation", "model.init", "seed")
    for down, across in [(0, 1), (2, 0), (1, -1), (3, 2)]:
        page.locator("#map-down").select_option(str(down))
        page.locator("#map-across").select_option(str(across))
        found = maps.over(down, across)
        rows = page.locator("#map-table tbody tr")
        assert page.locator("#map-table tbody th").all_inner_texts() == list(found.rows)
        assert page.locator("#map-table thead th").all_inner_texts()[1:] == list(found.columns)
        for row, told in enumerate(found.cells):
            texts = [" ".join(text.split()) for text in rows.nth(row).locator("td").all_inner_texts()]
            assert texts == [
                f"{cell.word} {cell.num_agreeing}/{cell.num_members}" if cell else "–" for cell in told
            ]  # fmt: skip
    glyphs = page.locator("#map-table .word").evaluate_all("(all) => all.map((one) => one.dataset.glyph)")
    assert all(glyphs)


def test_choosing_the_same_axis_twice_swaps_the_two(small: tuple[OpenedSweep, Path], open_page: OpenPage) -> None:
    page = open_page(small[1])
    down, across = page.locator("#map-down"), page.locator("#map-across")
    down.select_option("0")
    across.select_option("2")
    down.select_option("2")
    assert (down.input_value(), across.input_value()) == ("2", "0")


def test_a_cell_says_its_verdicts_and_keeps_its_runs_everywhere(
    small: tuple[OpenedSweep, Path], open_page: OpenPage, draw: Callable[[Page], int]
) -> None:
    sweep, path = small
    page = open_page(path, reduced_motion="reduce")
    draw(page)
    page.locator("#map-down").select_option("0")
    page.locator("#map-across").select_option("1")
    cell = page.locator(".cell").first
    inside = [
        place
        for place, (point, _) in enumerate(sweep.listed)
        if (point["model.depth"], point["model.activation"]) == (3, "sigmoid")
    ]
    counts = Counter(word_of(sweep.listed[place][1]) for place in inside)
    cell.hover()
    told = tip(page)
    assert told[0] == "model.depth: 3, model.activation: sigmoid"
    assert sorted(told[1:]) == sorted(f"{word}: {number} of {len(inside)}" for word, number in counts.items())
    cell.focus()
    page.keyboard.press("Enter")
    assert cell.get_attribute("aria-pressed") == "true"
    assert sorted(shown(page)) == inside
    assert page.locator("#member-count").inner_text() == f"{len(inside)} of 16 runs"
    quiet(page)
    assert lines(page) == len(inside)
    page.get_by_role("button", name="model.depth 3, model.activation sigmoid ✕").click()
    assert len(shown(page)) == 16
    assert cell.get_attribute("aria-pressed") == "false"


def test_chips_words_and_all_of_them_together(
    small: tuple[OpenedSweep, Path], open_page: OpenPage, draw: Callable[[Page], int]
) -> None:
    sweep, path = small
    page = open_page(path)
    draw(page)
    words = [word_of(run) for _, run in sweep.listed]
    for word, number in Counter(words).items():
        chip = page.locator(f".chip[data-word={word}]")
        assert re.sub(r"\s+", " ", chip.inner_text()) == f"{word} {number}"
        chip.click()
        assert [words[place] for place in shown(page)] == [word] * number
        quiet(page)
        assert {one["name"].split()[1] for one in traces(page, "lines-plot") if one.get("name")} == {word}
        chip.click()
    page.get_by_label("filter").fill("RELU he")
    kept = [
        place
        for place, (point, _) in enumerate(sweep.listed)
        if point["model.activation"] == "relu" and "he" in value_words(point["model.init"])
    ]
    assert set(kept) <= set(shown(page)) < set(range(16))
    page.locator(f".chip[data-word={words[0]}]").click()
    assert {words[place] for place in shown(page)} <= {words[0]}
    page.get_by_role("button", name="show all").click()
    assert shown(page) == list(range(16))
    assert page.locator("#clear").is_hidden()
    quiet(page)
    assert lines(page) == 16


def test_columns_sort_and_worst_first_comes_back(small: tuple[OpenedSweep, Path], open_page: OpenPage) -> None:
    sweep, path = small
    page = open_page(path)
    assert shown(page) == list(range(16))
    name = "init.backward_decades"
    page.locator(f"#member-table th[data-name='{name}'] button").click()
    values = [figure_of(run, name) or 0.0 for _, run in sweep.listed]
    assert [values[place] for place in shown(page)] == sorted(values)
    page.get_by_role("button", name="worst first").click()
    assert shown(page) == list(range(16))


def test_a_line_says_the_exact_value_and_leads_to_its_run(small: tuple[OpenedSweep, Path], open_page: OpenPage) -> None:
    sweep, path = small
    page = open_page(path, reduced_motion="reduce")
    settled(page, "lines-plot")
    data: dict[str, Any] = page.evaluate("({ dimensions: gradlab.data.dimensions, drawn: gradlab.data.drawn })")
    column = [one["name"] for one in data["dimensions"]].index("init.backward_decades")
    positions = data["dimensions"][column]["positions"]
    place = int(np.argmin(positions))
    point, run = sweep.listed[data["drawn"][place]]
    assert hover(page, "lines-plot", column, positions[place]) == [
        f"{run.name}-{run.id}: {word_of(run)}",
        f"init.backward_decades: {figure_of(run, 'init.backward_decades')}",
    ]
    page.mouse.click(*spot(page, "lines-plot", column, positions[place]))
    details = page.locator("#details")
    expect(details).to_be_visible()
    assert page.locator("#details-title").inner_text() == f"{run.name}-{run.id}"
    text = details.inner_text()
    assert word_of(run) in text
    assert run.summary.findings[0].remedy in re.sub(r"\s+", " ", text)
    for axis, value in point.items():
        assert re.search(rf"{re.escape(axis)}\s+{re.escape(value_words(value))}", text)
    assert f"gradlab report --out {path.parents[2]} {run.id}" in text
    link = details.get_by_role("link")
    assert link.inner_text() == "its directory"
    assert (path.parent / str(link.get_attribute("href"))).resolve() == run.path.resolve()
    quiet(page)
    profile = traces(page, "details-plot")[0]
    depths = sweep.depths[run.id]
    assert profile["x"] == depths.layers.tolist()
    assert [-np.inf if value is None else value for value in profile["y"]] == list(depths.init)
    page.keyboard.press("Escape")
    expect(details).to_be_hidden()
    assert page.locator("tr.marked").count() == 0


def test_the_keyboard_walks_over_lines_chooses_and_comes_back(
    small: tuple[OpenedSweep, Path], open_page: OpenPage
) -> None:
    sweep, path = small
    page = open_page(path, reduced_motion="reduce")
    for figure in ("lines-plot", "depths-plot"):
        settled(page, figure).focus()
        for key in ("Home", "ArrowDown", "ArrowRight"):
            page.keyboard.press(key)
        name = tip(page)[0].partition(":")[0]
        page.keyboard.press("Enter")
        expect(page.locator("#details-title")).to_be_focused()
        assert page.locator("#details-title").inner_text() == name
        run = sweep.listed[member_at(sweep, name)][1]
        assert page.locator("#member-table tr.marked td:first-child").inner_text() == f"{run.name}-{run.id}"
        page.keyboard.press("Escape")
        expect(page.locator(f"#{figure}")).to_be_focused()


def test_a_box_keeps_the_runs_that_cross_it(small: tuple[OpenedSweep, Path], open_page: OpenPage) -> None:
    sweep, path = small
    page = open_page(path, reduced_motion="reduce")
    settled(page, "lines-plot")
    dimensions = page.evaluate("gradlab.data.dimensions")
    column = [one["name"] for one in dimensions].index("model.activation")
    page.mouse.move(*spot(page, "lines-plot", column - 0.3, 1.02))
    page.mouse.down()
    page.mouse.move(*spot(page, "lines-plot", column + 0.1, 0.8), steps=4)
    page.mouse.move(*spot(page, "lines-plot", column + 0.3, 0.52), steps=4)
    page.mouse.up()
    expect(page.locator("#member-count")).to_have_text("8 of 16 runs")
    assert {sweep.listed[place][0]["model.activation"] for place in shown(page)} == {"sigmoid"}
    quiet(page)
    assert lines(page) == 8
    page.get_by_role("button", name="the box over the lines ✕").click()
    assert len(shown(page)) == 16


def test_profiles_are_those_that_were_recorded_at_either_step_in_the_panels_that_are_asked_for(
    small: tuple[OpenedSweep, Path], open_page: OpenPage
) -> None:
    sweep, path = small
    page = open_page(path, reduced_motion="reduce")
    settled(page, "depths-plot")

    def drawn_lines() -> Counter[tuple[float | None, ...]]:
        found: Counter[tuple[float | None, ...]] = Counter()
        for one in traces(page, "depths-plot"):
            if one["mode"] != "markers" and one.get("hoverinfo") == "none":
                line: list[float | None] = []
                for across, value in zip([*one["x"], None], [*one["y"], None], strict=True):
                    if across is None:
                        found[tuple(line)] += 1
                        line = []
                    else:
                        line.append(value)
        return found

    for moment in ("final", "init"):
        page.locator(f"#moment input[value={moment}]").check(force=True)
        quiet(page)
        values = [depths.init if moment == "init" else depths.final for depths in sweep.depths.values()]
        expected = Counter(
            tuple(float(value) if np.isfinite(value) else None for value in line) for line in values if line is not None
        )
        assert drawn_lines() == expected
        with_value = sum(expected.values())
        if with_value < 16:
            expect(page.locator("#depths-note")).to_contain_text("no value at that step")
    for choice, panels in [("cells", 4), ("0", 2), ("3", 2), ("all", 1), ("verdict", len(sweep.view.verdicts))]:
        page.locator("#panel-by").select_option(choice)
        quiet(page)
        layout = page.evaluate("Object.keys(document.getElementById('depths-plot').layout)")
        assert sum(key.startswith("yaxis") for key in layout) == panels
        assert sum(drawn_lines().values()) == with_value
    ranges = page.evaluate(
        """Object.entries(document.getElementById('depths-plot')._fullLayout)
           .filter(([key]) => key.startsWith('yaxis')).map(([, axis]) => String(axis.range))"""
    )
    assert len(set(ranges)) == 1


def test_vanished_and_exploded_layers_have_marks_of_their_own(tmp_path: Path, open_page: OpenPage) -> None:
    odd = {
        0: [-np.inf, -2.0, -1.0, -0.5, 0.0],
        1: [np.nan, np.inf, -1.0, -0.5, 0.0],
        2: [-4.0, -np.inf, np.nan, -0.5, 0.0],
    }
    sweep = opened([member({"a": place}, number=place, verdict=["dead", "diverged"][place % 2]) for place in range(4)])
    depths = {
        run.id: replace(
            sweep.depths[run.id], final=np.array(odd[place]) if place in odd else sweep.depths[run.id].final
        )
        for place, (_, run) in enumerate(sweep.members)
    }
    page = open_page(written(replace(sweep, depths=depths), tmp_path / "report.html"), reduced_motion="reduce")
    settled(page, "depths-plot")
    page.locator("#panel-by").select_option("0")
    quiet(page)
    found = {}
    for one in traces(page, "depths-plot"):
        if one["mode"] == "markers":
            found.setdefault(one["name"], []).append(
                (one.get("xaxis"), one["x"], one["marker"]["symbol"], one["showlegend"])
            )
    assert found == {
        "zero": [("x", [0], "triangle-down-open", True), ("x3", [0.25], "triangle-down-open", False)],
        "not finite": [("x2", [0, 0.25], "x", True), ("x3", [0.5], "x", False)],
    }
    legend = page.locator("#depths-plot .legendtext").all_text_contents()
    assert {"zero", "not finite"} <= set(legend)


def test_groups_lead_to_their_runs(small: tuple[OpenedSweep, Path], open_page: OpenPage) -> None:
    sweep, path = small
    page = open_page(path, reduced_motion="reduce")
    page.locator("#group-table tbody tr").nth(2).get_by_role("button").click()
    ids = {sweep.listed[place][1].id for place in shown(page)}
    assert ids == {run.id for run in sweep.view.groups[2].runs}
    page.get_by_role("button", name="one group ✕").click()
    assert len(shown(page)) == 16


def test_a_run_with_its_own_page_is_one_click_away(small: tuple[OpenedSweep, Path], open_page: OpenPage) -> None:
    sweep, path = small
    page = open_page(path)
    place = next(place for place, (_, run) in enumerate(sweep.listed) if (run.path / "report.html").is_file())
    run = sweep.listed[place][1]
    page.locator(f"button[data-member='{place}']").click()
    page.get_by_role("link", name="its own page").click()
    until(page, "document.title")
    assert page.locator("h1").inner_text().startswith(f"{run.name}: ")


def test_on_a_phone_the_axes_lie_on_one_another_and_a_finger_looks_before_it_chooses(
    small: tuple[OpenedSweep, Path], open_page: OpenPage
) -> None:
    page = open_page(small[1], 360, has_touch=True, is_mobile=True, reduced_motion="reduce")
    settled(page, "lines-plot")
    dimensions = page.evaluate("gradlab.data.dimensions")
    first = traces(page, "lines-plot")[0]
    assert first["y"][: len(dimensions)] == list(range(len(dimensions)))
    page.touchscreen.tap(*spot(page, "lines-plot", dimensions[2]["positions"][0], 2))
    page.locator("#tip").wait_for(state="visible")
    assert page.locator("#details").is_hidden()
    page.wait_for_timeout(600)  # two touches in a row are a double click
    page.touchscreen.tap(*spot(page, "lines-plot", dimensions[2]["positions"][0], 2))
    expect(page.locator("#details")).to_be_visible()


@pytest.mark.parametrize("width", [360, pytest.param(1440, marks=pytest.mark.slow)])
def test_hostile_texts_are_shown_as_text(
    tmp_path: Path, open_page: OpenPage, draw: Callable[[Page], int], overflow: Callable[[Page], int], width: int
) -> None:
    page = open_page(written(hostile(), tmp_path / "report.html"), width)
    draw(page)
    assert overflow(page) == 0
    text = clean_line(HOSTILE)
    for button in page.locator("button[data-member]").all()[:3]:
        button.dispatch_event("click")  # on a small window the first one's details may lie over the next one
        assert text in page.locator("#details").inner_text()
    page.keyboard.press("Escape")
    for choice in page.locator("#panel-by option").evaluate_all("(all) => all.map((one) => one.value)"):
        page.locator("#panel-by").select_option(choice)
        quiet(page)
    page.locator("#map-down").select_option("1")
    page.locator("#map-across").select_option("0")
    expect(page.locator("#map-table thead")).to_contain_text(text)
    assert page.locator("main b, main script, main textarea").count() == 0
    assert "<script>" in page.locator("#lines-plot").inner_text() or width == 1440


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("one", 2),
        ("failed", 1),
        ("infinite", 2),
        *(pytest.param(name, 2, marks=pytest.mark.slow) for name in ("seeds", "mixed", "many")),
    ],
)
def test_odd_sweeps_are_drawn(
    tmp_path: Path, open_page: OpenPage, draw: Callable[[Page], int], overflow: Callable[[Page], int], name: str, figures: int
) -> None:  # fmt: skip
    odd = (float("nan"), float("inf"), float("-inf"), 5e-324, 1.7e308)
    sweep = {
        "one": lambda: opened([member({})], lambda place: 1),
        "seeds": lambda: opened([member({}, seed, number=seed, verdict=["dead", "healthy"][seed % 2]) for seed in range(4)]),
        "failed": lambda: opened([failed({"a": place}, "no memory", number=place) for place in range(4)], lambda place: None),
        "infinite": lambda: opened([member({"a": place % 3}, place // 3, number=place, decades=odd[place % 5], loss=odd[place % 4],
                                           verdict=["dead", "diverged"][place % 2]) for place in range(15)]),
        "mixed": lambda: opened(init_by_depth(2), lambda place: [2000, 1, None, 20][place % 4]),
        "many": lambda: opened(drawn(1200), lambda place: 4 + place % 60),
    }[name]()  # fmt: skip
    path = written(sweep, tmp_path / "report.html")
    for width in (360, 1440):
        page = open_page(path, width)
        assert draw(page) == figures
        assert overflow(page) == 0
        page.evaluate("gradlab.sweep.choose(0)")
        quiet(page)
        chip = page.locator(".chip").last
        chip.click()
        quiet(page)
        assert 0 < len(shown(page)) <= len(sweep.listed)


def test_without_scripts_the_tables_and_the_map_are_there(small: tuple[OpenedSweep, Path], open_page: OpenPage) -> None:
    page = open_page(small[1], javascript=False)
    assert page.locator("#member-table tbody tr").count() == 16
    assert page.locator("#group-table tbody tr").count() == 8
    assert page.locator("#map-table .cell").count() >= 4
    told = page.locator("main noscript p.note").first
    assert told.is_visible()
    assert told.inner_text().startswith("parallel coordinates: 16 runs")
    assert page.locator("#bar").is_hidden()


@pytest.mark.parametrize("width", [800, 1280])
def test_the_names_of_axes_stand_apart(small: tuple[OpenedSweep, Path], open_page: OpenPage, width: int) -> None:
    page = open_page(small[1], width=width)
    settled(page, "lines-plot")
    boxes = page.evaluate(
        "[...document.querySelectorAll('#lines-plot .annotation-text')].filter((one) => one.style.fontWeight === '700')"
        ".map((one) => one.getBoundingClientRect()).map((box) => [box.left, box.right]).sort((a, b) => a[0] - b[0])"
    )
    assert len(boxes) >= 8
    assert all(before[1] <= after[0] for before, after in pairwise(boxes)), boxes
