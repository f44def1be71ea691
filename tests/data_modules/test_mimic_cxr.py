import gzip
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import torch

from gkmvlp.anatomy import REGION_INDEX, REGIONS, atlas
from gkmvlp.data_modules import MimicCxr
from gkmvlp.entities import ENTITIES, ENTITY_INDEX
from gkmvlp.errors import DataError


def module(tree, **kwargs) -> MimicCxr:
    options = {"image_size": 32, "batch_size": 2, "num_workers": 0} | kwargs
    return MimicCxr(str(tree.root), **options)


def ready(tree, **kwargs) -> MimicCxr:
    data = module(tree, **kwargs)
    data.setup("fit")
    return data


def first(tree) -> str:
    return next(iter(tree.split))


def table(tree, name: str, change) -> Path:
    path = tree.jpg / f"mimic-cxr-2.0.0-{name}.csv.gz"
    path.write_bytes(gzip.compress(change(gzip.decompress(path.read_bytes()).decode()).encode()))
    return path


def test_study_batch(mimic):
    mimic.write()
    data = ready(mimic)
    batch = next(iter(data.val_dataloader()))
    assert batch["sample_id"] == ["00000004-0-0-0-0"]
    assert batch["study_id"] == ["50000004"]
    assert batch["patient_id"] == ["10000004"]
    assert batch["text"] == ["Small left pleural effusion. No pneumothorax. Left effusion."]
    assert batch["status"].shape == (1, len(ENTITIES))
    assert batch["status"].dtype == torch.int8
    status = batch["status"][0]
    assert status[ENTITY_INDEX["pleural effusion"]] == 1
    assert status[ENTITY_INDEX["pneumothorax"]] == 0
    assert (status == -2).sum() >= len(ENTITIES) - 4
    assert {split: len(data.rows(split)) for split in ("train", "validate", "test")} == {
        "train": 4, "validate": 1, "test": 1,
    }  # fmt: skip
    assert data.texts() == ["Small left pleural effusion. No pneumothorax. Left effusion."] * 4


def test_boxes_lie_where_the_graph_says(mimic):
    dicom = list(mimic.split)[4]
    mimic.graphs[dicom] = mimic.graph(
        dicom, left_lung=[32, 12, 60, 36], spine=[-10, 0, 20, 60], carina=[5, 5, 5, 9], svc=[1, "x", 3, 4]
    )
    mimic.graphs[dicom]["objects"] += [
        {"bbox_name": "right lung", "original_x1": 2, "original_y1": 0, "original_x2": 10, "original_y2": 10},
        {"bbox_name": "left cardiac silhouette", "original_x1": 0},
    ]
    mimic.write()
    data = ready(mimic, region_boxes="dataset")
    batch = next(iter(data.val_dataloader()))
    # 64 x 48 pixels at scale 1/2 in a square of 32, 4 above.
    box, mask = batch["region_box"][0], batch["region_mask"][0]
    assert torch.allclose(box[REGION_INDEX["left lung"]], torch.tensor([16.0, 10, 30, 22]) / 32)
    assert torch.allclose(box[REGION_INDEX["spine"]], torch.tensor([0.0, 4, 10, 28]) / 32)
    lung = atlas()[REGION_INDEX["right lung"]] * [64, 48, 64, 48]
    union = torch.tensor([1.0, 4.0, max(float(lung[2]), 10) / 2, float(lung[3]) / 2 + 4]) / 32
    assert torch.allclose(box[REGION_INDEX["right lung"]], union, atol=1e-5)
    masked = [name for name, seen in zip(REGIONS, mask.tolist(), strict=True) if not seen]
    assert masked == ["svc", "carina"]
    assert data.manifest()["masked"] == {
        "region box has no area (masked)": 1,
        "region box is not four numbers (masked)": 1,
        "region box reaches out of the image (clipped)": 1,
        "region boxed twice (united)": 1,
    }


def test_smaller_copies_of_the_images_keep_their_boxes(mimic):
    mimic.write()
    whole = ready(mimic, region_boxes="dataset")
    for name in ("split", "metadata"):
        table(mimic, name, lambda text: text.replace(",48,64", ",480,640"))
    for dicom in mimic.split:
        mimic.graphs[dicom] = mimic.graph(dicom)
        for item in mimic.graphs[dicom]["objects"]:
            item.update({key: value * 10 for key, value in item.items() if key != "bbox_name"})
    tree = type(mimic)(mimic.root, mimic.split, graphs=mimic.graphs)
    tree.write()
    table(mimic, "metadata", lambda text: text.replace(",48,64", ",480,640"))
    small = ready(mimic, region_boxes="dataset")
    first, second = (next(iter(data.val_dataloader()))["region_box"] for data in (whole, small))
    assert torch.allclose(first, second, atol=1e-5)


