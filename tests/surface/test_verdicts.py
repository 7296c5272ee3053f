"""The verdicts, their order, what each needs and where its limit lies: a change here is a change of the product."""

from gradlab.judgement import RULES_VERSION
from gradlab.judgement.evidence import LEARNED
from gradlab.judgement.figures import LEARNING_SHARE, TRIMMED_DEPTH, TRIMMED_LAYERS
from gradlab.judgement.rules import RULES, depth, learning, units
from gradlab.results.record import VERDICTS
from gradlab.spec import catalogue


def test_verdicts_in_order_of_precedence() -> None:
    expected = ("diverged", "dead", "exploding", "vanishing", "saturated", "not_learning", "healthy", "not_judged")
    assert expected == VERDICTS == catalogue.VERDICTS


def test_rules_run_in_order_of_precedence_with_what_they_need() -> None:
    assert [(rule.verdict, rule.needs) for rule in RULES] == [
        ("dead", ("dead_fraction", "mean_slope")),
        ("exploding", ("log10_backward_rms",)),
        ("vanishing", ("log10_backward_rms",)),
        ("saturated", ("mean_slope",)),
        ("not_learning", ()),
    ]


def test_limits_of_this_version_of_the_rules() -> None:
    assert RULES_VERSION == 1
    assert (depth.DECADES, units.DEAD_SHARE, units.SATURATED_SLOPE, learning.STUCK_SHARE) == (2.0, 0.9, 0.1, 0.1)
    assert (LEARNED, LEARNING_SHARE, learning.FEWEST_STEPS) == (0.5, 0.01, 100)
    assert (TRIMMED_DEPTH, TRIMMED_LAYERS) == (12, 2)
