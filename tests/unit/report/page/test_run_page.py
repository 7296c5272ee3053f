"""The page of a run: what stands on it, for runs of every kind. What it looks like and does is for `make browser`."""

import html
import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made.deep_runs import finding, stored
from made.odd_runs import keep, make_record
from made.runs import make_spectrum
from made.shares import share

from gradlab.config.catalogue import VERDICTS
from gradlab.datasets.probe import Probe
from gradlab.datasets.profile import ColumnScale, DataProfile
from gradlab.report.page.run import page as page_of_a_run
from gradlab.report.page.run.page import run_page
from gradlab.report.views.run import view
from gradlab.results.finding import Remedy
from gradlab.results.record import Column, Outcome, Record, Spectrum
from gradlab.results.store import Store
from gradlab.results.stored import StoredRun


def page_of(run: StoredRun, place: Path = Path("report.html"), out: Path | None = None) -> str:
    return run_page(run, view(run), place, Store(out).runs() if out else ())


def data_of(page: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(page.partition('id="page-data">')[2].partition("</script>")[0])
    return found


def main_of(page: str) -> str:
    """What stands on the page, tags included."""
    return html.unescape(page.partition("<main")[2].partition("</main>")[0])


def ids(page: str) -> set[str]:
    return set(re.findall(r'\bid="([^"]+)"', page))


def test_verdict_first_then_findings_then_everything_else() -> None:
    text = re.sub(r"</?span[^>]*>", "", main_of(page_of(stored(12))))
    order = ["vanishing</h1>", "critical: vanishing", "remedy:", "Expectations", "FAILED", "Figures</h2>",
             "Over the layers", "Over layers and steps", "Over the steps", "Layers at step", "What was run"]  # fmt: skip
    places = [text.index(words) for words in order]
    assert places == sorted(places)


def test_each_alternative_of_a_remedy_is_there_to_copy() -> None:
    remedies = (
        Remedy({"model.init": {"scheme": "critical"}, "train.lr": 0.001}, "why"),
        Remedy({"model.depth": 6}, "&"),
    )
    page = main_of(page_of(stored(12, findings=(finding(remedies=remedies),))))
    blocks = re.findall(r"<pre><code>(.*?)</code></pre>", page.partition("Expectations")[0], flags=re.S)
    assert blocks == [
        "model:\n  init: {scheme: critical}\ntrain:\n  lr: 0.001",
        "-s 'model.init={scheme: critical}' -s train.lr=0.001",
        "model:\n  depth: 6",
        "-s model.depth=6",
    ]
    assert page.count('class="copy"') == 4
    assert 'class="change"' not in main_of(page_of(stored(12)))


def test_what_a_finding_says_is_not_said_twice() -> None:
    run = stored(12)
    assert main_of(page_of(run)).count(finding().message) == 1
    other = stored(12, findings=(finding(rule="note", severity="note"),), verdict="healthy")
    assert 'class="lead"' in page_of(other)


@pytest.mark.parametrize(
    "rule",
    [
        *(verdict for verdict in VERDICTS if verdict not in ("healthy", "not_judged")),
        *("theory", "symmetry", "first_loss", "by_heart"),
    ],
)
def test_every_finding_has_its_picture(rule: str, tmp_path: Path) -> None:
    run = keep(
        tmp_path, "pictured", make_record(6, 5), steps=5, changes={"findings": (finding(rule=rule, layers=(2, 3)),)}
    )
    page = page_of(run)
    (place,) = data_of(page)["findings"]
    assert place["anchor"] in ids(page)
    assert place["layers"] == [2, 3]
    shown = (
        {grid["quantity"] for grid in data_of(page)["grids"]}
        | {"loss"}
        | {one["quantity"] for one in data_of(page)["profiles"]}
    )
    assert place["quantity"] in shown
    assert f'href="#{place["anchor"]}"' in page


@pytest.mark.parametrize("rule", ["scale", "columns"])
def test_a_finding_about_the_data_leads_to_them(rule: str, tmp_path: Path) -> None:
    changes = {"findings": (finding(rule=rule, layers=None),)}
    page = page_of(keep(tmp_path, "looked", messy(), steps=5, changes=changes))
    (place,) = data_of(page)["findings"]
    assert place["anchor"] == "data"
    assert "data" in ids(page)
    assert 'href="#data" data-finding="0">see it: what the data are like</a>' in page
    before = page_of(keep(tmp_path, "before", make_record(6, 5), steps=5, changes=changes))
    assert data_of(before)["findings"][0]["anchor"] == {"scale": "profile-forward_rms", "columns": None}[rule]
    assert "data" not in ids(before)


def messy() -> Record:
    """A record whose data have columns of all sizes, and names that are not tame."""
    columns = (ColumnScale("<b>a</b>\x1b[2J", 5e4, 8e4), ColumnScale("b", -3e-6, 1e-6), ColumnScale("c", 0.0, 0.0))
    held = DataProfile(
        num_train=80, num_holdout=20, num_features=3, num_distinct_rows=2, input_rms=5e4, offset_share=0.3, largest_column="<b>a</b>",
        largest_share=1.0, spread_ratio=8e10, num_constant=1, constant_columns=("c",), num_repeated=0, repeated_columns=(),
        target_mean=None, target_std=None, target_ratio=None, smallest_class=0.5, probe=Probe(0.2, 0.01), columns=columns,
    )  # fmt: skip
    return replace(make_record(6, 5), data=held)


def test_the_data_stand_there_with_their_columns(tmp_path: Path) -> None:
    page = page_of(keep(tmp_path, "looked", messy(), steps=5))
    text = main_of(page)
    assert "80 in training, 20 held out; 3 columns" in text
    assert "'<b>a</b>' has 100 % of the inputs' square sum" in text
    assert "<b>a</b>" not in page
    assert "\x1b" not in page
    drawn = data_of(page)["columns"]
    assert drawn["means"] == [pytest.approx(math.log10(5e4)), pytest.approx(math.log10(3e-6)), "-inf"]
    assert drawn["deviations"] == [pytest.approx(math.log10(8e4)), -6.0, "-inf"]
    assert {"columns-plot", "column-table"} <= ids(page)
    assert text.index("Figures</h2>") < text.index("The data</h2>") < text.index("Over the layers")


def test_columns_that_are_alike_are_no_picture(tmp_path: Path) -> None:
    record = messy()
    assert record.data is not None
    alike = replace(record, data=replace(record.data, columns=record.data.columns[:1]))
    page = page_of(keep(tmp_path, "alike", alike, steps=5))
    assert data_of(page)["columns"] is None
    assert not {"columns-plot", "column-table"} & ids(page)


def test_a_finding_whose_best_picture_was_not_recorded_has_the_next_one(tmp_path: Path) -> None:
    changes = {"findings": (finding(rule="dead"),)}
    some = keep(tmp_path, "some", make_record(6, 5, ("mean_slope",)), steps=5, changes=changes)
    assert data_of(page_of(some))["findings"][0]["quantity"] == "mean_slope"
    none = keep(tmp_path, "none", make_record(6, 5, ()), steps=5, changes=changes)
    assert data_of(page_of(none))["findings"][0]["anchor"] is None
    assert "see it:" not in page_of(none)


def test_the_switch_offers_what_could_be_recorded(tmp_path: Path) -> None:
    run = keep(tmp_path, "few", make_record(6, 5, ("log10_grad_norm", "sign_coherence")), steps=5)
    inputs = re.findall(r'name="quantity" value="(\w+)"( disabled)?', page_of(run))
    assert [name for name, off in inputs if not off] == ["log10_grad_norm", "sign_coherence"]
    assert [name for name, off in inputs if off] == [name for name in page_of_a_run.SWITCH if name != "log10_grad_norm"]


@pytest.mark.parametrize(
    ("record", "outcome", "words"),
    [
        (None, Outcome("failed", reason="no memory"), "ended before its first step"),
        (make_record(3, 0), Outcome("interrupted", 0), "ended before a step was taken down"),
        (make_record(3, 5, ()), Outcome("completed"), "No layer was recorded (record.quantities: none)"),
    ],
)
def test_where_there_is_nothing_to_draw_it_says_why(
    tmp_path: Path, record: Record | None, outcome: Outcome, words: str
) -> None:
    page = page_of(keep(tmp_path, "bare", record, outcome, steps=5))
    assert words in main_of(page)
    assert not {"profiles", "heatmap", "layers"} & ids(page)


def test_a_failure_shows_its_traceback_and_no_other_run_does(tmp_path: Path) -> None:
    files = {"traceback.txt": "Traceback:\n  MemoryError <3 GB>\n"}
    broken = keep(tmp_path, "broken", None, Outcome("failed", reason="no memory"), attachments=files)
    assert "MemoryError &lt;3 GB&gt;" in page_of(broken)
    fine = keep(tmp_path, "fine", make_record(3, 5), steps=5, attachments=files)
    assert "MemoryError" not in page_of(fine)


def test_a_single_seed_is_no_distribution(tmp_path: Path) -> None:
    first = keep(tmp_path, "seeded", make_record(4, 5), steps=5, seed=0)
    alone = page_of(first, tmp_path / "page.html", tmp_path)
    assert "only stored seed" in main_of(alone)
    assert "seeds-plot" not in ids(alone)
    assert data_of(alone)["seeds"] == []
    second = keep(tmp_path, "seeded", make_record(4, 5, seed=1), steps=5, seed=1)
    both = page_of(second, tmp_path / "page.html", tmp_path)
    assert "2 runs of this experiment that differ only in their seed" in main_of(both)
    strip = data_of(both)["seeds"][0]
    assert strip["seeds"] == [0, 1]
    assert strip["own"] == [False, True]
    assert strip["links"] == [f"{first.path.name}/", f"{second.path.name}/"]
    assert strip["mean"] == pytest.approx(np.mean(strip["values"]))
    (first.path / "report.html").write_text("its page")
    linked = data_of(page_of(second, tmp_path / "page.html", tmp_path))["seeds"][0]["links"]
    assert linked == [f"{first.path.name}/report.html", f"{second.path.name}/"]


def test_of_a_long_network_the_worst_layers_are_listed_and_the_page_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_of_a_run, "MOST_ROWS", 10)
    run = keep(tmp_path, "long", make_record(30, 3), steps=3)
    page = page_of(run)
    rows = re.findall(r'<tr data-row="(\d+)"', page.partition('id="layer-table"')[2].partition("</table>")[0])
    assert [int(row) for row in rows] == [*range(9), 30]  # the gradient is smallest at the input; the readout is last
    assert "The worst 9 of 30 hidden layers and the readout; <code>layers.csv</code> has all." in main_of(page)


