"""The real command in a process of its own, to be killed at any instant."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
KILLS = 100 if os.environ.get("TOLLBOOK_PROVE") == "1" else 10

# Small batches, each a transaction, so that there are many places to die at.
_RUN = """
import sys
from tollbook import limits
from tollbook.cli import main
import {module}
limits.IMPORT_BATCH, limits.IMPORT_COMMIT_SECONDS = {batch}, 0
{before}
print("at work", flush=True)
sys.exit(main(sys.argv[1:]))
"""


class Ended(NamedTuple):
    """How a command ended (-9: killed), what it printed, and the seconds that it was at work."""

    status: int
    out: str
    err: str
    seconds: float  # time, not money


def run(
    *arguments: str,
    module: str = "tollbook.cli.moving",
    batch: int = 20,
    kill_after: float | None = None,
    before: str = "",
) -> Ended:
    """Run a command, with everything imported beforehand; kill it so many seconds after it set to work."""
    program = _RUN.format(module=module, batch=batch, before=before)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout
        process.stdout.readline()
        began = time.perf_counter()
        if kill_after is not None:
            time.sleep(kill_after)
            process.kill()
        out, err = process.communicate(timeout=60)
        return Ended(process.returncode, out.decode(), err.decode(), time.perf_counter() - began)


def instants(seconds: float, seed: str) -> list[float]:
    """When to kill what takes so many seconds: the same share of it each time, spread over its whole length."""
    chance = random.Random(seed)
    return [seconds * (number + chance.random()) / KILLS for number in range(KILLS)]
