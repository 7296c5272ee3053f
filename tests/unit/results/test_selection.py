"""Which runs a word means, with and without a journal."""

from pathlib import Path
from typing import Any

import pytest
from made.runs import make_run

from gradlab.errors import SelectionError, UsageError
from gradlab.results.asked import JOURNAL, Ask, Journal
from gradlab.results.selection import Selection, Selector, select
from gradlab.results.store import Store
from gradlab.results.stored import StoredRun
from gradlab.results.sweeps.directory import StoredMember, SweepPlace, SweepPlan


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def run_id(number: int) -> str:
    return f"{number:012x}"


def saved(root: Path, number: int, name: str = "net", seed: int = 0, depth: int = 3, **parts: Any) -> StoredRun:
    made = make_run(run_id(number), name, finished=parts.pop("finished", f"2026-01-01T00:00:{number:02d}"))
    experiment = made.experiment.model_copy(
        update={"seed": seed, "model": made.experiment.model.model_copy(update={"depth": depth})}
    )
    manifest = dict(made.manifest) | {"device": "cpu"} | parts
    from dataclasses import replace

    return Store(root).save(replace(made, experiment=experiment, manifest=manifest), "")


def asked(root: Path, name: str, *numbers: int, group: str = "", at: int, sweep: str | None = None) -> None:
    Journal(root).ask(Ask(name, tuple(map(run_id, numbers)), f"2026-01-02T00:00:{at:02d}", group or f"g-{name}", sweep))


def numbers(found: Selection) -> list[int]:
    return [int(handle.id, 16) for handle in found.runs]


def swept(root: Path, name: str, sweep: str, *members: int) -> SweepPlace:
    place = SweepPlace(root, name, sweep)
    config = make_run(run_id(1), "net").experiment.model_dump(mode="json")
    plan = SweepPlan(sweep, name, (), (), "cpu", tuple(StoredMember(run_id(one), {}, config) for one in members))
    place.write_plan(plan, "")
    return place


@pytest.fixture
def edited(root: Path) -> Path:
    """Two seeds of an experiment, then three after an edit; another one between them."""
    for number, seed in ((1, 0), (2, 1)):
        saved(root, number, seed=seed)
    asked(root, "net", 1, 2, group="before", at=1)
    saved(root, 3, "other")
    asked(root, "other", 3, at=2)
    for number, seed in ((4, 0), (5, 1), (6, 2)):
        saved(root, number, seed=seed, depth=4)
    asked(root, "net", 4, 5, 6, group="after", at=3)
    return root


@pytest.mark.parametrize(
    ("text", "groups", "found"),
    [
        ("net", True, [4, 5, 6]),
        ("net~0", True, [4, 5, 6]),
        ("net~1", True, [1, 2]),
        ("net@latest", True, [6]),
        ("net@latest~1", True, [5]),
        ("net@latest~3", True, [2]),
        ("net~1@latest", True, [2]),
        ("net~1@latest~1", False, [1]),
        ("net~0@latest", True, [6]),
        ("@latest", True, [4, 5, 6]),
        ("@latest", False, [6]),
        ("@latest~1", False, [5]),
        ("@latest~3", False, [3]),
        ("@latest~1", True, [3]),
        ("@latest~2", True, [1, 2]),
        (run_id(1), True, [1]),
        (f"{run_id(5)}~1", True, [1, 2]),
        (f"net-{run_id(2)}", True, [2]),
        ("oth", True, [3]),
        ("ne", True, [4, 5, 6]),
    ],
)
def test_what_a_word_means(edited: Path, text: str, groups: bool, found: list[int]) -> None:
    assert numbers(select(edited, text, groups=groups)) == found


@pytest.mark.parametrize(
    "text", ["net~2", "net@latest~5", "@latest~3", "other~1", "nothing", "nothing~1", "nothing@latest", "net~2@latest"]
)
def test_what_is_not_there_is_said(edited: Path, text: str) -> None:
    with pytest.raises(SelectionError):
        select(edited, text)


