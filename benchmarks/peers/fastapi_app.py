"""FastAPI, SQLAlchemy 2 and pydantic, as their tutorials show: the usual way to build this list.

A synchronous endpoint in the framework's thread pool, a session a request, `selectinload` for the
child arrays, a count query for the total, a response model read from the mapped objects.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer
from sqlalchemy import ForeignKey, create_engine, func, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    relationship,
    selectinload,
    sessionmaker,
)

from benchmarks.data import cents, money, wire
from benchmarks.peers.normalised import digest

engine = create_engine(os.environ.get("PEER_URL") or f"sqlite:///{os.environ['PEER_BOOK']}")
SessionLocal = sessionmaker(engine)


class Base(DeclarativeBase):
    """The mapped tables."""


class Token(Base):
    """Who may ask."""

    __tablename__ = "token"
    digest: Mapped[str] = mapped_column(primary_key=True)
    partner_sid: Mapped[str]


class InvoiceItem(Base):
    """A line of an invoice."""

    __tablename__ = "invoice_item"
    id: Mapped[int] = mapped_column(primary_key=True)
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"))
    amount: Mapped[int]
    country_code: Mapped[str]
    date_billing_period_end: Mapped[datetime]
    date_billing_period_start: Mapped[datetime]
    direction: Mapped[str | None]
    type: Mapped[str]
    usage: Mapped[int]


class PayItem(Base):
    """A payment of an invoice."""

    __tablename__ = "pay_item"
    id: Mapped[int] = mapped_column(primary_key=True)
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"))
    amount: Mapped[int]
    date_created: Mapped[datetime]
    type: Mapped[str]


class TaxItem(Base):
    """A tax of an invoice."""

    __tablename__ = "tax_item"
    id: Mapped[int] = mapped_column(primary_key=True)
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"))
    amount: Mapped[int]
    jurisdiction: Mapped[str]
    type: Mapped[str]


class Invoice(Base):
    """An invoice with its three arrays."""

    __tablename__ = "invoice"
    id: Mapped[int] = mapped_column(primary_key=True)
    invoice_sid: Mapped[str]
    partner_sid: Mapped[str]
    display_id: Mapped[str]
    status: Mapped[str]
    paid: Mapped[bool]
    amount: Mapped[int]
    amount_due: Mapped[int]
    amount_tax: Mapped[int]
    balance_forward: Mapped[int]
    balance_previous: Mapped[int]
    date_billing_period_end: Mapped[datetime]
    date_billing_period_start: Mapped[datetime]
    date_charge_expected: Mapped[datetime]
    date_charged: Mapped[datetime | None]
    date_created: Mapped[datetime]
    date_issued: Mapped[datetime | None]
    invoice_items: Mapped[list[InvoiceItem]] = relationship(order_by=InvoiceItem.id)
    pay_items: Mapped[list[PayItem]] = relationship(order_by=PayItem.id)
    tax_items: Mapped[list[TaxItem]] = relationship(order_by=TaxItem.id)


Money = Annotated[int, PlainSerializer(money, return_type=str)]
Instant = Annotated[datetime, PlainSerializer(wire, return_type=str)]


class Out(BaseModel):
    """Read from mapped objects."""

    model_config = ConfigDict(from_attributes=True)


class InvoiceItemOut(Out):
    """A line as it is served; without a direction the key is absent."""

    amount: Money
    country_code: str
    date_billing_period_end: Instant
    date_billing_period_start: Instant
    direction: str | None = Field(exclude_if=lambda value: value is None)
    type: str
    usage: int


class PayItemOut(Out):
    """A payment as it is served."""

    amount: Money
    date_created: Instant
    type: str


class TaxItemOut(Out):
    """A tax as it is served."""

    amount: Money
    jurisdiction: str
    type: str


class InvoiceOut(Out):
    """The 19 keys."""

    amount: Money
    amount_due: Money
    amount_tax: Money
    balance_forward: Money
    balance_previous: Money
    date_billing_period_end: Instant
    date_billing_period_start: Instant
    date_charge_expected: Instant
    date_charged: Instant | None
    date_created: Instant
    date_issued: Instant | None
    display_id: str
    invoice_items: list[InvoiceItemOut]
    invoice_sid: str
    paid: bool
    partner_sid: str
    pay_items: list[PayItemOut]
    status: str
    tax_items: list[TaxItemOut]


class InvoiceList(BaseModel):
    """The envelope."""

    count: int
    has_more: bool
    items: list[InvoiceOut]
    limit: int
    offset: int
    pagination: dict[str, str]
    total: int


def get_session() -> Iterator[Session]:
    """A session a request."""
    with SessionLocal() as session:
        yield session


def get_partner(
    session: Annotated[Session, Depends(get_session)],
    credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())],
) -> str:
    """The partner whose token it is."""
    token = session.get(Token, digest(credentials.credentials))
    if token is None:
        raise HTTPException(status_code=401, detail="unauthorized")
    return token.partner_sid


app = FastAPI()


@app.get("/core/v2/billing/invoices", response_model=InvoiceList)
def list_invoices(
    request: Request,
    session: Annotated[Session, Depends(get_session)],
    partner_sid: Annotated[str, Depends(get_partner)],
    limit: Annotated[int, Query(ge=1, le=1000)] = 10,
    offset: Annotated[int, Query(ge=0)] = 0,
    status: str | None = None,
    amount_gt: str | None = None,
) -> dict[str, Any]:
    """One page of the caller's invoices, newest first."""
    matching = select(Invoice).where(Invoice.partner_sid == partner_sid)
    if status is not None:
        matching = matching.where(Invoice.status == status)
    if amount_gt is not None:
        matching = matching.where(Invoice.amount > cents(amount_gt))
    total = session.scalar(select(func.count()).select_from(matching.subquery())) or 0
    page = (
        matching.options(
            selectinload(Invoice.invoice_items),
            selectinload(Invoice.pay_items),
            selectinload(Invoice.tax_items),
        )
        .order_by(Invoice.date_created.desc(), Invoice.invoice_sid.desc())
        .limit(limit)
        .offset(offset)
    )
    items = session.scalars(page).all()
    has_more = offset + len(items) < total
    following = request.url.include_query_params(limit=limit, offset=offset + limit)
    return {
        "count": len(items),
        "has_more": has_more,
        "items": items,
        "limit": limit,
        "offset": offset,
        "pagination": {"next": str(following)} if has_more else {},
        "total": total,
    }
