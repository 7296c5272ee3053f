"""Writes the reference pages from the code: `python docs/generate.py`, or `--check` to see whether they are in step.

With `--outputs` it carries out the commands of README.md and tutorial.md as well, and puts what they print in the place of what is shown
there (some minutes: it trains).

The pages are commands.md (what the command line offers), config.md (every field of a config), quantities.md (every recorded column) and
glossary.md (every word that an output prints); conditions.md has lists from the code, and the notebook python.ipynb the text and the
code of python.md.
"""

import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import typer
from conditions_page import conditions
from glossary_page import glossary
from notebook import notebook
from page_tables import table
from printed import page_renewed

from gradlab.cli.main import app
from gradlab.config import catalogue, spellings
from gradlab.config.compared_names import FIGURES
from gradlab.config.experiment import Experiment
from gradlab.config.fields import fields, part_at
from gradlab.config.figures import AT_A_STEP, OF_A_RUN
from gradlab.config.modules import ModuleExperiment
from gradlab.config.namespace import OnOwnBatches
from gradlab.config.quantities import LAYER_QUANTITIES, STEP_QUANTITIES, Quantity
from gradlab.datasets.sources.targets import MOST_CLASSES

HERE = Path(__file__).parent
TARGETS = """\
### Classes or numbers

A bundled or drawn source says itself which of the two is predicted. For a file it is decided by what `data.target` holds, and by
`train.loss`:

| `data.target` holds | `auto` | `cross_entropy`, `binary_cross_entropy` | `mse` |
|---|---|---|---|
| text, also where it spells numbers or dates | classes | classes | refused |
| true/false | classes | classes | numbers, 0 and 1 |
| whole numbers stored as integers, at most {most} different | classes | classes | numbers |
| whole numbers stored as integers, more than {most} different | numbers | classes | numbers |
| whole numbers stored as floats | numbers | classes | numbers |
| numbers with fractions | numbers | refused | numbers |
| an array of several numbers a row (NPZ) | numbers | refused | numbers |

Classes need two rows each on average; with fewer the target is refused. A missing value is refused too, but in a column that is text for
another reason a word such as `NA` is a class.

`gradlab run`, `predict`, `show`, `report` and a sweep's page say in their line on the setting which way a file's target was taken, why,
and what takes it the other way; `gradlab check`, `gradlab sweep` and `--dry-run` say it at stderr before anything is trained,
where it could have been meant otherwise. `manifest.json` keeps it under `target`.

Every other column is an input. One that only counts the rows, such as the index that `DataFrame.to_csv` writes without `index=False`, is
told of in the same places: where rows are sorted by class it gives the answer away.
"""

FORMATS = """\
### Which arithmetic is in which format

`train.dtype: float16` stores in 16 bits and computes in more; `manifest.json` says the same of each run under `arithmetic`.

| what | `float32`, `float64` | `bfloat16`, `float16` |
|---|---|---|
| weights, biases, signals, gradients | stored in the format | stored in the format |
| matrix products | in the format | of 16-bit matrices, summed in float32 by the library, rounded once to 16 bits |
| activations and their slopes | in the format | computed in float32, rounded |
| loss, softmax, ∂L/∂logits | in the format | in float32; ∂L/∂logits is rounded to 16 bits where the backward pass begins |
| gradients of biases; recorded norms and sums | in the format, or float64 | summed in float32 or float64 |
| optimizer's state, update | in the format | in float32; the new weight is rounded to 16 bits |

Backward signals are kept in range by exact powers of two on their way down ([the exponent](decisions/0002-exponent.md)), also in 16 bits.
The optimizer still gets every gradient as the format holds it without them: below 6e-8 it is zero in float16, above 65,504 infinite.

`train.dtype` is a name, or that name as `storage` with one or both of:

- **`loss_scale`**, for the 16-bit formats. ∂L/∂logits is multiplied by it before it is rounded, and the gradients are divided by it
  before clipping and the optimizer; all that is recorded of gradients is recorded without it. A number stays what it is: a gradient that
  overflows then makes the weights infinite and the run `diverged`, as in PyTorch. `dynamic` follows `torch.amp.GradScaler`: 65,536 at
  first; a step in which a gradient is not finite is skipped (weights and optimizer's state stay as they were) and the factor halved;
  2,000 steps in a row without one double it. Each run has its own. A run that skips steps has not diverged; one whose loss is not finite
  from some step on to the end has. `steps.parquet` has `loss_scale`, `skipped` and `overflow_layer`, `summary.json` has `skipped_steps` and
  the first `overflow`, and conditions may name `skipped_steps`.
- **`arithmetic: same`**, for the 16-bit formats. The optimizer's state and update are in the storage format itself: every result of an
  operation is rounded to it, as in torch.optim on parameters that were made `.half()` or `.bfloat16()` (on a CPU; a number that is added,
  such as `eps`, or that scales a summand, such as the learning rate of `sgd`, is rounded to it as well). With float16 and `adam`, whose
  `eps` of 1e-8 is 0 there, the weights are not finite after the first step: that is what plain PyTorch does. The loss scale is taken out
  in 16 bits, too. The norm for `train.clip_norm` stays in float64.

```yaml
train:
  optimizer: adam
  dtype: {storage: float16, loss_scale: dynamic}      # or: -s train.dtype.loss_scale=1024
```
"""

