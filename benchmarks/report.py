"""RESULTS.md: a section for each part of the measurement, replaced when that is measured anew."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.machine import Machine
from benchmarks.numbers import Outcome, Requirement, table

RESULTS = Path(__file__).with_name("RESULTS.md")
PREAMBLE = """# Results

Written by `./run bench list`, `usage` and `check`. What was compared, and what is unfair: [README.md](README.md).
Numbers of different days or machines do not compare; ratios within one table do, to about ±30 %.
"""
ORDER = (
    "peers",
    "operator",
    "growth",
    "import",
    "usage",
    "closing",
    "check",
    "postgres-list",
    "postgres-growth",
    "postgres-usage",
)


def section(part: str, outcome: Outcome, machine: Machine, version: str) -> str:
    """The markdown of one part, between the marks by which it is found again."""
    facts = f"{machine.day}, {version}; {machine.facts}."
    blocks = [f"<!-- part: {part} -->", f"## {outcome.title}", facts]
    blocks += machine.complaints()
    if outcome.requirements:
        blocks.append(verdicts(outcome.requirements))
    blocks += [outcome.text, f"<!-- end: {part} -->"]
    return "\n\n".join(blocks)


def verdicts(requirements: list[Requirement]) -> str:
    """What had to hold, and whether it did."""
    heads = ["requirement", "bound", "measured", "verdict"]
    return table(heads, [requirement.row() for requirement in requirements])


def replace(text: str, part: str, markdown: str) -> str:
    """The results with one section in place of its former self.

    >>> old = replace("", "peers", "<!-- part: peers -->1<!-- end: peers -->")
    >>> new = replace(old, "peers", "<!-- part: peers -->2<!-- end: peers -->")
    >>> new.count("part: peers"), "2<!--" in new, "1<!--" in new
    (1, True, False)
    """
    sections = {
        name: found[0]
        for name in ORDER
        if (found := re.search(f"<!-- part: {name} -->.*?<!-- end: {name} -->", text, re.S))
    }
    sections[part] = markdown
    return "\n".join([PREAMBLE, *(sections[name] + "\n" for name in ORDER if name in sections)])


def save(part: str, markdown: str, path: Path = RESULTS) -> None:
    """Puts the section into the file."""
    old = path.read_text() if path.exists() else ""
    path.write_text(replace(old, part, markdown))
