"""The rules of money read nothing, ask nobody and remember nothing that could change an answer."""

import ast
from pathlib import Path

import pytest

import tollbook.billing

BILLING = Path(tollbook.billing.__file__).parent
PURE = {
    "bisect", "calendar", "collections", "dataclasses", "datetime", "fractions", "functools", "hashlib", "itertools",
    "msgspec", "phonenumbers", "re", "tollbook", "typing",
}  # fmt: skip
IMPURE_CALLS = {"now", "today", "utcnow", "open", "print", "input", "float", "eval", "exec"}

every_module = pytest.mark.parametrize("module", sorted(BILLING.glob("*.py")), ids=lambda path: path.stem)


@every_module
def test_only_pure_things_are_imported(module: Path) -> None:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= PURE
    ours = {name for name in names if name.startswith("tollbook")}
    allowed = ("tollbook.billing", "tollbook.clock", "tollbook.money")
    assert [name for name in ours if not name.startswith(allowed)] in ([], ["tollbook"])


@every_module
def test_nothing_reads_a_clock_a_file_or_a_float(module: Path) -> None:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    called = {
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    }
    assert not called & IMPURE_CALLS
    constants = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    assert not [value for value in constants if isinstance(value, float)]
