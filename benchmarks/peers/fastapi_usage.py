"""FastAPI, SQLAlchemy 2 and pydantic taking call records, as their tutorials show: the usual way to build this.

A bulk endpoint with a request model; records that are known are looked up, new ones are added as mapped objects, and
each partner's running total is changed in the same transaction. One price a prefix, whole seconds, integers of money:
far less than a billing engine does. Every commit is synced, as Tollbook's are.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, FastAPI
from pydantic import BaseModel
from sqlalchemy import Engine, create_engine, event, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

engine = create_engine(os.environ["PEER_USAGE_URL"])
SessionLocal = sessionmaker(engine)


@event.listens_for(Engine, "connect")
def _settings(connection: Any, _: Any) -> None:
    if engine.dialect.name != "sqlite":
        return
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")


class Base(DeclarativeBase):
    """The mapped tables."""


class Call(Base):
    """A call with its price."""

    __tablename__ = "call"
    partner_sid: Mapped[str] = mapped_column(primary_key=True)
    dr_sid: Mapped[str] = mapped_column(primary_key=True)
    direction: Mapped[str]
    number_src: Mapped[str]
    number_dst: Mapped[str]
    date_start: Mapped[datetime]
    date_talk: Mapped[datetime]
    date_stop: Mapped[datetime]
    price: Mapped[int]


class Total(Base):
    """What a partner's open invoice has come to."""

    __tablename__ = "total"
    partner_sid: Mapped[str] = mapped_column(primary_key=True)
    price: Mapped[int]
    seconds: Mapped[int]


Base.metadata.create_all(engine)


class CallIn(BaseModel):
    """A record as it comes."""

    date_start: datetime
    date_stop: datetime
    date_talk: datetime
    direction: str
    dr_sid: str
    number_dst: str
    number_src: str
    partner_sid: str


class Batch(BaseModel):
    """A bulk write."""

    items: list[CallIn]


class Result(BaseModel):
    """What became of one record."""

    dr_sid: str
    result: str


class Results(BaseModel):
    """What became of each, in order."""

    count: int
    items: list[Result]


app = FastAPI()
PRICES = {"1": 2_500, "44": 7_100, "33": 6_200, "49": 7_500, "52": 11_200, "55": 14_300, "61": 12_100, "91": 9_800}


def get_session() -> Iterator[Session]:
    """A session a request."""
    with SessionLocal() as session:
        yield session


@app.post("/calls", response_model=Results)
def post_calls(batch: Batch, session: Annotated[Session, Depends(get_session)]) -> Results:
    """Take a batch."""
    wanted = [call.dr_sid for call in batch.items]
    known = set(session.scalars(select(Call.dr_sid).where(Call.dr_sid.in_(wanted))))
    results = []
    whose = {call.partner_sid for call in batch.items}
    locked = select(Total).where(Total.partner_sid.in_(whose)).order_by(Total.partner_sid).with_for_update()
    totals = {total.partner_sid: total for total in session.scalars(locked)}
    for call in batch.items:
        if call.dr_sid in known:
            results.append(Result(dr_sid=call.dr_sid, result="duplicate"))
            continue
        seconds = int((call.date_stop - call.date_talk).total_seconds())
        price = _price(call.number_dst) * seconds // 60
        session.add(Call(**call.model_dump(), price=price))
        total = totals.get(call.partner_sid)
        if total is None:
            total = totals[call.partner_sid] = Total(partner_sid=call.partner_sid, price=0, seconds=0)
            session.add(total)
        total.price += price
        total.seconds += seconds
        results.append(Result(dr_sid=call.dr_sid, result="accepted"))
    session.commit()
    return Results(count=len(results), items=results)


def _price(number: str) -> int:
    return next((PRICES[number[:size]] for size in (2, 1) if number[:size] in PRICES), 250_000)
