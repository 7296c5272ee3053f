"""The page of a comparison, read without a browser."""

import base64
import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made.deep_runs import column, finding, record, stored, summary

from gradlab.config.text import clean_line
from gradlab.judgement.comparing.comparison import compare
from gradlab.judgement.comparing.profiles import against
from gradlab.report.page.comparison.page import MOST_DRAWN, MOST_SHOWN, comparison_page
from gradlab.report.page.comparison.series import MOST_SEEDS, drawn_curves, mean_curve
from gradlab.report.views.comparison import figure_table, profile_table
from gradlab.report.views.series import Curve
from gradlab.results.record import Outcome, Record
from gradlab.results.stored import StoredRun

PAGE = Path("runs/comparisons/page.html")
EVIL = """<script>alert("1")</script> 'é' 🔥 \u202eمرحبا &amp; </title>"""


class Read(HTMLParser):
    """Text of a page outside its scripts and styles, cells of its tables, and where its links lead."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text = ""
        self.links: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.ids: list[str] = []
        self.tags: list[str] = []
        self._quiet = False
        self._table = ""
        self._cell = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.tags.append(tag)
        self._quiet = tag in ("script", "style")
        self.ids += [told["id"] or ""] if "id" in told else []
        if tag == "a" and told.get("href"):
            self.links.append(str(told["href"]))
        if tag == "table":
            self._table = str(told["id"])
            self.tables[self._table] = []
        if tag == "tr" and self._table:
            self.tables[self._table].append([])
        if tag in ("td", "th") and self._table:
            self.tables[self._table][-1].append("")
            self._cell = True

    def handle_endtag(self, tag: str) -> None:
        self._quiet = False
        if tag in ("td", "th"):
            self._cell = False
        if tag == "table":
            self._table = ""

    def handle_data(self, data: str) -> None:
        if self._quiet:
            return
        self.text += data
        if self._cell:
            self.tables[self._table][-1][-1] += data


def run(name: str = "made", kept: Record | None = None, seed: int = 0, depth: int = 50, **changes: Any) -> StoredRun:
    """A run of its own name, seed and record."""
    made = stored(depth, kept, path=Path(f"runs/{name}-{seed}"), **changes)
    experiment = made.experiment.model_copy(update={"name": name, "seed": seed})
    return replace(made, id=f"{abs(hash((name, seed, depth))):012x}"[:12], experiment=experiment)


def written(runs: Sequence[StoredRun]) -> tuple[str, Read, dict[str, Any]]:
    """A page, what a reader finds on it, and its data."""
    page = comparison_page(runs, PAGE)
    held = re.search(r'<script type="application/json" id="page-data">(.*?)</script>', page, re.DOTALL)
    assert held is not None
    return page, Read(page), json.loads(held[1])


def floats(text: str) -> np.ndarray[Any, Any]:
    """What `arrays.floats` wrote."""
    return np.frombuffer(base64.b64decode(text), "<f4")


TWO = (run("shallow", record(10, steps=9), depth=10), run("deep", record(40, steps=9), depth=40))


def seeds_of(name: str, depth: int, **changes: Any) -> list[StoredRun]:
    """Three seeds whose loss and decades scatter by some thousandths."""
    final = changes.pop("final", summary().final)
    return [
        run(
            name,
            record(depth, steps=9),
            seed,
            depth,
            final={key: None if value is None else value * (1 + 0.001 * seed) for key, value in final.items()},
            **changes,
        )
        for seed in range(3)
    ]


def test_it_says_who_is_compared_what_each_came_to_and_what_changed() -> None:
    final = summary().final | {"loss": 0.5, "backward_decades": 0.1}
    better = seeds_of("deep", 40, verdict="healthy", findings=(), final=final)
    _, read, _ = written([*seeds_of("shallow", 10), *better])
    assert "shallow against deep" in read.text
    assert "vanishing" in read.text
    assert "healthy" in read.text
    assert "final.loss 2.292 → 0.5005 (-78%)" in read.text
    assert "final.backward_decades -30.13 → 0.10" in read.text
    assert read.tables["config-table"][1:] == [["model.depth", "10", "40"]]
    assert "init: critical keeps" in read.text  # the remedy
    assert "interval of about 95%" in read.text


def test_one_seed_a_side_says_that_it_is_too_few() -> None:
    _, read, _ = written(TWO)
    assert "too few seeds" in read.text
    assert "no spread" in read.text.lower()


def test_every_figure_stands_in_the_table_as_the_terminal_has_it() -> None:
    _, read, _ = written(TWO)
    compared = compare(TWO)
    said = figure_table(compared, changed_only=False, said=True)
    assert read.tables["figure-table"][1:] == [[str(cell) for cell in row] for row in said.rows]
    page = comparison_page(TWO, PAGE)
    assert 'data-v="-30.1"' in page
    assert page.count('data-changed="yes"') == sum(row.changed for row in compared.rows)


def test_profiles_stand_in_a_table_as_the_terminal_has_them() -> None:
    _, read, _ = written(TWO)
    told = profile_table(compare(TWO))
    letters = {"shallow": "A shallow", "deep": "B deep"}
    assert read.tables["profile-table"][1:] == [
        [letters.get(str(cell), str(cell)) for cell in row] for row in told.rows
    ]
    assert "loss over the steps, one line a side: A from 2.3 to 2.2, B from 2.3 to 2.2" in comparison_page(TWO, PAGE)


def test_links_lead_to_the_runs() -> None:
    _, read, _ = written(TWO)
    assert {"../shallow-0/", "../deep-0/"} <= set(read.links)


def test_profiles_and_their_differences_are_those_of_the_comparison() -> None:
    _, _, data = written(TWO)
    compared = compare(TWO)
    drawn = {profile["quantity"]: profile for profile in data["profiles"]}
    assert list(drawn) == [
        "log10_backward_rms", "log10_grad_norm", "log10_update_ratio", "forward_rms", "mean_slope", "dead_fraction",
    ]  # fmt: skip
    for moment, profiles in (("final", compared.profiles), ("init", compared.init_profiles)):
        first, second = profiles[0]
        assert first is not None
        assert second is not None
        shown = drawn["log10_backward_rms"]["moments"][moment]
        assert floats(shown["sides"][1]["values"]) == pytest.approx(second.values)
        apart = against(first, second)
        assert floats(shown["differences"][0]["positions"]) == pytest.approx(apart.relative_depth)
        assert floats(shown["differences"][0]["values"]) == pytest.approx(apart.values)
    forward = drawn["forward_rms"]["moments"]["final"]["sides"][0]
    assert floats(forward["values"]) == pytest.approx(np.full(10, math.log10(0.7)))


def test_deep_networks_are_thinned_and_say_which_layers_are_drawn() -> None:
    _, _, data = written([TWO[0], run("deep", record(2000, steps=3), depth=2000)])
    side = data["profiles"][0]["moments"]["final"]["sides"][1]
    assert side["depth"] == 2000
    assert (side["layers"][0], side["layers"][-1]) == (1, 2000)
    assert len(side["layers"]) == len(floats(side["values"])) < 2000


@pytest.mark.parametrize("value", [-80.0, math.nan, -math.inf])
def test_a_lone_odd_layer_stays_in_a_thinned_profile(value: float) -> None:
    deep = record(2000, steps=3)
    deep.layers["log10_grad_norm"].values[0, 1_234] = value
    drawn = [run("deep", deep, 0, 2000), run("deep", record(2000, steps=3), 1, 2000)]
    _, _, data = written([TWO[0], *drawn])
    moment = next(one for one in data["profiles"] if one["quantity"] == "log10_grad_norm")["moments"]["init"]
    side = moment["sides"][1]
    place = side["layers"].index(1_235)
    values, own = (floats(one)[place] for one in (side["values"], side["each"][0]))
    assert values < -30 if math.isfinite(value) else (values == value or math.isnan(value) == math.isnan(values))
    assert own == pytest.approx(value - deep.layers["log10_grad_norm"].values[0, 1_999], nan_ok=True)
    assert any(not math.isfinite(one) or one < -30 for one in floats(moment["differences"][0]["values"]))


@pytest.mark.parametrize("value", [1e30, math.nan])
def test_a_lone_odd_loss_stays_in_a_thinned_curve(value: float) -> None:
    spiked = record(10, steps=20_001)
    spiked.figures["loss"].values[7_777] = value
    _, _, data = written([TWO[0], run("spiked", spiked, 0, 10)])
    side = next(one for one in data["curves"] if one["quantity"] == "loss")["sides"][1]
    assert len(side["steps"]) <= 800
    assert side["values"][side["steps"].index(7_777)] == ("nan" if math.isnan(value) else value)


def test_seeds_stand_on_one_side_with_each_of_them() -> None:
    def seeded(name: str, depth: int) -> list[StoredRun]:
        return [run(name, record(depth, 9, 0.1 + 0.1 * seed), seed, depth) for seed in range(3)]

    _, read, data = written([*seeded("one", 10), *seeded("two", 20)])
    assert "6 runs. Means over 3 seeds a side" in read.text
    assert read.text.count("(all 3 seeds)") >= 2
    side = data["profiles"][0]["moments"]["final"]["sides"][0]
    each = [floats(values) for values in side["each"]]
    assert len(each) == 3
    assert floats(side["values"]) == pytest.approx(np.mean(each, axis=0), rel=1e-5)
    assert {len(curve["sides"][1]["each"]) for curve in data["curves"]} == {3}
    assert data["grids"][0]["sides"][0]["seed"] == 0


def test_more_seeds_than_can_be_told_apart_are_in_the_mean() -> None:
    many = [run("many", record(5, 3), seed, 5) for seed in range(MOST_SEEDS + 2)]
    _, read, data = written([TWO[0], *many])
    assert f"the first {MOST_SEEDS} of its seeds" in read.text
    assert len(data["profiles"][0]["moments"]["final"]["sides"][1]["each"]) == MOST_SEEDS


def test_runs_that_differ_only_in_their_seed_are_sides_of_their_own() -> None:
    _, read, data = written([run("same", record(10, 9, 0.1), seed, 10) for seed in (3, 4)])
    assert "same: 2 seeds side by side" in read.text
    assert "Nothing but the seed" in read.text
    assert read.tables["config-table"][1:] == [["seed", "3", "4"]]
    assert len(data["sides"]) == 2


def test_names_and_messages_from_elsewhere_are_text() -> None:
    evil = run(EVIL, record(10, 3), depth=10, findings=(finding(message=EVIL, remedy=EVIL),), verdict="vanishing")
    failed = run("failed", None, depth=7, outcome=Outcome("failed", reason=EVIL), findings=(), init={}, final={})
    page, read, data = written([evil, failed])
    line = clean_line(EVIL)
    assert "\u202e" not in line
    assert read.text.count(line) >= 4
    assert "<script>alert" not in page
    assert read.tags.count("script") == written(TWO)[1].tags.count("script")
    assert "alert" not in json.dumps(data)
    assert len(read.ids) == len(set(read.ids))


def test_a_run_that_failed_or_recorded_nothing_says_so() -> None:
    failed = run(
        "failed",
        None,
        depth=7,
        outcome=Outcome("failed", reason="no memory"),
        findings=(),
        init={},
        final={},
        learning_layers=None,
    )
    blind = run("blind", replace(record(9, 3), layers={}), depth=9)
    _, read, data = written([TWO[0], failed, blind])
    assert "no memory" in read.text
    assert "nothing was recorded" in read.text
    assert "no layer was recorded (record.quantities: none)" in read.text
    assert "the two have no telling figure in common" in read.text
    assert [side is None for side in data["profiles"][0]["moments"]["final"]["sides"]] == [False, True, True]
    assert [side is None for side in data["curves"][0]["sides"]] == [False, True, False]
    _, read, data = written([failed, replace(failed, experiment=run("other", None, depth=8).experiment)])
    assert "There is nothing to draw" in read.text
    assert "No side has a figure" in read.text
    assert (data["profiles"], data["curves"], data["grids"]) == ([], [], [])


def test_a_side_without_its_first_record_keeps_its_other_seeds() -> None:
    kept = [run("some", record(10, 9), seed, 10) for seed in range(2)]
    lost = run("some", None, 2, 10, outcome=Outcome("failed", reason="no"), verdict="not_judged", init={}, final={})
    _, read, data = written([TWO[1], *kept, lost])
    assert "seed 2: nothing was recorded" in read.text
    assert len(data["profiles"][0]["moments"]["final"]["sides"][1]["each"]) == 2


def test_a_quantity_that_only_a_side_beyond_those_drawn_has_is_no_error() -> None:
    bare = replace(record(10, steps=3), layers={})
    sides = []
    for place in range(MOST_DRAWN):
        one = run(f"bare{place}", bare, depth=10)
        train = one.experiment.train.model_copy(update={"lr": 0.1 + place})
        sides.append(replace(one, experiment=one.experiment.model_copy(update={"train": train})))
    _, _, data = written([*sides, TWO[1]])
    assert data["profiles"] == []


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_nothing_finite_is_a_page_too(value: float) -> None:
    made = record(10, 5)
    layers = {name: column(np.full_like(held.values, value), held.present) for name, held in made.layers.items()}
    figures = {name: column(np.full_like(held.values, value)) for name, held in made.figures.items()}
    broken = run("broken", replace(made, layers=layers, figures=figures), depth=10, outcome=Outcome("diverged", 0, 1))
    _, _, data = written([broken, TWO[1]])
    first = data["profiles"][0]["moments"]["init"]["sides"][0]
    assert not np.isfinite(floats(first["values"])).any()
    assert data["grids"][0]["low"] is not None  # the other side's


def test_where_a_run_diverged_is_marked() -> None:
    made = record(10, 9)
    loss = made.figures["loss"]
    broken = replace(made, figures={"loss": column(np.where(np.arange(9) < 5, loss.values, np.nan))})
    found = drawn_curves([[run("broken", broken, depth=10, outcome=Outcome("diverged", 5, 1))]])
    assert found[0]["sides"][0]["broken"] == [(5, pytest.approx(loss.values[4]))]


def test_a_mean_is_over_what_is_finite() -> None:
    steps = np.arange(4)
    one = Curve("loss", "figure", steps, np.array([1.0, 2.0, np.nan, np.nan]))
    two = Curve("loss", "figure", steps[:3], np.array([3.0, np.inf, 5.0]))
    found = mean_curve([one, two])
    assert found.steps.tolist() == [0, 1, 2, 3]
    assert found.values[:3].tolist() == [2.0, 2.0, 5.0]
    assert math.isnan(found.values[3])
    assert mean_curve([two]) is two


def test_schedules_are_drawn_where_they_differ() -> None:
    def scheduled(rate: float) -> Record:
        made = record(10, 5)
        return replace(made, figures={**made.figures, "learning_rate": column(np.full(5, rate))})

    same = drawn_curves([[run("a", scheduled(0.1))], [run("b", scheduled(0.1))]])
    other = drawn_curves([[run("a", scheduled(0.1))], [run("b", scheduled(0.2))]])
    assert [curve["quantity"] for curve in same] == ["loss", "accuracy", "log10_grad_norm_total"]
    assert [curve["quantity"] for curve in other][-1] == "learning_rate"


def test_the_constant_answer_is_drawn_where_all_have_the_same() -> None:
    def told(constant: float | None) -> StoredRun:
        return run(f"of {constant}", replace(record(10, 5), constant_loss=constant))

    assert drawn_curves([[told(2.3)], [told(2.3)]])[0]["constant"] == 2.3
    assert drawn_curves([[told(2.3)], [told(2.2)]])[0]["constant"] is None
    assert drawn_curves([[told(None)], [told(None)]])[0]["constant"] is None


def test_heatmaps_share_one_scale_and_stand_beside_each_other_for_a_few_sides() -> None:
    _, _, data = written(TWO)
    for grid in data["grids"]:
        lows = [side["low"] for side in grid["sides"]]
        assert grid["low"] == min(lows)
    several = [run(f"run {depth}", record(depth, 3), depth=depth) for depth in range(2, 9)]
    _, read, data = written(several)
    assert data["grids"] == []
    assert "Heatmaps stand beside each other for up to 6 sides; here are 7" in read.text


def test_sides_beyond_those_that_are_drawn_stand_in_the_tables() -> None:
    several = [run("many", record(2, 3), depth=2 + index) for index in range(MOST_DRAWN + 2)]
    _, read, data = written(several)
    assert len(data["sides"]) == MOST_DRAWN
    assert len(read.tables["config-table"][0]) == 1 + MOST_DRAWN + 2
    assert f"The first {MOST_DRAWN} of {MOST_DRAWN + 2} sides are drawn; the tables hold all" in read.text
    crowd = [run("many", record(2, 3), depth=2 + index) for index in range(MOST_SHOWN + 1)]
    _, read, _ = written(crowd)
    assert len(read.tables["config-table"][0]) == 1 + MOST_SHOWN
    assert "gradlab compare --format csv" in read.text


def test_a_page_of_much_is_no_larger_than_six_megabytes() -> None:
    deep = [run("deep", record(2000 + depth, 40), seed, 2000 + depth) for depth in range(6) for seed in range(3)]
    page, _, data = written(deep)
    assert len(page.encode()) < 6e6
    assert len(data["grids"]) == 8
