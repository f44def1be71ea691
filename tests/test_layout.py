"""The design has tests: imports point one way, packages are listed, the command starts light."""

import ast
import configparser
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = {
    "gkmvlp": "src/gkmvlp",
    "gkmvlp.data_modules": "data_modules",
    "gkmvlp.tasks": "tasks",
    "gkmvlp.zoo": "zoo",
}
# What may import everything, and what nothing else may import.
PROGRAM = {"gkmvlp.app", "gkmvlp.__main__"}
LAZY = {"gkmvlp.load", "gkmvlp.list_models"}  # the lazy __getattr__ of gkmvlp/__init__ fetches them from above
FORBIDDEN = {
    "gkmvlp": {"gkmvlp.data_modules", "gkmvlp.tasks", "gkmvlp.zoo", "lightning", "pytorch_lightning"},
    "gkmvlp.data_modules": {"gkmvlp.tasks", "gkmvlp.zoo"},
    "gkmvlp.tasks": {"gkmvlp.data_modules", "gkmvlp.zoo"},
    "gkmvlp.zoo": set(),
}
# Beside the direction: models know no objective and no checkpoint file; the grammar of phantoms and the labeler share
# nothing.
STRANGERS = {
    "gkmvlp.models": {"gkmvlp.losses", "gkmvlp.checkpoints"},
    "gkmvlp.phantom": {"gkmvlp.report"},
    "gkmvlp.report": {"gkmvlp.phantom"},
}
LIGHT = ["gkmvlp", "gkmvlp.app.cli", "gkmvlp.__main__", "gkmvlp.zoo.registry"]


def within(name, prefixes):
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


def modules(root):
    """Module name -> file, of all four folders."""
    found = {}
    for package, folder in FOLDERS.items():
        for path in sorted((root / folder).rglob("*.py")):
            parts = path.relative_to(root / folder).with_suffix("").parts
            found[".".join([package, *(part for part in parts if part != "__init__")])] = path
    return found


def home(module):
    """Which of the four folders a module lies in: the longest name that fits."""
    return max((package for package in FOLDERS if within(module, {package})), key=len)


def imported(nodes):
    """Dotted names that import statements among the nodes ask for; a relative one starts with a dot."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level + (node.module or "")
            yield from (f"{start}.{alias.name}" for alias in node.names)


def at_module_level(tree):
    """All nodes that run on import: not inside functions, not under ``if TYPE_CHECKING``."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from at_module_level(node)


def parse(path):
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def wrong_imports(root):
    """Lines ``module imports name`` that break the rules."""
    wrong = []
    for module, path in modules(root).items():
        if within(module, PROGRAM):
            continue
        tree = parse(path)
        # gkmvlp/__init__ may reach upwards, but only lazily
        nodes = at_module_level(tree) if module == "gkmvlp" else ast.walk(tree)
        forbidden = FORBIDDEN[home(module)] | PROGRAM | LAZY
        for package, others in STRANGERS.items():
            forbidden |= others if within(module, {package}) else set()
        wrong += [f"{module} imports {name}" for name in imported(nodes) if within(name, forbidden)]
    return wrong


def relative_imports(root):
    return [
        f"{module} imports {name}"
        for module, path in modules(root).items()
        for name in imported(ast.walk(parse(path)))
        if name.startswith(".")
    ]


def unlisted(root):
    """Differences between the package folders on disk and those of setup.cfg."""
    config = configparser.ConfigParser()
    config.read(root / "setup.cfg", encoding="utf-8")
    listed = set(config["options"]["packages"].split())
    mapped = dict(line.split(" = ") for line in config["options"]["package_dir"].strip().splitlines())
    on_disk = {
        module if path.name == "__init__.py" else module.rpartition(".")[0] for module, path in modules(root).items()
    }
    without_init = [package for package in on_disk if package not in modules(root)]
    wrong = [f"{package} is not in packages" for package in on_disk - listed]
    wrong += [f"{package} is no folder with Python files" for package in listed - on_disk]
    wrong += [f"{package} has no __init__.py" for package in without_init]
    return sorted(wrong + ([] if mapped == FOLDERS else [f"package_dir is {mapped}"]))


