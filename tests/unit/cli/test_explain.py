"""`gradlab explain`: what it prints in each face, and how it ends."""

import csv
import io
import json

import pytest

from gradlab.cli.main import main
from gradlab.judgement.limits import DECADES
from gradlab.report.glossary.index import config_definitions, definitions


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["explain", *words]) == 0
    return capsys.readouterr().out


def test_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, "vanishing").splitlines()
    assert lines[0] == "vanishing  verdict"
    assert lines[1].startswith("  The gradient shrinks on its way")
    assert f"{DECADES:g} decades or more below" in next(line for line in lines if line.startswith("  rule: "))
    assert lines[-1] == "  more: docs/diagnosis.md"


def test_several_words_each_once(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "chi_1", "χ₁", "final.backward_fit")
    assert [line for line in text.splitlines() if not line.startswith(" ")] == [
        "chi_1  theory",
        "",
        "backward_fit  figure",
    ]


def test_a_field_with_what_it_takes_and_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "train.lr")
    assert "  takes: a number > 0\n" in text
    assert "  default: 0.01\n" in text


def test_all_words(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys).splitlines()
    assert {"verdict", "figure", "theory", "config field"} <= set(lines)
    told = json.loads(printed(capsys, "--format", "json"))["definitions"]
    assert [one["name"] for one in told] == [one.name for one in (*definitions(), *config_definitions())]
    assert next(one for one in told if one["name"] == "same")["rule"]


def test_faces_have_the_same_words(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("healthy", "too few seeds", "log10_backward_rms")
    told = json.loads(printed(capsys, *words, "--format", "json"))["definitions"]
    rows = list(csv.DictReader(io.StringIO(printed(capsys, *words, "--format", "csv"))))
    assert [row["text"] for row in rows] == [one["text"] for one in told]
    markdown = printed(capsys, *words, "--format", "md")
    assert all(one["name"] in markdown for one in told)


def test_unknown_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "healthy", "vanshing"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "explain vanshing: no such word. Did you mean 'vanishing'? `gradlab explain` lists all words\n"
    assert main(["explain", "\x1b[31m"]) == 2
    assert "\x1b" not in capsys.readouterr().err


def test_words_that_mean_something_together_need_no_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["learning", "rate"], ["too", "few", "seeds"]):
        assert main(["explain", *words]) == 0
        several = capsys.readouterr().out
        assert main(["explain", " ".join(words)]) == 0
        assert several == capsys.readouterr().out
    assert main(["explain", "loss", "vanishing"]) == 0
    assert "vanishing  verdict" in capsys.readouterr().out


def test_each_kind_of_word_has_one_heading(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain"]) == 0
    headings = [line for line in capsys.readouterr().out.splitlines() if line and not line.startswith(" ")]
    assert len(headings) == len(set(headings)) > 10
