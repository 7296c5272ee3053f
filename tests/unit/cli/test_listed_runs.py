"""What may be asked of a list beside the fields of an experiment: columns, commits, dates, tags, notes and names."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from made.deep_runs import record, stored

from gradlab.results.asked import Ask, Journal
from gradlab.results.store import Store
from gradlab.results.stored import StoredRun

Gradlab = Callable[..., tuple[int, str, str]]

EARLY, LATE = "89ed78a9" + 32 * "0", "1234567e" + 32 * "1"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four runs: `a` of two seeds from one commit, `b` from another a day later, `c` from none; `b` was asked for as `best` too."""
    root = tmp_path_factory.mktemp("listed") / "runs"
    whole = stored(8, record(8, steps=5))
    for number, (name, seed, day, commit) in enumerate(
        [("a", 0, 1, EARLY), ("a", 1, 1, EARLY), ("b", 0, 2, LATE), ("c", 0, 3, None)]
    ):
        run: StoredRun = replace(
            whole,
            id=f"{number}f3ac9d1e2b4",
            experiment=whole.experiment.model_copy(update={"name": name, "seed": seed}),
            manifest={
                "started": f"2026-11-0{day}T10:00:00.000000+00:00",
                "finished": f"2026-11-0{day}T12:30:15.000000+00:00",
                "git_commit": commit,
            },
        )
        Store(root).save(run, "")
    journal = Journal(root)
    journal.ask(Ask("b", ("2f3ac9d1e2b4",), "2026-11-02T10:00:00+00:00"))
    journal.ask(Ask("best", ("2f3ac9d1e2b4",), "2026-11-05T10:00:00+00:00"))
    journal.tag(["0f3ac9d1e2b4", "1f3ac9d1e2b4"], "base")
    journal.tag(["1f3ac9d1e2b4"], "2026")
    journal.note(["2f3ac9d1e2b4"], "fits, at last")
    return root


def found(answer: tuple[int, str, str]) -> str:
    """The runs of a list in JSON, by the first digit of their ids."""
    code, out, err = answer
    assert code == 0, err
    return "".join(sorted(run["id"][0] for run in json.loads(out)["runs"]))


@pytest.mark.parametrize(
    ("where", "runs"),
    [
        ("commit == 89ed78a", "01"),
        ("commit == 89ED", "01"),
        ("commit == 1234567", "2"),
        ("commit == 1234567e1111", "2"),
        ("commit != 89ed78a", "2"),
        ("commit in (89ed78a9, 1234)", "012"),
        ("id == 2f3ac", "2"),
        ("tag == base", "01"),
        ("tag == 2026", "1"),
        ("tag != base", "23"),
        ("tag != '2026'", "023"),
        ("tag in (2026, other)", "1"),
        ("tag not in (base, other)", "23"),
        ("tag == ''", "23"),
        ("note == 'fits, at last'", "2"),
        ("note != ''", "2"),
        ("name == best", "2"),
        ("name == b", "2"),
        ("name != best", "013"),
        ("other_names == best", "2"),
        ("started > 2026-11-02", "23"),
        ("started >= 2026-11-02T10:00", "23"),
        ("started > 2026-11-02T10:00", "3"),
        ("started < '2026-11-02 10:00'", "01"),
        ("finished < 2026-11-02T12:30:15Z", "01"),
        ("finished <= 2026-11-02T13:30:15+01:00", "012"),
        ("started == 2026-11-02", "2"),
        ("started != 2026-11-02", "013"),
        ("started in (2026-11-01, 2026-11-03)", "013"),
        ("started < -2d and finished < yesterday and started < today", "0123"),
        ("not (started > 2026-11-02) and tag == base", "01"),
    ],
)
def test_where(gradlab: Gradlab, where: str, runs: str) -> None:
    assert found(gradlab("list", "--where", where, "--format", "json")) == runs


def test_an_age_is_counted_from_now(gradlab: Gradlab) -> None:
    assert gradlab("list", "--where", "started > -2d")[0] == 5
    assert found(gradlab("list", "--where", "started > -9999w", "--format", "json")) == "0123"


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("commit == 89e", "character 11: commit is given by its first hexadecimal digits, 4 or more, got '89e'"),
        ("commit == main", "hexadecimal digits"),
        ("commit > 89ed78a", "compare it with ==, != or in"),
        ("started > 5", "character 11: started is a time: 2026-11-29, 2026-11-29T12:00, today, yesterday"),
        ("started > 2026-13-01", "started is a time"),
        ("finished < noon", "finished is a time"),
        ("tag > a", "compare it with ==, != or in"),
        ("model.depth == 2026-11-01", "cannot read '2026-11-01'"),
        ("model.depth == 8x", "cannot read '8x'"),
        ("commmit == 89ed", "Did you mean 'commit'?"),
    ],
)
def test_what_a_name_cannot_be_is_said_with_its_place(gradlab: Gradlab, where: str, told: str) -> None:
    code, out, err = gradlab("list", "--where", where)
    assert (code, out) == (2, "")
    assert told in err


COLUMNS = "id,seed,note,model.init,max(dead_fraction),commit,tag,path,final.loss,name,started,model"


