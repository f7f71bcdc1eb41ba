"""Answers to writes that came with an Idempotency-Key, kept to be given again."""

import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

from tollbook import limits


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
        return Kept(row[0], row[1], _unpacked(row[2])) if row else None

    def keep_answer(self, partner_sid: str, key: str, kept: Kept) -> None:
        """Keep an answer under a partner's key that has none yet."""
        row = (partner_sid, key, kept.digest, kept.status, _packed(kept.answer), self.wall)
        self._run("INSERT INTO idempotency VALUES (?, ?, ?, ?, ?, ?)", row)

    def forget_answers(self, before: int, most: int) -> int:
        """Forget answers that were given before an instant, the oldest first and so many at most; how many."""
        oldest = "SELECT partner_sid, key FROM idempotency WHERE date_created < ? ORDER BY date_created LIMIT ?"
        return int(
            self._run(f"DELETE FROM idempotency WHERE (partner_sid, key) IN ({oldest})", (before, most)).rowcount
        )


def _packed(answer: bytes) -> bytes:
    """A long answer, compressed: that to a thousand records has a hundred kilobytes, and is kept for weeks."""
    return zlib.compress(answer, 1) if len(answer) >= limits.GZIP_BYTES_MIN else answer


def _unpacked(kept: bytes) -> bytes:
    """An answer as it was given; JSON never begins as what is compressed does."""
    return zlib.decompress(kept) if kept.startswith(b"x") else kept
