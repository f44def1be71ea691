"""Retrieval: rankings against plain sorts, the real command, findings of phantoms, invariances."""

import json

import pytest
import torch

from gkmvlp.app.cli import main
from gkmvlp.app.running import recipes
from gkmvlp.app.running.planted_truth import match_findings, read_truth
from gkmvlp.data_modules import MimicCxr
from gkmvlp.errors import ResultsError
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.predictions import read_predictions, write_predictions
from gkmvlp.models.memory import Memory
from gkmvlp.tasks import Retrieval
from gkmvlp.tasks.retrieval import nearest, ranking
from tests.tiny import words


@pytest.mark.parametrize("count", [0, 1, 4, 20])
def test_ranking_is_a_sort_of_the_nearest_and_a_sort_of_the_rest(count):
    generator = torch.Generator().manual_seed(0)
    similarity, score = torch.rand(2, 9, 9, generator=generator) * 2 - 1
    score = 40 * score
    order = ranking(similarity, score, count).tolist()
    for n in range(9):
        by_similarity = sorted(range(9), key=lambda item: -similarity[n, item].item())
        first, rest = by_similarity[:count], by_similarity[count:]
        assert order[n] == sorted(first, key=lambda item: -score[n, item].item()) + rest
    assert nearest(similarity, count).sum(1).tolist() == [min(count, 9)] * 9


def test_equal_scores_keep_their_order():
    assert ranking(torch.zeros(2, 3), torch.zeros(2, 3), 0).tolist() == [[0, 1, 2]] * 2


@pytest.fixture(scope="module", params=["pretrain-phantom", "pretrain-arl-phantom"])
def backbone(request, phantoms, tmp_path_factory):
    """The folder of a backbone of each system that was trained for one step."""
    if request.param == "pretrain-phantom":
        return request.getfixturevalue("pretrained") / "backbone"
    out = tmp_path_factory.mktemp("arl") / "run"
    assert main(["fit", *words(request.param, phantoms, out, "--trainer.limit_train_batches=1")]) == 0
    return out / "backbone"


def features_of(studies, backbone, batches):
    task = Retrieval(None, str(backbone))
    task.prepare(studies)
    task.eval()
    task.on_test_epoch_start()
    with torch.no_grad():
        for batch in batches:
            task.test_step(batch, 0)
    return task, [torch.cat(parts) for parts in zip(*task.features, strict=True)]


@torch.no_grad()
def test_features_do_not_depend_on_the_batch_and_pairs_are_those_of_the_model(studies, backbone):
    batch = next(iter(studies.train_dataloader()))
    alone = [{key: value[b : b + 1] for key, value in batch.items()} for b in range(len(batch["text"]))]
    task, together = features_of(studies, backbone, [batch])
    _, apart = features_of(studies, backbone, alone)
    for one, other in zip(together, apart, strict=True):
        assert torch.allclose(one.float(), other.float(), atol=1e-5)
    needed = torch.zeros(len(alone), len(alone), dtype=torch.bool)
    needed[1, 2] = needed[3, 0] = True
    odds = task.match(needed, Memory(*together[2:]), batch["text"])
    assert (odds[~needed] == 0).all()
    for image, text in ((1, 2), (3, 0)):
        memory = task.encode_images(alone[image]).memory
        no, yes = task.model.itm_logits(task.read_texts(batch["text"][text : text + 1]), memory)[0]
        assert odds[image, text].item() == pytest.approx((yes - no).item(), abs=1e-4)


@pytest.fixture(scope="module")
def measured(phantoms, pretrained, tmp_path_factory):
    """The folder of a measurement by the real command on the test patients of the tiny corpus."""
    out = tmp_path_factory.mktemp("retrieval") / "run"
    patch = pytest.MonkeyPatch()
    patch.setattr(recipes, "gkmvlp", lambda *given: main(list(given)))
    shrunk = [word for word in words("retrieval-phantom", phantoms, out) if "max_epochs" not in word][3:]
    backbone = str(pretrained / "backbone")
    line = ["--config", "retrieval-phantom", "--root", str(phantoms), "--out", str(out), "--backbone", backbone]
    assert main(["evaluate", "retrieval", *line, *shrunk, "--model.init_args.rerank_top_k=2"]) == 0
    patch.undo()
    return out


