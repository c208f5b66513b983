"""Bodies for the operations of our own OpenAPI document: right ones, and right ones with something wrong in them."""

import json
from random import Random
from typing import Any

from tests.fuzz.words import odd_text, odd_value, text_for

_REF = "#/components/schemas/"
_DEEPEST = 6


class Bodies:
    """Makes bodies from the schemas of one document; `ids` are of real things, by kind."""

    def __init__(self, document: dict[str, Any], ids: dict[str, list[str]]) -> None:
        self._schemas = document["components"]["schemas"]
        self._ids = ids

    def body(self, random: Random, schema: dict[str, Any]) -> bytes:
        """A body as it goes over the line."""
        value = self.value(random, schema)
        for _ in range(random.choice((0, 0, 1, 1, 2, 5))):
            value = self._spoilt(random, value)
        try:
            return json.dumps(value).encode()
        except (TypeError, ValueError, RecursionError):
            return b"{}"

    def value(self, random: Random, schema: dict[str, Any], name: str = "", depth: int = 0) -> Any:
        """A value that fits the schema, as far as its words go."""
        if "$ref" in schema:
            return self.value(random, self._schemas[schema["$ref"].removeprefix(_REF)], name, depth)
        for choice in ("anyOf", "oneOf"):
            if choice in schema:
                return self.value(random, random.choice(schema[choice]), name, depth)
        if "enum" in schema:
            return random.choice(schema["enum"])
        if "const" in schema:
            return schema["const"]
        kind = schema.get("type")
        if kind == "object" or "properties" in schema:
            return self._object(random, schema, depth)
        if kind == "array":
            count = random.choice((0, 1, 1, 2, 3)) if depth < _DEEPEST else 0
            return [self.value(random, schema.get("items", {}), name, depth + 1) for _ in range(count)]
        return self._scalar(random, schema, name)

    def _object(self, random: Random, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        required = set(schema.get("required", ()))
        return {
            key: self.value(random, inner, key, depth + 1)
            for key, inner in schema.get("properties", {}).items()
            if key in required or random.random() < 0.6
        }

    def _scalar(self, random: Random, schema: dict[str, Any], name: str) -> Any:
        kind = schema.get("type")
        low, high = schema.get("minimum", 0), schema.get("maximum", 1000)
        if kind == "integer":
            return random.choice((low, high, random.randint(int(low), max(int(low), int(high)))))
        if kind == "number":
            return random.choice((low, high, random.uniform(low, max(low, high))))
        if kind == "boolean":
            return random.random() < 0.5
        if kind == "null":
            return None
        return text_for(random, name, self._ids) if kind == "string" else odd_value(random)

    def _spoilt(self, random: Random, value: Any) -> Any:
        """The value with one place changed: another value there, a name more or less, one wrapped into another."""
        if isinstance(value, dict) and value and random.random() < 0.8:
            key = random.choice(list(value))
            roll = random.random()
            if roll < 0.15:
                return {k: v for k, v in value.items() if k != key}
            if roll < 0.25:
                return {**value, odd_text(random): odd_value(random)}
            return {**value, key: self._spoilt(random, value[key])}
        if isinstance(value, list) and value and random.random() < 0.7:
            place = random.randrange(len(value))
            return [*value[:place], self._spoilt(random, value[place]), *value[place + 1 :]]
        roll = random.random()
        if roll < 0.08:
            return [value]
        if roll < 0.12:
            return [value] * 600
        if roll < 0.15:
            return _deep(random.choice((5, 60, 900)))
        return odd_value(random)


def _deep(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value
