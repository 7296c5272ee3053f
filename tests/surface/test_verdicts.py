"""The verdicts, their order, what each needs and where its limit lies: a change here is a change of the product."""

from gradlab.config.catalogue import VERDICTS
from gradlab.judgement.evidence import FEWEST_STEPS, STILL
from gradlab.judgement.figures import LEARNING_SHARE, TRIMMED_DEPTH, TRIMMED_LAYERS
from gradlab.judgement.learning_progress import LEARNED, MOSTLY, STUCK_SHARE
from gradlab.judgement.rules import RULES, depth, units
from gradlab.results.versions import RULES_VERSION


def test_verdicts_in_order_of_precedence() -> None:
    expected = (
        "diverged",
        "dead",
        "exploding",
        "vanishing",
        "saturated",
        "not_learning",
        "undecided",
        "not_judged",
        "healthy",
    )
    assert expected == VERDICTS


def test_rules_run_in_order_of_precedence_with_what_they_need() -> None:
    assert [(rule.verdict, rule.needs) for rule in RULES] == [
        ("dead", ("dead_fraction", "mean_slope")),
        ("exploding", ("log10_backward_rms",)),
        ("vanishing", ("log10_backward_rms",)),
        ("saturated", ("mean_slope",)),
        ("not_learning", ()),
        ("not_learning", ()),
    ]


def test_limits_of_this_version_of_the_rules() -> None:
    assert RULES_VERSION == 3
    assert (depth.DECADES, depth.CHANCE, units.DEAD_SHARE, units.SATURATED_SLOPE, STUCK_SHARE) == (
        2.0,
        3.0,
        0.9,
        0.15,
        0.1,
    )
    assert (LEARNED, MOSTLY, LEARNING_SHARE, FEWEST_STEPS, STILL) == (0.5, 0.9, 0.01, 100, 1e-3)
    assert (TRIMMED_DEPTH, TRIMMED_LAYERS) == (12, 2)
