"""What the documents say is there: commands, options, targets, files, tests, configs and messages."""

import argparse
import ast
import dataclasses
import importlib.util
import inspect
import json
import re
import shlex
from pathlib import Path

import pytest

from gkmvlp.app.cli import main
from gkmvlp.app.command_line import command_table
from gkmvlp.app.command_line.command_table import LIGHTNING, MODULES
from gkmvlp.app.command_line.plain_commands import parser_of
from gkmvlp.app.running.configs import zoo_configs
from gkmvlp.data_modules.synthetic.lookalikes import LOOKALIKES
from gkmvlp.zoo.registry import list_models

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEXT = {page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8") for page in PAGES}
ALL = "\n".join(TEXT.values())
PROGRAMS = ("gkmvlp", "lightning")
# what a reader is to fill in
INVENTED = {"my_set.py", "my_objective.py", "my_objective"}


def lines_of(text):
    """Commands of all bash blocks, as words."""
    for block in re.findall(r"^```bash\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            yield shlex.split(line)


COMMANDS = [words for text in TEXT.values() for words in lines_of(text)]
MAKE = [words[1:] for words in COMMANDS if words[0] == "make"]
OURS = [words[1:] for words in COMMANDS if words[0] in PROGRAMS]


def test_the_readme_has_commands_of_both_kinds():
    assert ["demo"] in MAKE
    assert ["test"] in MAKE
    assert {words[0] for words in OURS} >= {"fit", "data", "predict", "evaluate"}


@pytest.mark.parametrize("words", MAKE, ids=" ".join)
def test_targets_and_variables_exist(words):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    target, *assigned = words
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)
    for word in assigned:
        name, equals, _ = word.partition("=")
        assert equals
        assert re.search(rf"^{name} \?=", makefile, re.MULTILINE)


def parsed(words):
    """Arguments of a plain command and the words it passes on; a wrong option raises."""
    length = 2 if " ".join(words[:2]) in MODULES else 1
    parser, module = parser_of(" ".join(words[:length]))
    arguments, unknown = parser.parse_known_args(words[length:])
    assert not unknown or getattr(module, "FORWARDS", False)
    return arguments


@pytest.mark.parametrize("words", OURS, ids=" ".join)
def test_commands_and_their_options_exist(words):
    if words[0] in LIGHTNING or words[0].startswith("-"):
        return
    assert words[0] in command_table.COMMANDS
    assert isinstance(parsed(words), argparse.Namespace)


def fits():
    """Words of every ``fit`` in the documents: given as such, or through ``ARGS`` of a target."""
    configs = {
        "pretrain": "zoo://pretrain-mimic",
        "finetune-vqa": "zoo://vqa-rad",
        "finetune-classification": "zoo://classification-nih",
    }
    given = [words[1:] for words in OURS if words[0] == "fit"]
    for target, *assigned in MAKE:
        options = [shlex.split(word.removeprefix("ARGS=")) for word in assigned if word.startswith("ARGS=")]
        given += [["--config", configs[target], *words] for words in options]
    return given


@pytest.mark.parametrize("words", fits(), ids=" ".join)
def test_every_fit_parses(words, tmp_path, monkeypatch, capsys):
    """``--print_config`` accepts a line only if every key exists and every value is of its type."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "zoo").symlink_to(ROOT / "zoo")
    Path("architecture.yaml").write_text(json.dumps({"image_size": 224, "vision": {"name": "resnet18"}}))
    Path("last.ckpt").touch()
    run = Path("outputs/pretrain")
    (run / "checkpoints").mkdir(parents=True)
    (run / "checkpoints/last.ckpt").touch()
    (run / "config.yaml").write_text("model: {class_path: GkMvlpPretraining, init_args: {architecture: {}}}\n")
    assert main(["fit", *words, "--print_config"]) == 0, capsys.readouterr().err


def keys_of(kind):
    return set(inspect.signature(kind).parameters)


def known_key(key):
    """Whether a dotted key is an option of the Trainer, of a DataModule or of a task."""
    from lightning import Trainer

    import gkmvlp.data_modules as data_modules
    import gkmvlp.tasks as tasks
    from gkmvlp.models.config import Architecture
    from gkmvlp.models.generation import DecodingConfig
    from gkmvlp.models.heads.detector import DetectorConfig
    from gkmvlp.models.lora import LoraConfig
    from gkmvlp.tasks.parts.objectives import Objectives
    from gkmvlp.tasks.parts.optimization import OptimizerConfig

    part, *names = key.split(".")
    if part == "trainer":
        return names[0] in keys_of(Trainer)
    if names == ["init_args"]:  # the table of short forms names the prefix
        return True
    kinds = [getattr(module, name) for module in (data_modules, tasks) for name in module.__all__]
    known = set().union(*(keys_of(kind) for kind in [*kinds, data_modules.DataModule]))
    if names[0] != "init_args" or names[1] not in known:
        return False
    values = {"architecture": Architecture().to_dict()}
    groups = {"objectives": Objectives(), "decoding": DecodingConfig(), "optimizer": OptimizerConfig()}
    groups |= {"detector": DetectorConfig(), "adapter": LoraConfig()}
    values |= {name: dataclasses.asdict(group) for name, group in groups.items()}
    value = values.get(names[1], {})
    for name in names[2:]:
        if name not in value:
            return False
        value = value[name]
    return True


SHORT = {"M": "model.init_args", "D": "data.init_args", "A": "model.init_args.architecture", "T": "trainer"}


def test_keys_that_the_text_names_exist():
    """Command lines of recorded results are left out: they keep the keys of their commit."""
    text = "\n".join(line for line in ALL.splitlines() if not re.search(r", commit [0-9a-f]{12}", line))
    keys = sorted(set(re.findall(r"--((?:trainer|data|model)\.[a-z_.0-9]*[a-z_0-9])", text)))
    short = re.findall(r"[`' ]([MDAT])\.([a-z_.0-9]*[a-z_0-9])", TEXT["docs/guide/change.md"])
    assert len(short) > 40
    keys += sorted({f"{SHORT[letter]}.{rest}" for letter, rest in short})
    assert len(keys) > 10
    assert [key for key in keys if not INVENTED & set(key.split(".")) and not known_key(key)] == []
    assert not known_key("data.init_args.imgsize")
    assert not known_key("model.init_args.architecture.text.widht")


def test_links_lead_somewhere():
    missing = []
    for page, text in TEXT.items():
        for link in re.findall(r"\]\(([^)]+)\)", text):
            target = link.partition("#")[0]
            if target and "://" not in target and not (ROOT / page).parent.joinpath(target).exists():
                missing.append(f"{page}: {link}")
    assert missing == []


def test_files_and_tests_that_the_text_names_exist():
    on_disk = [
        path for folder in ("src", "data_modules", "tasks", "zoo", "tests") for path in (ROOT / folder).rglob("*")
    ]
    names = {path.name for path in on_disk} | {path.name for path in ROOT.iterdir()}
    tested = [path.read_text("utf-8") for path in on_disk if path.suffix == ".py" and path.name.startswith("test_")]
    functions = set(re.findall(r"^def (test_\w+)", "\n".join(tested), re.MULTILINE))
    quoted = set(re.findall(r"`([^`\n]+)`", ALL))
    paths = {word for word in quoted if re.fullmatch(r"(?:src|data_modules|tasks|zoo|tests|docs)/[\w./-]*", word)}
    files = {word for word in quoted if re.fullmatch(r"\w+\.(?:py|cfg|toml)", word)}
    tests = {word for word in quoted if re.fullmatch(r"test_\w+", word)}
    assert len(paths) > 20
    made = {"docs/results/bench.json"}
    assert sorted(p for p in paths - made if Path(p).name not in INVENTED and not (ROOT / p).exists()) == []
    assert sorted(files - names - INVENTED) == []
    assert sorted(tests - functions) == []


def test_configs_and_models_that_the_text_names_exist():
    named = set(re.findall(r"zoo/([a-z][\w-]*)\.yaml", ALL)) | set(re.findall(r"zoo://([\w/-]{2,})", ALL)) - {
        "NAME",
        "my-model",
    }
    assert len(named) >= 5
    assert sorted(named - set(zoo_configs()) - set(list_models())) == []


def strings_of_the_code():
    """All literal strings of the package and the Makefile; those written in several parts are joined."""
    found = [(ROOT / "Makefile").read_text(encoding="utf-8"), "No supported gpu backend found!"]
    for folder in ("src", "data_modules", "tasks", "zoo"):
        for path in (ROOT / folder).rglob("*.py"):
            nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            found += [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [text.replace("`", "") for text in found]


def test_messages_of_the_troubleshooting_page_are_those_of_the_code():
    text = TEXT["docs/troubleshooting.md"].partition("## Data")[2]
    messages = [
        message
        for row in re.findall(r"^\| (`.*?) \| ", text, re.MULTILINE)
        for message in re.findall(r"`([^`]+)`", row)
    ]
    assert len(messages) > 25
    code = strings_of_the_code()
    # fields of a message, where names and numbers stand, part it
    fields = r"\b(?:X|Y|in|or|MimicCxr|framed|validate|train|test)\b|\.\.\.|'[^']*'|(?<![\w.-])\d[\d,]*|; |: |zoo://"
    pieces = {message: [part.strip() for part in re.split(fields, message)] for message in messages}
    known = {message: any(part in text for part in parts if len(part) > 8 for text in code)
             for message, parts in pieces.items()}  # fmt: skip
    assert [message for message, is_known in known.items() if not is_known] == []


def test_the_readme_has_a_place_for_the_table_of_costs():
    readme = TEXT["README.md"]
    assert readme.count("<!-- bench -->") == readme.count("<!-- /bench -->") == 1
    assert readme.index("<!-- bench -->") < readme.index("<!-- /bench -->")


@pytest.mark.parametrize("split", ["official", "framed", "legacy-mevf", "image-disjoint"])
def test_split_sizes_and_ceilings_are_those_of_vqa_rad(split, shared_data):
    from gkmvlp.data_modules import VqaRad

    data = VqaRad(str(shared_data / "vqa_rad"), split=split)
    data.check()
    training, test = len(data.rows("train")) + len(data.rows("validate")), len(data.rows("test"))
    assert re.search(rf"^\| `{split}`.*\| {training:,} / {test:,} \|", TEXT["README.md"], re.MULTILINE)
    if split in ("official", "image-disjoint"):
        assert f"{data.coverage():.1%} on `{split}`".replace("%", " %") in TEXT["README.md"]


def test_every_figure_baseline_and_signature_that_was_recorded_is_explained():
    """Those of speed and memory stand on a page of their own."""
    page, speed = TEXT["docs/guide/figures.md"], TEXT["docs/performance.md"]
    rows = [
        row
        for file in (ROOT / "docs" / "results").rglob("*.json")
        if isinstance(content := json.loads(file.read_text(encoding="utf-8")), dict)
        for row in content.get("figures", [])
    ]
    names = {re.sub(r"_at_\d+$", "_at_K", row["name"]) for row in rows if row["task"] != "bench"}
    names = {re.sub(r"^bleu_[23]$", "bleu_1", name) for name in names}
    baselines = {name for row in rows for name in row["baselines"]}
    keys = {part.partition(":")[0] for row in rows for part in row["signature"].split("|")}
    assert len(names) > 15
    assert {"random", "prior_box"} <= baselines
    assert [word for word in sorted(names | baselines | keys) if f"`{word}`" not in page] == []
    measures = {row["name"] for row in rows if row["task"] == "bench"}
    assert [word for word in sorted(measures) if f"`{word}`" not in speed] == []


@pytest.mark.parametrize("address", ["", "https://example.org/gkmvlp/blob/main"])
def test_links_of_the_readme_work_on_a_package_index(address):
    """There are no files beside the text: a link is whole, or no link."""
    spec = importlib.util.spec_from_file_location("setup_program", ROOT / "setup.py")
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    readme = TEXT["README.md"]
    relative = [target for target in re.findall(r"\]\(([^)]+)\)", readme) if not re.match(r"[a-z]+://|#", target)]
    assert relative
    assert all((ROOT / target.partition("#")[0]).exists() for target in relative)
    shown = program.description(readme, address)
    targets = re.findall(r"\]\(([^)]+)\)", shown)
    assert all(re.match(r"https?://|#", target) for target in targets)
    assert sum(target.startswith("https://example.org") for target in targets) == (len(relative) if address else 0)
    assert "docs/results.md" in shown


def test_the_readme_names_every_layout_of_phantoms():
    (line,) = (line for line in TEXT["README.md"].splitlines() if line.startswith("Phantoms come in the layouts"))
    assert re.findall("`([^`]+)`", line) == list(LOOKALIKES)
