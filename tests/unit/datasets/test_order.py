"""The order in which a run meets its examples."""

import numpy as np

from gradlab.datasets.order import ORDER, WEIGHTS, Order, stream_seed


def test_an_epoch_shows_every_example_once_in_a_new_order() -> None:
    streams = [Order(seed, 1438).take(2 * 1438) for seed in (0, 1)]
    for stream in streams:
        assert sorted(stream[:1438]) == list(range(1438))
        assert sorted(stream[1438:]) == list(range(1438))
        assert not np.array_equal(stream[:1438], stream[1438:])
    assert not np.array_equal(*streams)


def test_the_stream_does_not_depend_on_how_it_is_cut() -> None:
    one, other = Order(0, 1438), Order(0, 1438)
    whole = one.take(5000)
    assert np.array_equal(whole, np.concatenate([other.take(part) for part in (1, 1999, 3, 2997)]))


def test_the_same_seed_means_the_same_as_ever() -> None:
    """Stored runs are trained again from their seed alone."""
    assert stream_seed(0, WEIGHTS) == 7896617691693857887
    assert stream_seed(0, ORDER) == 2918264622725855778
    assert Order(0, 10).take(10).tolist() == [2, 4, 9, 5, 3, 1, 6, 0, 7, 8]
    assert Order(7, 10).take(10).tolist() == [8, 3, 1, 4, 0, 6, 7, 2, 9, 5]
