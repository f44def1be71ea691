import json
import shutil
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gkmvlp.app.cli import main
from gkmvlp.checkpoints.backbone import patient_hash
from gkmvlp.data_modules import ChestXray14, MimicCxr, RsnaPneumonia
from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.inspection import audit as audit_module
from gkmvlp.data_modules.inspection.audit import audit, lines
from gkmvlp.data_modules.inspection.check import describe
from gkmvlp.data_modules.inspection.thumbnails import Thumbnails, comparable, same_images
from gkmvlp.data_modules.pipeline.images import read_image
from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.data_modules.synthetic import chest_xray14, rsna_pneumonia


def picture(seed: int, size: tuple[int, int] = (80, 64), quality: int = 95) -> bytes:
    """A smooth picture; the same seed at another size or quality is a copy."""
    coarse = np.random.default_rng(seed).integers(0, 255, (5, 4)).astype(np.uint8)
    file = BytesIO()
    Image.fromarray(coarse).resize((400, 320), Image.Resampling.BICUBIC).resize(size).save(
        file, "JPEG", quality=quality
    )
    return file.getvalue()


class Toy(DataModule):
    """Rows given as (sample id, patient id, image, split)."""

    split_label = "legacy-leaky"

    def __init__(self, name: str, rows: list[tuple], space: str = "") -> None:
        super().__init__(dataset_name=name, num_workers=0, image_size=32)
        self.given, self.patient_space = rows, space
        self.check()

    def read_samples(self) -> list[Sample]:
        return [Sample(name, patient, image, "PA", split) for name, patient, image, split in self.given]

    def texts(self) -> list[str]:
        return []


def told(*sources: DataModule) -> dict:
    """(kind, first, second) -> count and examples."""
    found = audit(sources)["overlaps"]
    return {(o["kind"], o["first"], o["second"]): (o["count"], o["examples"]) for o in found}


def test_patients_and_images_of_a_leaky_split_are_named():
    rows = [("a", "1", picture(1), "train"), ("b", "2", picture(2), "train"), ("c", "1", picture(3), "test"),
            ("d", "3", picture(2, (50, 50), 40), "test"), ("e", "3", picture(4), "validate")]  # fmt: skip
    train, validate, test = (f"toy legacy-leaky {split}" for split in ("train", "validate", "test"))
    assert told(Toy("toy", rows)) == {
        ("patients", train, test): (1, ["1"]),
        ("images", train, test): (1, ["b = d"]),
        ("patients", validate, test): (1, ["3"]),
    }


def test_other_numbering_of_patients_is_not_compared_and_images_are():
    first = [("a", "1", picture(1), "train"), ("b", "2", picture(2), "test")]
    second = [("x", "1", picture(2, quality=30), "train")]
    sides = "one legacy-leaky train", "two legacy-leaky train"
    images = {("images", "one legacy-leaky test", sides[1]): (1, ["b = x"])}
    for spaces, is_compared in ((("nih", "mimic"), False), (("nih", "nih"), True), (("nih", ""), True)):
        found = told(Toy("one", first, spaces[0]), Toy("two", second, spaces[1]))
        assert found == images | ({("patients", *sides): (1, ["1"])} if is_compared else {})


def test_copies_are_found_and_others_are_not():
    originals = [picture(seed) for seed in range(40)]
    copies = [picture(seed, (50, 90), 60) for seed in range(20, 60)]
    flat = BytesIO()
    Image.fromarray(np.full((40, 40), 9, np.uint8)).save(flat, "PNG")
    thumbnails = Thumbnails([*originals, *copies, flat.getvalue(), b"no image"], 1)
    assert list(thumbnails.bad) == [flat.getvalue(), b"no image"]  # a blank picture is none either
    known = thumbnails.all()
    first, second = (comparable([known[source] for source in sources]) for sources in (originals, copies))
    naive = [(a, b) for a in range(40) for b in range(40) if float(np.dot(first[a], second[b])) > 0.999]
    assert same_images(first, second) == naive == [(seed, seed - 20) for seed in range(20, 40)]


