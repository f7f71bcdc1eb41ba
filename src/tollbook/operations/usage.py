"""Records of usage as clients send them: recorded, corrected and withdrawn, each with the answer that is told of it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from tollbook import errors
from tollbook.billing.events import Event
from tollbook.billing.model import Caller, Sight
from tollbook.errors import Flaw, Refusal
from tollbook.mediation.batches import Body, Given
from tollbook.mediation.records import SHAPES, RecordKind, changed_record
from tollbook.operations.correcting import correct
from tollbook.operations.reading import shown
from tollbook.operations.recording import Outcome, Sent, record, record_all
from tollbook.query.listing import View
from tollbook.query.records import encode_json, read_text
from tollbook.store import Alike, Writes
from tollbook.store.event_rows import document_of

DUPLICATE: Final = "duplicate"
REJECTED: Final = "rejected"


def record_given(act: Writes, caller: Caller, given: Sequence[Given]) -> list[Outcome]:
    """Record what can be read, and reject the rest; what became of each, in order. `dr_sid` may be unknown then."""
    good = [one.read for one in given if not isinstance(one.read, tuple)]
    recorded = iter(record(act, caller, good) if good else ())
    return [
        Outcome(one.dr_sid or "", REJECTED, flaws=one.read, problem=errors.OBJECT_INVALID)
        if isinstance(one.read, tuple)
        else next(recorded)
        for one in given
    ]


class Single(NamedTuple):
    """One record that a caller sent by itself."""

    caller: Caller
    kind: RecordKind
    event: Event


def post_body(caller: Caller, kind: RecordKind, body: Body) -> Callable[[Writes], bytes]:
    """The act that records what a body holds: one record, which is answered or refused, or several, which are told.

    Those of one record that share a commit are done in one go.
    """
    if body.several:
        return lambda act: _record_several(act, caller, body)
    (read,) = (given.read for given in body.given)
    if isinstance(read, tuple):
        raise Refusal(errors.OBJECT_INVALID, *read)
    return Alike(record_singles, Single(caller, kind, read))


def _record_several(act: Writes, caller: Caller, body: Body) -> bytes:
    outcomes = record_given(act, caller, body.given)
    return encode_json({"count": len(outcomes), "items": [_result(outcome) for outcome in outcomes]})


def record_singles(act: Writes, singles: Sequence[Single]) -> list[bytes | Refusal]:
    """Record what several callers sent, a record each: each one's record as it is shown, or why it is refused."""
    outcomes = record_all(act, [Sent(single.caller, [single.event]) for single in singles])
    return [_told(act, single, outcome) for single, (outcome,) in zip(singles, outcomes, strict=True)]


def _told(act: Writes, single: Single, outcome: Outcome) -> bytes | Refusal:
    if outcome.result == REJECTED:
        return Refusal(outcome.problem or errors.OBJECT_INVALID, *outcome.flaws)
    event = single.event
    if outcome.placed is not None:
        return document_of(SHAPES[single.kind].resource, outcome.placed)
    if act.seen(event.partner_sid, [event.dr_sid])[event.dr_sid].date is None:
        return Refusal(errors.CONFLICT, Flaw("dr_sid", "was withdrawn, and is not free again", event.dr_sid))
    return _shown(act, single.kind, event.partner_sid, event.dr_sid, View())


def _result(outcome: Outcome) -> dict[str, Any]:
    return {
        "dr_sid": outcome.dr_sid or None,
        "errors": [flaw._asdict() for flaw in outcome.flaws],
        "late": outcome.late,
        "result": outcome.result,
        "unrated": outcome.unrated,
    }


def _shown(act: Writes, kind: RecordKind, partner_sid: str, dr_sid: str, view: View) -> bytes:
    """A record as its partner sees it."""
    return shown(act, [act.record(SHAPES[kind].resource, Sight("own", partner_sid), dr_sid)], view)[0]


def read_correction(body: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """What a body corrects, and its reason; 422 without one."""
    changes = dict(body)
    return changes, read_reason(changes.pop("reason", None))


def read_reason(given: Any) -> str:
    """Why something is done, in words; 422 without them."""
    try:
        reason = "" if given is None else read_text(given).strip()
    except ValueError as error:
        raise Refusal(errors.OBJECT_INVALID, Flaw("reason", str(error))) from None
    if not reason:
        raise Refusal(errors.OBJECT_INVALID, Flaw("reason", "is required: a correction says why"))
    return reason


def correct_record(
    act: Writes, caller: Caller, kind: RecordKind, dr_sid: str, changes: Mapping[str, Any], reason: str, view: View
) -> bytes:
    """Replace a record by one with other values; the record as it is listed then."""
    after = correct(act, caller, kind, dr_sid, lambda event: changed_record(kind, event, changes), reason)
    assert after is not None  # it was not withdrawn
    return _shown(act, kind, after.event.partner_sid, dr_sid, view)


def withdraw_record(act: Writes, caller: Caller, kind: RecordKind, dr_sid: str, reason: str) -> bytes:
    """Withdraw a record: it is on no list any more, and its sid is not free again. There is nothing to answer."""
    correct(act, caller, kind, dr_sid, None, reason)
    return b""
