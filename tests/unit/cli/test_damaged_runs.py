"""One bad directory never takes down the others: it is named with its reason, and exit code 2 where it alone was asked for."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from processor_time import within
from pyarrow import parquet

import gradlab as gradlab_package
from gradlab.cli.main import main
from gradlab.config.text import unmentioned
from gradlab.errors import UnreadableWarning
from gradlab.results.asked import Journal
from gradlab.results.store import Store

Gradlab = Callable[..., tuple[int, str, str]]

CONFIG: dict[str, Any] = {
    "name": "net",
    "model": {"depth": 2, "width": 4, "activation": "tanh"},
    "data": {"source": "xor", "samples": 64, "batch_size": 16},
    "train": {"steps": 3},
}
SWEEP = {
    "name": "grid",
    "experiment": {key: value for key, value in CONFIG.items() if key != "name"},
    "seeds": "0-1",
    "grid": {"train.lr": [0.1, 0.2]},
}
ESCAPES = "\x1b[2J\x9b31m\u202e\x07"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("trained") / "runs"
    gradlab_package.run(CONFIG, seeds=range(3), out=root)
    gradlab_package.run(CONFIG | {"name": "other", "train": {"steps": 4}}, out=root)
    gradlab_package.sweep(SWEEP, out=root, executor="inline")
    return root


@pytest.fixture
def root(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(trained, tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


@pytest.fixture
def bad(root: Path) -> Path:
    """The directory of the run that is damaged: a seed of `net`."""
    return min(root.glob("net-*"))


@pytest.fixture
def gradlab(root: Path, capsys: pytest.CaptureFixture[str]) -> Gradlab:
    def call(*words: str) -> tuple[int, str, str]:
        code = main([*words, "--out", str(root)])
        captured = capsys.readouterr()
        assert "internal error" not in captured.err
        for char in "\x1b\x9b\u202e\x07":
            assert char not in captured.out + captured.err
        return code, captured.out, captured.err

    return call


def changed(*path: str, to: Any, file: str = "summary.json") -> Callable[[Path], None]:
    """Damages that put a value into a file of JSON."""

    def change(run: Path) -> None:
        data = json.loads((run / file).read_text())
        if not path:
            data = to
        at = data
        for key in path[:-1]:
            at = at[key]
        if path:
            at[path[-1]] = to
        (run / file).write_text(json.dumps(data))

    return change


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def content(data: bytes, file: str = "summary.json", size: int | None = None) -> Callable[[Path], None]:
    def change(run: Path) -> None:
        (run / file).write_bytes(data)
        if size is not None:
            os.truncate(run / file, size)

    return change


def kind(put: Callable[[Path], None], file: str = "summary.json") -> Callable[[Path], None]:
    def change(run: Path) -> None:
        (run / file).unlink()
        put(run / file)

    return change


def table(change: Callable[[pa.Table], pa.Table], file: str = "layers.parquet") -> Callable[[Path], None]:
    def write(run: Path) -> None:
        found = parquet.ParquetFile(run / file).read()
        parquet.write_table(change(found).replace_schema_metadata(found.schema.metadata), run / file)

    return write


def retyped(name: str, dtype: pa.DataType) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.set_column(table.column_names.index(name), name, pa.array([None] * len(table), dtype))


def filled(name: str, value: float) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.set_column(table.column_names.index(name), name, pa.array([value] * len(table)))


SUMMARIES: dict[str, Callable[[Path], None]] = {
    "a list": changed(to=[]),
    "a number": changed(to=5),
    "null": changed(to=None),
    "a number as text": changed("seed", to="0"),
    "a truth": changed("seed", to=True),
    "an object for a word": changed("verdict", to={"a": 1}),
    "a list for an object": changed("init", to=[1]),
    "text for a figure": changed("final", "loss", to="much"),
    "a number that is too large": changed("final", "loss", to=10**400),
    "nesting": changed("config", "name", to=nested(500)),
    "deep nesting": content(b"[" * 100_000),
    "no text": content(b"\xff\xfe{}"),
    "200 MB": content(b'{"id": "', size=200_000_000),
    "a FIFO": kind(os.mkfifo),
    "a device": kind(lambda path: path.symlink_to("/dev/zero")),
    "a link to itself": kind(lambda path: path.symlink_to(path)),
    "a directory": kind(Path.mkdir),
}
"""Damages that a list sees."""

INSIDE: dict[str, Callable[[Path], None]] = {
    "a finding": changed("findings", to=[{"rule": ESCAPES}]),
    "findings of another type": changed("findings", to=5),
    "a config": changed("config", "model", "depth", to="two"),
    "a config of another type": changed("config", "train", to=[]),
    "timing": changed("timing", "train_seconds", to={"a": 1}),
    "an unknown verdict": changed("verdict", to="splendid"),
    "a manifest": changed(to=[], file="manifest.json"),
    "a device of a manifest": changed("device", to=[1], file="manifest.json"),
    "a manifest that never ends": kind(lambda path: path.symlink_to("/dev/zero"), "manifest.json"),
    "no manifest": lambda run: (run / "manifest.json").unlink(),
    "float16": table(retyped("log10_grad_norm", pa.float16())),
    "times": table(retyped("log10_grad_norm", pa.timestamp("ns"))),
    "text": table(retyped("loss", pa.string()), "steps.parquet"),
    "the log10 of no number": table(filled("log10_grad_norm", 1.7e308)),
    "the log10 of no number, below": table(filled("log10_backward_rms", -1e100)),
    "no steps": table(lambda found: found.drop_columns(["step"]), "steps.parquet"),
    "fewer rows": table(lambda found: found.slice(0, 2)),
    "steps backwards": table(lambda found: found.take(pa.array(range(len(found)))[::-1]), "steps.parquet"),
    "two columns of a name": table(lambda found: found.append_column("step", found.column(0))),
    "a FIFO": kind(os.mkfifo, "layers.parquet"),
    "a table that is cut off": content(b"PAR1", "steps.parquet"),
}
"""Damages that only those see who read the whole run."""


@pytest.mark.parametrize("damage", SUMMARIES)
def test_lists_name_the_bad_one_and_show_the_rest(gradlab: Gradlab, bad: Path, root: Path, damage: str) -> None:
    SUMMARIES[damage](bad)
    code, out, err = gradlab("list", "--format", "json")
    assert code == 0
    assert len(json.loads(out)["runs"]) == 7
    assert f"{bad.name}: left out, it cannot be read (" in err
    assert len(err) < 700
    code, out, err = gradlab(
        "list", "--where", "model.depth == 2", "--sort", "seed", "--columns", "id,finished,final.loss"
    )
    assert code == 0
    assert len(out.splitlines()) == 8


FEW = ("a list", "a FIFO", "a config", "float16")


def some_fast(names: Iterable[str]) -> list[Any]:
    """All of them, but for a few only where there is time."""
    return [pytest.param(name, marks=() if name in FEW else pytest.mark.slow) for name in names]


@pytest.mark.parametrize("damage", some_fast([*SUMMARIES, *INSIDE]))
def test_by_its_own_name_it_is_an_error_with_a_reason(gradlab: Gradlab, bad: Path, damage: str) -> None:
    (SUMMARIES | INSIDE)[damage](bad)
    for words in (["show", bad.name[-12:]], ["export", bad.name[-12:], "--to", "csv", "there"]):
        code, out, err = gradlab(*words)
        assert (code, out) == (5 if damage == "no manifest" else 2, "")
        assert bad.name in err
    assert not Path("there").exists()


@pytest.mark.parametrize("damage", some_fast(["float16", "a FIFO", "no steps"]))
def test_a_list_that_opens_tables_names_the_bad_one(gradlab: Gradlab, bad: Path, damage: str) -> None:
    """As those of older versions are, whose summaries do not hold what is asked of the layers."""
    summary = json.loads((bad / "summary.json").read_text())
    del summary["over_layers"]
    (bad / "summary.json").write_text(json.dumps(summary))
    INSIDE[damage](bad)
    code, out, err = gradlab("list", "--where", "max(grad_norm) >= 0", "--format", "json")
    assert code == 0
    assert len(json.loads(out)["runs"]) == 7
    assert err.count(bad.name) == 1
    code, out, err = gradlab("list", "--columns", "id,max(grad_norm)", "--format", "json")
    assert code == 0
    assert sum(row["max(grad_norm)"] is None for row in json.loads(out)["runs"]) == 1
    assert err.count(bad.name) == 1
    for words in (["tag", "good"], ["rm", "--dry-run"], ["du"]):
        code, out, err = gradlab(*words, "--where", "max(grad_norm) >= 0")
        assert code == 0
        assert bad.name in err


def test_without_a_journal_a_name_says_which_run_it_cannot_place(gradlab: Gradlab, bad: Path, root: Path) -> None:
    (root / "asked.jsonl").unlink()
    changed(to=[])(bad)
    code, out, err = gradlab("show", "net", "--format", "json")
    assert code == 0
    assert len(json.loads(out)["runs"]) == 2
    assert err.count(bad.name) == 1


def test_what_was_removed_is_told_though_the_journal_is_bad(gradlab: Gradlab, bad: Path, root: Path) -> None:
    (root / "asked.jsonl").unlink()
    os.mkfifo(root / "asked.jsonl")
    code, out, err = gradlab("rm", bad.name[-12:], "--yes", "--format", "json")
    assert code == 2
    assert [row["path"] for row in json.loads(out)["removed"]] == [str(bad)]
    assert "asked.jsonl: cannot be written" in err
    assert not bad.exists()


def test_a_run_that_is_a_link_is_tagged_where_it_is_listed(
    gradlab: Gradlab, bad: Path, root: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside" / bad.name
    outside.parent.mkdir()
    bad.rename(outside)
    bad.symlink_to(outside)
    assert gradlab("tag", bad.name[-12:], "good")[0] == 0
    assert [path.name for path in outside.parent.iterdir()] == [bad.name]
    assert Journal(root).read().tags == {bad.name[-12:]: ("good",)}


EVERY = [
    ["show", "net", "--format", "json"],
    ["report", "net", "other"],
    ["compare", "net", "other"],
    ["plot", "net", "-o", "figure.svg"],
    ["export", "net", "--to", "csv", "there"],
]


@pytest.mark.parametrize("words", EVERY, ids=lambda words: words[0])
@pytest.mark.parametrize(
    "damage", some_fast(["text for a figure", "a FIFO", "200 MB", "a manifest", "float16", "fewer rows"])
)
def test_among_others_it_is_left_out_and_named(gradlab: Gradlab, bad: Path, words: list[str], damage: str) -> None:
    (INSIDE | SUMMARIES)[damage](bad)
    code, out, err = gradlab(*words)
    assert code == 0, err
    assert f"left out: {bad}" in err or bad.name in err
    if words[0] == "show":
        assert len(json.loads(out)["runs"]) == 2
    if words[0] == "export":
        assert len(out.splitlines()) == 4


def test_what_changes_the_store_is_not_stopped_by_it(gradlab: Gradlab, bad: Path, root: Path) -> None:
    changed(to=[])(bad)
    assert gradlab("du")[0] == 0
    assert gradlab("du", "net")[0] == 0
    assert gradlab("tag", "net", "good")[0] == 0
    assert gradlab("clean")[0] == 0
    code, out, _ = gradlab("rm", "net", "--yes", "--format", "json")
    assert code == 0
    assert len(json.loads(out)["removed"]) == 3
    assert not bad.exists()


def test_no_run_that_can_be_read_is_an_error(gradlab: Gradlab, root: Path) -> None:
    for run in root.glob("net-*"):
        changed(to=[])(run)
    assert gradlab("show", "net")[0] == 2
    assert gradlab("compare", "net", "other")[0] == 2


def test_from_python_it_is_a_warning(bad: Path, root: Path) -> None:
    INSIDE["float16"](bad)
    with pytest.warns(UnreadableWarning, match=bad.name):
        assert len(gradlab_package.runs("net", out=root)) == 2
    SUMMARIES["a list"](bad)
    with pytest.warns(UnreadableWarning, match=bad.name):
        assert len(gradlab_package.runs(out=root)) == 7


PLANS: dict[str, Callable[[Path], None]] = {
    "a list": changed(to=[], file="plan.json"),
    "members": changed("members", to=5, file="plan.json"),
    "a name": changed("name", to="../../pwned/x", file="plan.json"),
    "deep nesting": content(b'{"a":' * 50_000, "plan.json"),
    "a FIFO": kind(os.mkfifo, "plan.json"),
    "a device": kind(lambda path: path.symlink_to("/dev/zero"), "plan.json"),
    "members twice": lambda place: content(repeated(place, 2).encode(), "plan.json")(place),
}


def repeated(place: Path, times: int) -> str:
    """A sweep's plan, each member so many times, as gradlab would write it: a line each."""
    head, _, rest = (place / "plan.json").read_text().partition('"members":[\n')
    members = rest.removesuffix("\n]}\n").split(",\n")
    return head + '"members":[\n' + ",\n".join(members * times) + "\n]}\n"


