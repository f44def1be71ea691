"""Report generation through the real command: every search, what is left, what is read anew, the baseline."""

import json
import shutil
from collections import Counter

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file
from torch.utils.data import default_collate

import gkmvlp
from gkmvlp.app.cli import main
from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.checkpoints.backbone import patient_hash
from gkmvlp.data_modules.pipeline.dataset import SampleDataset
from gkmvlp.entities import ENTITY_INDEX
from gkmvlp.errors import BackboneError
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.predictions import read_predictions
from gkmvlp.models.generation import DecodingConfig, generate_texts
from gkmvlp.report import consensus
from gkmvlp.tasks import ReportGeneration
from tests.pages import page_of
from tests.tiny import architecture, words

SEARCH = "--model.init_args.decoding"


def report_words(root, out, backbone, *more):
    return words("report-phantom", root, out, f"--model.init_args.backbone={backbone}", *more)


@pytest.fixture(scope="module")
def trained(phantoms, pretrained, tmp_path_factory):
    """The folder of a run from the tiny backbone that writes by beam search."""
    out = tmp_path_factory.mktemp("reports") / "run"
    line = report_words(
        phantoms, out, pretrained / "backbone", f"{SEARCH}.strategy=beam", f"{SEARCH}.max_new_tokens=12"
    )
    assert main(["fit", *line]) == 0
    assert main(["test", *line, f"--ckpt_path={out / 'checkpoints/best.ckpt'}"]) == 0
    return out


def test_the_page_shows_reports_beside_their_radiographs(trained, studies):
    headings, pictures, _ = page_of(trained)
    assert headings == ["Training", "Reports"]
    assert pictures == 1 + len(studies.rows("test"))


def test_predictions_hold_a_report_an_image_and_the_baseline(trained, studies):
    table, meta = read_predictions(trained / "predictions" / "report_generation.parquet")
    rows = {sample.sample_id: sample for sample in studies.rows("test")}
    assert meta["data"] == "phantom-mimic-cxr"
    assert meta["signature"] == {"sections": "both"}
    assert meta["decoding"]["strategy"] == "beam"
    of = {model: part.set_index("sample_id") for model, part in table.groupby("model")}
    assert set(of) == {"pretrained", "baseline:most_common_report"}
    for part in of.values():
        assert set(part.index) == set(rows)
        assert all(rows[name].fields["text"] == text for name, text in part["target"].items())
        assert all(rows[name].patient_id == patient for name, patient in part["patient_id"].items())
    (common,) = set(of["baseline:most_common_report"]["prediction"])
    counts = Counter({row.fields["study_id"]: row.fields["text"] for row in studies.rows("train")}.values())
    assert counts[common] == max(counts.values())
    assert (of["pretrained"]["score"] < 0).all()
    names = {figure.name for figure in figures_of(trained / "predictions" / "report_generation.parquet")}
    assert names >= {"bleu_1", "bleu_4", "rouge_l", "cider", "entity_f1_micro", "entity_f1_macro"}


