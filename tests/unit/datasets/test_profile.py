"""One look at the data, beside pandas and plain numpy, on random and on hostile data."""

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gradlab.datasets import Dataset
from gradlab.datasets.profile import DIGITS, MOST_LISTED, MOST_NAMED, DataProfile, named, profile
from gradlab.results.strict_json import encode

ROUNDING = 0.5 * 10.0 ** (1 - DIGITS)


def numbers(inputs: np.ndarray, targets: np.ndarray | None = None, names: tuple[str, ...] = ()) -> Dataset:
    inputs = np.asarray(inputs, dtype=np.float64)
    targets = np.arange(len(inputs), dtype=np.float64) if targets is None else np.asarray(targets, dtype=np.float64)
    targets = targets.reshape(len(inputs), -1)
    names = names or tuple(f"x{place + 1}" for place in range(inputs.shape[1]))
    return Dataset(inputs, targets, inputs[:0], targets[:0], "numbers", None, (), names)


def classes(inputs: np.ndarray, labels: np.ndarray, count: int) -> Dataset:
    names = tuple(f"x{place + 1}" for place in range(inputs.shape[1]))
    kinds = tuple(f"c{place}" for place in range(count))
    return Dataset(inputs, labels, inputs[:3], labels[:3], "classes", count, kinds, names)


