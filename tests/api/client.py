"""A client of the application in this process, and the world that most tests ask it about.

The world is the family of `tests.making` with everything a client needs: scopes, a login, tokens, invoices.
"""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from falcon import testing
from msgspec.structs import asdict, replace
from tests.making import CHILD, GRANDCHILD, NOW, OPERATOR, RESELLER, family
from tests.stores import fresh_store

from tollbook.api.app import WsgiApp, build_app
from tollbook.api.auth import Doorkeeper
from tollbook.api.bodies import Bodies
from tollbook.api.observer import Observer
from tollbook.api.services import Services
from tollbook.billing.model import Caller
from tollbook.billing.scopes import SCOPES
from tollbook.clock import FixedClock
from tollbook.config import Settings
from tollbook.operations.passwords import Passwords, hash_password
from tollbook.operations.tokens import Wish, grant_to
from tollbook.store import Store, open_store

CORE = "/core/v2"
INVOICES = f"{CORE}/billing/invoices"
PARTNERS = f"{CORE}/partners"
TOKENS = f"{CORE}/oauth/tokens"
FORM = "application/x-www-form-urlencoded"
PASSWORD = "correct horse"
LOGINS = {OPERATOR: "operator", CHILD: "child", RESELLER: "reseller", GRANDCHILD: "grandchild"}
_HASHED = hash_password(PASSWORD)


class Reply(NamedTuple):
    """An answer: header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """The problem that the answer names."""
        return self.headers.get("x-error-code")

    def sids(self, name: str = "invoice_sid") -> list[str]:
        """The sids of a list's records, in order."""
        return [item[name] for item in self.json["items"]]


class World:
    """A book, the application over it, and credentials."""

    def __init__(self, store: Store, clock: FixedClock, **settings: Any) -> None:
        self.store = store
        self.clock = clock
        self.services = services(store, Settings(**settings))
        self.app: WsgiApp = build_app(self.services, Observer(self.services.settings))

    def token(self, partner_sid: str = CHILD, *scopes: str, expires_in: int = 3600) -> str:
        """An access token of a partner with these scopes; all there are unless some are named."""
        return self.granted(partner_sid, *scopes, expires_in=expires_in)["access_token"]

    def granted(self, partner_sid: str = CHILD, *scopes: str, expires_in: int = 3600) -> dict[str, Any]:
        """A token with its secrets and its sid."""
        caller = Caller(partner_sid=partner_sid, scopes=frozenset(SCOPES))
        made = grant_to(self.store, caller, partner_sid, Wish(scopes or SCOPES, "a test's", expires_in))
        return asdict(made)

    def ask(
        self,
        method: str,
        target: str,
        token: str | None = None,
        *,
        body: bytes | None = None,
        json_body: Any = None,
        form: Mapping[str, str] | None = None,
        remote: str = "127.0.0.1",
        **headers: str,
    ) -> Reply:
        """Send a request; `headers` by their names with underscores."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        if json_body is not None:
            body, sent = json.dumps(json_body).encode(), {"Content-Type": "application/json"} | sent
        if form is not None:
            body, sent = urlencode(form).encode(), {"Content-Type": FORM} | sent
        path, _, query = target.partition("?")
        host = {"HTTP_HOST": sent.pop("Host")} if "Host" in sent else {}
        result = testing.simulate_request(
            self.app, method, path, query_string=query, headers=sent, body=body, remote_addr=remote,
            host="tollbook.test", port=80, extras=host,
        )  # fmt: skip
        return Reply(result.status_code, {name.lower(): text for name, text in result.headers.items()}, result.content)

    def get(self, target: str, token: str | None = None, **more: Any) -> Reply:
        """GET a target."""
        return self.ask("GET", target, token, **more)

    def post(self, target: str, token: str | None = None, **more: Any) -> Reply:
        """POST to a target."""
        return self.ask("POST", target, token, **more)

    def walk(self, target: str, token: str, link: str = "next") -> list[Reply]:
        """The pages from a target on, along a link."""
        pages = [self.get(target, token)]
        while link in pages[-1].json["pagination"]:
            assert len(pages) < 500, "the links never end"
            split = urlsplit(pages[-1].json["pagination"][link])
            pages.append(self.get(f"{split.path}?{split.query}", token))
        return pages


def services(store: Store, settings: Settings) -> Services:
    """What a worker's endpoints work with, around a store of the test's."""
    passwords = Passwords(store)
    return Services(
        settings=settings,
        store=store,
        lists=open_store(store.url, store.clock, settings.db_read) if settings.db_read else store,
        passwords=passwords,
        door=Doorkeeper(store, passwords),
        bodies=Bodies(settings.threads),
        proxies=frozenset(filter(None, settings.trusted_proxy.split(","))),
    )


def make_world(directory: Path, *, scopes: tuple[str, ...] = SCOPES, **settings: Any) -> World:
    """A fresh world: each of the family has these scopes, a login and the one password."""
    clock = FixedClock(NOW)
    store = fresh_store(directory, clock)
    plant(store, scopes)
    return World(store, clock, **settings)


def plant(store: Store, scopes: tuple[str, ...] = SCOPES) -> None:
    """Give an empty book the family, with scopes, logins and the one password."""
    with store.writing() as act:
        for member in family():
            login = LOGINS[member.partner_sid]
            act.add_partner(replace(member, available_scopes=scopes, login=login), _HASHED)


def basic(login: str, password: str) -> str:
    """An Authorization header for a login and password."""
    return "Basic " + base64.b64encode(f"{login}:{password}".encode()).decode()


def refusal(message: str, *flaws: tuple[str | None, str]) -> bytes:
    """The documented body of an error, with its keys in order."""
    entries = [{"field": field, "message": text, "reference_sid": None} for field, text in flaws]
    return json.dumps({"message": message, "errors": entries}, separators=(",", ":"), ensure_ascii=False).encode()


NO_ITEM = refusal("no item error", (None, "cannot find item by sid"))
