"""The command `tollbook`: one verb an act; tables for a person, JSON for a pipe.

The arguments are in `arguments`; each verb is a function of its own module, imported when it is asked for, so that
help comes at once. Nothing is decided here that the API would have to decide too: a verb calls the operations.
Secrets come from a prompt, a file or the environment, never from an argument, where a process list shows them.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from tollbook.cli.arguments import parser
from tollbook.cli.exits import BROKEN_PIPE, FAILED, INTERRUPTED
from tollbook.errors import Refusal


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit status, as the table in `exits` has it."""
    arguments = parser().parse_args(argv)
    module, _, verb = arguments.run.partition(":")
    try:
        status: int = getattr(import_module(f"tollbook.cli.{module}"), verb)(arguments)
        sys.stdout.flush()
    except Refusal as refusal:
        _tell(refusal, as_json=getattr(arguments, "json", False))
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has left. The interpreter must not try to flush the rest at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except OSError as error:
        print(f"tollbook: {error.filename or 'input or output'}: {error.strerror or error}", file=sys.stderr)
        return FAILED
    return status


def _tell(refusal: Refusal, *, as_json: bool) -> None:
    if as_json:
        from tollbook.cli.output import refusal_json

        print(refusal_json(refusal), file=sys.stderr)
        return
    for flaw in refusal.flaws:
        print(f"tollbook: {flaw.field}: {flaw.message}" if flaw.field else f"tollbook: {flaw.message}", file=sys.stderr)
    if not refusal.flaws:
        print(f"tollbook: {refusal.problem.when}", file=sys.stderr)
