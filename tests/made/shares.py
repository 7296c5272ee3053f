"""Shares of long lists of cases: some in every run of the tests, all of them among the longer proofs."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest


def share(cases: Iterable[Any], every: int, of: Callable[[Any], bool] = lambda case: True) -> list[Any]:
    """Every so-manieth case, of those that may be, in every run of the tests; the others are marked as slow.

    Of the cases of a product, a number that divides the length of no axis but the first takes every value of each.
    """
    listed = list(cases)
    now = [place for place, case in enumerate(listed) if of(case)][::every]
    return [
        pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=() if place in now else pytest.mark.slow)
        for place, case in enumerate(listed)
    ]