OTHER_NAMES = """\
What PyTorch and Keras call otherwise is understood where it means exactly one thing, in files, overrides, sweeps and conditions: it is said
once at stderr (from Python as an `UnderstoodWarning`), and stored under the name that it has here, so the run has the same id. Case, `_`
and `-` do not count: `LeakyReLU`, `leaky-relu` and `nn.LeakyReLU` are `leaky_relu`. `xavier_normal` and `kaiming_normal` are PyTorch's,
Gaussian; `glorot_normal`, `he_normal` and `lecun_normal` are those of Keras, cut at two standard deviations. `leaky_relu` has PyTorch's
slope, 0.01. A name may have its parameters with it, as summaries write them: `leaky_relu(slope=0.2)`, `adam(beta1=0.8)`.
What has no single meaning (`random_normal`, `float`) is an error that says what to write.
A key goes without its part where one part alone has it: `-s lr=0.1`, `depth: [10, 50]` in a sweep, `--where "lr > 0.1"`.
Figures too go by the names of other libraries (`final.val_loss`), and conditions take `AND`, `OR`, `NOT` and `IN` in capitals.
An override of `train.epochs` replaces the file's `train.steps`, and the other way round; that is said too.
"""

NETWORKS = """\
### Which network it is

`model.kind: dense` with neither `norm` nor `residual` is the plain stack, z_l = W_l φ(z_{l-1}) + b_l. What does not belong to a kind is
an error with its place; a config that says nothing of all this means what it always meant, with the same id.

- **`norm`** is `none`, one of the names, or a mapping with its keys: `norm: batch` is `norm: {kind: batch}`. `position: before`
  normalises what the activation reads, `after` what it gives. Gains start at 1, biases at 0; `affine: false` leaves both out. Batch
  normalisation takes mean and variance of the batch in training and their running averages (momentum 0.1) on the held-out part; it needs
  2 examples a step, and below 8 `check`, `run` and `sweep` say that its growth of gradients is far from that of larger batches.
- **`residual`** is `none`, a number (the factor a of every branch), `1/sqrt(depth)`, or a mapping with its keys: `residual: 0.5` is
  `residual: {scale: 0.5}`. Layer 1 leads in without norm and activation, layers 2 to `depth` are blocks, x_l = x_{l-1} + a W
  φ(norm(x_{l-1})), with `layers: 2` x_{l-1} + a W₂ φ(norm(W₁ φ(norm(x_{l-1})))); the readout reads φ(norm(x)) of the last. `position:
  post` is x_l = φ(x_{l-1} + a norm(W x_{l-1})). With `learned: true` each block learns its own a, from `scale` on: 0 is that of ReZero
  and SkipInit.
- **`kind: conv`** takes examples as images `data.image: [channels, height, width]`, whose inputs come channel by channel and row by row;
  `digits` has `[1, 8, 8]` by itself. `width` is the number of channels of every hidden layer, whose resolution stays that of the image.
  The readout is a dense layer.

```yaml
model:
  kind: conv
  depth: 20
  width: 16
  activation: relu
  init: he
  norm: batch                                         # or: -s model.norm.position=after
  residual: {scale: 1/sqrt(depth), layers: 2}         # or: -s model.residual=none
```

In a condition each part goes by its name and by its keys, also for runs that have none: `model.norm == none`, `model.norm.kind == batch`,
`model.residual in (0, none)`. A scale is ordered as its number and equal to its word too: `model.residual < 0.2` and `model.residual ==
'1/sqrt(depth)'` both hold at depth 50. Keys of a part that is not there have no value, which makes every comparison with them false;
`model.kind` is dense where nothing is said. Runs that differ only in `scale` train in one batch.
"""

