"""The picture that docs/architecture.md adds to the page of a run is drawn there."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from figure_hands import traces
from page_watch import OpenPage
from playwright.sync_api import Page

from gradlab.results.stored import StoredRun
from tests.made.recipes import follow

pytestmark = pytest.mark.browser


def test_the_added_picture_is_drawn(
    small: list[StoredRun], open_page: OpenPage, draw: Callable[[Page], int], tmp_path: Path
) -> None:
    follow(tmp_path)
    written = tmp_path / "page.html"
    subprocess.run(
        [sys.executable, "-m", "gradlab", "report", small[0].id, "--out", str(small[0].path.parent), "-o", str(written)],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path)}, check=True, capture_output=True,
    )  # fmt: skip
    page = open_page(written)
    assert draw(page) == 10  # four profiles, heatmap, three curves, seeds, and the one that was added
    (line,) = traces(page, "travel-plot")
    assert line["x"] == small[0].record.steps.tolist()
