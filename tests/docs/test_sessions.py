"""The runner of documents itself: what it runs, what it finds wrong, and that it leaves no server behind."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.docs.sessions import run_document

SERVER = """
import signal, socket, sys
signal.signal(signal.SIGINT, lambda *_: sys.exit(int(sys.argv[3])))
listener = socket.create_server(("127.0.0.1", int(sys.argv[2])))
print(f"listening on http://127.0.0.1:{sys.argv[2]}", flush=True)
while True:
    signal.pause()
"""


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def run(tmp_path: Path) -> Callable[[str], list[str]]:
    """Run a small document, with a small server beside its folder."""
    (tmp_path / "server.py").write_text(SERVER)
    return lambda markdown: run_document("example.md", markdown, tmp_path)


def test_one_session_runs_all_blocks(run) -> None:
    assert not run("""
Text.

```console check
$ pwd | sed 's|.*/||'; x=\\
one
work
$ printf 'two\\n%s\\n' \\
    "$x"
two
one
```

* In a list:

  ```console check
  $ echo "$x $(date +%Y)" '
  > three'
  one 2...
  three
  ```

```json
$ false
```
""")


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        ("console\n$ true\n$ (exit 3)", "example.md:3: $ (exit 3)\nit ended with 3"),
        ("console\n$ false | true", "it ended with 1"),
        ("console\n$ echo $unknown_variable", "it ended with"),
        ("console\n$ exit 0", "it ended the session"),
        ("console check\n$ echo one\ntwo", "the document shows:\ntwo"),
        ("console check\n$ echo one", "it printed:\none"),
        ("console fails\n$ echo one", "it should have failed"),
        ("console background\n$ true --port 9; echo no; exit 4", "ended before it listened, and printed:\nno"),
    ],
)
def test_what_is_wrong_is_said(run, block: str, reason: str) -> None:
    assert reason in "\n".join(run(f"```{block}\n```\n"))


def test_an_expected_failure_goes_on(run) -> None:
    assert not run("```console fails check\n$ cat nothing\n...: No such file...\n```\n")


def test_a_server_runs_beside_and_is_stopped(run, free_port: int) -> None:
    server = f"```console background\n$ python3 ../server.py --port {free_port} 0\n```\n"
    connect = f"```console\n$ exec 3<>/dev/tcp/127.0.0.1/{free_port}\n```\n"
    assert not run(server + connect)


def test_a_server_must_end_well(run, free_port: int) -> None:
    server = f"```console background\n$ python3 ../server.py --port {free_port} 7\n```\n"
    assert "interrupted, it ended with 7" in "\n".join(run(server))


def test_a_server_is_stopped_after_a_failure(run, free_port: int) -> None:
    server = f"```console background\n$ python3 ../server.py --port {free_port} 0\n```\n"
    assert "it ended with 1" in "\n".join(run(server + "```console\n$ false\n```\n"))
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", free_port)) != 0


def test_a_taken_port_is_said(run, free_port: int) -> None:
    with socket.create_server(("127.0.0.1", free_port)):
        wrong = run(f"```console background\n$ tollbook serve --port {free_port}\n```\n")
    assert f"port {free_port}, which the document uses, is taken" in "\n".join(wrong)
