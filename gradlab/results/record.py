"""Frozen values that the rooms hand on: what was recorded, how it ended, what was found, what it comes to."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from gradlab.config.catalogue import OutcomeKind, Verdict
from gradlab.config.modules import AnyExperiment
from gradlab.results.finding import Finding

if TYPE_CHECKING:
    from gradlab.datasets.profile import DataProfile

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        kind: `completed`; `diverged` (a loss or gradient became infinite or NaN); `failed`; `interrupted`.
        step: First non-finite step where it diverged, first step not trained where it was interrupted, else None.
        layer: First non-finite layer (1-based, forward order) where it diverged, else None.
        reason: One sentence, None where there is nothing to say.
    """

    kind: OutcomeKind
    step: int | None = None
    layer: int | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Column:
    """Values with the places where the quantity has a meaning; elsewhere it is null.

    A NaN at a place that is present is a real NaN, of a run that diverged.

    Attributes:
        values: [T, L] for a layer quantity, [T] for a step quantity, float64.
        present: Boolean of the same shape.
    """

    values: Float
    present: Bool

    @property
    def line(self) -> Float:
        """The values as a line has them: NaN where they have no meaning, +inf where they are not a number."""
        return np.where(self.present, np.where(np.isnan(self.values), np.inf, self.values), np.nan)


@dataclass(frozen=True)
class Spectrum:
    """All singular values of some layers' Jacobian ∂z_depth/∂z_l, at the steps at which it was taken.

    Attributes:
        steps: int64 [S].
        layers: From 1, int64 [K].
        log10_s: Of the first E examples of the batch, [S, K, E, N], the largest of the N values first; -inf where one is zero, null where
            it is not and yet too small beside its neighbours to be told.
    """

    steps: NDArray[np.int64]
    layers: NDArray[np.int64]
    log10_s: Column


