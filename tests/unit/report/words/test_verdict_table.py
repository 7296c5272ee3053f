"""The table of what a run can come to: every word has a row, and no two look alike."""

from gradlab.config.catalogue import VERDICTS
from gradlab.config.quantities import LAYER_QUANTITIES, STEP_NAMES
from gradlab.report.words.verdicts import APPEARANCES, PICTURES, STATES, badness


def test_every_word_has_a_row_in_the_one_order() -> None:
    assert tuple(APPEARANCES) == (*STATES, *VERDICTS)
    assert sorted(["healthy", "not_judged", "undecided", "not_learning", "diverged", "failed"], key=badness) == [
        "failed",
        "diverged",
        "not_learning",
        "undecided",
        "not_judged",
        "healthy",
    ]


def test_words_are_told_apart_without_colours() -> None:
    for of in ("letter", "glyph", "symbol"):
        assert len({getattr(shown, of) for shown in APPEARANCES.values()}) == len(APPEARANCES), of


def test_what_orders_layers_and_what_shows_a_finding_is_recorded() -> None:
    recorded = {quantity.name for quantity in LAYER_QUANTITIES}
    assert {shown.worst_by[0] for shown in APPEARANCES.values()} <= recorded
    shown = {quantity for pictures in PICTURES.values() for kind, quantity in pictures if kind != "data"}
    assert shown <= recorded | set(STEP_NAMES)


def test_trouble_has_capitals() -> None:
    no_trouble = {"undecided", "not_judged", "healthy"}
    for word, shown in APPEARANCES.items():
        assert shown.letter.isupper() == (word not in no_trouble), word
