"""`check --repair`: what follows from the rows is made anew; what closing froze is never touched."""

from msgspec.structs import replace

from tollbook.billing.deriving import ItemSum
from tollbook.errors import Refusal
from tollbook.operations.accounts import Unlawful, account_of, terms_of
from tollbook.operations.findings import Audited
from tollbook.operations.proving import counted, used
from tollbook.operations.verifying import start_of, tree_of
from tollbook.query.fields import INVOICES
from tollbook.store import Store, Writes
from tollbook.store.nouns import document


def repair_book(store: Store, audited: Audited) -> None:
    """Make anew what follows from the rows, in one transaction; a check afterwards shows what is left."""
    with store.writing() as act:
        act.hold_billing()
        act.hold_usage()
        for key in audited.documents:
            try:
                act.put_document(act.invoice_at(key))
            except Refusal:
                act.drop_document(key)
        for partner_sid in audited.partners:
            _repair_billing(act, partner_sid)
        act.finish()  # what was saved is counted now, so that nothing is added to counters made anew
        act.rebuild_directory()
        act.rebuild_counters()
        act.rebuild_balances()
        act.replace_tree(sorted(tree_of(act.parents())))


def _repair_billing(act: Writes, partner_sid: str) -> None:
    """A partner's open invoices from its records, and its counters from its invoices; or nothing, were it unlawful."""
    try:
        with act.savepoint():
            _count_anew(act, partner_sid)
            account = account_of(act, partner_sid, terms_of(act))
            if account is None:
                return
            right = used(act, account.billing).sums
            for made_of in account.opens:
                sums = right.get(made_of.invoice_sid, {})
                account.touch(made_of, "invoice_items", "pay_items", "tax_items")
                for key in {*made_of.sums, *sums}:
                    account.add(made_of, key, sums.get(key, ItemSum()) - made_of.sums.get(key, ItemSum()))
            account.save()
    except (Unlawful, Refusal):
        return


def _count_anew(act: Writes, partner_sid: str) -> None:
    billing = act.billing(partner_sid)
    if billing is None:
        return
    imported = (document(INVOICES, each) for each in map(act.invoice_at, act.invoices_of(partner_sid, "imported")))
    invoices = [act.invoice_at(key) for key in act.invoices_of(partner_sid)]
    right = counted(billing, invoices, start_of(act, partner_sid, imported))
    for key, invoice in ((closed.key, act.invoice_at(closed.key)) for closed in act.closings_of(partner_sid).values()):
        act.set_paid(key, paid=invoice.paid)
    # Another sum than the right one has the account decide anew what is paid.
    act.put_billing(replace(billing, **right | {"settling": right["settling"] - 1}))
