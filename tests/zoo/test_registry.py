"""Entries are read strictly, found by name, and listed without torch."""

import dataclasses
import json
import os
import subprocess
import sys
import time

import pytest
import yaml

import gkmvlp
from gkmvlp.app.cli import main
from gkmvlp.errors import ZooError
from gkmvlp.zoo import registry
from gkmvlp.zoo.entry import Result, content, dump, parse
from gkmvlp.zoo.registry import entries, find, list_models
from gkmvlp.zoo.store.packaged import MODELS
from tests.zoo.store.server import write_entry

FIGURE = Result(
    "grounding", "pointing_game", None, "d", "s@1", "atlas", 0.5, 0.4, 0.6, 0.95, 9, 3, 1, "metric:x|unit:y"
)


@pytest.fixture
def zoo(tmp_path, monkeypatch):
    """A folder of entries, as a laboratory would keep one."""
    write_entry(tmp_path / "zoo")
    write_entry(tmp_path / "zoo", "small-vqa", task="vqa", results=[FIGURE])
    monkeypatch.setenv("GKMVLP_ZOO", str(tmp_path / "zoo"))
    return tmp_path / "zoo"


def test_every_packaged_entry_is_right():
    for name, entry in entries().items():
        assert entry.name == name


def test_an_entry_survives_yaml(zoo):
    entry = find("small-vqa")
    assert parse(dump(entry), entry.origin) == entry
    assert entry.results == [FIGURE]
    assert find(entry.reference) == entry
    assert list(content(entry))[-1] == "format"  # what is cut off lacks it


def test_models_by_task(zoo):
    assert list_models() == gkmvlp.list_models() == ["small", "small-vqa"]
    assert list_models("vqa") == ["small-vqa"]
    with pytest.raises(ZooError, match="no task 'vqaa'; one of"):
        list_models("vqaa")


