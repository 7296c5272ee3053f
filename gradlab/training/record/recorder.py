"""Records what the layers show, into preallocated buffers on the device that leave for the host in blocks.

A step's raw measures form a frame [slots, L + 1, R]; the recorded quantities are derived from it on the host, run by run, in float64
(`quantities`). Nothing is read back during a step on a GPU; on a CPU a frame is checked for rows that need float64 (see `measures`).
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradlab.config.quantities import Only, selected
from gradlab.config.recording import Recording
from gradlab.network.network import Block, Leaf, Network
from gradlab.network.reproducible.buffers import reduction
from gradlab.network.rescaling import Rescaler
from gradlab.training.optimizers import Optimizer
from gradlab.training.record import measures
from gradlab.training.record.jacobian import Jacobians
from gradlab.training.record.norm_check import NORMS, NormCheck
from gradlab.training.record.quantities import DERIVED, RawBlock

Unchecked = tuple[str, int, int, dict[str, Tensor]]
"""A phase whose norms nobody looked at yet, see `NormCheck`, and what they are of."""


class Recorder:
    """Measures at the blocks of a training step and keeps the frames.

    Attributes:
        slots: Name of each raw measure -> its row of a frame.
        reads_states: Whether any of them is taken of z.
        waits: Whether norms are looked at when the whole backward pass is done; before that nothing may be updated.
    """

    def __init__(
        self, network: Network, recording: Recording, optimizer: Optimizer, rescaler: Rescaler, block_steps: int, num_steps: int
    ) -> None:  # fmt: skip
        """Lays out every buffer; `block_steps` are the steps from one `flush` to the next at most."""
        self.shape, self.place, self.rescaler = network.shape, network.place, rescaler
        self.facts = facts = network.activation.facts
        self.quantities = quantities = selected(recording.quantities, _present(network))
        self.jacobians = Jacobians(network, recording, num_steps)
        # An optimizer that rounds takes the loss scale out in the format of the gradients, and may lose what is small.
        self._rest_of = optimizer.loss_scale if optimizer.rounds else None
        shape = network.shape
        wanted = {slot for name in quantities if name in DERIVED for slot in DERIVED[name].slots}
        if "g_norm" in wanted:
            # The norm of all gradients is recorded wherever the weights' is.
            wanted |= {"b_norm", *(_extra_slot(leaf) for leaf in network.leaves if leaf.kind in _EXTRA_SLOTS)}
        if optimizer.derives_norm and "u_norm" in wanted:
            wanted = (wanted - {"u_norm"}) | {"g_norm"}
        if facts.name == "step":
            wanted -= {"dead", "inactive"}
        if shape.batch_size < 8:
            wanted -= {"dead"}
        if shape.batch_size < 2:
            wanted -= {"cosine", "alike"}
        if all(leaf.kind != "norm" or not leaf.inner for leaf in network.leaves):
            wanted -= {"inner_norm"}
        self.slots = {slot: row for row, slot in enumerate(sorted(wanted, key=_order))}
        # Where nothing is read back, sums are taken in float64 at once; else in the signal's own precision, or float32 for the half types.
        self.accumulator = self.place.wide if self.place.may_read_back else torch.float64
        # A recorded step is a row: its frame, the powers of two taken out, loss and share classified right, clip factors, and what there
        # is to tell of a loss scale.
        L, R = shape.num_layers, shape.num_runs
        sizes = [(len(self.slots), L + 1, R), (L, R), (2, R), (R,), (0 if optimizer.loss_scale is None else 3, R)]
        counts = [math.prod(each) for each in sizes]
        self._row_1X = self.place.zeros(1, sum(counts), dtype=torch.float64).fill_(1.0)
        self._rows_TX = self.place.zeros(block_steps, sum(counts), dtype=torch.float64)
        row, self._rows = (
            [part.view(len(rows), *each) for part, each in zip(torch.split(rows, counts, 1), sizes, strict=True)]
            for rows in (self._row_1X, self._rows_TX)
        )
        self._kept_frame, self._power, self._figures, self._clip, self._scaling = (part[0] for part in row)
        own = self.accumulator is torch.float64
        self._frame = self._kept_frame if own else torch.ones_like(self._kept_frame, dtype=self.accumulator)
        # What is learned beside weights and biases is measured in float64, and lies in rows that only some layers have.
        self._extras: dict[str, Tensor] = {}
        self._covered: dict[str, NDArray[np.bool_]] = {}
        for leaf in network.leaves:
            slots = ("scale", "scale_grad") if leaf.kind == "scale" else (_extra_slot(leaf),)
            for slot in slots if leaf.kind in _EXTRA_SLOTS else ():
                self._extras[slot] = self.place.zeros(L + 1, R, dtype=torch.float64)
                self._covered[slot] = np.isin(np.arange(L + 1), range(leaf.layers.start, leaf.layers.stop))
        self._views: dict[tuple[str, int, int], Tensor] = {}
        self._plans: dict[tuple[str, int], tuple[dict[str, Tensor], list[Callable[[], object]]]] = {}
        self._steps: list[int] = []
        self._never_negative = facts.monotone and facts.name != "prelu"  # a slope that is learned may turn negative
        self._measures = {
            signal: {slot: measure for slot, measure in measures_of.items() if slot in self.slots}
            for signal, measures_of in measures.MEASURES.items()
        }
        # Norms of a pass lie side by side where no update is measured.
        self.waits = getattr(network, "keeps_pass", False) and "u_norm" not in self.slots
        self._unchecked: list[Unchecked] = []
        self.reads_states = any(slot in self.slots for slot in ("z_norm", "z_sum", *measures.MEASURES["preactivation"]))
        self._norms = NormCheck(self._frame, self.slots, self.place)

    def _into(self, slot: str, start: int, stop: int) -> Tensor:
        """View [stop - start, R] of a slot of the frame."""
        key = (slot, start, stop)
        view = self._views.get(key)
        if view is None:
            view = self._views[key] = self._frame[self.slots[slot], start:stop]
        return view

    def _visit(self, name: str, start: int, stop: int, **signals: Tensor) -> dict[str, Tensor]:
        """Takes the norms and sums that are wanted of the layers `start`..`stop - 1`.

        The network's buffers never move, so what is read and where it goes is planned the first time that a start is visited by a name.

        Returns:
            For each slot the rows [layers, R, elements] of its signal [layers, R, ...].
        """
        plan = self._plans.get((name, start))
        if plan is None:
            rows = {slot: signal.flatten(2) for slot, signal in signals.items()}
            threads = self.place.num_threads
            takes = [
                reduction("norm" if slot in NORMS else "sum", signal, self._into(slot, start, stop), threads)
                for slot, signal in rows.items()
                if slot in self.slots
            ]
            plan = self._plans[name, start] = (rows, takes)
        for take in plan[1]:
            take()
        return plan[0]

    def _measure(self, signal: str, start: int, stop: int, value: Tensor) -> None:
        for slot, measure in self._measures[signal].items():
            self._into(slot, start, stop).copy_(measure(value))

    # The three visits of a training step.

    def products(self, block: Block) -> None:
        start, stop, z, h = block.start, block.stop, block.z_LRBN, block.h_LRBN
        rows = self._visit("products", start, stop, z_norm=z, z_sum=z, h_sum=h, h_norm=h)
        self._measure("preactivation", start, stop, self._by_example(z))
        self._norms.check("forward", start, stop, rows)
        self._norms.check_cancellation(start, stop, rows["h_norm"])

    def slopes(self, block: Block) -> None:
        self._slopes(block.start, block.stop, block.slope_LRBN)
        inner = block.inner_slope_LRBN
        if inner is not None:
            # A row that has two activations shows the mean of the two.
            first = block.stop - len(inner)
            taken = [slot for slot in ("s_sum", "dead", "inactive") if slot in self.slots]
            own = [self._into(slot, first, block.stop).clone() for slot in taken]
            self._slopes(first, block.stop, inner)
            for slot, values in zip(taken, own, strict=True):
                self._into(slot, first, block.stop).add_(values).mul_(0.5)

    def _slopes(self, start: int, stop: int, slope: Tensor) -> None:
        sup = self.facts.sup_slope
        sums_help = self.place.may_read_back and self._never_negative  # to tell that no unit is dead
        if "s_sum" in self.slots or ("dead" in self.slots and sums_help):
            unit_slope = self._unit_slopes(slope)
        if "s_sum" in self.slots:
            torch.sum(unit_slope, 2, out=self._into("s_sum", start, stop))
        if "dead" in self.slots:
            dead = self._into("dead", start, stop)
            if sums_help and not measures.may_be_dead(unit_slope, sup, slope.shape[2]):
                dead.zero_()
            else:
                dead.copy_(measures.dead_fraction(slope, sup, self._never_negative))
        if "inactive" in self.slots:
            self._into("inactive", start, stop).copy_(measures.inactive_fraction(slope, sup))

    def _unit_slopes(self, slope_LRBN: Tensor) -> Tensor:
        """Sum of phi' over the examples, for every unit, [L, R, N]."""
        L, R = slope_LRBN.shape[:2]
        if self.place.num_threads > L * R:  # few sums of many examples would be split over threads otherwise
            return torch.stack([row.sum(0, dtype=self.accumulator) for row in slope_LRBN.flatten(0, 1)]).view(L, R, -1)
        return slope_LRBN.sum(2, dtype=self.accumulator)

    def logits(self, logits_RBC: Tensor) -> None:
        last, z = self.shape.num_layers, logits_RBC[None]
        self._readout = self._visit("logits", last, last + 1, z_norm=z, z_sum=z)
        self._measure("preactivation", last, last + 1, z)

    def gradients(self, start: int, stop: int, delta: Tensor, gradient: Tensor, weight: Tensor) -> None:
        """Δ, G and W of a block of layers, before the update."""
        rows = self._visit("gradients", start, stop, d_norm=delta, g_norm=gradient, w_norm=weight)
        is_readout = start == self.shape.num_layers
        unchecked = (
            ("readout", start, stop, {**self._readout, **rows}) if is_readout else ("backward", start, stop, rows)
        )
        if self.waits:
            self._unchecked.append(unchecked)
        else:
            self._norms.check(*unchecked)
        if self._measures["optimizer_gradient"]:
            scale = self.rescaler.scale(start, stop).view(stop - start, -1, *[1] * (gradient.dim() - 2))
            got = (gradient.double() * scale).to(gradient.dtype)
            if self._rest_of is not None:
                got.mul_(self._rest_of.rest_R.view(-1, *[1] * (gradient.dim() - 2)))
            self._measure("optimizer_gradient", start, stop, got)
        self._measure("gradient", start, stop, gradient)
        self._measure("delta", start, stop, self._by_example(delta))

    def _by_example(self, signal_LRXN: Tensor) -> Tensor:
        """A row an example, with the numbers of all its positions."""
        P = self.shape.num_positions
        if P == 1 or signal_LRXN.shape[2] != self.shape.num_rows:  # the readout has no positions
            return signal_LRXN
        return signal_LRXN.reshape(*signal_LRXN.shape[:2], self.shape.batch_size, -1)

    def update(self, start: int, stop: int, update_LRM: Tensor) -> None:
        reduction("norm", update_LRM, self._into("u_norm", start, stop), self.place.num_threads)()
        self._norms.check("update", start, stop, {"u_norm": update_LRM})

    def changed(self, start: int, stop: int, before_LRM: Tensor, after_LRM: Tensor) -> None:
        self._into("changed", start, stop).copy_(measures.changed_fraction(before_LRM, after_LRM))

    def biases(self, leaves: Sequence[Leaf]) -> None:
        for leaf in leaves:
            self._visit("biases", leaf.layers.start, leaf.layers.stop, b_norm=leaf.gradient)
        stop = self.shape.num_layers + 1
        of_leaves: list[Unchecked] = [
            ("biases", leaf.layers.start, leaf.layers.stop, {"b_norm": leaf.gradient}) for leaf in leaves
        ]
        if not self.waits:
            if not self._norms.is_sound("biases", 0, stop):
                for unchecked in of_leaves:
                    self._norms.mend(*unchecked)
        elif not self._norms.is_sound("pass", 0, stop):
            zero_from = self.rescaler.zero_from
            self._norms.mend_pass([*self._unchecked, *of_leaves], stop, 0 if zero_from is None else zero_from + 1)
        self._unchecked.clear()

    def extra(self, leaf: Leaf) -> None:
        """Gradients of what is learned beside weights and biases.

        Those of a dense layer's prelu slope stand in the place of the layer above, whose exponent they carry.
        """
        slot = _extra_slot(leaf)
        if slot in self.slots:
            into = self._extras[slot][leaf.layers]
            if leaf.gradient.shape[2] == 1:
                into.copy_(leaf.gradient[:, :, 0].abs())
            else:
                reduction("norm", leaf.gradient, into, self.place.num_threads)()
        if leaf.kind == "scale" and "scale" in self.slots:
            self._extras["scale"][leaf.layers].copy_(leaf.value[:, :, 0])

    def finish(self, frame_1: Tensor, figures_2R: Tensor, clip_R: Tensor | None, told_3R: Tensor | None = None) -> None:
        """Ends a recorded step: it becomes a row of the block, whose number lies on the device."""
        if self._frame is not self._kept_frame:
            self._kept_frame.copy_(self._frame)
        for name, extra in self._extras.items():
            if name in self.slots:
                self._kept_frame[self.slots[name]].copy_(extra)
        self._norms.mend_frame(self._kept_frame)
        self._power[: len(self.rescaler.points)].copy_(self.rescaler.power)
        self._figures.copy_(figures_2R)
        if clip_R is not None:
            self._clip.copy_(clip_R)
        if told_3R is not None:
            self._scaling.copy_(told_3R)
        self._rows_TX.index_copy_(0, frame_1, self._row_1X)

    def note_step(self, step: int) -> None:
        self._steps.append(step)

    def abandon(self) -> None:
        self._norms.forget()
        self._unchecked.clear()

    def flush(self) -> RawBlock | None:
        """Hands the recorded steps to the host; None where there are none."""
        if not self._steps:
            return None
        block = self._block(slice(None), self.shape.num_runs)
        self._steps = []
        return block

    def _block(self, rows: slice | NDArray[np.int64], runs: int) -> RawBlock:
        """Some of the recorded steps on the host; what is measured of the layers, of the first runs only."""
        steps = np.array(self._steps, dtype=np.int64)
        frames, power, figures, clip, scaling = (part[: len(steps)].cpu().numpy() for part in self._rows)
        exponents = self.rescaler.exponents(power[rows, : len(self.rescaler.power), :runs])
        return RawBlock(
            steps[rows],
            frames[rows, ..., :runs].copy(),
            exponents,
            figures[rows].copy(),
            clip[rows].copy(),
            scaling[rows].copy(),
            self._covered,
        )

    def pending(self) -> NDArray[np.int64]:
        """Recorded steps that wait for `flush` and can be read meanwhile; none where reading would stop a GPU."""
        return np.array(self._steps if self.place.may_read_back else [], dtype=np.int64)

    def of_first_run(self, rows: NDArray[np.int64]) -> RawBlock:
        return self._block(rows, 1)


_EXTRA_SLOTS = {"slope": "slope", "norm": "norm", "scale": "scale_grad"}
"""Kind of a leaf -> where the norm of its gradient is kept; those inside a branch of two layers have their own."""


def _extra_slot(leaf: Leaf) -> str:
    slot = _EXTRA_SLOTS.get(leaf.kind, "")
    return f"inner_{slot}" if leaf.inner else slot


def _present(network: Network) -> set[Only]:
    """What the runs have of that which some quantities need."""
    kinds = {leaf.kind for leaf in network.leaves}
    having: Mapping[Only, bool] = {
        "sixteen_bit": network.place.dtype.itemsize == 2,
        "norm": "norm" in kinds,
        "learned_scale": "scale" in kinds,
    }
    return {name for name, there in having.items() if there}


def _order(slot: str) -> tuple[int, str]:
    """Slots of one phase lie side by side, so that one look checks them all."""
    return (NORMS.index(slot) if slot in NORMS else len(NORMS), slot)
