"""The lock files are complete and portable, and every dependency has a stated reason."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKS = sorted([*ROOT.glob("requirements*.lock"), *ROOT.glob("benchmarks/*.lock")])

every_lock = pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.relative_to(ROOT).as_posix())


def canonical(requirement: str) -> str:
    """The name in a requirement, in the one spelling that compares.

    >>> canonical("Prometheus_Client>=0.22")
    'prometheus-client'
    """
    match = re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)", requirement)
    assert match, f"no requirement: {requirement!r}"
    return re.sub(r"[-_.]+", "-", match.group(1)).lower()


def entries(lock: Path) -> list[str]:
    """The requirements of a lock file, each joined to one line, comments left out."""
    lines = [line for line in lock.read_text(encoding="utf-8").splitlines() if line.strip()]
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    return text.replace("\\\n", " ").splitlines()


def pins(lock: Path) -> set[tuple[str, str]]:
    """(name, version and marker) of each requirement."""
    return {(canonical(entry), entry.split("==", 1)[1].split("--hash", 1)[0].strip()) for entry in entries(lock)}


def stated_dependencies() -> set[str]:
    """First column of the table under the first `Dependencies` heading of ARCHITECTURE.md."""
    lines = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").splitlines()
    start = next((number for number, line in enumerate(lines) if re.match(r"#+ .*Dependencies", line)), None)
    assert start is not None, "ARCHITECTURE.md has no heading with the word Dependencies"
    stated = set()
    for line in lines[start + 1 :]:
        if line.startswith("#"):
            break
        if row := re.match(r"\|\s*`([^`]+)`\s*\|", line):
            stated.add(canonical(row.group(1)))
    return stated


def test_the_locks_are_there() -> None:
    assert {"requirements.lock", "requirements-test.lock"} <= {lock.name for lock in LOCKS}


@every_lock
def test_each_requirement_is_pinned_with_hashes(lock: Path) -> None:
    pattern = re.compile(r"[\w.-]+==[\w.!+]+( ; [^\\]+?)?(\s+--hash=sha256:[0-9a-f]{64})+\s*")
    assert entries(lock)
    assert [entry for entry in entries(lock) if not pattern.fullmatch(entry)] == []


@every_lock
def test_no_lock_names_an_address_or_a_path(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    found = re.findall(r"\S*(?:://|find-links|@ file|index-)\S*|(?<=\s)/\S+", text)
    assert found == []


def test_tests_run_on_what_is_served() -> None:
    """The test lock holds the very versions that the runtime lock does."""
    assert pins(ROOT / "requirements.lock") <= pins(ROOT / "requirements-test.lock")


def test_locks_hold_what_the_project_asks_for() -> None:
    runtime = {canonical(entry) for entry in PROJECT["dependencies"]}
    testing = {canonical(entry) for entry in PROJECT["optional-dependencies"]["test"]}
    assert runtime <= {name for name, _ in pins(ROOT / "requirements.lock")}
    assert testing <= {name for name, _ in pins(ROOT / "requirements-test.lock")}


def test_every_dependency_has_its_reason() -> None:
    """pyproject.toml and the table in ARCHITECTURE.md name the same packages."""
    assert {canonical(entry) for entry in PROJECT["dependencies"]} == stated_dependencies()
