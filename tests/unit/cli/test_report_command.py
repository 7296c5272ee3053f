"""`gradlab report`: where pages go, what is refused, and that a page is whole or not there. What stands on them is tested elsewhere."""

import errno
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made.odd_runs import keep, make_record

from gradlab.cli.main import main
from gradlab.results.record import Outcome
from gradlab.results.stored import StoredRun
from gradlab.results.sweeps.directory import StoredMember, SweepPlace, SweepPlan

Report = Callable[..., tuple[int, str, str]]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def runs(out: Path) -> list[StoredRun]:
    """Two runs of different depth and one that failed."""
    return [
        keep(out, "shallow", make_record(3, 5), steps=5),
        keep(out, "deep", make_record(6, 5), steps=5),
        keep(out, "broken", None, Outcome("failed", reason="no memory")),
    ]


@pytest.fixture
def report(out: Path, capsys: pytest.CaptureFixture[str]) -> Report:
    """Carry out the command: exit code, stdout, stderr."""

    def call(*words: str) -> tuple[int, str, str]:
        code = main(["report", *words, "--out", str(out)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def make_sweep(out: Path, name: str, digit: str) -> Path:
    run = keep(out, f"{name}_member", make_record(3, 5), steps=5)
    member = StoredMember(run.id, {}, run.experiment.model_dump(mode="json"))
    place = SweepPlace(out, name, digit * 12)
    place.write_plan(SweepPlan(digit * 12, name, (), (), "cpu", (member,)), "")
    return place.path


def test_a_run_s_page_lies_in_its_directory_and_its_place_is_printed(runs: list[StoredRun], report: Report) -> None:
    for run in runs:
        target = run.path / "report.html"
        assert report(run.id) == (0, f"{target}\n", "")
        text = target.read_text(encoding="utf-8")
        assert text.startswith("<!doctype html>")
        assert text.rstrip().endswith("</html>")
        assert run.id in text
    assert not [path for run in runs for path in run.path.glob(".tmp-*")]


def test_a_run_that_is_named_twice_is_one_run(runs: list[StoredRun], report: Report) -> None:
    run = runs[0]
    assert report(run.id, "shallow", str(run.path), f"{run.path}/") == (0, f"{run.path / 'report.html'}\n", "")


def test_several_runs_stand_side_by_side_in_a_place_of_their_own(
    runs: list[StoredRun], out: Path, report: Report
) -> None:
    target = out / "comparisons" / f"{runs[0].path.name}_{runs[1].path.name}.html"
    assert report("shallow", "deep") == (0, f"{target}\n", "")
    assert target.is_file()
    third = keep(out, "third", make_record(4, 5), steps=5)
    fourth = keep(out, "fourth", make_record(5, 5), steps=5)
    others = []
    for more in (third, fourth):  # whose page would have the same name, were it not for the digest
        code, said, _ = report("shallow", "deep", more.id)
        assert code == 0
        assert said.startswith(str(out / "comparisons" / f"{runs[0].path.name}_and_2_more-"))
        others.append(said)
    assert others[0] != others[1]
    assert report("shallow", "deep", third.id)[1] == others[0]


def test_the_longest_names_make_no_file_s_name_too_long(out: Path, report: Report) -> None:
    runs = [keep(out, letter * 100, make_record(3, 5), steps=5) for letter in "abc"]
    code, said, _ = report(*(run.id for run in runs))
    assert (code, Path(said.strip()).is_file()) == (0, True)


def test_a_sweep_s_page_lies_in_its_directory(out: Path, report: Report) -> None:
    path = make_sweep(out, "grid", "a")
    for name in ("grid", "a" * 12, str(path)):
        code, said, _ = report(name)
        assert (code, Path(said.strip()).resolve()) == (0, (path / "report.html").resolve())


def test_a_file_can_be_asked_for(runs: list[StoredRun], tmp_path: Path, report: Report) -> None:
    for name in ("mine.html", "MINE.HTM", "with space 😀.html"):
        target = tmp_path / name
        target.write_text("an older page")
        assert report("shallow", "-o", str(target)) == (0, f"{target}\n", "")
        assert runs[0].id in target.read_text(encoding="utf-8")
    assert not (runs[0].path / "report.html").exists()


@pytest.fixture
def nothing_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No page may be made."""

    def made(*_: Any, **__: Any) -> str:
        raise AssertionError("a page was made")

    for module in ("run.page.run_page", "comparison.page.comparison_page", "sweep.page.sweep_page"):
        monkeypatch.setattr(f"gradlab.report.page.{module}", made)


@pytest.mark.usefixtures("runs", "nothing_computed")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("page.txt", "page.txt: a page is a file whose name ends in .html"),
        ("page", "page: a page is a file whose name ends in .html"),
        ("-", "-: a page is a file whose name ends in .html"),
        ("no/such/page.html", "there is no directory"),
        ("directory.html", "is a directory; name a file in it, such as"),
        (".", "is a directory; name a file in it, such as"),
    ],
)
@pytest.mark.parametrize("names", [("shallow",), ("shallow", "deep"), ("grid",)])
def test_a_file_that_cannot_be_is_refused_before_anything_is_computed(
    out: Path, tmp_path: Path, report: Report, monkeypatch: pytest.MonkeyPatch, name: str, words: str, names: tuple[str]
) -> None:
    make_sweep(out, "grid", "a")
    (tmp_path / "directory.html").mkdir()
    monkeypatch.chdir(tmp_path)
    code, said, told = report(*names, "-o", name)
    assert (code, said) == (2, "")
    assert words in told
    assert not list(tmp_path.glob("*.txt"))


@pytest.mark.usefixtures("runs")
def test_what_is_not_there_is_said(report: Report) -> None:
    code, said, told = report("nothing")
    assert (code, said) == (5, "")
    assert "no run in" in told
    assert "matches 'nothing'" in told
    assert report("shallow", "nothing")[0] == 5
    assert report("@latest~9")[0] == 5


def test_a_directory_without_runs_says_so(report: Report) -> None:
    code, _, told = report("@latest")
    assert code == 5
    assert "no runs in" in told


def test_a_damaged_run_is_an_error_with_its_place(runs: list[StoredRun], report: Report) -> None:
    (runs[0].path / "summary.json").write_text("{")
    code, said, told = report(str(runs[0].path))
    assert (code, said) == (2, "")
    assert str(runs[0].path) in told
    assert not (runs[0].path / "report.html").exists()
    (runs[1].path / "layers.parquet").write_bytes(b"PAR1 no more")
    code, _, told = report("deep")
    assert code == 2
    assert "layers.parquet" in told or str(runs[1].path) in told
    assert not (runs[1].path / "report.html").exists()


def test_a_damaged_neighbour_does_not_matter(runs: list[StoredRun], report: Report) -> None:
    (runs[1].path / "summary.json").write_text("{")
    assert report("shallow")[0] == 0


@pytest.mark.usefixtures("runs")
def test_a_name_of_a_run_and_a_sweep_is_told_apart(runs: list[StoredRun], out: Path, report: Report) -> None:
    path = make_sweep(out, "shallow", "a")
    code, said, told = report("shallow")
    assert (code, said) == (2, "")
    assert (
        told
        == f"'shallow' is a run, {runs[0].path}, and a sweep, {path}; sweeps/shallow means the sweep, shallow@latest the run\n"
    )
    assert report(str(path))[0] == 0
    code, said, _ = report("shallow", "deep")  # among several names only a run can be meant
    assert (code, Path(said.strip()).parent) == (0, out / "comparisons")


def test_two_copies_of_a_run_are_not_two_runs(runs: list[StoredRun], tmp_path: Path, report: Report) -> None:
    copy = shutil.copytree(runs[0].path, tmp_path / "elsewhere" / runs[0].path.name)
    code, said, told = report(str(runs[0].path), str(copy))
    assert (code, said) == (2, "")
    assert told == f"{runs[0].path} and {copy} hold the same run, {runs[0].id}; name one of them\n"


def test_a_sweep_without_its_runs_says_so(out: Path, report: Report) -> None:
    path = make_sweep(out, "gone", "a")
    (member,) = out.glob("gone_member-*")
    shutil.rmtree(member)
    code, said, told = report("gone")
    assert (code, said) == (0, f"{path / 'report.html'}\n")
    assert told == "1 of 1 run of the sweep is missing; its page names them\n"


@pytest.mark.usefixtures("runs")
def test_a_sweep_is_shown_alone(out: Path, report: Report) -> None:
    make_sweep(out, "grid", "a")
    make_sweep(out, "other", "b")
    for names in (("grid", "shallow"), ("shallow", "grid"), ("grid", "other")):
        code, said, told = report(*names)
        assert (code, said) == (2, "")
        assert "is a sweep, whose page shows it alone" in told


def test_where_no_page_can_be_it_is_said_and_nothing_is_left(runs: list[StoredRun], out: Path, report: Report) -> None:
    (runs[0].path / "report.html").mkdir()
    code, said, told = report("shallow")
    assert (code, said) == (2, "")
    assert f"cannot write {runs[0].path / 'report.html'}" in told
    assert not list(runs[0].path.glob(".tmp-*"))
    (out / "comparisons").write_text("no directory")
    code, _, told = report("shallow", "deep")
    assert code == 2
    assert "name a file with -o" in told


def test_a_full_disk_leaves_the_older_page(
    runs: list[StoredRun], report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = runs[0].path / "report.html"
    target.write_text("the older page")

    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    code, _, told = report("shallow")
    assert code == 2
    assert told == f"cannot write {target}: No space left on device; name a file with -o\n"
    assert target.read_text() == "the older page"
    assert not list(runs[0].path.glob(".tmp-*"))


def test_the_page_counts_as_no_part_of_the_run(runs: list[StoredRun], report: Report, out: Path) -> None:
    before = runs[0].path.joinpath("summary.json").read_bytes()
    assert report("shallow")[0] == 0
    assert runs[0].path.joinpath("summary.json").read_bytes() == before
    assert report("shallow")[0] == 0  # again, with the page there
    assert main(["clean", "--out", str(out)]) == 0
    assert (runs[0].path / "report.html").is_file()


@pytest.mark.usefixtures("runs")
def test_neither_the_help_nor_a_page_loads_what_is_not_needed(out: Path) -> None:
    code = (
        "import sys\n"
        "from gradlab.cli.main import main\n"
        "assert main(['report', '--help']) == 0\n"
        "heavy = {'torch', 'numpy', 'plotly', 'jinja2', 'matplotlib', 'pandas'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        f"for words in (['shallow'], ['shallow', 'deep'], ['broken']):\n"
        f"    assert main(['report', *words, '--out', {str(out)!r}]) == 0\n"
        "    unneeded = {'torch', 'matplotlib', 'pandas', 'sklearn', 'playwright'} & set(sys.modules)\n"
        "    assert not unneeded, (words, unneeded)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_sweep_s_members_get_pages_that_it_links_to_wherever_they_lie(
    runs: list[StoredRun], out: Path, report: Report, tmp_path: Path
) -> None:
    place = make_sweep(out, "grid", "a")
    (member,) = out.glob("grid_member-*")
    code, said, err = report("grid", "--runs")
    assert (code, said) == (0, f"{place / 'report.html'}\n")
    assert "1 page of runs, report.html in the directory of each" in err
    assert (member / "report.html").is_file()
    assert not [run for run in runs if (run.path / "report.html").exists()]
    # What a job hands out: the pages alone, in their directories, somewhere else.
    artifact = tmp_path / "elsewhere/artifact"
    for page in (place / "report.html", member / "report.html"):
        target = artifact / page.relative_to(out)
        target.parent.mkdir(parents=True)
        shutil.copy(page, target)
    text = (artifact / "sweeps" / place.name / "report.html").read_text()
    assert not re.findall(r"""href=["']?(?:/|file:)""", text)
    links = set(re.findall(r"\.\./\.\./[^\"'<> ]*report\.html", text))
    assert links
    assert all((artifact / "sweeps" / place.name / link).resolve().is_file() for link in links)


def test_pages_of_runs_side_by_side(runs: list[StoredRun], report: Report) -> None:
    assert report(runs[0].id, runs[1].id, "--runs")[0] == 0
    assert [(run.path / "report.html").is_file() for run in runs] == [True, True, False]


def test_no_page_is_written_through_a_run_that_is_a_link(out: Path, report: Report, tmp_path: Path) -> None:
    make_sweep(out, "grid", "a")
    (member,) = out.glob("grid_member-*")
    member.rename(tmp_path / "own")
    member.symlink_to(tmp_path / "own")
    assert report("grid", "--runs")[0] == 2
    assert not (tmp_path / "own/report.html").exists()
