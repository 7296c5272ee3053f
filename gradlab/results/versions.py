"""Versions of what is stored. Each is raised by one with the change that it names."""

SCHEMA_VERSION = 1

NUMERICS_VERSION = 3
"""Raised by one with every change that alters a number that some experiment records: stored runs are then trained
anew."""

RULES_VERSION = 3
"""Raised whenever a record could get another verdict than before."""
