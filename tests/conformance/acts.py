"""Acts to ask a store for: one that writes an invoice, and one that dies of it."""

from collections.abc import Callable
from typing import Any

from tests.making import invoice

from tollbook.store import Writes


class Broken(Exception):
    """What an act may die of."""


def writes(number: int, **values: Any) -> Callable[[Writes], int]:
    """An act that writes an invoice and answers its number."""

    def do(act: Writes) -> int:
        act.put_invoice(invoice(number, **values), "imported")
        return number

    return do


def breaks(number: int) -> Callable[[Writes], None]:
    """An act that dies after it wrote an invoice."""

    def do(act: Writes) -> None:
        act.put_invoice(invoice(number), "imported")
        raise Broken

    return do
