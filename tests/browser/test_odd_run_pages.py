"""Runs without an end, without data, without a finite number, and very large ones: each page says what it is, and is well."""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from figure_hands import hover, settled, traces, until
from made.odd_runs import filled, keep, make_record
from page_watch import OpenPage
from playwright.sync_api import Page

from gradlab.cli.main import main
from gradlab.config.quantities import selected
from gradlab.results.record import Column, Outcome
from gradlab.results.stored import StoredRun

pytestmark = pytest.mark.browser

MOST_BYTES = 6_000_000


def diverged(out: Path) -> StoredRun:
    record = filled(filled(make_record(10, 60), math.inf, 40), math.nan, 45)
    return keep(out, "diverged", record, Outcome("diverged", 40, 3), steps=60)


def one_layer(out: Path) -> StoredRun:
    return keep(out, "one_layer", make_record(1, 60), steps=60)


def one_step(out: Path) -> StoredRun:
    return keep(out, "one_step", make_record(10, 1), steps=1)


def one_of_each(out: Path) -> StoredRun:
    return keep(out, "one_of_each", make_record(1, 1), steps=1)


def no_layers(out: Path) -> StoredRun:
    return keep(out, "no_layers", make_record(10, 60, ()), record={"quantities": "none"}, steps=60)


def failed(out: Path) -> StoredRun:
    trace = "Traceback (most recent call last):\n  in train\nMemoryError: 3 GB\n"
    return keep(
        out, "failed", None, Outcome("failed", reason="MemoryError: 3 GB"), attachments={"traceback.txt": trace}
    )


def failed_on_the_way(out: Path) -> StoredRun:
    return keep(out, "failed_on_the_way", make_record(5, 10), Outcome("failed", reason="its worker was killed"))


def interrupted(out: Path) -> StoredRun:
    return keep(
        out, "interrupted", make_record(10, 20), Outcome("interrupted", 20, None, "interrupted at step 20 of 200")
    )


def interrupted_at_once(out: Path) -> StoredRun:
    return keep(
        out, "interrupted_at_once", make_record(10, 0), Outcome("interrupted", 0, None, "interrupted at step 0 of 200")
    )


def all_nan(out: Path) -> StoredRun:
    return keep(out, "all_nan", filled(make_record(10, 60), math.nan), Outcome("diverged", 0, 1), steps=60)


def all_infinite(out: Path) -> StoredRun:
    return keep(out, "all_infinite", filled(make_record(10, 60), math.inf), Outcome("diverged", 0, 1), steps=60)


def all_zero(out: Path) -> StoredRun:
    return keep(out, "all_zero", filled(make_record(10, 60), -math.inf), steps=60)


def exploding(out: Path) -> StoredRun:
    return keep(out, "exploding", make_record(30, 20, decades_a_layer=-40.0), steps=20)


CASES: dict[Callable[[Path], StoredRun], tuple[str, list[str], int]] = {
    diverged: ("diverged", ["not finite", "step 40", "since step 40", "Layers at step 39"], 8),
    one_layer: ("healthy", ["1 × 8 sigmoid", "one hidden layer"], 8),
    one_step: ("vanishing", ["10 × 8 sigmoid", "· 1 step ·", "Layers at step 0"], 8),
    one_of_each: ("undecided", ["1 × 8 sigmoid", "· 1 step ·"], 8),
    no_layers: ("not_judged", ["No layer was recorded (record.quantities: none)"], 3),
    failed: ("failed", ["MemoryError: 3 GB", "ended before its first step", "Traceback", "in train"], 0),
    failed_on_the_way: ("failed", ["its worker was killed", "Layers at step 9"], 8),
    interrupted: ("interrupted", ["interrupted at step 20 of 200", "Layers at step 19"], 8),
    interrupted_at_once: ("interrupted", ["interrupted at step 0 of 200", "before a step was taken down"], 0),
    all_nan: ("diverged", ["no longer finite from step 0", "Layers at step 0", "nan"], 8),
    all_infinite: ("diverged", ["no longer finite from step 0", "inf"], 8),
    all_zero: ("saturated", ["Layers at step 59", "-inf"], 8),
    exploding: ("exploding", ["grows by", "Layers at step 19"], 8),
}
"""What makes the run -> the word on its page, what the page says, and the number of its figures."""

FIRST = (diverged, one_of_each, no_layers, failed, all_infinite)
"""Those that are looked at in every change; `make proofs` looks at all."""


