"""`/docs`: its files and headers, and, in a real browser, that it works and asks nobody but its own origin."""

import itertools
import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.api.browser import Page, browsing, find_browser
from tests.api.client import World
from tests.api.running import PASSWORD, plant, serving

from tollbook.api import documentation

FOLDER = Path(documentation.__file__).parent / "docs"
FILES = sorted(path.name for path in FOLDER.iterdir())
READY = "document.body?.classList.contains('ready')"
BROWSER = find_browser()

every_file = pytest.mark.parametrize("name", FILES)
in_browser = [
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine: /docs was not looked at in a browser"),
]


# Its files.


@every_file
def test_files_are_served_with_tag_and_policy(shelf: World, name: str) -> None:
    path = "/docs" if name == "index.html" else f"/docs/{name}"
    reply = shelf.get(path)
    assert (reply.status, reply.body) == (200, (FOLDER / name).read_bytes())
    assert reply.headers["cache-control"] == "public, no-cache"
    assert reply.headers["content-type"].endswith("; charset=utf-8")
    policy = dict(part.strip().split(" ", 1) for part in reply.headers["content-security-policy"].split(";"))
    assert policy == {
        "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "connect-src": "'self'",
        "img-src": "'self' data:", "base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'",
    }  # fmt: skip
    assert shelf.get(path, If_None_Match=reply.headers["etag"]).status == 304


@pytest.mark.parametrize("name", ["nothing.js", "..", "index", "%2e%2e%2fdocumentation.py"])
def test_nothing_else_is_served(shelf: World, name: str) -> None:
    assert shelf.get(f"/docs/{name}").code == "path_unknown"


@every_file
def test_files_name_no_other_place(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|//[a-z]", text.replace("// ", "")), "an address"
    assert "innerHTML" not in text
    assert len(text.splitlines()) < 400


def test_the_page_has_nothing_inline() -> None:
    page = (FOLDER / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page)


def palettes() -> dict[str, dict[str, str]]:
    """The colours of each scheme by name."""
    text = (FOLDER / "docs.css").read_text(encoding="utf-8")
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#\w{6});", block)) for block in re.findall(r":root {(.*?)}", text, re.S)
    )
    return {"light": light, "dark": light | dark}


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, WCAG 2.2."""

    def brightness(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((brightness(one), brightness(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(scheme: str) -> None:
    colours = palettes()[scheme]
    texts = ("ink", "soft", "accent", "good", "bad", "get", "post", "put", "patch", "delete")
    pairs = [*itertools.product(texts, ("paper", "sheet")), ("on-accent", "accent"), ("accent", "accent-soft")]
    pairs.append(("night-ink", "night"))
    poor = {pair: ratio for pair in pairs if (ratio := contrast(colours[pair[0]], colours[pair[1]])) < 4.5}
    assert not poor


# In a browser.


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Page, str, str]]:
    """A browser, the server's address and a token for it."""
    planted = plant(tmp_path_factory.mktemp("docs"))
    with serving(planted.db) as (url, _), browsing(str(BROWSER)) as page:
        yield page, url, planted.token.access_token or ""


@pytest.fixture
def page(visit: tuple[Page, str, str]) -> Iterator[Page]:
    """The page, loaded; whatever a test does, it asks only its own origin and nothing complains."""
    page, url, _ = visit
    page.requests.clear()
    page.complaints.clear()
    page.show(1280, 900)
    page.open(f"{url}/docs", READY)
    yield page
    page.value("new Promise((done) => setTimeout(done, 100))")
    foreign = [each for each in page.requests if not each.startswith((f"{url}/", "data:"))]
    assert page.requests
    assert not foreign
    assert not page.complaints


def fetched(url: str) -> Any:
    with urllib.request.urlopen(f"{url}/openapi.json", timeout=10) as answer:
        return json.load(answer)


