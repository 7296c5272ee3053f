"""The Jacobian's spectrum on the disk, in Python and as CSV."""

import csv
import io
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from made.runs import assert_same, make_record, make_run, make_spectrum

import gradlab
from gradlab.report.files.run_csv import spectrum_rows
from gradlab.results import tables
from gradlab.results.record import Column, Record, Spectrum
from gradlab.results.store import Store

CONFIG = {
    "model": {"depth": 4, "width": 5, "activation": "relu", "init": "he"},
    "data": {"source": "moons", "batch_size": 8},
    "train": {"steps": 12},
    "record": {
        "every": 5,
        "quantities": ["jacobian_log10_s_max"],
        "spectrum": [1, 3],
        "jacobian_steps": [5],
        "jacobian_examples": 2,
    },
}


def test_it_reads_back_with_every_bit_and_every_null(tmp_path: Path) -> None:
    record = make_record(spectrum=True)
    saved = Store(tmp_path).save(make_run(record=record), "")
    assert {path.name for path in saved.path.iterdir()} >= {"layers.parquet", "steps.parquet", "spectrum.parquet"}
    loaded = Store(tmp_path).load(saved.id)
    assert loaded.record is not None
    assert_same(record, loaded.record)
    assert_same(loaded.record, record)


def test_one_without_steps_reads_back(tmp_path: Path) -> None:
    full = make_record()
    none = Spectrum(
        np.array([], dtype=np.int64), np.array([2]), Column(np.zeros((0, 1, 3, 8)), np.zeros((0, 1, 3, 8), bool))
    )
    record = Record(full.steps, full.layers, full.figures, full.fan_in, full.fan_out, 1.0, spectrum=none)
    loaded = Store(tmp_path).load(Store(tmp_path).save(make_run(record=record), "").id)
    assert loaded.record is not None
    assert_same(record, loaded.record)
    assert len(loaded.spectrum) == 0
    assert list(loaded.spectrum.columns) == ["step", "layer", "example", "index", "log10_s"]


def test_other_readers_see_one_row_a_value(tmp_path: Path) -> None:
    from pyarrow import parquet

    file = io.BytesIO()
    spectrum = make_spectrum()
    tables.write_spectrum(spectrum, file)
    table = parquet.read_table(io.BytesIO(file.getvalue())).to_pylist()
    assert len(table) == 2 * 2 * 3 * 8
    for row in table:
        place = (row["step"] // 15, [1, 4].index(row["layer"]), row["example"] - 1, row["index"] - 1)
        if not spectrum.log10_s.present[place]:
            assert row["log10_s"] is None
        else:
            np.testing.assert_equal(row["log10_s"], spectrum.log10_s.values[place])


def test_a_run_without_one_has_none(tmp_path: Path) -> None:
    saved = Store(tmp_path).save(make_run(), "")
    assert not (saved.path / "spectrum.parquet").exists()
    assert Store(tmp_path).load(saved.id).spectrum.empty


def test_from_a_config_to_a_frame(tmp_path: Path) -> None:
    (run,) = gradlab.run(CONFIG, out=tmp_path)
    frame = run.spectrum
    assert len(frame) == 3 * 2 * 2 * 5
    assert frame["step"].unique().tolist() == [0, 5, 11]
    assert frame["layer"].unique().tolist() == [1, 3]
    assert frame["example"].unique().tolist() == [1, 2]
    first = frame[frame["index"] == 1]
    largest = run.layers.set_index(["step", "layer"])["jacobian_log10_s_max"]
    for (step, layer), rows in first.groupby(["step", "layer"]):
        assert largest[step, layer] == pytest.approx(rows["log10_s"].mean(), abs=1e-12)
    assert largest.isna().sum() == 4 * 5 - 3 * 3  # three of the four recorded steps, three of the five layers
    assert gradlab.load(run.id, tmp_path).spectrum.equals(frame)


@pytest.mark.parametrize(
    "damage", [lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes()[:-30]), lambda path: path.write_bytes(b"")]
)  # fmt: skip
def test_a_run_whose_spectrum_is_damaged_is_trained_again(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    (run,) = gradlab.run(CONFIG, out=tmp_path)
    before = (run.path / "spectrum.parquet").read_bytes()
    assert gradlab.run(CONFIG, out=tmp_path)[0].cached
    damage(run.path / "spectrum.parquet")
    with pytest.raises(gradlab.errors.UsageError, match="cannot be read"):
        _ = Store(tmp_path).load(run.id).spectrum
    (again,) = gradlab.run(CONFIG, out=tmp_path)
    assert not again.cached
    assert (again.path / "spectrum.parquet").read_bytes() == before


def test_csv_rows_keep_null_and_nan_apart() -> None:
    spectrum = make_spectrum()
    header, *rows = spectrum_rows(spectrum)
    assert header == ["step", "layer", "example", "index", "log10_s"]
    assert [row[:4] for row in rows[:2]] == [[0, 1, 1, 1], [0, 1, 1, 2]]
    assert rows[-1] == [15, 4, 3, 8, "-inf"]
    cells = [row[4] for row in rows[:8]]
    assert cells[5:] == ["", "nan", "-inf"]
    assert [float(cell) for cell in cells[:5]] == spectrum.log10_s.values[0, 0, 0, :5].tolist()


def test_export_writes_it_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from gradlab.cli.export import Target, export

    (run,) = gradlab.run(CONFIG, out=tmp_path)
    export(run.id, Target.CSV, tmp_path / "csv", out=tmp_path)
    written = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert [path.name.rsplit(".", 2)[1] for path in written] == ["layers", "steps", "spectrum"]
    with written[-1].open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 60
    found = [float(row["log10_s"]) if row["log10_s"] else math.nan for row in rows]
    np.testing.assert_array_equal(found, run.spectrum["log10_s"].to_numpy(dtype=float, na_value=math.nan))
