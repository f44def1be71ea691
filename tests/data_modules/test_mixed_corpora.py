"""MixedCorpora: rows of several corpora, drawn by weight, each with its own ledger and manifest."""

import json
from collections import Counter
from pathlib import Path

import pytest
import yaml

from gkmvlp.app.cli import main
from gkmvlp.app.running.configs import by_name
from gkmvlp.data_modules import DataModule, MixedCorpora, OpenI, Roco, VqaMed2019
from gkmvlp.data_modules.inspection.check import build
from gkmvlp.data_modules.synthetic import openi, roco, vqa_med_2019
from gkmvlp.errors import ConfigError, DataError
from tests.tiny import options

OPTIONS = {"image_size": 32, "num_workers": 0, "batch_size": 4}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mixed")
    roco.write(folder, 30, 1, size=32)
    openi.write(folder, 20, 1, size=32)
    vqa_med_2019.write(folder, 8, 1, size=32)
    return folder


def corpora(root: Path, **more: DataModule) -> dict[str, DataModule]:
    return {"figures": Roco(str(root)), "reports": OpenI(str(root), split="patient"), **more}


def ready(root: Path, **kwargs) -> MixedCorpora:
    data = MixedCorpora(corpora(root), **OPTIONS | kwargs)
    data.setup("fit")
    return data


def test_rows_are_those_of_all_corpora(root: Path):
    data = ready(root)
    for split in ("train", "validate", "test"):
        expected = {}
        for name, corpus in corpora(root).items():
            corpus.check()
            expected |= {f"{name}/{row.sample_id}": row for row in corpus.rows(split)}
        rows = {row.sample_id: row for row in data.rows(split)}
        assert rows.keys() == expected.keys()
        for name, row in rows.items():
            assert (row.image, row.patient_id) == (expected[name].image, expected[name].patient_id)
            assert row.fields["text"] == expected[name].fields["text"]
    assert data.name == "roco+openi"
    assert data.split_label == "official+patient"
    assert data.credentialed  # as Open-i is


def test_an_epoch_draws_by_weight(root: Path):
    data = ready(root, weights={"figures": 1, "reports": 3}, batch_size=1, augmentation_strength=0.0)
    total = len(data.rows("train"))
    names = Counter(batch["sample_id"][0].partition("/")[0] for batch in data.train_dataloader())
    assert names.total() == total
    assert abs(names["reports"] - 0.75 * total) <= 1
    plain = ready(root, batch_size=1)
    seen = [batch["sample_id"][0] for batch in plain.train_dataloader()]
    assert sorted(seen) == sorted(row.sample_id for row in plain.rows("train"))


def test_each_corpus_has_its_own_ledger_and_manifest(root: Path):
    data = ready(root, weights={"figures": 1, "reports": 1})
    told = data.manifest()["corpora"]
    for name, corpus in corpora(root).items():
        corpus.check()
        assert told[name] == corpus.manifest()
        assert corpus.ledger.lines() or name == "reports"
        for line in corpus.ledger.lines():
            assert f"{name}: {line}" in data.summary_lines()
    half = len(data.rows("train")) / 2
    lines = [line for line in data.summary_lines() if "an epoch draws" in line]
    counts = [int(line.split(" draws ")[1].split(" of ")[0].replace(",", "")) for line in lines]
    assert counts == [int(half + 0.5), int(half)]


def test_an_unreadable_image_is_counted_by_its_corpus(root: Path, tmp_path: Path):
    roco.write(tmp_path, 30, 1, size=32)
    image = min((tmp_path / "roco/data/train/radiology/images").iterdir())
    image.write_bytes(b"no picture")
    mixture = {"figures": Roco(str(tmp_path)), "reports": OpenI(str(root))}
    data = MixedCorpora(mixture, **OPTIONS, on_unreadable="drop")
    data.setup("fit")
    assert f"figures/{image.stem}" not in {row.sample_id for row in data.samples}
    assert image.stem in str(mixture["figures"].ledger.examples)
    assert data.manifest()["corpora"]["figures"]["rows"]["train"] == sum(
        row.sample_id.startswith("figures/") for row in data.rows("train")
    )


