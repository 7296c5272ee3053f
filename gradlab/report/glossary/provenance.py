"""Names of what is kept beside a run's numbers: how, where and with what it was trained, and how its files are laid out."""

from collections.abc import Mapping

from gradlab.report.glossary.definition import Definition

_OF_A_MANIFEST: Mapping[str, str] = {
    "manifest": "with what, where and when a run was trained: manifest.json in its directory",
    "argv": "the command that trained a run, word by word",
    "command": "the command that trained a run, or carries on with a sweep",
    "directory": "directory that a command was given in, or that holds a run",
    "gradlab": "gradlab's version",
    "torch": "PyTorch's version, without which numbers may differ in their last digits",
    "numpy": "numpy's version",
    "python": "Python's version",
    "platform": "operating system and processor",
    "host": "name of the machine",
    "device_name": "what the processor or graphics card calls itself",
    "git_commit": "git commit of the repository in which a run was trained; null where there is none",
    "numerics_version": "version of gradlab's arithmetic: runs of different ones may differ in their last digits, and have different ids",
    "arithmetic": "which number format is used for what",
    "storage": "number format in which weights, biases, signals and gradients are kept",
    "products": "number format of the matrix products, and of their sums",
    "reductions": "number format in which norms and sums are added up",
    "target": "the column that is predicted; of a run, how a file's target was taken and why",
    "task": "what is predicted: classes or numbers",
    "targets": "what is predicted: mean and standard deviation of the numbers, or the shares of the classes",
    "inputs": "what the first layer gets: a row's columns, standardised unless data.standardize is false",
    "the network": "loss of the network less that of the best constant answer, on rows that it was not trained on",
}

_OF_A_WATCH: Mapping[str, str] = {
    "watch": "how a module was watched in its own loop",
    "world_size": "processes that trained one module together",
    "rank": "number of this process among them",
    "compiled": "whether the module was compiled (torch.compile)",
    "order": "in which order the rows stand: as their modules were first used, or as they are registered",
    "started_late": "the step at which the watch began, where that was not the first; null where it was",
    "scaler": "the loss scale's class, where one is used; null where none is",
    "backward_passes": "calls of backward(); more than the steps where gradients are accumulated",
    "warnings": "what the watch could not see, or had to leave out",
}

_OF_TABLES: Mapping[str, str] = {
    "example": "number of an example in the batch, from 0",
    "index": "number of a singular value, from 0, the largest first",
    "log10_s": "log10 of a singular value of the Jacobian from a layer to the last one",
    "by": "what the runs of a gate are split by, with each group's values",
    "bare": "whether a gate is judged by the bare figures, whatever the interval",
    "over_layers": "smallest, middle and largest value of each quantity over the layers of the last record, by which --where finds runs",
    "MKL_CBWR": "variable of the environment that keeps the bits of a product the same, whichever batch it is part of",
    "checks": "what was looked at on this machine, with what came of it",
    "elements": "numbers of one call whose time was taken",
    "repeats": "how often the time was taken; the least counts",
}

_OF_TRACKERS: Mapping[str, str] = {
    "layers_by": "the quantity by which the layers are ordered, the worst first",
    "expectations_failed": "expectations that do not hold",
    "outcome_step": "step at which a run diverged",
    "outcome_layer": "layer in which a run diverged",
    "outcome_reason": "why a run failed",
    "no_forecast": "why theory has no answer for a run",
}

PROVENANCE: tuple[Definition, ...] = tuple(
    Definition(name, "column", text)
    for part in (_OF_A_MANIFEST, _OF_A_WATCH, _OF_TABLES, _OF_TRACKERS)
    for name, text in part.items()
)