class Captioned(Toy):
    has_captions = True


def test_copies_under_other_names_and_captions_on_two_sides_are_counted_by_check_too():
    sides = ("train", "train", "test", "test")
    pictures = (picture(1), picture(2), picture(1, (50, 90), 60), picture(3))
    rows = [(str(n), str(n), image, side) for n, (image, side) in enumerate(zip(pictures, sides, strict=True))]
    toy = Captioned("toy", rows)
    captions = ("A scan.", "Cells in a dish.", "Bands of  a blot.", "a SCAN.")
    toy.samples = [replace(row, fields={"text": text}) for row, text in zip(toy.samples, captions, strict=True)]
    wanted = [("images", 1, 2, 2, ["0 = 2"]), ("texts", 1, 2, 2, ["'a scan.'"])]
    for found in (audit([toy])["overlaps"], describe(toy, False)["overlaps"]):
        keys = ("kind", "count", "of_first", "of_second", "examples")
        assert [tuple(one[key] for key in keys) for one in found] == wanted
    reports = Toy("toy", rows)  # which are alike in many studies
    reports.samples = toy.samples
    told = audit([reports])
    assert [one["kind"] for one in told["overlaps"]] == ["images"]
    assert "texts" not in " ".join(lines(told))


def test_many_images_are_compared_only_when_asked(monkeypatch):
    rows = [("a", "1", picture(1), "train"), ("b", "2", picture(1, (40, 40)), "test"), ("c", "3", b"broken", "test")]
    monkeypatch.setattr(audit_module, "AUTO_IMAGES", 2)
    found = audit([Toy("toy", rows)])
    assert not found["overlaps"]
    assert any("--images" in line for line in lines(found))
    found = audit([Toy("toy", rows)], images="all")
    assert [overlap["examples"] for overlap in found["overlaps"]] == [["a = b"]]
    assert list(found["unreadable"]) == ["c"]
    assert "no patients on two sides" in lines(found)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("phantoms")
    chest_xray14.write(folder, 40, 3, 96)
    rsna_pneumonia.write(folder, 12, 3, 96)
    return folder


def test_rsna_is_found_inside_nih(root: Path, tmp_path: Path, capsys):
    words = ["data", "audit", "ChestXray14", "RsnaPneumonia", "--root", str(root), "--out", str(tmp_path), "--json"]
    assert main(words) == 0
    found = {(o["kind"], o["first"], o["second"]): o["count"] for o in json.loads(capsys.readouterr().out)["overlaps"]}
    nih, rsna = (kind(str(root), num_workers=0) for kind in (ChestXray14, RsnaPneumonia))
    nih.check()
    rsna.check()
    expected = {}
    for one in ("train", "validate", "test"):
        for two in ("train", "validate", "test"):
            shared = {row.patient_id for row in nih.rows(one)} & {row.patient_id for row in rsna.rows(two)}
            if shared:
                expected["patients", f"chestxray14 official {one}", f"rsna-pneumonia patient {two}"] = len(shared)
    assert {key: count for key, count in found.items() if key[0] == "patients"} == expected != {}
    images = sum(count for key, count in found.items() if key[0] == "images")
    known = {row.patient_id for row in nih.samples}
    assert images >= sum(row.patient_id in known for row in rsna.samples) > 0


def test_manifests_are_written_once_and_must_match(root: Path, tmp_path: Path, capsys):
    copy, out = tmp_path / "data", tmp_path / "out"
    shutil.copytree(root, copy)
    words = ["data", "audit", "ChestXray14", "--root", str(copy), "--out", str(out)]
    assert main(words) == 0
    kept = json.loads((out / "chestxray14-official.json").read_text())
    assert kept["split"] == "official"
    assert len(kept["members"]["train"]) == kept["rows"]["train"] > 0
    assert json.loads((out / "audit.json").read_text())["manifests"] == [str(out / "chestxray14-official.json")]
    assert main(words) == 0
    capsys.readouterr()
    next((copy / "chestxray14" / "images").iterdir()).unlink()
    assert main(words) == 1
    error = capsys.readouterr().err
    assert "does not match the files: 1 of its images are gone" in error
    assert error.count("\n") == 1
    for other in ("{", "[]", '{"schema": 9}'):
        (out / "chestxray14-official.json").write_text(other)
        assert main(words) == 1
        error = capsys.readouterr().err
        assert "chestxray14-official.json is no manifest" in error
        assert error.count("\n") == 1


