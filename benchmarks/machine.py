"""What the numbers were measured on, and which tools this machine lacks.

Facts that matter to a reader only: never a host name, a user or a path.
"""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

TOOLS = {
    "wrk": "apt-get install -y wrk",
    "nginx": "apt-get install -y nginx-light",
    "taskset": "apt-get install -y util-linux",
}
"""Tools outside Python, and the command by which a reader of Debian or Ubuntu gets each."""

PEERS = (
    "fastapi",
    "uvicorn",
    "sqlalchemy",
    "pydantic",
    "django",
    "djangorestframework",
    "django-filter",
    "gunicorn",
    "datasette",
)


@dataclass(frozen=True, slots=True)
class Machine:
    """One line of facts for the report, and what is missing."""

    day: str
    facts: str
    missing: tuple[str, ...]

    def complaints(self) -> list[str]:
        """A loud sentence for each missing tool."""
        return [
            f"**{tool} is missing on this machine**: what needs it was not measured (to get it: `{TOOLS[tool]}`)"
            for tool in self.missing
        ]


def look() -> Machine:
    """This machine, today."""
    facts = [
        f"{_cpu_model()}, {os.cpu_count()} cores",
        f"{_memory_gb()} GB memory",
        f"{platform.system()} {platform.release().split('-')[0]}",
        f"{platform.python_implementation()} {platform.python_version()}",
        f"SQLite {sqlite3.sqlite_version}",
    ]
    missing = tuple(tool for tool in TOOLS if find(tool) is None)
    return Machine(f"{datetime.now(UTC):%Y-%m-%d}", ", ".join(facts), missing)


def find(tool: str) -> str | None:
    """Where a tool is; the folders of administrators' programs count even for others."""
    return shutil.which(tool, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def peer_versions() -> str:
    """The peers as installed, for the report."""
    found = []
    for name in PEERS:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            found.append(f"{name} (missing)")
    return ", ".join(found)


def on_cpu(cpu: int) -> list[str]:
    """The prefix that pins a command to one CPU; nothing where that is not possible."""
    taskset = find("taskset")
    return [taskset, "-c", str(cpu)] if taskset and (os.cpu_count() or 1) > cpu > -1 else []


def _cpu_model() -> str:
    for line in _lines("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory_gb() -> int:
    for line in _lines("/proc/meminfo"):
        if line.startswith("MemTotal"):
            return round(int(line.split()[1]) / 1_048_576)
    return 0


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
