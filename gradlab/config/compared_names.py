"""Which figure, field or quantity a name in a condition or a column means that is spelled as other libraries do, or in another case."""

from collections.abc import Collection, Iterable, Mapping

from gradlab.config import spellings
from gradlab.config.suggestion import suggestion

FIGURES: Mapping[str, str] = spellings.by_folded(
    {
        "acc train_acc train_accuracy training_accuracy": "accuracy",
        "train_loss training_loss": "loss",
        "val_loss valid_loss validation_loss eval_loss dev_loss test_loss": "holdout_loss",
        "val_acc val_accuracy valid_accuracy validation_accuracy eval_accuracy dev_accuracy test_acc test_accuracy": "holdout_accuracy",
        "balanced_accuracy val_balanced_accuracy test_balanced_accuracy": "holdout_balanced_accuracy",
    }
)
"""Folded name of another library -> the figure that it means, at whichever step."""

_OTHERWISE = spellings.by_folded({"status exit_status": "outcome"})
_MOMENTS = ("init", "final")


def compared_word(name: str, word: str, known: Collection[str]) -> str | None:
    """The word that one in a condition means, None where it means none of the known ones alone.

    >>> compared_word("model.activation", "swish", ["relu", "silu"]), compared_word("verdict", "Healthy", ["healthy"])
    ('silu', 'healthy')
    """
    for field in (name, f"{name}.name", f"{name}.scheme", f"{name}.kind"):
        meant = spellings.word_meant(field, word, known)
        if isinstance(meant, str) and meant in known:
            return meant
    return None


def several_meant(name: str, word: str) -> str | None:
    """The condition that says what a word means which sets several fields, None where it means one or nothing.

    >>> several_meant("model.init", "glorot_uniform")
    'model.init == xavier and model.init.distribution == uniform'
    """
    for field in (name, f"{name}.scheme"):
        meant = spellings.WORDS.get(field, {}).get(spellings.folded(word))
        if isinstance(meant, Mapping):
            part = field.rpartition(".")[0]
            rest = [f"{part}.{key} == {value}" for key, value in meant.items() if key != "scheme"]
            return " and ".join([f"{name} == {meant['scheme']}", *rest])
    return None


def compared_name(name: str, known: Collection[str]) -> str:
    """The known name that one in a condition means, itself where it is known or means none.

    >>> compared_name("train.learning_rate", ["train.lr"]), compared_name("lr", ["train.lr"])
    ('train.lr', 'train.lr')
    >>> compared_name("training.learning_rate", ["train.lr"])
    'train.lr'
    >>> compared_name("loss", ["train.loss", "final.loss"])
    'loss'
    >>> compared_name("Final.val_acc", ["init.holdout_accuracy", "final.holdout_accuracy"])
    'final.holdout_accuracy'
    >>> compared_name("optimizer.beta1", ["train.optimizer.beta1"])
    'train.optimizer.beta1'
    """
    if name in known:
        return name
    whole, dot, rest = name.partition(".")
    if dot and (other := spellings.key_meant("", whole)) is not None:  # `training` for `train`
        return compared_name(f"{other}.{rest}", known)
    part, _, key = name.rpartition(".")
    same = [one for one in known if _plain(one) == _plain(name)]
    meant = [*(same if len(same) == 1 else ()), spellings.key_meant(part, key), *_figures(part, key)]
    meant += _ending(name, known) if part else [_bare(key, known)]
    return next((one for one in meant if one is not None and one in known), name)


def compared_column(text: str, known: Collection[str]) -> str:
    """As `compared_name`, of a quantity in the brackets of a reduction over the layers too.

    >>> compared_column("Max(GradNorm)", ["grad_norm"])
    'max(grad_norm)'
    """
    reduction, opened, rest = text.partition("(")
    if not opened or not rest.endswith(")"):
        return compared_name(text, known)
    return f"{reduction.strip().lower()}({compared_name(rest[:-1].strip(), known)})"


def near_name(name: str, known: Iterable[str]) -> str:
    """What an unknown name in a condition may have meant, as the end of a sentence.

    >>> near_name("val_loss", ["final.loss", "init.holdout_loss", "final.holdout_loss"])
    ". Did you mean 'final.holdout_loss'?"
    >>> near_name("model.seed", ["model.kernel", "data.seed", "seed"]), near_name("status", ["outcome", "state"])
    (". Did you mean 'seed'?", ". Did you mean 'outcome'?")
    >>> near_name("train.depth", ["train.epochs", "model.depth"]), near_name("Loss", ["final.loss", "init.loss"])
    (". Did you mean 'model.depth'?", ". Did you mean 'final.loss'?")
    """
    known = list(known)
    part, _, key = name.rpartition(".")
    figure = f"final.{FIGURES.get(spellings.folded(key))}"
    other = _OTHERWISE.get(spellings.folded(name))
    fields = [one for one in known if one.partition(".")[2] == key and not one.startswith(_MOMENTS)]
    elsewhere = [key, *fields] if part else []
    meant = [figure, other, *elsewhere, f"final.{key.casefold()}"]
    return suggestion(next((one for one in meant if one in known), name), known)


def _plain(name: str) -> list[str]:
    return [spellings.folded(step) for step in name.split(".")]


def _figures(part: str, key: str) -> Iterable[str]:
    """The figure of a step that another library's name of one means."""
    figure = FIGURES.get(spellings.folded(key))
    return [f"{moment}.{figure}" for moment in _MOMENTS if figure is not None and spellings.folded(part) == moment]


def _ending(name: str, known: Collection[str]) -> list[str]:
    """The one known name that ends with another, which goes without its first steps."""
    steps = _plain(name)
    found = [one for one in known if _plain(one)[-len(steps) :] == steps]
    return found if len(found) == 1 else []


def _bare(key: str, known: Collection[str]) -> str | None:
    """The field that a key without its part means in a condition, None where several fields or figures have its name.

    What stands in a part itself goes before what stands deeper, as it does in a config.

    >>> _bare("depth", ["model.depth", "model.args.depth"]), _bare("layers", ["model.depth", "model.residual.layers"])
    ('model.depth', 'model.depth')
    """
    ends = [one for one in known if _plain(one)[-1] == spellings.folded(key)]
    near = [one for one in ends if one.count(".") == 1]
    meant = spellings.key_meant_at_root(key)
    if not near and meant in known:
        return meant
    found = near or ends
    return found[0] if len(found) == 1 else None