MODULES = """\
`model.kind: module` trains a `torch.nn.Module` that a function of yours builds, in a plain PyTorch loop, one run at a time, with
everything else as for the networks that gradlab builds: data, optimizers, schedules, clipping, what is recorded, `expect`, sweeps.

```yaml
name: my_net
model: {kind: module, build: mypackage.nets:build, args: {depth: 18}}    # build(depth=18) returns a torch.nn.Module
data: {source: digits, image: [1, 8, 8], batch_size: 64}                 # or {source: module, build: mypackage.data:batches, args: {...}}
train: {optimizer: adam, lr: 1e-3, steps: 500}
expect: [verdict == healthy]
```

```
gradlab run my_net.yaml --allow-code mypackage --import-path src -s model.args.depth=50
```

- **A config alone never imports anything.** `run` and `sweep` import the modules that `--allow-code` names on their command line, each
  with what is below it (`mypackage` allows `mypackage.nets`, `my` does not); without it they end with exit code 2 and say what is
  missing. Everything else (`check`, `--dry-run`, `list`, `show`, `compare`, `report` …) imports nothing. Modules are looked for on Python's
  own path, and before that in the directories that `--import-path` names; the current directory is not one of them. What is called has
  been written in an allowed module: `nets:os.system` is refused even where `nets` imports `os` and is allowed.
- **`args`** go to the function by name. They are numbers, texts, true, false, null, and lists and mappings of them. Each is a key of
  its own: `-s model.args.depth=50`, an axis `model.args.depth: [10, 50]` of a sweep, `--where "model.args.depth >= 20"`, a gate `… by
  model.args.depth`.
- **What is trained anew**: a run's id covers all `*.py` files of the top-level package that is imported (`mypackage` of
  `mypackage.nets`), so that a changed module is trained again. Other packages and data files that it reads are not covered; `--rerun
  always` trains again.
- **`data`** of gradlab gives inputs `[batch_size, features]`, or with `data.image` `[batch_size, channels, height, width]`, in the order
  that a seed gives the networks that gradlab builds. Of `source: module` the function returns an iterable of `(inputs, targets)`, which is
  begun anew when it ends, such as a `DataLoader`; targets of whole numbers are classes. It says how many examples a batch has, and
  `train.epochs` and figures of a held-out part do not go with it.
- **`train.loss`**: the module gives logits, `[batch, classes]`, for `cross_entropy` (`auto` with classes), `[batch, 1]` or `[batch]` for
  `binary_cross_entropy`, numbers for `mse` (`auto` with numbers). `train.dtype` is float32, float64 or bfloat16, that of the parameters and
  inputs. Weight decay goes to all parameters, as in torch.optim; for groups of parameters, mixed precision and the like watch a loop of
  your own (`gradlab.watch`).
- **The same run gives the same numbers** on one machine: torch, NumPy and Python's `random` are seeded with `seed` before the module is
  imported, which happens anew for every run, and on a CPU it trains with one thread. Runs of a sweep train side by side in worker
  processes.
- **Code that cannot be used** is a failed run (exit code 3), with one line that names the field to change, and its traceback in
  `traceback.txt`.
- There is no theory of such a network, so `predict` has no answer, and a run no expected column. Jacobians and `forward_change` are those
  of networks that gradlab builds.
"""

