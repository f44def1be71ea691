"""Bad input through the real command: what stops it in one line, and what goes on and is counted."""

import gzip
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from gkmvlp.app.cli import main
from tests.processes import gkmvlp
from tests.tiny import ARCHITECTURE, ARL_ARCHITECTURE, tree, words

JPG = "mimic-cxr-jpg/2.1.0"
SPLIT = f"{JPG}/mimic-cxr-2.0.0-split.csv.gz"
METADATA = f"{JPG}/mimic-cxr-2.0.0-metadata.csv.gz"
REPORTS = "mimic-cxr/2.1.0/mimic-cxr-reports.zip"
GRAPHS = "chest-imagenome/1.0.0/silver_dataset/scene_graph.zip"


@pytest.fixture
def corpus(phantoms, tmp_path):
    """A copy of the tiny corpus to spoil."""
    root = tmp_path / "data"
    shutil.copytree(phantoms, root)
    return root


@pytest.fixture
def out(pretrained, tmp_path):
    """The folder of a finished run, which an error must leave as it is."""
    folder = tmp_path / "out"
    shutil.copytree(pretrained, folder)
    return folder


def table(path: Path, change) -> None:
    """Changes the lines of a gzipped table."""
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    path.write_bytes(gzip.compress(("\n".join(change(lines)) + "\n").encode()))


