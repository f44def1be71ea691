"""Nothing that a task reads of an image depends on that image's report, labels or scene-graph statements."""

import gzip
import json
import shutil
import zipfile
from pathlib import Path

import pandas as pd
import pytest
import torch

from gkmvlp.anatomy import REGION_INDEX
from gkmvlp.app.cli import main
from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.data_modules import MimicCxr, VqaRad
from gkmvlp.data_modules.synthetic import mimic_cxr
from gkmvlp.entities import ENTITY_INDEX
from gkmvlp.metrics.results.predictions import read_predictions
from gkmvlp.models.generation import DecodingConfig, generate
from gkmvlp.models.tokenizer import tokenize
from gkmvlp.report.labeler import label_report
from gkmvlp.tasks.parts.answering import candidate_scores
from tests.tiny import DATA, words

JPG = "mimic-cxr-jpg/2.1.0/mimic-cxr-2.0.0"
REPORTS = "mimic-cxr/2.1.0/mimic-cxr-reports.zip"
GRAPHS = "chest-imagenome/1.0.0/silver_dataset/scene_graph.zip"
SAID = " FINAL REPORT\n FINDINGS:  Large left pneumothorax. Right pleural effusion. The heart is enlarged.\n"


def rewrite_zip(path: Path, change) -> int:
    """Writes a zip anew with texts changed by name; how many were."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name).decode() for name in archive.namelist()}
    changed = {name: change(name, text) for name, text in members.items()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in changed.items():
            archive.writestr(name, text)
    return sum(members[name] != changed[name] for name in members)


def rewrite_labels(path: Path, study: str) -> int:
    """Every label of a study becomes 1 where it was not, and blank where it was."""
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    rows = [line.split(",") for line in lines]
    changed = [
        row if row[1] != study else [*row[:2], *("" if cell == "1.0" else "1.0" for cell in row[2:])] for row in rows
    ]
    path.write_bytes(gzip.compress("".join(",".join(row) + "\n" for row in changed).encode()))
    return sum(a != b for a, b in zip(rows, changed, strict=True))


def other_statements(graph: str) -> str:
    """The same boxes, other statements."""
    content = json.loads(graph)
    for item in content["attributes"]:
        item["attributes"] = [["anatomicalfinding|yes|pneumothorax"] for _ in item["attributes"]]
        item["phrases"] = ["Large left pneumothorax." for _ in item["phrases"]]
    return json.dumps(content)


@pytest.fixture(scope="module")
def told_otherwise(phantoms, tmp_path_factory):
    """A copy of the corpus in which all that is said of one test study is another thing; and that study."""
    row = MimicCxr(str(phantoms), **DATA)
    row.check()
    study = row.rows("test")[0]
    root = tmp_path_factory.mktemp("otherwise") / "data"
    shutil.copytree(phantoms, root)
    number = study.fields["study_id"]
    assert rewrite_zip(root / REPORTS, lambda name, text: SAID if f"s{number}.txt" in name else text) == 1
    for table in ("chexpert", "negbio"):
        assert rewrite_labels(root / f"{JPG}-{table}.csv.gz", number) == 1
    named = study.sample_id
    assert rewrite_zip(root / GRAPHS, lambda name, text: other_statements(text) if named in name else text) == 1
    return root, named


def written(made, search, memory, mask=None):
    """Tokens of a text, every chance from one seed."""
    ends = made.tokenizer.bos_token_id, made.tokenizer.sep_token_id
    return generate(made.model.text, *ends, memory, mask, search, torch.Generator().manual_seed(0)).ids


@torch.no_grad()
@pytest.mark.parametrize("boxes", ["atlas", "dataset"])
def test_what_is_read_of_a_study_does_not_depend_on_what_is_said_of_it(phantoms, told_otherwise, pretrained, boxes):
    root, sample_id = told_otherwise
    made = backbones.load(pretrained / "backbone")
    model = made.model.eval()
    question = tokenize(made.tokenizer, ["is there a pneumothorax?"], 32)
    answers = tokenize(made.tokenizer, ["yes", "no", "left", "right", "the left lung"], 32, decode=True)
    seen = []
    for folder in (phantoms, root):
        data = MimicCxr(str(folder), region_boxes=boxes, **DATA | {"batch_size": 1})
        data.setup("test")
        (batch,) = (batch for batch in data.test_dataloader() if batch["sample_id"] == [sample_id])
        image = model.encode_image(batch["image"], batch["region_box"], batch["region_mask"], status_BE=batch["status"])
        asked = model.text(*question, "fusion", image.memory), question.mask
        seen.append(
            {
                "text": batch["text"],
                "status": batch["status"],
                "image": batch["image"],
                "boxes": batch["region_box"],
                "memory": image.memory.value,
                "keys": image.memory.key,
                "ecls": model.entity_logits(image.grounded),
                "attention": image.grounded.patch_attention,
                **{
                    kind: written(made, DecodingConfig(kind, max_new_tokens=12), image.memory)
                    for kind in ("greedy", "beam", "sample")
                },
                "ranked": candidate_scores(model, answers, *asked, 5),
                "free": written(made, DecodingConfig(max_new_tokens=8), *asked),
            }
        )
    one, two = seen
    assert one.pop("text") != two.pop("text")
    assert not torch.equal(one.pop("status"), two.pop("status"))
    for name in one:
        assert torch.equal(one[name], two[name]), name
    if boxes == "dataset":
        assert one["boxes"].any()


def test_a_generated_report_does_not_depend_on_the_report(phantoms, told_otherwise, pretrained, tmp_path):
    """The real command on both corpora: the reference of the study differs, what is written of its image does not."""
    root, sample_id = told_otherwise
    rows = []
    for name, folder in (("one", phantoms), ("two", root)):
        line = words("report-phantom", folder, tmp_path / name, f"--model.init_args.backbone={pretrained}/backbone")
        assert main(["test", *line, "--model.init_args.decoding.max_new_tokens=12"]) == 0
        table, _ = read_predictions(tmp_path / name / "predictions" / "report_generation.parquet")
        rows.append(table[table["sample_id"] == sample_id].set_index("model"))
    assert (rows[0]["target"] != rows[1]["target"]).all()
    assert rows[0]["prediction"].equals(rows[1]["prediction"])
    assert rows[0]["score"].equals(rows[1]["score"])


def test_questions_bring_no_report_along(phantoms):
    """The VQA batch holds what its contract names and nothing of a report or a truth."""
    data = VqaRad(str(phantoms), split="image-disjoint", **DATA)
    data.setup("fit")
    batch = next(iter(data.val_dataloader()))
    assert set(batch) == {
        "sample_id", "patient_id", "image", "letterbox", "region_box", "region_mask",
        "image_id", "question", "answer", "answer_type", "chest",
    }  # fmt: skip


def test_a_planted_left_effusion_lands_on_the_right_of_the_image(tmp_path):
    """Report, label, region box and place of the finding agree on the side: the patient's left is the image's right."""
    root = tmp_path
    mimic_cxr.write(root, 48, 3, size=48, workers=1)
    found = pd.read_parquet(root / "_truth" / "findings.parquet")
    effusions = found[found["entity"].eq("pleural effusion")]
    one_sided = effusions[~effusions["sample_id"].duplicated(keep=False)]
    data = MimicCxr(
        str(root), region_boxes="dataset", augmentation_strength=0, region_dropout=0, **DATA | {"image_size": 64}
    )
    data.setup("fit")
    rows = {
        row.sample_id: (row, data.dataset(split)[i])
        for split in ("train", "validate", "test")
        for i, row in enumerate(data.rows(split))
    }
    checked = set()
    for truth in one_sided.itertuples():
        sample, item = rows[truth.sample_id]
        said = {m.side for m in label_report(sample.fields["text"]) if m.entity == "pleural effusion" and m.status == 1}
        if said != {truth.side}:  # reports at times leave the side out
            continue
        assert item["status"][ENTITY_INDEX["pleural effusion"]] == 1
        scale_x, _, left, *_ = item["letterbox"].tolist()
        centre = ((truth.x1 + truth.x2) / 2 * scale_x + left) / 64
        lungs = {
            side: item["region_box"][REGION_INDEX[f"{side} lower lung zone"]][[0, 2]].mean().item()
            for side in ("left", "right")
        }
        assert lungs["right"] < 0.5 < lungs["left"]
        assert (centre > 0.5) == (truth.side == "left")
        checked.add(truth.side)
    assert checked == {"left", "right"}
