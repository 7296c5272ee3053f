"""Values that conditions ask only of stored runs: texts, the first digits of an id or a commit, points in time."""

import re
from typing import Literal

from gradlab.config import moments
from gradlab.config.text import cut

LEAST_DIGITS = 4
"""Hexadecimal digits that stand for an id or a commit at least."""


def stored_value(name: str, form: Literal["text", "digest", "time"], text: str) -> str | moments.Moment:
    """The value that a text gives to a name of this form.

    Raises:
        ValueError: If it gives none; the message says what it should be.

    >>> stored_value("tag", "text", "2026"), stored_value("commit", "digest", "89ED78a")
    ('2026', '89ed78a')
    """
    if form == "text":
        return text
    if form == "digest":
        if not re.fullmatch(rf"[0-9a-fA-F]{{{LEAST_DIGITS},64}}", text):
            raise ValueError(
                f"{name} is given by its first hexadecimal digits, {LEAST_DIGITS} or more, got {cut(text)!r}"
            )
        return text.lower()
    found = moments.moment(text)
    if found is None:
        raise ValueError(f"{name} is a time: {moments.FORMS}; got {cut(text)!r}")
    return found
