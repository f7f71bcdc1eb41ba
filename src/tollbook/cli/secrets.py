"""Secrets of a command: from a prompt, a file or the environment, never from an argument."""

import getpass
import os
import sys
from pathlib import Path

from tollbook import errors, limits
from tollbook.errors import Flaw, Refusal

_PASSWORD_VARIABLE = "TOLLBOOK_PASSWORD"  # noqa: S105  (a variable's name)


def password_in(file: Path | None) -> str:
    """The password on a file's first line, or in the environment; where neither is given it is asked for."""
    if file:
        return _first_line(file, "password_file")
    return os.environ.get(_PASSWORD_VARIABLE) or _asked_password()


def _asked_password() -> str:
    """A password asked for twice; refused where nobody can be asked."""
    if not sys.stdin.isatty():
        why = f"there is no terminal to ask at: give --password-file FILE or the variable {_PASSWORD_VARIABLE}"
        flaw = Flaw("password", why)
        raise Refusal(errors.ARGUMENT_INVALID, flaw)
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise Refusal(errors.ARGUMENT_INVALID, Flaw("password", "the two are not the same"))
    return password


def token_in(file: Path | None, variable: str) -> str | None:
    """The token on a file's first line, or in a variable of the environment; None where neither is given."""
    token = _first_line(file, "token_file") if file else os.environ.get(variable) or None
    if token is not None and not (token.isascii() and token.isprintable()):
        raise Refusal(errors.ARGUMENT_INVALID, Flaw("token_file", "a token is of visible ASCII characters"))
    return token


def _first_line(file: Path, field: str) -> str:
    with file.open(encoding="utf-8") as opened:
        line = opened.readline(limits.CREDENTIALS_BYTES_MAX).rstrip("\r\n")
    if not line:
        raise Refusal(errors.ARGUMENT_INVALID, Flaw(field, f"{file} is empty"))
    return line
