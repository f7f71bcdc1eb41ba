"""What must lie ready before a measurement: data, books, tokens; kept for the next run."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import data, tollbook
from benchmarks.candidates import Material
from benchmarks.peers import normalised
from benchmarks.processes import BenchError
from benchmarks.settings import Settings


def say(text: str) -> None:
    """Progress, to a person."""
    print(text, file=sys.stderr, flush=True)


def list_material(settings: Settings, peers: bool = True) -> tuple[Material, Path]:
    """The books of the list measurement, and the NDJSON they were all filled from."""
    folder = settings.folder / f"list-{settings.partners}x{settings.invoices_each}"
    folder.mkdir(parents=True, exist_ok=True)
    partners = data.partner_sids(settings.partners)
    ndjson = ndjson_of(folder, [settings.invoices_each] * settings.partners)
    peer_book = folder / "peers.db"
    if peers and not peer_book.exists():
        say("filling the peers' book …")
        normalised.build(peer_book, ndjson, partners)
    book = None
    if tollbook.executable():
        say("preparing Tollbook's book (imported and given tokens once, then kept) …")
        book = tollbook.keep_book(folder / "tollbook.db", ndjson, partners, settings.fresh)
    else:
        say("THERE IS NO TOLLBOOK TO MEASURE: set TOLLBOOK_BIN or build .venv; peers only")
    return Material(folder, peer_book, book, partners), ndjson


def ndjson_of(folder: Path, sizes: Sequence[int]) -> Path:
    """The generated invoices, written unless they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "invoices.ndjson"
    if not path.exists():
        say(f"generating {sum(sizes):,} invoices …")
        data.write(path, sizes)
    return path


def need_tollbook() -> None:
    """Raises BenchError where there is none."""
    if tollbook.executable() is None:
        raise BenchError("there is no tollbook to measure: set TOLLBOOK_BIN, or `./run setup`")
