"""The commands of a document, run as a reader would run them: one shell, and the servers started in it.

How a document says what is to be run, in the info string of a fenced block:

- `console`: lines that start with `$ ` are commands (continued by a trailing backslash, or by
  lines that start with `> `), the others are output. A document's blocks run in order in one bash
  session, in an empty folder with an empty home; `tollbook` and `./run` are this checkout's.
- `console check`: the output must be what is shown; `...` stands for anything.
- `console fails`: each command must end with an error.
- `console background`: the command is a server. It is waited for until it prints
  `listening on http://`, runs beside the blocks that follow, is interrupted at the document's end
  and must then exit 0.
- `sh`: not run; each command begins with an entry of `NOT_RUN` in `test_commands.py`, which says why.
"""

import doctest
import os
import re
import select
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

COMMAND_SECONDS_MAX = 120
READY_SECONDS_MAX = 30
STOP_SECONDS_MAX = 15
DEFAULT_PORT = 8080

INFO_WORDS = {"check", "fails", "background"}


@dataclass(frozen=True)
class Command:
    """One command of a block, with the output that the document shows for it."""

    text: str
    line: int
    shown: str


@dataclass(frozen=True)
class Block:
    """One fenced block: its kind, the words after it, and its body."""

    kind: str
    words: frozenset[str]
    line: int
    body: list[str]

    def commands(self) -> Iterator[Command]:
        """The `$ ` lines with their continuations, and what stands below each."""
        lines = list(enumerate(self.body, self.line + 1))
        while lines:
            number, first = lines.pop(0)
            assert first.startswith("$ "), f"line {number}: a block begins with `$ `, not {first!r}"
            text = [first[2:]]
            while lines and (text[-1].endswith("\\") or lines[0][1].startswith("> ")):
                text.append(lines.pop(0)[1].removeprefix("> "))
            shown = []
            while lines and not lines[0][1].startswith("$ "):
                shown.append(lines.pop(0)[1])
            yield Command("\n".join(text), number, "".join(f"{line}\n" for line in shown))


def blocks(markdown: str) -> Iterator[Block]:
    """The fenced blocks of a document, in order."""
    opened: Block | None = None
    indent = fence = ""
    for number, line in enumerate(markdown.splitlines(), 1):
        if opened is None:
            if start := re.match(r"(\s*)(`{3,})\s*(\w*)\s*(.*)", line):
                indent, fence, kind, words = start.groups()
                opened = Block(kind, frozenset(words.split()), number, [])
        elif line.strip() == fence:
            yield opened
            opened = None
        else:
            opened.body.append(line.removeprefix(indent))
    if opened is not None:
        raise AssertionError(f"line {opened.line}: the block is never closed")


