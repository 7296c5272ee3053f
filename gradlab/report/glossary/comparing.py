"""The words of a comparison: what a figure, or a side as a whole, comes to against the first side."""

from collections.abc import Callable, Mapping

from gradlab.report.glossary.definition import Definition

_PAGE = "comparing.md"


def _same() -> str:
    """The margins within which a change counts as none, as comparisons have them."""
    from gradlab.judgement.comparing import difference as rules

    return (
        f"the whole interval lies within a margin: {100 * rules.SAME_SHARE:g} % of a loss, {rules.SAME_ACCURACY:g} of an accuracy or "
        "another "
        f"share, {rules.SAME_GAIN:g} or {100 * rules.SAME_SHARE:g} % of a gain, {rules.SAME_DECADES:g} decades (or two standard "
        "deviations of a "
        "difference, where theory expects more spread)"
    )


def _beyond() -> str:
    from gradlab.judgement.comparing.difference import COVERAGE

    return f"the whole interval of the change (about {100 * COVERAGE:g} %, from the spread over seeds) lies on one side of no change"


RULES: Mapping[str, Callable[[], str]] = {
    "better": lambda: (
        f"{_beyond()}, on the good side: lower for a loss, higher for an accuracy, nearer to 0 for decades"
    ),
    "worse": lambda: f"{_beyond()}, on the bad side; or runs of this side diverged, and none of the first's did",
    "same": _same,
    "cannot tell": lambda: "the interval holds no change at all, and a change larger than the margin of 'same' as well",
    "too few seeds": lambda: (
        "a side has a single run, so there is no spread to tell a change from chance; five seeds on each side tell"
    ),
}
"""When each is given; read only when it is asked for, because the rules of comparisons take a while to load."""

COMPARISONS: tuple[Definition, ...] = (
    Definition("better", "comparison",
               "beyond what chance explains, a change for the better against the first side",
               see=("worse", "interval"), page=_PAGE),
    Definition("worse", "comparison",
               "beyond what chance explains, a change for the worse against the first side",
               see=("better", "interval"), page=_PAGE),
    Definition("same", "comparison",
               "if there is a change at all, it is known to be too small to matter",
               see=("cannot tell",), page=_PAGE),
    Definition("cannot tell", "comparison",
               "the seeds do not tell whether there is a change: more seeds would",
               also=("cannot_tell",), see=("same", "too few seeds"), page=_PAGE),
    Definition("too few seeds", "comparison",
               "a single seed says nothing of chance, so nothing is judged",
               also=("too_few_seeds",), see=("cannot tell",), page=_PAGE),
    Definition("not comparable", "comparison",
               "the sides do not measure the same thing",
               rule="their data or losses differ, so figures of the loss or the data say nothing beside each other; or a side has no "
               "run at all",
               also=("not_comparable",), page=_PAGE),
    Definition("mixed", "comparison",
               "some of the figures that a side is judged by are better and some worse",
               see=("better", "worse"), page=_PAGE),
)  # fmt: skip
