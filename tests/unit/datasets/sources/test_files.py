import hashlib
import io
import json
import os

import numpy as np
import pandas as pd
import pytest

from gradlab.config.experiment import Data
from gradlab.datasets import digest, load
from gradlab.errors import ConfigError

ROWS = 40


def frame():
    generator = np.random.default_rng(0)
    size = generator.normal(size=ROWS)
    return pd.DataFrame(
        {
            "size": size,
            "count": generator.integers(0, 50, ROWS),
            "wet": generator.random(ROWS) < 0.5,
            "kind": np.where(size > 0, "oak", "ash"),
            "price": 3.0 * size + 1.5,
            "label": np.arange(ROWS) % 3,
            "year": 1900 + np.arange(ROWS),
        }
    )


@pytest.fixture
def save(tmp_path):
    def write(table, suffix):
        path = tmp_path / f"trees{suffix}"
        if isinstance(table, pd.DataFrame):
            table.to_csv(path, index=False) if suffix == ".csv" else table.to_parquet(path)
        else:
            path.write_bytes(table if isinstance(table, bytes) else table.encode())
        return path

    return write


def opened(path, target, loss="auto", **changes):
    settings = {"holdout": 0.0, "standardize": False, "batch_size": 8} | changes
    return load(Data(source="file", path=str(path), target=target, **settings), loss)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_gives_inputs_and_classes(save, suffix):
    table = frame()
    data = opened(save(table.drop(columns="price"), suffix), "kind")
    assert data.feature_names == ("size", "count", "wet", "label", "year")
    assert data.class_names == ("ash", "oak")
    np.testing.assert_allclose(data.train_inputs[:, 0], table["size"], rtol=1e-15)
    np.testing.assert_array_equal(data.train_inputs[:, 2], table["wet"])
    np.testing.assert_array_equal(data.train_targets, table["kind"] == "oak")


def test_an_index_that_pandas_stored_is_no_input(tmp_path):
    table = frame()[["size", "price"]]
    table.index = [f"tree {row}" for row in range(ROWS)]
    table.to_parquet(tmp_path / "trees.parquet")
    assert opened(tmp_path / "trees.parquet", "price").feature_names == ("size",)


def test_categories_of_a_parquet_file_are_text(tmp_path):
    table = frame()[["size", "kind"]].astype({"kind": "category"})
    table.to_parquet(tmp_path / "trees.parquet")
    assert opened(tmp_path / "trees.parquet", "kind").class_names == ("ash", "oak")


def test_an_npz_file_gives_one_matrix_and_its_target(tmp_path):
    inputs, target = np.arange(60.0).reshape(20, 3), np.arange(20) % 4
    np.savez(tmp_path / "a.npz", pixels=inputs, digit=target)
    data = opened(tmp_path / "a.npz", "digit")
    np.testing.assert_array_equal(data.train_inputs, inputs)
    np.testing.assert_array_equal(data.train_targets, target)
    assert data.class_names == ("0", "1", "2", "3")
    assert data.feature_names == ("pixels_0", "pixels_1", "pixels_2")


def test_an_npz_target_may_have_several_columns(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.arange(60.0).reshape(20, 3), y=np.arange(40.0).reshape(20, 2) ** 2)
    data = opened(tmp_path / "a.npz", "y")
    assert data.task == "numbers"
    assert data.train_targets.shape == (20, 2)


@pytest.mark.parametrize(
    ("target", "loss", "task", "num_classes"),
    [
        ("kind", "auto", "classes", 2),
        ("wet", "auto", "classes", 2),
        ("label", "auto", "classes", 3),
        ("year", "auto", "numbers", None),
        ("price", "auto", "numbers", None),
        ("label", "mse", "numbers", None),
        ("wet", "mse", "numbers", None),
        ("label", "cross_entropy", "classes", 3),
        ("wet", "binary_cross_entropy", "classes", 2),
    ],
)
def test_what_a_target_is(save, target, loss, task, num_classes):
    data = opened(save(frame().drop(columns={"kind"} - {target}), ".csv"), target, loss)
    assert (data.task, data.num_classes) == (task, num_classes)


def test_whole_numbers_stored_as_floats_are_classes_only_when_asked(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.arange(40.0).reshape(20, 2), y=np.arange(20.0) % 4)
    assert opened(tmp_path / "a.npz", "y").task == "numbers"
    assert opened(tmp_path / "a.npz", "y", "cross_entropy").class_names == ("0", "1", "2", "3")


def test_the_digest_is_that_of_the_bytes(save):
    path = save(frame(), ".csv")
    assert digest(Data(source="file", path=str(path), target="kind")) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_column_far_out_of_range_is_standardised_without_overflow(save):
    table = frame()[["size", "price"]].assign(huge=np.linspace(-1e300, 1e300, ROWS), tiny=np.linspace(0, 1e-300, ROWS))
    data = opened(save(table, ".csv"), "price", standardize=True)
    np.testing.assert_allclose(data.train_inputs.std(axis=0), 1.0, rtol=1e-12)


