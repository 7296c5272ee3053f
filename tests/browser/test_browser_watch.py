"""The fixtures themselves: a page that misbehaves is caught."""

from collections.abc import Callable
from pathlib import Path

import pytest
from page_watch import Contexts, OpenPage, Watch
from playwright.sync_api import Page

pytestmark = pytest.mark.browser

BAD = """<!doctype html><html lang="en"><title>bad</title><body style="width: 3000px"><img src="{source}"><script>{script}</script>"""


def bad(directory: Path, script: str = "", source: str = "data:,") -> Path:
    path = directory / "bad.html"
    path.write_text(BAD.format(script=script, source=source))
    return path


@pytest.mark.parametrize(
    ("script", "source", "expected"),
    [
        ("console.error('oh')", "data:,", "console error: oh"),
        ("console.warn('hm')", "data:,", "console warning: hm"),
        ("throw new Error('boom')", "data:,", "exception: boom"),
        ("alert(1)", "data:,", "dialog: 1"),
        ("", "https://example.org/pixel.png", "request: https://example.org/pixel.png"),
        ("fetch('http://127.0.0.1:9/').catch(() => 0)", "data:,", "request: http://127.0.0.1:9/"),
    ],
)
def test_misbehaviour_is_seen(
    tmp_path: Path, open_page: OpenPage, watch: Watch, script: str, source: str, expected: str
) -> None:
    page = open_page(bad(tmp_path, script, source))
    page.wait_for_load_state("load")
    page.wait_for_timeout(50)
    assert expected in watch.troubles
    watch.troubles.clear()


def test_the_rules_and_the_overflow_are_seen(
    tmp_path: Path, open_page: OpenPage, axe: Callable[[Page], list[str]], overflow: Callable[[Page], int]
) -> None:
    page = open_page(bad(tmp_path), width=360)
    assert any("image-alt" in line for line in axe(page))
    assert overflow(page) > 2000


def test_the_next_reader_comes_for_the_first_time(tmp_path: Path, open_page: OpenPage, contexts: Contexts) -> None:
    page = open_page(bad(tmp_path, "localStorage.setItem('kept', 'yes')"), theme="dark")
    assert open_page(bad(tmp_path)).evaluate("localStorage.getItem('kept')") == "yes"
    contexts.forget()
    assert page.is_closed()
    other = open_page(bad(tmp_path))
    assert other.evaluate("[localStorage.length, matchMedia('(prefers-color-scheme: dark)').matches]") == [0, False]
    assert len(other.context.pages) == 2  # the one that keeps the process alive, and this one
