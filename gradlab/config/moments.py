"""Points in time as a condition gives them: dates, times and ages. All of them are UTC, as a list shows them."""

import re
from datetime import UTC, datetime, timedelta

FORMS = "2026-11-29, 2026-11-29T12:00, today, yesterday, or an age such as -2d (minutes m, hours h, days d, weeks w)"
"""How a point in time is written."""

_DAY = 86400.0
_UNITS = {"m": 60.0, "h": 3600.0, "d": _DAY, "w": 7 * _DAY}
_AGE = re.compile(r"-(\d{1,6})([mhdw])")
_TIME = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}(?P<minute>:\d{2}(?P<second>:\d{2}(?:\.\d{1,6})?)?)?(?:Z|[+-]\d{2}:\d{2})?)?"
)


class Moment(float):
    """A point in time in seconds since 1970, with how long what was written lasts: a day, an hour, a minute or a second.

    It is ordered by its beginning, and equal to every point in it.
    """

    lasts: float

    @classmethod
    def of(cls, begin: float, lasts: float) -> "Moment":
        """The point with its length, both in seconds."""
        made = cls(begin)
        made.lasts = lasts
        return made

    def holds(self, seconds: float) -> bool:
        """Whether a point in time, in seconds since 1970, lies in it."""
        return self <= seconds < self + self.lasts


def moment(text: str, now: datetime | None = None) -> Moment | None:
    """The point in time that a text gives, None where it gives none; without an offset such as +01:00 it is UTC.

    >>> moment("1970-01-02") == 86400.0, moment("1970-01-01T01:00+01:00") == 0.0, moment("noon") is None
    (True, True, True)
    >>> moment("yesterday", datetime(1970, 1, 3, 12, tzinfo=UTC)) == moment("-36h", datetime(1970, 1, 3, 12, tzinfo=UTC))
    True
    """
    now = now or datetime.now(UTC)
    if text in ("today", "yesterday"):
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=text == "yesterday")
        return Moment.of(midnight.timestamp(), _DAY)
    age = _AGE.fullmatch(text)
    if age is not None:
        return Moment.of(now.timestamp() - int(age[1]) * _UNITS[age[2]], 1.0)
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    begin = seconds(text)
    lasts = 1.0 if found["second"] else 60.0 if found["minute"] else 3600.0 if len(text) > len("2026-11-29") else _DAY
    return None if begin is None else Moment.of(begin, lasts)


def seconds(text: str) -> float | None:
    """Seconds since 1970 of a time in ISO 8601, UTC where it has no offset; None where it is none.

    >>> seconds("1970-01-01T00:01:00.500000+00:00"), seconds("")
    (60.5, None)
    """
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
