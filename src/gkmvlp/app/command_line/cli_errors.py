"""Errors of argparse and jsonargparse in one line, with the nearest known word."""

import difflib
import importlib
import importlib.util
import inspect
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

from gkmvlp.app.command_line.config_keys import value_paths
from gkmvlp.app.command_line.renamed_keys import OPTIONS, RENAMED, is_former

# what jsonargparse adds around the sentence that matters
_NOISE = re.compile(
    r"^\s*-?\s*(Does not validate against any|Subtypes:|Errors:|Given value type:|Expected a <class 'NoneType'>)"
)
_WRONG_CLASS = re.compile(
    r"Expected a dot import path string: (\S+)"
    r"|Problem with given class_path '([^']+)':\n.*(?:not a subclass|No module|has no attribute|Unexpected import)"
)
# A key that takes a class, and the name that was given to it, for whatever reason it is none.
_CLASS_KEY = re.compile(r"Subtypes: \[.*?<class '\w+\.[\w.]*?(\w+)'>")
_CLASS_NAME = re.compile(
    r"Given value: (?:NestedArg\(key='class_path', val=')?"
    r"((?:\.*/)?[\w/-]+\.(?!ya?ml|json)[A-Za-z_][\w./]*)(?:'\))?\s*$"
)
_NO_FILE = re.compile(r"Expected a path but (.+) either not accessible or invalid")  # as of architecture: FILE.yaml
_LACKING = re.compile(r"Problem with given class_path '([\w.]+)':\s+the following arguments are required: ([\w., ]+)")
CLASS_PATH = "the path of a class was expected, as Python imports it: my_module.MyClass"
_LISTS = ("collections.abc.Sequence", "collections.abc.Iterable", "typing.List", "list")
_PARTS = ("model", "data", "trainer")  # of a config
_ORIGINAL = "Original Traceback"  # how a DataLoader reports an error of one of its workers


def hint(word: str, known: Iterable[str]) -> str:
    """``; it is now X`` for a renamed key, else ``; did you mean X?`` for the known word that is nearest, if any is."""
    known = sorted(set(known))
    if is_former(word, known):
        return f"; it is now {OPTIONS[word]}"
    if renamed := RENAMED.get(word.rpartition(".")[2].removeprefix("--")):
        today = [key for key in known if key.rpartition(".")[2].removeprefix("--") == renamed]
        if today:
            return f"; it is now {renamed}"
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else ""


def one_line(error: BaseException) -> str:
    """The message of an error in one line; of an error that crossed a DataLoader worker, the original message."""
    text = str(error)
    if _ORIGINAL in text:
        text = [line for line in text.splitlines() if line.strip()][-1].partition(": ")[2]
    return " ".join(text.split()) or type(error).__name__


def unwritable(error: OSError) -> str:
    """What is wrong with a place that an error of the system names, whether it is read or written, and the remedy."""
    where = error.filename or "a file to write"
    reason = os.strerror(error.errno) if error.errno is not None else one_line(error)
    remedy = "get the right to it" if isinstance(error, PermissionError) else "make room"
    return f"{where}: {reason}; name another place, or {remedy}"


def explain(message: str, keys: Iterable[str], classes: Mapping[str, type], configs: Iterable[Path]) -> str:
    """Say in one line what is wrong with a command line or config, and what was probably meant.

    Args:
        message: What argparse or jsonargparse says, often many lines.
        keys: All options and dotted config keys that exist.
        classes: Classes that a config may name, by short name.
        configs: Config files in use; the one that holds the wrong word is named.
    """
    told = (
        _explain_unknown(message, keys)
        or _explain_choice(message)
        or _explain_key(message, keys, configs)
        or _explain_option(message, classes, configs)
        or _explain_file(message, configs)
        or _explain_class(message, classes, configs)
        or _explain_config(message, configs)
        or _explain_lacking(message, configs)
        or _explain_value(message, configs)
        or _explain_syntax(message, configs)
    )
    return told or " ".join(" ".join(line for line in message.splitlines() if not _NOISE.match(line)).split())