@pytest.mark.parametrize(
    "make",
    [make if make in FIRST else pytest.param(make, marks=pytest.mark.slow) for make in CASES],
    ids=lambda make: make.__name__,
)
def test_an_odd_run_says_what_it_is(
    tmp_path: Path,
    open_page: OpenPage,
    draw: Callable[[Page], int],
    axe: Callable[[Page], list[str]],
    overflow: Callable[[Page], int],
    make: Callable[[Path], StoredRun],
) -> None:
    run = make(tmp_path)
    assert main(["report", run.id, "--out", str(tmp_path)]) == 0
    word, said, figures = CASES[make]
    page = open_page(run.path / "report.html", 360)
    assert draw(page) == figures
    assert page.locator("h1").inner_text() == f"{run.name}: {word}"
    text = page.locator("main").inner_text()
    for words in said:
        assert words in text, words
    assert overflow(page) == 0
    assert axe(page) == []
    page.set_viewport_size({"width": 1440, "height": 900})
    draw(page)
    assert overflow(page) == 0


def test_what_is_not_finite_has_its_colours_and_its_lane(tmp_path: Path, open_page: OpenPage) -> None:
    run = diverged(tmp_path)
    assert main(["report", run.id, "--out", str(tmp_path)]) == 0
    page = open_page(run.path / "report.html", reduced_motion="reduce")
    settled(page, "heatmap-plot")
    plain, special = traces(page, "heatmap-plot")
    assert plain["z"][0][39] is not None
    assert [row[40] for row in plain["z"]] == [None] * 11
    assert [row[40:] for row in special["z"]] == [[1] * 20] * 11
    assert hover(page, "heatmap-plot", 41, 2) == ["layer 3, step 41", "gradient norm: inf"]
    assert hover(page, "heatmap-plot", 50, 2) == ["layer 3, step 50", "gradient norm: nan (not a number)"]
    assert "not finite" in page.locator("#heatmap-note").inner_text()
    told = "(id) => document.getElementById(id).layout.annotations.map((one) => one.text)"
    assert page.evaluate(told, "heatmap-plot") == ["✖ not finite from step 40"]
    settled(page, "curve-loss")
    assert page.evaluate(told, "curve-loss") == ["✖ not finite from step 40"]
    assert page.locator("#curve-loss .legendtext").all_text_contents().count("not finite") == 1
    marks = next(trace for trace in traces(page, "curve-loss") if trace["name"] == "not finite")
    assert marks["x"] == list(range(40, 60))
    low, high = page.evaluate("document.getElementById('curve-loss')._fullLayout.yaxis.range")
    loss = run.record.figures["loss"].values[:40]
    assert low < marks["y"][0] < loss.min() < loss.max() < high
    assert hover(page, "curve-loss", 50, marks["y"][0]) == ["step 50", "loss: nan (not a number)"]


def test_a_divergence_between_two_records_is_marked_where_it_was(tmp_path: Path, open_page: OpenPage) -> None:
    run = keep(tmp_path, "between", make_record(10, 20, every=10), Outcome("diverged", 16, 3), steps=60)
    assert run.record is not None
    assert run.record.steps.tolist() == [0, 10]
    assert main(["report", run.id, "--out", str(tmp_path)]) == 0
    page = open_page(run.path / "report.html", reduced_motion="reduce")
    for figure, place in (("curve-loss", 16), ("heatmap-plot", 1.5)):
        settled(page, figure)
        told = f"document.getElementById('{figure}')"
        assert page.evaluate(f"{told}.layout.annotations.map((one) => one.text)") == ["✖ not finite from step 16"]
        assert place in page.evaluate(f"{told}.layout.shapes.map((one) => one.x0)")
        low, high = page.evaluate(f"{told}._fullLayout.xaxis.range")
        assert low <= place <= high


def test_a_lone_zero_a_lone_spike_and_what_was_held_out_are_seen(tmp_path: Path, open_page: OpenPage) -> None:
    record = make_record(480, 3_000, ("log10_grad_norm", "log10_backward_rms", "forward_rms"))
    record.layers["log10_grad_norm"].values[1_500, 100] = -math.inf
    record.figures["loss"].values[1_777] = 1e30
    steps = [0, 1_000, 2_000, 2_999]
    held = Column(np.full(3_000, 2.0), np.isin(record.steps, steps))
    held.values[steps[1]] = math.nan
    record = replace(record, figures={**record.figures, "holdout_loss": held})
    run = keep(tmp_path, "lone", record, steps=3_000)
    assert main(["report", run.id, "--out", str(tmp_path)]) == 0
    page = open_page(run.path / "report.html", reduced_motion="reduce")
    settled(page, "heatmap-plot")
    _, special = traces(page, "heatmap-plot")
    (place,) = [(row, at) for row, line in enumerate(special["z"]) for at, kind in enumerate(line) if kind == 0]
    assert hover(page, "heatmap-plot", place[1], place[0])[1].endswith(
        "(every entry is zero; log10 −inf), somewhere in the cell"
    )
    settled(page, "curve-loss")
    drawn = {trace["name"]: trace for trace in traces(page, "curve-loss")}
    assert dict(zip(drawn["loss"]["x"], drawn["loss"]["y"], strict=True))[1_777] == 30
    assert drawn["not finite"]["x"] == [steps[1]]
    assert drawn["not finite"]["marker"]["symbol"] == "x"
    low, high = page.evaluate("document.getElementById('curve-loss')._fullLayout.yaxis.range")
    assert low <= drawn["not finite"]["y"][0] <= high


