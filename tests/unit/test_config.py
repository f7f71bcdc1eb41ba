"""Settings that could only fail later, or would open what they should not, are refused with what to write instead."""

import pytest

from tollbook import errors
from tollbook.config import load
from tollbook.errors import Refusal


def refused(name: str, value: str) -> str:
    with pytest.raises(Refusal) as caught:
        load({name: value}, {})
    assert caught.value.problem is errors.SETTING_INVALID
    (flaw,) = caught.value.flaws
    assert flaw.field == name
    return flaw.message


@pytest.mark.parametrize("admin", ["127.0.0.1:9090", "127.8.8.8:0", "[::1]:9090", "localhost:65535", ":9090"])
def test_an_admin_address_is_of_this_machine(admin: str) -> None:
    assert load({"admin": admin}, {})[0].admin == admin


@pytest.mark.parametrize("admin", ["0.0.0.0:9090", "[::]:9090", "192.0.2.1:9090", "metrics.example.com:9090"])
def test_e8_an_admin_address_that_others_reach_is_refused(admin: str) -> None:
    assert refused("admin", admin).startswith("expected an address of this machine alone, such as 127.0.0.1:9090")


@pytest.mark.parametrize("admin", ["9090x", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:\u0663"])
def test_an_admin_address_has_a_port(admin: str) -> None:
    assert refused("admin", admin) == "expected HOST:PORT, such as 127.0.0.1:9090"


@pytest.mark.parametrize("url", ["https://billing.example.com", "http://[::1]:8080", "https://example.com/billing/"])
def test_links_stand_on_a_base(url: str) -> None:
    assert load({"public_url": url}, {})[0].public_url == url


@pytest.mark.parametrize(
    "url", ["billing.example.com", "ftp://x", "https://", "https://[x", "https://x/?y", "https://x#", "https://x?"]
)
def test_links_stand_on_nothing_else(url: str) -> None:
    assert refused("public_url", url).startswith("expected a URL that begins with https://")


def test_a_proxy_is_trusted_by_its_address() -> None:
    assert load({"trusted_proxy": "127.0.0.1, ::1,"}, {})[0].trusted_proxy == "127.0.0.1, ::1,"
    for name in ("proxy", "10.0.0.0/8", "127.0.0.1:80"):
        assert refused("trusted_proxy", f"127.0.0.1,{name}").endswith(f"found {name}")
