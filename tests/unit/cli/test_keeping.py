"""`gradlab tag`, `rm` and `du`: what is kept, what goes, and what takes the room."""

import csv
import io
import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from made.runs import make_run

import gradlab as gradlab_package
from gradlab.cli.main import main
from gradlab.errors import SelectionError, UsageError
from gradlab.results import crash_safe
from gradlab.results.asked import Ask, Journal
from gradlab.results.store import Store
from gradlab.results.sweeps.directory import StoredMember, SweepPlace, SweepPlan

Gradlab = Callable[..., tuple[int, str, str]]

A0, A1, B0, M0, M1, M2 = (f"{number:012x}" for number in range(0xA0, 0xA6))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """`a` of two seeds, `b` that is a sweep's member too, and two sweeps that share a member: `s` of b, m0, m1, m2 and `t` of m1."""
    root = tmp_path / "runs"
    store, journal = Store(root), Journal(root)
    for number, (own, name, seed) in enumerate(
        [(A0, "a", 0), (A1, "a", 1), (B0, "b", 0), (M0, "net", 0), (M1, "net", 1), (M2, "net", 2)]
    ):
        run = make_run(own, name, seed)
        store.save(replace(run, manifest={**run.manifest, "finished": f"2026-11-01T00:0{number}:00+00:00"}), "")
    journal.ask(Ask("a", (A0, A1), "2026-11-01T10:00:00+00:00", "one"))
    journal.ask(Ask("b", (B0,), "2026-11-01T11:00:00+00:00", "two"))
    for name, own, members in (("s", "5" * 12, (B0, M0, M1, M2)), ("t", "7" * 12, (M1,))):
        stored = tuple(StoredMember(one, {}, make_run(one).experiment.model_dump(mode="json")) for one in members)
        SweepPlace(root, name, own).write_plan(SweepPlan(own, name, (), (), "cpu", stored), "")
        journal.ask(Ask(name, members, "2026-11-01T12:00:00+00:00", sweep=own))
    return root


def there(root: Path) -> set[str]:
    """Ids of the runs that are there."""
    return set(Store(root).handles())


ALL = {A0, A1, B0, M0, M1, M2}


class Terminal(io.StringIO):
    """A terminal on which somebody types."""

    def isatty(self) -> bool:
        return True


class Interrupted(Terminal):
    def readline(self, *_: object) -> str:
        raise KeyboardInterrupt


def test_without_a_terminal_and_without_yes_nothing_goes(gradlab: Gradlab, root: Path) -> None:
    code, out, err = gradlab("rm", "a")
    assert (code, out) == (2, "")
    assert "2 runs of a (seeds 0-1)" in err
    assert "--yes" in err
    assert there(root) == ALL