def test_a_name_of_phantoms_stands_last(root: Path):
    mixture = {"a": Roco(str(root), dataset_name="phantom-roco"), "b": OpenI(str(root))}
    assert MixedCorpora(mixture).name == "openi+phantom-roco"


def test_an_empty_corpus_is_refused_in_one_line(root: Path, tmp_path: Path):
    roco.write(tmp_path, 10, 1, size=32)
    for image in tmp_path.glob("roco/data/train/radiology/images/*"):
        image.unlink()
    with pytest.raises(DataError, match=r"corpora: figures has no train rows \(.*image file is missing") as told:
        MixedCorpora({"figures": Roco(str(tmp_path)), "reports": OpenI(str(root))}, **OPTIONS).check()
    assert "\n" not in str(told.value)
    for image in tmp_path.glob("roco/data/*/*/images/*"):
        image.unlink()
    whole = r"corpora: figures: roco: nothing is left; dropped 10: image file is missing.*mend it, or leave it out$"
    with pytest.raises(DataError, match=whole):
        MixedCorpora({"figures": Roco(str(tmp_path)), "reports": OpenI(str(root))}, **OPTIONS).check()
    with pytest.raises(DataError, match=r"corpora: figures: no train/radiology/captions\.txt.*leave it out$"):
        MixedCorpora({"figures": Roco(str(tmp_path / "gone"))}, **OPTIONS).check()


def test_a_patient_on_two_sides_of_two_corpora_is_refused(root: Path):
    mixture = {"a": OpenI(str(root), split="patient"), "b": OpenI(str(root), split="r2gen")}
    with pytest.raises(DataError, match=r"patient CXR\d+ is in .* of openi and openi"):
        MixedCorpora(mixture, **OPTIONS).check()


def test_questions_are_no_corpus(root: Path):
    with pytest.raises(ConfigError, match="corpora: asked is of VqaMed2019, which has no texts"):
        MixedCorpora(corpora(root, asked=VqaMed2019(str(root))), **OPTIONS).check()


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({"figures": 1}, "weights: one for each of figures, reports was expected; reports"),
        ({"figures": 1, "reports": 1, "more": 1}, "more does not fit"),
        ({"figures": 0, "reports": 1}, "weights: figures must be above 0, got 0"),
        ({"figures": 1, "reports": float("nan")}, "weights: reports must be above 0, got nan"),
    ],
)
def test_weights_that_do_not_fit_are_refused(root: Path, weights: dict[str, float], expected: str):
    with pytest.raises(ConfigError, match=expected):
        MixedCorpora(corpora(root), weights)


def test_names_that_do_not_fit_are_refused(root: Path):
    with pytest.raises(ConfigError, match="one or more of name"):
        MixedCorpora({})
    with pytest.raises(ConfigError, match="without a slash was expected, got 'a/b'"):
        MixedCorpora({"a/b": Roco(str(root))})


def test_a_config_pre_trains_on_it_and_is_checked(root: Path, tmp_path: Path, capsys):
    mixture = {
        "figures": {"class_path": "Roco", "init_args": {"root": str(root)}},
        "reports": {"class_path": "OpenI", "init_args": {"root": str(root)}},
    }
    data = {"class_path": "MixedCorpora", "init_args": {"corpora": mixture, "weights": {"figures": 2, "reports": 1}}}
    data["init_args"] |= OPTIONS
    config = tmp_path / "own.yaml"
    told = yaml.safe_load(by_name("pretrain-phantom").read_text())
    told["model"]["init_args"].pop("architecture")  # the tiny one is named
    config.write_text(yaml.safe_dump({**told, "data": data}))
    assert build(str(config), config, None).corpora.keys() == mixture.keys()
    assert main(["data", "check", str(config)]) == 0
    assert "figures: dropped 2: text has under 3 words" in capsys.readouterr().out
    line = ["fit", f"--config={config}", f"--trainer.default_root_dir={tmp_path / 'run'}", *options()]
    assert main(line) == 0
    assert (tmp_path / "run" / "backbone" / "config.json").is_file()
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["corpora"].keys() == mixture.keys()
