import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

import gkmvlp
from gkmvlp.anatomy import side_of
from gkmvlp.app.cli import main
from gkmvlp.app.prediction import plots
from gkmvlp.app.prediction.images import find_images
from gkmvlp.app.prediction.rows import _free_name
from gkmvlp.data_modules.pipeline import images as reading
from gkmvlp.data_modules.synthetic import chest_xray14
from gkmvlp.data_modules.synthetic.dicom_ways import PLAIN, write_way
from gkmvlp.errors import DataError, UsageError
from gkmvlp.metrics.results.predictions import META_KEY
from gkmvlp.notices import NO_PATIENT, NOT_CLINICAL
from gkmvlp.phantom.generate import draw_phantom
from tests.app.small_models import (
    ANSWERS,
    ENTITIES,
    calibrate,
    write_answering,
    write_backbone,
    write_detecting,
    write_images,
    write_reporting,
)
from tests.processes import gkmvlp as gkmvlp_process


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("predict")
    write_backbone(folder / "run" / "backbone")
    write_answering(folder / "vqa" / "model", "rank")
    write_detecting(folder / "boxes" / "model")
    write_images(folder / "images")
    return folder


def predict(folder: Path, model: str, task: str, *more: object) -> int:
    words = ["--model", folder / model, "--task", task, "--device", "cpu", *more]
    return main(["predict", *map(str, words)])


def rows(file: Path) -> tuple[pd.DataFrame, dict]:
    table = pq.read_table(file)
    return table.to_pandas(), json.loads(table.schema.metadata[META_KEY])


def test_classification_of_a_folder(folder, tmp_path, capsys):
    out = tmp_path / "new" / "rows.parquet"
    assert predict(folder, "run", "classification", folder / "images", "--out", out) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == NO_PATIENT
    assert len(told) == 2 + 3 * len(ENTITIES)
    table, meta = rows(out)
    assert meta["notice"] == NO_PATIENT
    assert meta["trained_on"] == "phantom-mimic-cxr"
    assert table["target"].isna().all()
    assert table["patient_id"].isna().all()
    assert set(table["sample_id"]) == {str(path) for path in (folder / "images").iterdir()}
    np.testing.assert_allclose(table["probability"], 1 / (1 + np.exp(-table["score"])), rtol=1e-6)
    assert all(of["score"].is_monotonic_decreasing for _, of in table.groupby("sample_id"))


def test_rows_are_written_as_their_suffix_says(folder, tmp_path):
    files = {suffix: tmp_path / f"rows.{suffix}" for suffix in ("parquet", "csv", "json")}
    for file in files.values():
        assert predict(folder, "run", "classification", folder / "images", "--out", file) == 0
    table, _ = rows(files["parquet"])
    for other in (pd.read_csv(files["csv"]), pd.read_json(files["json"], precise_float=True)):
        assert list(other) == list(table)
        assert other["entity"].tolist() == table["entity"].tolist()
        assert other["probability"].to_numpy() == pytest.approx(table["probability"].to_numpy(), rel=1e-12)


@pytest.mark.parametrize("name", ["rows.xlsx", "rows", "rows.parquet.gz"])
def test_another_suffix_is_refused_before_anything_is_loaded(name, folder, tmp_path):
    out = tmp_path / "new" / name
    words = ["--model", folder / "run", "--task", "classification", folder / "images", "--out", out]
    done = gkmvlp_process("predict", *map(str, words))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "a name that ends in .parquet or .csv or .json was expected" in done.stderr
    assert not out.parent.exists()


def test_zero_shot_takes_single_prompts_and_pairs(folder, tmp_path):
    (tmp_path / "prompts.txt").write_text("an effusion\n\nno effusion\nan effusion | no effusion\n")
    out = tmp_path / "rows.parquet"
    image = folder / "images" / "0.jpg"
    assert predict(folder, "run", "zero_shot", image, "--prompts", tmp_path / "prompts.txt", "--out", out) == 0
    score = rows(out)[0].set_index("prompt")["score"]
    assert score["an effusion | no effusion"] == pytest.approx(score["an effusion"] - score["no effusion"], abs=1e-6)
    assert predict(folder, "run", "zero_shot", image, "--out", out) == 0
    assert set(rows(out)[0]["prompt"]) == {f"There is {name}. | There is no {name}." for name in ENTITIES}


