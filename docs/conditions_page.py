"""The page on conditions: what they are in words, and the lists of what they may name, from the code."""

from page_tables import table

from gradlab.config.catalogue import FIGURES, OUTCOMES, RUN_FIGURES, VERDICTS
from gradlab.config.condition import MAX_NESTING, REDUCTIONS
from gradlab.config.experiment import run_names
from gradlab.config.quantities import LAYER_NAMES
from gradlab.config.tokens import MAX_LENGTH
from gradlab.judgement.conditions.listed import listed_names

EXAMPLES = (
    ("verdict == vanishing", "a word is compared with `==`, `!=` or `in`"),
    ("final.accuracy >= 0.9", "a number also with `<`, `<=`, `>` and `>=`"),
    ("verdict not in (healthy, undecided)", "one of several; in a YAML list in brackets such a condition has quotes"),
    (
        "model.depth >= 20 and not verdict == healthy",
        "`not` binds tighter than `and`, `and` tighter than `or`; parentheses group",
    ),
    ("max(dead_fraction) > 0.5", "a quantity has a value in every layer: the largest, at the last finite step"),
    ("any(log10_grad_norm) == -inf", "holds where it holds in one layer"),
    (
        "model.activation == leaky_relu",
        "a part goes by its name, whatever its parameters: `model.activation.slope` is one of them",
    ),
    ("data.standardize == false", "`true` and `false`"),
)
"""Conditions over one run, and what is to be known of them."""

COMPARED = (
    ("final.loss > +5%", "more than five percent above the first side's"),
    ("final.loss > +0.3", "more than 0.3 above it"),
    (
        "final.accuracy < -0.03",
        "below the number -0.03: a negative number without % is a number",
    ),
    ("change(final.accuracy) < -0.03", "lower by more than 0.03 than the first side's"),
)
"""Conditions over a change, which `compare --fail-on` takes besides."""

LISTED = (
    ("tag == baseline", "tags, notes and names that a run was asked for by"),
    ("started > -2d", "times: a date, `today`, `yesterday`, or so long ago (`m`, `h`, `d`, `w`)"),
    ("commit == 89ed78a", "the first digits of an id or a commit, four or more"),
)
"""Conditions over stored runs, which `--where` takes besides."""


def conditions() -> str:
    """The page, without its first line."""
    names = run_names()
    fields = [name for name in names if name.partition(".")[0] in ("seed", "model", "data", "train", "record")]
    stored = [name for name in listed_names() if name not in names]
    return f"""
# Conditions

A condition says something of a run that holds or does not: `verdict == healthy and final.loss < 1`. There is one grammar, for

- `expect` in a config: what its own run has to meet (exit code 4 where it does not);
- `gates` in a sweep: the same, counted or measured over all members ([gates](gates.md));
- `--where` of `list`, `show`, `compare`, `report`, `plot`, `export`, `tag`, `rm` and `du`: which runs are meant;
- `--fail-on` of `compare`: which change fails a job ([gates of a comparison](gates.md#gates-of-a-comparison)).

A condition is read, never carried out as code. One that cannot be read is told with the place of the fault and a near name.

## Grammar

```
condition   = conjunction {{ "or" conjunction }}
conjunction = negation {{ "and" negation }}
negation    = "not" negation | "(" condition ")" | comparison
comparison  = term ( "==" | "!=" | "<" | "<=" | ">" | ">=" ) value
            | term [ "not" ] "in" "(" value {{ "," value }} ")"
            | "change" "(" term ")" ( "==" | "!=" | "<" | "<=" | ">" | ">=" ) ( NUMBER | PERCENT )
term        = NAME | ( {" | ".join(f'"{word}"' for word in REDUCTIONS)} ) "(" QUANTITY ")"
value       = NUMBER | WORD | "true" | "false" | TIME | CHANGE
```

At most {MAX_LENGTH:,} characters, nested at most {MAX_NESTING} deep. A word with blanks or other signs has quotes: `name == 'my run'`.

{_table(("condition", "to know"), EXAMPLES)}
## Names

| what | names |
|---|---|
| the verdict | `verdict`: {_words(VERDICTS)} |
| how the run ended | `outcome`: {_words(OUTCOMES)} |
| figures, each at the first recorded step (`init.`) and at the last finite one (`final.`) | {_words(FIGURES)} |
| figures of the whole run | {_words(RUN_FIGURES)} |
| quantities of the layers, in {", ".join(f"`{word}()`" for word in REDUCTIONS)} | {_words(LAYER_NAMES)} |
| fields of the config ([what they are](config.md)) | {_words(fields)}; below `model.args` and `data.args` whatever a module takes |
| of stored runs, in `--where` and `--columns` alone | {_words(stored)} |

`gradlab explain NAME` says what each of them is.

**No value.** A name that has none (a figure that was not recorded, a field of a part that is not there) makes its comparison
false, whatever the operator; `not` turns that round, so that `not final.loss < 1` holds of a run without a loss
and `final.loss >= 1` does not. `-inf` and `inf` are values; with NaN no comparison holds.

## Changes

Where there is a first side to compare with, a value with a sign is a change against it:

{_table(("condition", "it holds where the figure is"), COMPARED)}
Seeds decide whether a change is more than chance; what they cannot tell, a gate cannot either.
[Gates of a comparison](gates.md#gates-of-a-comparison) has every case.

## Over a sweep

In `gates` a term is an aggregate over the members: `count(CONDITION)`, `share(CONDITION)`, `mean`, `median`, `min`, `max` and
`spread(FIGURE)`, `slope(FIGURE by FIELD)`. `where CONDITION` leaves some members out, `by FIELD` judges each group
by itself: `median(final.accuracy) > 0.9 where model.init == he by model.depth`.
[Gates](gates.md) has what is counted, and what is shown where one fails.

## Over stored runs

{_table(("condition", "to know"), LISTED)}
[Names, tags, conditions](keeping.md#conditions-and-columns) has the rest.
"""


def _words(names: object) -> str:
    return ", ".join(f"`{name}`" for name in names)  # type: ignore[attr-defined]


def _table(header: tuple[str, str], rows: tuple[tuple[str, str], ...]) -> str:
    return table(header, [(f"`{condition}`", said) for condition, said in rows])
