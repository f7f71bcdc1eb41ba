"""Records in: one, many, wrong ones among right ones; again, corrected, withdrawn; and what the invoice then says."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.api.client import INVOICES, NO_ITEM, World, make_world, refusal
from tests.api.usage_world import CALLS, MESSAGES, USAGE, begin_billing, call, give_sheets, lookups, message
from tests.making import CHILD, GRANDCHILD, NOW, OPERATOR, RESELLER

from tollbook import limits
from tollbook.clock import DAY_MS, format_instant, parse_instant
from tollbook.operations import billing_run

ACCEPTED = {"errors": [], "late": False, "result": "accepted", "unrated": False}


@pytest.fixture
def billed(tmp_path: Path) -> Iterator[World]:
    """A world in which all but the operator are billed, with rates for everybody."""
    made = make_world(tmp_path)
    begin_billing(made, CHILD, RESELLER, GRANDCHILD)
    give_sheets(made)
    yield made
    made.store.close()


def results(reply: Any) -> list[str]:
    assert reply.status == 200, reply.body
    assert reply.json["count"] == len(reply.json["items"])
    return [item["result"] for item in reply.json["items"]]


def items_of(world: World, partner: str = CHILD) -> list[tuple[Any, ...]]:
    """What the newest invoice says."""
    found = world.get(f"{INVOICES}?limit=1", world.token(partner)).json["items"][0]["invoice_items"]
    return [(item["type"], item["usage"], item["amount"]) for item in found]


def test_one_call_is_answered_as_it_is_listed(billed: World) -> None:
    token = billed.token()
    sent = call(1, number_src="+44 20 7183 8750", sipcause=200, rate="7", date_insert="ignored")
    reply = billed.post(CALLS, token, json_body=sent)
    assert reply.status == 200
    assert (
        reply.body
        == json.dumps(
            {
                "date_insert": format_instant(NOW),
                "date_start": sent["date_start"],
                "date_stop": sent["date_stop"],
                "date_talk": sent["date_talk"],
                "direction": "outbound",
                "dr_sid": "c1",
                "duration": "95",
                "duration_billing": "120",
                "invoice_sid": billed.get(INVOICES, token).sids()[0],
                "number_billing": None,
                "number_dst": "12125550100",
                "number_external": None,
                "number_src": "442071838750",
                "partner_sid": CHILD,
                "price": "0.005",
                "rate": "0.0025",
                "sipcause": 200,
            },
            separators=(",", ":"),
        ).encode()
    )
    assert billed.get(f"{CALLS}/c1", token).body == reply.body
    assert billed.get(CALLS, token).json["items"] == [reply.json]


def test_one_message_and_one_other_use(billed: World) -> None:
    token = billed.token()
    told = billed.post(
        MESSAGES, token, json_body=message(1, text="a" * 161, number_group_dst=["12125550100", "331"])
    ).json
    assert told | {"date_insert": 0, "invoice_sid": 0} == {
        "date_insert": 0, "date_sent": message(1)["date_sent"], "date_start": None,
        "date_stop": message(1)["date_sent"], "direction": "outbound", "dr_sid": "m1", "invoice_sid": 0, "mcc": None,
        "message_segments": 2, "mnc": None, "number_billing": None, "number_dst": "12125550100",
        "number_external": None, "number_group_dst": ["12125550100", "331"], "number_src": "12345",
        "partner_sid": CHILD, "price": "0.02", "rate": "0.005", "status": None, "type": "sms",
    }  # fmt: skip
    used = billed.post(USAGE, token, json_body=lookups(1, 7)).json
    assert (used["kind"], used["type"], used["quantity"], used["price"]) == ("usage", "lookup", 7, "0.07")
    assert items_of(billed) == [("sms", 4, "0.02"), ("lookup", 7, "0.07")]


def test_many_are_told_one_by_one_and_the_invoice_has_them_at_once(billed: World) -> None:
    reply = billed.post(CALLS, billed.token(), json_body={"items": [call(1), call(2, number_dst="442071838750")]})
    assert (
        reply.body
        == json.dumps(
            {"count": 2, "items": [{"dr_sid": "c1", **ACCEPTED}, {"dr_sid": "c2", **ACCEPTED, "unrated": True}]},
            separators=(",", ":"),
        ).encode()
    )
    assert items_of(billed) == [("toll", 120, "0.01")]
    shown = billed.get(f"{CALLS}/c2", billed.token()).json
    assert (shown["price"], shown["rate"], shown["invoice_sid"]) == (None, None, None)


def test_a9_one_bad_among_a_thousand(billed: World) -> None:
    records = [call(number) for number in range(limits.USAGE_BATCH_MAX)]
    records[500] = call(500, price="free", direction="up")
    reply = billed.post(CALLS, billed.token(), json_body={"items": records})
    assert [place for place, result in enumerate(results(reply)) if result != "accepted"] == [500]
    bad = reply.json["items"][500]
    assert (bad["dr_sid"], bad["result"]) == ("c500", "rejected")
    assert sorted(flaw["field"] for flaw in bad["errors"]) == ["direction", "price"]
    assert items_of(billed) == [("toll", 999 * 120, "5")]


def test_a9_more_than_a_thousand_and_none(billed: World) -> None:
    token = billed.token()
    many = billed.post(CALLS, token, json_body={"items": [call(number) for number in range(1001)]})
    assert many.body == refusal("payload too large", ("items", "expected at most 1000 records"))
    assert many.status == 413
    none = billed.post(CALLS, token, json_body={"items": []})
    assert (none.status, none.body) == (
        422, refusal("object validation error", ("items", "expected 1 to 1000 records")),
    )  # fmt: skip
    assert billed.get(CALLS, token).json["items"] == []


def test_a9_the_same_twice_in_one_body(billed: World) -> None:
    token = billed.token()
    sent = {"items": [call(1), call(1), call(1, sipcause=16)]}
    assert results(billed.post(CALLS, token, json_body=sent)) == ["accepted", "duplicate", "rejected"]
    assert items_of(billed) == [("toll", 120, "0.01")]


def test_a6_what_comes_again_changes_nothing(billed: World) -> None:
    token = billed.token()
    first = billed.post(CALLS, token, json_body=call(1))
    before = billed.get(INVOICES, token).body
    assert billed.post(CALLS, token, json_body=call(1)).body == first.body
    assert results(billed.post(CALLS, token, json_body={"items": [call(1)]})) == ["duplicate"]
    assert billed.get(INVOICES, token).body == before


def test_a7_other_content_under_a_known_sid_is_a_conflict_that_names_the_first(billed: World) -> None:
    token = billed.token()
    billed.post(CALLS, token, json_body=call(1))
    reply = billed.post(CALLS, token, json_body=call(1, sipcause=16))
    flaw = {"field": "dr_sid", "message": "is recorded already with other content", "reference_sid": "c1"}
    assert (reply.status, reply.code, reply.json) == (409, "conflict", {"message": "conflict", "errors": [flaw]})
    again = billed.post(CALLS, token, json_body={"items": [call(1, sipcause=16)]}).json["items"]
    assert again == [{"dr_sid": "c1", "errors": [flaw], "late": False, "result": "rejected", "unrated": False}]


def test_one_wrong_record_is_refused_with_all_its_flaws(billed: World) -> None:
    body = {name: value for name, value in call(1, price=-1, prise=2).items() if name != "date_stop"}
    reply = billed.post(CALLS, billed.token(), json_body=body)
    assert (reply.status, reply.json["message"]) == (422, "object validation error")
    assert [flaw["field"] for flaw in reply.json["errors"]] == ["date_stop", "price", "prise"]


@pytest.mark.parametrize(
    ("instant", "said"),
    [
        (NOW + 2 * DAY_MS, "24 h"),
        (parse_instant("2024-12-01"), "activation"),
        (parse_instant("2022-01-01"), "730 days"),
    ],
)
def test_a8_what_is_too_far_ahead_or_too_old_is_refused_with_the_limit(billed: World, instant: int, said: str) -> None:
    when = format_instant(instant)
    reply = billed.post(USAGE, billed.token(), json_body=lookups(1, 1, date=when))
    assert (reply.status, reply.json["errors"][0]["field"]) == (422, "date")
    assert said in reply.json["errors"][0]["message"]


def test_a_late_record_goes_on_the_current_invoice_with_its_own_period(billed: World) -> None:
    token = billed.token(expires_in=30 * 86_400)
    billed.post(CALLS, token, json_body=call(1))
    billed.clock.instant = parse_instant("2025-01-22")
    billing_run.run(billed.store)
    reply = billed.post(CALLS, token, json_body={"items": [call(2)]})
    assert reply.json["items"] == [{"dr_sid": "c2", **ACCEPTED, "late": True}]
    newest, first = billed.get(f"{INVOICES}?limit=2", token).json["items"]
    assert newest["invoice_items"][0]["date_billing_period_start"] == first["date_billing_period_start"]
    behind = billed.get(f"{INVOICES}/{newest['invoice_sid']}/usage", token).json
    assert [(item["dr_sid"], item["late"]) for item in behind["items"]] == [("c2", True)]
    assert billed.get(f"{INVOICES}/{first['invoice_sid']}/usage", token).sids("dr_sid") == ["c1"]


@pytest.mark.parametrize(
    ("partner", "target", "result"),
    [(RESELLER, GRANDCHILD, "accepted"), (GRANDCHILD, RESELLER, "rejected"), (CHILD, RESELLER, "rejected"),
     (OPERATOR, CHILD, "accepted"), (OPERATOR, OPERATOR, "rejected")],
)  # fmt: skip
def test_records_are_written_to_the_caller_and_to_who_is_beneath(billed, partner, target, result) -> None:
    reply = billed.post(CALLS, billed.token(partner), json_body={"items": [call(1, partner_sid=target)]})
    assert results(reply) == [result]
    assert all(flaw["field"] == "partner_sid" for flaw in reply.json["items"][0]["errors"])


def test_a_price_that_came_is_final_in_both_spellings(billed: World) -> None:
    token = billed.token()
    assert billed.post(CALLS, token, json_body=call(1, price="0.123456789")).json["price"] == "0.123456789"
    body = json.dumps(call(2)).replace("}", ', "price": 0.10}').encode()
    assert billed.post(CALLS, token, body=body, Content_Type="application/json").json["price"] == "0.1"


def test_a_body_is_json_and_said_to_be(billed: World) -> None:
    token = billed.token()
    for body, status in ((b"", 400), (b"[]", 400), (b'{"items":[{"a":1,"a":2}]}', 400), (b"\xff", 400)):
        assert billed.post(CALLS, token, body=body, Content_Type="application/json").status == status
    assert billed.post(CALLS, token, body=b"{}", Content_Type="text/csv").status == 415
    assert billed.post(f"{CALLS}?limit=1", token, json_body=call(1)).code == "argument_unknown"


def test_a_key_makes_a_body_count_once(billed: World) -> None:
    token = billed.token()
    first = billed.post(USAGE, token, json_body={"items": [lookups(1, 1)]}, Idempotency_Key="k")
    again = billed.post(USAGE, token, json_body={"items": [lookups(1, 1)]}, Idempotency_Key="k")
    assert results(again) == results(first) == ["accepted"]
    assert again.headers["idempotency-replayed"] == "true"
    assert billed.post(USAGE, token, json_body={"items": [lookups(2, 1)]}, Idempotency_Key="k").status == 422


# Corrections.


def test_a_correction_changes_the_open_invoice(billed: World) -> None:
    token = billed.token()
    billed.post(CALLS, token, json_body=call(1))
    later = format_instant(NOW - 3_600_000 + 60_000)
    reply = billed.ask("PATCH", f"{CALLS}/c1?with_related=true", token,
                       json_body={"date_stop": later, "sipcause": None, "reason": "ended later"})  # fmt: skip
    assert reply.status == 200, reply.body
    assert (reply.json["date_stop"], reply.json["duration_billing"]) == (later, "180")
    assert reply.json["partner"]["partner_sid"] == CHILD
    assert items_of(billed) == [("toll", 180, "0.01")]
    assert billed.get(f"{CALLS}/c1", token).json["date_stop"] == later


def test_a_withdrawn_record_is_on_no_list_and_its_sid_is_not_free(billed: World) -> None:
    token = billed.token()
    billed.post(MESSAGES, token, json_body=message(1))
    reply = billed.ask("DELETE", f"{MESSAGES}/m1?reason=sent+twice", token)
    assert (reply.status, reply.body) == (204, b"")
    assert billed.get(f"{MESSAGES}/m1", token).body == NO_ITEM
    assert billed.get(MESSAGES, token).json["items"] == []
    assert billed.ask("DELETE", f"{MESSAGES}/m1?reason=again", token).status == 404
    assert results(billed.post(MESSAGES, token, json_body={"items": [message(1)]})) == ["duplicate"]
    reply = billed.post(MESSAGES, token, json_body=message(1))
    assert (reply.status, reply.json["errors"][0]["message"]) == (409, "was withdrawn, and is not free again")


def test_a_correction_says_why(billed: World) -> None:
    token = billed.token()
    billed.post(CALLS, token, json_body=call(1))
    expected = refusal("object validation error", ("reason", "is required: a correction says why"))
    assert billed.ask("DELETE", f"{CALLS}/c1", token).body == expected
    assert billed.ask("DELETE", f"{CALLS}/c1?reason=+", token).body == expected
    assert billed.ask("PATCH", f"{CALLS}/c1", token, json_body={"sipcause": 16}).body == expected
    assert billed.ask("PATCH", f"{CALLS}/c1", token, json_body={"reason": 5}).status == 422
    assert billed.ask("DELETE", f"{CALLS}/c1?reason=x&why=y", token).code == "argument_unknown"


def test_a_correction_names_what_is_wrong_with_it(billed: World) -> None:
    token = billed.token()
    billed.post(CALLS, token, json_body=call(1))
    body = {"reason": "a test", "prise": "1", "price": "x", "date_start": None, "dr_sid": "c2"}
    reply = billed.ask("PATCH", f"{CALLS}/c1", token, json_body=body)
    assert sorted(flaw["field"] for flaw in reply.json["errors"]) == ["date_start", "dr_sid", "price", "prise"]


@pytest.mark.parametrize(("instant", "said"), [(NOW + 2 * DAY_MS, "24 h"), (parse_instant("2024-12-01"), "activation")])
def test_a8_a_correction_to_an_impossible_time_names_the_attribute(billed: World, instant: int, said: str) -> None:
    token, when = billed.token(), format_instant(instant)
    billed.post(CALLS, token, json_body=call(1))
    billed.post(MESSAGES, token, json_body=message(1))
    moved = {"date_start": when, "date_talk": None, "date_stop": when, "reason": "a test"}
    for path, field, body in (
        (f"{CALLS}/c1", "date_stop", moved),
        (f"{MESSAGES}/m1", "date_sent", {"date_start": None, "date_stop": None, "date_sent": when, "reason": "a test"}),
    ):
        reply = billed.ask("PATCH", path, token, json_body=body)
        assert (reply.status, reply.json["errors"][0]["field"]) == (422, field)
        assert said in reply.json["errors"][0]["message"]


def test_a14_a_withdrawal_that_is_sent_again_is_answered_as_the_first_time(billed: World) -> None:
    token, path = billed.token(), f"{CALLS}/c1?reason=sent+twice"
    billed.post(CALLS, token, json_body=call(1))
    first, again = (billed.ask("DELETE", path, token, Idempotency_Key="k") for _ in range(2))
    assert (first.status, again.status, again.body) == (204, 204, b"")
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert billed.ask("DELETE", f"{CALLS}/c1?reason=another", token, Idempotency_Key="k").code == "idempotency_mismatch"


def test_e5_a_correction_reaches_only_what_the_caller_may_write_to(billed: World) -> None:
    billed.post(CALLS, billed.token(GRANDCHILD), json_body=call(1))
    stranger = billed.token(CHILD)
    for reply in (
        billed.ask("PATCH", f"{CALLS}/c1", stranger, json_body={"reason": "x"}),
        billed.ask("DELETE", f"{CALLS}/c1?reason=x", stranger),
    ):
        assert (reply.status, reply.body) == (404, NO_ITEM)
    assert billed.ask("PATCH", f"{MESSAGES}/c1", billed.token(GRANDCHILD), json_body={"reason": "x"}).status == 404
    assert billed.ask("PATCH", f"{CALLS}/c1", billed.token(RESELLER), json_body={"reason": "x"}).status == 200
