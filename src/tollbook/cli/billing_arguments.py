"""The arguments of the verbs that bill: payments, adjustments, and a sandbox's clock."""

from tollbook.cli.verbs import Verbs

_WHY = "why, in words; kept for ever"


def add_billing(verbs: Verbs) -> None:
    """`pay`, `adjust` and `void`."""
    verbs.add(
        "pay",
        "billing:pay",
        "record a payment on a partner's current invoice, or a refund of one",
        "tollbook pay PARTNER_SID 100 --type wire --provider bank --reference 2024-12-23/0117\n"
        "tollbook pay PARTNER_SID -25 --type wire --refunds PAYMENT_SID",
    ).add("partner_sid", metavar="PARTNER_SID").add("amount", help="whole minor units; negative for a refund").add(
        "--type", required=True, help="visa, master_card, wire, check, …: how it was paid"
    ).add("--provider", metavar="WORD", help="who gave the reference: a bank, a card processor").add(
        "--reference", metavar="WORD", help="the provider's own name for it, which counts once"
    ).add("--date", dest="date_value", metavar="INSTANT", help="when the money came, such as 2024-12-23T00:00:00Z").add(
        "--refunds", dest="refunds_sid", metavar="PAYMENT_SID", help="the payment that a refund gives back"
    ).add("--reason", metavar="TEXT", help="what it is for, in words")
    verbs.add(
        "adjust",
        "billing:adjust",
        "credit a partner: for a closed invoice, as goodwill, as a transfer, or to write a debt off",
        "tollbook adjust credit_note 0.10 --invoice INVOICE_SID --reason 'rated twice'\n"
        "tollbook adjust goodwill 5 --partner PARTNER_SID --reason 'an outage on Sunday'",
    ).add("kind", help="credit_note, goodwill, transfer or write_off").add(
        "amount", help="in the partner's favour, whole minor units; a credit note's tax goes with it"
    ).add("--partner", dest="partner_sid", metavar="SID", help="whose account").add(
        "--invoice", dest="invoice_sid", metavar="SID", help="the closed invoice that it corrects"
    ).add("--item", metavar="PLACE", help="which of the invoice's items, from 0; else its largest").add(
        "--reason", required=True, metavar="TEXT", help=_WHY
    )
    verbs.add(
        "void",
        "billing:void",
        "void a closed invoice: it stays, and its exact negatives go on the current one",
        "tollbook void INVOICE_SID --reason 'billed to the wrong partner'",
    ).add("invoice_sid", metavar="INVOICE_SID").add("--reason", required=True, metavar="TEXT", help=_WHY)


def add_clock(verbs: Verbs) -> None:
    """The verbs beneath `clock`."""
    verbs.add("show", "clock:show", "show what time it is in a sandbox", "tollbook clock show")
    verbs.add(
        "advance",
        "clock:advance",
        "move a sandbox's clock forward, and run what falls due",
        "tollbook clock advance 31d",
    ).add("span", metavar="SPAN", help="a whole number with s, m, h, d or w: seconds to weeks")
    verbs.add(
        "set",
        "clock:set_to",
        "move a sandbox's clock to an instant, never an earlier one, and run what falls due",
        "tollbook clock set 2025-01-20T00:00:00Z",
    ).add("instant", metavar="INSTANT", help="such as 2025-01-20 or 2025-01-20T00:00:00Z; UTC unless it says otherwise")
