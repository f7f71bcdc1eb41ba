"""The arguments of the verb that explains."""

from tollbook.cli.verbs import Verbs


def add_explain(verbs: Verbs) -> None:
    """`explain`."""
    verbs.add(
        "explain",
        "explaining:explain",
        "say what stands behind an invoice, one of its items or a record, to the last cent",
        "tollbook explain CX00000012/004\ntollbook explain INVOICE_SID 0\ntollbook explain --record DR_SID",
    ).add(
        "sid", nargs="?", metavar="SID", help="an invoice's sid, or its partner's and its own number: CX00000012/004"
    ).add("item", nargs="?", type=int, metavar="ITEM", help="that item only, counted from 0").add(
        "--record", metavar="DR_SID", help="a detail record instead, step by step"
    )
