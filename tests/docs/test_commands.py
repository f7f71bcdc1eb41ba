"""Every command in the documentation is run, as a reader would run it; `sessions.py` says how a document is read."""

import re
import subprocess
from pathlib import Path

import pytest
from tests.docs.sessions import ROOT, blocks, run_document

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

NOT_RUN = {
    "./run bench": "takes minutes and the whole machine",
    "./run lock": "changes the checkout",
    "./run prove": "takes hours",
    "./run test": "would run itself",
    "apt-get": "changes the machine",
    "cd ": "goes with the command before it",
    "createdb": "needs a PostgreSQL server",
    "git clone": "needs the network",
    "pip install '.[archive]'": "needs the network",
    "pip install .": "test_install.py does it, without the network",
    "TOLLBOOK_TEST_STORE=": "needs a cluster, and would run itself",
    "nginx": "needs an installed nginx",
    "sudo": "changes the machine",
    "tollbook init --db postgresql": "needs a server, or a cluster; the tests make books on them",
    "tollbook serve --db postgresql": "needs a PostgreSQL server; tests/cli/test_postgres.py does it",
    "tollbook move /var": "needs a PostgreSQL server; tests/cli/test_postgres.py does it",
    "systemctl": "needs a machine with systemd",
    "tollbook archive": "needs pyarrow, which a reader need not have; tests/cli/test_archiving.py runs it",
}


def not_accounted_for(name: str, markdown: str) -> list[str]:
    """Shell commands in a document that are neither run nor excused."""
    found = []
    for block in blocks(markdown):
        where = f"{name}:{block.line}"
        if block.kind in {"bash", "shell", "shell-session", "zsh"}:
            found.append(f"{where}: write ```console (run) or ```sh (not run), not {block.kind}")
        if block.kind == "sh":
            text = re.sub(r"\\\n\s*", "", "\n".join(block.body))
            found += [
                f"{where}: not run, and NOT_RUN has no reason for it: {line}"
                for line in filter(None, map(str.strip, text.splitlines()))
                if not line.startswith(("#", *NOT_RUN))
            ]
    return found


@pytest.fixture(scope="module")
def installed() -> None:
    """`tollbook` as a reader has it: with its runtime requirements and nothing else."""
    subprocess.run([ROOT / "run", "setup"], check=True, stdin=subprocess.DEVNULL)


every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())


@every_document
@pytest.mark.xdist_group("port-8080")
def test_the_commands_of(document: Path, installed: None, tmp_path: Path) -> None:
    name = document.relative_to(ROOT).as_posix()
    wrong = run_document(name, document.read_text(encoding="utf-8"), tmp_path)
    assert not wrong, "\n\n" + "\n\n".join(wrong)


@every_document
def test_what_is_not_run_has_a_reason(document: Path) -> None:
    name = document.relative_to(ROOT).as_posix()
    assert not_accounted_for(name, document.read_text(encoding="utf-8")) == []


def test_blocks_that_are_not_run_need_a_reason() -> None:
    assert not not_accounted_for("a.md", "```sh\n# words\nsudo apt-get install \\\n  nginx\n```\n")
    assert not_accounted_for("a.md", "```sh\nrm -r /\n```\n")
    assert not_accounted_for("a.md", "```bash\nls\n```\n")