def test_profiles_hold_both_steps_and_theory_s_band(tmp_path: Path) -> None:
    record = make_record(12, 20)
    page = page_of(keep(tmp_path, "profiled", record, steps=20))
    first = data_of(page)["profiles"][0]
    assert first["quantity"] == "log10_backward_rms"
    assert first["layers"] == list(range(1, 14))
    assert (first["init_step"], first["final_step"]) == (0, 19)
    np.testing.assert_allclose(first["init"], record.layers["log10_backward_rms"].values[0], rtol=1e-8)
    np.testing.assert_allclose(first["final"], record.layers["log10_backward_rms"].values[-1], rtol=1e-8)
    assert first["band"]["layers"] == list(range(1, 14))
    assert min(first["band"]["spread"]) >= 0


@pytest.mark.parametrize(
    ("value", "said"), [(1e30, 1e30), (math.nan, "nan"), pytest.param(math.inf, "inf", marks=pytest.mark.slow)]
)
def test_a_lone_odd_loss_stays_in_a_thinned_curve(tmp_path: Path, value: float, said: Any) -> None:
    record = make_record(3, 20_001)
    record.figures["loss"].values[7_777] = value
    curve = next(
        one for one in data_of(page_of(keep(tmp_path, "spiked", record)))["curves"] if one["quantity"] == "loss"
    )
    assert curve["thinned"]
    assert len(curve["steps"]) <= 2_000
    assert curve["values"][curve["steps"].index(7_777)] == said


