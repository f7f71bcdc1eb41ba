"""The list of invoices, served by Tollbook and its peers in turn, round after round.

Only one candidate runs at a time; each is compared with the source before it is measured.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from benchmarks import expected
from benchmarks.candidates import CASES, Candidate, Case, Material, candidates, nginx, validate
from benchmarks.datasette_peer import datasette
from benchmarks.expected import Invoice
from benchmarks.load import Rate, Sampler, save_requests, wrk
from benchmarks.machine import Machine, peer_versions
from benchmarks.material import list_material, say
from benchmarks.numbers import Outcome, Requirement, ratio, spread, table
from benchmarks.processes import BenchError
from benchmarks.quiet import Quiet
from benchmarks.settings import Settings

SAMPLED_PARTNERS = 20
MEMORY_MB_MAX = 120
REQUIRED = {"limit=10": 30.0, "limit=100": 70.0, "filter": 30.0}
"""How many times the FastAPI peer's rate Tollbook's has to be."""


@dataclass(slots=True)
class Measured:
    """All rounds of one candidate."""

    rates: dict[str, list[Rate]] = field(default_factory=lambda: defaultdict(list))
    thrift: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Requests for each second that the server had a processor: steady even where others take turns."""
    memory_mb: list[float] = field(default_factory=list)

    def per_second(self, case: str) -> list[float]:
        """The rate of each round."""
        return [rate.per_second for rate in self.rates[case]]


def measure(settings: Settings, machine: Machine) -> Outcome:
    """The whole part: validation, rounds, tables."""
    material, ndjson = list_material(settings)
    step = max(1, settings.partners // SAMPLED_PARTNERS)
    wanted = expected.read(ndjson, material.partners[::step])
    field_of = candidates(material)
    rows = datasette(material, next(i for i in wanted[material.partners[0]] if i["amount"] != "0"))
    if rows:
        field_of.append(rows)
    if "nginx" not in machine.missing:
        field_of.append(nginx(material))
    for candidate in field_of:
        _validate(candidate, wanted, material)
    measured = {candidate.name: Measured() for candidate in field_of}
    quiet = Quiet()
    if "wrk" not in machine.missing:
        for nth in range(settings.rounds):
            for candidate in field_of:
                say(f"round {nth + 1} of {settings.rounds}: {candidate.name}")
                quiet.look()
                _round(candidate, measured[candidate.name], material, settings)
    return _outcome(settings, field_of, measured, quiet)


def _validate(candidate: Candidate, wanted: dict[str, list[Invoice]], material: Material) -> None:
    """Compares every case for every sampled partner; keeps the first page of the best for nginx."""
    say(f"checking the answers of {candidate.name}")
    with candidate.start() as server:
        for case, body in validate(candidate, server, wanted).items():
            material.pages.setdefault(case, body)


def _round(candidate: Candidate, measured: Measured, material: Material, settings: Settings) -> None:
    with candidate.start() as server:
        sampler = Sampler(server.memory_mb, 0.5)
        sampler.start()
        for case in CASES:
            requests = (candidate.request(case, partner) for partner in material.partners)
            file = save_requests(material.folder / f"{candidate.name}.requests", requests)
            wrk(server.port, file, settings.warmup)
            used = server.processor_seconds()
            rate = wrk(server.port, file, settings.seconds)
            if rate.requests == 0:
                raise BenchError(
                    f"{candidate.name} answered nobody within {settings.seconds:g} s: give it more --seconds"
                )
            measured.rates[case.name].append(rate)
            measured.thrift[case.name].append(rate.requests / max(0.01, server.processor_seconds() - used))
        measured.memory_mb.append(max(sampler.finish()))


def _outcome(settings: Settings, field_of: list[Candidate], measured: dict[str, Measured], quiet: Quiet) -> Outcome:
    head = (
        f"{settings.invoices:,} invoices of {settings.partners:,} partners, one worker on one CPU,"
        f" wrk with 16 connections on another, a random token for each request, total included."
        f" {settings.rounds} interleaved rounds of {settings.seconds:g} s after"
        f" {settings.warmup:g} s of warm-up; median [lowest..highest]."
        f" Peers: {peer_versions()}."
    )
    title = "The list, side by side"
    if not any(m.rates for m in measured.values()):
        return Outcome(title, f"{head}\n\nAnswers were right; rates were **not measured**.", [])
    blocks = [head, str(quiet)]
    blocks += [f"### {_name(case)}\n\n{_table(case, field_of, measured)}" for case in CASES]
    blocks.append("### Memory under load, one worker and what starts it\n\n" + _memory(field_of, measured))
    return Outcome(title, "\n\n".join(blocks), _requirements(measured))


def _name(case: Case) -> str:
    return "limit=10, filter=status eq open and amount gt 1" if case.keep else case.name


def _table(case: Case, field_of: list[Candidate], measured: dict[str, Measured]) -> str:
    rows = []
    base = measured["fastapi"].per_second(case.name)
    ceiling = measured["nginx"].per_second(case.name) if "nginx" in measured else None
    for candidate in field_of:
        rates = measured[candidate.name].rates[case.name]
        mine = [rate.per_second for rate in rates]
        share = f"{ratio(mine, ceiling).median:.2%}" if ceiling else "not measured"
        rows.append(
            [
                candidate.title,
                str(spread(mine)),
                str(spread(rate.p50_ms for rate in rates)),
                str(spread(rate.p99_ms for rate in rates)),
                str(ratio(mine, base)),
                share,
                str(spread(measured[candidate.name].thrift[case.name])),
                str(ratio(measured[candidate.name].thrift[case.name], measured["fastapi"].thrift[case.name])),
            ]
        )
    heads = ["", "requests/s", "p50 ms", "p99 ms", "× FastAPI", "of nginx", "requests/CPU s", "× FastAPI"]
    return table(heads, rows)


def _memory(field_of: list[Candidate], measured: dict[str, Measured]) -> str:
    rows = [[c.title, str(spread(measured[c.name].memory_mb))] for c in field_of]
    return table(["", "PSS, MB"], rows)


def _requirements(measured: dict[str, Measured]) -> list[Requirement]:
    if "tollbook" not in measured:
        return []
    mine, base = measured["tollbook"], measured["fastapi"]
    found = [
        Requirement(
            f"list, {case}: × FastAPI",
            ratio(mine.per_second(case), base.per_second(case)),
            bound,
            at_least=True,
        )
        for case, bound in REQUIRED.items()
    ]
    memory = spread(mine.memory_mb)
    found.append(Requirement("memory of a worker, PSS", memory, MEMORY_MB_MAX, False, " MB"))
    return found