@pytest.mark.parametrize("damage", some_fast(PLANS))
def test_a_sweep_whose_plan_is_bad(gradlab: Gradlab, root: Path, damage: str) -> None:
    place = next((root / "sweeps").iterdir())
    PLANS[damage](place)
    before = sorted(root.parent.iterdir())
    assert gradlab("list", "--sweeps")[0] == 0
    for words in (["report", str(place)], ["sweep", str(place)], ["sweep", str(place), "--dry-run"]):
        code, out, _ = gradlab(*words)
        assert code in (2, 5)
        assert out == ""
    assert gradlab("list")[0] == 0
    assert gradlab("show", "net")[0] == 0
    assert sorted(root.parent.iterdir()) == before


@pytest.mark.parametrize("damage", ["a list", "members", "members twice"])
def test_a_sweep_that_is_asked_for_by_name_says_what_is_wrong_with_its_plan(
    gradlab: Gradlab, root: Path, damage: str
) -> None:
    place = next((root / "sweeps").iterdir())
    PLANS[damage](place)
    for words in (["show", str(place)], ["plot", str(place), "-o", str(place / "x.svg")], ["show", "sweeps/grid"]):
        code, out, err = gradlab(*words)
        assert (code, out) == (2, "")
        assert "plan.json: cannot be read (" in err