def test_ranks_are_those_of_the_rankings(measured, phantoms):
    table, meta = read_predictions(measured / "predictions" / "retrieval.parquet")
    assert meta["signature"]["rerank"] == "2 by itm + 20 itc"
    own = table[table["model"].eq("pretrained")]
    count = len(own) // 2
    findings, _ = read_truth(phantoms)
    planted = {
        name: {(row.entity, row.side) for row in findings[findings["sample_id"].eq(name)].itertuples()}
        for name in own["sample_id"]
    }
    text = {sample.sample_id: sample.fields["text"] for sample in rows_of(phantoms)}
    by_item = dict(zip(own["item"], own["sample_id"], strict=True))
    for row in own.itertuples():
        assert sorted(row.ranking) == list(range(count))
        for rank, right, values in (
            (row.rank, row.right, text), (row.rank_findings, row.right_findings, planted)
        ):  # fmt: skip
            is_right = [values[by_item[item]] == values[row.sample_id] for item in row.ranking]
            assert (rank, right) == (is_right.index(True) + 1, sum(is_right))
    baseline = table[table["model"].eq("baseline:random")]
    assert baseline["rank"].isna().all()
    assert baseline["rank_findings"].isna().all()


def rows_of(phantoms):
    data = MimicCxr(str(phantoms), dataset_name="phantom-mimic-cxr")
    data.check()
    return data.rows("test")


def test_results_hold_the_figures_of_both_matches(measured):
    told = json.loads((measured / "results.json").read_text())["figures"]
    again = figures_of(measured / "predictions" / "retrieval.parquet")
    assert {(f["name"], f["label"]) for f in told} == {(f.name, f.label) for f in again}
    assert {None, "findings", "i2t", "t2i findings"} <= {f["label"] for f in told}
    assert all(f["value"] is not None and set(f["baselines"]) == {"random"} for f in told)
    page = (measured / "report.html").read_text()
    assert "<h2>Retrieval</h2>" in page
    assert "median_rank" in page


def test_truth_needs_whole_rankings(measured, phantoms, tmp_path):
    table, meta = read_predictions(measured / "predictions" / "retrieval.parquet")
    short = table.assign(ranking=[list(ranking)[:1] for ranking in table["ranking"]])
    file = tmp_path / "retrieval.parquet"
    write_predictions(file, short, meta)
    with pytest.raises(ResultsError, match="1 of 3 places are kept"):
        match_findings(file, phantoms)


def test_measure_takes_the_newest_backbone_and_config_by_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ran = []

    def gkmvlp(*given):
        ran.append(given)
        raise SystemExit(3)

    monkeypatch.setattr(recipes, "gkmvlp", gkmvlp)
    monkeypatch.setattr(recipes, "backbone_overrides", lambda backbone: {"brought-by": backbone})
    (tmp_path / "outputs/demo/backbone").mkdir(parents=True)
    (tmp_path / "outputs/demo/backbone/config.json").touch()
    (tmp_path / "d/images").mkdir(parents=True)
    assert main(["evaluate", "grounding", "--root", "d", "--trainer.devices=1"]) == 3
    (line,) = ran
    assert line[0] == "test"
    assert line[1].endswith("grounding-rsna.yaml")
    assert line[2:] == (
        "--trainer.default_root_dir=outputs/evaluate-grounding",
        "--data.init_args.root=d",
        "--model.init_args.backbone=outputs/demo/backbone",
        "--brought-by=outputs/demo/backbone",
        "--trainer.devices=1",
    )
