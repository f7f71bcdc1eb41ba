"""`/openapi.json`: sound, complete, and true of what the application answers."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR
from tests.api.client import INVOICES, PARTNERS, TOKENS, World
from tests.making import CHILD, OPERATOR, RESELLER, sid

from tollbook.api import health
from tollbook.api.documentation import described
from tollbook.api.openapi import document
from tollbook.api.resources import CORE, ROUTES
from tollbook.api.schemas import title
from tollbook.errors import PROBLEMS
from tollbook.query.fields import RESOURCES, Field, Kind
from tollbook.query.fields import TOKENS as TOKEN_RESOURCE
from tollbook.query.listing import LIST_ARGUMENTS, names_of_list, names_of_view

DOCUMENT = document(described())
SCHEMAS = DOCUMENT["components"]["schemas"]
SAMPLE = json.loads((Path(__file__).parent / "golden" / "invoices_limit_1.json").read_text(encoding="utf-8"))
OPERATIONS = [(path, method, each) for path, item in DOCUMENT["paths"].items() for method, each in item.items()]

every_operation = pytest.mark.parametrize(
    ("path", "method", "operation"), OPERATIONS, ids=[f"{method} {path}" for path, method, _ in OPERATIONS]
)
every_schema = pytest.mark.parametrize("name", SCHEMAS)


def follow(node: dict[str, Any]) -> dict[str, Any]:
    """What a reference leads to."""
    while "$ref" in node:
        found: Any = DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def check(schema: dict[str, Any], value: Any) -> None:
    """Validate a value against a schema of the document, formats too."""
    whole = {**schema, "components": DOCUMENT["components"]}
    Draft202012Validator(whole, format_checker=FormatChecker()).validate(value)


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for value in node.values() for found in references(value)]
    return [found for value in node for found in references(value)] if isinstance(node, list) else []


def test_it_is_valid_openapi() -> None:
    errors = [f"{error.instance_path}: {error.message}" for error in OPENAPI_31_VALIDATOR.iter_errors(DOCUMENT)]
    assert not errors


def test_every_reference_leads_somewhere() -> None:
    for reference in references(DOCUMENT):
        assert follow({"$ref": reference})


@every_schema
def test_schema_is_valid_json_schema(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])


@every_schema
def test_examples_satisfy_their_schema(name: str) -> None:
    for example in SCHEMAS[name].get("examples", []):
        check(SCHEMAS[name], example)
    for field, schema in SCHEMAS[name]["properties"].items():
        for example in schema.get("examples", []):
            check({"properties": {field: schema}}, {field: example})


@every_operation
def test_examples_of_an_operation_satisfy_it(path: str, method: str, operation: dict[str, Any]) -> None:
    shown = [*operation["responses"].values(), operation.get("requestBody", {})]
    for content in (each for one in shown for each in follow(one).get("content", {}).values()):
        examples = [each["value"] for each in content.get("examples", {}).values()]
        for example in [*examples, *([content["example"]] if "example" in content else [])]:
            check(content["schema"], example)
    for parameter in map(follow, operation["parameters"]):
        if "example" in parameter:
            check(parameter["schema"], parameter["example"])


def test_the_documented_sample_is_the_example() -> None:
    invoice = SAMPLE["items"][0]
    listed = DOCUMENT["paths"][INVOICES]["get"]["responses"]["200"]["content"]["application/json"]["example"]
    assert json.dumps(SCHEMAS["Invoice"]["examples"][0]) == json.dumps(invoice)
    assert json.dumps(SCHEMAS["InvoiceList"]["examples"][0]["items"]) == json.dumps([invoice])
    assert json.dumps(listed["items"]) == json.dumps([invoice])


def test_every_route_is_described() -> None:
    routes = {(CORE + route.path, route.method.lower()) for route in ROUTES}
    routes |= {(route.path, route.method.lower()) for route in health.ROUTES} | {("/openapi.json", "get")}
    assert {(path, method) for path, method, _ in OPERATIONS} == routes


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(set(names)) == len(names)


def test_scopes_are_the_routes() -> None:
    for route in described():
        operation = DOCUMENT["paths"][route.path][route.method.lower()]
        said = {scope for each in operation["security"] for scopes in each.values() for scope in scopes}
        assert said == set(route.scopes)
        assert bool(operation["security"]) is not route.public


def test_every_attribute_is_described() -> None:
    def compare(schema: dict[str, Any], fields: tuple[Field, ...]) -> None:
        assert list(schema["properties"]) == sorted(field.name for field in fields)
        for field in fields:
            part = schema["properties"][field.name]
            assert part["description"] == field.doc
            needed = not field.absent and field.kind is not Kind.OBJECT
            assert (field.name in schema["required"]) is needed, field.name
            if field.kind is Kind.ROWS:
                compare(follow(part["items"]), field.parts)
            elif field.kind is not Kind.OBJECT:
                assert ("null" in part["type"]) is (field.null and not field.absent), field.name

    for resource in RESOURCES:
        compare(SCHEMAS[title(resource)], (*resource.fields, *resource.related))


def test_absent_direction_and_read_only_attributes_are_told() -> None:
    assert "direction" not in SCHEMAS["InvoiceItem"]["required"]
    assert SCHEMAS["Partner"]["properties"]["balance"]["readOnly"]
    assert "readOnly" not in SCHEMAS["Partner"]["properties"]["name"]
    assert SCHEMAS["PartnerCreate"]["properties"]["password"]["writeOnly"]
    assert "password" not in SCHEMAS["Partner"]["properties"]
    for name in ("PartnerCreate", "PartnerChange"):
        assert SCHEMAS[name]["additionalProperties"] is False


@pytest.mark.parametrize("text", ["0", "0.37", "-351.91", "5", "10"])
def test_amounts_that_are_canonical(text: str) -> None:
    assert re.search(SCHEMAS["Invoice"]["properties"]["amount"]["pattern"], text)


@pytest.mark.parametrize("text", ["-0", "0.370", "05", ".5", "5.", "1e3", "+1", " 1", ""])
def test_amounts_that_are_not(text: str) -> None:
    assert not re.search(SCHEMAS["Invoice"]["properties"]["amount"]["pattern"], text)


def test_every_problem_is_described() -> None:
    told = {}
    for response in DOCUMENT["components"]["responses"].values():
        for code in response["headers"]["X-Error-Code"]["schema"]["enum"]:
            told[code] = response["content"]["application/json"]["schema"]["allOf"][1]["properties"]["message"]["enum"]
            assert f"`{code}`" in response["description"]
    assert told.keys() == {problem.code for problem in PROBLEMS if "command line only" not in problem.when}
    assert "setting_invalid" not in told
    assert all(problem.message in told[problem.code] for problem in PROBLEMS if problem.code in told)


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.name)
def test_arguments_are_those_that_are_understood(resource: Any, shelf: World) -> None:
    operation = DOCUMENT["paths"][CORE + resource.path]["get"]
    said = [each["name"] for each in map(follow, operation["parameters"]) if each["in"] == "query"]
    assert said == [*names_of_list(resource), *names_of_view(resource)]
    path = CORE + resource.path.format(sub_type="toll", invoice_sid=sid(1))
    for name in {*LIST_ARGUMENTS, *said}:
        unknown = shelf.get(f"{path}?{name}=", shelf.token()).code == "argument_unknown"
        assert unknown is (name not in said)


# What the application answers.


def judged(world: World, method: str, template: str, target: str, token: str | None = None, **more: Any) -> Any:
    """Ask, and hold the answer against the document; the decoded body."""
    reply = world.ask(method, target, token, **more)
    response = follow(DOCUMENT["paths"][template][method.lower()]["responses"][str(reply.status)])
    for name, header in response.get("headers", {}).items():
        header, text = follow(header), reply.headers.get(name.lower())
        assert text is not None or not header.get("required"), f"{name} is missing"
        if text is not None:
            check(header["schema"], int(text) if header["schema"]["type"] == "integer" else text)
    if "content" not in response:
        assert not reply.body
        return None
    ((media_type, content),) = response["content"].items()
    assert reply.headers["content-type"] == media_type
    check(content["schema"], reply.json)
    return reply.json


@pytest.mark.parametrize(
    "query", ["", "?with_related=true", "?limit=2&order=amount", "?limit=1&offset=3", "?filter=paid"]
)
def test_lists_are_as_described(shelf: World, query: str) -> None:
    judged(shelf, "GET", INVOICES, INVOICES + query, shelf.token())


def test_records_are_as_described(shelf: World) -> None:
    one, token = f"{INVOICES}/{{invoice_sid}}", shelf.token()
    judged(shelf, "GET", one, f"{INVOICES}/{sid(3)}?with_related=true", token)
    judged(shelf, "GET", one, f"{INVOICES}/{sid(404)}", token)
    judged(shelf, "GET", one, f"{INVOICES}/{sid(3)}?limit=1", token)
    judged(shelf, "GET", one, f"{INVOICES}/{sid(3)}", shelf.token(CHILD, "oauth.read"))
    judged(shelf, "GET", one, f"{INVOICES}/{sid(3)}")
    tag = shelf.get(f"{INVOICES}/{sid(3)}", token).headers["etag"]
    assert judged(shelf, "GET", one, f"{INVOICES}/{sid(3)}", token, If_None_Match=tag) is None


def test_partners_are_as_described(world: World) -> None:
    token, one = world.token(RESELLER), f"{PARTNERS}/{{partner_sid}}"
    body = SCHEMAS["PartnerCreate"]["examples"][0]
    made = judged(world, "POST", PARTNERS, PARTNERS, token, json_body=body)
    place = f"{PARTNERS}/{made['partner_sid']}"
    change = SCHEMAS["PartnerChange"]["examples"][0]
    assert judged(world, "PATCH", one, place, token, json_body=change)["spending_limit"] == "250"
    assert judged(world, "PUT", one, place, token, json_body={"name": "Other"})["spending_limit"] is None
    judged(world, "PATCH", one, place, token, json_body={"unknown": 1})
    judged(world, "POST", PARTNERS, PARTNERS, token, body=b"{", Content_Type="application/json")
    judged(world, "POST", PARTNERS, PARTNERS, token, body=b"{}", Content_Type="text/plain")
    judged(world, "GET", one, place, token)
    judged(world, "GET", PARTNERS, PARTNERS, world.token(OPERATOR))


def test_tokens_are_as_described(world: World) -> None:
    grant, token = f"{CORE}/oauth/token", world.token(RESELLER)
    form = {"grant_type": "password", "username": "reseller", "password": "correct horse"}
    made = judged(world, "POST", grant, grant, form=form)
    judged(world, "POST", grant, grant, form=form | {"password": "wrong horse"})
    judged(world, "POST", grant, grant, form={"grant_type": "refresh_token", "refresh_token": made["refresh_token"]})
    judged(world, "POST", f"{grant}/{{partner_sid}}", f"{grant}/{RESELLER}", token, form={"name": "reports"})
    judged(world, "GET", TOKENS, TOKENS, token)
    judged(world, "GET", f"{TOKENS}/{{token_sid}}", f"{TOKENS}/{made['token_sid']}?with_related=true", token)
    who = f"{CORE}/oauth/whoami"
    assert judged(world, "GET", who, who, token)["partner"]["partner_sid"] == RESELLER
    login = {"Authorization": "Basic cmVzZWxsZXI6Y29ycmVjdCBob3JzZQ=="}
    assert judged(world, "GET", who, who, **login)["token_type"] == "basic"
    revoke = f"{CORE}/oauth/revoke"
    assert judged(world, "POST", revoke, revoke, token, form={}) is None
    judged(world, "GET", who, who, token)


def test_the_rest_is_as_described(shelf: World) -> None:
    for path in ("/health/live", "/health/ready", "/openapi.json"):
        judged(shelf, "GET", path, path)
        judged(shelf, "GET", path, f"{path}?x=1")


def test_it_is_public_and_cacheable(shelf: World) -> None:
    first = shelf.get("/openapi.json")
    assert first.json == DOCUMENT
    assert first.headers["cache-control"] == "public, no-cache"
    assert shelf.get("/openapi.json", If_None_Match=first.headers["etag"]).status == 304


def test_it_names_the_public_address() -> None:
    assert document(described(), "https://billing.example.com")["servers"] == [{"url": "https://billing.example.com"}]
    assert "servers" not in DOCUMENT


def test_a_token_shows_its_secrets_at_creation_only() -> None:
    secret = [field.name for field in TOKEN_RESOURCE.fields if field.secret]
    assert secret
    for name in secret:
        assert SCHEMAS["NewToken"]["properties"][name]["type"] == "string"
        assert SCHEMAS["Token"]["properties"][name]["type"] == ["string", "null"]