def test_dropped_rows_have_reasons(mimic):
    ids = list(mimic.split)
    mimic.views = {ids[0]: "LATERAL", ids[1]: ""}
    mimic.split["9-0-0-0-0"] = ("50000009", "10000009", "train")
    mimic.split["8-0-0-0-0"] = ("50000008", "10000008", "train")
    mimic.reports = {
        "50000002": b" \n",
        "50000003": b" FINAL REPORT\n \n Left lower lobe opacity.\n",
        "50000008": " FINDINGS:  Caf\xe9 au lait. No effusion.\n".encode("latin-1"),
    }
    mimic.write()
    mimic.image("9-0-0-0-0").unlink()
    table(mimic, "metadata", lambda text: "".join(line for line in text.splitlines(True) if ids[3] not in line))
    data = ready(mimic)
    manifest = data.manifest()
    assert manifest["dropped"] == {
        "image file is missing": 1,
        "image without a metadata row": 1,
        "report is empty, or nothing is left of it": 1,
        "view LATERAL is not among PA, AP": 1,
        "view not given is not among PA, AP": 1,
    }
    assert manifest["masked"] == {"report is not UTF-8 (read as Windows-1252)": 1}
    assert [sample.sample_id for sample in data.rows("train")] == ["8-0-0-0-0"]
    assert "no effusion" in data.texts()[0].lower()
    assert any("image file is missing" in line and "9-0-0-0-0" in line for line in data.summary_lines())


def test_reports_without_sections_are_read_and_counted(mimic):
    mimic.reports = {"50000003": b" FINAL REPORT\n \n Left lower lobe opacity is new.\n"}
    mimic.write()
    data = ready(mimic)
    assert data.manifest()["masked"] == {"report without findings or impression (its last paragraph is read)": 1}
    assert "Left lower lobe opacity is new." in data.texts()


def test_one_section_alone(mimic, tmp_path: Path):
    """Text and statuses are those of the section; a report without it is dropped and counted; caches are kept apart."""
    mimic.reports = {
        "50000002": b" FINDINGS:  Left pneumothorax.\n IMPRESSION:  Right effusion.\n",
        "50000003": b" IMPRESSION:  Nodule.\n",
    }
    mimic.write()
    said = {}
    for sections in ("both", "findings", "impression"):
        data = ready(mimic, sections=sections, cache_dir=str(tmp_path / "cache"))
        rows = {row.fields["study_id"]: row.fields for row in data.samples}
        present = {
            study: sorted(ENTITIES[e].name for e in (row["status"] == 1).nonzero()[0]) for study, row in rows.items()
        }
        said[sections] = rows["50000002"]["text"], present["50000002"], present.get("50000003")
        dropped = data.manifest()["dropped"].get("report without the section that is read", 0)
        assert (dropped > 0) == ("50000003" not in rows)
    assert said == {
        "both": ("Left pneumothorax. Right effusion.", ["pleural effusion", "pneumothorax"], ["nodule"]),
        "findings": ("Left pneumothorax.", ["pneumothorax"], None),
        "impression": ("Right effusion.", ["pleural effusion"], ["nodule"]),
    }
    assert len(list((tmp_path / "cache").glob("reports-*.parquet"))) == 3


def test_plain_csv_unpacked_reports_and_dicoms(mimic, shared_data: Path):
    mimic.write()
    packed = ready(mimic)
    for name in ("split", "metadata"):
        path = mimic.jpg / f"mimic-cxr-2.0.0-{name}.csv.gz"
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    release = mimic.root / "mimic-cxr" / "2.1.0"
    with ZipFile(release / "mimic-cxr-reports.zip") as file:
        file.extractall(release)
    (release / "mimic-cxr-reports.zip").unlink()
    dicom = list(mimic.split)[4]
    jpg = mimic.image(dicom)
    original = release / jpg.relative_to(mimic.jpg).with_suffix(".dcm")
    original.parent.mkdir(parents=True, exist_ok=True)
    original.write_bytes((shared_data / "dicom" / "rsna_original.dcm").read_bytes())
    jpg.unlink()
    # A PhysioNet wget copy.
    (mimic.root / "physionet.org").mkdir()
    (mimic.root / "files").mkdir()
    for name in ("mimic-cxr", "mimic-cxr-jpg", "chest-imagenome"):
        (mimic.root / name).rename(mimic.root / "files" / name)
    (mimic.root / "files").rename(mimic.root / "physionet.org" / "files")
    data = ready(mimic)
    assert data.texts() == packed.texts()
    assert data.split_name == packed.split_name
    assert data.rows("validate")[0].image.endswith(".dcm")
    batch = next(iter(data.val_dataloader()))
    side = batch["image"].shape[-1]
    scale_x, scale_y, *_, width, height = batch["letterbox"][0].tolist()
    assert (width, height) == mimic.size[::-1]  # boxes are measured in the size that the table gives
    assert (scale_x * width, scale_y * height) == pytest.approx((side, side))  # the DICOM itself is square


