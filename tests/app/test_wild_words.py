"""Words, configs, folders and environments that go wrong in the wild: each through the real command, one line."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from gkmvlp.app.running.plain_yaml import require_plain, require_plain_words, unlike_number
from gkmvlp.errors import UsageError
from tests.processes import gkmvlp
from tests.tiny import words as tiny_words

CONFIG = "model:\n  class_path: GkMvlpPretraining\ndata:\n  class_path: MimicCxr\n  init_args: {root: x}\n"
EMBED = ["--task", "embed", "--model", "zoo://gk-mvlp-phantom", "--device", "cpu"]
# words (after FIT those of a tiny pre-training), exit code, words of the line
CASES: dict[str, tuple[list[str], int, list[str]]] = {
    "a fraction of nobody": (
        ["FIT", "--data.init_args.train_fraction=1e-9"], 1, ["train_fraction 1e-09 takes none of", "or more"],
    ),
    "the checkpoint of another task": (["VQA", "--ckpt_path=LAST"], 1, ["LAST is of another task", "answers"]),
    "a run in place of its checkpoint": (["FIT", "--ckpt_path=RUN"], 2, ["is a folder", "RUN/checkpoints/last.ckpt"]),
    "a damaged checkpoint": (["FIT", "--ckpt_path=TORN/last.ckpt"], 1, ["TORN/last.ckpt is damaged", "--ckpt_path"]),
    "the last checkpoint, damaged": (
        ["FIT", "--trainer.default_root_dir=TORN", "--ckpt_path=last"], 1, ["checkpoints/last.ckpt is damaged"],
    ),
    "a damaged checkpoint is not converted": (
        ["zoo", "convert", "TORN/last.ckpt", "--out", "a.safetensors"], 1, ["last.ckpt is damaged", "fetch it anew"],
    ),
    "a damaged model": (
        ["predict", "image.png", "--task", "embed", "--model", "TORN/backbone"], 1,
        ["TORN/backbone/model.safetensors is damaged", "anew"],
    ),
    "a damaged backbone": (["VQA", "--model.init_args.backbone=TORN/backbone"], 1, ["model.safetensors is damaged"]),
    "a file in place of its folder": (
        ["predict", "image.png", "--task", "embed", "--model", "RUN/backbone/model.safetensors"], 1,
        ["model.safetensors is a file", "name the folder"],
    ),
    "an address": (["predict", "https://example.org/a.png", *EMBED], 2, ["from an address", "download it"]),
    "standard input": (["predict", "-", *EMBED], 2, ["/dev/stdin"]),
    "an option for what has its place": (["calibrate", "--model", "RUN"], 2, ["gkmvlp calibrate MODEL"]),
    "a word for what is an option": (
        ["data", "explain", "a.png", "ImageReportPairs"], 2, ["unrecognized argument ImageReportPairs", "--KEY VALUE"],
    ),
    "a folder in the place of a data set": (["data", "check", "."], 2, ["CLASS --root . was expected"]),
    "a data set in the place of a study": (["data", "explain", "OpenI", "--root=x", "--study=1"], 2, ["--data OpenI"]),
    "a config that names what lies elsewhere": (
        ["fit", "--config=copied.yaml"], 2, ["copied.yaml", "'architecture'", "_base/small.yaml", "was looked for"],
    ),
    "an architecture that is not there": (
        ["FIT", "--model.init_args.architecture=arch.yaml"], 2, ["'architecture'", "no file arch.yaml"],
    ),
    "octal in an architecture": (["fit", "--config=named.yaml"], 2, ["octal_part.yaml, line 2", "010 is 8"]),
    "octal in an architecture of the command": (
        ["FIT", "--model.init_args.architecture=octal_part.yaml"], 2, ["octal_part.yaml, line 2", "010 is 8"],
    ),
    "octal in the command": (
        ["FIT", "--data.init_args.batch_size=0_10"], 2, ["--data.init_args.batch_size: 0_10 is 8", "write 8"],
    ),
    "octal in a list of the command": (["FIT", "--trainer.devices=[010]"], 2, ["--trainer.devices, line 1: 010 is 8"]),
    "a folder of architectures": (["FIT", "--model.init_args.architecture=./RUN"], 2, ["no file ./RUN", "is a folder"]),
    "octal": (["fit", "--config=octal.yaml"], 2, ["octal.yaml, line 6", "010 is 8", "write 8"]),
    "a recipe's config that is no YAML": (["finetune", "vqa", "--config=broken.yaml"], 2, ["broken.yaml: no config"]),
    "a recipe's config that is a list": (["pretrain", "--config=list.yaml"], 2, ["list.yaml: no config"]),
    "sexagesimal": (["fit", "--config=time.yaml"], 2, ["time.yaml, line 6", "1:30 is 90"]),
    "an alias of itself": (["fit", "--config=loop.yaml"], 2, ["loop.yaml, line 6", "holds itself"]),
    "a title above the header": (["data", "check", "ImageReportPairs", "--root", "title.csv"], 1, ["stands in line 3"]),
}  # fmt: skip


@pytest.fixture(scope="module")
def wild(pretrained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the cases name."""
    folder = tmp_path_factory.mktemp("wild")
    (folder / "RUN").symlink_to(pretrained)
    (folder / "LAST").symlink_to(pretrained / "checkpoints" / "last.ckpt")
    flipped(pretrained / "checkpoints" / "last.ckpt", folder / "TORN" / "last.ckpt")
    flipped(pretrained / "checkpoints" / "last.ckpt", folder / "TORN" / "checkpoints" / "last.ckpt")
    for file in (pretrained / "backbone").iterdir():
        flipped(file, folder / "TORN" / "backbone" / file.name, is_flipped=file.suffix == ".safetensors")
    levels = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)
    Image.fromarray(levels).save(folder / "image.png")
    (folder / "copied.yaml").write_text(
        CONFIG.replace("GkMvlpPretraining\n", "GkMvlpPretraining\n  init_args: {architecture: _base/small.yaml}\n")
    )
    named = "GkMvlpPretraining\n  init_args: {architecture: octal_part.yaml}\n"
    (folder / "named.yaml").write_text(CONFIG.replace("GkMvlpPretraining\n", named))
    (folder / "octal_part.yaml").write_text("image_size: 64\nmemory_grid: 010\n")
    (folder / "broken.yaml").write_text("data: {class_path: [\n")
    (folder / "list.yaml").write_text("- data\n")
    for name, line in (("octal", "seed_everything: 010"), ("time", "seed_everything: 1:30"), ("loop", "a: &a [*a]")):
        (folder / f"{name}.yaml").write_text(f"{CONFIG}{line}\n")
    pairs = pd.DataFrame({"image": ["image.png"], "report": ["Normal heart."], "patient_id": ["p"]})
    (folder / "title.csv").write_text("Export of the archive\n\n" + pairs.to_csv(index=False))
    return folder


