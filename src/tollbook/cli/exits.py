"""How a command ends: every exit status, in one table."""

from typing import Final

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130
BROKEN_PIPE: Final = 141

EXITS: Final = (
    (DONE, "done"),
    (FAILED, "refused or failed, or something wrong was found; standard error says what"),
    (USAGE, "the command line cannot be understood"),
    (INTERRUPTED, "interrupted with Ctrl-C"),
    (BROKEN_PIPE, "whoever read the output left before its end"),
)
"""Shown at the end of `tollbook --help` and in the reference."""
