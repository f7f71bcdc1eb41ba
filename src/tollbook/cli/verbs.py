"""How verbs and their arguments are added to the command line. Nothing heavy is imported here: help comes at once."""

import argparse
from dataclasses import fields
from pathlib import Path
from typing import Any

from tollbook.config import HELP, Settings


class Verbs:
    """Adds verbs to a parser, each with its function, its one line of help and its example."""

    def __init__(self, above: argparse.ArgumentParser) -> None:
        self._subparsers = above.add_subparsers(metavar="VERB", required=True, dest="verb")

    def beneath(self, name: str, doc: str) -> "Verbs":
        """A group of verbs."""
        description = f"{doc[0].upper()}{doc[1:]}."
        return Verbs(self._subparsers.add_parser(name, help=doc, description=description, allow_abbrev=False))

    def add(self, name: str, run: str, doc: str, example: str, *, json: bool = True) -> "Arguments":
        """One verb; `run` is `module:function`."""
        verb = self._subparsers.add_parser(
            name,
            help=doc,
            description=f"{doc[0].upper()}{doc[1:]}.",
            epilog="example:\n" + "\n".join(f"  {line}" for line in example.splitlines()),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        verb.set_defaults(run=run)
        made = Arguments(verb).settings("db")
        verb.add_argument("--config", type=Path, metavar="FILE", help="a TOML file of settings")
        return made.add("--json", action="store_true", help="print JSON, for scripts") if json else made


class Arguments:
    """Adds arguments to one verb."""

    def __init__(self, verb: argparse.ArgumentParser) -> None:
        self._verb = verb

    def add(self, *names: str, **how: Any) -> "Arguments":
        """One argument, as argparse takes it."""
        self._verb.add_argument(*names, **how)
        return self

    def settings(self, *names: str) -> "Arguments":
        """The settings of those names as flags; None where the command line gives nothing."""
        for setting in fields(Settings):
            if setting.name in names:
                flag = f"--{setting.name.replace('_', '-')}"
                how: dict[str, Any] = {"help": HELP[setting.name], "default": None}
                if isinstance(setting.default, bool):
                    how["action"] = argparse.BooleanOptionalAction
                else:
                    how |= {"type": type(setting.default), "metavar": type(setting.default).__name__.upper()}
                self._verb.add_argument(flag, **how)
        return self
