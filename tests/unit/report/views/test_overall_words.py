"""What a comparison comes to, in sentences."""

from dataclasses import replace
from typing import get_args

import pytest
from made.compared_runs import loop

from gradlab.judgement.comparing.comparison import Comparison, Overall, compare_sides
from gradlab.judgement.comparing.difference import Difference, Judgement
from gradlab.report.views.overall import common_reasons, overall_words, reason_words
from gradlab.report.views.side_names import named


def told(overall: Overall, because: str = "", **judgements: Judgement) -> Comparison:
    """A comparison in which figures of the end are judged so, and nothing else is."""
    compared = compare_sides(loop())
    rows = tuple(
        replace(row, values=(2.0, 1.0), differences=(Difference(-1.0, -50.0, None, judgement, because),))
        for row in compared.rows
        if (judgement := judgements.get(row.figure.removeprefix("final."))) is not None
    )
    return replace(compared, rows=rows, judgements=(overall,))


def sentence(compared: Comparison) -> str:
    (words,) = overall_words(compared, named(compared))
    return words


@pytest.mark.parametrize(
    ("compared", "words"),
    [
        (told("better", loss="better"), "B is better than A: final.loss 2 → 1 (-50%)"),
        (
            told("worse", loss="worse", accuracy="same", holdout_loss="cannot tell"),
            "B is worse than A: final.loss 2 → 1 (-50%); the same: final.accuracy; cannot tell: final.holdout_loss",
        ),
        (
            told("mixed", loss="better", accuracy="worse"),
            "B is mixed against A, better: final.loss 2 → 1 (-50%); worse: final.accuracy 2.000 → 1.000",
        ),
        (told("same", loss="same", accuracy="same"), "B is the same as A: final.loss, final.accuracy"),
        (
            told("same", loss="same", accuracy="cannot tell"),
            "B is the same as A: final.loss; cannot tell: final.accuracy",
        ),
        (told("cannot tell", loss="cannot tell"), "B cannot be told from A: final.loss"),
        (told("too few seeds", loss="too few seeds"), "B cannot be told from A, with too few seeds: final.loss"),
        (told("not comparable", loss="not comparable"), "B is not comparable with A: final.loss"),
        (told("same"), "B has no telling figure in common with A"),
    ],
)
def test_a_sentence_for_every_word(compared: Comparison, words: str) -> None:
    assert sentence(compared) == words


@pytest.mark.parametrize("word", get_args(Judgement))
def test_no_word_lacks_a_sentence(word: Judgement) -> None:
    assert sentence(told(word, loss=word)).startswith("B ")


def test_a_figure_whose_values_do_not_show_the_judgement_is_told_with_its_reason() -> None:
    compared = told("better", "the first diverged", backward_decades="better", loss="better", holdout_loss="better")
    ends = {"final.backward_decades": (-0.3, -31.8), "final.loss": (2.0, 1.0), "final.holdout_loss": (None, 1.0)}
    rows = tuple(replace(row, values=ends[row.figure]) for row in compared.rows)
    words = sentence(replace(compared, rows=rows))
    assert words.startswith(
        "B is better than A: final.backward_decades (the first diverged), final.loss 2 → 1 (-50%), "
    )
    assert "final.holdout_loss – → 1" in words


def test_a_figure_that_reads_the_same_on_both_sides_is_told_with_its_reason() -> None:
    compared = told("worse", "5 of 5 seeds diverged", learning_share="worse", accuracy="worse")
    rows = tuple(replace(row, values=(1.0, 1.0)) if row.figure == "learning_share" else row for row in compared.rows)
    words = sentence(replace(compared, rows=rows))
    assert words == "B is worse than A: final.accuracy 2.000 → 1.000, learning_share (5 of 5 seeds diverged)"


def test_a_reason_that_many_figures_have_is_common_and_names_none_of_them() -> None:
    figures = ("loss", "accuracy", "holdout_loss", "backward_decades")
    compared = told("too few seeds", "one seed a side", **dict.fromkeys(figures, "too few seeds"))
    assert common_reasons(compared.rows, 0) == {("too few seeds", "one seed a side")}
    assert reason_words(compared.rows, 0, set()) == ["too few seeds: one seed a side"]


def test_a_reason_of_some_figures_names_them_but_those_that_say_it_themselves() -> None:
    compared = told("worse", "2 of 5 seeds diverged", loss="worse", accuracy="worse", backward_decades="worse")
    assert common_reasons(compared.rows, 0) == set()
    assert reason_words(compared.rows, 0, {"final.loss"}) == [
        "worse: 2 of 5 seeds diverged (final.backward_decades, final.accuracy)"
    ]