def _explain_unknown(message: str, keys: Iterable[str]) -> str:
    """One line for an option of the command line that nothing has; "" where none is."""
    match = re.search(r"unrecognized arguments: (\S+)", message)
    if not match:
        return ""
    option = match[1].partition("=")[0]
    if Path(match[1]).exists():
        return f"no option {match[1]}; the file of that name is ./{match[1]}"
    outer = [key for key in re.findall(r'Parser key "([^"]+)"', message) if key not in _PARTS]
    if outer and not option.startswith(f"--{outer[-1]}."):  # a key below an optional dataclass
        option = f"--{outer[-1]}.{option.removeprefix('--')}"
    short = option.removeprefix("--")
    if whole := sorted(key for key in keys if key.partition(".init_args.")[2] == short):
        return f"no option {option}; did you mean --{whole[0]}?"
    others = {key if key.startswith("-") else f"--{key}" for key in keys} - {option}  # another action may have it
    return f"no option {option}{hint(option, sorted(others))}"


def _explain_choice(message: str) -> str:
    """One line for a word that is none of a few; "" where none is."""
    match = re.search(r"invalid choice: '?([^' ]*)'? \(choose from (.*)\)", message)
    if not match:
        return ""
    known = re.findall(r"[^ ,]+", match[2].replace("'", ""))
    listed = "" if len(known) > 12 else f": {', '.join(known)}"
    return f"no {match[1]!r} here{hint(match[1], known) or listed}"


def _explain_key(message: str, keys: Iterable[str], configs: Iterable[Path]) -> str:
    """One line for a key that nothing has, or that another class has than the one it was given to; "" where none is."""
    match = re.search(r"(?:Group '([^']+)' )?does not accept option '([^']+)'", message)
    if not match:
        return ""
    word, known = match[2], set(keys)
    key = f"{match[1]}.{word}" if match[1] else word
    given = re.findall(r"given class_path '([\w.]+)\.(\w+)'", message)
    if given and key in known:
        package, name = given[-1]
        own = {".".join(path) for path in value_paths(getattr(importlib.import_module(package), name))}
        if own and key not in own:
            return f"{_where(word, configs)}{name} has no key {key!r}, which is another class's: give one of {name}"
    return f"{_where(word, configs)}no key {word!r}{hint(word, known)}"


def _explain_file(message: str, configs: Iterable[Path]) -> str:
    """One line for a key whose value is the name of a file of values that is not there; "" where none is."""
    if not (match := _NO_FILE.search(message)) or not re.search(r"\.(ya?ml|json)$|/[^./]*$", match[1]):
        return ""  # a class that is misspelt
    key, name = re.findall(r'Parser key "([^"]+)"', message[: match.start()])[-1], match[1]
    holders = [config.parent for config in configs if name in config.read_text(encoding="utf-8")]
    place = next(iter(holders), Path()) / name  # a path in a config starts in its folder
    reason = "it is a folder" if place.is_dir() else f"{place.absolute()} was looked for"
    return f"{_where(name, configs)}key {key!r}: no file {name} ({reason}): name its whole path"


def _explain_lacking(message: str, configs: Iterable[Path]) -> str:
    """One line for a class that is named without an argument it needs, or with null for it; "" where none is."""
    match = _LACKING.search(message)
    keys = re.findall(r'Parser key "([^"]+)"', message[: match.start()]) if match else []
    if not match or not keys:
        return ""
    name, lacking = match[1].rpartition(".")[2], match[2].split(", ")
    remedy = f"add --{keys[-1]}.init_args.{lacking[0]}=VALUE, or set it in the config"
    return f"{_where(name, configs)}{name} needs {' and '.join(lacking)}: {remedy}"


def _explain_class(message: str, classes: Mapping[str, type], configs: Iterable[Path]) -> str:
    """One line for a class that does not exist or is of another kind; "" where none is."""
    wrong = _WRONG_CLASS.search(message)
    named = None if wrong or not _CLASS_KEY.search(message) else _CLASS_NAME.search(message)
    name = (wrong[1] or wrong[2]) if wrong else named[1] if named else ""
    if not name:
        return ""
    package, _, short = name.rpartition(".")
    kind = _CLASS_KEY.search(message)
    reason = _import_error(name)
    if not reason and kind and (package or short in classes):
        return f"{_where(name, configs)}class {name!r} is no {kind[1]}"
    wanted = kind[1] if kind else "object"
    alike = [each for each, one in classes.items() if wanted in {base.__name__ for base in one.__mro__}]
    return f"{_where(name, configs)}no class {name!r}{reason or hint(short, alike)}"


