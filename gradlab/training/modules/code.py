"""Code of the user's own: imported afresh, called, and where it cannot be used a clear error with what it raised as the cause.

A run's numbers rest on the source files that its id is the digest of. So a module is compiled from its source each time, never from
bytecode beside it, never taken from what the process has imported before, and forgotten when the run is over.
"""

import importlib
import inspect
import os
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any

from gradlab.config.allowed_code import FLAG, AllowedCode
from gradlab.config.suggestion import suggestion
from gradlab.config.text import one_line
from gradlab.errors import OwnCodeError, UsageError
from gradlab.results import source_files


def told(error: BaseException) -> str:
    """An error of the user's own code in one line."""
    words = one_line(error, 300)
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


@contextmanager
def guarded(what: str) -> Iterator[None]:
    """Turn whatever the user's own code raises into one line that begins with `what`; Ctrl+C is none of it.

    Raises:
        OwnCodeError: With the user's own error as its cause.
    """
    try:
        yield
    except (KeyboardInterrupt, GeneratorExit, OwnCodeError):
        raise
    except BaseException as error:  # some libraries have errors of their own beside Exception, such as pytest's skip
        raise OwnCodeError(f"{what}: {told(error)}") from error


@contextmanager
def importable(modules: Sequence[str], code: AllowedCode) -> Iterator[None]:
    """A context in which modules, by their dotted names, can be imported as they lie on the disk.

    Raises:
        UsageError: If one is not allowed.
        OwnCodeError: If its source files are not those that the run was planned with.
    """
    refused = [module for module in modules if not code.allows(module)]
    if refused:
        raise UsageError(f"{', '.join(refused)}: not imported without {FLAG}")
    packages = tuple(dict.fromkeys(module.partition(".")[0] for module in modules))
    path, meta_path = list(sys.path), list(sys.meta_path)
    sys.path[:0] = [os.path.abspath(directory) for directory in code.import_path]
    own = tuple(package for package in packages if not _is_installed(package))
    before = _taken_out(own)
    sys.meta_path.insert(0, _FromSource(own))
    try:
        for package, planned in code.digests.items():
            if package in packages and source_files.digest(package, code.import_path) != planned:
                raise OwnCodeError(f"{package}: its source files changed while the run waited; start it again")
        yield
    finally:
        _taken_out(own)
        sys.modules.update(before)
        sys.path[:], sys.meta_path[:] = path, meta_path


def _is_installed(package: str) -> bool:
    """Whether a package lies where installed ones do: these do not change while a process runs, and cannot all be imported twice."""
    spec = source_files.find(package)
    places = [] if spec is None else [*(spec.submodule_search_locations or ()), *([spec.origin] if spec.origin else [])]
    paths = sysconfig.get_paths()
    homes = {os.path.realpath(paths[name]) + os.sep for name in ("purelib", "platlib", "stdlib")}
    return any(os.path.realpath(place).startswith(tuple(homes)) for place in places)


def _taken_out(packages: Sequence[str]) -> dict[str, ModuleType]:
    """What the process has imported of packages, which it forgets."""
    names = [name for name in sys.modules if name.partition(".")[0] in packages]
    return {name: sys.modules.pop(name) for name in names}


class _SourceLoader(SourceFileLoader):
    """Compiles a module from its source, whatever bytecode lies beside it: that is told from its source by seconds and size alone."""

    def path_stats(self, path: Any) -> Mapping[str, Any]:
        raise OSError("bytecode is neither read nor written")


class _FromSource:
    """Finds the modules of some packages, for `sys.meta_path`."""

    def __init__(self, packages: Sequence[str]) -> None:
        self._packages = packages

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: Any = None) -> ModuleSpec | None:
        if name.partition(".")[0] not in self._packages:
            return None
        spec = PathFinder.find_spec(name, path)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _SourceLoader(spec.loader.name, spec.loader.path)
        return spec


def function_of(field: str, build: str, code: AllowedCode) -> Callable[..., Any]:
    """Import what a config names, inside `importable`.

    Only what was written in a module that is allowed is taken: a config cannot reach through it to what it has imported, such as
    `os.system`.

    Args:
        field: The config's field, for messages: `model.build`.
        build: `package.module:function`.
        code: What may be imported.

    Raises:
        OwnCodeError: If it cannot be imported, is no function, or is of a module that is not allowed.
    """
    module, _, path = build.partition(":")
    with guarded(f"{field}: {module} cannot be imported"):
        found: Any = importlib.import_module(module)
    for name in path.split("."):
        if name.startswith("__"):
            raise OwnCodeError(f"{field}: {build}: '{name}' is no name of a function")
        if not hasattr(found, name):
            there = [other for other in dir(found) if not other.startswith("_")]
            raise OwnCodeError(f"{field}: {module} has no '{name}'{suggestion(name, there)}")
        found = getattr(found, name)
        _refuse_elsewhere(field, build, found, code)
    if not callable(found):
        raise OwnCodeError(f"{field}: {build} is a {type(found).__name__}, and no function")
    made: Callable[..., Any] = found
    return made


def _refuse_elsewhere(field: str, build: str, found: Any, code: AllowedCode) -> None:
    """Refuse a module, a function or a class of a module that is not allowed."""
    if isinstance(found, ModuleType):
        home = found.__name__
    elif inspect.isroutine(found) or inspect.isclass(found):
        home = getattr(found, "__module__", None) or "builtins"
    else:
        return
    if not code.allows(home):
        raise OwnCodeError(f"{field}: {build} is code of {home}, which is not allowed; to run it, add {FLAG} {home}")


def called(part: str, build: str, args: Mapping[str, Any], code: AllowedCode) -> Any:
    """What a function of the user's own returns for the config's arguments.

    Args:
        part: The config's part, for messages: `model` or `data`.
        build: `package.module:function`.
        args: The arguments, by name.
        code: What may be imported.

    Raises:
        OwnCodeError: If it cannot be imported, does not take the arguments, or raises.
    """
    function = function_of(f"{part}.build", build, code)
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # of a function in C that does not say
        signature = None
    if signature is not None:
        try:
            signature.bind(**args)
        except TypeError as error:
            raise OwnCodeError(f"{part}.args: {build}{signature} {_misfit(error, signature, args)}") from error
    with guarded(f"{part}.build: {build} raised"):
        return function(**args)


def _misfit(error: TypeError, signature: inspect.Signature, args: Mapping[str, Any]) -> str:
    """Why arguments do not fit, with what may have been meant."""
    unknown = next((name for name in args if name not in signature.parameters), None)
    takes_any = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in signature.parameters.values())
    if unknown is not None and not takes_any:
        return f"takes no argument '{unknown}'{suggestion(unknown, signature.parameters)}"
    return one_line(error, 200)