STANDARDISING = """\
### What `data.standardize` does

- Each input gets mean 0 and standard deviation 1 (divided by N) over the training part. The part that is held out is moved and scaled
  by the same two numbers, and not by its own.
- **Targets that are numbers** are standardised in the same way, each output by itself, whatever their source: `diabetes`, `teacher`,
  `orthogonal_map`, and a file's. The recorded losses are those of the standardised targets: over the training part the best constant
  answer has a loss of 1. `gradlab plot --kind space` answers in the data's own units.
- There is no switch for inputs or targets alone: `standardize: false` leaves both as they are.
- **Classes** stay what they are, also under `mse`: their one-hot targets are 0 and 1.
- An input or an output that is the same in all training rows becomes 0 in both parts.

The line on the setting says whether inputs and targets were standardised, where targets are numbers.
"""

NOTE = "<!-- Written by docs/generate.py from the code; change it there. -->\n"


def commands() -> str:
    """Every verb with its arguments and options."""
    group = typer.main.get_command(app)
    parts = [f"{NOTE}\n# Commands\n"]
    for name, command in sorted(group.commands.items()):  # type: ignore[attr-defined]
        if command.hidden:
            continue
        parts.append(f"\n## gradlab {name}\n\n{(command.help or '').strip()}\n")
        rows: list[list[object]] = []
        for parameter in command.params:
            if getattr(parameter, "hidden", False) or parameter.name == "help":
                continue
            written = parameter.name.upper() if parameter.param_type_name == "argument" else ", ".join(parameter.opts)
            rows.append([f"`{written}`", getattr(parameter, "help", None) or ""])
        if rows:
            parts.append("\n" + table(["", ""], rows))
    return "".join(parts)


def _other_names() -> list[list[object]]:
    """Words and keys that are understood, by what they mean."""
    found: dict[str, list[str]] = {}
    for part, keys in spellings.KEYS.items():
        for typed, meant in keys.items():
            found.setdefault(f"`{meant}`", []).append(f"`{part}.{typed}`".replace("`.", "`"))
    for path, words in spellings.WORDS.items():
        for typed, meaning in words.items():
            found.setdefault(f"`{path}`: `{spellings.written(meaning)}`", []).append(f"`{typed}`")
    for typed, figure in FIGURES.items():
        found.setdefault(f"`final.{figure}`", []).append(f"`final.{typed}`")
    return [[", ".join(typed), meant] for meant, typed in found.items()]


def config() -> str:
    """Every field of a config, and the names that the catalogue knows."""
    rows: list[list[object]] = []
    for field in fields(Experiment).values():
        above, _, key = field.path.rpartition(".")
        part = part_at(Experiment, tuple(above.split(".")))
        bare = part is not None and part.absent is not None and key == part.shorthand
        if part is not None and bare:
            takes = field.expected() if field.form != "word" else ", ".join(field.words)
            about = (part.__doc__ or "").partition("\n")[0]
            rows.append([f"`{above}`", f"`{part.absent}`", f"{part.absent}, {takes}, or a mapping", about])
        missing = "required" if field.required and not bare else ""
        default = missing if field.default is None else f"`{field.default}`"
        rows.append([f"`{field.path}`", default, field.expected(), field.about])
    own = [
        [f"`{field.path}`", "required" if field.required else f"`{field.default}`", field.expected(), field.about]
        for root in (ModuleExperiment, OnOwnBatches)
        for field in fields(root).values()
        if field.path.partition(".")[2] in ("build", "args")
    ]
    parts = [f"{NOTE}\n# A config\n\n", table(["field", "default", "values", "what it is"], rows)]
    parts.append(
        f"\n## A module of one's own\n\n{MODULES}\n" + table(["field", "default", "values", "what it is"], own)
    )
    parts.append(f"\n## Names of other libraries\n\n{OTHER_NAMES}\n" + table(["typed", "meant"], _other_names()))
    for title, entries in (
        ("Kinds of network", catalogue.KINDS),
        ("Activations", catalogue.ACTIVATIONS),
        ("Normalisations", catalogue.NORMS),
        ("Paddings", catalogue.PADDINGS),
        ("Pools", catalogue.POOLS),
        ("Initialisations", catalogue.SCHEMES),
        ("Distributions", catalogue.DISTRIBUTIONS),
        ("Data", catalogue.SOURCES),
        ("Optimizers", catalogue.OPTIMIZERS),
        ("Schedules", catalogue.SCHEDULES),
        ("Losses", catalogue.LOSSES),
        ("Number formats", catalogue.DTYPES),
    ):
        rows = [
            [f"`{name}`", entry.about, ", ".join(f"`{key}` {one.default:g}" for key, one in entry.parameters.items())]
            for name, entry in entries.items()
        ]
        parts.append(f"\n## {title}\n\n" + table(["name", "what it is", "parameters and their defaults"], rows))
        if title == "Kinds of network":
            parts.append(f"\n{NETWORKS}")
        if title == "Data":
            parts.append(f"\n{TARGETS.format(most=MOST_CLASSES)}\n{STANDARDISING}")
    parts.append(f"\n{FORMATS}")
    return "".join(parts)


