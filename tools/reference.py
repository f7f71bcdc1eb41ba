"""Writes docs/reference.md and docs/errors.md from the tables of the program; a test says when they are old.

.venv-test/bin/python tools/reference.py
"""

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path

from tollbook import limits
from tollbook.api.documentation import described
from tollbook.api.openapi import document
from tollbook.api.schemas import title
from tollbook.billing.scopes import SCOPES
from tollbook.config import HELP, Settings
from tollbook.errors import PROBLEMS
from tollbook.query.fields import RESOURCES, Field, Kind, Resource
from tollbook.query.filters import OPERATORS

ROOT = Path(__file__).resolve().parents[1]

KINDS = {
    Kind.TEXT: "text",
    Kind.SID: "sid",
    Kind.MONEY: "money",
    Kind.DECIMAL: "decimal",
    Kind.INTEGER: "integer",
    Kind.INSTANT: "date",
    Kind.BOOLEAN: "boolean",
    Kind.ROWS: "array of objects",
    Kind.WORDS: "array of words",
    Kind.MAP: "object of texts",
    Kind.OBJECT: "object",
}
OPERATOR_ORDER = ("eq", "ne", "lt", "le", "gt", "ge", "in", "like", "ilike", "bit")

MET = ("What a request may be", "What a list may ask", "What a value may be", "Identity", "Time and work")
"""Those groups of limits.py that a client or an operator meets."""

ABOUT = """\
# Reference

Made from the program's own tables by `tools/reference.py`. The same for programs is served at `/openapi.json`, and
with requests to try at `/docs`. Errors have [a page of their own](errors.md); how filters, pages and tokens are used
is in the [guides](guides/filters.md); what is our own decision is in
[where the reference is silent](where-the-reference-is-silent.md).
"""

ERRORS = """\
# Errors

Made from the program's own table by `tools/reference.py`.

Every refusal has the same body. Its code is in the header `X-Error-Code`, never in the body; `X-Request-Id` finds it
in the server's log.

```json
{"message": "no item error",
 "errors": [{"field": null, "message": "cannot find item by sid", "reference_sid": null}]}
```

`errors` has an entry for each thing that is wrong: `field` names the argument or attribute, `message` says what is
wrong with it, `reference_sid` a record that it concerns. What a parser refuses before there is a request has no body.
"""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def code(words: Iterable[str]) -> str:
    """Words as code, with spaces between."""
    return " ".join(f"`{word}`" for word in words)


def routes() -> str:
    """Every path with its methods and scopes."""
    rows = []
    for route in described():
        if route.public:
            scopes = "no credentials"
        else:
            scopes = code(route.scopes) or "any valid token"
        rows.append((f"`{route.method}`", f"`{route.path}`", route.summary, scopes))
    doc = "Any one of the scopes is enough. `HEAD` works wherever `GET` does, `OPTIONS` everywhere.\n"
    return f"## Requests\n\n{doc}\n{table(('method', 'path', '', 'scopes'), rows)}"


def scopes() -> str:
    """The closed list of scopes by area."""
    areas: dict[str, list[str]] = {}
    for scope in SCOPES:
        areas.setdefault(scope.partition(".")[0], []).append(scope)
    doc = "`manage` includes `create`, `read`, `update` and `delete` of its area, nothing else.\n"
    return f"## Scopes\n\n{doc}\n{table(('area', 'scopes'), ((area, code(each)) for area, each in areas.items()))}"


def arguments() -> str:
    """The query arguments of lists."""
    made = document(described())
    shared, listed = made["components"]["parameters"], made["paths"]["/core/v2/billing/invoices"]["get"]["parameters"]
    rows = []
    for each in listed:
        parameter = shared[each["$ref"].rpartition("/")[2]] if "$ref" in each else each
        if parameter["in"] == "query":
            rows.append((f"`{parameter['name']}`", parameter["description"]))
    doc = "Of lists; a single record knows the last five. An argument that has no meaning is a 400.\n"
    return f"## Query arguments\n\n{doc}\n{table(('name', ''), rows)}"


