"""A sweep from Python: a list of its runs, and what they come to together."""

import copy
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import gradlab
from gradlab.errors import SelectionError, UnreadableWarning, UsageError

TINY: dict[str, Any] = {
    "name": "tiny",
    "model": {"depth": 3, "width": 8, "activation": "tanh"},
    "data": {"source": "xor", "samples": 64, "batch_size": 16},
    "train": {"steps": 5},
}
SWEEP: dict[str, Any] = {
    "name": "several",
    "experiment": TINY,
    "seeds": "0-1",
    "grid": {"model.depth": [2, 3], "model.activation": ["tanh", "relu"]},
    "gates": ["share(outcome == completed) == 1", "max(final.loss) < 0"],
}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def swept(out: Path) -> gradlab.Sweep:
    return gradlab.sweep(SWEEP, out=out, device="cpu", executor="inline")


def test_it_is_a_list_of_its_runs_as_ever(swept: gradlab.Sweep) -> None:
    assert isinstance(swept, list)
    assert (len(swept), swept == list(swept), list(swept) == swept) == (8, True, True)
    assert [run.seed for run in swept[:2]] == [0, 1]
    assert swept[-1] is list(iter(swept))[-1]
    assert swept[0] in swept
    assert [point["model.depth"] for point in swept.points] == [2, 2, 2, 2, 3, 3, 3, 3]
    assert copy.copy(swept[0]) == swept[0]


def test_its_table_groups_and_gates(swept: gradlab.Sweep) -> None:
    assert swept.table["id"].tolist() == [run.id for run in swept]
    assert swept.table["final.loss"].tolist() == [run.summary.final["loss"] for run in swept]
    assert swept.table["final.loss"].dtype == np.float64
    assert swept.table["seed"].dtype == np.int64
    assert swept.table["skipped_steps"].isna().all()
    assert len(swept.groups) == 4
    assert swept.groups["n"].tolist() == [2, 2, 2, 2]
    one = swept.groups.set_index(["model.depth", "model.activation"]).loc[(2, "relu")]
    point = {"model.depth": 2, "model.activation": "relu"}
    losses = [run.summary.final["loss"] for run, own in zip(swept, swept.points, strict=True) if own == point]
    assert one["final.loss"] == pytest.approx(np.median(losses))
    assert [gate.passed for gate in swept.gates] == [True, False]


def test_a_stored_one_is_the_same(swept: gradlab.Sweep, out: Path) -> None:
    again = gradlab.load_sweep("several", out=out)
    assert [run.id for run in again] == [run.id for run in swept]
    assert (again.id, again.path, again.name) == (swept.id, swept.path, swept.name)
    assert again.groups.equals(swept.groups)
    assert again.points == swept.points
    assert [gate.text for gate in again.gates] == [gate.text for gate in swept.gates]
    assert gradlab.load_sweep(swept.path).id == swept.id
    with pytest.raises(SelectionError):
        gradlab.load_sweep("nothing", out=out)
    with pytest.raises(UsageError, match="no sweep"):
        gradlab.load_sweep(swept[0].id, out=out)


def test_missing_runs_are_warned_of(tmp_path: Path) -> None:
    found = gradlab.sweep(SWEEP, out=tmp_path, device="cpu", executor="inline")
    gradlab.remove(found[0].id, out=tmp_path)
    with pytest.warns(UnreadableWarning, match="1 of 8 runs is missing"):
        assert len(gradlab.load_sweep(found.path)) == 7


def test_it_is_compared_drawn_and_reported(swept: gradlab.Sweep, out: Path) -> None:
    compared = swept.compare(gradlab.load_sweep("several", out=out))
    assert sum(compared.counts.values()) == 4
    assert "<table" in str(compared._repr_html_())
    assert swept.compare("several").counts == compared.counts
    with pytest.raises(UsageError, match="no sweep"):
        swept.compare(swept[0].id)
    assert swept.plot()._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match="expected profile"):
        swept.plot("pie")
    page = swept.report()
    assert page == swept.path / "report.html"
    assert page.is_file()
    html = swept._repr_html_()
    assert "gate FAILED: max(final.loss)" in html
    assert html.count("<details>") == 8
    summaries = re.findall("<summary>(.*?)</summary>", html)
    assert len({one.partition(" ")[2].rpartition(",")[0] for one in summaries}) == 8  # each says which it is
    assert all(one.endswith(run.verdict) for one, run in zip(summaries, swept, strict=True))


