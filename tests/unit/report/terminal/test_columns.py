"""Tables as lines, and as data."""

import csv
import io
import math

import pytest

from gradlab.report.terminal.columns import lay_out, stacked
from gradlab.report.words.table import Field, Fold, Table, as_csv, as_markdown, folded

TABLE = Table(
    (
        Field("id"),
        Field("model.activation", rank=2),
        Field("log10_backward_rms", "decades", 1),
        Field("loss", "figure", 3),
    ),
    (
        ("7f3ac9d1e2b4", "leaky_relu", -612.345, 0.25),
        ("0123456789ab", "tanh", -math.inf, None),
        ("ba9876543210", "relu", math.nan, math.inf),
    ),
)


def test_without_a_terminal_nothing_is_left_out_and_numbers_line_up() -> None:
    layout = lay_out(TABLE, None)
    assert layout.left_out == ()
    assert layout.header == ("id            model.activation  log10_backward_rms  loss",)
    assert layout.body == (
        "7f3ac9d1e2b4  leaky_relu                   -612.35  0.25",
        "0123456789ab  tanh                            -inf     –",
        "ba9876543210  relu                             nan   inf",
    )


@pytest.mark.parametrize("width", range(12, 60))
def test_every_width_holds_and_never_cuts_a_cell(width: int) -> None:
    layout = lay_out(TABLE, width)
    assert max(map(len, [*layout.header, *layout.body])) <= width
    assert all(line.startswith(str(row[0])) for line, row in zip(layout.body, TABLE.rows, strict=True))
    shown = [field.name for field in TABLE.fields if field.name not in layout.left_out]
    for line, row in zip(layout.body, TABLE.words(), strict=True):
        assert line.split() == [cell for cell, field in zip(row, TABLE.fields, strict=True) if field.name in shown]


def test_headers_are_stacked_before_a_column_is_left_out_and_the_highest_rank_goes_first() -> None:
    assert lay_out(TABLE, 55).left_out == ()
    assert lay_out(TABLE, 55).header == (
        "              model.            log10_",
        "id            activation  backward_rms  loss",
    )
    assert lay_out(TABLE, 43).left_out == ("loss",)
    assert lay_out(TABLE, 30).left_out == ("model.activation", "loss")


def test_what_one_wide_column_has_taken_with_it_comes_back_where_half_of_the_width_is_free() -> None:
    fields = (
        Field("id"),
        Field("state", rank=3),
        Field("failed", "integer", 2),
        Field("verdicts", rank=1),
        Field("path", rank=4),
    )
    table = Table(fields, (("7f3ac9d1e2b4", "finished", 0, "v" * 70, "runs/" + "p" * 60),))
    layout = lay_out(table, 80)
    assert layout.left_out == ("verdicts", "path")
    assert layout.body == ("7f3ac9d1e2b4  finished       0",)
    assert lay_out(table, 24).left_out == ("state", "verdicts", "path")  # the more important first


def test_a_column_of_rank_zero_stays_even_where_it_does_not_fit() -> None:
    assert lay_out(TABLE, 3).left_out == ("model.activation", "log10_backward_rms", "loss")


@pytest.mark.parametrize(("name", "lines"), [("layer", ["layer"]), ("a_", ["a_"]), ("fan_in", ["fan_", "in"])])
def test_stacked(name: str, lines: list[str]) -> None:
    assert stacked(name) == lines


def test_a_fold_stands_for_the_middle_and_says_how_many() -> None:
    shown = folded(range(50), 8, 4)
    assert shown == [*range(8), Fold(38), *range(46, 50)]
    assert folded(range(14), 8, 4) == list(range(14))
    table = Table((Field("layer", "integer"),), tuple((layer,) for layer in range(50)))
    assert lay_out(table, 80, shown, "layer").body[8] == "… 38 layers like these …"


def test_an_empty_table_has_only_its_header() -> None:
    empty = Table(TABLE.fields, ())
    assert lay_out(empty, 80).body == ()
    assert as_csv(empty) == "id,model.activation,log10_backward_rms,loss\n"


def test_csv_reads_back_to_the_last_digit() -> None:
    table = Table((Field("word"), Field("number", "decades")), (('a "b", c', 0.1 + 0.2), ("", None), ("x", -math.inf)))
    rows = list(csv.DictReader(io.StringIO(as_csv(table))))
    assert [row["word"] for row in rows] == ['a "b", c', "", "x"]
    assert float(rows[0]["number"]) == 0.1 + 0.2
    assert [row["number"] for row in rows[1:]] == ["", "-inf"]


def test_markdown_escapes_bars_and_aligns_numbers() -> None:
    assert as_markdown(Table((Field("a|b"), Field("n", "integer")), (("x|y", 3),))) == (
        "| a\\|b | n |\n| --- | ---: |\n| x\\|y | 3 |\n"
    )


def test_objects_have_the_columns_of_the_table() -> None:
    assert TABLE.objects()[1] == {
        "id": "0123456789ab", "model.activation": "tanh", "log10_backward_rms": -math.inf, "loss": None,
    }  # fmt: skip
