"""schemathesis against the real server: every check it has, each exception with its reason.

What it cannot know from a schema is in `schemathesis_hooks.py`. The normal run takes about a minute and leaves the
long coverage of most operations to `./run prove`.
"""

import json
import os
import subprocess
import sys
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.api.running import CALLER, CHILD, PAID, PASSWORD, RECORD, ROOT, plant, serving
from tests.making import sid

from tollbook.api import samples
from tollbook.api.documentation import described

PROVING = os.environ.get("TOLLBOOK_PROVE") == "1"

EXCLUDED = {
    "response_schema_conformance": "answer_as_described does the same, and knows that include_fields cuts an answer",
}
"""Checks that are not made, each with its reason."""

COVERED = ("/core/v2/billing/invoices", "/core/v2/oauth/token", "/health/live")
"""Paths whose every boundary is tried in the normal run too."""

UNCOVERED = () if PROVING else sorted({route.path for route in described()} - set(COVERED))

CONFIGURATION = """
# What refuses a wrong request: any 4xx that the reference has for it, and no 5xx. (By default a 5xx would do.)
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "411", "413", "414", "415", "422"]

# What a right request may get: success; 304, since `If-None-Match: *` is right; 401 for a login that nobody has;
# 404 for a sid that does not exist; 409 for what contradicts the book, which no schema knows. No 5xx.
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "304", "401", "404", "409"]
""" + "".join(f'[[operations]]\ninclude-path = "{path}"\nphases.coverage.enabled = false\n' for path in UNCOVERED)

FLAGS = (
    "--checks=all",
    f"--exclude-checks={','.join(EXCLUDED)}",
    "--max-response-time=2",
    f"--max-examples={400 if PROVING else 40}",
    "--continue-on-failure",
    "--workers=1",
    *(("--generation-database=none",) if PROVING else ("--seed=1", "--generation-deterministic")),
)

MEMORY_GROWTH_MAX = 50 * 1_048_576


def warm(url: str, token: str) -> None:
    """Have each thread do its costliest work: what argon2 takes at first is kept for the next password."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    body = json.dumps({"name": "Warm", "password": PASSWORD}).encode()
    asked = [(f"{url}/openapi.json", None), (f"{url}/core/v2/partners", body)]
    for address, data in asked * 20:
        with urllib.request.urlopen(urllib.request.Request(address, data, headers), timeout=10) as answer:
            answer.read()


def memory(process: int) -> int:
    """The resident bytes of a process and all beneath it."""
    family = {process}
    while more := {pid for pid, parent, _ in processes() if parent in family} - family:
        family |= more
    return sum(size for pid, _, size in processes() if pid in family)


def processes() -> list[tuple[int, int, int]]:
    """Each process with its parent and its resident bytes: from /proc, or from `ps` where there is none."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            found.append((int(path.parent.name), int(fields[1]), int(fields[21]) * os.sysconf("SC_PAGE_SIZE")))
    if found:
        return found
    listed = subprocess.run(["ps", "-eo", "pid=,ppid=,rss="], capture_output=True, text=True, check=True).stdout
    rows = [list(map(int, line.split())) for line in listed.splitlines()]
    return [(pid, parent, kibibytes * 1024) for pid, parent, kibibytes in rows]


def scan(url: str, known: dict[str, Any], folder: Path) -> subprocess.CompletedProcess[str]:
    """One run of schemathesis, in a process and a folder of its own."""
    (folder / "schemathesis.toml").write_text(CONFIGURATION, encoding="utf-8")
    own = ("COVERAGE_", "COV_CORE_", "PYTEST_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(own)} | {
        "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT))),
        "SCHEMATHESIS_HOOKS": "tests.api.schemathesis_hooks",
        "TOLLBOOK_HOOKS": json.dumps({**known, "url": url}),
        "NO_COLOR": "1",
    }
    program = str(Path(sys.executable).parent / "schemathesis")
    command = [program, "--config-file", "schemathesis.toml", "run", f"{url}/openapi.json", *FLAGS]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    db, token, other = plant(tmp_path)
    known: dict[str, Any] = {
        "token": token.access_token,
        "parent_sid": CALLER,
        "partner_sid": [CHILD],
        "invoice_sid": [samples.INVOICE["invoice_sid"], sid(1), sid(2)],
        "payment_sid": [PAID.payment_sid],
        "token_sid": [other.token_sid],
        "dr_sid": [RECORD, RECORD[::-1]],
        "sids": [CALLER, CHILD, samples.INVOICE["invoice_sid"], sid(3)],
        "username": "john",
        "password": PASSWORD,
    }
    with serving(db) as (url, process):
        warm(url, known["token"])
        before = memory(process)
        done = scan(url, known, tmp_path)
        growth = memory(process) - before
    assert done.returncode == 0, done.stdout[-12_000:] + done.stderr[-2_000:]
    assert " passed" in done.stdout
    assert growth < MEMORY_GROWTH_MAX, f"{growth / 1_048_576:.0f} MB"
    print(done.stdout[-1500:], f"memory grew by {growth / 1_048_576:.1f} MB")
