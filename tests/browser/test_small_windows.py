"""What a narrow window must still show: both sides, names, whole words, and that a table goes on."""

from pathlib import Path

import pytest
from figure_hands import until
from made.odd_runs import keep, make_record
from page_watch import OpenPage
from playwright.sync_api import Page

from gradlab.report.page.comparison.page import comparison_page
from gradlab.report.page.run.page import run_page
from gradlab.report.page.shared.document import encoded
from gradlab.report.views.run import view

pytestmark = pytest.mark.browser

NAME = "vanishing_gradients_of_a_deep_network-with.xavier"

BROKEN_PARTS = """(selector) => {
  const parts = [], walker = document.createTreeWalker(document.querySelector(selector), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) for (const word of walker.currentNode.data.matchAll(/\\S+/g)) {
    const range = document.createRange();
    range.setStart(walker.currentNode, word.index);
    range.setEnd(walker.currentNode, word.index + word[0].length);
    if (new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size > 1) parts.push(word[0]);
  }
  return parts;
}"""
"""Words of an element, or parts of a name between two places to break at, that stand in more than one line."""


def inside(page: Page, selector: str) -> bool:
    """Whether all that a selector names lies within the window from left to right."""
    return bool(
        page.locator(selector).evaluate_all(
            """(all) => all.length > 0 && all.every((one) => {
              const box = one.getBoundingClientRect();
              return box.width > 0 && box.left >= 0 && box.right <= innerWidth;
            })"""
        )
    )


def test_a_comparison_shows_both_sides_and_their_names(tmp_path: Path, open_page: OpenPage) -> None:
    runs = [
        keep(tmp_path, NAME, make_record(8, 12), steps=12),
        keep(tmp_path, f"{NAME}_too", make_record(12, 12), steps=12),
    ]
    path = tmp_path / "page.html"
    path.write_text(comparison_page(runs, path), encoding="utf-8")
    page = open_page(path, 400)
    assert page.evaluate(BROKEN_PARTS, "h1") == []
    assert page.evaluate(BROKEN_PARTS, ".sides") == []
    assert inside(page, "#config-table td, #config-table th")
    names = page.locator("#side-switch .cut")
    assert [name.inner_text() for name in names.all()] == [NAME, f"{NAME}_too"]
    assert inside(page, "#side-switch label:first-of-type .cut")
    page.wait_for_timeout(50)
    assert page.locator("#side-switch").get_attribute("data-more") == "end"
    shadow = "getComputedStyle(document.getElementById('side-switch')).boxShadow"
    assert "inset" in page.evaluate(shadow)


def test_a_wide_table_shows_that_it_scrolls(tmp_path: Path, open_page: OpenPage) -> None:
    run = keep(tmp_path, NAME, make_record(40, 12), steps=12)
    path = run.path / "report.html"
    path.write_bytes(encoded(run_page(run, view(run), path)))
    page = open_page(path, 400)
    assert page.evaluate(BROKEN_PARTS, "h1") == []
    regions = page.locator(".scroll")
    assert regions.count() >= 3
    for region in regions.all():
        assert region.get_attribute("tabindex") == "0"
        assert region.get_attribute("role") == "region"
        assert region.get_attribute("aria-label")
    frame, more = page.locator(".frame:has(#layer-table)"), page.locator(".frame:has(#layer-table) + .more")
    region = page.locator(".scroll:has(#layer-table)")
    region.scroll_into_view_if_needed()
    assert frame.get_attribute("data-more") == "end down"
    columns = page.locator("#layer-table thead th").count()
    beyond = int(more.inner_text().split()[0])
    assert 0 < beyond < columns
    assert "more columns to the right" in more.inner_text()
    assert "rows below" in more.inner_text()
    assert frame.locator("> .beside").is_visible()
    region.focus()
    page.keyboard.press("ArrowRight")
    until(page, "document.querySelector('.scroll:has(#layer-table)').scrollLeft > 0")
    region.evaluate("(one) => { one.scrollLeft = one.scrollWidth; one.scrollTop = one.scrollHeight; }")
    page.wait_for_timeout(100)
    assert frame.get_attribute("data-more") == "start"
    assert more.inner_text() == ""
    assert not frame.locator("> .beside").is_visible()
