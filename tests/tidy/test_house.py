"""The house's own laws: what every file of this project must look like, whoever wrote it.

Laws that a tool checks are left to it: style to ruff, types to mypy, floors to import-linter.
"""

import ast
import io
import itertools
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "tollbook"
MODULES = sorted(SRC.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(module: Path) -> str:
    """A module as it is called where it stands: `api/app.py`, `tests/tidy/test_house.py`."""
    return module.relative_to(SRC if module.is_relative_to(SRC) else ROOT).as_posix()


every_module = pytest.mark.parametrize("module", MODULES, ids=name_of)
every_module_and_test = pytest.mark.parametrize("module", [*MODULES, *TESTS], ids=name_of)


def parsed(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"), filename=str(module))


def is_public(module: Path) -> bool:
    return not any(
        part.startswith("_") and not part.startswith("__") for part in module.relative_to(SRC).with_suffix("").parts
    )


def is_overload(node: ast.AST) -> bool:
    return isinstance(node, Function) and any(
        ast.unparse(decorator).endswith("overload") for decorator in node.decorator_list
    )


def tracked_texts() -> Iterator[tuple[str, str]]:
    """(name, text) of each file that is, or could be, committed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in sorted(set(filter(None, listed.stdout.decode().split("\0")))):
        path = ROOT / name
        if path.is_file() and not path.is_symlink():
            yield name, path.read_bytes().decode("utf-8", errors="replace")


def test_there_is_a_house() -> None:
    assert MODULES
    assert TESTS


@every_module_and_test
def test_file_is_short(module: Path) -> None:
    lines = len(module.read_text(encoding="utf-8").splitlines())
    assert lines <= FILE_LINES_MAX, f"{lines} lines; split it by what it knows"


@every_module
def test_functions_are_short(module: Path) -> None:
    long = [
        f"{node.name} (line {node.lineno}): {length} lines"
        for node in ast.walk(parsed(module))
        if isinstance(node, Function) and (length := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES_MAX
    ]
    assert not long


@every_module
def test_no_inexact_arithmetic(module: Path) -> None:
    """Amounts are exact. A line that needs floats for something else says `not money`."""
    text = module.read_text(encoding="utf-8")
    lines = text.splitlines()
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    inexact = [
        f"line {token.start[0]}: {token.line.strip()}"
        for token, following in itertools.pairwise(tokens)
        if token.type == tokenize.NAME
        and token.string in {"float", "round"}
        and following.string == "("
        and "not money" not in lines[token.start[0] - 1]
    ]
    assert not inexact


@every_module
def test_nothing_is_left_undone(module: Path) -> None:
    undone = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
    found = [
        f"line {number}: {line.strip()}"
        for number, line in enumerate(module.read_text(encoding="utf-8").splitlines(), 1)
        if undone.search(line)
    ]
    assert not found


@every_module
def test_public_things_say_what_they_are(module: Path) -> None:
    if not is_public(module):
        return
    tree = parsed(module)
    silent = [] if ast.get_docstring(tree) else ["the module"]
    silent += [
        f"{node.name} (line {node.lineno})"
        for node in tree.body
        if isinstance(node, Function | ast.ClassDef)
        and not node.name.startswith("_")
        and not is_overload(node)
        and not ast.get_docstring(node)
    ]
    assert not silent, "without a docstring"


def test_every_limit_is_enforced_somewhere() -> None:
    limits = SRC / "limits.py"
    declared = {
        target.id
        for node in parsed(limits).body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name) and target.id.isupper()
    }
    used: set[str] = set()
    for module in MODULES:
        if module == limits:
            continue
        for node in ast.walk(parsed(module)):
            if isinstance(node, ast.Name):
                used.add(node.id)
            elif isinstance(node, ast.Attribute):
                used.add(node.attr)
            elif isinstance(node, ast.ImportFrom):
                used.update(alias.name for alias in node.names)
    assert declared, "limits.py declares nothing"
    assert not declared - used, "declared, and used by nobody"


def test_no_file_names_a_package_index() -> None:
    # In pieces, so that this file does not find itself.
    address = re.compile("index" + "-url|/simp" + 'le/|"resol' + 'ved": "http', re.IGNORECASE)
    found = [f"{name}: {match.group()}" for name, text in tracked_texts() if (match := address.search(text))]
    assert not found


def test_no_file_names_a_place_on_this_machine() -> None:
    places = [place for place in (ROOT, Path.home()) if place != Path(place.anchor)]
    pattern = re.compile(r"(?<![\w.}*-])(" + "|".join(re.escape(str(place)) for place in places) + r")(?![\w.-])")
    found = [f"{name}: {match.group()}" for name, text in tracked_texts() if (match := pattern.search(text))]
    assert not found


def test_links_lead_somewhere() -> None:
    texts = {name: text for name, text in tracked_texts() if name.endswith(".md")}
    links = [(name, link) for name, text in texts.items() for link in re.findall(r"\]\(([^)#\s]+)", text)]
    assert links
    inside = [(name, link) for name, link in links if "://" not in link]
    dead = [f"{name}: {link}" for name, link in inside if not (ROOT / name).parent.joinpath(link).exists()]
    assert not dead
