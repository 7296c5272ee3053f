"""Amounts as they are typed: a time such as `10m`, a share such as `1/4`."""

import re

from gradlab.errors import UsageError

_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def seconds_of(text: str) -> float:
    """A time in seconds: a number with s, m, h or d behind it, or several; a bare number is seconds.

    Raises:
        UsageError: If it is none, or not above 0.

    >>> seconds_of("10m"), seconds_of("1h30m"), seconds_of("2.5")
    (600.0, 5400.0, 2.5)
    """
    parts = re.findall(r"([0-9]+(?:\.[0-9]+)?)\s*(min|[smhd]?)", text)
    whole = "".join(f"{number}{unit}" for number, unit in parts)
    total = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if not parts or whole != text.replace(" ", "") or not 0 < total < 1e9:
        raise UsageError(f"--timeout {text}: expected a time such as 90s, 10m or 1h30m")
    return total


def shard_of(text: str) -> tuple[int, int]:
    """The number of a share, from 1, and how many there are.

    Raises:
        UsageError: If it is none.

    >>> shard_of("1/4")
    (1, 4)
    """
    match = re.fullmatch(r"\s*([0-9]{1,6})\s*/\s*([0-9]{1,6})\s*", text)
    number, count = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= number <= count:
        raise UsageError(f"--shard {text}: expected a share such as 1/4, counted from 1")
    return number, count
