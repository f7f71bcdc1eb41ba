"""Scopes: the closed list of what a token may do, and what implies what.

`<area>.manage` implies the area's `create`, `read`, `update` and `delete`, never `read_descendant` nor
`manage_all_tokens`. A token never does more than its partner may.
"""

from collections.abc import Iterable
from typing import Final

_VERBS: Final = ("manage", "create", "read", "update", "delete")
_AREAS: Final = ("invoices", "payments", "calls", "sms", "phonenumber", "rating", "partners", "oauth")
_BEYOND: Final = (
    "invoices.read_descendant",
    "calls.read_descendant",
    "sms.read_descendant",
    "oauth.manage_all_tokens",
)

SCOPES: Final = (*(f"{area}.{verb}" for area in _AREAS for verb in _VERBS), *_BEYOND)
"""Every scope there is."""

PARTNER_SCOPES: Final = (*(f"{area}.read" for area in _AREAS), "oauth.manage")
"""What a new partner may do unless told otherwise: read what is its own and manage its own tokens."""


def holds(held: Iterable[str], scope: str) -> bool:
    """Whether a set of scopes is enough for one.

    >>> holds({"invoices.manage"}, "invoices.read"), holds({"invoices.manage"}, "invoices.read_descendant")
    (True, False)
    """
    held = frozenset(held)
    area, _, verb = scope.partition(".")
    return scope in held or (verb in _VERBS and f"{area}.manage" in held)


def beyond(asked: Iterable[str], held: Iterable[str]) -> list[str]:
    """Those of the asked scopes that the held ones do not cover, in the order asked."""
    held = frozenset(held)
    return [scope for scope in asked if not holds(held, scope)]


def common(asked: Iterable[str], held: Iterable[str]) -> frozenset[str]:
    """What a token with the asked scopes may do while its partner holds these.

    >>> sorted(common(["invoices.manage"], ["invoices.read", "sms.read"]))
    ['invoices.read']
    """
    asked, held = frozenset(asked), frozenset(held)
    return frozenset(scope for scope in SCOPES if holds(asked, scope) and holds(held, scope))