@dataclass
class Session:
    """One bash, and the servers started in it; scripts and logs are kept in `folder`."""

    shell: subprocess.Popen[bytes]
    folder: Path
    servers: list[tuple[str, int, Path]] = field(default_factory=list)
    steps: int = 0

    def written(self, text: str) -> str:
        """A command as a script file for the shell to read; its name, quoted for the shell."""
        self.steps += 1
        script = self.folder / f"step-{self.steps}.sh"
        run = shlex.quote(str(ROOT / "run"))
        script.write_text(re.sub(r"(?m)(^|[\s;&|(])\./run(?=\s|$)", rf"\1{run}", text) + "\n")
        return shlex.quote(str(script))

    def ask(self, line: str, seconds: float) -> tuple[int, str]:
        """Have the shell run one line; its exit status, and all that was printed."""
        mark = f"--end-{os.urandom(8).hex()}--"
        assert self.shell.stdin
        assert self.shell.stdout
        self.shell.stdin.write(f"{line}; printf '%s %d\\n' {mark} $?\n".encode())
        self.shell.stdin.flush()
        printed, deadline = b"", time.monotonic() + seconds
        while (end := re.search(rf"{mark} (\d+)\n".encode(), printed)) is None:
            ready, _, _ = select.select([self.shell.stdout], [], [], 0.5)
            if ready:
                piece = os.read(self.shell.stdout.fileno(), 65536)
                if not piece:  # the shell ended: a command failed
                    return self.shell.wait(), printed.decode(errors="replace")
                printed += piece
            elif time.monotonic() > deadline:
                return -1, printed.decode(errors="replace") + f"\n(no end after {seconds} s)"
        return int(end.group(1)), printed[: end.start()].decode(errors="replace")

    def run(self, text: str, *, fails: bool) -> tuple[int, str]:
        """Run a command; unless it `fails`, an error in it ends the session."""
        strictness = "set +e" if fails else "set -e"
        return self.ask(f"{strictness}; . {self.written(text)} </dev/null", COMMAND_SECONDS_MAX)

    def start(self, text: str) -> str:
        """Start a server and wait until it listens; what is wrong, or nothing."""
        asked = re.search(r"--port[= ](\d+)", text)
        port = int(asked.group(1)) if asked else DEFAULT_PORT
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return f"port {port}, which the document uses, is taken by another program"
        output = self.folder / f"server-{len(self.servers)}.log"
        output.touch()
        log = shlex.quote(str(output))
        # Job control gives the server a process group of its own and leaves it its interrupts.
        line = f"set -m; (. {self.written(text)}) </dev/null >{log} 2>&1 & set +m; echo $!"
        _, printed = self.ask(line, 10)
        group = int(printed.split()[-1])
        self.servers.append((text, group, output))
        deadline = time.monotonic() + READY_SECONDS_MAX
        while "listening on http://" not in (said := output.read_text(errors="replace")):
            if not alive(group):
                return f"the server ended before it listened, and printed:\n{said}"
            if time.monotonic() > deadline:
                return f"no `listening on` after {READY_SECONDS_MAX} s; it printed:\n{said}"
            time.sleep(0.05)
        return ""

    def stop(self) -> list[str]:
        """Interrupt every server, the last one first; what was wrong with their ends."""
        wrong = []
        for text, group, output in reversed(self.servers):
            tell(group, signal.SIGINT)
            status = 0  # not known when a failure has ended the shell, and said already
            if self.shell.poll() is None:
                status, _ = self.ask(f"set +e; wait {group}", STOP_SECONDS_MAX)
            deadline = time.monotonic() + STOP_SECONDS_MAX
            while alive(group) and time.monotonic() < deadline:
                time.sleep(0.05)
            tell(group, signal.SIGKILL)
            if status:
                printed = output.read_text(errors="replace")
                wrong.append(f"`{text}`: interrupted, it ended with {status}:\n{printed}")
        return wrong


def alive(group: int) -> bool:
    """Whether a process of the group is still there."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def tell(group: int, which: signal.Signals) -> None:
    try:
        os.killpg(group, which)
    except ProcessLookupError:
        return


@contextmanager
def session(folder: Path) -> Iterator[Session]:
    """A bash that stops at the first error, knowing nothing of who started it."""
    work, home = folder / "work", folder / "home"
    work.mkdir()
    home.mkdir()
    own = ("TOLLBOOK_", "COVERAGE_", "COV_CORE_", "PYTEST_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    for name in ("PYTHONUNBUFFERED", "PYTHONPATH", "VIRTUAL_ENV", "BASH_ENV", "ENV", "CDPATH"):
        env.pop(name, None)
    env |= {"HOME": str(home), "TERM": "dumb", "LC_ALL": "C.UTF-8"}
    env["PATH"] = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{env['PATH']}"
    shell = subprocess.Popen(
        ["bash", "--noprofile", "--norc", "-euo", "pipefail"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=work,
        env=env,
        start_new_session=True,
    )
    try:
        yield Session(shell, folder)
    finally:
        shell.kill()
        shell.communicate()


def trouble(block: Block, command: Command, here: Session) -> str:
    """Run one command of a block; what is wrong, or nothing."""
    if "background" in block.words:
        return here.start(command.text)
    fails = "fails" in block.words
    status, printed = here.run(command.text, fails=fails)
    if fails and status == 0:
        return f"it should have failed, and printed:\n{printed}"
    if here.shell.poll() == 0:
        return f"it ended the session, and printed:\n{printed}"
    if not fails and status != 0:
        return f"it ended with {status}:\n{printed}"
    if "check" in block.words:
        shown, got = (re.sub(r"(?m)[ \t]+$", "", text).rstrip("\n") for text in (command.shown, printed))
        if not doctest.OutputChecker().check_output(shown, got, doctest.ELLIPSIS):
            return f"the document shows:\n{shown}\nand it printed:\n{got}"
    return ""


def run_document(name: str, markdown: str, folder: Path) -> list[str]:
    """Run a document's blocks in order, up to the first failure; what is wrong."""
    wrong: list[str] = []
    with session(folder) as here:
        try:
            for block in blocks(markdown):
                if block.kind != "console":
                    continue
                assert block.words <= INFO_WORDS, f"{name}:{block.line}: one of {INFO_WORDS}"
                for command in block.commands():
                    if found := trouble(block, command, here):
                        wrong.append(f"{name}:{command.line}: $ {command.text}\n{found}")
                        return wrong
        finally:
            wrong += [f"{name}: {found}" for found in here.stop()]
    return wrong
