"""Definitions: each word has one, found however it is written, with the rules' own limits."""

import re

import pytest

from gradlab.config.catalogue import FIGURES, OUTCOMES, RUN_FIGURES, VERDICTS
from gradlab.config.experiment import Experiment
from gradlab.config.fields import fields
from gradlab.config.figures import SUMMARY_FIGURES
from gradlab.config.quantities import QUANTITIES
from gradlab.errors import UsageError
from gradlab.judgement import limits
from gradlab.judgement.comparing import difference
from gradlab.report.glossary import index, verdicts
from gradlab.report.glossary.definition import KINDS, Definition
from gradlab.report.glossary.index import config_definitions, defined, definitions, explained, normal, whole
from gradlab.report.words.values import spell


def names(word: str) -> list[str]:
    return [one.name for one in explained(word)]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("χ₁", "chi_1"), ("chi_1", "chi_1"), ("chi1", "chi_1"), ("Chi_1", "chi_1"), ("he.chi_1", "chi_1"), ("q*", "q_star"),
        ("ξ_c", "xi_c"), ("σ_w", "sigma_w"), ("critical.q_star", "q_star"), ("final.backward_fit", "backward_fit"),
        ("backward fit", "backward_fit"), ("vanish", "vanishing"), ("exploding gradients", "exploding"), ("not learning", "not_learning"),
        ("too_few_seeds", "too few seeds"), ("max(dead_fraction)", "dead_fraction"), ("backward signal", "backward signal"),
        ("share(verdict)", "verdict"), ("change(final.loss)", "loss"), ("final.loss.spread", "loss"), ("verdict.a", "verdict"),
        ("train.lr", "train.lr"), ("model.activation", "model.activation.name"), ("relu", "relu"), ("edge of chaos", "critical"),
        ("gradient norm", "log10_grad_norm"), ("gradient signal", "backward signal"), ("weight gradient", "weight gradient"),
        ("best answer without looking at the inputs", "best constant answer"), ("update", "update"), ("mini-batch", "batch"),
        ("final.val_loss", "holdout_loss"), ("test_acc", "holdout_accuracy"), ("blocks", "block"), ("standardized", "standardised"),
        ("unfinished", "unfinished"), ("watched", "watched"),
        ("epoch", "epoch"), ("step 0", "step"), ("standard deviation", "std"), ("paired by seed", "paired by seed"),
    ],
)  # fmt: skip
def test_a_word_is_found_however_it_is_written(written: str, meant: str) -> None:
    assert meant in names(written)


def test_a_word_of_several_meanings_has_all_of_them() -> None:
    assert {one.kind for one in explained("critical")} == {"theory", "config value"}
    assert {one.name for one in explained("depth")} >= {"depth", "model.depth"}


@pytest.mark.parametrize(
    ("unknown", "near"), [("vanshing", "'vanishing'"), ("backward_fits", "'backward_fit'"), ("train.lrr", "'train.lr'")]
)
def test_an_unknown_word_names_a_near_one(unknown: str, near: str) -> None:
    with pytest.raises(UsageError, match=re.escape(f"explain {unknown}: no such word. Did you mean {near}?")):
        explained(unknown)


@pytest.mark.parametrize("nothing", ["", " ", "_", "()", "....", "sum()"])
def test_no_word_is_no_word(nothing: str) -> None:
    with pytest.raises(UsageError, match="no such word"):
        explained(nothing)


def test_every_verdict_outcome_figure_and_quantity_is_defined() -> None:
    for name in (*VERDICTS, *OUTCOMES, *FIGURES, *RUN_FIGURES, *SUMMARY_FIGURES, *QUANTITIES):
        assert defined(name) is not None, name
    for name in VERDICTS:
        assert explained(name)[0].rule, name


def test_every_field_of_a_config_is_defined() -> None:
    assert {one.name for one in config_definitions()} >= set(fields(Experiment))


def test_no_word_is_defined_twice_as_one_thing() -> None:
    """What is a figure and a quantity too is two things; a name of one kind has one text."""
    kept = [(one.name, one.kind) for one in definitions()]
    assert len(kept) == len(set(kept))
    assert {one.kind for one in (*definitions(), *config_definitions())} == set(KINDS)


def test_what_a_definition_refers_to_is_there() -> None:
    for one in whole():
        for word in one.see:
            assert explained(word), (one.name, word)


def test_definitions_are_clauses_that_end_without_a_stop() -> None:
    for one in whole():
        for text in (one.text, one.reads, one.rule):
            assert text.strip() == text, one.name
            assert not text.endswith("."), (one.name, text)
            assert "  " not in text, (one.name, text)


def test_limits_are_those_of_the_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit that changes in the code changes in the explanation: no number is written twice."""
    import importlib

    changed = {
        "DECADES": 3.5,
        "DEAD_SHARE": 0.77,
        "SATURATED_SLOPE": 0.123,
        "ERRORS": 4.25,
        "FEWEST_STEPS": 137,
        "NUM_SPREADS": 7.5,
        "LARGE": 16.0,
    }
    try:
        with monkeypatch.context() as patch:
            for name, value in changed.items():
                patch.setattr(limits, name, value)
            told = {one.name: one.rule for one in _all(importlib.reload(verdicts))}
    finally:
        importlib.reload(verdicts)
    assert "3.5 decades" in told["vanishing"]
    assert "3.5 decades" in told["exploding"]
    assert "0.77 or more" in told["dead"]
    assert "0.123 or less" in told["saturated"]
    assert "4.25 standard" in told["healthy"]
    assert "137 steps" in told["undecided"]
    assert "7.5 standard" in told["theory"]
    assert "above 16 or below 0.0625" in told["scale"]


def test_margins_of_a_comparison_are_those_of_the_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(difference, "SAME_DECADES", 0.47)
    monkeypatch.setattr(difference, "SAME_SHARE", 0.08)
    (same,) = explained("same")
    assert "0.47 decades" in same.rule
    assert "8 % of a loss" in same.rule


def test_normal_forms_do_not_meet_by_chance() -> None:
    """Two names of one kind that are not the same are not the same when their signs are left out."""
    met: dict[tuple[str, str], str] = {}
    for one in (*definitions(), *config_definitions()):
        key = (normal(one.name), one.kind)
        assert met.setdefault(key, one.name) == one.name, key


def _all(module: object) -> tuple[Definition, ...]:
    return (*module.VERDICTS, *module.FINDINGS)  # type: ignore[attr-defined]


def test_index_knows_the_kinds_that_are_printed_of_a_run() -> None:
    assert KINDS[: index._PRINTED] == KINDS[: KINDS.index("theory")]


def test_every_sign_in_a_definition_can_be_spelled_where_a_terminal_lacks_it() -> None:
    for one in (*definitions(), *config_definitions()):
        for text in (one.sentence, one.symbol, one.reads, one.rule, one.unit, one.values, *one.also):
            assert spell(text, "ascii").count("?") == text.count("?"), (one.name, text)