def test_label_cache_repeats(mimic, tmp_path: Path):
    mimic.write()
    folder = str(tmp_path / "cache")
    fresh, cached, plain = ready(mimic, cache_dir=folder), ready(mimic, cache_dir=folder), ready(mimic)
    assert len(list(Path(folder).glob("reports-*.parquet"))) == 1
    for one, two, three in zip(fresh.samples, cached.samples, plain.samples, strict=True):
        for other in (two, three):
            assert one.fields["text"] == other.fields["text"]
            assert np.array_equal(one.fields["status"], other.fields["status"])


def test_no_scene_graphs_means_the_atlas_and_a_word(mimic):
    mimic.write()
    (mimic.root / "chest-imagenome" / "1.0.0" / "silver_dataset" / "scene_graph.zip").unlink()
    data = ready(mimic)
    assert any("regions come from the atlas" in line for line in data.summary_lines())
    assert next(iter(data.train_dataloader()))["region_mask"].any()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda t: t.root.rename(t.root.parent / "gone"), ["mimic-cxr-jpg", "physionet.org"]),
        (lambda t: (t.jpg / "mimic-cxr-2.0.0-split.csv.gz").unlink(), ["split.csv.gz", "physionet.org"]),
        (lambda t: (t.jpg / "mimic-cxr-2.0.0-metadata.csv.gz").unlink(), ["metadata.csv.gz"]),
        (lambda t: (t.root / "mimic-cxr/2.1.0/mimic-cxr-reports.zip").unlink(), ["mimic-cxr-reports.zip"]),
        (lambda t: (t.root / "mimic-cxr/2.1.0/mimic-cxr-reports.zip").write_bytes(b"x"), ["reports.zip", "fetch it"]),
        (lambda t: table(t, "metadata", lambda s: s.replace("ViewPosition", "View")), ["metadata", "'ViewPosition'"]),
        (lambda t: table(t, "split", lambda s: s + s.splitlines()[1] + "\n"), ["split", "twice"]),
        (lambda t: table(t, "metadata", lambda s: s + s.splitlines()[1] + "\n"), ["metadata", "twice"]),
        (lambda t: table(t, "split", lambda s: s.replace("validate", "held")), ["split", "'held'", "validate"]),
        (lambda t: table(t, "split", lambda s: s.replace("10000005", "10000000")), ["10000000", "and in t", "split"]),
    ],
)  # fmt: skip
def test_broken_corpora_stop_with_one_line(mimic, spoil, told):
    mimic.write()
    spoil(mimic)
    with pytest.raises(DataError) as caught:
        ready(mimic)
    message = str(caught.value)
    assert "\n" not in message
    for word in told:
        assert word in message


@pytest.mark.parametrize("name", ["val", "valid", "Validation", "DEV"])
def test_splits_in_other_words_are_those_of_the_official_file(mimic, name):
    mimic.write()
    expected = ready(mimic).manifest()["hash"]
    table(mimic, "split", lambda text: text.replace("validate", name).replace("train", "TRAIN"))
    assert ready(mimic).manifest()["hash"] == expected


def test_duplicate_is_named(mimic):
    mimic.write()
    table(mimic, "split", lambda text: text + text.splitlines()[1] + "\n")
    with pytest.raises(DataError, match=first(mimic)):
        ready(mimic)


def test_nothing_left(mimic):
    mimic.views = dict.fromkeys(mimic.split, "LL")
    mimic.write()
    with pytest.raises(DataError, match=r"nothing is left.*view LL"):
        ready(mimic)


def test_a_study_of_two_patients_is_an_error(mimic):
    """Their images would share a report."""
    first_id, second_id = list(mimic.split)[:2]
    mimic.split[second_id] = (mimic.split[first_id][0], mimic.split[second_id][1], "train")
    mimic.write()
    with pytest.raises(DataError, match=r"split\.csv\.gz gives study '50000000' to two patients"):
        ready(mimic)


def test_views_are_asked_for_and_given_in_any_spelling(mimic):
    ids = list(mimic.split)
    mimic.views = {ids[0]: "pa", ids[1]: "ANTEROPOSTERIOR", ids[2]: "Lateral"}
    mimic.write()
    data = ready(mimic, views=("AP", "posteroanterior"))
    assert {sample.sample_id: sample.view for sample in data.samples if sample.sample_id in ids[:3]} == {
        ids[0]: "PA",
        ids[1]: "AP",
    }