def test_the_model_that_is_left_writes_its_reports(trained, studies, tmp_path, capsys):
    """``gkmvlp predict`` and ``gkmvlp.load`` write what the raw model does; other tasks are refused in one line."""
    config = json.loads((trained / "model" / "config.json").read_text())
    assert config["task"] == "report_generation"
    assert config["trained_on"] == "phantom-mimic-cxr"
    rows = [sample for sample in studies.samples if sample.view == "PA"][:3]  # a picture is taken for one
    images = [sample.image for sample in rows]
    batch = default_collate(list(SampleDataset(rows, studies.read, studies.regions)))
    made = backbones.load(trained / "model")
    with torch.inference_mode():
        memory = made.model.eval().encode_image(batch["image"], batch["region_box"], batch["region_mask"]).memory
    wanted, _ = generate_texts(made.model, made.tokenizer, memory, decoding=DecodingConfig("beam", max_new_tokens=12))
    out = tmp_path / "rows.parquet"
    asked = ["predict", f"--model={trained}", "--task=report", "--device=cpu", *images]
    assert main([*asked, f"--out={out}", f"--pictures={tmp_path / 'pictures'}"]) == 0
    found = pq.read_table(out).to_pandas().set_index("sample_id")
    assert found["target"].isna().all()
    assert found["prediction"].to_dict() == dict(zip(images, wanted, strict=True))
    assert len(list((tmp_path / "pictures").iterdir())) == 3
    with pytest.warns(UserWarning, match="never saw a patient"):
        model = gkmvlp.load(trained, device="cpu")
    assert model.predict(images[0]).report == wanted[0]
    with pytest.raises(BackboneError, match="make finetune-vqa"):
        model.predict(images[0], question="why?")
    capsys.readouterr()
    assert main(["predict", f"--model={trained}", "--task=classification", images[0]]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_patients_that_the_backbone_has_seen_are_counted_beside_the_figures(
    trained, phantoms, studies, tmp_path, capsys
):
    """The tiny backbone was trained on this corpus; now it says that of one of its test patients too."""
    seen = tmp_path / "backbone"
    shutil.copytree(trained / "model", seen)
    config = json.loads((seen / "config.json").read_text())
    patients = sorted({sample.patient_id for sample in studies.rows("test")})
    config["patients"] = sorted({*config["patients"], patient_hash(patients[0])})
    (seen / "config.json").write_text(json.dumps(config))
    line = report_words(phantoms, tmp_path / "run", seen, f"{SEARCH}.max_new_tokens=4")
    assert main(["test", *line]) == 0
    told = f"the backbone was trained on 1 of these {len(patients)} test patients"
    assert f"note: {told}" in capsys.readouterr().out
    file = tmp_path / "run" / "predictions" / "report_generation.parquet"
    assert all(told in figure.note for figure in figures_of(file) if figure.model == "pretrained")
    assert read_predictions(trained / "predictions" / file.name)[1]["note"] is None


def test_from_scratch_draws_alike_twice(phantoms, tmp_path):
    texts = []
    for run in ("one", "two"):
        search = (f"{SEARCH}.strategy=consensus", f"{SEARCH}.num_samples=2", f"{SEARCH}.max_new_tokens=9")
        line = report_words(phantoms, tmp_path / run, "null", *search)
        if run == "one":
            assert main(["fit", *line]) == 0
        assert main(["test", *line, f"--ckpt_path={tmp_path / 'one/checkpoints/best.ckpt'}"]) == 0
        table = read_predictions(tmp_path / run / "predictions" / "report_generation.parquet")[0]
        texts.append(table.loc[table["model"] == "scratch", ["sample_id", "prediction"]])
    assert texts[0]["prediction"].nunique() > 1
    pd.testing.assert_frame_equal(*texts)


def test_a_frozen_image_side_ends_as_it_began(phantoms, pretrained, tmp_path):
    assert main(["fit", *report_words(phantoms, tmp_path, pretrained / "backbone", f"{SEARCH}.max_new_tokens=4")]) == 0
    before, after = (load_file(at / "model.safetensors") for at in (pretrained / "backbone", tmp_path / "model"))
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert "text.word.weight" in moved
    assert all(name.startswith("text.") for name in moved)


def test_a_trusted_head_reaches_the_consensus_by_the_names_of_its_entities(studies, pretrained, monkeypatch):
    beliefs = []
    monkeypatch.setattr(consensus, "most_agreed", lambda drafts, belief_E, trust: beliefs.append(belief_E) or 0)
    task = ReportGeneration(
        None, str(pretrained / "backbone"), decoding=DecodingConfig("consensus", num_samples=2, max_new_tokens=3)
    )
    task.prepare(studies)
    task.eval().on_validation_epoch_start()
    batch = next(iter(studies.val_dataloader()))
    with torch.no_grad():
        task.generate(batch)
        probability_BE = task.encode_images_now(batch).present
    assert len(beliefs) == len(batch["text"])
    names = task.model.architecture.knowledge.entities
    for belief_E, wanted in zip(beliefs, probability_BE.tolist(), strict=True):
        said = {
            name: belief_E[ENTITY_INDEX[name]] for name in ENTITY_INDEX if not np.isnan(belief_E[ENTITY_INDEX[name]])
        }
        assert said == pytest.approx(dict(zip(names, wanted, strict=True)))


def test_training_raises_the_likelihood_of_the_reports(studies, pretrained):
    torch.manual_seed(0)
    task = ReportGeneration(architecture(), str(pretrained / "backbone"), decoding=DecodingConfig(max_new_tokens=8))
    task.prepare(studies)
    task.log = lambda *_, **__: None
    optimizer = torch.optim.Adam(task.parameters(), 3e-3)
    losses = []
    batch = next(iter(studies.val_dataloader()))
    for _ in range(15):
        loss = task.training_step(batch, 0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.5


def test_a_search_that_cannot_be_is_one_line(phantoms, pretrained, tmp_path, capsys):
    line = report_words(phantoms, tmp_path, pretrained / "backbone", f"{SEARCH}.num_beams=0")
    assert main(["fit", *line]) != 0
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "num_beams >= 1" in told