def test_a_class_of_one_row_stays_with_the_rows_to_learn_from(save):
    table = frame()[["size", "kind"]].assign(kind=["rare", *(["ash", "oak"] * ROWS)[: ROWS - 1]])
    for seed in range(5):
        data = opened(save(table, ".csv"), "kind", holdout=0.5, seed=seed)
        assert data.class_names.index("rare") in data.train_targets
        assert len(data.holdout_inputs) == ROWS // 2


def saved(write, *arrays, **named):
    stream = io.BytesIO()
    write(stream, *arrays, **named)
    return stream.getvalue()


def damaged():
    content = bytearray(saved(np.savez_compressed, x=np.random.default_rng(0).random((20, 4)), y=np.arange(20.0)))
    content[100:140] = b"\xff" * 40
    return bytes(content)


HEADER = "a,b,t\n"
BODY = HEADER + "".join(f"{row},{row * row % 7},{'xy'[row % 2]}\n" for row in range(12))

BROKEN = {
    "empty file": (".csv", "", "t", "auto", "data.path", "is empty"),
    "header alone": (".csv", HEADER, "t", "auto", "data.path", "no rows"),
    "column not there": (".csv", BODY, "tt", "auto", "data.target", "Did you mean 't'?"),
    "nothing alike": (".csv", BODY, "qqq", "auto", "data.target", "It has: a, b, t"),
    "ragged": (".csv", BODY + "1,2\n", "t", "auto", "data.path", "comma-separated"),
    "semicolons": (".csv", BODY.replace(",", ";"), "t", "auto", "data.path", "separated by ';'"),
    "decimal commas": (
        ".csv",
        "a;b;t\n" + "1,5;2,25;x\n1,25;2;y\n" * 6,
        "t",
        "auto",
        "data.path",
        "write decimals with a point",
    ),
    "no names": (
        ".csv",
        "0.5,1,3\n" * 4,
        "t",
        "auto",
        "data.target",
        "The first row has to hold the names of the columns",
    ),
    "not utf-8": (".csv", b"a,t\n\xff\xfe,1\n2,3\n", "t", "auto", "data.path", "UTF-8"),
    "header not utf-8": (".csv", b"\xffa,t\n1,x\n2,y\n", "t", "auto", "data.path", "UTF-8"),
    "control characters": (".csv", BODY.replace("\n3,", '\n"3\n\x1b[1m",'), "t", "auto", "data.path", "in row 4"),
    "repeated name": (".csv", BODY.replace("a,b", "a,a"), "t", "auto", "data.path", "more than once"),
    "text input": (".csv", BODY.replace("\n3,", "\nthree,"), "t", "auto", "data.path", "'three' in row 4"),
    "dates": (".csv", "d,t\n2020-01-01,x\n2020-01-02,y\n", "t", "auto", "data.path", "'2020-01-01' in row 1"),
    "several texts": (
        ".csv",
        "a,b,c,t\n" + "1,,p,x\n2,u,q,y\n" * 4,
        "t",
        "auto",
        "data.path",
        "the column 'b' (and 1 more: 'c') is not numbers: 'u' in row 2",
    ),
    "gaps in several": (
        ".csv",
        "a,b,c,t\n1,2,3,x\n,2,,y\n1,2,3,x\n1,2,3,y\n",
        "t",
        "auto",
        "data.path",
        "'a' has a missing value in row 2 (1 in all; 1 other column too: 'c')",
    ),
    "empty cell": (".csv", BODY.replace("\n3,", "\n,"), "t", "auto", "data.path", "a missing value in row 4"),
    "nan": (".csv", BODY.replace("\n3,", "\nnan,"), "t", "auto", "data.path", "a missing value in row 4"),
    "infinity": (".csv", BODY.replace("\n3,", "\ninf,"), "t", "auto", "data.path", "an infinite value in row 4"),
    "too large": (".csv", BODY.replace("\n3,", "\n1e999,"), "t", "auto", "data.path", "an infinite value in row 4"),
    "empty target": (".csv", BODY.replace("x\n", "\n", 1), "t", "auto", "data.target", "a missing value in row 1"),
    "text under mse": (".csv", BODY, "t", "mse", "data.target", "mse cannot predict"),
    "one class": (".csv", BODY.replace("y", "x"), "t", "auto", "data.target", "same in every row"),
    "constant number": (".csv", "a,t\n1,2.5\n2,2.5\n", "t", "auto", "data.target", "same in every row"),
    "constant integer": (".csv", "a,t\n1,2\n2,2\n", "t", "mse", "data.target", "same in every row"),
    "only names": (".csv", "a,t\n1,x\n2,y\n3,z\n", "t", "auto", "data.target", "too many to be classes"),
    "fractions": (".csv", "a,t\n1,2.5\n2,3\n", "t", "cross_entropy", "data.target", "2.5 in row 1"),
    "three classes": (
        ".csv",
        "a,t\n" + "1,x\n1,y\n1,z\n" * 4,
        "t",
        "binary_cross_entropy",
        "train.loss",
        "two classes",
    ),
    "target alone": (".csv", "t\n1\n2\n", "t", "auto", "data.path", "no inputs"),
    "too few rows": (".csv", "a,t\n1,2.5\n2,3\n", "t", "auto", "data.batch_size", "at most 2"),
    "wrong suffix": (".xlsx", "PK", "t", "auto", "data.path", ".csv, .parquet or .npz"),
    "broken parquet": (".parquet", "PAR1 no", "t", "auto", "data.path", "Parquet"),
    "broken npz": (".npz", "PK\x03\x04 no", "t", "auto", "data.path", "NPZ"),
    "array as npz": (".npz", saved(np.save, np.arange(4)), "t", "auto", "data.path", "a single array"),
    "damaged npz": (".npz", damaged(), "y", "auto", "data.path", "NPZ"),
    "text as npz": (".npz", "hello", "t", "auto", "data.path", "does not begin like one"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_one_line_with_place_and_remedy(save, case):
    suffix, content, target, loss, field, words = BROKEN[case]
    path = save(content, suffix)
    with pytest.raises(ConfigError) as caught:
        opened(path, target, loss)
    (fault,) = caught.value.faults
    assert (fault.place, fault.path) == (str(path), field)
    assert words in fault.message
    assert len(str(fault).splitlines()) == 1


def broken_npz(tmp_path, **arrays):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ConfigError) as caught:
        opened(tmp_path / "a.npz", "y")
    return str(caught.value)


def test_npz_arrays_that_do_not_fit(tmp_path):
    x, y = np.arange(60.0).reshape(20, 3), np.arange(20.0)
    assert "several arrays" in broken_npz(tmp_path, x=x, z=x, y=y)
    assert "19 rows" in broken_npz(tmp_path, x=x, y=y[:19])
    assert "shape (rows, features)" in broken_npz(tmp_path, x=np.zeros((20, 3, 3)), y=y)
    assert "shape (rows, features)" in broken_npz(tmp_path, x=np.zeros((20, 0)), y=y)
    assert "complex" in broken_npz(tmp_path, x=x.astype(complex), y=y)
    assert "missing value in row 3" in broken_npz(tmp_path, x=np.where(x == 7.0, np.nan, x), y=y)
    assert "classes are one value" in broken_npz(tmp_path, x=x, y=np.full((20, 2), "a"))


def test_a_pickle_is_never_loaded(tmp_path):
    class Trap:
        def __reduce__(self):
            return (json.loads, ("this would be parsed",))

    np.savez(tmp_path / "a.npz", x=np.arange(8.0).reshape(4, 2), y=np.array([Trap()] * 4, dtype=object))
    with pytest.raises(ConfigError, match="plain arrays"):
        opened(tmp_path / "a.npz", "y")


def test_a_truncated_file_is_no_traceback(tmp_path):
    frame()[["size", "price"]].to_parquet(tmp_path / "a.parquet")
    np.savez(tmp_path / "a.npz", x=np.arange(80.0).reshape(20, 4), y=np.arange(20.0))
    for suffix in (".parquet", ".npz"):
        content = (tmp_path / f"a{suffix}").read_bytes()
        for length in range(1, len(content), max(1, len(content) // 20)):
            path = tmp_path / f"cut{suffix}"
            path.write_bytes(content[:length])
            with pytest.raises(ConfigError):
                opened(path, "price" if suffix == ".parquet" else "y")


def test_a_missing_file_and_a_directory(tmp_path):
    for path, words in ((tmp_path / "no.csv", "no such file"), (tmp_path, "is a directory")):
        data = Data(source="file", path=str(path), target="t")
        for action in (load, digest):
            with pytest.raises(ConfigError, match=words):
                action(data)


def test_an_npz_target_without_a_value_a_row(tmp_path):
    x = np.arange(40.0).reshape(20, 2)
    assert "shape ()" in broken_npz(tmp_path, x=x, y=np.float64(3))
    assert "shape (20, 0)" in broken_npz(tmp_path, x=x, y=np.zeros((20, 0)))


def test_numbers_beyond_float64_are_named_in_one_line(tmp_path):
    x = np.full((20, 2), np.longdouble("1e4000"))  # would warn where it is cast
    assert "an infinite value in row 1" in broken_npz(tmp_path, x=x, y=np.arange(20) % 2)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("loop.csv", "cannot be read: Too many levels of symbolic links"),
        ("x" * 300 + ".csv", "cannot be read: File name too long"),
        ("pipe.csv", "is not a regular file"),
        ("trees.csv/below.csv", "no such file"),
        ("two\nlines.csv", "no such file"),
    ],
)
@pytest.mark.parametrize("read", [opened, lambda path, target: digest(Data(source="file", path=str(path), target="y"))])
def test_paths_that_lead_to_no_file(tmp_path, save, read, name, message):
    save("x,y\n1,2\n", ".csv")
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(ConfigError) as caught:
        read(tmp_path / name, "y")
    assert caught.value.faults[0].path == "data.path"
    assert message in str(caught.value)
    assert str(caught.value).isprintable()
