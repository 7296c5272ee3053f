"""Names, paths and messages that would be markup, script or a change of direction elsewhere: on a page they are text."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from made.odd_runs import keep, make_record
from page_watch import OpenPage
from playwright.sync_api import Page

from gradlab.cli.main import main
from gradlab.report.page.run.page import run_page
from gradlab.report.page.shared.document import encoded
from gradlab.report.views.run import view
from gradlab.results.finding import Finding, Remedy
from gradlab.results.record import Expectation, Outcome
from gradlab.results.store import Store

pytestmark = pytest.mark.browser

TEXTS = (
    "<script>alert('{}')</script>",
    "</script><script>alert('{}')</script>",
    "<img src=x onerror=alert('{}')>",
    "\" onmouseover=\"alert('{}')\" ' autofocus onfocus='alert(1)",
    "--><b id=smuggled>{}</b><!--",
    "{{{{ 7 * 7 }}}} ${{7*7}} &lt;b&gt; &amp; {}",
    "שלום {} עולם 😀 日本語",
)


def hostile(where: str) -> str:
    """All of the texts in one line, each with the name of its place."""
    return " ".join(text.format(where) for text in TEXTS)


def assert_only_text(page: Page) -> None:
    """Nothing of a text became an element, an attribute or a script."""
    assert page.locator("#smuggled").count() == 0
    assert page.locator("main img, main script, main [onerror], main [onmouseover], main [autofocus]").count() == 0
    assert page.locator("script").count() == page.locator("body > script, head > script").count()


def test_texts_of_a_run_stay_texts(
    tmp_path: Path, open_page: OpenPage, draw: Callable[[Page], int], overflow: Callable[[Page], int]
) -> None:
    out = tmp_path / "a\"><script>alert(1)<\\script>&' 😀 שלום"
    places = ("message", "remedy", "rule", "reason", "expectation", "actual", "forecast", "argv", "host")
    told = {place: hostile(place) for place in places}
    remedy = Remedy(
        {f"train.{hostile('field')}": hostile("value"), "model.init": {hostile("key"): [None, hostile("item")]}}, ""
    )
    findings = (
        Finding("vanishing", "critical", (1, 4), 0, -30.0, -3.0, told["message"], told["remedy"], (remedy,)),
        Finding(told["rule"], "warning", None, 3, 1.0, 2.0, "plain", ""),
    )
    run = keep(
        out,
        "hostile",
        make_record(24, 12),
        steps=12,
        manifest={"argv": ["gradlab", told["argv"]], "host": told["host"]},
        data={"source": "file", "path": hostile("path").replace("/", "|") + ".csv", "target": "y"},
        changes={
            "findings": findings,
            "verdict": "vanishing",
            "expected_backward_decades": None,
            "expected_reason": told["forecast"],
            "expectations": (Expectation(told["expectation"], False, told["actual"]),),
        },
    )
    stored = Store(out).load(run.id)
    path = run.path / "report.html"
    path.write_bytes(encoded(run_page(stored, view(stored), path, Store(out).runs())))
    page = open_page(path, 360)
    for width in (360, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        draw(page)
        for link in page.locator("[data-finding]").all():
            link.click()
        page.locator("details:not([open]) summary").last.click()
        text = page.locator("main").inner_text()
        for place in places:
            if place != "reason":
                assert told[place] in text, place
        assert hostile("path").replace("/", "|") in text
        assert out.name in text
        assert_only_text(page)
        assert overflow(page) == 0


def test_a_failure_s_reason_and_traceback_stay_texts(
    tmp_path: Path, open_page: OpenPage, overflow: Callable[[Page], int]
) -> None:
    reason, trace = hostile("reason"), hostile("traceback") + "\n" + "x" * 3000
    run = keep(tmp_path, "broken", None, Outcome("failed", reason=reason), attachments={"traceback.txt": trace + "\n"})
    assert main(["report", run.id, "--out", str(tmp_path)]) == 0
    page = open_page(run.path / "report.html", 360)
    text = page.locator("main").inner_text()
    assert reason in text
    assert trace in text
    assert_only_text(page)
    assert overflow(page) == 0


def test_control_characters_and_overrides_of_direction_are_taken_out(tmp_path: Path, open_page: OpenPage) -> None:
    reason = "safe\x00\x1b[31m \u202egnirts desrever\u202c \u2066isolate\u2069 end"
    run = keep(tmp_path, "controls", None, Outcome("failed", reason=reason))
    assert main(["report", run.id, "--out", str(tmp_path)]) == 0
    source = (run.path / "report.html").read_text(encoding="utf-8")
    lead = source.partition('<p class="lead"')[2].partition("</p>")[0]
    assert "gnirts desrever" in lead
    assert not {"\x00", "\x1b", "\u202e", "\u202c", "\u2066"} & set(lead)
    assert "safe [31m gnirts desrever isolate end" in open_page(run.path / "report.html").locator("main").inner_text()


def test_seeds_link_through_a_hostile_directory(tmp_path: Path, open_page: OpenPage) -> None:
    out = tmp_path / "50% #1?a=b&c <i> 😀"
    for seed in (0, 1):
        run = keep(out, "seeded", make_record(4, 5, seed=seed), steps=5, seed=seed)
        assert main(["report", run.id, "--out", str(out)]) == 0
    page = open_page(run.path / "report.html", reduced_motion="reduce")
    page.evaluate("gradlab.figures.find((one) => one.element.id === 'seeds-plot').force()")
    page.locator("#seeds-plot").focus()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    page.wait_for_url("**/seeded-*/report.html")
    assert "seed 0" in page.locator("main").inner_text()


def test_text_of_the_data_cannot_end_its_element(tmp_path: Path) -> None:
    record = make_record(4, 5)
    run = replace(keep(tmp_path, "data", record, steps=5), id="</script><b>")
    page = run_page(run, view(run), tmp_path / "page.html")
    data = page.partition('id="page-data">')[2].partition("</script>")[0]
    assert data.startswith("{")
    assert data.endswith("}")
    assert "\\u003c/script\\u003e\\u003cb\\u003e" in data