@pytest.mark.parametrize("written", ["a line each", "by something else"])
def test_a_plan_that_repeats_its_members_is_refused_before_a_run_is_read(
    gradlab: Gradlab, root: Path, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    """Each repetition would be read, judged and shown again, for as long as somebody likes."""
    place = next((root / "sweeps").iterdir())
    text = repeated(place, 300)
    (place / "plan.json").write_text(text if written == "a line each" else json.dumps(json.loads(text)))
    loaded: list[object] = []
    monkeypatch.setattr(Store, "load", lambda _, handle: loaded.append(handle))
    for words in (
        ["report", str(place)],
        ["show", str(place)],
        ["compare", str(place), str(place)],
        ["sweep", str(place)],
    ):
        code, out, err = gradlab(*words)
        assert (code, out) == (2, ""), err
        assert "stands in it 300 times" in err
    assert loaded == []
    code, out, err = gradlab("list", "--sweeps")
    assert (code, "grid" in out) == (0, False)
    assert "stands in it 300 times" in err


@pytest.mark.parametrize("damage", some_fast(["text for a figure", "a FIFO", "float16"]))
def test_a_sweep_with_a_bad_member(gradlab: Gradlab, root: Path, damage: str) -> None:
    bad = min(root.glob("grid-*"))
    (INSIDE | SUMMARIES)[damage](bad)
    code, out, err = gradlab("report", "grid")
    assert code == 0, err
    assert bad.name in Path(out.strip()).read_text()
    code, out, err = gradlab("show", "grid", "--format", "json")
    assert code == 0
    assert len(json.loads(out)["runs"]) == 3
    assert bad.name in err


@pytest.mark.parametrize("key", ["expect", "name", "model"])
def test_sweeps_are_compared_though_a_plan_holds_no_config(gradlab: Gradlab, root: Path, key: str) -> None:
    place = next((root / "sweeps").iterdir())
    plan = json.loads((place / "plan.json").read_text())
    plan["members"][0]["config"][key] = -5
    (place / "plan.json").write_text(json.dumps(plan))
    code, _, err = gradlab("compare", "grid", "grid")
    assert code == 0, err


def test_the_end_of_a_sweep_may_hold_anything(gradlab: Gradlab, root: Path) -> None:
    place = next((root / "sweeps").iterdir())
    for value in ([], {"counts": []}, {"counts": {"failed": "many"}, "gates": []}, {"counts": {}, "gates": 5}):
        changed(to=value, file="sweep.json")(place)
        code, _, err = gradlab("list", "--sweeps")
        assert code == 0
        assert f"{place.name}: left out" in err
        assert gradlab("show", "grid")[0] == 0


def test_escapes_from_files_are_shown_and_not_obeyed(gradlab: Gradlab, bad: Path, root: Path) -> None:
    changed("name", to=f"net{ESCAPES}")(bad)
    Journal(root).note([bad.name[-12:]], f"seen{ESCAPES}\nby me")
    for face in ("table", "csv", "md"):
        code, out, _ = gradlab("list", "--format", face)
        assert code == 0
        assert "net\ufffd[2J" in out
        assert "seen\ufffd[2J" in out
    code, out, _ = gradlab("list", "--format", "json")
    assert {row["name"] for row in json.loads(out)["runs"]} == {"net", "other", "grid", f"net{ESCAPES}"}
    assert json.loads(out)["runs"][0].keys() >= {"note"}
    (bad / "summary.json").write_text(json.dumps({"id": ESCAPES}))
    assert gradlab("show", bad.name[-12:])[0] == 2


def test_escapes_do_not_reach_a_terminal_that_takes_colours(
    root: Path, bad: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    changed("name", to="net\x1b[8mhidden")(bad)
    changed("outcome", to="done\x1b]0;title\x07")(bad)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["list", "--out", str(root)]) == 0
    out = capsys.readouterr().out
    assert "\x1b[" in out  # its own colours
    assert "\x1b[8m" not in out
    assert "\x1b]" not in out
    assert "\x07" not in out
    assert "net\ufffd[8mhidden" in out


def test_tables_for_spreadsheets_hold_no_formulas(gradlab: Gradlab, bad: Path, root: Path) -> None:
    Journal(root).note([bad.name[-12:]], "=cmd|' /C calc'!A0")
    code, out, _ = gradlab("list", "--format", "csv", "--columns", "id,note,init.backward_decades")
    assert code == 0
    assert "'=cmd|" in out
    figures = [line.rsplit(",", 1)[1] for line in out.splitlines()[1:]]
    assert any(figure.startswith("-") for figure in figures)  # numbers stay numbers
    code, out, _ = gradlab("list", "--format", "json")
    assert any(row["note"] == "=cmd|' /C calc'!A0" for row in json.loads(out)["runs"])


def test_markdown_mentions_nobody(gradlab: Gradlab, bad: Path, root: Path) -> None:
    Journal(root).note([bad.name[-12:]], "ask @octocat or a@b.c")
    assert "ask @&#8203;octocat or a@b.c" in gradlab("list", "--format", "md")[1]
    assert unmentioned("`@a` \\`@b` ``@c ` `` @d") == "`@a` \\`@&#8203;b` ``@c ` `` @&#8203;d"
    assert unmentioned("```@a`` `@b`") == "```@&#8203;a`` `@b`"
    with within(5):
        for text in ("`" * 50_000, "`a" * 50_000, "`" * 20_000 + "x" + "`" * 20_001, "\\`" * 50_000):
            assert unmentioned(f"{text} @a").startswith(text)


def test_markdown_holds_no_tags_and_loads_no_pictures(gradlab: Gradlab, bad: Path, root: Path) -> None:
    Journal(root).note([bad.name[-12:]], "<script>alert(1)</script> ![seen](http://a.b/c.png) 3 < 4, x<y")
    out = gradlab("list", "--format", "md")[1]
    assert "&lt;script>alert(1)&lt;/script> !\\[seen](http://a.b/c.png) 3 < 4" in out
    changed("findings", 0, "message", to="a column <img src=x onerror=alert(1)> holds `<b>`")(bad)
    out = gradlab("show", bad.name[-12:], "--format", "md")[1]
    assert "<img" not in out


def test_a_page_is_not_written_through_a_run_that_is_a_link(
    gradlab: Gradlab, bad: Path, root: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    bad.rename(outside)
    bad.symlink_to(outside)
    before = sorted(outside.iterdir())
    code, _, err = gradlab("report", bad.name[-12:])
    assert code == 2
    assert "is a link, which is not followed" in err
    assert "-o" in err
    assert sorted(outside.iterdir()) == before
    assert gradlab("report", bad.name[-12:], "-o", "page.html")[0] == 0
    assert gradlab("report", str(bad))[0] == 0  # named as the place that it is
    (root / "comparisons").symlink_to(outside)
    assert gradlab("report", "net", "other")[0] == 2


@pytest.mark.parametrize("place", ["run", "sweeps", "sweep", "comparisons"])
def test_links_that_lead_in_a_circle(gradlab: Gradlab, bad: Path, root: Path, place: str) -> None:
    path = {"run": bad, "sweep": next((root / "sweeps").iterdir())}.get(place, root / place)
    if path.exists():
        shutil.rmtree(path)
    path.symlink_to(path)
    code, out, err = gradlab("list", "--format", "json")
    assert code == 0
    assert len(json.loads(out)["runs"]) == (7 if place == "run" else 8)
    assert (f"{bad.name}: left out" in err) == (place == "run")
    assert gradlab("list", "--sweeps")[0] == 0
    assert gradlab("du")[0] == 0
    assert gradlab("clean")[0] == 0
    assert gradlab("show", "other")[0] == 0
    assert gradlab("tag", "net", "good")[0] == 0
    assert gradlab("report", "net", "other")[0] == (2 if place == "comparisons" else 0)


LONG = "x" * 300


@pytest.mark.parametrize(
    "words",
    [
        ["show", LONG], ["show", f"{LONG}/y"], ["report", "net", "other", "-o", f"{LONG}.html"],
        ["report", "net", "other", "-o", "loop.html"],
        ["plot", "net", "-o", f"{LONG}.svg"], ["plot", "net", "-o", "loop.svg"], ["export", "net", "--to", "csv", LONG],
        ["compare", "net", "other", "--junit", f"{LONG}.xml"], ["compare", "net", "other", "--summary", "loop.md"], ["new", LONG],
        ["new", "--like", f"{LONG}.yaml", "--sweep", "s"], ["check", LONG], ["run", "loop.yaml"], ["sweep", LONG], ["sweep", "loop.yaml"],
        ["predict", LONG], ["show", "loop"], ["tag", "loop", "good"], ["rm", "loop/x", "--yes"],
    ],
    ids=lambda words: " ".join(words).replace(LONG, "LONG"),
)  # fmt: skip
def test_names_that_lead_nowhere_are_the_user_s_faults(gradlab: Gradlab, root: Path, words: list[str]) -> None:
    for name in ("loop", "loop.html", "loop.svg", "loop.md", "loop.yaml"):
        Path(name).symlink_to(name)
    code, _, err = gradlab(*words)
    assert code in (2, 5)
    assert err


@pytest.mark.parametrize("out", [LONG, "loop", f"loop/{LONG}"])
def test_places_that_lead_nowhere(root: Path, out: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("loop").symlink_to("loop")
    Path("net.yaml").write_text(json.dumps(CONFIG))
    for words in (
        ["list"],
        ["show", "x"],
        ["clean"],
        ["du"],
        ["list", "--sweeps"],
        ["run", "net.yaml"],
        ["rm", "x"],
        ["tag", "x", "y"],
    ):
        assert main([*words, "--out", out]) in (0, 2, 3, 5)
        assert "internal error" not in capsys.readouterr().err


def test_nothing_is_no_directory(gradlab: Gradlab, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for words in (["list"], ["clean"], ["sweep", "x.yaml"], ["check", "x.yaml"]):
        assert main([*words, "--out", ""]) == 2
    assert main(["export", "net", "--to", "csv", "", "--out", str(root)]) == 2
    monkeypatch.setenv("GRADLAB_RUNS", "")
    assert main(["list"]) == 0
    with pytest.raises(gradlab_package.errors.UsageError):
        gradlab_package.runs(out="")


@pytest.mark.parametrize("tracker", ["tensorboard", "wandb", "mlflow"])
@pytest.mark.parametrize("dest", [LONG, "loop", "file"])
def test_trackers_are_not_written_to_places_that_lead_nowhere(gradlab: Gradlab, tracker: str, dest: str) -> None:
    pytest.importorskip(tracker)
    Path("loop").symlink_to("loop")
    Path("file").write_text("")
    code, out, err = gradlab("export", "other", "--to", tracker, dest)
    assert (code, out) == (2, "")
    assert err
