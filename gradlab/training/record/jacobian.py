"""The Jacobian of the hidden layers: what a small change of layer l's preactivations does to those of the top hidden layer.

    J_l = ∂z_depth/∂z_l = M_l M_(l+1) ... M_(depth-1),     M_l = diag(phi'(z_l)) W_(l+1)      (rows are inputs, as in the stack)

It is taken at a few steps, for the first examples of the batch, from the phi' and the weights that the backward pass of that step uses.
The products are built from the top down, in float64 on the CPU, by one thread and run by run, so that a run's numbers depend neither on
its batch nor on the device (see `graded_product` for how nothing is lost at any depth).

Shapes: L hidden layers, R runs, E examples, N units.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from gradlab.config.quantities import JACOBIAN, selected
from gradlab.config.recording import Recording
from gradlab.network.network import Network
from gradlab.results.record import Column, Float, Spectrum
from gradlab.training.record import graded_product
from gradlab.training.record.graded_product import GradedProduct


@dataclass(frozen=True)
class Taken:
    """Of one run at one step: the quantities, [4, L - 1], and the singular values of the layers whose spectrum is kept, [K, E, N]."""

    figures: Column
    log10_s: Column


class Jacobians:
    """Takes the Jacobians of all runs at some steps, and keeps what is recorded of them."""

    def __init__(self, network: Network, recording: Recording, num_steps: int) -> None:
        self.network, self.num_units = network, network.shape.fan_out[0]
        quantities = selected(recording.quantities)
        self.names = [name for name in JACOBIAN if name in quantities]
        self.layers = recording.spectrum or ()
        self.num_examples = min(recording.jacobian_examples or 0, network.shape.batch_size)
        self.steps = {0, num_steps - 1, *(recording.jacobian_steps or ())} if recording.takes_jacobian else set()
        self._taken: dict[tuple[int, int], Taken] = {}

    def due(self, step: int) -> bool:
        return step in self.steps

    def take(self, step: int) -> None:
        """Measures a step after its forward pass, while z holds phi', and before any weight is updated; it reads back."""
        num_threads = torch.get_num_threads()
        torch.set_num_threads(1)  # the factorisations' rounding depends on the number of threads
        try:
            for run in range(self.network.shape.num_runs):
                self._taken[run, step] = self._measured(run)
        finally:
            torch.set_num_threads(num_threads)

    def _measured(self, run: int) -> Taken:
        """What is to be taken of a run, now; NaN from the top hidden layer down to where a number is not finite."""
        E, N, num_factors = self.num_examples, self.num_units, self.network.shape.num_layers - 1
        figures = _nans(len(JACOBIAN), num_factors)
        log10_s = _nans(len(self.layers), E, N)
        lowest = 1 if self.names else min(self.layers)
        for layer, products in self._products(run, lowest):
            if self.names:
                of_examples = np.concatenate([_figures(product) for product in products], axis=1)
                figures.values[:, layer - 1] = _over_examples(of_examples)
                figures.present[:, layer - 1] = ~np.isnan(figures.values[:, layer - 1])
            if layer in self.layers:
                values, present = zip(*(_spectrum(product) for product in products), strict=True)
                row = self.layers.index(layer)
                log10_s.values[row], log10_s.present[row] = np.concatenate(values), np.concatenate(present)
        return Taken(figures, log10_s)

    def _products(self, run: int, lowest: int) -> Iterator[tuple[int, list[GradedProduct]]]:
        """Layer and J of all examples, from the top down to the lowest; it ends where a number is not finite."""
        products = [graded_product.identity(self.num_examples, self.num_units)]
        layers = range(self.network.shape.num_layers - 1, lowest - 1, -1)
        factors = self.network.jacobian_factors(run, self.num_examples)
        for layer, (slope_EN, weight_NN) in zip(layers, factors, strict=False):
            first, longer = 0, []
            for product in products:
                stop = first + product.num_examples
                longer += graded_product.extended(product, slope_EN[first:stop], weight_NN)
                first = stop
            products = longer
            yield layer, products

    def columns(self, run: int, steps: NDArray[np.int64]) -> dict[str, Column]:
        """The quantities that are asked for of a run's recorded steps: name -> [T, L + 1], null where there is none."""
        shape = (len(JACOBIAN), len(steps), self.network.shape.num_layers + 1)
        values, present = np.zeros(shape), np.zeros(shape, np.bool_)
        for row, step in enumerate(steps.tolist()):
            taken = self._taken.get((run, step))
            if taken is not None:
                there = present[:, row, :-2] = taken.figures.present
                values[:, row, :-2] = np.where(there, taken.figures.values, 0.0)
        columns = zip(JACOBIAN, map(Column, values, present), strict=True)
        return {name: column for name, column in columns if name in self.names}

    def spectrum(self, run: int, steps: NDArray[np.int64]) -> Spectrum | None:
        """A run's singular values at those of the recorded steps at which they were taken; None where they are not asked for."""
        if not self.layers:
            return None
        own = [step for step in steps.tolist() if (run, step) in self._taken]
        shape = (len(own), len(self.layers), self.num_examples, self.num_units)
        values, present = np.zeros(shape), np.zeros(shape, np.bool_)
        for row, step in enumerate(own):
            log10_s = self._taken[run, step].log10_s
            present[row], values[row] = log10_s.present, np.where(log10_s.present, log10_s.values, 0.0)
        layers = np.array(self.layers, dtype=np.int64)
        return Spectrum(np.array(own, dtype=np.int64), layers, Column(values, present))


def _nans(*shape: int) -> Column:
    return Column(np.full(shape, np.nan), np.ones(shape, np.bool_))


def _spectrum(product: GradedProduct) -> tuple[Float, NDArray[np.bool_]]:
    """log10 of all singular values, [E, N], and which of them are resolved."""
    E, N, r = product.u_ENr.shape
    values, present = np.full((E, N), -np.inf), np.ones((E, N), np.bool_)
    values[:, :r] = graded_product.log10_singular_values(product)
    present[:, r : product.rank] = False
    return values, present


def _figures(product: GradedProduct) -> Float:
    """The four quantities of each example, [4, E]; NaN where one has no meaning or is not resolved."""
    E, N, r = product.u_ENr.shape
    figures = s_max, s_min, s_mean, dispersion = np.full((len(JACOBIAN), E), np.nan)
    s_min[:] = -np.inf if product.rank < N else np.nan
    if product.rank == 0:
        s_max[:] = s_mean[:] = -np.inf
    if r == 0:
        return figures
    largest_Er, smallest_E = graded_product.log10_extremes(product)
    relative_Er = 10.0 ** (largest_Er - largest_Er[:, :1])
    squares_Er = np.square(relative_Er)
    s_max[:] = largest_Er[:, 0]
    s_mean[:] = s_max + np.log10(relative_Er.sum(axis=1) / N)
    dispersion[:] = np.maximum(N * np.square(squares_Er).sum(axis=1) / np.square(squares_Er.sum(axis=1)) - 1.0, 0.0)
    if r == N:
        s_min[:] = smallest_E
    return figures


def _over_examples(figures_4E: Float) -> Float:
    """The quantities of a layer from those of its examples, [4]: means; zero for one is zero for all, and no dispersion leaves it out."""
    s_max, s_min, s_mean, dispersion = figures_4E
    logs = [-np.inf if np.isneginf(log_E).any() else log_E.mean() for log_E in (s_max, s_min, s_mean)]
    spread = dispersion[~np.isnan(dispersion)]
    return np.array([*logs, spread.mean() if spread.size else np.nan])
