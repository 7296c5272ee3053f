"""See how the gradient travels through a deep network, why, and what would mend it.

    import gradlab

    run, = gradlab.run("configs/deep_sigmoid.yaml", **{"model.depth": 100})
    run.verdict, run.summary.init["backward_decades"]
    run.layers          # DataFrame, one row a (step, layer)
    run.plot("loss")    # a figure of matplotlib

    sweep = gradlab.sweep("configs/sweeps/init_by_depth.yaml")
    sweep.groups        # DataFrame, one row a group of seeds, the worst first

    with gradlab.watch(model, optimizer) as watched:    # one's own module in one's own loop
        ...
    watched.stored.verdict

Names are loaded when they are first used, so that importing gradlab costs nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradlab.api import predict as predict
    from gradlab.api import run as run
    from gradlab.api import sweep as sweep
    from gradlab.api import watch as watch
    from gradlab.keeping import remove as remove
    from gradlab.keeping import sweeps as sweeps
    from gradlab.keeping import tag as tag
    from gradlab.results.stored import StoredRun as Run
    from gradlab.showing import compare as compare
    from gradlab.showing import plot as plot
    from gradlab.showing import write_report as write_report
    from gradlab.stored import load as load
    from gradlab.stored import runs as runs
    from gradlab.swept import Sweep as Sweep
    from gradlab.swept import load_sweep as load_sweep

    __version__: str

__all__ = [
    "Run",
    "Sweep",
    "__version__",
    "compare",
    "load",
    "load_sweep",
    "plot",
    "predict",
    "remove",
    "run",
    "runs",
    "sweep",
    "sweeps",
    "tag",
    "watch",
    "write_report",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    rooms = {
        "gradlab.api": ("run", "sweep", "predict", "watch"),
        "gradlab.keeping": ("remove", "sweeps", "tag"),
        "gradlab.stored": ("load", "runs"),
        "gradlab.swept": ("Sweep", "load_sweep"),
        "gradlab.showing": ("compare", "plot", "write_report"),
    }
    room = next((room for room, names in rooms.items() if name in names), None)
    if room is not None:
        from importlib import import_module

        found: Any = getattr(import_module(room), name)
    elif name == "Run":
        from importlib import import_module

        import_module("gradlab.stored")  # where a run learns how it looks
        from gradlab.results.stored import StoredRun

        found = StoredRun
    elif name == "__version__":
        from importlib.metadata import version

        found = version("gradlab")
    else:
        raise AttributeError(f"module 'gradlab' has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """Public names, loaded or not, and no others."""
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
