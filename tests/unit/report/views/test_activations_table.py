"""The table of activations: what it says, and how it fits."""

import pytest
from faces import Stream, assert_snapshot

from gradlab.config.reading.activation_text import read_all
from gradlab.report.terminal.columns import lay_out
from gradlab.report.terminal.console import console, print_table
from gradlab.report.views.activations import COST_FIELDS, FIELDS, activations_table, legend, range_words
from gradlab.report.words.table import as_csv, as_markdown
from gradlab.theory import activations
from gradlab.theory.activation_facts import activation_facts

ALL = read_all([])


def row_of(*texts: str, said: bool = True) -> dict[str, object]:
    """The row of one activation."""
    (row,) = activations_table(read_all(texts), {}, said=said).objects()
    return dict(row)


def test_in_a_pipe() -> None:
    pipe = Stream(terminal=False)
    print_table(console(pipe), activations_table(ALL, {}, said=True))
    assert_snapshot("activations_pipe", pipe.getvalue())


@pytest.mark.parametrize("width", [80, 200])
def test_at_a_terminals_width(width: int) -> None:
    layout = lay_out(activations_table(ALL, {}, said=True), width)
    assert max(map(len, (*layout.header, *layout.body))) <= width
    assert_snapshot(f"activations_{width}", "\n".join((*layout.header, *layout.body, *layout.left_out, "")))


def test_what_is_most_asked_for_fits_80_columns() -> None:
    left_out = lay_out(activations_table(ALL, {}, said=True), 80).left_out
    kept = {"critical.sigma_w", "critical.sigma_b", "critical.stability", "pytorch.chi_1", "xavier.chi_1", "he.chi_1"}
    assert not kept & set(left_out)


def test_a_cost_is_never_left_out() -> None:
    table = activations_table(ALL, dict.fromkeys(ALL, (1.25, 0.5)), said=True)
    assert table.fields == FIELDS + COST_FIELDS
    assert not {"forward_ns", "backward_ns"} & set(lay_out(table, 60).left_out)
    assert table.objects()[0]["forward_ns"] == 1.25


def test_people_read_none_where_programs_read_null() -> None:
    assert row_of("gelu")["torch_gain"] == "none"
    assert row_of("gelu", said=False)["torch_gain"] is None
    table = activations_table(read_all(["gelu"]), {})
    assert as_csv(table).splitlines()[1].endswith(",,")
    assert "| none |" in as_markdown(activations_table(read_all(["gelu"]), {}, said=True))


def test_what_has_no_critical_point_says_why() -> None:
    row = row_of("step")
    assert row["critical.sigma_w"] is None
    assert row["critical.stability"] == "none"
    assert row["critical.reason"] == "its derivative is 0, so no gradient passes at all"
    assert row_of("tanh")["critical.reason"] is None


def test_figures_are_those_of_the_portrait() -> None:
    (config,) = read_all(["leaky_relu:slope=0.2"])
    found, row = activation_facts(config), row_of("leaky_relu:slope=0.2", said=False)
    assert found.critical is not None
    assert row["activation"] == "leaky_relu:slope=0.2"
    assert row["critical.sigma_w"] == found.critical.sigma_w
    assert row["critical.q_star"] == "any"
    assert row["he.chi_1"] == found.schemes["he"].chi_1
    assert row["he.q_star"] == float("inf")
    assert row["torch_gain"] == found.torch_gain


def test_ranges_in_words() -> None:
    said = {name: range_words(activations.activation(name)) for name in ("sigmoid", "relu", "hardtanh", "identity")}
    assert said == {"sigmoid": "(0, 1)", "relu": "[0, ∞)", "hardtanh": "[-1, 1]", "identity": "(-∞, ∞)"}


def test_the_legend_explains_the_words_that_are_there() -> None:
    lines = legend(read_all(["tanh", "softplus"]))
    assert any(line.startswith("slow: ") for line in lines)
    assert not any(line.startswith(("neutral: ", "half-stable: ")) for line in lines)
    assert lines[-1].startswith("softplus: no critical point, no sigma_w")
    words = {found.critical.stability for found in map(activation_facts, ALL) if found.critical is not None}
    assert words <= {line.partition(":")[0] for line in legend(ALL)}
