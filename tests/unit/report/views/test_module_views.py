"""Runs of somebody's own modules as tables, lists, files and comparisons show them: rows by name, folded by block."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from faces import Stream
from made.judged_runs import record as dense_record
from made.module_runs import (
    ODD_NAMES,
    Made,
    all_runs,
    built,
    lstm,
    module_record,
    module_run,
    odd,
    one_run,
    plain,
    resnet,
    save,
    transformer,
    watched,
)

from gradlab.config.modules import WatchedRecording
from gradlab.config.text import clean_line, inert
from gradlab.judgement.comparing.comparison import compare
from gradlab.judgement.comparing.named_rows import named_rows
from gradlab.judgement.comparing.profiles import depths_of, profile
from gradlab.judgement.conditions.listed import matching, values_of
from gradlab.report.files.markdown import markdown
from gradlab.report.files.run_csv import layer_rows
from gradlab.report.terminal.blocks import print_blocks
from gradlab.report.terminal.console import console
from gradlab.report.views.comparison import row_table, row_words
from gradlab.report.views.comparison_data import comparison_object
from gradlab.report.views.layer_table import few, for_people
from gradlab.report.views.run import RunView, view
from gradlab.report.views.run_list import in_order, listed, runs_table
from gradlab.report.words.table import Fold
from gradlab.results.finding import Finding
from gradlab.results.store import Store
from gradlab.results.tables import layers_csv


def shown(name: str) -> str:
    return shown_of(view(one_run(name)))


def shown_of(seen: RunView) -> str:
    out = Stream(terminal=False)
    print_blocks(console(out), seen.blocks)
    return out.getvalue()


def test_a_row_is_named_and_its_kind_stands_beside_it() -> None:
    seen = view(one_run("resnet"))
    names = [field.name for field in seen.shown_layers.fields]
    assert names[:2] == ["row", "kind"]
    assert "layer" not in names
    assert ("layer2.0.downsample.0", "Conv2d") in {row[:2] for row in seen.shown_layers.rows}
    assert "49 rows at step 195, 8 of them blocks" in shown("resnet")


def test_the_verdict_rests_on_rows_by_name() -> None:
    text = shown("resnet")
    assert "(layer1.0 to layer2.1, since step 10)" in text or "layer4.1 to layer1.0" in text
    assert "critical, layer1.0 to layer2.1, since step 10" in markdown(view(one_run("resnet")).blocks)
    assert "units not looked at: no activation module was seen" in text


def test_of_hundreds_of_rows_the_worst_come_first_and_then_the_blocks() -> None:
    run = module_run(watched("deep"), module_record(transformer(), decades=5), "completed", "vanishing")
    seen = view(run)
    assert seen.record is not None
    rows = seen.record.rows
    assert rows is not None
    chosen = few(seen.worst_first, seen.readout, rows)
    places = [row for row in chosen if isinstance(row, int)]
    signal = seen.record.layers["log10_backward_norm"].values[-1]
    assert places[:8] == sorted(range(len(signal)), key=lambda row: signal[row])[:8]
    assert next(row for row in chosen if isinstance(row, Fold)).words("row").endswith("rows in the blocks …")
    behind = places[8:]
    assert len(behind) < 20
    assert all(rows.blocks[row] is None for row in behind)
    assert rows.names[places[-1]] == "head"
    assert seen.worst_by == "smallest log10_backward_norm first"


def test_no_row_is_lost_in_a_fold() -> None:
    seen = view(one_run("transformer"))
    chosen = few(seen.worst_first, seen.readout, seen.module_rows)
    assert sum(row.hidden if isinstance(row, Fold) else 1 for row in chosen) == len(seen.layers.rows)
    assert len({row for row in chosen if isinstance(row, int)}) == sum(isinstance(row, int) for row in chosen)
    assert len(view(one_run("plain")).worst_first) == 300


def test_columns_that_tell_nothing_are_left_out() -> None:
    plain_run, recurrent = view(one_run("without_loss")), view(one_run("lstm"))
    named = [[field.name for field in seen.shown_layers.fields] for seen in (plain_run, recurrent)]
    assert not {"calls", "time_decades", "log10_grad_norm_applied"} & set(named[0])
    assert {"calls", "time_decades"} <= set(named[1])
    assert "dead_fraction" not in named[1]
    assert {"calls", "log10_grad_norm_applied"} <= {field.name for field in plain_run.layers.fields}  # programs get all


def test_a_gradient_that_was_clipped_is_shown_beside_the_one_before() -> None:
    record = module_record(plain(4))
    record.layers["log10_grad_norm_applied"].values[-1] -= 1.0
    assert "log10_grad_norm_applied" in [
        field.name for field in view(module_run(watched("cut"), record)).shown_layers.fields
    ]


def test_a_dense_run_is_shown_as_it_was() -> None:
    from made.runs import make_run

    seen = view(make_run())
    assert for_people(seen.layers) is seen.layers
    assert seen.readout == len(seen.layers.rows) - 1


def test_without_a_known_readout_no_row_is_called_one() -> None:
    text = shown("gan")
    assert "readout" not in text
    assert len(view(one_run("gan")).hidden_first) == 8


def test_odd_names_are_one_line_each_and_none_becomes_another() -> None:
    out = Stream(terminal=True)
    print_blocks(console(out), view(one_run("odd")).blocks)
    assert "\x1b[31mred" not in out.getvalue()
    assert "‮" not in out.getvalue()
    rows = view(one_run("odd")).shown_layers.rows
    assert [row[0] for row in rows] == [clean_line(name) for name in ODD_NAMES]
    text = shown("odd")
    assert all(clean_line(name) in text for name in ODD_NAMES)  # a pipe cuts nothing


def test_a_narrow_terminal_cuts_names_in_the_middle_and_keeps_them_apart() -> None:
    from gradlab.report.terminal.columns import lay_out

    seen = view(one_run("odd"))
    layout = lay_out(seen.shown_layers, 80)
    names = [line[:28].strip() for line in layout.body]
    assert len(set(names)) == len(names)
    assert max(map(len, layout.body)) <= 80
    assert any("…" in name for name in names)


def test_csv_holds_names_of_any_kind() -> None:
    record = module_record(odd())
    rows = list(csv.DictReader(io.StringIO(layers_csv(record), newline="")))
    assert [row["row"] for row in rows] == [inert(name) for name in ODD_NAMES]  # no formula to a spreadsheet
    assert rows[0]["kind"] == "Linear"
    header, *whole = layer_rows(record)
    assert header[:4] == ["step", "layer", "row", "kind"]
    assert len(whole) == len(ODD_NAMES) * len(record.steps)
    assert whole[0][:4] == [0, 1, ODD_NAMES[0], "Linear"]


def test_a_heatmap_has_the_rows_that_have_a_value_and_of_many_the_blocks() -> None:
    text = shown("resnet")
    picture = text[text.index("log10_grad_norm by block") :]
    labels = [line.split()[0] for line in picture.splitlines()[1:12] if line[:1].isalpha()]
    assert labels[:3] == ["conv1", "layer1.0", "layer1.1"]  # bn1 has no matrix, so no gradient norm of one
    assert "lstm.layer0 " in shown("lstm")


def test_what_was_trained_is_said_as_far_as_it_is_known() -> None:
    runs = all_runs()
    assert view(runs["resnet"]).setting == (
        "torchvision.models.resnet.ResNet · 11,181,642 parameters · AdamW lr 0.001 · float32 · watched in its own loop"
    )
    assert view(runs["seed1"]).setting == (
        "nets:build(depth=5, norm=layer) · digits, batch 64 · sgd lr 0.01 · 200 steps · float32 · seed 1"
    )


def test_a_list_says_what_each_module_was(tmp_path: Path) -> None:
    runs = [listed(run) for run in all_runs().values()]
    table = runs_table(runs)
    names = [field.name for field in table.fields]
    assert "model.depth" not in names
    assert dict(zip(names, table.rows[0], strict=True))["model"] == "torchvision.models.resnet.ResNet"
    assert dict(zip(names, table.rows[2], strict=True))["model"] == "nets:build"
    store = Store(tmp_path)
    for where, number in (
        ("model.args.depth >= 9", 3), ("model.kind == watched", 6), ("model == nets.Gan", 1), ("model.args.norm == layer", 2),
        ("train.optimizer == AdamW", 6), ("seed == 1", 1), ("model.depth > 1", 0), ("model.norm == none", 0),
    ):  # fmt: skip
        assert len(matching(store, runs, where)) == number, where
    assert in_order(runs, "-model.args.depth")[0].name == "plain"
    assert values_of(runs[:1], "model.kind") == ["watched"]


def test_lists_of_dense_runs_have_their_columns() -> None:
    from made.runs import make_run

    both = runs_table([listed(make_run()), listed(one_run("gan"))])
    names = [field.name for field in both.fields]
    assert {"model.depth", "model", "model.kind"} <= set(names)
    alone = [field.name for field in runs_table([listed(make_run())]).fields]
    assert "model" not in alone
    assert alone == [field.name for field in runs_table([]).fields if field.name != "model"]


def test_rows_are_compared_by_name() -> None:
    one = module_run(watched("one"), module_record(plain(5)))
    other = module_run(watched("other"), module_record(plain(7), decades=4))
    held = compare([one, other])
    first = held.named_rows.matched[0]
    assert first.row in {f"layers.{layer}" for layer in range(5)}
    assert first.changes[0] == pytest.approx(first.values[1] - first.values[0])
    sizes = [row.size for row in held.named_rows.matched]
    assert sizes == sorted(sizes, reverse=True)
    assert held.named_rows.missing == (("layers.5", "layers.6"), ())
    assert row_words(held) == ["not in one: layers.5, layers.6"]
    table = row_table(held, 3)
    assert len(table.rows) == 3
    assert [field.name for field in table.fields] == ["row", "quantity", "one", "other", "change"]
    assert json.dumps(comparison_object(held, changed_only=False)["missing_rows"]) == '[["layers.5", "layers.6"], []]'


def test_watched_runs_of_one_name_are_compared_too() -> None:
    runs = [module_run(watched("same"), module_record(plain(5), seed=seed)) for seed in (0, 1)]
    assert len(compare(runs).sides) == 2


def test_a_module_is_held_against_a_dense_network_by_relative_depth() -> None:
    from made.runs import make_run

    dense, own = (
        make_run(record=dense_record(10, decades=-5.0)),
        module_run(watched("own"), module_record(resnet(), decades=9)),
    )
    held = compare([dense, own])
    first, second = held.profiles[0]
    assert first is not None
    assert second is not None
    assert first.quantity == second.quantity == "log10_backward_norm"
    assert first.values[0] == pytest.approx(-5.0)  # of equal widths the norm changes as the rms does
    assert second.names == (
        "layer1.0",
        "layer1.1",
        "layer2.0",
        "layer2.1",
        "layer3.0",
        "layer3.1",
        "layer4.0",
        "layer4.1",
    )
    assert not held.named_rows.matched
    fields = {item.field for item in held.config}
    assert {"model.depth", "model.watched"} <= fields
    assert "name" not in fields


def test_rows_of_one_side_alone_are_not_compared() -> None:
    assert not named_rows([[one_run("gan")], [module_run(built("failed"), None, "failed")]]).matched


def test_profiles_go_along_the_longest_chain() -> None:
    record = module_record(resnet(), decades=9)
    along = profile([record], "log10_backward_norm")
    assert along is not None
    assert along.relative_depth.tolist() == pytest.approx([place / 7 for place in range(8)])
    assert along.values[-1] == 0.0
    depths = depths_of(record)
    assert depths is not None
    assert depths.depth == 8
    recurrent = profile([module_record(lstm())], "log10_grad_norm")
    assert recurrent is not None
    assert recurrent.names == ("lstm.layer0", "lstm.layer1")


def test_stored_runs_are_shown_as_they_were(tmp_path: Path) -> None:
    runs = all_runs()
    for run in save(tmp_path, runs.values()):
        held = Store(tmp_path).load(run.id)
        before = next(one for one in runs.values() if one.id == run.id)
        assert view(held).shown_layers == view(before).shown_layers
        assert view(held).setting == view(before).setting


def test_norms_that_alone_were_asked_for_are_drawn() -> None:
    record = module_record(resnet())
    alone = replace(record, layers={"grad_norm": record.layers["grad_norm"]})
    seen = view(module_run(watched("cheap"), alone))
    (grid,), (drawn,) = seen.grids, seen.profiles
    assert grid.quantity == drawn.quantity == "log10_grad_norm"
    np.testing.assert_allclose(
        grid.values.T[grid.present.T], np.log10(record.layers["grad_norm"].values[grid.present.T])
    )
    assert "log10_grad_norm by" in shown_of(seen)


def test_rows_that_are_called_by_a_number_are_said_with_what_it_numbers() -> None:
    rows = module_record(Made((("0", "Linear"), ("2", "Linear"), ("4", "Linear")), (("0", "2"),), "4"), decades=6)
    found = Finding("vanishing", "critical", (1, 2), 3, -6.0, -3.0, "it falls", "")
    seen = view(module_run(watched("stack"), rows, "completed", "vanishing", [found]))
    assert "module 0 to module 2" in markdown(seen.blocks)
    assert [row[0] for row in seen.shown_layers.rows] == ["0", "2", "4"]


def test_a_watched_run_with_a_list_of_quantities_is_read_back(tmp_path: Path) -> None:
    experiment = watched("some").model_copy(
        update={"record": WatchedRecording(quantities=("grad_norm", "forward_rms"))}
    )
    (run,) = save(tmp_path, [module_run(experiment, module_record(plain(4)))])
    assert Store(tmp_path).load(run.id).experiment == experiment


def test_what_a_watch_warned_of_is_shown() -> None:
    run = module_run(watched("warned"), module_record(plain(4)))
    facts = {"warnings": ["the optimizer had\nstate already"], "skipped_steps": 1, "order": "first use"}
    seen = view(replace(run, manifest={**run.manifest, "watch": facts}))
    told = (
        "warning: the optimizer had state already",
        "1 step was skipped by the scaler, because a gradient overflowed",
    )
    assert seen.watched == told
    assert all(line in shown_of(seen) and line in markdown(seen.blocks) for line in told)
    assert not view(run).watched


def test_gradient_norms_that_alone_were_asked_for_are_compared() -> None:
    record = module_record(plain(5))
    alone = replace(
        module_record(plain(5), seed=1), layers={"grad_norm": module_record(plain(5), seed=1).layers["grad_norm"]}
    )
    held = compare([module_run(watched("all"), record), module_run(watched("cheap"), alone)])
    assert {row.quantity for row in held.named_rows.matched} == {"log10_grad_norm"}


def test_modules_without_a_row_of_one_name_say_so() -> None:
    held = compare([one_run("gan"), one_run("lstm")])
    assert row_words(held) == ["no row has one name on two sides"]
