"""YAML into dataclasses; a mistake knows its line."""

import dataclasses
import types
import typing
from typing import Any, TypeVar

import yaml

from gkmvlp.errors import nearest

T = TypeVar("T")
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C is ten times as fast


class SchemaError(ValueError):
    """What is wrong, and in which line, counted from 1."""

    def __init__(self, message: str, node: yaml.Node | None = None) -> None:
        super().__init__(message)
        self.line = node.start_mark.line + 1 if node is not None else 1


def build(text: str, kind: type[T], newest: int) -> T:
    """A dataclass out of YAML that has exactly its fields; those with a default may be left out.

    Args:
        text: The YAML.
        kind: The dataclass; fields with the metadata ``stored: False`` are not in the file.
        newest: Highest ``format`` known here; a newer one is told before anything else.

    Raises:
        SchemaError: If the text is no YAML, or a field is missing, unknown, twice there or of another type.
    """
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mistake = SchemaError(f"not YAML ({error.problem})")
        mistake.line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise mistake from error
    except yaml.YAMLError as error:
        raise SchemaError(f"not YAML ({error})") from error
    if isinstance(root, yaml.MappingNode):
        for key, value in root.value:
            if key.value == "format" and value.value.isdigit() and int(value.value) > newest:
                raise SchemaError(
                    f"format {value.value} is newer than this gkmvlp knows (up to {newest}); update it", key
                )
    made: T = _made(loader, root, kind, "entry")
    return made


def _made(loader: Any, node: yaml.Node | None, kind: Any, where: str) -> Any:
    """The value of a node, of the type wanted."""
    if dataclasses.is_dataclass(kind):
        return _made_fields(loader, node, kind, where)
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is list and isinstance(node, yaml.SequenceNode):
        return [_made(loader, item, inner[0], f"item of {where}") for item in node.value]
    if origin is dict and isinstance(node, yaml.MappingNode):
        return {_made(loader, k, str, where): _made(loader, v, inner[1], where) for k, v in node.value}
    value = loader.construct_object(node, deep=True) if isinstance(node, yaml.ScalarNode) else node
    wanted = inner if origin is types.UnionType else (kind,)
    if type(value) is int and float in wanted:
        return float(value)
    if type(value) not in wanted:
        names = " or ".join("null" if one is types.NoneType else getattr(one, "__name__", str(one)) for one in wanted)
        got = type(value).__name__ if isinstance(value, yaml.Node) or node is None else repr(value)
        raise SchemaError(f"{where} must be {names}, got {got}", node)
    return value


def _made_fields(loader: Any, node: yaml.Node | None, kind: Any, where: str) -> Any:
    """A dataclass from a mapping that has exactly its fields."""
    if not isinstance(node, yaml.MappingNode):
        raise SchemaError(f"{where} must be a mapping", node)
    hints = typing.get_type_hints(kind)
    wanted = [one.name for one in dataclasses.fields(kind) if one.metadata.get("stored", True)]
    values: dict[str, Any] = {}
    for key, value in node.value:
        name = str(key.value)
        if name not in wanted:
            near = nearest(name, wanted, cutoff=0.6)
            raise SchemaError(f"unknown field {name!r}{f'; did you mean {near}?' if near else ''}", key)
        if name in values:
            raise SchemaError(f"field {name!r} stands twice", key)
        values[name] = _made(loader, value, hints[name], name)
    absent = dataclasses.MISSING
    may_lack = {
        one.name for one in dataclasses.fields(kind) if one.default is not absent or one.default_factory is not absent
    }
    if missing := [name for name in wanted if name not in values and name not in may_lack]:
        raise SchemaError(f"{where} lacks {', '.join(missing)}", node)
    return kind(**values)
