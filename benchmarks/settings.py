"""How much is measured, and for how long: chosen once, on the command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).resolve().parent / ".data"


@dataclass(frozen=True, slots=True)
class Settings:
    """The full measurement; `quick` and the selftest take less of everything."""

    partners: int = 1_000
    invoices_each: int = 200
    seconds: float = 4.0
    rounds: int = 3
    growth: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    import_rounds: int = 1
    fresh: bool = False
    folder: Path = DATA
    db: str = "own"
    """The PostgreSQL server of those parts: a URL, or one of the measurements' own."""

    @property
    def invoices(self) -> int:
        """Of all partners together."""
        return self.partners * self.invoices_each

    @property
    def warmup(self) -> float:
        """Seconds of load before each measurement."""
        return 1.0
