"""Seeds as they are typed: `0-4` or `0,3,7`."""

import re

from gradlab.errors import UsageError

MOST = 100_000
"""More than this is a slip of the keyboard."""


class SeedsError(UsageError):
    """Seeds that cannot be read."""

    def __init__(self, text: str, reason: str) -> None:
        self.reason = reason
        super().__init__(f"--seeds {text}: {reason}")


def seeds_of(text: str) -> list[int]:
    """The seeds that a text names, each once, in its order.

    Raises:
        SeedsError: If it cannot be read.

    >>> seeds_of("0-2,7")
    [0, 1, 2, 7]
    """
    found: dict[int, None] = {}
    for part in text.split(","):
        match = re.fullmatch(r"\s*([0-9]{1,18})\s*(?:-\s*([0-9]{1,18})\s*)?", part)
        if match is None:
            raise SeedsError(text, "expected a range such as 0-4 or a list such as 0,3,7")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise SeedsError(text, f"{first}-{last} runs backwards")
        if len(found) + last - first >= MOST:
            raise SeedsError(text, f"more than {MOST:,} seeds")
        found |= dict.fromkeys(range(first, last + 1))
    return list(found)