def test_thresholds_that_are_named_are_shown(folder, tmp_path, capsys):
    (tmp_path / "prompts.txt").write_text("an effusion\n")
    for task, kind in (("classification", "entities"), ("grounding", "entities"), ("zero_shot", "zero_shot")):
        calibrate(write_backbone(tmp_path / task), kind, ENTITIES)
        assert predict(tmp_path, task, task, folder / "images" / "0.jpg") == 0
        told = capsys.readouterr().out
        assert "; thresholds at sensitivity=0.90\n" in told
        header = next(line.split() for line in told.splitlines() if line.split()[0] == "image")
        assert {"threshold", "is_likely"} <= set(header)
    prompts = "--prompts", tmp_path / "prompts.txt"  # nobody calibrated what they say
    assert predict(tmp_path, "zero_shot", "zero_shot", folder / "images" / "0.jpg", *prompts) == 0
    assert "calibrated on" not in capsys.readouterr().out


def test_embeddings_are_unit_vectors(folder, tmp_path):
    (tmp_path / "prompts.txt").write_text("an effusion\n")
    out = tmp_path / "rows.parquet"
    words = (folder / "images", "--prompts", tmp_path / "prompts.txt", "--out", out)
    assert predict(folder, "run", "embed", *words) == 0
    table = rows(out)[0]
    assert table["kind"].tolist() == ["image"] * 3 + ["text"]
    np.testing.assert_allclose([np.linalg.norm(vector) for vector in table["embedding"]], 1, rtol=1e-5)


def test_questions(folder, tmp_path, capsys):
    out = tmp_path / "rows.parquet"
    words = (folder / "images", "--question", "is there an effusion?", "--out", out)
    assert predict(folder, "vqa", "vqa", *words, "--pictures", tmp_path / "p") == 0
    assert NO_PATIENT not in capsys.readouterr().out  # it saw those of VQA-RAD
    table, meta = rows(out)
    assert set(table["prediction"]) <= set(ANSWERS)
    assert (table["score"] < 0).all()
    assert meta["notice"] is None
    assert len(list((tmp_path / "p").iterdir())) == 3
    assert table["in_scope"].all()


def test_a_question_about_what_was_never_learned_is_said_to_lie_outside(folder, tmp_path, capsys):
    out = tmp_path / "rows.parquet"
    assert predict(folder, "vqa", "vqa", folder / "images", "--question", "Is there a hernia?", "--out", out) == 0
    assert "lies outside: this model never learned of hernia" in capsys.readouterr().out.splitlines()[-1]
    assert not rows(out)[0]["in_scope"].any()
    question = "Is there a giraffe?"  # of which this folder, which holds no words of its questions, cannot tell
    for name in ("rows.parquet", "rows.json", "rows.csv"):
        out = tmp_path / name
        assert predict(folder, "vqa", "vqa", folder / "images", "--question", question, "--out", out) == 0
        reader = {".parquet": pd.read_parquet, ".json": pd.read_json, ".csv": pd.read_csv}[out.suffix]
        assert reader(out)["in_scope"].isna().all()


def test_a_question_or_prompt_that_is_not_read_to_its_end_is_noted(folder, tmp_path, capsys):
    out = tmp_path / "rows.parquet"
    question = "Is there an effusion?" + " effusion" * 200
    assert predict(folder, "vqa", "vqa", folder / "images", "--question", question, "--out", out) == 0
    assert re.search(
        r"gkmvlp: note: .*: question has [\d,]+ tokens, \d+ are read: .* is left out", capsys.readouterr().err
    )
    assert rows(out)[0]["note"].str.contains("question has").all()
    prompts = tmp_path / "prompts.txt"
    prompts.write_text(f"There is edema.\n{question}\n")
    assert predict(folder, "run", "embed", folder / "images", "--prompts", prompts, "--out", out) == 0
    said = capsys.readouterr().err
    assert said.count("gkmvlp: note") == 1
    assert "prompt 'Is there an effusion? effusion" in said


