"""Data files that are damaged, or made to be: each is read or refused as a fault of the config, never anything else."""

import io
import random
import struct
import zipfile

import numpy as np
import pyarrow as pa
import pytest
from processor_time import within
from pyarrow import parquet

from gradlab import datasets
from gradlab.config import memory
from gradlab.config.experiment import Data
from gradlab.datasets.sources import tables
from gradlab.datasets.statistics import constant_answer
from gradlab.errors import ConfigError

ROWS = 24


def looked_at(path, target="y"):
    """What a run does with its data before it trains; None where the file is refused, with the reason."""
    try:
        data = datasets.load(Data(source="file", path=str(path), target=target, batch_size=4))
        assert data.profile.num_train == len(data.train_inputs)
        constant_answer(data, "mse" if data.task == "numbers" else "cross_entropy")
    except ConfigError as error:
        [fault] = error.faults
        assert fault.path.startswith("data.")
        assert fault.message.isprintable()
        return fault.message
    return None


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def archive(path, members, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in members:
            file.writestr(name, content)
    return path


X = np.random.default_rng(0).normal(size=(ROWS, 3))
Y = np.arange(ROWS) % 3
WHOLE = [("x.npy", npy(X)), ("y.npy", npy(Y))]


def odd_header(text, version=(1, 0)):
    header = text.encode("latin1")
    size = struct.pack("<H" if version == (1, 0) else "<I", len(header))
    return b"\x93NUMPY" + bytes(version) + size + header + X.tobytes()


ODD_HEADERS = {
    "no mapping": odd_header("[1, 2]\n"),
    "other keys": odd_header("{'shape': (24, 3)}\n"),
    "negative": odd_header("{'descr': '<f8', 'fortran_order': False, 'shape': (-24, -3), }\n"),
    "huge": odd_header(f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({10**30}, 3), }}\n"),
    "longer than the file": odd_header("{'descr': '<f8', 'fortran_order': False, 'shape': (2400, 3), }\n"),
    "shorter than the file": odd_header("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }\n"),
    "no type": odd_header("{'descr': 'nonsense', 'fortran_order': False, 'shape': (24, 3), }\n"),
    "type of a mapping": odd_header("{'descr': {1: 2}, 'fortran_order': False, 'shape': (24, 3), }\n"),
    "nothing a value": odd_header("{'descr': '<U0', 'fortran_order': False, 'shape': (24, 3), }\n"),
    "objects": odd_header("{'descr': '|O', 'fortran_order': False, 'shape': (24, 3), }\n"),
    "objects within": odd_header("{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (24, 3), }\n"),
    "complex": odd_header("{'descr': '<c16', 'fortran_order': False, 'shape': (12, 3), }\n"),
    "records": odd_header("{'descr': [('a', '<f8'), ('b', '<f8')], 'fortran_order': False, 'shape': (12, 3), }\n"),
    "dates": odd_header("{'descr': '<M8[D]', 'fortran_order': False, 'shape': (24, 3), }\n"),
    "nested": odd_header("(" * 5_000 + "\n"),
    "of another version": odd_header("{'descr': '<f8', 'fortran_order': False, 'shape': (24, 3), }\n", (9, 9)),
    "of the second version, cut": b"\x93NUMPY\x02\x00\x01",
    "text": b"nothing of the kind",
    "nothing": b"",
}


@pytest.mark.parametrize("name", ODD_HEADERS)
def test_an_odd_header_is_refused(tmp_path, name):
    path = archive(tmp_path / "a.npz", [("x.npy", ODD_HEADERS[name]), WHOLE[1]])
    assert looked_at(path)


@pytest.mark.parametrize("descr", ["<f2", ">f4", "<f8", "|i1", ">u8", "|b1"])
@pytest.mark.parametrize("fortran", [False, True])
def test_numbers_of_every_kind_are_read_as_numpy_reads_them(tmp_path, descr, fortran):
    array = np.asarray(np.abs(X) * 50, order="F" if fortran else "C").astype(descr)
    path = tmp_path / "a.npz"
    np.savez(path, x=array, y=Y)
    assert np.array_equal(tables.read(str(path))["x"], array)
    assert looked_at(path) is None