def kinds() -> str:
    """What each kind of value is compared with."""
    rows = [
        (KINDS[kind], code(operator for operator in OPERATOR_ORDER if operator in fitting))
        for kind, fitting in OPERATORS.items()
    ]
    doc = "`eq null` and `ne null` fit every kind. Arrays of objects and objects are reached into by dotted paths.\n"
    return f"## Operators\n\n{doc}\n{table(('kind', 'operators of `filter`'), rows)}"


def presence(field: Field) -> str:
    """What a reader must expect of an attribute, and who sets it."""
    if field.kind is Kind.OBJECT:
        return "with `with_related=true`"
    words = ["may be absent" if field.absent else "may be null" if field.null else "always"]
    return ", ".join([*words, *(["settable"] if field.writable else [])])


def attributes(members: Iterable[Field]) -> str:
    """The table of an object's attributes."""
    rows = ((f"`{each.name}`", KINDS[each.kind], presence(each), each.doc) for each in members)
    return table(("attribute", "kind", "presence", ""), rows)


def resource(each: Resource) -> str:
    """An object with the objects within it."""
    members = sorted((*each.fields, *each.related), key=lambda field: field.name)
    said = (
        f"`/core/v2{each.path}`, ordered by `{each.default_order}` unless asked otherwise. Every attribute that is not"
    )
    said += " an array or an object can be ordered by" + (", the partner's too.\n" if each.related else ".\n")
    parts = [f"## {title(each)}\n", said, attributes(members)]
    for field in members:
        if field.kind is Kind.ROWS:
            parts += [f"### `{field.name}[]`\n", attributes(field.parts)]
    return "\n".join(parts)


def bounds() -> str:
    """The bounds that a client or an operator meets, with their reasons, as limits.py has them."""
    lines = Path(limits.__file__).read_text(encoding="utf-8").splitlines()
    parts, title, rows = (
        ["## Limits\n", "The program's other bounds are in `limits.py`, each with its reason.\n"],
        "",
        [],
    )
    for line in [*lines, "# end."]:
        if found := re.match(r"([A-Z0-9_]+): Final = [^#]*(?:# (.*))?$", line):
            value = getattr(limits, found[1])
            shown = f"{value:,}" if isinstance(value, int) and value >= 10_000 else str(value)
            rows.append((f"`{found[1]}`", shown, found[2] or ""))
        elif heading := re.match(r"# (.*)\.$", line):
            if rows and title in MET:
                parts += [f"### {title}\n", table(("name", "value", "why"), rows)]
            title, rows = heading[1], []
    return "\n".join(parts)


def settings() -> str:
    """Every setting with its flag, variable and default."""
    doc = "A flag goes before the environment, that before the file of `--config` (TOML), that before the default.\n"
    rows = []
    for each in fields(Settings):
        default = str(each.default).lower() if isinstance(each.default, bool) else str(each.default)
        flag, variable = f"`--{each.name.replace('_', '-')}`", f"`TOLLBOOK_{each.name.upper()}`"
        rows.append((flag, variable, f"`{default}`" if default else "", HELP[each.name]))
    return f"## Settings\n\n{doc}\n{table(('flag', 'variable', 'default', ''), rows)}"


def errors_page() -> str:
    """docs/errors.md."""
    rows = [
        (str(problem.status), f"`{problem.message}`", f"`{problem.code}`", problem.when)
        for problem in sorted(PROBLEMS, key=lambda problem: problem.status)
    ]
    return f"{ERRORS}\n{table(('status', '`message`', '`X-Error-Code`', 'when'), rows)}"


def reference_page() -> str:
    """docs/reference.md."""
    objects = [resource(each) for each in RESOURCES]
    return "\n".join([ABOUT, routes(), scopes(), arguments(), kinds(), *objects, settings(), bounds()])


PAGES = {"docs/reference.md": reference_page, "docs/errors.md": errors_page}


def main() -> int:
    """Write the pages."""
    for name, page in PAGES.items():
        (ROOT / name).write_text(page(), encoding="utf-8")
        print(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