@pytest.mark.parametrize(
    ("typed", "code", "left"),
    [
        (Terminal("y\n"), 0, ALL - {A0, A1}),
        (Terminal("yes\n"), 0, ALL - {A0, A1}),
        (Terminal("n\n"), 0, ALL),
        (Terminal("\n"), 0, ALL),
        (Terminal(""), 0, ALL),
        (Interrupted(), 130, ALL),
    ],
)
def test_on_a_terminal_it_asks(
    gradlab: Gradlab, root: Path, monkeypatch: pytest.MonkeyPatch, typed: Terminal, code: int, left: set[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", typed)
    found, out, err = gradlab("rm", "a")
    assert found == code
    assert "Remove them? [y/N] " in err
    assert there(root) == left
    assert (out == "") == (left == ALL)
    if left == ALL and code == 0:
        assert "nothing was removed" in err


def test_what_is_removed_is_told_in_every_face(gradlab: Gradlab, root: Path) -> None:
    size = sum(file.stat().st_size for file in (root / f"a-{A0}").iterdir())
    dry = gradlab("rm", A0, "--dry-run", "--format", "json")
    assert there(root) == ALL
    code, out, _ = gradlab("rm", A0, "--yes", "--format", "json")
    assert code == 0
    assert out == dry[1]
    assert json.loads(out) == {
        "schema_version": 1,
        "removed": [
            {"what": "run", "id": A0, "name": "a", "seed": 0, "bytes": size, "path": str(root / f"a-{A0}")},
        ],
    }
    assert there(root) == ALL - {A0}
    [head, row] = csv.reader(io.StringIO(gradlab("rm", A1, "--yes", "--format", "csv")[1]))
    assert dict(zip(head, row, strict=True))["id"] == A1
    assert f"| {B0} |" in gradlab("rm", B0, "--yes", "--format", "md")[1]


def test_a_name_means_its_newest_group(gradlab: Gradlab, root: Path) -> None:
    Journal(root).ask(Ask("a", (B0,), "2026-11-02T10:00:00+00:00", "three"))
    assert gradlab("rm", "a", "-y")[0] == 0
    assert there(root) == ALL - {B0}


def test_who_else_will_miss_a_run_is_said(gradlab: Gradlab, root: Path) -> None:
    Journal(root).ask(Ask("best", (A0,), "2026-10-02T10:00:00+00:00", "one"))
    assert "  best will miss some of them\n" in gradlab("rm", "a", "--dry-run")[2]
    assert "  the sweep s will miss it\n" in gradlab("rm", B0, "--dry-run")[2]
    assert "will miss" not in gradlab("rm", A1, "--dry-run")[2]
    assert "will miss" not in gradlab("rm", "s", "--dry-run")[2]


def test_a_sweep_goes_with_the_members_that_are_its_own(gradlab: Gradlab, root: Path) -> None:
    Journal(root).tag([M2], "keep")
    code, out, err = gradlab("rm", "s", "--yes", "--format", "json")
    assert code == 0
    assert {(row["what"], row["id"]) for row in json.loads(out)["removed"]} == {("sweep", "5" * 12), ("run", M0)}
    assert there(root) == ALL - {M0}
    assert not (root / "sweeps" / f"s-{'5' * 12}").exists()
    for told in ("asked for by themselves", "members of the sweep t", "with a tag or a note"):
        assert f"1 member stays: {told}" in err
    assert gradlab("rm", "t", "--yes")[0] == 0  # whose member is nobody else's now
    assert there(root) == ALL - {M0, M1}
    assert list((root / "sweeps").iterdir()) == []


def test_a_member_of_an_older_gradlab_goes_where_a_sweep_trained_it(gradlab: Gradlab, root: Path) -> None:
    (root / "asked.jsonl").unlink()
    manifest = root / f"net-{M0}" / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"argv": ["gradlab", "sweep", "s.yaml"]}))
    _, _, err = gradlab("rm", "s", "--yes")
    assert there(root) == ALL - {M0}
    assert "2 members stay: not known to be the sweep's alone" in err


def test_two_sweeps_that_go_together_take_their_shared_member(gradlab: Gradlab, root: Path) -> None:
    assert gradlab("rm", "s", "t", "--yes")[0] == 0
    assert there(root) == {A0, A1, B0}


def test_a_condition_removes_runs_and_no_sweep(gradlab: Gradlab, root: Path) -> None:
    assert gradlab("rm", "s", "--where", "seed == 2", "--yes")[0] == 0
    assert gradlab("rm", "--where", "name == a and seed == 1", "--yes")[0] == 0
    assert there(root) == ALL - {M2, A1}
    assert (root / "sweeps" / f"s-{'5' * 12}").exists()


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["rm", "nothing", "--yes"], 5, "no run in"),
        (["rm", "--where", "seed == 9", "--yes"], 5, "nothing to remove in"),
        (["rm", "--yes"], 2, "which runs?"),
        (["tag", "a", "a b"], 2, "expected letters, digits"),
        (["tag", "a", "@x"], 2, "expected letters, digits"),
        (["tag", "a"], 2, "which runs?"),
        (["tag"], 2, "which tag?"),
        (["tag", "none", "x"], 5, "no run in"),
        (["tag", "a", "x", "--remove"], 5, "none of these runs has the tag x"),
        (["tag", "x", "--where", "seed == 9"], 5, "matches --where"),
        (["du", "nothing"], 5, "no run in"),
        (["du", "--where", "seed == 9"], 5, "matches --where"),
    ],
)
def test_what_cannot_be(gradlab: Gradlab, root: Path, words: list[str], code: int, told: str) -> None:
    found, out, err = gradlab(*words)
    assert (found, out) == (code, "")
    assert told in err
    assert there(root) == ALL


