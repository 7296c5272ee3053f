"""The page of a run in Chromium: tables, theme, zoom, paper, fingers, keys, and what is left where no script runs."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from figure_hands import page_of, recorded, settled, spot, tip, until
from made.deep_runs import finding, summary
from made.odd_runs import keep, make_record
from page_watch import OpenPage
from playwright.sync_api import Page, expect

from gradlab.cli.main import main
from gradlab.report.page.run.page import run_page
from gradlab.report.page.shared.document import encoded
from gradlab.report.views.run import view
from gradlab.results.finding import Remedy
from gradlab.results.stored import StoredRun

pytestmark = pytest.mark.browser


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


def test_the_theme_is_switched_and_kept(small: list[StoredRun], open_page: OpenPage) -> None:
    page = open_page(page_of(small[0]))
    settled(page, "curve-loss")

    def back() -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    def text() -> str:
        return str(page.evaluate("document.getElementById('curve-loss')._fullLayout.font.color"))

    assert (back(), text()) == ("rgb(255, 255, 255)", "#1b1f23")
    button = page.locator("#theme")
    assert button.inner_text() == "Dark theme"  # what a press leads to
    assert page.get_by_role("button", name="Dark theme").count() == 1
    button.click()
    assert button.inner_text() == "Light theme"
    assert "light colours" in (button.get_attribute("title") or "")
    assert back() == "rgb(20, 23, 26)"
    until(page, "document.getElementById('curve-loss')._fullLayout.font.color === '#e9ecef'")
    page.reload()
    assert back() == "rgb(20, 23, 26)"
    assert button.inner_text() == "Light theme"
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
    page.wait_for_timeout(600)  # who reads takes longer; a touch that follows at once is the same one, told twice
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


@pytest.mark.parametrize("allowed", [True, False])
def test_a_remedy_is_copied_by_a_key(tmp_path: Path, open_page: OpenPage, allowed: bool) -> None:
    remedy = Remedy({"model.init": {"scheme": "critical"}}, "why")
    told = finding(layers=(1, 6), remedies=(remedy,))
    run = replace(keep(tmp_path, "mended", make_record(6, 5), steps=5), summary=summary(findings=(told,)))
    path = tmp_path / "page.html"
    path.write_bytes(encoded(run_page(run, view(run), path)))
    page = open_page(path, 360, permissions=["clipboard-read", "clipboard-write"])
    if not allowed:
        page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    for name, text in (
        ("copy the lines of the config that change", "model:\n  init: {scheme: critical}"),
        ("copy the change as options of a command", "-s 'model.init={scheme: critical}'"),
    ):
        button = page.get_by_role("button", name=name)
        button.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("status").filter(has_text="copied").last).to_be_visible()
        if allowed:
            assert page.evaluate("navigator.clipboard.readText()") == text
        else:
            assert page.evaluate("getSelection().toString()").strip() == text
    assert page.get_by_role("status").filter(has_text="copied").count() == 2
    page.emulate_media(media="print")
    assert not page.get_by_role("button", name="copy").first.is_visible()
    assert page.locator(".change pre").first.is_visible()
