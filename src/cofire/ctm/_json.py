"""Frozen dataclasses as plain JSON values: every part names its kind, and what a file leaves out takes its default."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from cofire import checks


def to_json(value: Any) -> Any:
    """A part, a tuple of parts or a plain value as JSON values; InvalidValue for a part that JSON cannot hold."""
    if not getattr(value, "storable", True):
        got = "a module of your own"
        fix = "save the weights with torch, or write a backbone"
        raise checks.InvalidValue(checks.message("backbone", "a part that JSON can hold", got, fix))
    if dataclasses.is_dataclass(value):
        fields = {one.name: to_json(getattr(value, one.name)) for one in dataclasses.fields(value)}
        return {"kind": type(value).__name__, **fields}
    if isinstance(value, tuple | list):
        return [to_json(one) for one in value]
    return value


def from_json(value: Any, kinds: Mapping[str, type]) -> Any:
    """Read what `to_json` wrote, as parts of the given kinds.

    Fields that are left out take their defaults, so that files outlive added fields. Raises InvalidValue that names
    unknown kinds, unknown fields, and missing fields without a default.
    """
    if isinstance(value, list):
        return tuple(from_json(one, kinds) for one in value)
    if not isinstance(value, dict):
        return value
    kind = kinds[checks.choice("kind", value.get("kind"), kinds)]
    fields = {one.name: one for one in dataclasses.fields(kind)}
    given = {name: from_json(one, kinds) for name, one in value.items() if name != "kind"}
    for name in given:
        checks.choice(f"field of {kind.__name__}", name, fields)
    missing = [name for name, one in fields.items() if name not in given and _required(one)]
    if missing:
        got = f"one without {', '.join(missing)}"
        fix = "give a whole configuration"
        raise checks.InvalidValue(checks.message(kind.__name__, f"the fields {', '.join(fields)}", got, fix))
    return kind(**given)


def described(config: Any) -> Any:
    """A configuration as JSON values, or in words where it holds a module of the user's own."""
    try:
        return to_json(config)
    except checks.InvalidValue:
        return repr(config)


def _required(field: dataclasses.Field) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
