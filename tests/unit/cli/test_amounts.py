"""Times and shares as they are typed."""

import pytest

from gradlab.cli.amounts import seconds_of, shard_of
from gradlab.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("10m", 600), ("10 min", 600), ("1h30m", 5400), ("0.5s", 0.5), ("2d", 172800)],
)
def test_times(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "ten", "10x", "-5m", "5m later", "1e3", "inf", "m", "0s"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(UsageError, match="expected a time such as"):
        seconds_of(text)


def test_shares() -> None:
    assert shard_of("1/1") == (1, 1)
    assert shard_of(" 3 / 8 ") == (3, 8)


@pytest.mark.parametrize("text", ["", "0/4", "5/4", "1", "1/0", "a/b", "1/4/2", "-1/4"])
def test_what_is_no_share(text: str) -> None:
    with pytest.raises(UsageError, match="expected a share such as 1/4"):
        shard_of(text)
