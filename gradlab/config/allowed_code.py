"""Which code of the user's own a command may import: said on its command line, never in a file.

A config is data that may come from anywhere; to import a module is to run it.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gradlab.config.modules import ModuleExperiment, Trainable
from gradlab.errors import UsageError

FLAG, PATH_FLAG = "--allow-code", "--import-path"


@dataclass(frozen=True)
class AllowedCode:
    """What may be imported, and from where.

    Attributes:
        prefixes: Dotted names; each allows the module of that name and what is below it.
        import_path: Directories that are looked through before those of Python's own path, absolute.
        digests: Digest of the source files of every top-level package that a run's id rests on: what is imported is these files.
    """

    prefixes: tuple[str, ...] = ()
    import_path: tuple[str, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)

    def allows(self, module: str) -> bool:
        """Whether a module, by its dotted name, may be imported.

        >>> [AllowedCode(("ev", "mine.nets")).allows(name) for name in ("evil", "ev.a", "mine", "mine.nets")]
        [False, True, False, True]
        """
        return any(module == prefix or module.startswith(f"{prefix}.") for prefix in self.prefixes)


NO_CODE = AllowedCode()


def allowed_code(prefixes: Iterable[str], import_path: Iterable[str | os.PathLike[str]] = ()) -> AllowedCode:
    """What a command line allows; directories are taken from the current one, wherever a worker may be.

    Raises:
        UsageError: If a prefix is no dotted name, or a directory is not there.

    >>> allowed_code(["mypackage.nets"]).prefixes
    ('mypackage.nets',)
    """
    if isinstance(prefixes, str) or isinstance(import_path, str):
        raise UsageError(f"{FLAG} and {PATH_FLAG}: expected several texts, got one")
    given = tuple(dict.fromkeys(prefixes))
    for prefix in given:
        if not all(part.isidentifier() for part in prefix.split(".")):
            raise UsageError(f"{FLAG} {prefix}: expected a dotted name, such as mypackage or mypackage.nets")
    directories = tuple(dict.fromkeys(os.path.abspath(directory) for directory in import_path))
    for directory in directories:
        if not os.path.isdir(directory):
            raise UsageError(f"{PATH_FLAG} {directory}: there is no such directory")
    return AllowedCode(given, directories)


def own_modules(experiments: Iterable[Trainable]) -> tuple[str, ...]:
    """Dotted names of all that training these experiments imports, each once."""
    named = (
        one for experiment in experiments if isinstance(experiment, ModuleExperiment) for one in experiment.packages
    )
    return tuple(dict.fromkeys(named))


def refuse_code(experiments: Sequence[Trainable], code: AllowedCode) -> None:
    """Refuse to train experiments whose code may not be imported.

    Raises:
        UsageError: With the modules and the flag that allows them.
    """
    refused = [module for module in own_modules(experiments) if not code.allows(module)]
    if refused:
        flags = " ".join(f"{FLAG} {module}" for module in refused)
        told = f"{', '.join(refused)}: code of your own, which is not imported unless the command line says so; to run it, add {flags}"
        files = [module for module in refused if f"{module}.py" in code.prefixes]
        raise UsageError(f"{told} (a module's name, without .py)" if files else told)


def not_imported(experiments: Sequence[Trainable]) -> str | None:
    """What is to be said of code that was only read about, None where there is none."""
    modules = own_modules(experiments)
    if not modules:
        return None
    flags = " ".join(f"{FLAG} {module}" for module in modules)
    return f"{', '.join(modules)} was not imported: what is in it is not checked; training imports it, with {flags}"
