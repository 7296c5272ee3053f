"""Which way a file's target is taken, and what is said of it, for columns as people have them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from gradlab.config.experiment import Data
from gradlab.datasets import load
from gradlab.errors import ConfigError
from gradlab.report.words.data import data_words, doubtful, reading_words

ROWS = 300
NUMBER = np.arange(ROWS)
PRICES = np.random.default_rng(0).normal(300_000, 80_000, ROWS).round()


NUM_PRICES = len(np.unique(PRICES))


def text(values: Any) -> NDArray[Any]:
    return np.array([str(value) for value in values])


def but(rows: list[int], word: str) -> NDArray[Any]:
    """Numbers written as text, with a word in some rows."""
    return text([word if row in rows else row % 90 for row in range(ROWS)])


COLUMNS: dict[str, NDArray[Any]] = {
    "species": text([("oak", "ash")[row % 2] for row in range(ROWS)]),
    "city": text([f"city {row % 130}" for row in range(ROWS)]),
    "id": text([f"id{row}" for row in range(ROWS)]),
    "day": text(3 * pd.date_range("2020-01-01", periods=100).strftime("%d/%m/%Y").tolist()),
    "moment": text(3 * pd.date_range("2020-01-01", periods=100, freq="h").tolist()),
    "zip text": text([f"{row % 100:05d}" for row in range(ROWS)]),
    "zip": 10_000 + NUMBER % 100,
    "year": (1900 + NUMBER % 120).astype(np.int16),
    "rating": 1 + NUMBER % 5,
    "rating text": text(1 + NUMBER % 5),
    "twenty": NUMBER % 20,
    "twenty-one": (NUMBER % 21).astype(np.uint8),
    "price": PRICES.astype(np.int64),
    "price as floats": PRICES,
    "label as floats": (NUMBER % 4).astype(np.float32),
    "height": np.random.default_rng(1).normal(1.7, 0.1, ROWS),
    "huge": np.random.default_rng(1).normal(0.0, 1e300, ROWS),
    "one ?": but([6], "?"),
    "four NA": but([6, 60, 70, 80], "NA"),
    "species with NA": text([("oak", "ash", "NA")[row % 3] for row in range(ROWS)]),
    "species with spaces": text([("oak", "ash", "oak ")[row % 3] for row in range(ROWS)]),
    "species with capitals": text([("oak", "ash", "Ash")[row % 3] for row in range(ROWS)]),
    "dollars": text([f"${row % 90},000" for row in range(ROWS)]),
    "wet": NUMBER % 2 == 0,
    "one-hot": np.eye(4)[NUMBER % 4],
    "three": np.random.default_rng(1).normal(size=(ROWS, 3)),
}

AMOUNT = "store it as numbers if it is an amount"
WHEN = "all are dates: store them as numbers, such as days, to predict when"
ALL = "all are numbers: store them as such to predict an amount"
ALL_BUT_ONE = "all are numbers but '?' in row 7: mend that to predict an amount"
ALL_BUT_FOUR = "all are numbers but 'NA' in row 7 and 3 more: mend that to predict an amount"
ALIKE = "write both alike if they are one"
OWN = "is a class of its own: leave such rows out if it is a missing value"
MSE = "set train.loss: mse to take them as numbers"
MANY = "too many to be classes"
FLOATS = "different whole numbers, which are stored as floats"
FORCED = "and train.loss is cross_entropy; train.loss: auto takes them as numbers"
FEW = "different whole numbers, and up to 20 are classes"
AS_CLASSES = "train.loss: cross_entropy takes them as classes"
AS_NUMBERS = "train.loss: mse takes them as numbers"

SAID = [
    ("species", "auto", "t as 2 classes (text)"),
    ("city", "auto", f"t as 130 classes (text of 130 different values; {AMOUNT})"),
    ("dollars", "cross_entropy", f"t as 90 classes (text of 90 different values; {AMOUNT})"),
    ("day", "auto", f"t as 100 classes (text of 100 different values; {WHEN})"),
    ("moment", "auto", f"t as 100 classes (text of 100 different values; {WHEN})"),
    ("zip text", "auto", f"t as 100 classes (text of 100 different values; {ALL})"),
    ("rating text", "auto", f"t as 5 classes (text; {ALL})"),
    ("one ?", "auto", f"t as 91 classes (text of 91 different values; {ALL_BUT_ONE})"),
    ("four NA", "auto", f"t as 91 classes (text of 91 different values; {ALL_BUT_FOUR})"),
    ("species with spaces", "auto",
     f"t as 3 classes (text; 'oak' in row 1 has other spaces around it in row 3 and is another class there: {ALIKE})"),
    ("species with capitals", "auto",
     f"t as 3 classes (text; 'Ash' in row 3 is another class than 'ash' in row 2: {ALIKE})"),
    ("species with NA", "auto", f"t as 3 classes (text; 'NA' in row 3 {OWN})"),
    ("wet", "auto", "t as 2 classes (true/false)"),
    ("wet", "mse", "t as numbers (true/false, and train.loss is mse; train.loss: auto takes them as classes)"),
    ("rating", "auto", f"t as 5 classes (5 {FEW}; {AS_NUMBERS})"),
    ("rating", "mse", "t as numbers (5 different whole numbers, and train.loss is mse; train.loss: auto takes them as classes)"),
    ("rating", "cross_entropy", f"t as 5 classes (5 different whole numbers, and train.loss is cross_entropy; {AS_NUMBERS})"),
    ("twenty", "auto", f"t as 20 classes (20 {FEW}; {AS_NUMBERS})"),
    ("twenty-one", "auto", f"t as numbers (21 different whole numbers, and more than 20 are numbers; {AS_CLASSES})"),
    ("zip", "auto", f"t as numbers (100 different whole numbers, and more than 20 are numbers; {AS_CLASSES})"),
    ("year", "auto", f"t as numbers (120 different whole numbers, and more than 20 are numbers; {AS_CLASSES})"),
    ("year", "mse", f"t as numbers (120 different whole numbers, and more than 20 are numbers; {AS_CLASSES})"),
    ("year", "cross_entropy", f"t as 120 classes (120 different whole numbers, {FORCED})"),
    ("price", "auto", f"t as numbers ({NUM_PRICES} different whole numbers, and more than 20 are numbers)"),
    ("price as floats", "auto", f"t as numbers ({NUM_PRICES} {FLOATS})"),
    ("label as floats", "auto", f"t as numbers (4 {FLOATS}; {AS_CLASSES})"),
    ("label as floats", "cross_entropy", f"t as 4 classes (4 different whole numbers, {FORCED})"),
    ("height", "auto", "t as numbers"),
    ("huge", "mse", "t as numbers"),
    ("three", "auto", "t as 3 numbers a row"),
    ("one-hot", "auto", "t as 4 numbers a row (each row is a 1 among 0s; one column with the name of the class would be classes)"),
]  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> Any:
    def write(column: NDArray[Any], **changes: Any) -> Data:
        np.savez(tmp_path / "a.npz", x=np.random.default_rng(2).normal(size=(len(column), 2)), t=column)
        return Data(source="file", path=str(tmp_path / "a.npz"), target="t", **changes)

    return write


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        (range(60), "the input without a name counts the rows"),
        (range(1, 61), "the input without a name counts the rows"),
        ([*range(59), 60], None),
        (range(1000, 1060), "the input without a name counts the rows"),
        (range(0, 120, 2), None),
        ([row + 0.5 for row in range(60)], None),
        ([0] * 60, None),
    ],
)
def test_an_index_that_was_written_with_a_table_is_an_input_that_is_told_of(
    counts: Sequence[float], told: str | None, tmp_path: Path
) -> None:
    rows = "".join(f"{count},{row % 7},{'abc'[row % 3]}\n" for row, count in enumerate(counts))
    (tmp_path / "a.csv").write_text(f",x,t\n{rows}")
    data = load(Data(source="file", path=str(tmp_path / "a.csv"), target="t", batch_size=16))
    assert data.reading is not None
    said = "" if told is None else f", {told}"
    assert reading_words(data.reading) == f"t as 3 classes (text){said}"
    advice = "; leave that column out of the file unless it tells something"
    assert doubtful([data.reading]) == ([f"t as 3 classes (text){said}{advice}"] if told else [])


def test_at_stderr_only_what_may_have_been_meant_otherwise_is_said_once(data: Any) -> None:
    readings = [load(data(COLUMNS[name])).reading for name in ("species", "height", "wet", "rating", "rating", "city")]
    assert [line.partition(" (")[0] for line in doubtful([*readings, None])] == ["t as 5 classes", "t as 130 classes"]


@pytest.mark.parametrize(("column", "loss", "said"), SAID)
def test_what_is_said_of_a_target_is_what_is_done_with_it(data: Any, column: str, loss: str, said: str) -> None:
    found = load(data(COLUMNS[column]), loss)
    reading = found.reading
    assert reading is not None
    assert reading_words(reading) == said
    assert (reading.task, reading.count) == (found.task, found.num_outputs)


@pytest.mark.parametrize("column", [name for name, values in COLUMNS.items() if values.ndim == 1])
@pytest.mark.parametrize("loss", ["auto", "mse", "cross_entropy"])
def test_the_loss_that_is_named_takes_it_the_other_way(data: Any, column: str, loss: str) -> None:
    asked = data(COLUMNS[column])
    try:
        reading = load(asked, loss).reading
    except ConfigError:
        return
    assert reading is not None
    _, _, remedy = reading.why.rpartition("; train.loss: ")
    if remedy != reading.why:
        other, way = remedy.split(" takes them as ")
        assert load(asked, other).task == way != reading.task


@pytest.mark.parametrize(
    ("column", "loss", "said"),
    [
        ("id", "auto", f"'t' has 300 different values in 300 rows, {MANY}; {AMOUNT}, or name another column"),
        ("price", "cross_entropy", f"'t' has {NUM_PRICES} different values in 300 rows, {MANY}; {MSE}, or name another column"),
        ("one ?", "mse", f"'t' is text, which mse cannot predict; use train.loss: cross_entropy, or a target of numbers ({ALL_BUT_ONE})"),
        ("id", "mse", f"'t' is text, which mse cannot predict; use a target of numbers ({AMOUNT})"),
        ("one-hot", "cross_entropy", "'t' has shape (300, 4); classes are one value a row (numbers: one row of values a row)"),
    ],
)  # fmt: skip
def test_what_is_refused_says_what_would_be_taken(data: Any, column: str, loss: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(data(COLUMNS[column]), loss)
    assert [fault.message for fault in caught.value.faults] == [said]


def test_few_rows_with_a_whole_number_each_are_told_how_to_become_numbers(data: Any) -> None:
    few = data(np.arange(16), batch_size=8)
    with pytest.raises(ConfigError, match=MSE):
        load(few)
    assert load(few, "mse").task == "numbers"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("1\n2\n3\n", f"t as 3 classes (3 {FEW}; {AS_NUMBERS})"),
        ("1.0\n2.0\n3.0\n", f"t as numbers (3 {FLOATS}; {AS_CLASSES})"),
        ('"a"\n"b"\n"?"\n', f"t as 3 classes (text; '?' in row 3 {OWN})"),
        ("007\n008\n009\n", f"t as 3 classes (3 {FEW}; {AS_NUMBERS})"),
        ("1,5\n", ""),
    ],
)  # fmt: skip
def test_a_csv_says_it_too(tmp_path: Path, written: str, said: str) -> None:
    rows = [f"{row}.5,{value}" for row, value in enumerate(30 * written.splitlines())]
    (tmp_path / "a.csv").write_text("x,t\n" + "\n".join(rows) + "\n")
    asked = Data(source="file", path=str(tmp_path / "a.csv"), target="t")
    if not said:
        with pytest.raises(ConfigError):
            load(asked)
        return
    reading = load(asked).reading
    assert reading is not None
    assert reading_words(reading) == said


def test_words_of_a_file_cannot_break_the_line(data: Any, tmp_path: Path) -> None:
    hostile = "\x1b[2J\n" + 99 * "x"
    np.savez(tmp_path / "b.npz", x=np.ones((ROWS, 2)) * NUMBER[::-1, None], **{f"a\nb{99 * 'y'}": but([6], hostile)})
    found = load(Data(source="file", path=str(tmp_path / "b.npz"), target=f"a\nb{99 * 'y'}"))
    assert found.reading is not None
    said = reading_words(found.reading)
    assert said.isprintable()
    assert len(said) < 200


@pytest.mark.parametrize(
    ("column", "loss", "standardize", "end"),
    [
        ("height", "auto", True, "t as numbers, inputs and targets standardised"),
        ("three", "auto", False, "t as 3 numbers a row, inputs and targets not standardised"),
        ("species", "auto", True, "t as 2 classes (text)"),
        ("species", "auto", False, "t as 2 classes (text)"),
    ],
)
def test_what_is_standardised_is_said_where_targets_are_numbers(
    data: Any, column: str, loss: str, standardize: bool, end: str
) -> None:
    asked = data(COLUMNS[column], standardize=standardize)
    assert data_words(asked, load(asked, loss).reading) == f"a.npz, batch 64, {end}"


def test_sources_that_say_themselves_what_is_predicted() -> None:
    for source in ("digits", "xor", "noise"):
        assert data_words(Data(source=source), load(Data(source=source)).reading) == f"{source}, batch 64"
    for source in ("diabetes", "teacher", "orthogonal_map"):
        for standardize, word in ((True, "standardised"), (False, "not standardised")):
            data = Data(source=source, standardize=standardize)
            assert load(data).reading is None
            assert data_words(data, None) == f"{source}, batch 64, inputs and targets {word}"
