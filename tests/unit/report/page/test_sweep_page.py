"""The page of a sweep, without a browser: what it says, what it holds, and that texts stay texts."""

import base64
import gzip
import itertools
import json
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made.opened_sweeps import HOSTILE, hostile, opened
from made.sweeps import GATES, drawn, failed, grid, init_by_depth, member

from gradlab.config.text import clean_line
from gradlab.report.page.shared.document import encoded
from gradlab.report.page.sweep.page import MOST_GROUPS, sweep_page
from gradlab.report.views.opened_sweep import OpenedSweep
from gradlab.report.words.verdicts import badness, word_of
from gradlab.results.run_files import TRACEBACK
from gradlab.results.sweeps.members import MissingMember


class _Read(HTMLParser):
    """A page's elements, links and text as a browser would take them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.links: list[str] = []
        self.texts: list[str] = []
        self._raw = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self._raw = tag if tag in ("script", "style") else ""
        self.links += [value or "" for name, value in attrs if tag == "a" and name == "href"]

    def handle_endtag(self, tag: str) -> None:
        self._raw = ""

    def handle_data(self, data: str) -> None:
        if not self._raw:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())


PAGE = Path("runs/sweeps/init_by_depth-0f1e2d3c4b5a/report.html")


def held(page: str) -> dict[str, Any]:
    """The data of the page's script."""
    found = re.search(r'id="page-data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def unpacked(array: dict[str, Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """An array as the page's script has it."""
    planes = np.frombuffer(gzip.decompress(base64.b64decode(array["packed"])), dtype=np.uint8)
    return np.frombuffer(planes.reshape(array["bytes"], -1).T.tobytes(), dtype="<f8")


def made(sweep: OpenedSweep, page: Path = PAGE) -> tuple[str, dict[str, Any], _Read]:
    """A page, its data, and what a browser reads."""
    text = sweep_page(sweep, page)
    return text, held(text), _Read(text)


@pytest.fixture(scope="module")
def example() -> OpenedSweep:
    """Three initialisations at four depths and two activations, five seeds each, two of them failed."""
    return opened(init_by_depth(), lambda place: [10, 20, 50, 100][place // 30], gates=GATES)


def test_the_head_says_what_every_face_says(example: OpenedSweep) -> None:
    _, _, read = made(example)
    assert "init_by_depth: 120 runs in 24 groups, 5 seeds each" in read.text
    assert "outcomes: 1 failed, 1 interrupted, 3 diverged, 115 completed" in read.text
    assert "✓ ok median(final.accuracy) > 0.05 (it is 0.1)" in read.text
    assert "✖ FAILED count(verdict == vanishing) == 0 by model.depth (it fails in 2 of 4 groups)" in read.text
    assert "model.depth 50: it is 10 (000000000042, 000000000043 and 8 more), of 30 runs" in read.text
    assert "2 runs could not be carried out" in read.text
    assert "RuntimeError: the worker died (killed by signal 9), alone and again" in read.text
    failures = sum(word_of(run) == "vanishing" for _, run in example.members)
    assert f"✖ FAILED verdict == healthy in {failures} of 115 runs" in read.text
    assert "in all of them: data.source digits, model.width 100" in read.text


def test_every_pair_of_axes_has_its_map_whose_cells_hold_exactly_their_members(example: OpenedSweep) -> None:
    _, data, _ = made(example)
    names = [axis["name"] for axis in data["axes"]]
    assert names == ["model.depth", "model.init", "model.activation", "seed"]
    pairs = list(itertools.permutations(range(4), 2))
    assert set(data["maps"]) == {f"{down},{across}" for down, across in [*pairs, *((one, -1) for one in range(4))]}
    for key, found in data["maps"].items():
        down, across = map(int, key.split(","))
        rows = data["axes"][down]["alone" if across < 0 else "down"]
        columns = [0] * len(example.listed) if across < 0 else data["axes"][across]["across"]["at"]
        counts: dict[tuple[int, int], Counter[int]] = {}
        for place, word in enumerate(data["members"]["word"]):
            counts.setdefault((rows["at"][place], columns[place]), Counter())[word] += 1
        assert len(found["cells"]) == len(rows["labels"])
        for row, line in enumerate(found["cells"]):
            for column, cell in enumerate(line):
                told = counts.pop((row, column), Counter())
                number, *words = cell or [0]
                assert number == told.total()
                assert dict(zip(words[::2], words[1::2], strict=True)) == told
                assert words[1::2] == sorted(words[1::2], reverse=True)
        assert not counts


def test_the_page_begins_with_the_two_axes_that_tell_most(example: OpenedSweep) -> None:
    _, data, read = made(example)
    assert example.view.map is not None
    down, across = (data["axes"][place]["name"] for place in data["start"])
    assert (down, across) == (example.view.map.down, example.view.map.across)
    first = example.view.map.cells[0][0]
    assert first is not None
    assert f"{first.word} {first.num_agreeing}/{first.num_members}" in read.text


def test_every_run_is_a_row_worst_first_and_leads_to_its_run(example: OpenedSweep) -> None:
    _, data, read = made(example)
    worst = [badness(word_of(run)) for _, run in example.listed]
    assert worst == sorted(worst)
    assert data["members"]["id"] == [run.id for _, run in example.listed]
    for _, run in example.listed:
        assert f"../../{run.path.name}/" in read.links
        assert f"{run.name}-{run.id}" in read.text
    assert data["command"] == "gradlab report"


def test_a_run_with_a_page_of_its_own_is_led_to_there_and_a_traceback_too(tmp_path: Path) -> None:
    members = [
        (point, replace(run, path=tmp_path / "my runs" / f"one-{run.id}"))
        for point, run in [member({}, verdict="dead"), failed({}, "no memory", number=1)]
    ]
    for _, run in members:
        run.path.mkdir(parents=True)
    (members[0][1].path / "report.html").touch()
    (members[1][1].path / TRACEBACK).touch()
    place = tmp_path / "my runs" / "sweeps" / "one-0f1e2d3c4b5a"
    place.mkdir(parents=True)
    (place / "results.csv").touch()
    _, data, read = made(opened(members, path=place), place / "report.html")
    ids = [run.id for _, run in members]
    assert f"../../one-{ids[0]}/report.html" in data["members"]["link"]
    assert f"../../one-{ids[1]}/" in data["members"]["link"]
    assert f"../../one-{ids[1]}/{TRACEBACK}" in read.links
    assert "results.csv" in read.links
    assert data["command"] == f"gradlab report --out '{tmp_path}/my runs'"


def test_texts_stay_texts() -> None:
    page, data, read = made(hostile())
    plain, _, other = made(opened([member({}, verdict="dead")]))
    assert read.tags["script"] == other.tags["script"] == plain.count("<script")
    assert read.tags["b"] == read.tags["textarea"] == 0
    shown = clean_line(HOSTILE)
    assert "\u202e" not in page
    assert "<script>alert" not in page
    for said in (f"Error: {shown} [2J", f"bad {shown}", f"{shown} {shown}: it is {shown}, of 3 runs"):
        assert said in read.text
    assert {axis["name"] for axis in data["axes"]} == {"model.activation", f"{shown}.key", "seed"}
    assert encoded(page).decode() == page


def test_lines_cross_each_axis_in_the_order_of_its_values(example: OpenedSweep) -> None:
    _, data, _ = made(example)
    found = {one["name"]: one for one in data["dimensions"]}
    assert list(found) == ["model.depth", "model.init", "model.activation", "init.backward_decades",
                           "final.backward_decades", "learning_layers", "final.loss", "final.accuracy", "verdict"]  # fmt: skip
    runs = [example.listed[place] for place in data["drawn"]]
    depths = [float(str(point["model.depth"])) for point, _ in runs]
    for (a, one), (b, other) in itertools.pairwise(sorted(zip(depths, found["model.depth"]["positions"], strict=True))):
        assert a == b or one < other
    decades = [run.summary.final.get("backward_decades") for _, run in runs]
    positions = found["final.backward_decades"]["positions"]
    finite = sorted((value, place) for value, place in zip(decades, positions, strict=True) if value and value > -1e9)
    assert [place for _, place in finite] == sorted(place for _, place in finite)
    assert all(0 <= place <= 1 for _, place in finite)
    outside = {place for value, place in zip(decades, positions, strict=True) if value is None or value == -np.inf}
    assert len(outside) == 2
    assert all(place < 0 for place in outside)
    assert {"-inf", "none"} < {label for _, label in found["final.backward_decades"]["ticks"]}
    words = [label for _, label in found["verdict"]["ticks"]]
    assert words == sorted(words, key=badness)


def test_profiles_travel_bit_by_bit_and_know_their_layers(example: OpenedSweep) -> None:
    _, data, _ = made(example)
    depths = data["depths"]
    init, final = unpacked(depths["init"]), unpacked(depths["final"])
    start = 0
    assert len(depths["members"]) == 120
    for place, shape in zip(depths["members"], depths["shape"], strict=True):
        own = example.depths[example.listed[place][1].id]
        layers = depths["shapes"][shape]["layers"]
        assert (depths["shapes"][shape]["depth"], layers) == (own.depth, own.layers.tolist())
        assert len(layers) <= 64
        assert layers[0], layers[-1] == (1, own.depth)
        assert own.init is not None
        assert own.final is not None
        np.testing.assert_array_equal(init[start : start + len(layers)], own.init)
        np.testing.assert_array_equal(final[start : start + len(layers)], own.final)
        start += len(layers)
    assert start == len(init) == len(final)


def test_of_thousands_of_runs_the_worst_and_a_fair_sample_are_shown_and_that_is_said() -> None:
    sweep = opened(drawn(2100))
    text, data, read = made(sweep)
    words = Counter(word_of(run) for _, run in sweep.members)
    rows = len(re.findall(r"<tr data-row", text.split('id="member-table"')[1]))
    assert rows == len(data["members"]["id"]) == len(sweep.listed) <= 2000
    assert {run.id for _, run in sweep.members if word_of(run) == "diverged"} <= set(data["members"]["id"])
    lines = Counter(data["words"][data["members"]["word"][place]] for place in data["drawn"])
    assert lines.total() == pytest.approx(1000, abs=5)
    for word, number in words.items():
        assert lines[word] == pytest.approx(number / 2.1, abs=2)
    assert f"{len(data['drawn'])} of 2100 runs are drawn" in read.text
    assert f"{rows} of 2100 runs: the worst and those that are drawn" in read.text
    assert sum(cell[0] for line in data["maps"]["0,1"]["cells"] for cell in line if cell) == 2100
    assert len(text) < 5e6


def test_of_many_groups_the_worst_are_told() -> None:
    members = drawn(505)
    sweep = opened([*members, member(members[0][0], 1, number=999)])
    _, data, read = made(sweep)
    assert f"The worst {MOST_GROUPS} of 505 groups" in read.text
    assert set(data["members"]["group"]) == {*range(MOST_GROUPS), -1}
    for place, group in enumerate(data["members"]["group"]):
        if group >= 0:
            assert sweep.listed[place][1].id in {run.id for run in sweep.view.groups[group].runs}


def test_what_is_missing_unjudged_or_unreadable_is_said() -> None:
    missing = [
        MissingMember("a" * 12, {"model.depth": 4}, 1, "not trained yet, or removed", damaged=False),
        MissingMember("b" * 12, {"model.depth": 2}, 0, "summary.json: cannot be read", damaged=True),
    ]
    members = grid({"model.depth": [2, 4]}, lambda point, seed: {"verdict": "healthy"}, seeds=2)
    unread = {members[1][1].id: "its tables cannot be read"}
    _, data, read = made(
        opened(members, missing=missing, ungated="2 of 6 runs are missing", unread=unread)
    )  # fmt: skip
    assert "2 of 6 runs are missing" in read.text
    assert read.text.index("b" * 12) < read.text.index("a" * 12)  # what is damaged comes first
    assert "model.depth 4, seed 1): not trained yet, or removed" in read.text
    assert "gates: not judged, because 2 of 6 runs are missing" in read.text
    assert "the tables of 1 run cannot be read" in read.text
    told = [data["members"]["texts"][place] for place in data["members"]["unread"] if place >= 0]
    assert told == ["its tables cannot be read"]


def test_a_sweep_none_of_whose_runs_is_there_says_so() -> None:
    missing = [
        MissingMember(f"{place:012x}", {"a": place}, 0, "not trained yet, or removed", False) for place in range(70)
    ]
    _, data, read = made(opened([], missing=missing))
    assert "70 of 70 runs are missing" in read.text
    assert "and 20 more" in read.text
    assert "None of the sweep's runs is there" in read.text
    assert data["maps"] == {}


@pytest.mark.parametrize(
    "members",
    [
        [member({})],
        [member({}, seed, number=seed, verdict=["dead", "healthy"][seed % 2]) for seed in range(5)],
        [failed({"a": place % 2}, "no memory", number=place) for place in range(4)],
        grid({f"part{place}.a": [1, 2] for place in range(5)} | {f"part{place}.b": [1] for place in range(7)},
             lambda point, seed: {}, 1),
    ],
    ids=["one run", "seeds alone", "all failed", "one verdict over five axes"],
)  # fmt: skip
def test_small_and_odd_sweeps_have_a_page(members: list[Any]) -> None:
    sweep = opened(members, lambda place: None)
    _, data, read = made(sweep)
    assert len(data["members"]["id"]) == len(members)
    assert "No run here has a backward signal on record" in read.text
    several = len({run.seed for _, run in members}) > 1
    assert [axis["name"] for axis in data["axes"]] == [*sweep.view.axes, *(["seed"] if several else [])]
    assert (data["start"] is None) is not data["axes"]
