"""Records of usage as clients send them: recorded, corrected and withdrawn, each with the answer that is told of it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tollbook import errors
from tollbook.billing.model import Caller, Sight
from tollbook.errors import Flaw, Refusal
from tollbook.mediation.batches import Body, Given
from tollbook.mediation.records import SHAPES, RecordKind, changed_record
from tollbook.operations.correcting import correct
from tollbook.operations.reading import shown
from tollbook.operations.recording import Outcome, record
from tollbook.query.listing import View
from tollbook.query.records import encode_json, read_text
from tollbook.store import Writes

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


def record_body(act: Writes, caller: Caller, kind: RecordKind, body: Body) -> bytes:
    """Record what a body holds: one record, which is answered or refused, or several, each with its result."""
    outcomes = record_given(act, caller, body.given)
    if body.several:
        return encode_json({"count": len(outcomes), "items": [_result(outcome) for outcome in outcomes]})
    (one,), (outcome,) = body.given, outcomes
    if isinstance(one.read, tuple) or outcome.result == REJECTED:
        raise Refusal(outcome.problem or errors.OBJECT_INVALID, *outcome.flaws)
    if outcome.result == DUPLICATE and act.placed(one.read.partner_sid, outcome.dr_sid) is None:
        raise Refusal(errors.CONFLICT, Flaw("dr_sid", "was withdrawn, and is not free again", outcome.dr_sid))
    return _shown(act, kind, one.read.partner_sid, outcome.dr_sid, View())


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


def withdraw_record(act: Writes, caller: Caller, kind: RecordKind, dr_sid: str, reason: str) -> None:
    """Withdraw a record: it is on no list any more, and its sid is not free again."""
    correct(act, caller, kind, dr_sid, None, reason)
