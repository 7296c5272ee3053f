"""What sides are called beside one another."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from processor_time import within

from gradlab.judgement.comparing.comparison import Changed
from gradlab.report.views.side_names import Own, SideName, letters, side_names


def own(
    name: str = "net", seeds: Sequence[int] = (0,), ids: Sequence[str] = ("7f3ac9d1e2b4",), place: str = "runs"
) -> Own:
    return Own(name, tuple(seeds), tuple(ids), place)


def named(*sides: Own, **config: Sequence[object]) -> tuple[SideName, ...]:
    return side_names(sides, [Changed(field.replace("__", "."), tuple(values)) for field, values in config.items()])


def test_namesakes_are_told_apart_by_what_differs() -> None:
    first, other = named(own(), own(), model__depth=(50, 20), model__init__scheme=("xavier", "he"))
    assert (first.letter, first.differs, first.short) == ("A", ("depth 50", "xavier"), "depth 50, xavier")
    assert other.told == "depth 20, he"


def test_names_that_differ_suffice_and_what_differs_is_told_all_the_same() -> None:
    first, other = named(own("deep"), own("shallow"), model__depth=(50, 20))
    assert (first.short, first.told, first.differs) == ("deep", "", ("depth 50",))
    assert other.short == "shallow"


def test_two_of_three_share_a_name() -> None:
    names = named(own("deep"), own("deep"), own("other"), model__depth=(50, 20, 20), train__lr=(0.1, 0.1, 0.2))
    assert [name.short for name in names] == ["deep: depth 50", "deep: depth 20", "other"]


@pytest.mark.parametrize(
    ("field", "values", "words"),
    [
        ("model.init.scheme", ("he", "xavier"), ("he", "xavier")),
        ("model.init.scheme", ("he", None), ("he", "no init")),
        ("train.clip_norm", (1.0, None), ("clip_norm 1", "no clip_norm")),
        ("train.adaptive", (True, False), ("adaptive true", "adaptive false")),
        ("model.parameters", (1234567, 12), ("parameters 1,234,567", "parameters 12")),
        ("model.watched", ("mine.nets.Res", "mine.nets.Gpt"), ("Res", "Gpt")),
        ("model.watched", ("a.Net", "b.Net"), ("a.Net", "b.Net")),
        ("data.path", ("a\nb\x1b[31m", "c"), ("path a b [31m", "path c")),
        ("train.lr", (0.1 + 0.2, 1e-05), ("lr 0.3", "lr 1e-05")),
    ],
)
def test_a_field_in_words(field: str, values: tuple[object, object], words: tuple[str, str]) -> None:
    names = side_names([own(), own()], [Changed(field, values)])
    assert tuple(", ".join(name.differs) for name in names) == words


def test_fields_of_one_last_part_are_called_by_their_paths_and_repeated_ones_are_left_out() -> None:
    (name, _) = named(own(), own(), model__width=(1, 2), data__width=(3, 4))
    assert name.differs == ("model.width 1", "data.width 3")
    scheme = {"model__init__scheme": ("he", "xavier"), "model__readout_init__scheme": ("he", "xavier")}
    assert named(own(), own(), **scheme)[0].differs == ("he",)
    scheme["model__readout_init__scheme"] = ("lecun", "he")
    assert named(own(), own(), **scheme)[0].differs == ("init he", "readout_init lecun")


def test_a_short_name_keeps_the_field_that_tells() -> None:
    fields = {f"train__field_{number}": (1, 2, 2) for number in range(6)}
    names = named(own(), own(), own(), **fields, train__lr=(0.1, 0.1, 0.3))
    assert names[1].short == "field_0 2, field_1 2, lr 0.1"
    assert names[2].told == "field_0 2, field_1 2, lr 0.3 and 4 more"
    assert len({name.short for name in names}) == 3


def test_what_has_one_config_is_told_by_seeds_then_place_then_id() -> None:
    by_seed = named(own(seeds=range(3)), own(seeds=[4]))
    assert [name.short for name in by_seed] == ["seeds 0-2", "seed 4"]
    assert by_seed[0].differs == (), "the seeds stand beside it"
    by_place = named(own(place="a/runs"), own(place="b/runs"))
    assert [name.short for name in by_place] == ["in a/runs", "in b/runs"]
    assert by_place[1].differs == ("in b/runs",)
    by_id = named(own(ids=["0123456789ab"]), own(ids=["ba9876543210"]))
    assert [name.short for name in by_id] == ["012345", "ba9876"]
    assert [name.short for name in named(own(), own())] == ["net", "net"]


def test_letters_go_on() -> None:
    many = letters(60)
    assert len(set(many)) == 60
    assert all(len(one) <= len(other) for one, other in pairwise(many))


def test_a_thousand_sides_are_named_at_once() -> None:
    number = 1000
    fields = {f"train__field_{place}": tuple(side % (place + 2) for side in range(number)) for place in range(20)}
    with within(5):  # about half a second
        names = named(*(own() for _ in range(number)), **fields, train__lr=tuple(float(side) for side in range(number)))
    assert len({name.short for name in names}) == number