def test_rows_of_reports_carry_the_id_of_the_task(folder, tmp_path, capsys):
    out = tmp_path / "rows.parquet"
    write_reporting(tmp_path / "report" / "model")
    assert predict(tmp_path, "report", "report", folder / "images", "--out", out) == 0
    head, *shown = capsys.readouterr().out.splitlines()[1:]
    assert head.split() == ["image", "score", "prediction"]
    table, meta = rows(out)
    assert [line[head.index("prediction") :] for line in shown] == table["prediction"].tolist()
    assert meta["task"] == "report_generation"  # the word of the command is ``report``
    assert len(table) == 3
    first = table.loc[table["sample_id"].str.endswith("0.jpg"), "prediction"].item()
    assert gkmvlp.load(tmp_path / "report").predict(folder / "images" / "0.jpg").report == first


def test_boxes_lie_in_the_image_and_the_likely_ones_are_shown(folder, tmp_path, capsys):
    out = tmp_path / "rows.parquet"
    words = (folder / "images", "--out", out, "--pictures", tmp_path / "pictures")
    assert predict(folder, "boxes", "localization", *words) == 0
    told = capsys.readouterr().out.splitlines()
    table = rows(out)[0]
    assert table["target"].isna().all()
    for sample, of in table.groupby("sample_id"):
        with Image.open(sample) as image:
            width, height = image.size
        assert of["score"].is_monotonic_decreasing
        assert set(of["entity"]) <= {"Opacity", "Nodule"}
        assert (of["x1"] >= 0).all()
        assert (of["x2"] <= width + 1e-3).all()
        assert (of["x1"] < of["x2"]).all()
        assert (of["y1"] >= -1e-3).all()
        assert (of["y2"] <= height + 1e-3).all()
        assert (of["y1"] < of["y2"]).all()
    assert 0 < table["is_likely"].sum() < len(table)
    assert (table["is_likely"] == (table["score"] >= 0.5)).all()
    assert len(told) == 3 + table["is_likely"].sum()  # the notice, a count, the heading
    assert len(list((tmp_path / "pictures").iterdir())) == 3
    reading = gkmvlp.load(folder / "boxes").predict(folder / "images" / "0.jpg")
    first = table[table["sample_id"].str.endswith("0.jpg")]
    assert [box.score for box in reading.boxes] == pytest.approx(first["score"].tolist(), abs=1e-5)


def test_an_image_without_a_box_has_a_row_that_says_so(folder, tmp_path, capsys):
    head = json.loads((folder / "boxes" / "model" / "boxes.json").read_text())
    head["detector"]["least_score"] = 2.0
    shutil.copytree(folder / "boxes", tmp_path / "none")
    (tmp_path / "none" / "model" / "boxes.json").write_text(json.dumps(head))
    out = tmp_path / "rows.parquet"
    assert predict(tmp_path, "none", "localization", folder / "images", "--out", out) == 0
    assert "0 of 3 images" in capsys.readouterr().out
    table = rows(out)[0]
    assert len(table) == 3
    assert table["entity"].isna().all()
    assert table["score"].isna().all()


def test_grounding_points_lie_in_the_image_and_pictures_say_who_drew_them(folder, tmp_path, monkeypatch):
    said = []
    panels = plots.panels

    def spied(*words, **options):
        figure, axes = panels(*words, **options)
        monkeypatch.setattr(figure, "supxlabel", lambda text, **_: said.append(text))
        return figure, axes

    monkeypatch.setattr(plots, "panels", spied)
    other = write_images(tmp_path / "other", 1)[0]  # a second file called 0.jpg
    out = tmp_path / "rows.parquet"
    words = (folder / "images" / "0.jpg", other, "--out", out, "--pictures", tmp_path / "pictures")
    assert predict(folder, "run/backbone", "grounding", *words) == 0
    table = rows(out)[0]
    assert table["x"].between(0, 48).all()
    attended = table.loc[table["entity"] == "cardiomegaly", "attended_region"]
    assert set(attended) <= {"cardiac silhouette", "mediastinum"}
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == ["0-2.png", "0.png"]
    assert said == [f"{NO_PATIENT}\n{NOT_CLINICAL}"] * 2


@pytest.mark.parametrize("drawn", [True, False])
def test_every_image_is_decoded_once(drawn, folder, tmp_path, monkeypatch):
    """Also where the gate sees other grey values than the model."""
    decoded = []
    read = reading.read_picture
    monkeypatch.setattr(reading, "read_picture", lambda data, *more: decoded.append(data) or read(data, *more))
    pictures = ["--pictures", tmp_path / "pictures"] if drawn else []
    assert predict(folder, "run", "classification", folder / "images", *pictures) == 0
    assert sorted(decoded) == sorted(path.read_bytes() for path in (folder / "images").iterdir())