def by_pandas(inputs: np.ndarray) -> dict[str, Any]:
    """The same figures of the inputs by another way: frames, named statistics, squares where they are in range."""
    frame = pd.DataFrame(inputs)
    frame.columns = [f"x{place + 1}" for place in range(inputs.shape[1])]
    mean, deviation = frame.mean(), frame.std(ddof=0)
    square = (frame**2).mean()
    constant = frame.nunique() == 1
    spread = deviation[~constant].sort_values()
    later = frame.T[~constant].T.T.duplicated()
    return {
        "input_rms": math.sqrt(square.mean()),
        "offset_share": (mean**2).sum() / square.sum(),
        "largest_column": square.idxmax(),
        "largest_share": square.max() / square.sum(),
        "spread_ratio": spread.iloc[-1] / spread.iloc[len(spread) // 2] if len(spread) else 1.0,
        "num_constant": int(constant.sum()),
        "num_repeated": int(later.sum()),
        "num_distinct_rows": min(2, len(frame.drop_duplicates())),
    }


def close(one: float, other: float) -> bool:
    """Equal but for rounding to so many digits, or to the sixth decimal of a share."""
    return one == pytest.approx(other, rel=1.01 * ROUNDING, abs=1e-12)


class TestInputs:
    @pytest.mark.parametrize("seed", range(20))
    def test_against_pandas(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        rows, columns = int(random.integers(2, 60)), int(random.integers(1, 12))
        scales, offsets = 10.0 ** random.uniform(-4, 5, columns), 10.0 ** random.uniform(-4, 5, columns)
        inputs = random.standard_normal((rows, columns)) * scales + offsets * random.integers(-1, 2, columns)
        inputs[:, random.random(columns) < 0.2] = 7.0
        if columns > 3:
            inputs[:, -1] = inputs[:, 0]
        found, other = profile(numbers(inputs)), by_pandas(inputs)
        for name in ("input_rms", "spread_ratio"):
            assert close(getattr(found, name), other[name]), name
        for name in ("offset_share", "largest_share"):
            assert getattr(found, name) == pytest.approx(other[name], abs=1.01e-6), name
        for name in ("num_constant", "num_repeated", "num_distinct_rows"):
            assert getattr(found, name) == other[name], name
        largest = inputs[:, int(found.largest_column[1:]) - 1]
        assert math.sqrt(np.square(largest).mean()) == pytest.approx(
            math.sqrt(np.square(inputs).mean(axis=0).max()), rel=1e-9
        )
        for place, column in enumerate(found.columns):
            assert column.name == f"x{place + 1}"
            assert close(column.std, inputs[:, place].std() if np.ptp(inputs[:, place]) else 0.0)
            assert close(column.mean, inputs[:, place].mean())
        assert (found.num_train, found.num_holdout, found.num_features) == (rows, 0, columns)

    @pytest.mark.parametrize("power", [1e300, 1e-300, 1e-160, 1e160])
    def test_no_square_leaves_the_range(self, power: float) -> None:
        inputs = np.random.default_rng(0).standard_normal((40, 3)) * [1.0, 2.0, 5.0] + [0.0, 3.0, 0.0]
        small, found = profile(numbers(inputs)), profile(numbers(inputs * power))
        assert close(found.input_rms / power, small.input_rms)
        for name in ("offset_share", "largest_share", "largest_column", "spread_ratio", "num_constant"):
            assert getattr(found, name) == getattr(small, name), name

    def test_huge_and_tiny_columns_side_by_side(self) -> None:
        random = np.random.default_rng(1).standard_normal((30, 3))
        found = profile(numbers(random * [1e300, 1.0, 1e-300]))
        assert (found.largest_column, found.largest_share, found.num_constant) == ("x1", 1.0, 0)
        assert close(found.spread_ratio, 1e300 * random[:, 0].std() / random[:, 1].std())
        assert [column.std > 0 for column in found.columns] == [True, True, True]

    def test_denormals_and_the_largest_number(self) -> None:
        largest = np.finfo(np.float64).max
        found = profile(numbers([[largest, 5e-324], [-largest, 0.0]]))
        assert found.largest_column == "x1"
        assert found.num_constant == 0
        assert found.columns[0].mean == 0.0
        assert found.columns[0].std == pytest.approx(largest, rel=1e-3) or found.columns[0].std == math.inf

    def test_one_column(self) -> None:
        found = profile(numbers([[1.0], [2.0], [6.0]]))
        assert (found.num_features, found.largest_share, found.spread_ratio) == (1, 1.0, 1.0)
        assert close(found.offset_share, 9.0 / (41.0 / 3.0))

    def test_constant_columns_are_named_up_to_a_few_and_all_counted(self) -> None:
        inputs = np.ones((5, MOST_NAMED + 3)) * 0.1
        inputs[:, 1] = np.arange(5)
        found = profile(numbers(inputs))
        assert found.num_constant == MOST_NAMED + 2
        assert found.constant_columns == ("x1", "x3", "x4", "x5")
        assert (found.columns[0].std, found.num_repeated, found.spread_ratio) == (0.0, 0, 1.0)

    def test_a_constant_has_no_deviation_by_rounding(self) -> None:
        """The mean of so many tenths is no tenth, and what differs is no spread."""
        found = profile(numbers(np.full((1001, 2), 0.1) * [1.0, 1e200]))
        assert [column.std for column in found.columns] == [0.0, 0.0]
        assert (found.num_constant, found.num_distinct_rows, found.spread_ratio) == (2, 1, 1.0)

    def test_rows_that_are_all_the_same(self) -> None:
        assert profile(numbers(np.tile([[1.0, -2.0, 0.5]], (9, 1)))).num_distinct_rows == 1
        assert profile(numbers([[1.0, 2.0]])).num_distinct_rows == 1
        almost = np.tile([[1.0, -2.0, 0.5]], (9, 1))
        almost[-1, 2] = np.nextafter(0.5, 1.0)
        assert profile(numbers(almost)).num_distinct_rows == 2

    def test_zeros(self) -> None:
        found = profile(numbers(np.zeros((4, 2))))
        assert (found.input_rms, found.offset_share, found.largest_share) == (0.0, 0.0, 0.0)

    def test_repeated_columns_are_told_with_the_first_such(self) -> None:
        base = np.random.default_rng(2).standard_normal((6, 2))
        inputs = np.column_stack([base[:, 0], base[:, 1], base[:, 0], -base[:, 0], base[:, 0], base[:, 1] * 2.0])
        found = profile(numbers(inputs))
        assert (found.num_repeated, found.repeated_columns) == (2, (("x3", "x1"), ("x5", "x1")))
        many = profile(numbers(np.tile(base[:, :1], (1, 9))))
        assert (many.num_repeated, len(many.repeated_columns)) == (8, MOST_NAMED)

    def test_many_columns_are_not_listed(self) -> None:
        random = np.random.default_rng(3)
        assert len(profile(numbers(random.standard_normal((8, MOST_LISTED)))).columns) == MOST_LISTED
        assert profile(numbers(random.standard_normal((8, MOST_LISTED + 1)))).columns == ()

    def test_a_centred_column_has_the_mean_0(self) -> None:
        inputs = np.random.default_rng(4).standard_normal((500, 2))
        inputs -= inputs.mean(axis=0)
        assert [column.mean for column in profile(numbers(inputs)).columns] == [0.0, 0.0]
        assert profile(numbers(inputs)).offset_share == 0.0


class TestTargets:
    @pytest.mark.parametrize("seed", range(8))
    def test_several_numbers_against_numpy(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        outputs = int(random.integers(1, 5))
        targets = random.standard_normal((30, outputs)) * 10.0 ** random.uniform(-3, 5, outputs)
        targets += 10.0 ** random.uniform(-3, 5, outputs)
        found = profile(numbers(random.standard_normal((30, 2)), targets))
        mean, deviation = targets.mean(axis=0), targets.std(axis=0)
        assert close(found.target_mean or 0.0, math.sqrt(np.square(mean).mean()))
        assert close(found.target_std or 0.0, math.sqrt(np.square(deviation).mean()))
        assert close(found.target_ratio or 0.0, deviation.max() / deviation.min())
        assert found.smallest_class is None

    def test_an_output_that_never_changes_is_no_ratio(self) -> None:
        inputs = np.arange(6.0)[:, None]
        targets = np.column_stack([np.full(6, 3.0), np.arange(6.0), 4.0 * np.arange(6.0)])
        assert profile(numbers(inputs, targets)).target_ratio == 4.0
        constant = profile(numbers(inputs, np.full(6, 0.1)))
        assert (constant.target_mean, constant.target_std, constant.target_ratio) == (0.1, 0.0, 1.0)

    @pytest.mark.parametrize("power", [1e300, 1e-300])
    def test_beyond_the_range_of_squares(self, power: float) -> None:
        targets = np.random.default_rng(5).standard_normal((20, 2)) + 2.0
        small = profile(numbers(np.arange(20.0)[:, None], targets))
        found = profile(numbers(np.arange(20.0)[:, None], targets * power))
        assert close((found.target_mean or 0.0) / power, small.target_mean or 0.0)
        assert close((found.target_std or 0.0) / power, small.target_std or 0.0)
        assert found.target_ratio == small.target_ratio

    def test_the_rarest_class(self) -> None:
        labels = np.array([0] * 15 + [1] * 4 + [2])
        found = profile(classes(np.random.default_rng(6).standard_normal((20, 2)), labels, 3))
        assert found.smallest_class == 0.05
        assert (found.target_mean, found.target_std, found.target_ratio) == (None, None, None)
        assert found.num_holdout == 3
        none = profile(classes(np.random.default_rng(6).standard_normal((20, 2)), labels, 4))
        assert none.smallest_class == 0.0


class TestJson:
    def whole(self, found: DataProfile) -> DataProfile:
        """The way through a file: words for what JSON has no numbers for, lists for tuples."""
        return DataProfile.from_json(json.loads(json.dumps(encode(found.to_json()), allow_nan=False)))

    @pytest.mark.parametrize("name", ["inf", "-inf", "nan", "", "spaltenname mit ü", "0"])
    def test_a_column_of_any_name_comes_back(self, name: str) -> None:
        base = np.random.default_rng(7).standard_normal((12, 1)) * 100.0
        inputs = np.column_stack([base, base, np.full(12, 2.0)])
        found = profile(numbers(inputs, names=(name, f"{name} again", name)))
        back = self.whole(found)
        assert back == found
        assert (back.largest_column, back.columns[0].name) == (name, name)
        assert back.constant_columns == (name,)
        assert back.repeated_columns == ((f"{name} again", name),)

    def test_figures_beyond_the_range_come_back(self) -> None:
        largest = np.finfo(np.float64).max
        found = profile(numbers(np.array([[largest] * 3, [-largest] * 3, [largest] * 3]) * [1.0, 0.9, 1e-300]))
        assert self.whole(found) == found

    def test_without_its_columns(self) -> None:
        found = profile(numbers(np.random.default_rng(8).standard_normal((30, 3))))
        kept = found.to_json(with_columns=False)
        assert "columns" not in kept
        back = DataProfile.from_json(json.loads(json.dumps(encode(kept), allow_nan=False)))
        assert back.columns == ()
        assert (back.input_rms, back.probe) == (found.input_rms, found.probe)

    def test_something_else_is_refused(self) -> None:
        kept = profile(numbers(np.arange(12.0)[:, None])).to_json()
        with pytest.raises((KeyError, TypeError, ValueError)):
            DataProfile.from_json({key: value for key, value in kept.items() if key != "input_rms"})
        with pytest.raises((KeyError, TypeError, ValueError)):
            DataProfile.from_json({**kept, "probe": {"explained": 1.0}})
        with pytest.raises((KeyError, TypeError, ValueError)):
            DataProfile.from_json({**kept, "more": 1.0})


@settings(max_examples=60, deadline=None)
@example(np.array([[5e-324], [0.0]]))  # whose spread is below float64's range
@example(np.array([[1.7e308, 1.0], [0.0, 0.0], [0.0, 0.0]]))
@given(
    hnp.arrays(
        np.float64,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=6),
        elements=st.floats(allow_nan=False, allow_infinity=False),
    )
)
def test_any_finite_inputs_have_a_profile_that_can_be_stored(inputs: np.ndarray) -> None:
    found = profile(numbers(inputs))
    assert 0.0 <= found.offset_share <= 1.0 + 1e-6
    assert 0.0 <= found.largest_share <= 1.0
    assert found.spread_ratio >= 1.0
    assert found.num_constant == sum(len(set(column.tolist())) == 1 for column in inputs.T)
    back = DataProfile.from_json(json.loads(json.dumps(encode(found.to_json()), allow_nan=False)))
    assert back == found


def test_the_first_few_names() -> None:
    assert named(("a", "b"), 2) == "a, b"
    assert named(("a", "b"), 5) == "a, b and 3 more"