@dataclass(frozen=True)
class ModuleRows:
    """What the rows of a record are, where the network is somebody's own module: modules that own parameters, and repeated blocks of them.

    Rows stand in order of first use, a block after the last of its members.

    Attributes:
        names: Dotted name of each, L of them; `model` for the root itself, `rnn.layer0` for a layer of a fused RNN.
        kinds: Class of each; `block` for a block.
        weights: Entries of its matrices, int64 [L]; 0 where it has none, as a normalisation's gain and bias.
        blocks: Row of the innermost block that it is a member of, for each; None where it is in none.
        chains: Rows along which depth is judged, the input's side first, for each chain: blocks where there are any, else layers. The rows
            of a chain pass one signal on, and a readout is in none.
        axis: What the chains consist of.
        readout: Row whose output the loss is taken of, None where it is not known.
        tied: Rows whose parameter belongs to an earlier row, with that row's name: row -> name.
        activations: Class of the activation module that reads each row's output, such as `ReLU`; None where none was seen, as of a
            function. () where nobody looked.
        parallel: Rows with several calls that do not read one another, as of a Siamese network: no time passes from one to the next.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    weights: NDArray[np.int64]
    blocks: tuple[int | None, ...]
    chains: tuple[tuple[int, ...], ...]
    axis: Literal["blocks", "rows"] = "rows"
    readout: int | None = None
    tied: Mapping[int, str] = field(default_factory=dict)
    activations: tuple[str | None, ...] = ()
    parallel: tuple[int, ...] = ()


FINITE_FIGURES, FINITE_LAYERS = ("loss", "log10_grad_norm_total"), ("log10_grad_norm", "log10_backward_rms")
"""By which a step is told to be finite: step quantities, and layer quantities."""


@dataclass(frozen=True)
class Record:
    """Everything recorded of one run, as numpy arrays.

    Attributes:
        steps: Recorded steps, ascending, int64 [T]; each was taken before its update.
        layers: Layer quantity -> column [T, L]; L = depth + 1, the readout last, but for somebody's own module (`rows`). Only those that
            were recorded.
        figures: Step quantity -> column [T]. All names of `STEP_NAMES` that were recorded.
        fan_in: int64 [L]; 0 for a row without a matrix, or with several of different shapes.
        fan_out: int64 [L], likewise.
        input_mean_square: Mean square of the inputs of the first batch, where theory starts; 0 where it was not looked at.
        input_correlation: Root mean square cosine between its examples; None where there are no two, or where it was
            not recorded.
        input_sizes: Mean squares of its examples beside their mean, in groups from the largest on
            (`datasets.statistics.input_sizes`); None where they were not recorded.
        constant_loss: Loss of the best answer that does not look at the inputs, over the training examples; None where
            it was not recorded.
        constant_accuracy: Accuracy of that answer: the share of the most frequent class. None for regression too.
        spectrum: Singular values of the Jacobian, None where they were not asked for.
        data: What the training part of the data is like; None where it was not recorded.
        copied_layers: Hidden layers, from 1, whose units all had the same weights and bias at the end, up to rounding; None where it
            was not looked at: before the first update, or in a run that did not come to its last step.
        rows: What the rows are, where the network is somebody's own module; None for a network of gradlab's.
    """

    steps: NDArray[np.int64]
    layers: Mapping[str, Column]
    figures: Mapping[str, Column]
    fan_in: NDArray[np.int64]
    fan_out: NDArray[np.int64]
    input_mean_square: float
    input_correlation: float | None = None
    input_sizes: tuple[float, ...] | None = None
    constant_loss: float | None = None
    constant_accuracy: float | None = None
    spectrum: Spectrum | None = None
    data: "DataProfile | None" = None
    copied_layers: tuple[int, ...] | None = None
    rows: ModuleRows | None = None

    @property
    def depth(self) -> int:
        return len(self.fan_in) - 1

    @property
    def readout(self) -> int | None:
        """Column of the readout, None where it is not known which of somebody's own module's rows that is."""
        return self.depth if self.rows is None else self.rows.readout

    def final_index(self) -> int | None:
        """Index of the last recorded step at which loss and gradients were finite; None where there is none.

        Gradients are looked at by their logs: -inf there is the log of a zero and counts as finite.
        """
        return self._final_index

    @cached_property
    def _final_index(self) -> int | None:
        """`final_index`, found once: rules, figures and tables all start from it."""
        finite = np.ones(len(self.steps), dtype=np.bool_)
        for name in FINITE_FIGURES:
            if name in self.figures:
                finite &= ~_broken(self.figures[name])
        for name in FINITE_LAYERS:
            if name in self.layers:
                finite &= ~_broken(self.layers[name]).any(axis=1)
        indices = np.flatnonzero(finite)
        return int(indices[-1]) if indices.size else None


def _broken(column: Column) -> Bool:
    """Where a value is NaN or +inf."""
    return column.present & ~(column.values < np.inf)


@dataclass(frozen=True)
class Timing:
    """What a run took.

    Attributes:
        steps_per_second: Steps of this run a second, with its batch.
        batch_runs: Runs that trained in the same batch.
        record_share: Measured share of the loop's time that recording took, None where it was not measured.
        record_bytes_per_step: Bytes that one recorded step of this run keeps on the host.
    """

    train_seconds: float
    steps_per_second: float
    batch_runs: int
    record_share: float | None = None
    record_bytes_per_step: int | None = None


@dataclass(frozen=True)
class Trained:
    """What training hands on for one run.

    Attributes:
        record: None only for a run that failed before its first step.
        facts: How a module of one's own was watched, for its manifest; empty for gradlab's own networks.
    """

    experiment: AnyExperiment
    record: Record | None
    outcome: Outcome
    timing: Timing
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Recent:
    """Recorded steps of a batch that trains, and a layer quantity of its first run.

    Attributes:
        steps: Ascending, int64 [S].
        loss: [S, R].
        quantity: `log10_backward_rms` (of a module of one's own `log10_backward_norm`), `log10_grad_norm` where only that is recorded, or
            None where neither is.
    """

    steps: NDArray[np.int64]
    loss: Float
    quantity: str | None
    layers: Float


RecordedSoFar = Callable[[int, int], Recent]
"""Gives the steps that were recorded after a step, the latest among them, thinned evenly to at most so many."""


@dataclass(frozen=True)
class Progress:
    """What an observer sees while a batch trains, at a bounded rate.

    Attributes:
        names: Name of each run, R of them.
        loss: Last loss that is known, [R].
        log10_backward_rms: Backward profile of the first run at that step, [L], or None where it is not recorded.
        steps_per_second: Speed so far, steps of the whole batch a second.
        recorded_so_far: Gives what was recorded so far while the batch trains; None in another process than the training's.
    """

    step: int
    num_steps: int
    names: tuple[str, ...]
    loss: Float
    log10_backward_rms: Float | None
    steps_per_second: float
    recorded_so_far: RecordedSoFar | None = field(default=None, compare=False, repr=False)
    task: int = 0

    def __getstate__(self) -> dict[str, Any]:
        """What is sent to another process: all but the record, which stays where it is."""
        return self.__dict__ | {"recorded_so_far": None}


@dataclass(frozen=True)
class Expectation:
    """A condition of the config, and whether it held."""

    text: str
    passed: bool
    actual: str


@dataclass(frozen=True)
class Skipped:
    """Steps that a run with a loss scale skipped.

    Attributes:
        steps: How many.
        step: The first of them, or the recorded step after it; None where there is none.
        layer: The layer in which that overflowed: the first from the input whose activations did, else the first on the way back.
    """

    steps: int
    step: int | None = None
    layer: int | None = None


@dataclass(frozen=True)
class ExpectedOutcome:
    """What a part of the seeds show, where theory expects them to go either way.

    Attributes:
        backward_decades: Mean of `init.backward_decades` over these seeds.
        spread: Its standard deviation over them, in decades.
        share: How many of the seeds they are, 0 to 1.
    """

    backward_decades: float
    spread: float
    share: float


@dataclass(frozen=True)
class Summary:
    """What a run comes to.

    Attributes:
        verdict: The leading verdict.
        init: Summary figures at the first recorded step; a figure without a meaning is None.
        final: The same at the last finite recorded step.
        learning_layers: Number of hidden layers that learn, None where it was not recorded.
        expected_backward_decades: What theory expects of `init.backward_decades`, None where it has no answer.
        expected_spread: Standard deviation expected from seed to seed, in decades.
        expected_reason: Why there is no expectation, None where there is one.
        typical_backward_decades: What a single seed is expected to show of `init.backward_decades`: the mean over seeds
            at this width. None where theory has no answer, or it was not asked yet when the run was stored.
        data: What the training part of the data is like, without its single columns; None where it was not recorded.
        skipped: Steps that a loss scale made the run skip, None where it has none.
        expected_outcomes: Where seeds can go either way, what they show, the more frequent outcome first; `expected_…`
            and `typical_…` are then None. () elsewhere.
    """

    outcome: Outcome
    verdict: Verdict
    findings: tuple[Finding, ...]
    init: Mapping[str, float | None]
    final: Mapping[str, float | None]
    learning_layers: int | None
    expected_backward_decades: float | None
    expected_spread: float | None
    expected_reason: str | None
    expectations: tuple[Expectation, ...] = field(default=())
    rules_version: int = 1
    typical_backward_decades: float | None = None
    data: "DataProfile | None" = None
    skipped: Skipped | None = None
    expected_outcomes: tuple[ExpectedOutcome, ...] = ()

    @property
    def skipped_steps(self) -> int | None:
        return None if self.skipped is None else self.skipped.steps

    @property
    def spread_over_seeds(self) -> float | None:
        """Standard deviation of `init.backward_decades` over seeds, where they go either way of both ways together."""
        if not self.expected_outcomes:
            return self.expected_spread
        mean = math.fsum(one.share * one.backward_decades for one in self.expected_outcomes)
        squares = ((one.backward_decades - mean) ** 2 + one.spread**2 for one in self.expected_outcomes)
        return math.sqrt(
            math.fsum(one.share * square for one, square in zip(self.expected_outcomes, squares, strict=True))
        )
