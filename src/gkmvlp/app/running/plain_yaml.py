"""What YAML's readers take without a word, and people read otherwise: refused in configs, and in words of a command."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from gkmvlp.errors import UsageError

_FILE = (".yaml", ".yml")  # of values, which a config may name in place of them


def require_plain(file: Path) -> None:
    """Checks that a config holds keys with values, each key once, of which YAML's readers take the last one.

    Nor does a node hold itself, or a number stand for another one, see ``unlike_number``. A file that a config names in
    place of values, as ``architecture: FILE``, is checked like it.

    Raises:
        UsageError: If it does not. What is no YAML is left to the parser, which names the line.
    """
    for named in _require_plain_file(file, is_config=True):
        if os.path.isfile(inner := file.parent / named):  # Path.is_file raises where a text is too long for a name
            _require_plain_file(inner)


def require_plain_words(words: list[str], chosen: Mapping[str, Any]) -> None:
    """Checks what YAML makes of the values of a command, as ``require_plain`` does for files.

    Args:
        words: ``--key=value``, or ``--key`` and ``value``.
        chosen: Dotted key -> what the words were read as. What a key takes as a text is that text.

    Raises:
        UsageError: If it is another thing than people read.
    """
    for option, value in _given(words):
        key = option.removeprefix("--")
        inner = key.replace(".", ".init_args.", 1)  # LightningCLI knows data.root for data.init_args.root
        number = unlike_number(value)
        read = next((read for name in (key, inner) if (read := chosen.get(name)) is not None), None)
        if number is not None and isinstance(read, int | float) and read == number:
            raise UsageError(f"{option}: {_told(value, number)}")
        if value.endswith(_FILE) and os.path.isfile(value) and option not in ("--config", "-c"):
            _require_plain_file(Path(value))
        try:
            node = yaml.compose(value, Loader=yaml.SafeLoader)
        except yaml.YAMLError:  # a text
            continue
        if isinstance(node, yaml.CollectionNode) and not isinstance(read, str):
            _require_plain_nodes(node, option)


def unlike_number(word: str) -> int | float | None:
    """The number that YAML 1.1 reads in a word that people read otherwise; None of any other word.

    A zero in front makes digits octal (010 is 8), and colons make them sexagesimal (1:30 is 90).
    """
    if not re.fullmatch(r"[-+]?(0[0-7_]+|[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?)", word):
        return None
    number = yaml.safe_load(word)
    is_other = isinstance(number, int | float) and (":" in word or int(word.replace("_", "")) != number)
    return number if is_other else None


def _given(words: list[str]) -> Iterator[tuple[str, str]]:
    """Options and their values, in both spellings."""
    for word, behind in zip(words, [*words[1:], ""], strict=True):
        option, equals, value = word.partition("=")
        if option.startswith("-") and (equals or not behind.startswith("--")):
            yield option, value if equals else behind


def _told(word: str, number: float) -> str:
    return f"{word} is {number} in YAML: write {number}, or {word!r} for a text"


def _require_plain_file(file: Path, is_config: bool = False) -> list[str]:
    """Checks a file of keys with values; see ``_require_plain_nodes``. One that holds others is no file of values."""
    try:
        content = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is no text in UTF-8: save it as UTF-8") from error
    except yaml.YAMLError:
        return []
    if not isinstance(content, yaml.MappingNode):
        if is_config:
            raise UsageError(f"{file}: keys with values were expected, such as trainer: {{max_epochs: 1}}")
        return []
    return _require_plain_nodes(content, str(file))


def _require_plain_nodes(content: yaml.Node, place: str) -> list[str]:
    """Checks all nodes below one; what may be the names of files of values are returned.

    Raises:
        UsageError: If a node holds itself, a key stands twice, or a number stands for another one.
    """
    names: list[str] = []
    waiting: list[tuple[yaml.Node, frozenset[int]]] = [(content, frozenset())]  # and what it stands in
    seen: set[int] = set()  # a node may stand in several places
    while waiting:
        node, above = waiting.pop()
        where = f"{place}, line {node.start_mark.line + 1}"
        if id(node) in above:
            raise UsageError(f"{where}: what stands here holds itself (an alias with *): remove it")
        if isinstance(node, yaml.ScalarNode):
            # "!!str 010" is no number
            if node.tag.endswith((":int", ":float")) and (number := unlike_number(node.value)) is not None:
                raise UsageError(f"{where}: {_told(node.value, number)}")
            names += [node.value] if node.value.endswith(_FILE) else []
        elif id(node) not in seen:
            seen.add(id(node))
            waiting += [(value, above | {id(node)}) for value in _values(node, place)]
    return names


def _values(node: yaml.Node, place: str) -> list[yaml.Node]:
    """The nodes in a mapping or list.

    Raises:
        UsageError: If a key of a mapping stands twice.
    """
    if not isinstance(node, yaml.MappingNode):
        return list(node.value)
    keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"]
    first = {key.value: key for key in reversed(keys)}
    if twice := next((key for key in keys if first[key.value] is not key), None):
        raise UsageError(f"{place}, line {twice.start_mark.line + 1}: key {twice.value!r} stands twice: keep one")
    return [value for _, value in node.value]