def test_names_tags_and_notes_of_what_is_gone_are_forgotten(gradlab: Gradlab, root: Path) -> None:
    gradlab("tag", "a", "base", "--note", "first")
    gradlab("rm", "a", "--yes")
    asked = Journal(root).read()
    assert not {A0, A1} & (set(asked.tags) | set(asked.notes) | set(asked.names))
    Store(root).save(make_run(A0, "a", 0), "")
    [row] = json.loads(gradlab("list", "--where", "name == a", "--format", "json")[1])["runs"]
    assert "tag" not in row


def test_a_link_is_removed_and_not_what_it_leads_to(gradlab: Gradlab, root: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (root / f"a-{A0}").rename(elsewhere / "run")
    (root / f"a-{A0}").symlink_to(elsewhere / "run")
    (elsewhere / "notes").mkdir()
    (elsewhere / "notes" / "mine.txt").write_text("mine")
    (root / f"a-{A1}" / "notes").symlink_to(elsewhere / "notes")
    assert gradlab("rm", "a", "--yes")[0] == 0
    assert there(root) == ALL - {A0, A1}
    assert (elsewhere / "run" / "summary.json").is_file()
    assert (elsewhere / "notes" / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("link", ["sweeps", f"sweeps/s-{'5' * 12}"])
@pytest.mark.parametrize(
    "command",
    [
        ("rm", "s", "--yes"),
        ("rm", "s", "--where", "seed >= 0", "--yes"),
        ("tag", "s", "mine"),
        ("report", "s", "--runs"),
    ],
)
def test_runs_of_a_sweep_that_a_link_leads_to_stay_as_they_are(
    gradlab: Gradlab, root: Path, tmp_path: Path, link: str, command: tuple[str, ...]
) -> None:
    other = tmp_path / "other"
    root.rename(other)
    Store(root).save(make_run("c" * 12, "c"), "")
    (root / link).parent.mkdir(exist_ok=True)
    (root / link).symlink_to(other / link)
    before = {path: path.read_bytes() for path in other.rglob("*") if path.is_file()}
    code, _, err = gradlab(*command)
    assert {path: path.read_bytes() for path in other.rglob("*") if path.is_file()} == before
    if command[:2] == ("rm", "s") and "--where" not in command and link != "sweeps":
        assert (code, (root / link).is_symlink()) == (0, False)  # the link alone is removed
    else:
        assert code in (2, 5)
        assert "link" in err or "nothing to remove" in err


def test_a_plan_in_a_run_s_place_is_removed_without_a_trace_elsewhere(
    gradlab: Gradlab, root: Path, tmp_path: Path
) -> None:
    Store(tmp_path).save(make_run(M1, "net", 1), "")  # where the runs of the plan would lie if it lay in `sweeps`
    odd = root / f"t-{'7' * 12}"
    (root / "sweeps" / odd.name).rename(odd)
    (tmp_path / ".lock").unlink()
    assert gradlab("rm", str(odd), "--yes")[0] == 0
    assert not odd.exists()
    assert there(root) == ALL
    assert there(tmp_path) == {M1}
    assert not (tmp_path / ".lock").exists()


def test_a_directory_that_holds_other_runs_is_not_removed(gradlab: Gradlab, root: Path) -> None:
    Store(root / f"a-{A0}" / "mine").save(make_run("b" * 12), "")
    code, _, err = gradlab("rm", "a", "--yes")
    assert code == 2
    assert "is not removed, it holds" in err
    assert there(root) == ALL


def test_a_damaged_run_can_be_removed(gradlab: Gradlab, root: Path) -> None:
    (root / f"b-{B0}" / "summary.json").write_text("{")
    (root / f"a-{A1}" / "summary.json").unlink()
    _, _, err = gradlab("rm", B0, A1, "--yes")
    assert "cannot be read" in err
    assert there(root) == ALL - {B0, A1}


def test_a_run_by_its_path_goes_from_where_it_lies(gradlab: Gradlab, root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    run = Store(other).save(make_run(A0, "a", 0), "")
    assert gradlab("rm", str(run.path), "--yes")[0] == 0
    assert there(other) == set()
    assert there(root) == ALL


def test_what_cannot_be_removed_is_told_and_the_rest_goes(
    gradlab: Gradlab, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = os.rename

    def refusing(source: Path, target: Path) -> None:
        if Path(source).name == f"a-{A0}":
            raise PermissionError(13, "Permission denied")
        rename(source, target)

    monkeypatch.setattr(crash_safe.os, "rename", refusing)
    code, out, err = gradlab("rm", "a", "--yes", "--format", "json")
    assert code == 2
    assert [row["id"] for row in json.loads(out)["removed"]] == [A1]
    assert f"{root}/a-{A0}: cannot be removed (Permission denied)" in err
    assert there(root) == ALL - {A1}
    assert A0 in Journal(root).read().names


def test_tags_and_notes_are_given_and_taken(gradlab: Gradlab, root: Path) -> None:
    assert gradlab("tag", "a", "base")[2] == "base: given to 2 runs\n"
    assert (
        gradlab("tag", A0, B0, "2026", "--note", " two\nlines ")[2] == "2026: given to 2 runs\nnote given to 2 runs\n"
    )
    assert gradlab("tag", "old", "--where", "seed == 2")[0] == 0
    asked = Journal(root).read()
    assert asked.tags == {A0: ("base", "2026"), A1: ("base",), B0: ("2026",), M2: ("old",)}
    assert asked.notes == {A0: "two lines", B0: "two lines"}
    assert gradlab("tag", "a", "base", "--remove")[2] == "base: taken from 2 runs\n"
    assert gradlab("tag", B0, "--note", "")[2] == "note taken from 1 run\n"
    asked = Journal(root).read()
    assert asked.tags == {A0: ("2026",), B0: ("2026",), M2: ("old",)}
    assert asked.notes == {A0: "two lines"}
    rows = json.loads(gradlab("list", "2026", "--format", "json")[1])["runs"]
    assert {row["id"] for row in rows} == {A0, B0}


def test_a_sweep_s_members_are_tagged_and_a_tag_that_is_a_name_is_said(gradlab: Gradlab, root: Path) -> None:
    code, _, err = gradlab("tag", "s", "b")
    assert code == 0
    assert "b is a name too" in err
    assert set(Journal(root).read().tags) == {B0, M0, M1, M2}


def test_du_says_what_takes_the_room(gradlab: Gradlab, root: Path) -> None:
    (root / "comparisons").mkdir()
    (root / "comparisons" / "page.html").write_text("x" * 100_000)
    (root / ".tmp-a-1-2").mkdir()
    (root / ".tmp-a-1-2" / "half").write_text("y" * 10)
    (root / f"a-{A0}" / "outside").symlink_to(root / "comparisons" / "page.html")
    code, out, err = gradlab("du", "--format", "json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    rows = {(row["what"], row["name"]): row for row in found["rows"]}
    assert {("runs", "a"), ("runs", "b"), ("runs", "net"), ("sweep", "s"), ("sweep", "t")} <= set(rows)
    assert rows["comparisons", "comparisons"]["bytes"] == 100_000
    assert rows["left by crashes", None]["bytes"] == 10
    assert rows["runs", "net"]["count"] == 3
    files = [path for path in root.rglob("*") if path.is_symlink() or path.is_file()]
    assert found["total"]["bytes"] == sum(path.lstat().st_size for path in files)
    assert found["total"]["files"] == len(files) == sum(row["files"] for row in found["rows"])
    sizes = [row["bytes"] for row in found["rows"]]
    assert sizes == sorted(sizes, reverse=True)
    table = gradlab("du")[1].splitlines()
    assert table[1].split()[:2] == ["comparisons", "comparisons"]
    assert "100 kB" in table[1]
    assert table[-1].startswith("total")
    assert len(list(csv.DictReader(io.StringIO(gradlab("du", "--format", "csv")[1])))) == len(found["rows"])


def test_du_of_some(gradlab: Gradlab) -> None:
    rows = json.loads(gradlab("du", "a", "s", "--format", "json")[1])["rows"]
    assert {(row["what"], row["name"], row["count"]) for row in rows} == {
        ("runs", "a", 2), ("runs", "b", 1), ("runs", "net", 3), ("sweep", "s", 1),
    }  # fmt: skip
    [row] = json.loads(gradlab("du", "--where", "name == net and seed > 0", "--format", "json")[1])["rows"]
    assert (row["name"], row["count"]) == ("net", 2)


def test_du_of_nothing(gradlab: Gradlab, tmp_path: Path) -> None:
    assert main(["du", "--out", str(tmp_path / "none")]) == 0
    assert main(["du", "--out", str(tmp_path / "none"), "--format", "json"]) == 0
    (tmp_path / "file").write_text("")
    assert main(["du", "--out", str(tmp_path / "file")]) == 2


def test_what_was_said_of_a_run_is_shown_with_it(gradlab: Gradlab, root: Path) -> None:
    before = gradlab("show", A0)[1]
    gradlab("tag", A0, "base", "--note", "fits <at> last")
    Journal(root).ask(Ask("best", (A0,), "2026-11-02T10:00:00+00:00", "one"))
    shown = gradlab("show", A0)[1]
    assert [line for line in shown.splitlines() if line not in before.splitlines()] == [
        "tags: base · note: fits <at> last · other names: best"
    ]
    assert "tags: base · note: fits &lt;at> last · other names: best" in gradlab("show", A0, "--format", "md")[1]
    [run] = json.loads(gradlab("show", A0, "--format", "json")[1])["runs"]
    assert (run["tags"], run["note"], run["other_names"]) == ("base", "fits <at> last", "best")
    page = Path(gradlab("report", A0)[1].strip()).read_text()
    assert "fits &lt;at&gt; last" in page


def test_the_same_from_python(root: Path) -> None:
    assert gradlab_package.tag("a", tag="base", note="first", out=root) == [A0, A1]
    assert gradlab_package.tag(tag="old", where="tag == base and seed == 1", out=root) == [A1]
    assert gradlab_package.tag("a", tag="old", remove=True, out=root) == [A1]
    assert Journal(root).read().tags == {A0: ("base",), A1: ("base",)}
    with pytest.raises(UsageError, match="which tag"):
        gradlab_package.tag("a", out=root)
    assert [sweep.name for sweep in gradlab_package.sweeps(out=root)] == ["t", "s"]
    assert [sweep.name for sweep in gradlab_package.sweeps("members > 1", out=root)] == ["s"]
    assert gradlab_package.remove("base", out=root) == [root / f"a-{A0}", root / f"a-{A1}"]
    with pytest.raises(SelectionError, match="no run in"):
        gradlab_package.remove("base", out=root)
    assert there(root) == ALL - {A0, A1}