def _import_error(name: str) -> str:
    """Why a class of somebody's own cannot be imported; nothing for names of this package."""
    package, _, short = name.rpartition(".")
    if "/" in name:
        return f": {CLASS_PATH}"
    if package.partition(".")[0] == "gkmvlp":
        return ""
    if not package:
        is_module = importlib.util.find_spec(name) is not None
        return f": that is a module; name a class of it, like {name}.MyClass" if is_module else ""
    try:
        has_class = hasattr(importlib.import_module(package), short)
    except (Exception, SystemExit) as error:  # whatever the module does when it runs
        return f": {package} cannot be imported ({type(error).__name__}: {one_line(error)})"
    return "" if has_class else f": {package} has no {short}"


def _explain_value(message: str, configs: Iterable[Path]) -> str:
    """One line for a value of the wrong type; "" where none is."""
    if match := re.search(r'Parser key "([^"]+)".*Not a valid subclass of.*Given value: (.*)', message, re.DOTALL):
        return f"{_where(match[1], configs)}key {match[1]!r} needs class_path and init_args, got {match[2]}"
    wanted = re.findall(r"Expected an? (?:<class ')?([\w.]+(?:\[[^\]]*\])?)", message)
    if not wanted:
        return ""
    key = (re.findall(r'Parser key "([^"]+)"', message) or ["value"])[-1]
    match = re.search(r"Got value: (.*)", message) or re.search(r"Given value: (.*)", message)
    value = match[1] if match else "something else"
    holders = [config for config in configs if value in config.read_text(encoding="utf-8")]
    choices = [word for kind in wanted if "Literal[" in kind for word in re.findall(r"[^\[, ']+(?=[,'\]])", kind)]
    kinds = [kind.partition("[")[0] for kind in wanted if kind != "NoneType" and "Literal[" not in kind]
    kinds = ["a list like [A, B]" if kind in _LISTS else kind for kind in kinds]
    kinds += [f"one of {', '.join(dict.fromkeys(choices))}"] if choices else []
    if not kinds:  # nothing but a class was wanted
        return f"{_where(key, holders)}key {key!r} needs class_path and init_args, got {value}"
    told = f"{' or '.join(dict.fromkeys(kinds))}, got {value}{hint(value, choices)}"
    return f"{_where(key, holders)}key {key!r} must be {told}"


def _explain_config(message: str, configs: Iterable[Path]) -> str:
    """One line for a config that is not there; "" where none is."""
    match = re.search(r"Unable to load config '([^']+)'", message)
    if not match:
        return ""
    return f"{_where(match[1], configs)}no config file {match[1]!r}{hint(match[1], _beside(match[1], configs))}"


def _explain_syntax(message: str, configs: Iterable[Path]) -> str:
    """One line for a config that lacks a part, or is no YAML; "" where none is."""
    if match := re.search(r"the following arguments are required: (fit|validate|test)\.(.+)", message):
        return f"key {match[2]!r} is missing: name a config by --config"
    if "Problems parsing config" in message:
        return "; ".join(filter(None, map(_syntax, configs))) or one_line(ValueError(message))
    return ""


def _syntax(config: Path) -> str:
    """Where a file is not YAML, or nothing."""
    try:
        yaml.safe_load(config.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return f"{config}, line {line}: not YAML ({error.problem})"
    return ""


def _beside(reference: str, configs: Iterable[Path]) -> list[str]:
    """Existing files that a path relative to one of the configs could have meant, spelt like that path."""
    folder = Path(reference).parent
    return [str(folder / file.name) for config in configs for file in (config.parent / folder).glob("*.y*ml")]


def _explain_option(message: str, classes: Mapping[str, type], configs: Iterable[Path]) -> str:
    """One line for an init_args key that its class does not have; "" where none is."""
    match = re.search(r"Option '([^']+)' is not accepted", message)
    if not match:
        return ""
    option = match[1]
    names = re.findall(r"given class_path '([^']+)'", message)
    name = names[-1].rpartition(".")[2] if names else "the class"
    known = {
        parameter
        for base in getattr(classes.get(name), "__mro__", ())
        for parameter in inspect.signature(base).parameters
        if base is not object
    }
    return (
        f"{_where(option, configs)}{name} has no option {option!r}{hint(option, known | {'class_path', 'init_args'})}"
    )


def _where(key: str, configs: Iterable[Path]) -> str:
    """``FILE: `` for the config that holds the last part of a dotted key."""
    word = key if key.endswith((".yaml", ".yml")) else key.rpartition(".")[2]
    leaf = re.compile(rf"(?<!\w){re.escape(word)}\b")
    return next((f"{file}: " for file in configs if leaf.search(file.read_text(encoding="utf-8"))), "")
