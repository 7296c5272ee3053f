"""Words on pages in Chromium: what they mean, by pointer, key and finger, in both themes, and where no script runs."""

from pathlib import Path

import pytest
from figure_hands import page_of
from made.odd_runs import keep, make_record
from made.shares import share
from page_watch import OpenPage

from gradlab.cli.main import main
from gradlab.report.glossary.index import told
from gradlab.results.stored import StoredRun

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> StoredRun:
    out = tmp_path_factory.mktemp("words")
    run = keep(out, "worded", make_record(14, 8))
    assert main(["report", run.id, "--out", str(out)]) == 0
    return run


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    out = tmp_path_factory.mktemp("worded")
    runs = [keep(out, name, make_record(depth, 8)) for name, depth in (("one", 14), ("other", 12))]
    found = {"run": out / "run.html", "comparison": out / "comparison.html"}
    assert main(["report", runs[0].id, "--out", str(out), "-o", str(found["run"])]) == 0
    assert main(["report", runs[0].id, runs[1].id, "--out", str(out), "-o", str(found["comparison"])]) == 0
    return found


@pytest.mark.parametrize(("width", "theme"), share([(1440, "light"), (1440, "dark"), (400, "light"), (400, "dark")], 3))
def test_the_pointer_is_told_what_a_word_means(run: StoredRun, open_page: OpenPage, width: int, theme: str) -> None:
    page = open_page(page_of(run), width=width, theme=theme)
    word = page.locator("h1 .term")
    word.hover()
    tip = page.locator("#tip")
    meaning = told(word.inner_text())
    assert meaning is not None
    assert tip.is_visible()
    assert tip.inner_text().splitlines() == [meaning.name, meaning.tip]
    box = tip.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    colours = tip.evaluate("(it) => [getComputedStyle(it).color, getComputedStyle(it).backgroundColor]")
    assert colours[0] != colours[1]
    page.mouse.move(0, 0)
    assert not tip.is_visible()


def test_the_keyboard_reaches_every_word_and_escape_puts_the_tip_away(run: StoredRun, open_page: OpenPage) -> None:
    page = open_page(page_of(run))
    # Of several radio buttons the tab key reaches the one that is chosen, and arrows the others.
    shown = "[...document.querySelectorAll('[data-term]')].map((one) => one.matches('label') || !one.checkVisibility())"
    left_out = {place for place, unseen in enumerate(page.evaluate(shown)) if unseen}
    words = page.locator("[data-term]").count()
    assert words - len(left_out) > 20
    reached = set()
    for _ in range(300):
        page.keyboard.press("Tab")
        place = page.evaluate(
            "[...document.querySelectorAll('[data-term]')].findIndex((one) => one.contains(document.activeElement))"
        )
        if place >= 0 and place not in reached:
            reached.add(place)
            assert page.locator("#tip").is_visible()
            described = page.evaluate(
                "document.getElementById(document.activeElement.getAttribute('aria-describedby')).textContent"
            )
            assert described in page.locator("#tip").inner_text()
        if page.evaluate("document.activeElement.closest('#words') !== null"):
            break
    assert reached | left_out == set(range(words))
    page.locator("h1 .term").focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    assert page.locator("#tip").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#tip").is_visible()


def test_a_finger_is_told(run: StoredRun, open_page: OpenPage) -> None:
    page = open_page(page_of(run), width=400, has_touch=True, is_mobile=True)
    page.locator("h1 .term").tap()
    assert page.locator("#tip").is_visible()


@pytest.mark.parametrize("kind", ["run", "comparison"])
def test_the_words_stand_at_the_end_where_no_script_runs(
    pages: dict[str, Path], kind: str, open_page: OpenPage
) -> None:
    page = open_page(pages[kind], javascript=False)
    page.locator("#words summary").click()
    listed = dict(
        zip(page.locator("#words dt").all_inner_texts(), page.locator("#words dd").all_inner_texts(), strict=True)
    )
    assert {"backward_decades", "log10_backward_rms"} <= set(listed)
    for name, text in listed.items():
        meaning = told(name)
        assert meaning is not None
        assert text == meaning.tip


@pytest.mark.parametrize("kind", ["run", "comparison"])
def test_every_word_is_described_by_an_element_that_is_there(
    pages: dict[str, Path], kind: str, open_page: OpenPage
) -> None:
    page = open_page(pages[kind])
    named = page.evaluate(
        "[...document.querySelectorAll('[aria-describedby]')].map((one) => one.getAttribute('aria-describedby'))"
    )
    marked = page.evaluate("[...document.querySelectorAll('[data-term]')].map((one) => one.dataset.term)")
    assert named
    lost = page.evaluate("(ids) => ids.filter((id) => !document.getElementById(id))", [*named, *marked])
    assert lost == []