def flipped(source: Path, target: Path, is_flipped: bool = True) -> None:
    """A copy with a bit in its middle the other way round."""
    content = bytearray(source.read_bytes())
    content[len(content) // 2] ^= 16 * is_flipped
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


def rows(first: str) -> list[Any]:
    """All cases, of which the first one runs always."""
    return [pytest.param(case, marks=[] if case == first else pytest.mark.slow) for case in CASES]


@pytest.mark.parametrize("case", rows("a damaged model"))
def test_what_goes_wrong_is_one_line(case: str, wild: Path, phantoms: Path):
    words, code, told = CASES[case]
    if words[0] in ("FIT", "VQA"):
        start = [f"--model.init_args.backbone={wild}/RUN/backbone", "--model.init_args.architecture=null"]
        config, more = ("pretrain-phantom", []) if words[0] == "FIT" else ("vqa-phantom", start)
        words = ["fit", *tiny_words(config, phantoms, wild / "out"), *more, *words[1:]]
    done = gkmvlp(*words, cwd=wild)
    assert done.returncode == code, done.stderr
    [line] = done.stderr.splitlines()
    assert line.startswith("gkmvlp: ")
    assert [word for word in told if word not in line] == [], line
    assert not (wild / "out").exists()


def test_a_rank_that_is_no_number_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    from gkmvlp.app.cli import main

    monkeypatch.setenv("WORLD_SIZE", "two")
    assert main(["zoo", "list"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "gkmvlp: WORLD_SIZE='two' in the environment: a whole number was expected; mend or unset it"
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_not_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    from gkmvlp.app.cli import main

    (tmp_path / "closed").mkdir(0)
    assert main(["predict", str(tmp_path), *EMBED]) == 1
    assert f"{tmp_path / 'closed'}: Permission denied" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("word", "number"),
    [("010", 8), ("-017", -15), ("0_10", 8), ("1:30", 90), ("1:30.5", 90.5)]
    + [(word, None) for word in ("7", "0", "00", "007", "-07", "0_1", "08", "0x10", "2024-01-01", "00:01:00:00")],
)  # fmt: skip
def test_numbers_that_people_read_otherwise(word: str, number: float | None):
    assert unlike_number(word) == number


def test_a_text_is_no_collection_and_not_each_text_is_a_file_of_values(tmp_path, monkeypatch):
    """Words of the command and of a config, which may end like a file, or be too long for the name of one."""
    monkeypatch.chdir(tmp_path)
    Path("list.yaml").write_text("- 1\n")
    texts = ["[010, a]", "list.yaml", f"{'a' * 300}.yaml"]
    for text in texts:
        require_plain_words([f"--model.note={text}"], {"model.init_args.note": text})
    Path("config.yaml").write_text(f"model: {{note: '{texts[0]}', file: list.yaml, long: {texts[2]}}}\n")
    require_plain(Path("config.yaml"))
    with pytest.raises(UsageError, match="010 is 8"):
        require_plain_words(["--model.note=[010, a]"], {"model.init_args.note": [8, "a"]})
