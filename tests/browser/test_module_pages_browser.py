"""Pages of somebody's own modules in Chromium: names on axes, in tips and tables, and the way from findings to rows."""

from collections.abc import Callable
from pathlib import Path

import pytest
from figure_hands import hover, page_of, settled, spot
from made.module_runs import ODD_NAMES, RUN_NAMES, all_runs, save
from page_watch import OpenPage
from playwright.sync_api import Page

from gradlab.cli.main import main
from gradlab.config.text import clean_line
from gradlab.report.page.run.page import run_page
from gradlab.report.page.shared.document import encoded
from gradlab.report.views.run import view
from gradlab.results.stored import StoredRun

pytestmark = pytest.mark.browser

AXIS = "([id, axis]) => [...document.querySelectorAll(`#${id} .${axis}tick text`)].map((one) => one.textContent)"

FEW = ("transformer", "odd", "failed_at_once")
"""The most rows, the longest names, and no figures: looked at in every change; `make proofs` looks at all."""


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> dict[str, StoredRun]:
    """Runs with their pages."""
    out = tmp_path_factory.mktemp("modules")
    made = all_runs()
    runs = dict(zip(made, save(out, made.values()), strict=True))
    for run in runs.values():
        page = page_of(run)
        page.write_bytes(encoded(run_page(run, view(run), page)))
    return runs


def test_axes_tips_and_tables_have_names(stored: dict[str, StoredRun], open_page: OpenPage) -> None:
    page = open_page(page_of(stored["transformer"]))
    settled(page, "profile-log10_backward_norm")
    named = page.evaluate(AXIS, ["profile-log10_backward_norm", "x"])
    assert {"blocks.0", "blocks.23"} <= set(named)
    record = stored["transformer"].record
    assert record is not None
    assert record.rows is not None
    place = record.rows.names.index("blocks.7")
    value = float(record.layers["log10_backward_norm"].values[0, place])
    assert hover(page, "profile-log10_backward_norm", place + 1, value)[0] == "blocks.7 (block)"
    settled(page, "heatmap-plot")
    rows = page.evaluate(AXIS, ["heatmap-plot", "y"])
    assert rows[0] == "embed.tokens"
    assert 5 < len(rows) <= 26
    assert hover(page, "heatmap-plot", 3, 0)[0].startswith("embed.tokens (Embedding), step")
    assert page.locator("#layer-table thead th").first.inner_text().strip() == "row"


def test_a_click_leads_to_the_row_even_where_it_is_folded(stored: dict[str, StoredRun], open_page: OpenPage) -> None:
    page = open_page(page_of(stored["transformer"]))
    shown = page.locator("#layer-table tbody tr:visible")
    assert shown.count() < 30
    record = stored["transformer"].record
    assert record is not None
    assert record.rows is not None
    place = record.rows.names.index("blocks.12.mlp.up")
    value = float(record.layers["log10_backward_norm"].values[0, place])
    settled(page, "profile-log10_backward_norm")
    page.mouse.click(*spot(page, "profile-log10_backward_norm", place + 1, value))
    marked = page.locator("#layer-table tr.marked")
    assert marked.locator("td").first.inner_text() == "blocks.12.mlp.up"
    assert marked.is_visible()
    assert shown.count() == len(record.rows.names)


def test_words_find_rows_that_are_folded(stored: dict[str, StoredRun], open_page: OpenPage) -> None:
    page = open_page(page_of(stored["transformer"]))
    page.fill("#layer-filter", "mlp.up")
    assert page.locator("#layer-table tbody tr:visible").count() == 24
    page.fill("#layer-filter", "")
    page.uncheck("#layer-few")
    assert page.locator("#layer-table tbody tr:visible").count() == 172


def test_a_finding_leads_to_its_rows(stored: dict[str, StoredRun], open_page: OpenPage) -> None:
    page = open_page(page_of(stored["resnet"]))
    finding = page.locator("ul.findings li.critical")
    assert "layer1.0 to layer2.1" in finding.inner_text()
    page.locator("[data-finding]").first.click()
    marked = page.locator("#layer-table tr.marked td:first-child").all_inner_texts()
    assert {"layer1.0", "layer1.1.conv1", "layer2.1"} <= set(marked)
    assert "conv1" not in marked


def test_odd_names_stay_text(stored: dict[str, StoredRun], open_page: OpenPage, draw: Callable[[Page], int]) -> None:
    page = open_page(page_of(stored["odd"]))
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    draw(page)
    assert page.evaluate("document.querySelectorAll('.plot script, #layer-table script').length") == 0
    rows = page.locator("#layer-table td:first-child").all_inner_texts()
    assert set(rows) == {clean_line(name) for name in ODD_NAMES}
    named = page.evaluate(AXIS, ["heatmap-plot", "y"])
    assert {"a,b", "&amp;", "$x^2$", "[link](u)"} <= set(named)


@pytest.mark.parametrize("name", ["resnet", "odd", pytest.param("transformer", marks=pytest.mark.slow)])
def test_pages_keep_the_rules_for_readers_who_cannot_see(
    stored: dict[str, StoredRun],
    open_page: OpenPage,
    draw: Callable[[Page], int],
    axe: Callable[[Page], list[str]],
    name: str,
) -> None:
    page = open_page(page_of(stored[name]))
    for _ in ("light", "dark"):
        draw(page)
        assert axe(page) == []
        page.locator("#theme").click()


@pytest.mark.parametrize(
    "name", [name if name in FEW else pytest.param(name, marks=pytest.mark.slow) for name in RUN_NAMES]
)
def test_no_page_is_wider_than_its_window(
    stored: dict[str, StoredRun],
    open_page: OpenPage,
    draw: Callable[[Page], int],
    overflow: Callable[[Page], int],
    name: str,
) -> None:
    page = open_page(page_of(stored[name]), 400)
    for width in (400, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        draw(page)
        assert overflow(page) <= 0, width


def test_modules_are_compared_row_by_row(
    stored: dict[str, StoredRun], open_page: OpenPage, draw: Callable[[Page], int], tmp_path: Path
) -> None:
    runs = [stored["plain"], stored["interrupted"], stored["gan"]]
    file = tmp_path / "compared.html"
    assert main(["report", *(str(run.path) for run in runs), "-o", str(file)]) == 0
    page = open_page(file)
    draw(page)
    first = page.locator("#row-table tbody tr").first.inner_text()
    assert first.startswith("layers.0")
    assert "Not in B interrupted: layers.9" in page.locator("#rows + p").inner_text()
    page.fill("#row-filter", "layers.3 update_ratio")
    assert page.locator("#row-table tbody tr:visible").count() == 1
    assert page.evaluate(AXIS, ["heatmap-2", "y"])[0] == "generator.0"
    settled(page, "profile-plot")
    assert "A, layers.0" in " ".join(hover(page, "profile-plot", 0.0, 0.0))