def quantities() -> str:
    """Every recorded column."""

    def rows(of: tuple[Quantity, ...]) -> list[list[object]]:
        return [[f"`{q.name}`", q.symbol, q.unit, q.group, q.definition, q.why] for q in of]

    header = ["column", "symbol", "unit", "group", "definition", "what it tells"]
    return (
        f"{NOTE}\n# Quantities\n\n"
        "Layers are numbered from 1 at the input; the last one is the readout. z is a layer's preactivation, h = φ(z) its activation. "
        "A record at a step is taken before its update. What has no meaning for a layer is null, never NaN. "
        "Groups: `none` ⊂ `gradients` ⊂ `default` ⊂ `all`; a quantity `by name` is in none of them.\n\n"
        f"## Of a layer and step\n\n{table(header, rows(LAYER_QUANTITIES))}\n## Of a step\n\n{table(header, rows(STEP_QUANTITIES))}\n"
        "## Figures of a run\n\n"
        "A condition names each at the first recorded step (`init.`) and at the last finite one (`final.`): `final.holdout_gain > 0.1`.\n\n"
        + table(
            ["figure", "unit", "what it is", "how it is read"],
            [[f"`{one.name}`", one.unit, one.definition, one.why] for one in AT_A_STEP],
        )
        + "\nOf a run as a whole:\n\n"
        + table(
            ["figure", "unit", "what it is", "how it is read"],
            [[f"`{one.name}`", one.unit, one.definition, one.why] for one in OF_A_RUN],
        )
    )


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands,
    "config.md": config,
    "quantities.md": quantities,
    "glossary.md": lambda: NOTE + glossary(),
    "conditions.md": lambda: NOTE + conditions(),
    "python.ipynb": lambda: notebook(HERE / "python.md"),
}


SHOWING = ("../README.md", "tutorial.md")
"""Pages that show what commands print."""


def outputs(name: str) -> str:
    """A page with what its commands print today, carried out in a directory that has the configs alone."""
    with tempfile.TemporaryDirectory() as directory:
        for folder in ("configs", "examples"):
            (Path(directory) / folder).symlink_to(HERE.parent / folder)
        return page_renewed((HERE / name).read_text(), Path(directory))


def main() -> int:
    """Writes the pages, or tells which are out of step."""
    if "--outputs" in sys.argv:
        PAGES.update({name: partial(outputs, name) for name in SHOWING})
    written = {name: page() for name, page in PAGES.items()}
    stale = [name for name, page in written.items() if not (HERE / name).exists() or (HERE / name).read_text() != page]
    if "--check" in sys.argv:
        print(
            "\n".join(
                f"docs/{name} is out of step: run python docs/generate.py{' --outputs' if name in SHOWING else ''}"
                for name in stale
            )
        )
        return 1 if stale else 0
    for name in stale:
        (HERE / name).write_text(written[name])
    return 0


if __name__ == "__main__":
    sys.exit(main())
