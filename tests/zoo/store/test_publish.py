"""What publish writes is what download reads; what may not leave the machine does not."""

import dataclasses
import json
import shutil

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from gkmvlp.app.cli import main
from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.checkpoints.calibration_file import Calibration, LabelCalibration, read_calibration, write_calibration
from gkmvlp.local_paths import without_paths
from gkmvlp.metrics.calibration.score_map import ScoreMap
from gkmvlp.metrics.results.group_result import Group, GroupedResult
from gkmvlp.metrics.results.metric_result import Results
from gkmvlp.zoo.entry import parse
from gkmvlp.zoo.registry import find, list_models
from gkmvlp.zoo.store.download import folder_of
from tests.app.small_models import ENTITIES
from tests.tiny import tree
from tests.zoo.store.runs import HASH, figure, write_predictions, write_results, write_run
from tests.zoo.store.server import serving


@pytest.fixture(scope="module")
def pattern(tmp_path_factory):
    torch.set_num_threads(1)
    return write_run(tmp_path_factory.mktemp("pattern") / "run")


@pytest.fixture
def run(pattern, tmp_path):
    shutil.copytree(pattern, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def publish(run, tmp_path, capsys):
    """The command; its exit code and what it says on stderr."""

    def published(*more):
        code = main(["zoo", "publish", str(run), "--out", str(tmp_path / "out"), "--name", "tiny", *more])
        return code, capsys.readouterr().err

    return published


def test_from_a_run_to_a_reader_and_back(publish, run, tmp_path, monkeypatch, capsys):
    """Published, served by a static host, downloaded by address, the same tensors; no path of this machine in it."""
    assert publish("--limit", "Small.", "--source", "https://example.org/tiny") == (0, "")
    with serving(tmp_path / "out") as server:
        assert main(["zoo", "download", f"{server.url}/tiny.yaml"]) == 0
    entry = find("tiny")
    theirs, ours = (backbones.load(path).model.state_dict() for path in (folder_of(entry), run / "backbone"))
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())
    assert theirs.keys() == ours.keys()
    assert (entry.task, entry.seed, entry.manifests) == ("pretraining", 3, {"phantom-mimic-cxr": HASH})
    assert [(r.name, r.value, r.n, r.low) for r in entry.results] == [("pointing_game", 0.5, 40, 0.4)]
    assert entry.limits[-1] == "Small."
    assert entry.sources[1] == "https://example.org/tiny"
    written = tree(tmp_path / "out")
    assert {"tiny.yaml", "tiny.md", "tiny/config.json", "tiny/model.safetensors", "tiny/training.yaml"} <= set(written)
    assert not [name for name, content in written.items() if str(tmp_path).encode() in content]
    assert not [name for name, content in written.items() if b"somebody" in content]
    training = yaml.safe_load(written["tiny/training.yaml"])
    assert training["data"]["init_args"] == {"root": "PATH", "dataset_name": "phantom-mimic-cxr", "atlas_file": None,
                                             "batch_size": 8}  # fmt: skip


