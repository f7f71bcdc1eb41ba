"""Answers to writes that came with an Idempotency-Key, kept to be given again."""

from collections.abc import Callable
from typing import Any, NamedTuple


class Kept(NamedTuple):
    """What was asked, by its digest, and what was answered."""

    digest: bytes
    status: int
    answer: bytes


class Answers:
    """The kept answers, within one transaction."""

    _run: Callable[..., Any]
    wall: int

    def kept_answer(self, partner_sid: str, key: str) -> Kept | None:
        """What a partner's request with that key was answered, if there was one."""
        found = "SELECT digest, status, answer FROM idempotency WHERE partner_sid = ? AND key = ?"
        row = self._run(found, (partner_sid, key)).fetchone()
        return Kept(*row) if row else None

    def keep_answer(self, partner_sid: str, key: str, kept: Kept) -> None:
        """Keep an answer under a partner's key that has none yet."""
        self._run("INSERT INTO idempotency VALUES (?, ?, ?, ?, ?, ?)", (partner_sid, key, *kept, self.wall))

    def forget_answers(self, before: int, most: int) -> int:
        """Forget answers that were given before an instant, the oldest first and so many at most; how many."""
        oldest = "SELECT partner_sid, key FROM idempotency WHERE date_created < ? ORDER BY date_created LIMIT ?"
        return int(
            self._run(f"DELETE FROM idempotency WHERE (partner_sid, key) IN ({oldest})", (before, most)).rowcount
        )
