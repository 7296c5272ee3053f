"""Whether the parts of a record that was read from files fit together."""

import numpy as np

from gradlab.results.record import Float, Record

_MOST_STEPS = 1 << 53


def check_steps(steps: Float) -> None:
    """Look whether recorded steps go up from 0, and are no more than a run can have.

    Raises:
        ValueError: If not.
    """
    if not (np.all(steps >= 0) and np.all(steps < _MOST_STEPS) and np.all(np.diff(steps) > 0)):
        raise ValueError("its steps do not go up from 0")


def check_shapes(record: Record) -> None:
    """Look whether what has a place for each layer, row, or value has as many of them.

    Raises:
        ValueError: If not.
    """
    num_layers = record.fan_in.size
    rows, spectrum = record.rows, record.spectrum
    if record.fan_in.shape != (num_layers,) or record.fan_out.shape != (num_layers,) or np.any(record.fan_in < 0):
        raise ValueError("fan_in and fan_out are not sizes of its layers")
    if any(len(column.values) != len(record.steps) for column in record.figures.values()):
        raise ValueError("its figures are not as many as its steps")
    if rows is not None:
        if any(len(own) != num_layers for own in (rows.names, rows.kinds, rows.weights, rows.blocks)):
            raise ValueError("its rows are not as many as its layers")
        named = [*rows.parallel, *rows.tied, *(row for chain in rows.chains for row in chain)]
        named += [row for row in (rows.readout, *rows.blocks) if row is not None]
        if any(not 0 <= row < num_layers for row in named) or len(rows.activations) not in (0, num_layers):
            raise ValueError("its rows name others that are not there")
    if spectrum is not None:
        shape = spectrum.log10_s.values.shape
        if len(shape) != 4 or shape[:2] != (len(spectrum.steps), len(spectrum.layers)):
            raise ValueError("its spectrum has another number of values")
        if np.any(spectrum.layers < 1) or np.any(spectrum.layers > num_layers):
            raise ValueError("its spectrum names layers that are not there")