def test_a_member_that_is_no_array_is_named(tmp_path):
    path = archive(tmp_path / "a.npz", [*WHOLE, ("readme.txt", b"words")])
    assert "'readme.txt' in it is no array" in looked_at(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_array_that_is_there_twice_is_named(tmp_path):
    assert "'x' occurs more than once" in looked_at(archive(tmp_path / "a.npz", [*WHOLE, WHOLE[0]]))
    assert "'x' occurs more than once" in looked_at(archive(tmp_path / "b.npz", [*WHOLE, ("x", b"")]))


def test_text_that_is_no_unicode_is_refused(tmp_path):
    broken = np.frombuffer(np.array([0xD800] * ROWS, dtype="<u4").tobytes(), dtype="<U1")
    np.savez(tmp_path / "a.npz", x=X, y=broken)
    assert "no Unicode" in looked_at(tmp_path / "a.npz")
    beyond = np.frombuffer(np.array([0xFFFFFFFF] * ROWS, dtype="<u4").tobytes(), dtype="<U1")
    np.savez(tmp_path / "b.npz", x=X, y=beyond)
    assert looked_at(tmp_path / "b.npz")


@pytest.mark.parametrize("array", [np.zeros((500_000, 40), np.int8), np.full((100_000, 40), "a")])
def test_what_an_archive_inflates_to_is_limited_before_it_is_inflated(tmp_path, monkeypatch, array):
    np.savez_compressed(tmp_path / "a.npz", x=array, y=Y)
    monkeypatch.setattr(memory, "readable_bytes", lambda: 10_000_000)
    monkeypatch.setattr(np, "frombuffer", lambda *given: pytest.fail("it was inflated"))
    assert "comes to 160 MB" in looked_at(tmp_path / "a.npz") or "comes to 96 MB" in looked_at(tmp_path / "a.npz")


def test_what_a_table_comes_to_is_limited_before_it_is_read(tmp_path, monkeypatch):
    parquet.write_table(pa.table({"x": np.zeros(1_000_000), "y": np.zeros(1_000_000)}), tmp_path / "a.parquet")
    monkeypatch.setattr(memory, "readable_bytes", lambda: 10_000_000)
    assert "comes to 16 MB, and this machine has room for 10 MB" in looked_at(tmp_path / "a.parquet")


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2, zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_a_damaged_archive_of_any_compression_is_refused(tmp_path, method):
    path = archive(tmp_path / "a.npz", WHOLE, method)
    assert looked_at(path) is None
    content = bytearray(path.read_bytes())
    for place in range(60, 120):
        content[place] ^= 0x5A
    path.write_bytes(content)
    assert looked_at(path)


def test_duplicate_and_nested_columns_of_parquet_are_named(tmp_path):
    twice = pa.Table.from_arrays([pa.array(Y)] * 3, names=["x", "x", "y"])
    parquet.write_table(twice, tmp_path / "a.parquet")
    assert "'x' occurs more than once" in looked_at(tmp_path / "a.parquet")
    columns = {
        "list": pa.array([[1, 2]] * ROWS),
        "struct": pa.array([{"a": 1}] * ROWS),
        "map": pa.array([[("a", 1)]] * ROWS, pa.map_(pa.string(), pa.int64())),
        "time": pa.array([0] * ROWS, pa.timestamp("ns")),
        "span": pa.array([0] * ROWS, pa.duration("s")),
        "bytes": pa.array([b"\xff"] * ROWS),
        "fixed": pa.array([[1.0, 2.0]] * ROWS, pa.list_(pa.float64(), 2)),
    }
    for name, column in columns.items():
        parquet.write_table(pa.table({name: column, "y": Y}), tmp_path / f"{name}.parquet")
        assert f"the column '{name}'" in looked_at(tmp_path / f"{name}.parquet")


CSV_CASES = {
    "nothing": b"",
    "a line end": b"\n",
    "a byte order mark alone": b"\xef\xbb\xbf",
    "ragged": b"x,y\n1,2\n3\n",
    "more fields than names": b"x,y\n1,2,3\n",
    "NULs": b"x,y\n\x00,1\n\x00,2\n" * 8,
    "UTF-16": "x,y\n1,2\n".encode("utf-16"),
    "a huge field": b"x,y\n1," + b"a" * 3_000_000 + b"\n",
    "a quote that never ends": b'x,y\n1,"2\n' + b"3,4\n" * 50,
    "no rows": b"x,y\n",
    "dates": b"x,y\n2020-01-01,1\n" * 1 + b"2020-01-02,2\n" * 20,
    "bytes": b"x,y\n\xff,1\n\xfe,2\n" * 8,
    "names in bytes": b"\xff,y\n1,2\n2,3\n",
}


@pytest.mark.parametrize("name", CSV_CASES)
def test_an_odd_csv_is_refused(tmp_path, name):
    (tmp_path / "a.csv").write_bytes(CSV_CASES[name])
    assert looked_at(tmp_path / "a.csv")


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfy,x\n" + b"".join(b"%d,%d\n" % (at % 2, at) for at in range(ROWS)))
    assert looked_at(tmp_path / "a.csv") is None


def test_whatever_a_parser_raises_is_a_fault_of_the_file(tmp_path, monkeypatch):
    np.savez(tmp_path / "a.npz", x=X, y=Y)

    def raising(*given):
        raise RecursionError("too deep")

    monkeypatch.setattr(tables.npz, "arrays", raising)
    assert "is not a whole NPZ file: too deep" in looked_at(tmp_path / "a.npz")


def test_text_that_repeats_is_held_once(tmp_path):
    words = ["x" * 100_000, "y" * 100_000]
    column = pa.array([words[at % 2] for at in range(2 * ROWS)])
    written = {"as text": {"store_schema": False}, "as categories": {"store_schema": True}}
    for name, how in written.items():
        kept = column.dictionary_encode() if how["store_schema"] else column
        parquet.write_table(pa.table({"a": range(2 * ROWS), "y": kept}), tmp_path / f"{name}.parquet", **how)
        found = tables.read(str(tmp_path / f"{name}.parquet"))["y"]
        assert found.tolist() == column.to_pylist()
        assert len({id(text) for text in found}) == 2


def test_text_that_is_stored_as_its_changes_is_limited_while_it_is_read(tmp_path, monkeypatch):
    texts = ["x" * 100_000 + str(at % 2) for at in range(2 * ROWS)]
    parquet.write_table(
        pa.table({"a": range(2 * ROWS), "y": texts}),
        tmp_path / "a.parquet",
        use_dictionary=False,
        column_encoding={"y": "DELTA_BYTE_ARRAY", "a": "PLAIN"},
    )
    assert tables.read(str(tmp_path / "a.parquet"))["y"].tolist() == texts
    monkeypatch.setattr(memory, "readable_bytes", lambda: 2_000_000)
    assert "comes to 4.8 MB, and this machine has room for 2 MB" in looked_at(tmp_path / "a.parquet")


def test_long_texts_are_looked_at_in_bounded_time(tmp_path):
    words = ["x" * 1_000_000, "nan" * 300_000, "1" * 1_000_000]
    places = pa.array(np.arange(3000) % 3, pa.int32())
    table = pa.table({"a": range(3000), "y": pa.DictionaryArray.from_arrays(places, pa.array(words))})
    parquet.write_table(table, tmp_path / "a.parquet")
    with within(5):
        assert looked_at(tmp_path / "a.parquet") is None
        assert "no column 'z'" in looked_at(tmp_path / "a.parquet", target="z")
        assert "the column 'y' is not numbers: 'xxxx" in looked_at(tmp_path / "a.parquet", target="a")


def test_a_column_of_lists_is_refused_before_it_is_read(tmp_path, monkeypatch):
    parquet.write_table(pa.table({"a": [[1.0] * 10] * ROWS, "y": Y}), tmp_path / "a.parquet")

    def read(*given, **more):
        raise AssertionError

    monkeypatch.setattr(parquet.ParquetFile, "read", read)
    assert "the column 'a' holds list<element: double>" in looked_at(tmp_path / "a.parquet")


def test_a_csv_that_is_larger_than_memory_is_not_begun(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text("a,y\n" + "1,2\n" * 1000)
    monkeypatch.setattr(memory, "readable_bytes", lambda: 1000)
    assert "has 4 kB, and this machine has room for 4 kB" in looked_at(tmp_path / "a.csv")


@pytest.mark.parametrize("name", ["a\udcff.csv", "a\udcff.npz", "a\udcff.parquet"])
def test_a_path_that_is_no_text_is_refused_since_no_run_could_be_stored_with_it(tmp_path, name):
    np.savez(tmp_path / "a.npz", x=X, y=Y)
    (tmp_path / "a.npz").rename(tmp_path / name)
    assert "its whole path is not UTF-8 text" in looked_at(tmp_path / name)


def small_files(folder):
    """A small valid file of each kind."""
    words = np.array(["red", "green", "blue"])[Y]
    np.savez(folder / "stored.npz", x=X, y=Y)
    np.savez_compressed(folder / "deflated.npz", x=X.astype(np.float32), y=words)
    archive(folder / "lzma.npz", WHOLE, zipfile.ZIP_LZMA)
    archive(folder / "bzip2.npz", WHOLE, zipfile.ZIP_BZIP2)
    table = pa.table({"a": X[:, 0], "b": X[:, 1].astype(np.float32), "c": Y + 5, "y": words})
    parquet.write_table(table, folder / "snappy.parquet")
    parquet.write_table(table, folder / "zstd.parquet", compression="zstd", data_page_version="2.0")
    rows = "".join(f"{a:.4g},{b:.4g},{word}\n" for (a, b, _), word in zip(X, words, strict=True))
    (folder / "words.csv").write_text(f"a,b,y\n{rows}")
    return sorted(folder.iterdir())


def mutated(content, generator):
    """The bytes with a few of them changed, left out, doubled, moved, or the end cut off."""
    content = bytearray(content)
    for _ in range(generator.choice((1, 1, 2, 4, 16))):
        if not content:
            break
        place = generator.randrange(len(content))
        stop = min(len(content), place + generator.choice((1, 2, 8, 64)))
        match generator.randrange(7):
            case 0:
                content[place] ^= 1 << generator.randrange(8)
            case 1:
                content[place:stop] = generator.randbytes(stop - place)
            case 2:
                del content[place:stop]
            case 3:
                content[place:place] = content[place:stop]
            case 4:
                content[place:stop] = bytes([generator.choice((0, 0x7F, 0x80, 0xFF, 0x0A, 0x22, 0x2C))]) * (
                    stop - place
                )
            case 5:
                del content[place:]
            case 6:
                part = content[place:stop]
                del content[place:stop]
                at = generator.randrange(len(content) + 1)
                content[at:at] = part
    return bytes(content)


def survives(folder, number):
    for kind, path in enumerate(small_files(folder)):
        content, generator = path.read_bytes(), random.Random(kind)
        assert looked_at(path) is None
        refused = 0
        for _ in range(number):
            path.write_bytes(changed := mutated(content, generator))
            try:
                refused += looked_at(path) is not None
            except Exception as error:
                error.add_note(f"{path.name}: {changed!r}")
                raise
        assert refused > number // 10


@pytest.mark.filterwarnings("ignore")  # zipfile names what it finds twice
def test_few_mutations_of_each_kind_are_read_or_refused(tmp_path):
    survives(tmp_path, 30)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_thousands_of_mutations_of_each_kind_are_read_or_refused(tmp_path):
    survives(tmp_path, 2_000)
