"""What one act tells of another that came first, where many are done at once."""

from tollbook import errors, limits
from tollbook.errors import Refusal


class Overtaken(Refusal):
    """What an act read of the book is no longer so: it is to be run again from its beginning, or told as busy."""

    def __init__(self) -> None:
        super().__init__(errors.STORE_BUSY, retry_after=limits.RETRY_AFTER_SECONDS)