FAULTS = {
    "unknown field": ("seed: 0", "seed: 0\nsed: 1", r"x\.yaml, line \d+: unknown field 'sed'; did you mean seed"),
    "missing field": ("seed: 0\n", "", r"line 1: entry lacks seed"),
    "missing in a file": ("  size: 2\n", "", r"line 13: item of files lacks size"),
    "wrong type": ("seed: 0", "seed: zero", r"seed must be int, got 'zero'"),
    "true is no number": ("seed: 0", "seed: true", r"seed must be int, got True"),
    "twice": ("seed: 0", "seed: 0\nseed: 1", r"'seed' stands twice"),
    "no mapping": ("licences:\n", "licences: free\nx:\n", r"licences must be a mapping"),
    "no list": ("limits:\n- Reads nothing.", "limits: none", r"limits must be list"),
    "newer format": ("format: 1", "format: 2\nshiny: 1", r"format 2 is newer than .* \(up to 1\); update"),
    "no YAML": ("seed: 0", "seed: [", r"line \d+: not YAML"),
    "unknown task": ("task: pretraining", "task: pretrainin", r"task 'pretrainin' is none of"),
    "a folder in a name": ("name: config.json", "name: ../config.json", r"'../config.json': a plain name"),
    "a pickle": ("name: config.json", "name: model.bin", r"'model.bin': only .safetensors.*zoo convert"),
    "short hash": ("sha256: ", "sha256: x", r"sha256 of 64 hex digits"),
    "unpinned hub": ("sources:\n- small", "sources:\n- hf://a/b@main", r"40 hex digits of a commit"),
    "config elsewhere": ("config: training.yaml", "config: other.yaml", r"'other.yaml' is none of its files"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_is_told_with_its_line(zoo, fault):
    old, new, message = FAULTS[fault]
    text = (zoo / "small.yaml").read_text()
    assert old in text
    with pytest.raises(ZooError, match=message) as caught:
        parse(text.replace(old, new, 1), "x.yaml")
    assert "\n" not in str(caught.value)


def test_the_line_is_the_right_one(zoo):
    lines = (zoo / "small.yaml").read_text().splitlines()
    lines.insert(lines.index("seed: 0"), "colour: red")
    with pytest.raises(ZooError, match=rf"x\.yaml, line {lines.index('colour: red') + 1}: unknown field 'colour'"):
        parse("\n".join(lines), "x.yaml")


def test_every_cut_is_noticed(zoo):
    """An entry cut short anywhere is refused, also where the rest is YAML."""
    text = (zoo / "small.yaml").read_text().rstrip()
    for end in range(len(text)):
        with pytest.raises(ZooError):
            parse(text[:end], "x.yaml")


def test_a_figure_without_signature_is_refused(zoo):
    bare = content(dataclasses.replace(find("small-vqa"), results=[dataclasses.replace(FIGURE, signature="")]))
    with pytest.raises(ZooError, match="grounding/pointing_game has no signature"):
        parse(yaml.safe_dump(bare), "x.yaml")


def test_names_are_unique_and_those_of_their_files(zoo, tmp_path, monkeypatch):
    write_entry(tmp_path / "other")
    monkeypatch.setenv("GKMVLP_ZOO", os.pathsep.join([str(zoo), str(tmp_path / "other")]))
    with pytest.raises(ZooError, match="the name small is taken by"):
        entries()
    monkeypatch.setenv("GKMVLP_ZOO", str(zoo))
    (zoo / "small.yaml").rename(zoo / "big.yaml")
    with pytest.raises(ZooError, match=r"call the file small\.yaml"):
        entries()
    monkeypatch.setenv("GKMVLP_ZOO", str(zoo / "nowhere"))
    with pytest.raises(ZooError, match=r"GKMVLP_ZOO names .*nowhere, which is no folder"):
        entries()


def test_another_digest_is_refused(zoo):
    with pytest.raises(ZooError, match="install the gkmvlp it was made for"):
        find("zoo://small@000000000000")


@pytest.mark.parametrize(
    "command", [["show", "smal"], ["download", "zoo://smal"], ["verify", "smal"], ["card", "smal"], ["remove", "smal"]]
)
def test_an_unknown_name_offers_the_nearest(zoo, command, capsys):
    assert main(["zoo", *command]) == 1
    assert capsys.readouterr().err.endswith("did you mean small? (gkmvlp zoo list)\n")


def test_list_and_show(zoo, capsys):
    assert main(["zoo", "list", "--task", "vqa", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["name"], row["where"], row["size"]) == ("small-vqa", "not here", 300_021)
    assert main(["zoo", "show", "small"]) == 0
    shown = capsys.readouterr().out
    entry = find("small")
    told = yaml.safe_load(shown.partition("figures:")[0])
    assert (told["name"], told["licences"]["weights"]) == (entry.reference, entry.licences.weights)
    assert told["limits"] == entry.limits
    for result in entry.results:
        assert f"- {result.task}, {result.name}" in shown
        assert f"{result.value:.3f}" in shown
    assert main(["zoo", "show", "small", "--json"]) == 0
    everything = json.loads(capsys.readouterr().out)
    assert everything["reference"] == entry.reference
    assert parse(yaml.safe_dump({key: everything[key] for key in content(entry)}, sort_keys=False), "x") == entry


def test_a_model_of_the_package_is_shown_on_one_page(package, capsys):
    """Figures by group are many; the widest gap stands for them."""
    assert main(["zoo", "show", "gk-mvlp-phantom"]) == 0
    shown = capsys.readouterr().out
    groups = [group for group in find("gk-mvlp-phantom").groups if group.gap is not None]
    widest = max(groups, key=lambda group: group.gap)
    assert len(shown.splitlines()) < 50
    assert f"by {widest.by}: {widest.best} from {widest.worst} {widest.gap:.3f}" in shown


def test_models_of_the_package_are_listed_behind_what_they_start_from(zoo, package, capsys):
    assert main(["zoo", "list", "--json"]) == 0
    names = [row["name"] for row in json.loads(capsys.readouterr().out)]
    ours = [shipped.name for shipped in MODELS]
    assert names == [*ours, *sorted(set(names) - set(ours))]
    assert "small-vqa" in names


def test_a_packaged_model_is_used_where_it_lies(zoo, monkeypatch, capsys):
    """One YAML and a folder beside it in the package: nothing is fetched, every byte is checked."""
    monkeypatch.delenv("GKMVLP_ZOO")
    for module in ("registry", "entry", "store.register"):
        monkeypatch.setattr(f"gkmvlp.zoo.{module}.PACKAGED", zoo)
    assert find("small").packaged_folder == zoo / "small"
    assert main(["zoo", "download", "small"]) == 0
    assert capsys.readouterr().out.strip() == str(zoo / "small")
    (zoo / "small" / "config.json").write_text("[]")
    assert main(["zoo", "download", "small"]) == 1
    assert "config.json not as packaged; install gkmvlp anew" in capsys.readouterr().err
    assert main(["zoo", "verify", "small"]) == 1
    assert "not what the entry says: small: config.json (reinstall gkmvlp)\n" in capsys.readouterr().err
    assert registry.list_models() == ["small", "small-vqa"]


def test_list_takes_no_torch_and_no_second(zoo):
    code = "import sys\nfrom gkmvlp.app.cli import main\nmain(['zoo', 'list'])\nsys.exit('torch' in sys.modules)"
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert time.monotonic() - start < 5  # 0.3 s on an idle machine
    assert done.returncode == 0
    assert "small" in done.stdout.split()
