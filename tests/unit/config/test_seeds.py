import pytest

from gradlab.config.seeds import MOST, SeedsError, seeds_of
from gradlab.errors import UsageError


def test_seeds_keep_their_order_and_come_once():
    assert seeds_of(" 3, 0-2,1 ,7") == [3, 0, 1, 2, 7]
    assert len(seeds_of(f"0-{MOST - 1}")) == MOST


@pytest.mark.parametrize("text", ["", "x", "4-0", "1,,2", "-1", "1.5", f"0-{MOST}", "0-99999999999999999999", "1-2-3"])
def test_what_is_no_seeds(text):
    with pytest.raises(SeedsError) as caught:
        seeds_of(text)
    assert str(caught.value) == f"--seeds {text}: {caught.value.reason}"
    assert isinstance(caught.value, UsageError)
