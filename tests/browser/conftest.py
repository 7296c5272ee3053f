"""Chromium without a network: each page that a test opens must stay silent and ask nothing of anybody."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from page_watch import Contexts, OpenPage, Watch
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

import gradlab
from gradlab.cli.main import main
from gradlab.results.stored import StoredRun

ROOT = Path(__file__).parents[2]

ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--process-per-site",
)  # fmt: skip
"""All pages of a context share one process, which compiles the five megabytes of the pages' library once and not for each page."""

DRAWN = (
    "Promise.all(gradlab.figures.map((one) => (one.near ? one.busy : one.force()))).then(() => gradlab.figures.length)"
)
"""Draws every figure that is not drawn yet, also those far below the window; their number."""


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Playwright's driver."""
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """One browser for all tests of a process."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.fail("no Chromium found; `apt-get install chromium` brings one, or set CHROMIUM to its executable")
    browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
    yield browser
    browser.close()


@pytest.fixture
def watch() -> Iterator[Watch]:
    """What the test's pages did that they must not do; the test fails at its end if there is any."""
    watching = Watch()
    yield watching
    assert not watching.troubles, "\n".join(watching.troubles)


@pytest.fixture(scope="session")
def contexts(chromium: Browser) -> Contexts:
    """The contexts of a process's tests."""
    return Contexts(chromium)


@pytest.fixture
def open_page(contexts: Contexts, watch: Watch) -> Iterator[OpenPage]:
    """Opens a file in a new page, offline, that finds nothing kept: `open_page(path, width=1440, theme="light", javascript=True)`.

    More keywords go to the context (`has_touch`, `is_mobile`, `permissions`).
    """

    def opened(
        path: Path,
        width: int = 1440,
        theme: Literal["light", "dark"] = "light",
        javascript: bool = True,
        reduced_motion: Literal["no-preference", "reduce"] = "no-preference",
        **more: Any,
    ) -> Page:
        page = contexts.page(java_script_enabled=javascript, **more)
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme, reduced_motion=reduced_motion)
        watch.over(page)
        page.goto(path.resolve().as_uri())
        return page

    yield opened
    contexts.forget()


@pytest.fixture
def draw() -> Callable[[Page], int]:
    """Draws every figure of a page and waits until all are there; their number."""

    def drawn(page: Page) -> int:
        number = int(page.evaluate(DRAWN))
        assert page.locator(".plot[data-drawn=yes]").count() == number, "a figure was not drawn"
        return number

    return drawn


@pytest.fixture(scope="session")
def axe_script() -> str:
    """The accessibility rules."""
    path = Path(os.environ.get("AXE") or ROOT / "build" / "browser" / "node_modules" / "axe-core" / "axe.min.js")
    if not path.is_file():
        pytest.fail(f"{path}: the accessibility rules are not there; `make browser` installs them")
    return path.read_text(encoding="utf-8")


@pytest.fixture
def axe(axe_script: str) -> Callable[[Page], list[str]]:
    """Serious and critical violations of the accessibility rules on a page, one line each."""

    def violations(page: Page) -> list[str]:
        page.evaluate(axe_script)
        found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
        return [
            f"{one['impact']} {one['id']}: {one['help']}: " + "; ".join(node["html"][:160] for node in one["nodes"][:3])
            for one in found
            if one["impact"] in ("serious", "critical")
        ]

    return violations


@pytest.fixture
def overflow() -> Callable[[Page], int]:
    """Pixels by which a page is wider than its window."""

    def wider(page: Page) -> int:
        return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    return wider


SMALL = {
    "name": "small",
    "model": {"depth": 12, "width": 16, "activation": "sigmoid", "init": "xavier"},
    "data": {"source": "digits", "batch_size": 16},
    "train": {"steps": 30, "lr": 0.01},
    "record": {"quantities": "all"},
}
"""Vanishes, so that there is a finding to follow."""


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> list[StoredRun]:
    """Three seeds of a small run that records everything, each with its page."""
    out = tmp_path_factory.mktemp("small")
    runs = gradlab.run(SMALL, seeds=range(3), out=out)
    for run in runs:
        assert main(["report", run.id, "--out", str(out)]) == 0
    return runs