def test_zero_is_told_from_what_has_no_meaning(tmp_path: Path, open_page: OpenPage) -> None:
    run = all_zero(tmp_path)
    assert main(["report", run.id, "--out", str(tmp_path)]) == 0
    page = open_page(run.path / "report.html", reduced_motion="reduce")
    settled(page, "heatmap-plot")
    assert hover(page, "heatmap-plot", 3, 3) == [
        "layer 4, step 3",
        "gradient norm: 0 (every entry is zero; log10 −inf)",
    ]
    assert page.locator("#heatmap-note").inner_text().endswith("zero")
    page.locator("#switch input[value=mean_slope]").check(force=True)
    settled(page, "heatmap-plot")
    assert hover(page, "heatmap-plot", 3, 3)[1] == "mean slope: 0.000"
    assert hover(page, "heatmap-plot", 3, 10) == ["layer 11, step 3", "mean slope: – (has no meaning here)"]
    assert page.locator("#heatmap-note").inner_text().endswith("has no meaning")


LARGE = {
    "usual": (50, 200, ("all",)),
    "deep": (2_000, 200, ("all",)),
    "long": (50, 20_000, ("log10_grad_norm", "log10_backward_rms", "forward_rms")),
    "square": (316, 316, ("log10_grad_norm", "log10_backward_rms")),
    "deeper": (10_000, 20, ("default",)),
}
"""Name -> hidden layers, steps, quantities."""


@pytest.mark.parametrize(
    "name", ["usual", "deep", *(pytest.param(name, marks=pytest.mark.slow) for name in ("long", "square", "deeper"))]
)
def test_a_large_run_fits_and_is_quick(
    tmp_path: Path, open_page: OpenPage, draw: Callable[[Page], int], overflow: Callable[[Page], int], name: str
) -> None:
    depth, steps, asked = LARGE[name]
    record = make_record(depth, steps, selected(asked), decades_a_layer=0.62 if depth < 5000 else 0.1)
    run = keep(tmp_path, name, record, steps=steps)
    start = time.perf_counter()
    assert main(["report", run.id, "--out", str(tmp_path)]) == 0
    written = time.perf_counter() - start
    path = run.path / "report.html"
    size = path.stat().st_size
    assert size <= MOST_BYTES
    start = time.perf_counter()
    page = open_page(path)
    loaded = time.perf_counter() - start
    draw(page)
    drawn = time.perf_counter() - start
    assert overflow(page) == 0
    settled(page, "heatmap-plot")
    rows = traces(page, "heatmap-plot")[0]["z"]
    assert len(rows) <= 240
    assert len(rows) * len(rows[0]) <= 24_000
    switch = page.evaluate(
        """async () => {
          const map = gradlab.figures.find((one) => one.element.id === "heatmap-plot"), start = performance.now();
          document.querySelector("#switch input[value=log10_backward_rms]").click();
          await map.busy;
          return performance.now() - start;
        }"""
    )
    until(page, "document.getElementById('heatmap-note').textContent.includes('log10_backward_rms')")
    print(
        f"{name}: {size / 1e6:.2f} MB, written in {written:.1f} s, loaded in {loaded:.2f} s, all drawn after {drawn:.2f} s,"
        f" switch of {len(rows)} × {len(rows[0])} cells {switch:.0f} ms"
    )
    text = page.locator("main").inner_text()
    if depth > 1000:
        assert f"The worst 999 of {depth} hidden layers and the readout" in text
        assert page.locator("#layer-table tbody tr").count() == 1000
    if depth > 240 or steps > 480:
        assert "Each cell is the mean over" in text
        assert hover(page, "heatmap-plot", 3, 3)[1].endswith("mean of the cell")
        over = page.locator("#heatmap-note").inner_text().partition("mean over ")[2].partition(" and the like")[0]
        assert ("layer" in over, "step" in over) == (depth > 240, len(rows[0]) < steps)
    if steps > 2_000:
        assert 1_000 < page.evaluate("document.getElementById('curve-loss').data[0].x.length") <= 2_000
