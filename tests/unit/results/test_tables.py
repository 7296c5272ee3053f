"""Records as Parquet, CSV and DataFrames."""

import csv
import io
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made.module_records import stack, with_rows
from made.runs import assert_same, make_profile, make_record

from gradlab.config import memory
from gradlab.results import tables
from gradlab.results.record import Column, Record


def written(record: Record, directory: Path) -> Path:
    with open(directory / tables.LAYERS, "wb") as file:
        tables.write_layers(record, file)
    with open(directory / tables.STEPS, "wb") as file:
        tables.write_steps(record, file)
    return directory


@pytest.mark.parametrize(("depth", "num_steps"), [(3, 4), (1, 1), (40, 17), (3, 0)])
def test_round_trip_keeps_every_bit_and_every_null(tmp_path: Path, depth: int, num_steps: int) -> None:
    record = make_record(depth, num_steps)
    back = tables.read_record(written(record, tmp_path))
    assert back is not None
    assert_same(record, back)


def test_round_trip_keeps_the_rows_of_a_module(tmp_path: Path) -> None:
    record = with_rows(stack(), parallel=(0, 2), tied={1: "embedding"}, activations=("Tanh",) * 6 + (None,))
    back = tables.read_record(written(record, tmp_path))
    assert back is not None
    assert record.rows is not None
    assert back.rows is not None
    for name, value in vars(record.rows).items():
        assert np.array_equal(value, getattr(back.rows, name)), name


def test_round_trip_without_layer_quantities(tmp_path: Path) -> None:
    full = make_record()
    record = Record(full.steps, {}, full.figures, full.fan_in, full.fan_out, math.inf)
    back = tables.read_record(written(record, tmp_path))
    assert back is not None
    assert_same(record, back)


@pytest.mark.parametrize("copied", [None, (), (2,), (1, 2, 3)])
def test_round_trip_of_what_the_data_are_like_and_of_copies(tmp_path: Path, copied: tuple[int, ...] | None) -> None:
    """No copies are something else than copies that nobody looked for."""
    known = {"constant_loss": 0.6931471805599453, "constant_accuracy": 0.5}
    record = replace(make_record(), data=make_profile(), copied_layers=copied, **known)
    back = tables.read_record(written(record, tmp_path))
    assert back is not None
    assert_same(record, back)
    assert back.data == make_profile()


def test_a_table_without_them_is_one_of_which_they_are_not_known(tmp_path: Path) -> None:
    """As runs were stored before the data were looked at."""
    back = tables.read_record(written(make_record(), tmp_path))
    assert back is not None
    assert (back.data, back.copied_layers) == (None, None)


def test_the_same_record_gives_the_same_bytes(tmp_path: Path) -> None:
    one, other = io.BytesIO(), io.BytesIO()
    tables.write_layers(make_record(), one)
    tables.write_layers(make_record(), other)
    assert one.getvalue() == other.getvalue()


def test_nothing_recorded_reads_as_none(tmp_path: Path) -> None:
    assert tables.read_record(tmp_path) is None


def test_foreign_parquet_is_refused(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    for name in (tables.LAYERS, tables.STEPS):
        parquet.write_table(pa.table({"step": [1]}), tmp_path / name)
    with pytest.raises(ValueError, match="was not written by gradlab"):
        tables.read_record(tmp_path)


def test_a_table_that_is_too_large_for_this_machine_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = make_record()
    written(record, tmp_path)
    monkeypatch.setattr(memory, "readable_bytes", lambda: 8 * record.layers["grad_norm"].values.size)
    with pytest.raises(ValueError, match=r"layers\.parquet .* comes to .*, and this machine has room for"):
        tables.read_record(tmp_path)


def test_other_readers_see_null_and_nan_apart(tmp_path: Path) -> None:
    from pyarrow import parquet

    table = parquet.read_table(written(make_record(), tmp_path) / tables.LAYERS)
    assert table.column_names[:3] == ["step", "layer", "grad_norm"]
    assert table["step"].to_pylist()[:5] == [0, 0, 0, 0, 5]
    assert table["layer"].to_pylist()[:5] == [1, 2, 3, 4, 1]
    assert table["dead_fraction"].null_count == table.num_rows
    assert math.isnan(table["grad_norm"][0].as_py())
    assert table["log10_backward_rms"][0].as_py() == -math.inf


def test_frames_keep_null_and_nan_apart_and_derive_grad_rms() -> None:
    record = make_record()
    frame = tables.layers_frame(record, exact=True)
    assert len(frame) == 16
    assert list(frame.columns)[:5] == ["step", "layer", "grad_norm", "log10_grad_norm", "grad_rms"]
    assert frame["dead_fraction"].isna().all()
    assert not frame["grad_norm"].isna().any()
    assert math.isnan(frame["grad_norm"][0])
    assert frame["grad_rms"][1] == pytest.approx(record.layers["grad_norm"].values[0, 1] / 8)
    steps = tables.steps_frame(record, exact=True)
    assert steps["step"].tolist() == [0, 5, 10, 15]
    assert steps["holdout_loss"].isna().tolist() == [False, True, True, False]


def test_plain_frames_are_float64_with_nan_where_there_is_no_meaning() -> None:
    record = make_record()
    for plain, exact in (
        (tables.layers_frame(record), tables.layers_frame(record, exact=True)),
        (tables.steps_frame(record), tables.steps_frame(record, exact=True)),
    ):
        assert list(plain.columns) == list(exact.columns)
        assert set(map(str, plain.dtypes)) == {"float64", "int64"}
        for name in plain:
            np.testing.assert_array_equal(plain[name], exact[name].to_numpy(float, na_value=math.nan), err_msg=name)
    assert np.exp(tables.layers_frame(record)["weight_norm"]).dtype == np.float64
    frame = tables.layers_frame(record)
    frame["weight_norm"] = 0.0
    assert record.layers["weight_norm"].values.any()


def test_frames_do_not_reach_back_into_the_record() -> None:
    record = make_record()
    before = record.layers["weight_norm"].values.copy()
    frame = tables.layers_frame(record, exact=True)
    frame["weight_norm"] = 0.0
    frame.loc[1, "grad_norm"] = 7.0
    np.testing.assert_array_equal(record.layers["weight_norm"].values, before)
    assert record.layers["grad_norm"].values[0, 1] != 7.0


def test_csv_holds_the_last_step_to_the_last_digit() -> None:
    record = make_record()
    values = np.array([[0.0] * 4] * 3 + [[0.1 + 0.2, -math.inf, math.nan, 1e-300]])
    absent = np.array([[True] * 4] * 3 + [[True, True, True, False]])
    record = Record(record.steps, {"weight_norm": Column(values, absent)}, {}, record.fan_in, record.fan_out, 1.0)
    rows = list(csv.DictReader(io.StringIO(tables.layers_csv(record))))
    assert [row["weight_norm"] for row in rows] == ["0.30000000000000004", "-inf", "nan", ""]
    assert [row["step"] for row in rows] == ["15"] * 4
    assert [row["fan_in"] for row in rows] == ["64", "8", "8", "8"]


def test_csv_of_no_steps_is_its_header() -> None:
    assert tables.layers_csv(make_record(num_steps=0)).count("\n") == 1


def test_csv_is_what_the_standard_library_writes() -> None:
    record = make_record(num_steps=3)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    rows = tables.layer_rows(record, 2)
    writer.writerow(["step", *rows[0]])
    writer.writerows([int(record.steps[-1]), *row.values()] for row in rows)
    assert tables.layers_csv(record) == text.getvalue()
    assert rows == tables.layer_rows(record, -1)