@pytest.mark.parametrize("format", ["table", "json", "csv", "md"])
def test_columns_are_those_that_are_asked_for_in_their_order(gradlab: Gradlab, root: Path, format: str) -> None:
    code, out, err = gradlab("list", "--columns", COLUMNS, "--sort", "id", "--format", format)
    assert (code, err) == (0, "")
    names = COLUMNS.split(",")
    if format == "json":
        rows = json.loads(out)["runs"]
        assert [list(row) for row in rows] == [names] * 4
        assert rows[1]["tag"] == "base, 2026"
        assert rows[2]["note"] == "fits, at last"
        assert rows[3]["commit"] is None
        assert rows[0]["commit"] == EARLY
        assert rows[0]["path"] == str(root / "a-0f3ac9d1e2b4")
        assert isinstance(rows[0]["max(dead_fraction)"], float)
        assert rows[0]["model"] is None
    elif format == "csv":
        rows = list(csv.reader(io.StringIO(out)))
        assert rows[0] == names
        assert [row[0][0] for row in rows[1:]] == ["0", "1", "2", "3"]
    else:
        assert [word for word in out.splitlines()[0].split() if word != "|"] == names


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ("id,verdcit", "unknown name 'verdcit'. Did you mean 'verdict'?"),
        ("dead_fraction", "write one of min(dead_fraction), max(dead_fraction), median(dead_fraction)"),
        ("max(dead_fracton)", "Did you mean 'max(dead_fraction)'?"),
        ("max(final.loss)", "write it without max()"),
        ("id,,name", "expected names separated by commas"),
        ("data.args", "has a value for every argument"),
    ],
)
def test_an_unknown_column_is_an_error_with_what_was_meant(gradlab: Gradlab, columns: str, told: str) -> None:
    code, out, err = gradlab("list", "--columns", columns)
    assert (code, out) == (2, "")
    assert told in err


def test_a_list_shows_tags_notes_and_other_names_where_a_run_has_one(gradlab: Gradlab) -> None:
    rows = json.loads(gradlab("list", "--sort", "id", "--format", "json")[1])["runs"]
    assert [(row["other_names"], row["tag"], row["note"]) for row in rows] == [
        (None, "base", None),
        (None, "base, 2026", None),
        ("best", None, "fits, at last"),
        (None, None, None),
    ]
    [row] = json.loads(gradlab("list", "--where", "name == c", "--format", "json")[1])["runs"]
    assert not {"other_names", "tag", "note"} & set(row)


def test_old_rules_are_marked_under_any_columns(gradlab: Gradlab, root: Path) -> None:
    summary = root / "c-3f3ac9d1e2b4" / "summary.json"
    before = summary.read_text()
    summary.write_text(json.dumps(json.loads(before) | {"rules_version": 1}))
    try:
        assert (
            gradlab("list", "--columns", "verdict", "--where", "name == c")[1].splitlines()[1].endswith("(old rules)")
        )
    finally:
        summary.write_text(before)


def test_a_list_may_be_sorted_by_what_only_stored_runs_have(gradlab: Gradlab) -> None:
    for key, order in (("-path", "3210"), ("tag", "0123"), ("commit", "2013")):
        rows = json.loads(gradlab("list", "--sort", key, "--format", "json")[1])["runs"]
        assert "".join(row["id"][0] for row in rows) == order


def test_other_libraries_names_are_understood_in_conditions_columns_and_order(gradlab: Gradlab) -> None:
    _, own, quiet = gradlab(
        "list", "--where", "train.lr > 0", "--columns", "id,train.lr", "--sort", "train.lr", "--format", "csv"
    )
    code, meant, told = gradlab(
        "list", "--where", "n_layers > 0", "--columns", "id,LR", "--sort", "learning_rate", "--format", "csv"
    )
    assert (code, meant, quiet) == (0, own, "")
    assert told.splitlines() == [
        "n_layers is understood as model.depth",
        "learning_rate is understood as train.lr",
        "LR is understood as train.lr",
    ]


def test_figures_and_quantities_are_understood_in_columns_and_order(gradlab: Gradlab) -> None:
    _, own, _ = gradlab(
        "list", "--columns", "id,final.holdout_loss,max(grad_norm)", "--sort", "-final.loss", "--format", "csv"
    )
    code, meant, told = gradlab(
        "list", "--columns", "ID,Final.val_loss,Max(GradNorm)", "--sort", "-final.train_loss", "--format", "csv"
    )
    assert (code, meant) == (0, own)
    assert [line for line in told.splitlines() if "understood" in line] == [
        "final.train_loss is understood as final.loss",
        "ID is understood as id",
        "Final.val_loss is understood as final.holdout_loss",
        "Max(GradNorm) is understood as max(grad_norm)",
    ]
    for words in (("--sort", "val_loss"), ("--columns", "val_loss")):
        assert "Did you mean 'final.holdout_loss'?" in gradlab("list", *words)[2]


def test_the_case_of_a_choice_does_not_count(gradlab: Gradlab) -> None:
    assert gradlab("list", "--format", "JSON") == gradlab("list", "--format", "json")


@pytest.mark.parametrize("word", ["latest", "LAST", "newest"])
def test_the_newest_run_has_a_sign_before_its_name(gradlab: Gradlab, word: str) -> None:
    code, _, told = gradlab("list", word)
    assert code == 5
    assert "Did you mean '@latest'?" in told
