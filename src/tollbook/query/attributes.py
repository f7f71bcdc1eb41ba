"""What an attribute and a resource are: the shapes that the catalogue in `fields.py` is written in."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from tollbook import limits


class Kind(Enum):
    """How an attribute's values compare, what the wire shows, and which operators fit."""

    TEXT = "text"  # by code point
    SID = "sid"  # text: a canonical lower-case UUID
    MONEY = "money"  # a string on the wire; millionths in a column
    DECIMAL = "decimal"  # a string of up to nine decimals on the wire; billionths in a column
    INTEGER = "integer"
    INSTANT = "date"  # ISO 8601 on the wire; milliseconds in a column
    BOOLEAN = "boolean"
    ROWS = "rows"  # an array of objects, each a row of the child table of that name
    WORDS = "words"  # an array of plain words
    MAP = "map"  # an object of texts under keys of the user's own
    OBJECT = "object"  # the related object of that name


SCALARS = frozenset({Kind.TEXT, Kind.SID, Kind.MONEY, Kind.DECIMAL, Kind.INTEGER, Kind.INSTANT, Kind.BOOLEAN})


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """One attribute. `null`: may be null. `absent`: left out of its object where it is null.

    `writable`: a client may set it. `secret`: no column, always null in an answer made later.
    `parts`: the attributes of an element or of the related object.
    """

    name: str
    kind: Kind
    doc: str
    example: object = None
    null: bool = False
    absent: bool = False
    writable: bool = False
    secret: bool = False
    parts: tuple["Field", ...] = ()

    def part(self, name: str) -> "Field | None":
        """The attribute of that name within this one."""
        return next((part for part in self.parts if part.name == name), None)


@dataclass(frozen=True, eq=False)
class Resource:
    """One kind of record: its name (also its table's), its sid, and its attributes in wire order.

    `related` holds the sub-object that `with_related=true` embeds; `area` names its scopes. `limit_default` is how many
    a page of its list holds unless asked otherwise. A list that is not `counted` has no total. `within` are the further
    attributes that make a sid unique, where it is unique within them only. Records without a sid have no `cursors`;
    `sid` then names the hidden column that ties are broken by.
    """

    name: str
    path: str
    area: str
    sid: str
    default_order: str
    fields: tuple[Field, ...]
    related: tuple[Field, ...] = ()
    limit_default: int = limits.LIMIT_DEFAULT
    counted: bool = True
    within: tuple[str, ...] = ()
    cursors: bool = True

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """Every attribute by its name, the related ones too."""
        return {field.name: field for field in (*self.fields, *self.related)}

    @cached_property
    def scalars(self) -> tuple[Field, ...]:
        """The attributes that are columns of the record's own row."""
        return tuple(field for field in self.fields if field.kind is not Kind.ROWS)

    def paths(self) -> Iterator[str]:
        """Every dotted path that an answer can hold, for suggestions and projections."""
        for field in (*self.fields, *self.related):
            yield field.name
            yield from (f"{field.name}.{part.name}" for part in field.parts)
