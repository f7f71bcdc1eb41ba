"""The settings of one process: one frozen record; flags go before environment, file and default.

Each setting has a flag `--name-of-it`, a variable `TOLLBOOK_NAME_OF_IT` and a key in the TOML file that
`--config` or `TOLLBOOK_CONFIG` names. A secret is never a setting.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tollbook import errors, limits
from tollbook.errors import Flaw, Refusal


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator may set. `admin` is HOST:PORT or empty; `trusted_proxy` a comma list of addresses."""

    db: str = "tollbook.db"
    db_read: str = ""
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    threads: int = 4
    cpu_affinity: bool = True
    public_url: str = ""
    trusted_proxy: str = ""
    admin: str = ""
    stop_timeout: int = limits.STOP_SECONDS_DEFAULT
    read_deadline_ms: int = limits.READ_DEADLINE_SECONDS * 1000
    tick_seconds: int = limits.TICK_SECONDS_DEFAULT
    strict_query: bool = True
    development: bool = False
    log_level: str = "info"


HELP = {
    "db": "the book: a path, sqlite:///path or postgresql://host/database",
    "db_read": "a replica of a postgresql:// book, for lists and records: they may be a moment old",
    "host": "address to listen on",
    "port": "port to listen on; 0 takes a free one",
    "workers": "processes",
    "threads": "threads in each process; half of them may read bodies",
    "cpu_affinity": "each process keeps to a processor of its own, if there are enough; its threads share one",
    "public_url": "base of the links in answers, such as https://billing.example.com",
    "trusted_proxy": "addresses whose X-Forwarded-* headers are believed, comma separated",
    "admin": "HOST:PORT for /metrics and health, loopback; off by default",
    "stop_timeout": "seconds that requests in flight may take when the server stops",
    "read_deadline_ms": "milliseconds after which a read is stopped with 503",
    "tick_seconds": "seconds between two looks whether a billing run is due; 0 leaves that to tollbook bill",
    "strict_query": "refuse unknown and repeated query arguments",
    "development": "Server-Timing headers and readable logs",
    "log_level": "debug, info, warning or error",
}
"""One line about each setting, for the help and the reference."""

URLS = ("db", "db_read")
"""Settings that may hold a password: nobody is shown it."""


@dataclass(frozen=True, slots=True)
class Sourced:
    """One setting with where its value came from: flag, environment, file or default."""

    name: str
    value: Any
    source: str


def load(
    flags: Mapping[str, Any], environment: Mapping[str, str] | None = None, file: Path | None = None
) -> tuple[Settings, list[Sourced]]:
    """The settings in force and the source of each; a Refusal names what is wrong and where.

    `flags` holds what the command line gave, None where it gave nothing.

    >>> load({"port": 9000}, {"TOLLBOOK_PORT": "7000", "TOLLBOOK_WORKERS": "2"})[0].workers
    2
    """
    environment = os.environ if environment is None else environment
    path = file or (Path(environment["TOLLBOOK_CONFIG"]) if environment.get("TOLLBOOK_CONFIG") else None)
    written = _file(path) if path else {}
    found = []
    for setting in fields(Settings):
        variable = f"TOLLBOOK_{setting.name.upper()}"
        if flags.get(setting.name) is not None:
            value, source = flags[setting.name], "flag"
        elif variable in environment:
            value, source = environment[variable], f"environment ({variable})"
        elif setting.name in written:
            value, source = written[setting.name], f"file ({path})"
        else:
            value, source = setting.default, "default"
        found.append(Sourced(setting.name, _typed(setting.name, value, type(setting.default)), source))
    settings = Settings(**{sourced.name: sourced.value for sourced in found})
    _check(settings)
    return settings, found


def _file(path: Path) -> dict[str, Any]:
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refusal(errors.SETTING_INVALID, Flaw("config", f"{path}: {error}")) from None
    known = {setting.name for setting in fields(Settings)}
    if unknown := sorted(set(written) - known):
        raise Refusal(errors.SETTING_INVALID, Flaw(unknown[0], f"{path} has an unknown setting"))
    return written


def _typed(name: str, value: Any, kind: type) -> Any:
    text = str(value).strip()
    if kind is bool:
        if text.lower() in ("true", "1", "yes", "on"):
            return True
        if text.lower() in ("false", "0", "no", "off"):
            return False
        raise Refusal(errors.SETTING_INVALID, Flaw(name, f"expected true or false, found {text}"))
    if kind is int:
        if not (text.isascii() and text.isdigit()):
            raise Refusal(errors.SETTING_INVALID, Flaw(name, f"expected a whole number, found {text}"))
        return int(text)
    return text


def _check(settings: Settings) -> None:
    """Refuse values that could only fail later."""
    bounds = {
        "port": (0, 65_535),
        "workers": (1, 64),
        "threads": (2, 256),
        "read_deadline_ms": (1, 3_600_000),
        "tick_seconds": (0, 86_400),
    }
    for name, (low, high) in bounds.items():
        if not low <= getattr(settings, name) <= high:
            raise Refusal(errors.SETTING_INVALID, Flaw(name, f"expected a number from {low} to {high}"))
    if settings.log_level not in ("debug", "info", "warning", "error"):
        raise Refusal(errors.SETTING_INVALID, Flaw("log_level", HELP["log_level"]))
    if settings.public_url and not _is_base(settings.public_url):
        why = "expected a URL that begins with https:// or http://, names a host and has no ? or #"
        raise Refusal(errors.SETTING_INVALID, Flaw("public_url", why))
    for proxy in proxies(settings):
        if not _is_address(proxy):
            why = f"expected IP addresses, comma separated, such as 127.0.0.1; found {proxy}"
            raise Refusal(errors.SETTING_INVALID, Flaw("trusted_proxy", why))
    if settings.admin:
        _check_admin(settings.admin)


def proxies(settings: Settings) -> frozenset[str]:
    """The addresses of `trusted_proxy`.

    >>> sorted(proxies(Settings(trusted_proxy="127.0.0.1, ::1")))
    ['127.0.0.1', '::1']
    """
    return frozenset(proxy.strip() for proxy in settings.trusted_proxy.split(",") if proxy.strip())


def _check_admin(admin: str) -> None:
    host, _, port = admin.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) <= 65_535):
        raise Refusal(errors.SETTING_INVALID, Flaw("admin", "expected HOST:PORT, such as 127.0.0.1:9090"))
    bare = host.strip("[]")
    if bare not in ("", "localhost") and not (_is_address(bare) and ip_address(bare).is_loopback):
        why = f"expected an address of this machine alone, such as 127.0.0.1:{port}: whoever reaches it needs no token"
        raise Refusal(errors.SETTING_INVALID, Flaw("admin", why))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_base(url: str) -> bool:
    """Whether links can stand on it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "?" not in url and "#" not in url