def heavy_imports(root, start):
    """What importing a module loads beside the standard library and yaml, through our own modules too."""
    found, heavy, todo, seen = modules(root), [], [start], set()
    while todo:
        module = todo.pop()
        parts = module.split(".")
        # importing a.b.c runs a and a.b too; the last part of a from-import may be a name, not a module
        for name in {".".join(parts[:end]) for end in range(1, len(parts) + 1)} - seen:
            seen.add(name)
            for wanted in imported(at_module_level(parse(found[name]))) if name in found else ():
                top = wanted.partition(".")[0]
                if top == "gkmvlp":
                    todo.append(wanted)
                elif top not in sys.stdlib_module_names and top != "yaml":
                    heavy.append(f"{name} imports {wanted}")
    return heavy


def test_imports_point_one_way():
    assert wrong_imports(ROOT) == []


def test_no_relative_imports():
    assert relative_imports(ROOT) == []


def test_packages_are_listed_and_mapped():
    assert unlisted(ROOT) == []


@pytest.mark.parametrize("module", LIGHT)
def test_the_command_starts_light(module):
    if module not in modules(ROOT):
        pytest.skip(f"there is no {module}")
    assert heavy_imports(ROOT, module) == []


@pytest.fixture
def house(tmp_path):
    """A small house in order; each test below breaks one thing."""
    for package, folder in FOLDERS.items():
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "__init__.py").write_text(f'"""{package}."""\n')
    lines = "".join(f"\n    {package} = {folder}" for package, folder in FOLDERS.items())
    names = "".join(f"\n    {package}" for package in FOLDERS)
    (tmp_path / "setup.cfg").write_text(f"[options]\npackage_dir ={lines}\npackages ={names}\n")
    assert [*wrong_imports(tmp_path), *relative_imports(tmp_path), *unlisted(tmp_path)] == []
    return tmp_path


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("src/gkmvlp/batch.py", "from gkmvlp import tasks"),
        ("src/gkmvlp/batch.py", "def f():\n    import gkmvlp.zoo.registry"),
        ("src/gkmvlp/__init__.py", "from gkmvlp.zoo import registry"),
        ("src/gkmvlp/batch.py", "import lightning.pytorch as L"),
        ("src/gkmvlp/models/heads.py", "from gkmvlp.losses.itc import match_matrix"),
        ("src/gkmvlp/models/vision.py", "def f():\n    from gkmvlp.checkpoints.weights import differences"),
        ("data_modules/nih.py", "from gkmvlp.tasks.vqa import Vqa"),
        ("tasks/vqa.py", "from gkmvlp.data_modules import nih"),
        ("tasks/vqa.py", "from gkmvlp import load"),
        ("zoo/registry.py", "from gkmvlp.app.commands.bench import run"),
    ],
)
def test_an_import_upwards_is_caught(house, path, line):
    (house / path).parent.mkdir(parents=True, exist_ok=True)
    (house / path).write_text(line)
    assert len(wrong_imports(house)) == 1


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("src/gkmvlp/app/cli.py", "import lightning\nfrom gkmvlp.zoo import registry"),
        ("src/gkmvlp/app/commands/bench.py", "from gkmvlp.zoo import registry"),
        ("src/gkmvlp/__init__.py", "def __getattr__(name):\n    from gkmvlp.zoo import registry"),
        ("zoo/registry.py", "from gkmvlp.tasks.vqa import Vqa"),
        ("tasks/vqa.py", "import lightning\nfrom gkmvlp.losses.itc import image_text_contrast"),
    ],
)
def test_what_is_allowed_is_not_caught(house, path, line):
    (house / path).parent.mkdir(parents=True, exist_ok=True)
    (house / path).write_text(line)
    assert wrong_imports(house) == []


def test_other_faults_are_caught(house):
    (house / "tasks" / "vqa.py").write_text("from . import base\n")
    (house / "tasks" / "deep").mkdir()
    (house / "tasks" / "deep" / "a.py").write_text("import numpy\n")
    (house / "zoo" / "registry.py").write_text("import yaml\nfrom gkmvlp.tasks.deep.a import x\n")
    assert relative_imports(house) == ["gkmvlp.tasks.vqa imports ..base"]
    assert unlisted(house) == ["gkmvlp.tasks.deep has no __init__.py", "gkmvlp.tasks.deep is not in packages"]
    assert heavy_imports(house, "gkmvlp.zoo.registry") == ["gkmvlp.tasks.deep.a imports numpy"]
