"""MixedQuestions: the main data set's figures, with training questions of others."""

from dataclasses import replace
from pathlib import Path

import pytest

from gkmvlp.data_modules import MixedQuestions, OpenI, Slake, VqaMed2019, VqaRad
from gkmvlp.data_modules.questions import QuestionDataModule
from gkmvlp.data_modules.synthetic import slake, vqa_med_2019, vqa_rad
from gkmvlp.errors import ConfigError, DataError

OPTIONS = {"image_size": 32, "num_workers": 0, "batch_size": 4}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mixed-questions")
    vqa_rad.write(folder, 12, 1, size=32)
    slake.write(folder, 12, 1, size=32)
    vqa_med_2019.write(folder, 8, 1, size=32)
    return folder


def ready(main: QuestionDataModule, **further: QuestionDataModule) -> MixedQuestions:
    data = MixedQuestions(main, further, **OPTIONS)
    data.setup("fit")
    return data


def test_only_training_gets_rows(root: Path):
    alone, slake_alone = VqaRad(str(root)), Slake(str(root))
    alone.check()
    slake_alone.check()
    data = ready(VqaRad(str(root)), slake=Slake(str(root)))
    for split in ("validate", "test"):
        assert list(data.rows(split).values("sample_id")) == list(alone.rows(split).values("sample_id"))
    added = [f"slake/{name}" for name in slake_alone.rows("train").values("sample_id")]
    assert list(data.rows("train").values("sample_id")) == [*alone.rows("train").values("sample_id"), *added]
    assert (data.name, data.split_label) == ("vqa-rad", "official+slake")
    assert set(data.answers()) == set(alone.answers()) | {row.fields["answer"] for row in slake_alone.rows("train")}
    assert data.manifest()["parts"]["slake"] == slake_alone.manifest()


@pytest.mark.parametrize("data", ["main", "slake", "mixed"])
def test_a_legacy_vocabulary_is_of_one_data_set(root: Path, data: str):
    main = VqaRad(str(root), legacy_vocabulary=data == "main")
    further = {"slake": Slake(str(root), legacy_vocabulary=data == "slake")}
    with pytest.raises(ConfigError, match="legacy_vocabulary is of one data set alone"):
        MixedQuestions(main, further, legacy_vocabulary=data == "mixed", **OPTIONS)


def test_a_batch_holds_questions_of_both(root: Path):
    data = ready(VqaRad(str(root)), slake=Slake(str(root)))
    batches = list(data.train_dataloader())
    names = [name for batch in batches for name in batch["sample_id"]]
    assert {name.startswith("slake/") for name in names} == {True, False}
    assert len(names) == len(set(names)) >= len(data.rows("train")) - OPTIONS["batch_size"] + 1
    for batch in batches:
        assert batch["image"].shape == (len(batch["question"]), 1, 32, 32)
        for name, image in zip(batch["sample_id"], batch["image_id"], strict=True):
            assert name.startswith("slake/") == image.startswith("slake/")


def test_no_image_that_is_held_out_is_trained_on(root: Path):
    english, chinese = (Slake(str(root), language=language) for language in ("en", "zh"))
    data = ready(english, zh=chinese)
    held = {row.fields["image_id"] for split in ("validate", "test") for row in english.rows(split)}
    theirs = list(chinese.rows("train"))
    shared = [row for row in theirs if row.fields["image_id"] in held]
    assert shared  # each language is split on its own
    kept = [name for name in data.rows("train").values("sample_id") if name.startswith("zh/")]
    assert kept == [f"zh/{row.sample_id}" for row in theirs if row not in shared]
    assert f"dropped {len(shared)}: zh: image or patient is held out by the main data set" in str(data.ledger_lines())


def test_an_image_is_known_by_another_suffix(root: Path):
    """VQA-RAD and VQA-Med-2019 both show images of MedPix, under its names."""
    main, other = VqaRad(str(root)), VqaMed2019(str(root))
    main.check()
    other.check()
    test_image = main.rows("test")[0].fields["image_id"]
    twin = other.rows("train")[0]
    renamed = replace(twin, fields={**twin.fields, "image_id": Path(test_image).with_suffix(".JPEG").name})
    other.samples = [renamed, *list(other.rows("train"))[1:]]
    data = ready(main, med=other)
    assert f"med/{twin.sample_id}" not in set(data.rows("train").values("sample_id"))


def test_a_data_set_without_rows_or_questions_is_refused_in_one_line(root: Path):
    with pytest.raises(ConfigError, match="further: one or more of name: DataModule were expected"):
        MixedQuestions(VqaRad(str(root)), {})
    with pytest.raises(ConfigError, match="pairs is of OpenI, which has no questions: leave it out"):
        MixedQuestions(VqaRad(str(root)), {"pairs": OpenI(str(root))})  # type: ignore[dict-item]
    with pytest.raises(ConfigError, match="a name without a slash was expected, got 'a/b'"):
        MixedQuestions(VqaRad(str(root)), {"a/b": Slake(str(root))})
    with pytest.raises(DataError, match=r"slake: .*; mend it, or leave it out"):
        MixedQuestions(VqaRad(str(root)), {"slake": Slake(str(root / "gone"))}).check()
    with pytest.raises(DataError, match=r"slake has no train rows \(.*mend it, or leave it out") as told:
        MixedQuestions(VqaRad(str(root)), {"slake": Slake(str(root), split="all-test")}).check()
    assert "\n" not in str(told.value)
