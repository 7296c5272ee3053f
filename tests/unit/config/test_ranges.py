"""Conditions that no value answers otherwise."""

import math

import pytest

from gradlab.config.catalogue import FIGURES, RUN_FIGURES
from gradlab.config.condition import parse
from gradlab.config.experiment import run_names
from gradlab.config.quantities import LAYER_NAMES, QUANTITIES
from gradlab.config.ranges import FIGURE_RANGES, QUANTITY_RANGES, range_notices


def notices(text: str, *, own_loss: bool = False) -> list[str]:
    return range_notices(parse(text, run_names(), changes=True), first=True, own_loss=own_loss)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "final.accuracy < -0.03",
            "final.accuracy is never below 0, so final.accuracy < -0.03 never holds; "
            "a drop of 0.03 is change(final.accuracy) < -0.03",
        ),
        (
            "final.loss >= -5",
            "final.loss is never below 0, so final.loss >= -5 always holds; a change is change(final.loss) >= -5",
        ),
        ("final.loss < 0", "final.loss is never below 0, so final.loss < 0 never holds"),
        ("final.accuracy > 97", "final.accuracy is never above 1, so final.accuracy > 97 never holds; 97 % is 0.97"),
        ("final.accuracy == 3", "final.accuracy is never above 1, so final.accuracy == 3 never holds; 3 % is 0.03"),
        ("final.accuracy != -3", "final.accuracy is never below 0, so final.accuracy != -3 always holds; "
         "a change is change(final.accuracy) != -3"),
        ("max(dead_fraction) > 1", "max(dead_fraction) is never above 1, so max(dead_fraction) > 1 never holds"),
        ("learning_layers < -inf", "learning_layers is never below 0, so learning_layers < -inf never holds"),
        ("change(final.accuracy) < -1.5", "final.accuracy never falls by more than 1, "
         "so change(final.accuracy) < -1.5 never holds"),
        ("change(final.accuracy) <= 2", "final.accuracy never rises by more than 1, "
         "so change(final.accuracy) <= 2 always holds"),
        ("final.loss < -150%", "final.loss never falls by more than 100%, so change(final.loss) < -150% never holds"),
    ],
)  # fmt: skip
def test_what_never_or_always_holds_is_told_with_its_remedy(text: str, told: str) -> None:
    assert notices(text) == [told]
    assert notices(f"not (verdict == dead and ({text}))") == [told]
    assert notices(f"{text} or {text}") == [told]


@pytest.mark.parametrize(
    "text",
    [
        "final.accuracy > 0",
        "final.accuracy <= 0",
        "final.accuracy >= 1",
        "final.accuracy in (0, 2)",
        "final.loss > 1e9",
        "final.loss < inf",
        "final.backward_decades < -300",
        "final.holdout_gain < -1",
        "final.loss > +5%",
        "final.loss > +500%",
        "final.loss < -99%",
        "change(final.accuracy) < -0.03",
        "change(final.accuracy) >= 1",
        "max(log10_grad_norm) < -40",
        "max(sample_correlation) < -0.5",
        "verdict == dead",
        "data.standardize == true",
        "train.lr > 1",
    ],
)
def test_what_depends_on_the_run_is_not(text: str) -> None:
    assert notices(text) == []


def test_a_loss_of_ones_own_may_be_below_zero() -> None:
    assert notices("final.loss < -5 or final.holdout_loss < -1 or change(final.loss) < -200%", own_loss=True) == []
    assert len(notices("final.loss < -5 or final.accuracy < -5", own_loss=True)) == 1


def test_ranges_are_of_figures_and_quantities_that_there_are() -> None:
    assert set(FIGURE_RANGES) <= {*FIGURES, *RUN_FIGURES, "learning_share"}
    assert set(QUANTITY_RANGES) <= set(LAYER_NAMES)
    shares = {name for name in LAYER_NAMES if QUANTITIES[name].kind == "share"}
    assert all(math.isfinite(QUANTITY_RANGES[name][0]) and QUANTITY_RANGES[name][1] == 1 for name in shares)
