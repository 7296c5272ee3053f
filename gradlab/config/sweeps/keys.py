"""The sections of a sweep's file, and what each is for."""

from collections.abc import Mapping

KEYS: Mapping[str, str] = {
    "name": "what the sweep is called; the file's stem when absent",
    "base": "the config that is varied, relative to this file",
    "bases": "several configs, each varied: a list of paths, which may have wildcards; one with seeds of its own is a mapping",
    "experiment": "the config that is varied, written here",
    "seeds": "the replicates: 0-4, or 0,3,7, or a list; crossed with everything",
    "grid": "lists of values by dotted key; every combination is a member",
    "zip": "lists of equal lengths by dotted key, gone through side by side; several mappings are crossed",
    "random": "n draws from a space of distributions by dotted key",
    "exclude": "combinations that are left out: values by dotted key",
    "include": "values set where others are met, or a combination that is added",
    "expect": "conditions on every member, added to its own",
    "gates": "conditions on the whole sweep",
}
