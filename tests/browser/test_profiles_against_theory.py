"""The page of a run in Chromium: profiles divided by what theory expects of them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from figure_hands import settled, tip, traces, until
from page_watch import OpenPage
from playwright.sync_api import Page

import gradlab
from gradlab.cli.main import main
from gradlab.report.views.run import view

pytestmark = pytest.mark.browser

PROFILE = "profile-log10_backward_rms"


def test_the_band_can_be_seen(tmp_path: Path, open_page: OpenPage, draw: Callable[[Page], int]) -> None:
    config = {
        "model": {"depth": 12, "width": 16, "activation": "sigmoid", "init": "xavier"},
        "data": {"source": "xor", "samples": 80},
        "train": {"steps": 3},
    }
    (run,) = gradlab.run(config, out=tmp_path)
    assert main(["report", run.id, "--out", str(tmp_path)]) == 0
    profile = view(run).profiles[0]
    assert profile.band is not None
    page = open_page(run.path / "report.html")
    draw(page)
    page.locator("#against label", has_text="divided by").click()
    until(page, f"document.getElementById('{PROFILE}').layout.yaxis.title?.text === '× theory'")
    drawn = {trace["name"]: trace["y"] for trace in traces(page, PROFILE) if "name" in trace}
    assert drawn["theory"] == [0] * len(profile.band.layers)
    expected = profile.init.values[: len(profile.band.layers)] - profile.band.typical
    np.testing.assert_allclose(drawn["step 0"][: len(expected)], expected, atol=1e-6)
    settled(page, PROFILE).focus()
    page.keyboard.press("ArrowRight")
    assert tip(page)[-1] == f"step 0 is {float(f'{10 ** expected[0]:.3g}'):.10g} × theory"
    page.locator("#against label", has_text="as measured").click()
    until(page, f"document.getElementById('{PROFILE}').layout.yaxis.title?.text !== '× theory'")
    measured = {trace["name"]: trace["y"] for trace in traces(page, PROFILE) if "name" in trace}
    np.testing.assert_allclose(measured["step 0"], profile.init.values, rtol=1e-6)