@pytest.mark.parametrize(
    ("text", "meant"),
    [("nte", "Did you mean 'net'? `gradlab list`"), ("sweeps/nte", "'sweeps/nte'; `gradlab list --sweeps`"),
     ("sweeps/manny", "Did you mean 'many'? `gradlab list --sweeps`"), ("unheard-of", "'unheard-of'; `gradlab list`")],
)  # fmt: skip
def test_a_name_with_a_slip_is_told_the_one_that_may_be_meant(edited: Path, text: str, meant: str) -> None:
    swept(edited, "many", "5eed5eed5eed", 1)
    with pytest.raises(SelectionError) as caught:
        select(edited, text)
    assert meant in str(caught.value)


def test_a_path_and_the_one_before(edited: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = edited / f"net-{run_id(4)}"
    assert numbers(select("elsewhere", path)) == [4]
    assert numbers(select("elsewhere", f"{path}~1")) == [1, 2]
    monkeypatch.chdir(edited)
    assert numbers(select("elsewhere", path.name)) == [4]


def test_what_is_asked_for_again_is_the_newest_though_it_is_there_already(edited: Path) -> None:
    asked(edited, "net", 1, 2, group="before", at=9)
    assert numbers(select(edited, "net")) == [1, 2]
    assert numbers(select(edited, "net~1")) == [4, 5, 6]
    assert numbers(select(edited, "@latest")) == [1, 2]


def test_a_run_is_found_by_each_name_that_it_was_asked_for_by(edited: Path) -> None:
    asked(edited, "copy", 4, 5, 6, group="after", at=9)
    found = select(edited, "copy")
    assert numbers(found) == numbers(select(edited, "net")) == [4, 5, 6]
    assert {handle.name for handle in found.runs} == {"copy"}
    assert {handle.name for handle in select(edited, "net").runs} == {"net"}
    assert numbers(select(edited, "copy@latest")) == [6]
    lines = {line.id: line.names for line in Store(edited).runs()}
    assert lines[run_id(5)] == ("copy", "net")
    assert lines[run_id(1)] == ()


def test_one_more_seed_joins_its_group(edited: Path) -> None:
    saved(edited, 7, seed=5, depth=4)
    asked(edited, "net", 7, group="after", at=9)
    assert numbers(select(edited, "net")) == [4, 5, 6, 7]
    assert numbers(select(edited, "@latest")) == [4, 5, 6, 7]
    assert numbers(select(edited, "@latest", groups=False)) == [7]


def test_members_are_found_by_their_sweep_and_do_not_change_what_a_name_means(edited: Path) -> None:
    for number in (8, 9):
        saved(edited, number, seed=number, depth=9, finished="2027")
    swept(edited, "grid", "f" * 12, 8, 9, 1)
    asked(edited, "grid", 8, 9, 1, at=20, sweep="f" * 12)
    assert numbers(select(edited, "net")) == [4, 5, 6]
    for text in ("grid", "f" * 12, "gri", str(edited / "sweeps" / f"grid-{'f' * 12}"), "sweeps/grid"):
        found = select(edited, text)
        assert numbers(found) == [8, 9, 1]
        assert found.place is not None
    with pytest.raises(UsageError, match="is a sweep, and a run is wanted"):
        select(edited, "grid").one()


def test_members_count_by_their_name_only_where_there_are_no_others(root: Path) -> None:
    saved(root, 1, seed=0)
    saved(root, 2, seed=1)
    swept(root, "grid", "f" * 12, 1, 2)
    assert numbers(select(root, "net")) == [1, 2]
    saved(root, 3, seed=2, depth=9)
    assert numbers(select(root, "net")) == [3]


def test_the_sweep_before(edited: Path) -> None:
    for place, digit in enumerate("abc"):
        swept(edited, "grid", digit * 12, place + 1)
        asked(edited, "grid", place + 1, at=10 + place, sweep=digit * 12)
    assert [numbers(select(edited, text)) for text in ("grid", "grid~1", "grid~2")] == [[3], [2], [1]]
    asked(edited, "grid", 1, at=20, sweep="a" * 12)
    assert [numbers(select(edited, text)) for text in ("grid", "grid~1", "grid~2")] == [[1], [3], [2]]
    path = edited / "sweeps" / f"grid-{'c' * 12}"
    assert numbers(select("elsewhere", f"{path}~1")) == [2]
    with pytest.raises(SelectionError, match="only 3 sweeps named grid"):
        select(edited, "grid~3")


def test_a_run_wins_over_a_sweep_of_its_name(edited: Path) -> None:
    swept(edited, "net", "f" * 12, 3)
    assert numbers(select(edited, "net")) == [4, 5, 6]
    assert numbers(select(edited, "sweeps/net")) == [3]
    with pytest.raises(UsageError, match="sweeps/net means the sweep, net@latest the run"):
        Selector(edited).refuse_namesakes("net")


def test_a_tag_means_all_runs_that_have_it(edited: Path) -> None:
    Journal(edited).tag([run_id(1), run_id(3)], "best")
    assert numbers(select(edited, "best")) == [1, 3]
    Journal(edited).tag([run_id(1)], "best", remove=True)
    assert numbers(select(edited, "best")) == [3]
    Journal(edited).tag([run_id(1)], "net")
    assert numbers(select(edited, "net")) == [4, 5, 6]  # a name wins


def test_runs_of_an_older_version_are_grouped_by_what_they_were_trained_with(root: Path) -> None:
    for number, seed in ((1, 0), (2, 1)):
        saved(root, number, seed=seed)
    saved(root, 3, seed=2, torch="1.0")
    saved(root, 4, seed=0, depth=4)
    assert [numbers(select(root, text)) for text in ("net", "net~1", "net~2")] == [[4], [3], [1, 2]]
    assert numbers(select(root, "@latest", groups=False)) == [4]


def test_what_is_removed_is_forgotten(edited: Path) -> None:
    Journal(edited).tag([run_id(4)], "best")
    Journal(edited).note([run_id(4)], "as planned")
    Journal(edited).forget([run_id(4)])
    asked_now = Journal(edited).read()
    assert (asked_now.tags, asked_now.notes) == ({}, {})
    assert numbers(select(edited, "net")) == [5, 6]


def test_a_damaged_journal_loses_its_bad_lines_alone(edited: Path) -> None:
    with (edited / JOURNAL).open("ab") as file:
        file.write(b'{"asked": "x", "at": 3, "runs": []}\n[1]\n"word"\n\xff\xfe\n{"tag": "best", "ru')
    Journal(edited).tag([run_id(1)], "fine")
    found = Journal(edited).read()
    assert found.damaged == 5
    assert found.tags == {run_id(1): ("fine",)}
    assert numbers(select(edited, "net")) == [4, 5, 6]


def test_a_clock_that_is_set_back_does_not_change_the_order(edited: Path) -> None:
    saved(edited, 7, "late")
    asked(edited, "late", 7, at=0)
    assert numbers(select(edited, "@latest")) == [7]


def test_a_long_journal_is_rewritten_with_what_counts(edited: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradlab.results.asked._COMPACT_FROM", 2000)
    Journal(edited).tag([run_id(4)], "best")
    Journal(edited).note([run_id(4)], "as planned")
    before = Journal(edited).read()
    for _ in range(60):
        asked(edited, "net", 4, 5, 6, group="after", at=3)
    after = Journal(edited).read()
    assert (edited / JOURNAL).stat().st_size < 4000
    assert (after.tags, after.notes, after.names) == (before.tags, before.notes, before.names)
    assert not list(edited.glob(".tmp-*"))


def test_a_directory_that_cannot_be_written_is_read(edited: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*args: Any, **kwargs: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("gradlab.results.crash_safe.locked", refused)
    asked(edited, "copy", 4, at=9)
    with pytest.raises(UsageError, match="cannot be written"):
        Journal(edited).tag([run_id(4)], "best")
    assert numbers(select(edited, "net")) == [4, 5, 6]
