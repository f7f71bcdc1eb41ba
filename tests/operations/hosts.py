"""Processes of their own on one book, which all begin at one moment: as servers on several hosts are."""

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tollbook.store import Store

ROOT = Path(__file__).resolve().parents[2]

_HOST = """
import json, sys
from tollbook.clock import FixedClock
from tollbook.errors import Refusal
from tollbook.operations.books import operator_caller
from tollbook.store import open_store

def told(do, *given):
    "What something answers, or the code that it is refused with."
    try:
        return do(*given)
    except Refusal as refusal:
        return refusal.problem.code

url, now, given = json.loads(sys.argv[1])
store = None
if now is not None:
    store = open_store(url, FixedClock(now))
    caller = operator_caller(store)
{source}
print("ready", flush=True)
sys.stdin.readline()
print(json.dumps(do(store, given)))
"""


def at_hosts(store: Store, *sources: str, given: Any = None) -> list[Any]:
    """What `do(store, given)`, which each source defines, answers in a process of its own."""
    return hosts_at(store.url, store.clock.now(), *sources, given=given)


def hosts_at(url: str, now: int | None, *sources: str, given: Any = None) -> list[Any]:
    """The same at a URL; without an instant the book is not opened."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    how: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environment}
    with ExitStack() as stack:
        processes = []
        for source in sources:
            command = [sys.executable, "-c", _HOST.replace("{source}", source), json.dumps([url, now, given])]
            processes.append(stack.enter_context(subprocess.Popen(command, **how)))
        for process in processes:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin
            process.stdin.write("\n")
            process.stdin.flush()
        return [json.loads(process.communicate(timeout=120)[0]) for process in processes]
