"""Files of very many columns: read within seconds, or refused with what helps."""

import numpy as np
import pyarrow
import pytest
from processor_time import within
from pyarrow import parquet

from gradlab.config.experiment import Data
from gradlab.datasets import load
from gradlab.datasets.sources import comma_separated, npz
from gradlab.errors import ConfigError


def table(path, names, rows):
    lines = [",".join(names), *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def named(count):
    return [*(f"x{index}" for index in range(count - 1)), "y"]


def loaded(path, target="y"):
    return load(Data(source="file", path=str(path), target=target, batch_size=2, holdout=0.0, standardize=False))


def refused(path):
    with within(3), pytest.raises(ConfigError) as error:
        loaded(path)
    return error.value.faults[0].message


def test_types_that_the_first_row_makes_evident_are_what_they_were(tmp_path):
    count = comma_separated.MANY_COLUMNS + 200
    first = [f"{index}.5" if index % 2 else index for index in range(count - 1)]
    second = ["7" if index % 4 == 1 else f"{index}" if index % 4 == 0 else 1.25 for index in range(count - 1)]
    found = loaded(
        table(tmp_path / "a.csv", named(count), [[*first, "cat"], [*second, "dog"], [*first, "cat"], [*second, "dog"]])
    )
    assert found.train_inputs.shape == (4, count - 1)
    assert np.array_equal(found.train_inputs, np.array([first, second] * 2, dtype=np.float64))
    assert found.class_names == ("cat", "dog")


@pytest.mark.parametrize("odd", ["word", "2021-01-01", "NA", ""])
def test_a_column_that_begins_as_numbers_and_goes_on_otherwise_is_told_as_ever(odd, tmp_path):
    narrow = [[0.5, 1.5, 0], [0.25, odd, 1], [0.75, 2.5, 0]]
    count = comma_separated.MANY_COLUMNS + 200
    wide = [[*([0.5] * (count - 3)), *row] for row in narrow]
    said = refused(table(tmp_path / "narrow.csv", ["a", "b", "y"], narrow))
    assert refused(table(tmp_path / "wide.csv", [*named(count - 2)[:-1], "a", "b", "y"], wide)) == said


@pytest.mark.slow
def test_fifty_thousand_columns_are_read(tmp_path):
    count = comma_separated.MOST_COLUMNS
    rows = [[*((row * 7 + index) % 13 / 3 for index in range(count - 1)), row % 2] for row in range(20)]
    path = table(tmp_path / "wide.csv", named(count), rows)
    with within(3):  # about 1; 6 where Arrow tries every type
        assert loaded(path).train_inputs.shape == (20, count - 1)


def test_a_header_longer_than_a_block_is_read(tmp_path):
    names = [f"{'x' * 600}{index}" for index in range(1999)]
    path = table(tmp_path / "long.csv", [*names, "y"], [[0.5] * 1999 + ["a"], [1.5] * 1999 + ["b"]] * 2)
    assert loaded(path).train_inputs.shape == (4, 1999)


@pytest.mark.slow
def test_more_columns_than_can_be_looked_at_are_refused(tmp_path):
    count = comma_separated.MOST_COLUMNS + 1
    said = refused(table(tmp_path / "a.csv", named(count), [[1] * count]))
    assert said == (
        "has 50,001 columns, and a table may have 50,000; give fewer, or an NPZ file with all inputs in one array (rows, features)"
    )
    parquet.write_table(pyarrow.table({name: [1] for name in named(count)}), tmp_path / "a.parquet")
    assert refused(tmp_path / "a.parquet") == said


def test_more_arrays_than_can_be_opened_are_refused(tmp_path):
    array = np.arange(2)
    np.savez(tmp_path / "a.npz", **{f"x{index}": array for index in range(npz.MOST_ARRAYS + 1)})
    said = refused(tmp_path / "a.npz")
    assert said == "holds 20,001 arrays, of at most 20,000; save all inputs as one array (rows, features)"
    np.savez(tmp_path / "b.npz", x=np.random.default_rng(0).normal(size=(4, 100_000)), y=np.arange(4) % 2)
    assert loaded(tmp_path / "b.npz").train_inputs.shape == (4, 100_000)


def test_repeated_names_are_told_before_a_file_is_read(tmp_path):
    names = named(30_000)
    said = refused(table(tmp_path / "a.csv", [*names[:-2], "x7", "y"], [["x"] * 30_000]))
    assert said == "the column 'x7' occurs more than once; give every column its own name"