def test_as_json(run, tmp_path, monkeypatch, capsys):
    assert main(["zoo", "publish", str(run), "--out", str(tmp_path / "out"), "--name", "tiny", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    monkeypatch.setenv("GKMVLP_ZOO", str(tmp_path / "out"))
    entry = find("tiny")
    path = tmp_path / "out" / "tiny.yaml"
    assert told == {"name": "tiny", "reference": entry.reference, "entry": str(path), "size": entry.size}


def test_the_folder_is_a_registry(publish, tmp_path, monkeypatch):
    assert publish()[0] == 0
    monkeypatch.setenv("GKMVLP_ZOO", str(tmp_path / "out"))
    assert list_models("pretraining") == ["tiny"]
    assert main(["zoo", "verify"]) == 0


def test_a_fine_tuned_model_names_its_backbone(publish, run, tmp_path, monkeypatch):
    """With the digest of the backbone's files; a folder of this machine is not named."""
    assert publish()[0] == 0
    monkeypatch.setenv("GKMVLP_ZOO", str(tmp_path / "out"))
    write_results(run, figure(task="vqa", name="accuracy_overall"))
    for told, stored in (("zoo://tiny", find("tiny").reference), ("/home/somebody/backbone", None)):
        change(run / "backbone" / "config.json", backbone=told, task="vqa")
        shutil.rmtree(tmp_path / "more", ignore_errors=True)
        assert main(["zoo", "publish", str(run), "--out", str(tmp_path / "more"), "--name", "tiny-vqa"]) == 0
        text = (tmp_path / "more" / "tiny-vqa.yaml").read_text()
        assert yaml.safe_load(text)["backbone"] == stored
        assert "somebody" not in (tmp_path / "more" / "tiny-vqa" / "config.json").read_text()


def test_figures_by_group_go_with_their_figure(publish, run, tmp_path, monkeypatch):
    results = Results.read(run / "results.json")
    groups = [Group("F", 60, 40, 0.8, 0.7, 0.9)]
    told = GroupedResult("grounding", "pointing_game", None, "pretrained", "phantom-mimic-cxr", "s@1", "sex", groups, 0,
                         None, None, None, None, None, "metric:x")  # fmt: skip
    results.groups = [
        told,
        dataclasses.replace(told, model="baseline:prior_box"),
        dataclasses.replace(told, name="cnr"),
    ]
    results.write(run / "results.json")
    assert publish()[0] == 0
    monkeypatch.setenv("GKMVLP_ZOO", str(tmp_path / "out"))
    assert find("tiny").groups == [told]
    assert "60 (40)" in (tmp_path / "out" / "tiny.md").read_text()


def change(path, **fields):
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def without_signature(run):
    write_results(run, figure(), dataclasses.replace(figure(signature=""), name="cnr"))


def pickled(run):
    torch.save({"x": torch.zeros(2)}, run / "backbone" / "head.safetensors")


def talkative(run):
    path = run / "backbone" / "model.safetensors"
    save_file(load_file(path), path, {"format": "pt", "made_in": "/home/somebody"})


REFUSED = {
    "no model": (lambda run: shutil.rmtree(run / "backbone"), "neither model/ nor backbone/"),
    "no config": (lambda run: (run / "config.yaml").unlink(), "config.yaml: the training config is expected"),
    "no manifest": (lambda run: (run / "manifest.json").unlink(), "manifest.json is missing"),
    "another manifest": (lambda run: change(run / "manifest.json", hash="6" * 64), "of other data than the model"),
    "no results": (lambda run: (run / "results.json").unlink(), "results.json is missing"),
    "another task's results": (lambda run: write_results(run, figure(task="vqa")), "no figure of pretraining"),
    "no signature": (without_signature, "grounding/cnr without signature"),
    "a pickle": (lambda run: torch.save({}, run / "backbone" / "head.bin"), "head.bin: no part of a model"),
    "a pickle by another name": (pickled, "head.safetensors is a pickle: gkmvlp zoo convert"),
    "a picture": (lambda run: (run / "backbone" / "x.png").write_bytes(b"x"), "x.png: no part of a model"),
    "a talkative header": (talkative, "says more than its format (made_in)"),
    "broken tensors": (lambda run: (run / "backbone" / "model.safetensors").write_bytes(b"x"), "no whole safetensors"),
    "a home folder": (lambda run: change(run / "backbone" / "grounding.json", x="see-HOME/x"), "local path HOME"),
}  # fmt: skip


@pytest.mark.parametrize("fault", REFUSED)
def test_what_is_refused(publish, run, tmp_path, monkeypatch, fault):
    spoil, message = REFUSED[fault]
    spoil(run)
    monkeypatch.setenv("HOME", "HOME")
    code, line = publish()
    assert (code, line.count("\n")) == (1, 1)
    assert message in line
    assert list((tmp_path / "out").glob("*")) == []


def test_only_figures_of_the_task_and_of_the_model_itself_stand_in_the_entry(publish, run, tmp_path):
    others = [figure(task="vqa"), figure(model="scratch", value=0.1), figure(model="variant:frozen", value=0.2)]
    write_results(run, *others, figure(task="zero_shot", name="entity_auroc_macro"), figure(value=0.7))
    assert publish()[0] == 0
    entry = parse((tmp_path / "out" / "tiny.yaml").read_text(), "tiny")
    assert [(row.task, row.value) for row in entry.results] == [("zero_shot", 0.5), ("grounding", 0.7)]
    assert not any("held still" in limit for limit in entry.limits)


@pytest.mark.parametrize("key", ["freeze_image_branch", "linear_probe", "freeze"])  # the last is of earlier runs
def test_a_model_that_is_a_variant_shows_its_own_figures(publish, run, tmp_path, key):
    config = yaml.safe_load((run / "config.yaml").read_text())
    config["model"]["init_args"] |= {"backbone": "zoo://x", key: True}
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    write_results(run, figure(model="variant:frozen", value=0.2))
    assert publish()[0] == 0
    entry = parse((tmp_path / "out" / "tiny.yaml").read_text(), "tiny")
    assert [row.value for row in entry.results] == [0.2]
    assert sum("held still" in limit for limit in entry.limits) == 1


def test_nothing_is_overwritten(publish):
    assert publish()[0] == 0
    code, line = publish()
    assert code == 1
    assert "tiny exists: remove it or choose another --name" in line


@pytest.mark.parametrize("name", ["Tiny", "../tiny", "ti ny"])
def test_a_bad_name(run, tmp_path, name, capsys):
    assert main(["zoo", "publish", str(run), "--out", str(tmp_path / "out"), "--name", name]) == 1
    assert "lower-case letters" in capsys.readouterr().err


@pytest.fixture
def real(tmp_path):
    """A run on credentialed data."""
    return write_run(tmp_path / "real", "mimic-cxr")


TERMS = ("--weights-licence", "PhysioNet Credentialed Health Data License 1.5.0", "--data-terms", "the same")


def test_a_model_of_patients_needs_terms(real, tmp_path, capsys):
    words = ["zoo", "publish", str(real), "--out", str(tmp_path / "out"), "--name", "real"]
    assert main(words) == 1
    assert "--weights-licence and --data-terms" in capsys.readouterr().err
    assert main([*words, *TERMS]) == 0
    entry = yaml.safe_load((tmp_path / "out" / "real.yaml").read_text())
    assert entry["licences"]["data"] == "the same"
    assert not any("never saw a patient" in line for line in entry["limits"])


@pytest.mark.parametrize(
    "file", ["predictions/x.png", "report.html", "backbone/answers.json", "tensorboard/a.tfevents.1"]
)
def test_images_and_text_of_credentialed_data(real, tmp_path, file, capsys):
    (real / file).parent.mkdir(exist_ok=True)
    (real / file).write_text("{}")
    assert main(["zoo", "publish", str(real), "--out", str(tmp_path / "out"), "--name", "real", *TERMS]) == 1
    line = capsys.readouterr().err
    assert f"{file}: images or text of credentialed data (MimicCxr) may not be published" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("module", "data", "credentialed", "refused"),
    [
        ("VqaRad", "vqa-rad", True, "(vqa-rad)"),  # the predictions' own mark
        ("VqaRad", "vqa-rad", False, None),
        ("MimicCxr", "phantom-mimic-cxr", True, None),  # a look-alike
        ("Elsewhere", "x", False, "(Elsewhere)"),  # a module that nobody here knows
    ],
)
def test_what_counts_as_credentialed(tmp_path, module, data, credentialed, refused, capsys):
    run = write_run(tmp_path / "run", data, module)
    write_predictions(run, data, credentialed)
    code = main(["zoo", "publish", str(run), "--out", str(tmp_path / "out"), "--name", "x", *TERMS])
    assert code == (1 if refused else 0)
    assert (refused or "") in capsys.readouterr().err


def test_a_phantom_run_of_an_earlier_release_is_published(tmp_path):
    """Its config calls the data set's name ``name``."""
    run, words = write_run(tmp_path / "run"), ["--out", str(tmp_path / "out"), "--name", "x"]
    (run / "report.html").write_text("{}")
    config = (run / "config.yaml").read_text()
    assert "dataset_name: phantom" in config
    for name, code in (("mimic-cxr", 1), ("phantom-mimic-cxr", 0)):
        (run / "config.yaml").write_text(config.replace("dataset_name: phantom-mimic-cxr", f"name: {name}"))
        assert main(["zoo", "publish", str(run), *words]) == code


def test_local_paths_by_every_spelling(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a" / "b").mkdir(parents=True)
    gone = ["/home/a b/c", "~/x", "C:\\Users\\x", "D:/x", "file:///x", "\\\\host\\share", "a/b"]
    assert without_paths(gone) == ["PATH"] * len(gone)
    kept = ["microsoft/bert", "zoo://x", "https://a.b/c", "hf://a/b@c", "/", "gkmvlp.tasks.Vqa", "yes/no", 3, None]
    assert without_paths(kept) == kept
    line = "gkmvlp fit --root=/home/x --out ~/y 'https://a.b/c'"
    assert without_paths({"command": line}) == {"command": "gkmvlp fit --root=PATH --out PATH 'https://a.b/c'"}


def test_a_calibration_is_published_and_the_card_quotes_it(publish, run, tmp_path):
    labels = [LabelCalibration(name, 40, 10, ScoreMap("platt", 0.5, -1.0)) for name in ENTITIES]
    split = "validate of official@555555555555"
    made = Calibration("phantom-mimic-cxr", split, 40, 20, "2026-01-01T00:00:00+00:00", {"entities": labels})
    write_calibration(run / "backbone", made)
    assert publish() == (0, "")
    assert made.summary in (tmp_path / "out" / "tiny.md").read_text()
    assert read_calibration(tmp_path / "out" / "tiny", {"entities": ENTITIES}) == made