def rewrite(path: Path, changes: dict[str, bytes]) -> None:
    """Changes members of a zip, named by the end of their name."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    found = {name: new for name in members for end, new in changes.items() if name.endswith(end)}
    assert len(found) == len(changes)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (members | found).items():
            archive.writestr(name, content)


def studies(root: Path, split: str) -> list[tuple[str, str, str]]:
    """(dicom, study, subject) of a split."""
    lines = gzip.decompress((root / SPLIT).read_bytes()).decode().splitlines()[1:]
    return [tuple(line.split(",")[:3]) for line in lines if line.endswith(f",{split}")]


def image(root: Path, dicom: str) -> Path:
    return next((root / JPG / "files").rglob(f"{dicom}.jpg"))


def moved_patient(lines: list[str]) -> list[str]:
    """The first training study becomes one of a test patient."""
    patient = next(line.split(",")[2] for line in lines if line.endswith(",test"))
    first = next(place for place, line in enumerate(lines) if line.endswith(",train"))
    cells = lines[first].split(",")
    return [*lines[:first], ",".join([*cells[:2], patient, cells[3]]), *lines[first + 1 :]]


def no_rows(lines: list[str]) -> list[str]:
    return [line.replace(",PA,", ",LL,").replace(",AP,", ",LL,") for line in lines]


CONFIG = "model.init_args.architecture"
STOPS = {
    "missing root": (lambda root: shutil.rmtree(root), [], 1, ["data", "physionet.org"]),
    "missing table": (lambda root: (root / SPLIT).unlink(), [], 1, ["split.csv", "physionet.org"]),
    "wrong column": (
        lambda root: table(root / METADATA, lambda lines: [lines[0].replace("ViewPosition", "View"), *lines[1:]]),
        [], 1, ["metadata.csv.gz", "no column 'ViewPosition'", "use the official file"],
    ),
    "duplicate dicom id": (
        lambda root: table(root / SPLIT, lambda lines: [*lines, lines[1]]), [], 1, ["split.csv.gz", "twice"],
    ),
    "patient on both sides": (
        lambda root: table(root / SPLIT, moved_patient), [], 1, ["patient", "train", "test", "split.csv.gz"],
    ),
    "nothing left": (lambda root: table(root / METADATA, no_rows), [], 1, ["nothing is left", "view LL"]),
    "unknown entity": (
        None, [f"--{CONFIG}.knowledge.entities=[pleural efusion]"], 1, ["pleural efusion", "pleural effusion"],
    ),
    "renamed key": (None, ["--data.init_args.on_bad=drop"], 2, ["on_bad", "it is now on_unreadable"]),
    "renamed nested key": (None, [f"--{CONFIG}.text.width=8"], 2, ["text.width", "it is now hidden_size"]),
    "misspelt key": (None, ["--data.init_args.batchsize=2"], 2, ["'batchsize'", "did you mean batch_size?"]),
    "misspelt nested key": (
        None, [f"--{CONFIG}.text.num_hiden_layers=2"], 2, ["did you mean --architecture.text.num_hidden_layers?"],
    ),
    "misspelt nested file": (None, [f"--{CONFIG}=TINY"], 2, ["no key 'max_lengths'; did you mean text.max_length?"]),
    "architecture of the other system": (
        None, [f"--{CONFIG}={ARL_ARCHITECTURE}"], 2,
        ["Architecture has no key 'knowledge.head_size', which is another class's: give one of Architecture"],
    ),
    "misspelt objective": (
        None, ["--model.init_args.objectives.itm.evry_n_steps=2"], 2, ["mean --objectives.itm.every_n_steps?"],
    ),
    "missing config": (None, ["--config=zoo://pretrain-phantm"], 2, ["did you mean zoo://pretrain-phantom?"]),
    "missing backbone": (None, ["--model.init_args.backbone=nowhere"], 1, ["nowhere", "make pretrain"]),
    "another architecture": (
        None, ["--model.init_args.backbone=BACKBONE", f"--{CONFIG}.text.num_hidden_layers=2"], 1,
        ["another architecture", "text.num_hidden_layers", "architecture=null"],
    ),
    "an architecture of another size": (
        None, ["--model.init_args.backbone=BACKBONE", f"--{CONFIG}.image_size=64"], 1,
        ["architecture=null with data.init_args.image_size=32 takes the backbone's own"],
    ),
    "unknown compiler": (
        None, ["--model.init_args.compile_backend=indctor"], 1, ["compile_backend", "inductor", "got 'indctor'"],
    ),
    "another image size": (
        None, ["--data.init_args.image_size=48"], 1, ["image_size", "set data.init_args.image_size=32"],
    ),
    "flip": (None, ["--data.init_args.flip=true"], 1, ["flip", "left and right are labels"]),
    "cut checkpoint": (None, ["--ckpt_path=CUT"], 1, ["CUT", "--ckpt_path"]),
    "checkpoint of another model": (
        None, ["--ckpt_path=LAST", f"--{CONFIG}.text.num_hidden_layers=2"], 1, ["tensors differ", "take the config"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", STOPS)
def test_stops_with_one_line_and_leaves_the_folder_alone(case, corpus, out, tmp_path):
    spoil, more, code, told = STOPS[case]
    if spoil is not None:
        spoil(corpus)
    last = out / "checkpoints/last.ckpt"
    cut = tmp_path / "CUT"
    cut.write_bytes(last.read_bytes()[:2000])
    misspelt = tmp_path / "tiny.yaml"
    misspelt.write_text(ARCHITECTURE.read_text().replace("max_length", "max_lengths"))
    places = {"BACKBONE": out / "backbone", "LAST": last, "CUT": cut, "TINY": misspelt}
    for word, place in places.items():
        more = [option.replace(f"={word}", f"={place}") for option in more]
    before = tree(out)
    done = gkmvlp("fit", *words("pretrain-phantom", corpus, out), *more)
    error = done.stderr
    assert done.returncode == code, error
    assert error.count("\n") == 1, error
    assert error.startswith("gkmvlp: ")
    for word in told:
        assert word in error
    assert tree(out) == before


def test_output_folder_that_cannot_be_written(corpus, tmp_path):
    """A file lies where the folder should: nobody, root included, can write below it."""
    (tmp_path / "taken").write_text("x")
    done = gkmvlp("fit", *words("pretrain-phantom", corpus, tmp_path / "taken" / "out"))
    error = done.stderr
    assert (done.returncode, error.count("\n")) == (1, 1), error
    assert "cannot be written" in error
    assert "--trainer.default_root_dir" in error
    assert (tmp_path / "taken").read_text() == "x"


def test_the_program_itself_stops_with_one_line(corpus, out):
    """Once as a process started anew: what libraries print while they are loaded would show here alone."""
    table(corpus / SPLIT, moved_patient)
    before = tree(out)
    line = [sys.executable, "-m", "gkmvlp", "fit", *words("pretrain-phantom", corpus, out)]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert "split.csv.gz" in done.stderr
    assert tree(out) == before


def test_faults_that_are_counted(corpus, tmp_path, capsys):
    """Reports without sections, empty, not UTF-8; boxes outside, of no area, not a number."""
    train = studies(corpus, "train")
    reports = {
        train[0][1]: b" FINAL REPORT\n \n Left lower lobe opacity is new.\n",
        train[1][1]: b" \n",
        train[2][1]: " FINDINGS:  Caf\xe9 au lait spots. No effusion.\n".encode("latin-1"),
    }
    rewrite(corpus / REPORTS, {f"s{study}.txt": text for study, text in reports.items()})
    boxed = train[3][0]
    with zipfile.ZipFile(corpus / GRAPHS) as archive:
        graph = json.loads(archive.read(f"scene_graph/{boxed}_SceneGraph.json"))
    objects = {item["bbox_name"]: item for item in graph["objects"]}
    objects["right lung"]["original_x1"] = -500
    objects["spine"]["original_x2"] = objects["spine"]["original_x1"]
    objects["trachea"]["original_y1"] = float("nan")
    rewrite(corpus / GRAPHS, {f"{boxed}_SceneGraph.json": json.dumps(graph).encode()})
    dropped = {"report is empty, or nothing is left of it": train[1][0]}
    masked = {
        "report without findings or impression (its last paragraph is read)": train[0],
        "report is not UTF-8 (read as Windows-1252)": train[2],
        "region box reaches out of the image (clipped)": train[3],
        "region box has no area (masked)": train[3],
        "region box is not four numbers (masked)": train[3],
    }
    assert main(["data", "check", "MimicCxr", "--root", str(corpus), "--json"]) == 0
    checked = json.loads(capsys.readouterr().out)
    done = gkmvlp("fit", *words("pretrain-phantom", corpus, tmp_path / "out"))
    assert (done.returncode, done.stderr) == (0, "")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    last_lines = done.stdout[done.stdout.rindex("phantom-mimic-cxr official@") :]
    for account in (checked, manifest):
        assert set(account["dropped"]) == set(dropped)
        assert set(masked) <= set(account["masked"])
        for reason, place in masked.items():
            assert account["masked"][reason] >= 1
            assert set(place) & set(account["examples"][reason])
    for reason in (*dropped, *masked):
        assert reason in last_lines
    assert manifest["rows"]["train"] == len(train) - 1


BROKEN = {"cut": lambda whole: whole[: len(whole) // 2], "empty": lambda whole: b""}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_image_is_named_stops_fit_and_can_be_left_out(fault, corpus, out, tmp_path, capsys):
    broken = image(corpus, studies(corpus, "train")[4][0])
    broken.write_bytes(BROKEN[fault](broken.read_bytes()))
    assert main(["data", "check", "MimicCxr", "--root", str(corpus)]) == 0
    assert f"unreadable: {broken.stem}" in capsys.readouterr().out
    before = tree(out / "checkpoints")
    # without a cache the image is met in a worker, in the midst of an epoch
    met = ["--data.init_args.cache_dir=null", "--data.init_args.num_workers=1", "--data.init_args.batch_size=7"]
    plain = words("pretrain-phantom", corpus, out, *met)  # three batches of all 21 rows
    done = gkmvlp("fit", *plain)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert str(broken) in done.stderr
    assert tree(out / "checkpoints") == before
    whole = tree(out)
    done = gkmvlp("fit", *words("pretrain-phantom", corpus, out, "--data.init_args.cache_dir=ram"))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert str(broken) in done.stderr
    assert "on_unreadable: drop" in done.stderr
    assert tree(out) == whole
    done = gkmvlp("fit", *plain, "--data.init_args.on_unreadable=drop")
    assert (done.returncode, done.stderr) == (0, "")
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["dropped"] == {"unreadable image": 1}
    assert f"dropped 1: unreadable image (e.g. {broken.stem})" in done.stdout


def test_a_broken_dicom_is_named(corpus, shared_data, capsys):
    """DICOM originals stand in for a JPG; one is cut short."""
    dicom = studies(corpus, "train")[0][0]
    jpg = image(corpus, dicom)
    whole = (shared_data / "dicom" / "rsna_original.dcm").read_bytes()
    for content, bad in ((whole, 0), (whole[: len(whole) // 2], 1), (b"", 1)):
        jpg.unlink(missing_ok=True)
        jpg.with_suffix(".dcm").write_bytes(content)
        assert main(["data", "check", "MimicCxr", "--root", str(corpus), "--json"]) == 0
        report = json.loads(capsys.readouterr().out)
        assert len(report["unreadable"]) == bad
        assert all(str(jpg.with_suffix(".dcm")) in reason for reason in report["unreadable"].values())
