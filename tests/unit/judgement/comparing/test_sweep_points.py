"""Which points of two sweeps are the same."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from made.swept_sides import EXPERIMENT, side

from gradlab.errors import SelectionError
from gradlab.judgement.comparing.sweep_points import MatchedPoints, matched_points

LR, DEPTH, INIT = "train.lr", "model.depth", "model.init"


def matched(first: dict[str, Any], second: dict[str, Any]) -> MatchedPoints:
    return matched_points(side(**first), side(**second))


def points(found: MatchedPoints, *keys: str) -> list[tuple[object, ...]]:
    """Of each pair its values of some keys, of the first side; the sides are asserted to agree on all factors."""
    for one, other in found.pairs:
        assert [one.point[key] for key in found.factors] == [other.point[key] for key in found.factors]
    return [tuple(one.point[key] for key in keys) for one, _ in found.pairs]


def test_points_of_the_same_axes_match_whatever_their_order_and_seeds() -> None:
    found = matched(
        {"grid": {DEPTH: [3, 5], INIT: ["he", "xavier"]}},
        {"grid": {INIT: ["xavier", "he"], DEPTH: [5, 3]}, "seeds": "0-4"},
    )
    assert (found.factors, found.further, found.only) == ((DEPTH, INIT), (), ((), ()))
    assert points(found, INIT, DEPTH) == [("xavier", 5), ("xavier", 3), ("he", 5), ("he", 3)]
    assert {(len(one.runs), len(other.runs)) for one, other in found.pairs} == {(3, 5)}


@pytest.mark.parametrize(
    ("key", "first", "second"),
    [
        (LR, [0.01, 0.1], [1e-2, 1e-1]),
        (LR, [1.0, 2], [1, 2.0]),
        ("model.activation", ["relu", "tanh"], [{"name": "relu"}, {"name": "tanh"}]),
        ("model.activation", [{"name": "leaky_relu"}, "tanh"], [{"name": "leaky_relu", "slope": 0.01}, "tanh"]),
        (INIT, ["he", "xavier"], [{"scheme": "he"}, {"scheme": "xavier", "gain": 1.0}]),
        ("model.norm", [None, "batch"], ["none", {"kind": "batch"}]),
    ],
)
def test_values_are_those_of_the_experiments_however_they_are_written(
    key: str, first: list[Any], second: list[Any]
) -> None:
    found = matched({"grid": {key: first}}, {"grid": {key: second}})
    assert (len(found.pairs), found.only) == (2, ((), ()))


def test_points_of_one_sweep_alone() -> None:
    found = matched({"grid": {DEPTH: [3, 5, 9]}}, {"grid": {DEPTH: [5, 7]}})
    assert points(found, DEPTH) == [(5,)]
    assert [[one.point[DEPTH] for one in ones] for ones in found.only] == [[3, 9], [7]]


def test_an_axis_matches_a_value_that_the_other_sweep_has_without_an_axis() -> None:
    swept, fixed = {"grid": {DEPTH: [4, 10], LR: [0.1, 0.2]}}, {"grid": {LR: [0.1, 0.2]}}
    found = matched(swept, fixed)
    assert found.factors == (DEPTH, LR)
    assert points(found, DEPTH, LR) == [(4, 0.1), (4, 0.2)]
    assert [one.point[DEPTH] for one in found.only[0]] == [10, 10]
    turned = matched(fixed, swept)
    assert points(turned, DEPTH, LR) == [(4, 0.1), (4, 0.2)]
    assert [one.point[DEPTH] for one in turned.only[1]] == [10, 10]


def test_all_values_of_a_further_axis_are_held_against_the_one_of_the_other_sweep() -> None:
    found = matched({"grid": {DEPTH: [3, 5], LR: [0.1, 0.2]}}, {"grid": {DEPTH: [3, 5]}})
    assert (found.factors, found.further) == ((DEPTH,), (LR,))
    assert [(one.point[LR], other.point[LR]) for one, other in found.pairs] == [(0.1, 0.01), (0.2, 0.01)] * 2
    assert found.only == ((), ())


def test_an_axis_of_one_value_on_each_side_tells_what_changed() -> None:
    found = matched({"grid": {DEPTH: [3, 5], LR: [0.1]}}, {"grid": {DEPTH: [3, 5], LR: [0.2]}})
    assert (found.factors, found.further) == ((DEPTH,), (LR,))
    assert len(found.pairs) == 2
    one_of_many = matched({"grid": {LR: [0.1]}}, {"grid": {LR: [0.2, 0.3]}})
    assert [(one.point[LR], other.point[LR]) for one, other in one_of_many.pairs] == [(0.1, 0.2), (0.1, 0.3)]


def test_values_gone_through_side_by_side_match_as_a_whole() -> None:
    found = matched(
        {"zip": {"model.width": [8, 16], LR: [0.1, 0.2]}}, {"zip": {"model.width": [8, 16], LR: [0.1, 0.05]}}
    )
    assert points(found, "model.width", LR) == [(8, 0.1)]
    assert [[one.point[LR] for one in ones] for ones in found.only] == [[0.2], [0.05]]


def test_single_points_without_an_axis_are_a_pair() -> None:
    found = matched({}, {"experiment": {**EXPERIMENT, "train": {"lr": 0.5}}})
    assert (found.factors, found.further, len(found.pairs)) == ((), (), 1)
    assert [len(one.runs) for one in found.pairs[0]] == [3, 3]


def test_one_point_is_held_against_all_of_a_sweep_on_another_axis() -> None:
    found = matched({}, {"grid": {LR: [0.1, 0.2]}})
    assert [other.point[LR] for _, other in found.pairs] == [0.1, 0.2]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"grid": {DEPTH: [3, 5]}}, {"grid": {DEPTH: [7, 9]}}),
        ({"grid": {LR: [0.1, 0.2]}}, {"grid": {"model.width": [16, 32]}}),
    ],
)
def test_where_nothing_matches_it_is_said_what_each_sweep_has(first: dict[str, Any], second: dict[str, Any]) -> None:
    with pytest.raises(SelectionError) as caught:
        matched_points(side("main/S-1", **first), side("pr/S-2", **second))
    assert caught.value.exit_code == 5
    head, one, other = str(caught.value).splitlines()
    assert "nothing to compare" in head
    for line, path, sections in ((one, "main/S-1", first), (other, "pr/S-2", second)):
        ((key, values),) = sections["grid"].items()
        assert line == f"{path}: {key} {' | '.join(map(str, values))}"


def bases(folder: Path, **depths: int) -> list[str]:
    """Configs of these names and depths."""
    folder.mkdir(parents=True)
    for name, depth in depths.items():
        own = {**EXPERIMENT, "model": {**EXPERIMENT["model"], "depth": depth}}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(own))
    return [f"{name}.yaml" for name in depths]


def test_several_bases_match_by_name(tmp_path: Path) -> None:
    main, pr = tmp_path / "main", tmp_path / "pr"
    first = side(bases=bases(main, shallow=2, deep=9, gone=3), folder=main)
    second = side(bases=bases(pr, shallow=2, deep=8), folder=pr)
    found = matched_points(first, second)
    assert found.factors == ("name",)
    assert points(found, "name") == [("shallow",), ("deep",)]
    assert [one.point["name"] for one in found.only[0]] == ["gone"]
    assert [run.experiment.model.depth for run in found.pairs[1][1].runs] == [8, 8, 8]  # type: ignore[union-attr]


def test_one_of_several_bases_matches_a_sweep_of_it_alone_and_another_is_held_against_all(tmp_path: Path) -> None:
    main, pr, other = tmp_path / "main", tmp_path / "pr", tmp_path / "other"
    first = side(bases=bases(main, shallow=2, deep=9), folder=main)
    alone = side(bases=bases(pr, deep=8), folder=pr)
    found = matched_points(first, alone)
    assert points(found, "name") == [("deep",)]
    assert [one.point["name"] for one in found.only[0]] == ["shallow"]
    renamed = matched_points(first, side(bases=bases(other, new=8), folder=other))
    assert [(one.point["name"], two.point["name"]) for one, two in renamed.pairs] == [
        ("shallow", "new"),
        ("deep", "new"),
    ]


def test_the_names_of_single_configs_do_not_matter(tmp_path: Path) -> None:
    main, pr = tmp_path / "main", tmp_path / "pr"
    first = side(base=bases(main, old=4)[0], folder=main, grid={LR: [0.1, 0.2]})
    second = side(base=bases(pr, new=4)[0], folder=pr, grid={LR: [0.1, 0.2]})
    assert len(matched_points(first, second).pairs) == 2


def test_data_files_of_two_checkouts_match_by_their_place_in_the_checkout(tmp_path: Path) -> None:
    sides = []
    for checkout in ("main", "pr"):
        for name in ("a", "b"):
            file = tmp_path / checkout / "data" / f"{name}.csv"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("x,y\n" + "".join(f"{place},{place % 2}\n" for place in range(40)))
        own = {**EXPERIMENT, "data": {"source": "file", "target": "y", "path": "data/a.csv"}}
        sides.append(side(experiment=own, folder=tmp_path / checkout, grid={"data.path": ["data/a.csv", "data/b.csv"]}))
    found = matched_points(*sides)
    assert points(found, "data.path") == [("a.csv",), ("b.csv",)]
    assert found.only == ((), ())


def test_a_member_without_a_run_belongs_to_its_point() -> None:
    found = matched_points(side(grid={DEPTH: [3, 5]}, missing={1}), side(grid={DEPTH: [3, 5]}, missing={3, 4, 5}))
    assert [[(len(one.runs), len(one.missing)) for one in pair] for pair in found.pairs] == [
        [(2, 1), (3, 0)],
        [(3, 0), (0, 3)],
    ]
    assert found.only == ((), ())


def test_numbers_and_truth_values_are_no_match() -> None:
    module = {
        "model": {"kind": "module", "build": "nets:Net", "args": {"norm": True}},
        "data": EXPERIMENT["data"],
    }
    first = side(experiment=module, grid={"model.args.norm": [True, False]})
    second = side(experiment=module, grid={"model.args.norm": [True, 0]})
    found = matched_points(first, second)
    assert points(found, "model.args.norm") == [(True,)]
    assert [[one.point["model.args.norm"] for one in ones] for ones in found.only] == [[False], [0]]
    assert not isinstance(found.only[1][0].point["model.args.norm"], bool)