@pytest.mark.parametrize(
    ("moment", "value", "said"),
    share(
        [
            ("init", math.nan, "nan"), ("init", -80.0, -80.0), ("init", -math.inf, "-inf"), ("final", -80.0, -80.0),
            ("final", -math.inf, "-inf"),
        ],
        3,
    ),
)  # fmt: skip
def test_a_lone_odd_layer_stays_in_a_thinned_profile(tmp_path: Path, moment: str, value: float, said: Any) -> None:
    record = make_record(3_000, 3)
    record.layers["log10_grad_norm"].values[0 if moment == "init" else -1, 1_776] = value
    page = data_of(page_of(keep(tmp_path, "broken", record, steps=3)))
    held = next(one for one in page["profiles"] if one["quantity"] == "log10_grad_norm")
    assert held["thinned"]
    assert held[moment][held["layers"].index(1_777)] == said


def test_curves_that_never_change_are_no_pictures(tmp_path: Path) -> None:
    page = page_of(keep(tmp_path, "constant", make_record(3, 5), steps=5))
    assert "curve-learning_rate" not in ids(page)
    record = make_record(3, 5)
    record.figures["learning_rate"].values[:] = [0.1, 0.08, 0.05, 0.02, 0.0]
    assert "curve-learning_rate" in ids(page_of(keep(tmp_path, "falling", record, steps=5)))