def test_groups_that_have_no_room_in_a_figure_are_warned_of(tmp_path: Path) -> None:
    wide = {**SWEEP, "grid": {"model.depth": list(range(1, 19))}, "seeds": "0"}
    found = gradlab.sweep(wide, out=tmp_path, device="cpu", executor="inline")
    with pytest.warns(UserWarning, match="2 of 18 groups are not drawn"):
        found.plot("heatmap")


def test_a_run_is_compared_and_drawn(swept: gradlab.Sweep) -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    run, other = swept[0], swept[2]
    compared = run.compare(other, fail_on_any=["final.loss > -1"])
    assert (len(compared.sides), compared.passed) == (2, False)
    assert len(run.compare(swept[2:4]).sides) == 2
    assert len(run.compare(swept[2:]).sides) == 4
    html = str(compared._repr_html_())
    headers = re.findall(r"<th[^>]*>([^<]*)</th>", html.rpartition("<table")[2])
    assert headers == ["name", "A", "B", "change", "is"]  # and no column as wide as a side's whole name
    assert "B cannot be told from A, with too few seeds" in html
    with pytest.raises(UsageError, match="needs another run"):
        run.compare()
    figure = run.plot("loss")
    assert figure.axes
    assert dict(matplotlib.rcParams) == before
    for kind, quantities in (("pie", ()), ("loss", ("nothing",))):
        with pytest.raises(UsageError):
            run.plot(kind, quantities)
    assert "<table" in str(gradlab.predict(TINY)._repr_html_())


def test_tab_completion_sees_public_names_alone() -> None:
    assert {name for name in dir(gradlab) if not name.startswith("__")} == set(gradlab.__all__) - {"__version__"}
    assert all(getattr(gradlab, name) is not None for name in gradlab.__all__)


class Handle:
    def __init__(self) -> None:
        self.updates: list[str] = []

    def update(self, shown: str) -> None:
        self.updates.append(shown)


@pytest.fixture
def displayed(monkeypatch: pytest.MonkeyPatch) -> list[Handle]:
    """A notebook's front end, as far as a bar needs it."""
    handles: list[Handle] = []

    def display(shown: str, display_id: bool) -> Handle:
        assert display_id
        handles.append(Handle())
        handles[-1].update(shown)
        return handles[-1]

    ipython, output = ModuleType("IPython"), ModuleType("IPython.display")
    ipython.get_ipython = lambda: SimpleNamespace(kernel=object())  # type: ignore[attr-defined]
    output.HTML, output.display = str, display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", output)
    return handles


def test_a_notebook_has_one_bar_that_ends_full(
    displayed: list[Handle], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gradlab.run(TINY, out=tmp_path, device="cpu", seeds=range(2))
    assert len(displayed) == 1
    assert 'value="1.000"' in displayed[0].updates[-1]
    assert "2 of 2 runs are stored" in displayed[0].updates[-1]
    gradlab.run(TINY, out=tmp_path, device="cpu", seeds=range(2))
    gradlab.run(TINY, out=tmp_path, device="cpu", seeds=[5], quiet=True)
    assert len(displayed) == 1, "what is stored already and what is quiet has none"
    gradlab.sweep(SWEEP, out=tmp_path, device="cpu", executor="inline")
    assert len(displayed) == 2
    assert "runs are stored" in displayed[1].updates[-1]
    assert capsys.readouterr() == ("", "")


def test_a_terminal_has_no_bar(displayed: list[Handle], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: SimpleNamespace())
    gradlab.run(TINY, out=tmp_path, device="cpu")
    assert displayed == []