def with_patients(backbone: Path, folder: Path, patients: list[str] | None) -> Path:
    """A copy of a backbone that says it has seen these patients."""
    shutil.copytree(backbone, folder)
    config = json.loads((folder / "config.json").read_text())
    config.pop("patients")
    config |= {} if patients is None else {"patients": [patient_hash(name) for name in patients]}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_test_patients_in_pretraining_are_an_error(phantoms: Path, pretrained: Path, tmp_path: Path, capsys):
    named = ["--dataset_name", "phantom-mimic-cxr"]  # as the config calls them
    words = ["data", "audit", "MimicCxr", "--root", str(phantoms), "--out", str(tmp_path / "out"), "--json", *named]
    assert main([*words, "--backbone", str(pretrained / "backbone")]) == 0
    data = MimicCxr(str(phantoms), num_workers=0)
    data.check()
    patients = {split: sorted({row.patient_id for row in data.rows(split)}) for split in ("train", "validate", "test")}
    (source,) = json.loads(capsys.readouterr().out)["sources"]
    assert source["in_pretraining"] == {"train": patients["train"], "validate": [], "test": []}
    leaky = with_patients(pretrained / "backbone", tmp_path / "leaky", patients["test"][:1])
    assert main([*words, "--backbone", str(leaky)]) == 1
    shown = capsys.readouterr()
    assert json.loads(shown.out)["sources"][0]["in_pretraining"]["test"] == patients["test"][:1]
    assert patients["test"][0] in shown.err
    assert "pre-train without them" in shown.err
    assert shown.err.count("\n") == 1
    silent = with_patients(pretrained / "backbone", tmp_path / "silent", None)
    assert main([*words, "--backbone", str(silent)]) == 1
    assert "does not say which patients" in capsys.readouterr().err


def test_a_backbone_of_phantoms_alone_has_seen_no_patient_of_the_same_number(
    phantoms: Path, pretrained: Path, tmp_path: Path, capsys
):
    words = ["data", "audit", "MimicCxr", "--root", str(phantoms), "--out", str(tmp_path / "out"), "--json"]
    assert main([*words, "--backbone", str(pretrained / "backbone")]) == 0
    (source,) = json.loads(capsys.readouterr().out)["sources"]
    assert source["in_pretraining"] == {"train": [], "validate": [], "test": []}


def test_the_real_subsets_share_no_patient_and_no_image(shared_data: Path, tmp_path: Path, capsys, monkeypatch):
    monkeypatch.setattr(audit_module, "AUTO_IMAGES", 0)
    words = ["data", "audit", "ChestXray14", "RsnaPneumonia", "--root", str(shared_data), "--out", str(tmp_path)]
    assert main(words) == 0
    assert "no patients on two sides" in capsys.readouterr().out
    files = sorted((shared_data / "chestxray14/images").iterdir())[::9]
    files += sorted((shared_data / "rsna_pneumonia").rglob("*.dcm"))[::9]
    copies = []
    for file in files[::10]:
        copy = BytesIO()
        Image.fromarray(read_image(file)).resize((224, 224)).save(copy, "JPEG", quality=75)
        copies.append(copy.getvalue())
    sources = [*map(str, files), *copies]
    known = Thumbnails(sources, 2).all()
    found = same_images(*[comparable([known[source] for source in sources])] * 2)
    places = [*range(len(files)), *range(0, len(files), 10)]
    assert found == [(a, b) for a, one in enumerate(places) for b, two in enumerate(places) if one == two]