def test_point_and_region_of_every_row_on_phantoms_lie_on_one_side(tmp_path):
    chest_xray14.write(tmp_path / "phantoms", 8, 0, size=128, workers=1)
    words = [tmp_path / "phantoms", "--out", tmp_path / "rows.parquet", "--model", "zoo://gk-mvlp-phantom"]
    assert main(["predict", "--task", "grounding", *map(str, words)]) == 0
    table = rows(tmp_path / "rows.parquet")[0]
    side = table["region"].map(side_of)
    assert side.notna().sum() > len(table) / 4
    sided = table[side.notna()]
    # phantoms are square, and the patient's right is on the left
    assert ((sided["x"] < 64) == (side[side.notna()] == "right")).all()


def test_what_takes_seconds_to_import_is_not_imported(folder):
    """Module names, not seconds: torch, transformers, and timm with torchvision are what a prediction waits for."""
    heavy = [
        "albumentations",
        "lightning",
        "matplotlib",
        "monai",
        "pandas",
        "pydicom",
        "scipy",
        "sklearn",
        "sympy",
        "torch._dynamo",
        "torchmetrics",
        "transformers.modeling_utils",
    ]
    words = ["predict", "--model", folder / "run", "--task", "grounding", "--device", "cpu", folder / "images"]
    code = (
        "import sys; from gkmvlp.app.cli import main; code = main(sys.argv[1:]); "
        f"print('imported', code, [name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "imported 0 []"


@pytest.mark.slow
def test_quick_imports_leave_compiler_and_wandb_usable():
    code = """
import sys
import torch
from gkmvlp.app.prediction.quick_imports import quick_imports

disable = torch.compiler.disable
with quick_imports():
    import timm
    from torchvision.ops import roi_align
assert "torch._dynamo" not in sys.modules and torch.compiler.disable is disable
assert "wandb" not in sys.modules
boxes = [torch.tensor([[0.0, 0.0, 4.0, 4.0]])]
assert roi_align(torch.ones(1, 1, 8, 8), boxes, 2).tolist() == [[[[1.0, 1.0], [1.0, 1.0]]]]
import torch._dynamo.utils

assert torch._dynamo.utils.counters is not None
assert torch.compile(lambda x: x + 1, backend="eager")(torch.ones(1)).item() == 2
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_broken_images_are_named_in_a_subprocess_and_the_others_written(folder, tmp_path):
    good = write_images(tmp_path, 2)
    (tmp_path / "empty.dcm").touch()
    (tmp_path / "cut.jpg").write_bytes(good[0].read_bytes()[:200])
    (tmp_path / "cut.png").write_bytes(good[1].read_bytes()[:200])
    out = tmp_path / "rows.parquet"
    words = ["predict", "--model", folder / "run", "--task", "classification", tmp_path, "--out", out, "--gate", "off"]
    done = subprocess.run([sys.executable, "-m", "gkmvlp", *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert all(name in done.stderr for name in ("3 of 5", "empty.dcm", "cut.jpg", "cut.png"))
    assert set(rows(out)[0]["sample_id"]) == {str(path) for path in good}


ODD_NAMES = ("caf\udce9.png", "two\nlines.png", "caf\u00e9 1.PNG")  # the first holds a byte that is no UTF-8


@pytest.mark.parametrize("suffix", [".csv", ".json", ".parquet"])
def test_images_with_any_name_are_read_shown_and_written(folder, tmp_path, capsys, suffix):
    images = tmp_path / "images"
    images.mkdir()
    for name in ODD_NAMES:
        shutil.copy(next((folder / "images").glob("*.png")), images / name)
    out = tmp_path / f"rows{suffix}"
    assert predict(folder, "run", "classification", images, "--out", out) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in ("caf\\udce9.png", "two\\nlines.png", "caf\u00e9 1.PNG"))
    read = {".csv": pd.read_csv, ".json": pd.read_json, ".parquet": pd.read_parquet}[suffix]
    names = {name.replace("\udce9", "\\udce9") for name in ODD_NAMES}
    assert {Path(name).name for name in read(out)["sample_id"]} == names


def test_a_broken_image_is_named_whatever_its_name_holds(folder, tmp_path, capsys):
    for name in ODD_NAMES:
        (tmp_path / name).write_bytes(b"%PDF-1.7")
    assert predict(folder, "run", "classification", tmp_path) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("gkmvlp: 3 of 3 images: ")
    assert all(f"{name}: neither a JPG" in line for name in ("caf\\udce9.png", "two\\nlines.png", "caf\u00e9 1.PNG"))


def test_what_is_no_file_and_folders_of_every_ending(tmp_path):
    (tmp_path / "deep.png" / "er").mkdir(parents=True)  # a folder that bears the name of an image
    kept = [tmp_path / "deep.png" / "er" / name for name in ("a.TIF", "b.bmp", "c.webp", "d.dcm")]
    for file in [*kept, tmp_path / "._e.png", tmp_path / "notes.txt"]:
        file.touch()
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "up").symlink_to(tmp_path)
    (tmp_path / "gone.png").symlink_to("nowhere")
    (tmp_path / "self.png").symlink_to("self.png")
    links = [tmp_path / "gone.png", tmp_path / "self.png"]
    assert find_images([tmp_path]) == [*kept, *links]
    for path, told in (
        (tmp_path / "gone.png", "it is a link to nowhere, which is not there"),
        (tmp_path / "self.png", "it is a link to self.png"),
        (tmp_path / "pipe.png", "it is neither a file nor a folder"),
        (tmp_path / f"{'x' * 5000}.png", "no image"),
    ):
        with pytest.raises(UsageError, match=told) as caught:
            find_images([path])
        assert "did you mean" not in str(caught.value)


def test_pictures_are_neither_drawn_over_what_is_read_nor_read_themselves(folder, tmp_path, capsys):
    image = write_images(tmp_path, 1)[0]
    before = image.read_bytes()
    for asked in (image, tmp_path):
        assert predict(folder, "run", "classification", asked, "--pictures", tmp_path / "." / "") == 2
        assert f"holds {image}, which is read: name another folder" in capsys.readouterr().err
    assert image.read_bytes() == before
    drawn = tmp_path / "drawn"
    for _ in range(2):  # what the first call drew, the second one neither reads nor keeps
        assert predict(folder, "run", "classification", tmp_path, "--pictures", drawn) == 0
        [picture] = drawn.iterdir()
        assert Image.open(picture).info["Software"] == "gkmvlp"
    assert find_images([tmp_path], drawn) == [image]
    assert find_images([tmp_path]) == [image, picture]
    with pytest.raises(UsageError, match="no image"):
        find_images([drawn], drawn)


def test_a_radiograph_in_the_folder_of_pictures_is_neither_left_out_nor_overwritten(folder, tmp_path, capsys):
    a, b = (write_images(tmp_path / name, 1)[0] for name in "ab")
    inside = tmp_path / "a" / "0.png"
    Image.open(a).save(inside)
    a.unlink()
    before = inside.read_bytes()
    assert predict(folder, "run", "classification", tmp_path, "--pictures", tmp_path / "a") == 2
    assert f"holds {inside}, which is read: name another folder" in capsys.readouterr().err
    assert predict(folder, "run", "classification", b, "--pictures", tmp_path / "a") == 0
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["0-2.png", "0.png"]
    assert inside.read_bytes() == before


def test_every_picture_has_a_name_of_its_own():
    taken: set[str] = set()
    names = [_free_name(stem, taken) for stem in ("a", "a", "a-2", "a", "a-2")]
    assert names == ["a.png", "a-2.png", "a-2-2.png", "a-3.png", "a-2-3.png"]


@pytest.mark.parametrize(
    ("model", "more", "task", "column"),
    [
        ("run", [], "grounding", "attended_region"),
        ("vqa", ["--question", "Is there an effusion?"], "vqa", "prediction"),
        ("boxes", [], "localization", "x1"),
    ],
)
def test_without_a_task_the_model_does_what_it_was_trained_for(folder, model, more, task, column, tmp_path, capsys):
    words = ["--model", folder / model, folder / "images", *more, "--device", "cpu", "--out", tmp_path / "rows.csv"]
    assert main(["predict", *map(str, words)]) == 0
    assert f"--task {task}, for which this model was trained\n" in capsys.readouterr().out
    assert column in pd.read_csv(tmp_path / "rows.csv")


def test_an_option_that_does_not_go_with_the_trained_task_is_one_line(folder, capsys):
    assert main(["predict", "--model", str(folder / "vqa"), str(folder / "images"), "--device", "cpu"]) == 2
    assert capsys.readouterr().err == "gkmvlp: --task vqa needs --question TEXT, and only that task takes one\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--task", "report"], 1, "make finetune-report"),
        (["--task", "vqa", "--question", " \t"], 2, "--question is empty"),
        (["--task", "localization"], 1, "make finetune-localization"),
        (["--task", "clasification"], 2, "did you mean classification?"),
        (["--task", "vqa"], 2, "--question"),
        (["--task", "vqa", "--question", "why?"], 1, "make finetune-vqa"),
        (["--task", "grounding", "--prompts", "p.txt"], 2, "--prompts"),
        (["--task", "zero_shot", "--prompts", "nowhere.txt"], 2, "nowhere.txt"),
        (["--task", "embed", "--pictures", "p"], 2, "--pictures"),
        (["--task", "embed", "--device", "cuda:77"], 2, "--device cpu"),
    ],
)
def test_what_cannot_be_done_is_one_line(folder, words, code, said, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["predict", "--model", str(folder / "run"), str(folder / "images"), *words]) == code
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert said in told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [[""], ["x.png", "--out", ""], ["x.png", "--out="], ["x.png", "--question", ""]])
def test_an_empty_word_is_no_working_folder(folder, words, tmp_path, capsys, monkeypatch):
    """A variable of a script that is not set."""
    monkeypatch.chdir(folder / "images")
    assert predict(folder, "run", "embed", *words) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "is empty: name what is meant, or leave it out" in told


def test_a_place_that_cannot_be_written_is_told_before_the_model_is_loaded(folder, tmp_path, capsys):
    (tmp_path / "file").touch()
    (tmp_path / "folder.csv").mkdir()
    places = {
        "--out": [tmp_path / "file" / "rows.csv", tmp_path / "folder.csv", "/proc/rows.csv"],
        "--pictures": [tmp_path / "file", tmp_path / "file" / "pictures"],
    }
    for option, tried in places.items():
        for place in tried:
            assert predict(folder, "nothing", "classification", folder / "images", option, place) == 1
            told = capsys.readouterr().err
            assert told.count("\n") == 1
            assert "cannot be written" in told
            assert option in told
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.csv"]


@pytest.mark.parametrize(("name", "given"), [("marked", "utf-8-sig"), ("wide", "utf-16")])
def test_prompts_as_windows_writes_them(folder, tmp_path, name, given):
    (tmp_path / name).write_bytes("There is an effusion.\r\nNo edema. | Edema.\r\n".encode(given))
    out = tmp_path / "rows.json"
    words = (folder / "images" / "0.jpg", "--prompts", tmp_path / name, "--out", out)
    assert predict(folder, "run", "zero_shot", *words) == 0
    assert set(pd.read_json(out)["prompt"]) == {"There is an effusion.", "No edema. | Edema."}


@pytest.mark.parametrize("line", ["a | b | c", "| b", "a |"])
def test_a_line_that_is_no_pair_is_said(folder, line, tmp_path, capsys):
    (tmp_path / "prompts").write_text(f"There is an effusion.\n{line}\n")
    assert predict(folder, "run", "zero_shot", folder / "images", "--prompts", tmp_path / "prompts") == 2
    assert "is no prompt and no pair: TEXT or TEXT | TEXT was expected" in capsys.readouterr().err


def test_unknown_images_and_models(folder, tmp_path, capsys):
    assert predict(folder, "run", "embed", folder / "images" / "0.jpeg") == 2
    assert "did you mean" in capsys.readouterr().err
    assert predict(folder, "run", "embed", tmp_path) == 2
    assert "no image in" in capsys.readouterr().err
    assert predict(folder, "nothing", "embed", folder / "images") == 1
    assert "config.json" in capsys.readouterr().err
    assert predict(folder, "vqa", "classification", folder / "images") == 1
    assert "fine-tuned for questions" in capsys.readouterr().err
    assert main(["predict", "--model", "zoo://x", "--task", "embed", str(folder / "images")]) == 1
    assert "no model zoo://x" in capsys.readouterr().err


@pytest.fixture(scope="module")
def doubtful(tmp_path_factory) -> Path:
    """A phantom as it is, and its negative."""
    folder = tmp_path_factory.mktemp("doubtful")
    image_HW = draw_phantom(5077, 0, 160).image_HW
    Image.fromarray(image_HW).save(folder / "a.png")
    Image.fromarray(255 - image_HW).save(folder / "b.png")
    return folder


def test_the_gate_warns_and_answers(folder, doubtful, tmp_path, capsys):
    out = tmp_path / "rows.parquet"
    assert predict(folder, "run", "classification", doubtful, "--out", out) == 0
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert told[0].startswith(f"gkmvlp: gate: {doubtful / 'b.png'} looks ")
    kinds = rows(out)[0].groupby("sample_id")["gate"].unique()
    assert kinds[str(doubtful / "a.png")].tolist() == ["frontal"]
    assert kinds[str(doubtful / "b.png")].tolist() != ["frontal"]


def test_the_gate_refuses_and_reads_the_others(folder, doubtful, tmp_path, capsys):
    out = tmp_path / "rows.parquet"
    assert predict(folder, "run", "classification", doubtful, "--out", out, "--gate", "refuse") == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "1 of 2 images: " in told
    assert f"{doubtful / 'b.png'} is refused: looks " in told
    assert set(rows(out)[0]["sample_id"]) == {str(doubtful / "a.png")}


def test_the_gate_is_off(folder, doubtful, tmp_path, capsys):
    out = tmp_path / "rows.parquet"
    assert predict(folder, "run", "classification", doubtful, "--out", out, "--gate", "off") == 0
    assert capsys.readouterr().err == ""
    table = rows(out)[0]
    assert table["sample_id"].nunique() == 2
    assert "gate" not in table


def test_what_was_not_taken_as_files_say_is_told_and_kept(folder, tmp_path, capsys):
    """Two lie mirrored by their PatientOrientation, one asks for a window that shows nothing, one for nothing."""
    ways = {"a": {"orientation": "R\\F"}, "b": {"orientation": "R\\F"}, "c": {"voi": "blank"}, "d": {}}
    for name, way in ways.items():
        image_HW = draw_phantom(5077, 0, 96).image_HW
        level_HW = np.interp(image_HW, (image_HW.min(), image_HW.max()), (0, 255)).round().astype(np.uint8)
        (tmp_path / f"{name}.dcm").write_bytes(write_way(level_HW, PLAIN | way))
    words = [tmp_path, "--out", tmp_path / "rows.csv", "--gate", "off"]
    assert predict(folder, "run", "classification", *words) == 0
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert told[0].startswith(f"gkmvlp: note: 2 of 4 images (e.g. {tmp_path / 'a.dcm'}): lies otherwise by")
    assert told[1].startswith(f"gkmvlp: note: 1 of 4 images (e.g. {tmp_path / 'c.dcm'}): WindowCenter and WindowWidth")
    note = pd.read_csv(tmp_path / "rows.csv").groupby("sample_id")["note"].first().fillna("")
    assert ["turned" in line or "window" in line.lower() for line in note] == [True, True, True, False]
    model = gkmvlp.load(folder / "run", device="cpu")
    notes = [one.notes for one in model.predict([tmp_path / "c.dcm", tmp_path / "d.dcm"])]
    assert [len(lines) for lines in notes] == [1, 0]


def test_an_unknown_mode_of_the_gate_is_one_line(folder, doubtful, capsys):
    assert predict(folder, "run", "classification", doubtful, "--gate", "warm") == 2
    assert "did you mean warn" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:A model that never")
def test_the_gate_from_python(folder, doubtful):
    model = gkmvlp.load(folder / "run", device="cpu")
    good, bad = model.predict([doubtful / "a.png", doubtful / "b.png"])
    assert good.verdict.ok
    assert good.notice == model.notice
    assert not bad.verdict.ok
    assert bad.notice == f"{model.notice} this picture {bad.verdict}"
    assert bad.findings.keys() == good.findings.keys()
    assert model.predict(doubtful / "b.png", gate="off").verdict is None
    with pytest.raises(DataError, match=r"b\.png is refused: looks"):
        model.predict([doubtful / "a.png", doubtful / "b.png"], gate="refuse")