class TestInBrowser:
    """What a reader does."""

    pytestmark = in_browser

    def test_every_operation_is_shown(self, page: Page, visit: tuple[Page, str, str]) -> None:
        paths = fetched(visit[1])["paths"]
        count = sum(len(item) for item in paths.values())
        assert page.value("document.querySelectorAll('article').length") == count
        assert page.value("document.querySelectorAll('#sidebar li').length") == count + 2
        shown = page.value("document.getElementById('list-invoices').textContent")
        for text in ("/core/v2/billing/invoices", "invoices.read", "with_related", "X-Request-Id", "4169705e-4284"):
            assert text in shown

    def test_the_curl_line_names_this_server(self, page: Page, visit: tuple[Page, str, str]) -> None:
        line = page.value("document.querySelector('#list-invoices pre').innerText")
        assert line.startswith(f"curl '{visit[1]}/core/v2/billing/invoices?limit=1'")
        assert '-H "Authorization: Bearer $TOKEN"' in line

    def test_a_request_can_be_tried(self, page: Page, visit: tuple[Page, str, str]) -> None:
        page.value(f"document.getElementById('token').value = '{visit[2]}'")
        self.send(page, "get-invoice")
        assert page.value("document.querySelector('#get-invoice .outcome strong').innerText") == "200 OK"
        shown = page.value("document.querySelector('#get-invoice .answer > pre').innerText")
        assert json.loads(shown)["balance_previous"] == "-351.91"
        assert "etag:" in page.value("document.querySelector('#get-invoice .answer details').textContent")

    def test_a_login_can_be_tried(self, page: Page) -> None:
        assert PASSWORD.split()[0] in page.value("document.querySelector('#post-token textarea').value")
        self.send(page, "post-token")
        assert page.value("document.querySelector('#post-token .outcome strong').innerText") == "200 OK"

    def test_the_token_is_kept_nowhere(self, page: Page, visit: tuple[Page, str, str]) -> None:
        page.value(f"document.getElementById('token').value = '{visit[2]}'")
        self.send(page, "list-invoices")
        kept = page.value("JSON.stringify([{...localStorage}, {...sessionStorage}, location.href])")
        assert json.loads(kept) == [{}, {}, f"{visit[1]}/docs"]
        assert page.call("Network.getCookies")["cookies"] == []
        assert visit[2] not in page.value("document.documentElement.outerHTML")
        assert not [each for each in page.requests if visit[2] in each]

    @pytest.mark.parametrize("width", [320, 390, 768, 1280])
    def test_nothing_sticks_out(self, page: Page, width: int) -> None:
        page.show(width, 844)
        page.value("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        assert page.value("document.documentElement.scrollWidth") <= width

    def test_the_keyboard_is_enough(self, page: Page) -> None:
        page.press("Tab", 9)
        assert page.value("document.activeElement.className") == "skip"
        page.show(390, 844)
        page.value("document.getElementById('menu').focus()")
        page.press("Enter", 13, "\r")
        assert page.value("getComputedStyle(document.getElementById('sidebar')).display") == "block"
        page.press("Tab", 9)
        page.press("Escape", 27)
        assert page.value("getComputedStyle(document.getElementById('sidebar')).display") == "none"
        assert page.value("document.activeElement.id") == "menu"

    def test_everything_has_a_name_of_its_own(self, page: Page) -> None:
        fields = "[...document.querySelectorAll('input, select, textarea')]"
        assert page.value(f"{fields}.length") > 20
        assert page.value(f"{fields}.filter((each) => !each.labels.length).length") == 0
        names = page.value("[...document.querySelectorAll('[id]')].map((each) => each.id)")
        assert len(set(names)) == len(names)
        assert page.value("document.querySelectorAll('h1').length") == 1

    def test_the_browser_would_notice(self, visit: tuple[Page, str, str]) -> None:
        """What the tests above rely on: a request to another place is seen, and stopped by the policy."""
        page, url, _ = visit
        page.open(f"{url}/docs", READY)
        page.complaints.clear()
        assert page.value("fetch('http://tollbook.invalid/').then(() => 'sent', () => 'stopped')") == "stopped"
        page.value("new Promise((done) => setTimeout(done, 200))")
        assert "Content Security Policy" in " ".join(page.complaints)

    @staticmethod
    def send(page: Page, article: str) -> None:
        """Send the request of an article and wait for its answer."""
        page.value(f"document.querySelector('#{article} .try').open = true")
        page.value(f"document.querySelector('#{article} .try form').requestSubmit()")
        page.until(f"document.querySelector('#{article} .outcome')")
