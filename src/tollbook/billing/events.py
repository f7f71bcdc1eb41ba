"""Usage events: what one call, message or other use is, when it counts, and what it is called on an invoice.

Instants are milliseconds, prices billionths, talk time nanoseconds; names are the wire's. An event never changes: a
correction is another version of it. Rates are not known here.
"""

import hashlib
from typing import Literal

import msgspec

from tollbook import limits
from tollbook.billing.increments import measured_time
from tollbook.billing.numbers import Direction, Jurisdiction, external_number, is_number, is_toll_free, rated_number

SenderClass = Literal["short_code", "toll", "toll_free"]


class CallEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="call"):
    """One call. `duration` (nanoseconds) counts only without instants; `price` (billionths) is final if it came."""

    dr_sid: str
    partner_sid: str
    direction: Direction
    number_src: str
    number_dst: str
    number_billing: str | None = None
    number_external: str | None = None
    date_start: int
    date_talk: int | None = None
    date_stop: int | None = None
    duration: int | None = None
    duration_billing: int | None = None
    jurisdiction: Jurisdiction | None = None
    price: int | None = None
    sipcause: int | None = None

    @property
    def time(self) -> int:
        """The instant whose period the call belongs to; a call of which only the start is known, to that."""
        return self.date_start if self.date_stop is None else self.date_stop

    @property
    def start(self) -> int:
        """The instant that chooses the sheet."""
        return self.date_start

    @property
    def measured(self) -> int:
        """Talk time in nanoseconds; ValueError as from `measured_time`."""
        return measured_time(self.date_talk, self.date_stop, self.duration)

    @property
    def type(self) -> str:
        """The invoice item's type: an inbound call to a toll-free number is the called party's to pay."""
        return "toll_free" if self.direction == "inbound" and is_toll_free(self.number_dst) else "toll"

    @property
    def rated_number(self) -> str:
        """The number that the sheet is asked for."""
        return rated_number(self.direction, self.number_src, self.number_dst, self.number_billing)

    @property
    def outside(self) -> str:
        """The number whose country is the item's."""
        return external_number(self.direction, self.number_src, self.number_dst, self.number_external)


class MessageEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="message"):
    """One message to one number or, by `number_group_dst`, to several. `message_segments` is at least 1."""

    dr_sid: str
    partner_sid: str
    direction: Direction
    type: Literal["sms", "mms"] = "sms"
    number_src: str
    number_dst: str
    number_billing: str | None = None
    number_external: str | None = None
    number_group_dst: tuple[str, ...] = ()
    sender_class: SenderClass | None = None
    date_start: int | None = None
    date_sent: int
    date_stop: int | None = None
    mcc: str | None = None
    mnc: str | None = None
    message_segments: int = 1
    price: int | None = None
    status: str | None = None

    @property
    def time(self) -> int:
        """The instant whose period the message belongs to."""
        return self.date_sent

    @property
    def start(self) -> int:
        """The instant that chooses the sheet."""
        return self.date_sent if self.date_start is None else self.date_start

    @property
    def recipients(self) -> int:
        """How many the message went to, at least 1; ValueError beyond the limit."""
        if len(self.number_group_dst) > limits.RECIPIENTS_MAX:
            raise ValueError(f"expected at most {limits.RECIPIENTS_MAX} recipients")
        return max(1, len(self.number_group_dst))

    @property
    def quantity(self) -> int:
        """Billed segments: those of the text, for each recipient; ValueError outside the limits."""
        if not 1 <= self.message_segments <= limits.SEGMENTS_MAX:
            raise ValueError(f"expected 1 to {limits.SEGMENTS_MAX} segments")
        return self.message_segments * self.recipients

    @property
    def first_dst(self) -> str:
        """The first number the message went to."""
        return self.number_group_dst[0] if self.number_group_dst else self.number_dst

    @property
    def rated_number(self) -> str:
        """The number that a sheet by prefixes is asked for."""
        return rated_number(self.direction, self.number_src, self.first_dst, self.number_billing)

    @property
    def outside(self) -> str:
        """The number whose country is the item's: of several recipients the first."""
        return external_number(self.direction, self.number_src, self.first_dst, self.number_external)

    @property
    def sender(self) -> SenderClass:
        """What kind of number sent it: as told, else by its look (5 or 6 digits are a short code)."""
        if self.sender_class is not None:
            return self.sender_class
        if len(self.number_src) <= _SHORT_CODE_DIGITS_MAX and is_number(self.number_src):
            return "short_code"
        return "toll_free" if is_toll_free(self.number_src) else "toll"


class UsageEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="usage"):
    """Any other use: a type such as `lookup` or `tts`, and a whole quantity of its units."""

    dr_sid: str
    partner_sid: str
    type: str
    quantity: int
    date: int
    direction: Direction | None = None
    country_code: str | None = None
    price: int | None = None

    @property
    def time(self) -> int:
        """The instant whose period the usage belongs to."""
        return self.date

    @property
    def start(self) -> int:
        """The instant that chooses the sheet."""
        return self.date


Event = CallEvent | MessageEvent | UsageEvent

_SHORT_CODE_DIGITS_MAX = 6
_encode = msgspec.json.Encoder(order="deterministic").encode


def fingerprint(event: Event) -> bytes:
    """32 bytes that are equal for the same content: the same `dr_sid` with another fingerprint is a conflict.

    What is not told is not hashed, so that an attribute learnt later leaves old fingerprints as they are.
    """
    return hashlib.sha256(_encode(event)).digest()