def test_singular_values_are_told_apart_from_nothing(tmp_path: Path) -> None:
    values = np.array([[[[-1.0, -3.0, -2.0, math.nan, -math.inf]], [[5.0, 4.0, 3.0, 2.0, 1.0]]]])
    present = np.ones(values.shape, dtype=bool)
    present[0, 1, 0, 0] = False
    record = replace(make_record(3, 5), spectrum=Spectrum(np.array([0]), np.array([1, 2]), Column(values, present)))
    held = data_of(page_of(keep(tmp_path, "spectral", record, steps=5)))["spectrum"]
    assert held["layers"] == [1, 2]
    assert held["high"] == [["inf", 4.0]]  # not a number is not nothing
    assert held["low"] == [["-inf", 1.0]]
    assert held["median"] == [[-2.0, 2.5]]
    empty = replace(record, spectrum=make_spectrum())
    assert "spectrum-plot" in ids(page_of(keep(tmp_path, "other", empty, steps=5)))


def test_where_it_lies_and_what_was_typed_are_told(tmp_path: Path) -> None:
    argv = ["gradlab", "run", "a config.yaml"]
    run = keep(tmp_path, "told", make_record(3, 5), steps=5, manifest={"argv": argv, "host": "box"})
    text = main_of(page_of(run))
    assert str(run.path) in text
    assert "gradlab run a config.yaml" in text
    assert "box" in text
    assert "depth: 3" in text  # of config.yaml
    (run.path / "config.yaml").unlink()
    assert "config.yaml, fully resolved" not in page_of(run)


def test_table_cells_hold_exact_values(tmp_path: Path) -> None:
    record = make_record(4, 5)
    page = page_of(keep(tmp_path, "exact", record, steps=5))
    table = page.partition('id="layer-table"')[2].partition("</table>")[0]
    value = float(record.layers["log10_grad_norm"].values[-1, 0])
    assert f'data-v="{value!r}"' in table
