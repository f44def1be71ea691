"""What VqaMed2019 and Roco serve: the real commands on their look-alikes, with the configs of the zoo, shrunk."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from gkmvlp.app.cli import main
from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.data_modules import Roco, VqaMed2019
from gkmvlp.data_modules.formats.roco import concept_files, find_base
from gkmvlp.data_modules.synthetic import roco, vqa_med_2019
from gkmvlp.data_modules.synthetic.figures import RADIOGRAPH
from gkmvlp.knowledge.linker import read_cuis
from gkmvlp.metrics.results.evaluate import figures_of
from tests.tiny import arl_architecture, words

FRESH = ("--model.init_args.backbone=null",)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lookalikes")
    vqa_med_2019.write(folder, 24, 1, 32)
    roco.write(folder, 30, 1, 32)
    return folder


def test_questions_of_vqa_med_are_answered_among_those_of_training(root: Path, tmp_path: Path):
    line = words("vqa-med-2019", root, tmp_path, *FRESH)
    assert main(["fit", *line]) == 0
    assert main(["test", *line, f"--ckpt_path={tmp_path / 'checkpoints' / 'last.ckpt'}"]) == 0
    path = tmp_path / "predictions" / "vqa.parquet"
    table = pd.read_parquet(path)
    data = VqaMed2019(str(root), num_workers=0)
    data.check()
    assert set(table["sample_id"]) == {row.sample_id for row in data.rows("test")}
    assert set(table["prediction"]) <= set(data.answers())
    overall = next(figure for figure in figures_of(path) if figure.name == "accuracy_overall")
    assert f"ceiling {data.coverage():.3f}" in overall.note


def test_arl_learns_with_the_concepts_that_roco_lists(root: Path, tmp_path: Path, capsys):
    """From the owner's files and a licensed copy of the UMLS to a fit, by the commands of docs/knowledge.md."""
    base = find_base(str(root))
    listed = sorted({cui for file in concept_files(base) for ids in read_cuis(file).values() for cui in ids})
    write_umls(tmp_path / "META", {cui: "Chest radiograph" if cui == RADIOGRAPH else f"Name {cui}" for cui in listed})
    graph, links = tmp_path / "graph", tmp_path / "links.jsonl"
    build = ["--source", "umls", "--from", str(tmp_path / "META"), "--held-out", "0", "--width", "8", "--epochs", "2"]
    assert main(["knowledge", "build", *build, "--out", str(graph)]) == 0
    assert main(["knowledge", "link", "--from", str(root), "--graph", str(graph), "--out", str(links)]) == 0
    architecture = tmp_path / "arl.yaml"
    architecture.write_text(yaml.safe_dump(arl_architecture(**{"knowledge.graph": str(graph)}).to_dict()))
    chosen = [f"--model.init_args.architecture={architecture}", f"--model.init_args.linker={links}"]
    line = words("pretrain-arl-roco", root, tmp_path / "run", *chosen, "--trainer.max_steps=1")
    capsys.readouterr()
    assert main(["fit", *line]) == 0
    assert "linked ones" not in capsys.readouterr().err  # all captions were
    saved = backbones.load(tmp_path / "run" / "backbone")
    assert saved.info["trained_on"] == "roco"
    assert str(tmp_path) not in (tmp_path / "run" / "backbone" / "config.json").read_text()


def write_umls(folder: Path, names: dict[str, str]) -> None:
    """Both tables of a release with some concepts, each related to the next."""
    folder.mkdir()
    ids = list(names)
    related = zip(ids, [*ids[1:], ids[0]], strict=True)
    rows = [f"{tail}|A|CUI|RO|{head}|A|CUI|seen_with|R||SNOMEDCT_US||||N||\n" for head, tail in related]
    (folder / "MRREL.RRF").write_text("".join(rows))
    atoms = [f"{cui}|ENG|P|L|PF|S|Y|A||||SNOMEDCT_US|PT|1|{name}|0|N||\n" for cui, name in names.items()]
    (folder / "MRCONSO.RRF").write_text("".join(atoms))


def test_captions_of_roco_are_ranked_among_those_of_test(root: Path, tmp_path: Path):
    assert main(["test", *words("retrieval-roco", root, tmp_path, *FRESH)]) == 0
    table = pd.read_parquet(tmp_path / "predictions" / "retrieval.parquet")
    data = Roco(str(root), num_workers=0)
    data.check()
    assert set(table["sample_id"]) == {row.sample_id for row in data.rows("test")}
    assert set(table["direction"]) == {"i2t", "t2i"}
