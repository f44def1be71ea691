"""Whatever a table holds, a DataModule gives rows or one line of ``DataError``: look-alike tables, spoilt at random."""

import bz2
import csv
import gzip
import json
import random
import shutil
import string
from collections.abc import Callable
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pyarrow import parquet

from gkmvlp.anatomy import REGIONS
from gkmvlp.data_modules import (
    ChestXray14,
    DataModule,
    ImaGenomeGold,
    ImageReportPairs,
    Medicat,
    Melinda,
    MimicCxr,
    MsCxr,
    OpenI,
    Roco,
    RsnaPneumonia,
    Slake,
    VqaMed2019,
    VqaRad,
)
from gkmvlp.data_modules.pipeline.detected_regions import write_regions
from gkmvlp.data_modules.pipeline.splits import SPLITS
from gkmvlp.data_modules.synthetic import (
    chest_xray14,
    medicat,
    melinda,
    mimic_cxr,
    ms_cxr,
    openi,
    roco,
    rsna_pneumonia,
    slake,
    vqa_med_2019,
    vqa_rad,
)
from gkmvlp.errors import DataError

GOLD = "chest-imagenome/1.0.0/gold_dataset"
OPTIONS: dict[str, Any] = {"num_workers": 0, "image_size": 16, "augmentation_strength": 0.0}
# name -> the class, and the table below the corpus (a pattern with one match)
TABLES: dict[str, tuple[type[DataModule], str]] = {
    "pairs": (ImageReportPairs, "pairs/pairs.csv"),
    "regions": (ImageReportPairs, "pairs/regions.parquet"),
    "mimic split": (MimicCxr, "mimic-cxr-jpg/*/mimic-cxr-2.0.0-split.csv*"),
    "mimic metadata": (MimicCxr, "mimic-cxr-jpg/*/mimic-cxr-2.0.0-metadata.csv*"),
    "gold boxes": (ImaGenomeGold, f"{GOLD}/*.csv"),
    "gold attributes": (ImaGenomeGold, f"{GOLD}/*.txt"),
    "ms-cxr csv": (MsCxr, "ms-cxr/*/*.csv"),
    "ms-cxr json": (MsCxr, "ms-cxr/*/*.json"),
    "nih entries": (ChestXray14, "chestxray14/Data_Entry_2017*.csv"),
    "nih boxes": (ChestXray14, "chestxray14/BBox_List_2017.csv"),
    "nih list": (ChestXray14, "chestxray14/test_list.txt"),
    "roco captions": (Roco, "roco/data/train/radiology/captions.txt"),
    "roco licences": (Roco, "roco/data/train/radiology/licences.txt"),
    "medicat figures": (Medicat, "medicat/release/*.jsonl"),
    "melinda": (Melinda, "melinda/train.csv"),
    "rsna labels": (RsnaPneumonia, "rsna_pneumonia/stage_2_train_labels.csv"),
    "rsna classes": (RsnaPneumonia, "rsna_pneumonia/stage_2_detailed_class_info.csv"),
    "rsna mapping": (RsnaPneumonia, "rsna_pneumonia/*.json"),
    "openi annotation": (OpenI, "openi/annotation.json"),
    "openi projections": (OpenI, "openi/indiana_projections.csv"),
    "openi kaggle": (OpenI, "kaggle/indiana_reports.csv"),
    "slake questions": (Slake, "slake/train.json"),
    "slake boxes": (Slake, "slake/imgs/xmlab0/detection.json"),
    "vqa-med training": (VqaMed2019, "vqa-med-2019/*Training/QAPairsByCategory/C3_Organ_train.txt"),
    "vqa-med answers": (VqaMed2019, "vqa-med-2019/VQAMed2019Test/*_Answers.txt"),
    "vqa official": (VqaRad, "vqa-rad/*.json"),
    "vqa mevf": (VqaRad, "mevf/trainset.json"),
    "vqa valset": (VqaRad, "mevf/valset.json"),
    "vqa parquet": (VqaRad, "hugging/data/train-00000-of-00002.parquet"),
}
NASTY = ["", " ", "nan", "NULL", "None", "NA", "-1", "0", "1e400", "inf", "-inf", "12.0", "1,5", "0x10", "True", '"',
         "a\nb", "\0", "\x1b[0m", "\u2028", "../..", "/", "x" * 300, "pa", "Frontal", "LATERAL", "train", "test", "\\",
         "\U0001f600", "\ufeff", "0000", "2024-01-01", "=1+1", "é", "\ud800", "\udcff", ".", "a/b", "p1"]  # fmt: skip
ODD = [None, True, 0, -1, 2.5, float("nan"), float("inf"), 10**400, [], [1], {}, {"bytes": None}, {"bytes": b"x"},
       b"\xff", "text", [1.0] * 116, [float("nan")] * 116, [0.5] * 29]  # fmt: skip
KEPT = ['="{}"', "'{}", "{},000", "{}.0", "{}E+05", "-{}", " {}\u00a0", "C:\\{}", "/home/ann/{}", "%20{}"]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All layouts at 16 px, each with a few rows."""
    root = tmp_path_factory.mktemp("any") / "data"
    mimic_cxr.write(root, 6, 0, size=16)
    ms_cxr.write(root)
    for module, count in ((chest_xray14, 3), (rsna_pneumonia, 4), (vqa_rad, 3)):
        module.write(root, count, 0, size=16)
    openi.write(root, openi.LEAST, 0, size=16)
    shutil.copytree(root / "openi", root / "kaggle", ignore=shutil.ignore_patterns("ecgen-radiology"))
    for writer in (slake, vqa_med_2019, roco, medicat, melinda):
        writer.write(root, writer.LEAST, 0, size=16)
    _write_gold(root)
    _write_pairs(root / "pairs")
    _write_copies(root)
    return root


def _write_gold(root: Path) -> None:
    split = pd.read_csv(next(root.glob("mimic-cxr-jpg/*/*split.csv*")), dtype=str).iloc[:3]
    (root / GOLD).mkdir(parents=True, exist_ok=True)
    boxes = "image_id,bbox_name,original_x1,original_x2,original_y1,original_y2\n"
    told = "patient_id\tstudy_id\timage_id\tbbox\trelation\tlabel_name\tcategoryID\tcontext\n"
    for row in split.itertuples():
        boxes += f"{row.dicom_id}.dcm,left lung,2,9,1,9\n"
        told += f"{row.subject_id}\t{row.study_id}\t{row.dicom_id}.dcm\tleft lung"
        told += "\t1\tpneumothorax\tanatomicalfinding\tyes\n"
    (root / GOLD / "gold_bbox_coordinate_annotations_1000images.csv").write_text(boxes)
    (root / GOLD / "gold_object_attribute_with_coordinates.txt").write_text(told)


def _write_pairs(folder: Path) -> None:
    folder.mkdir()
    names = [f"{number}.png" for number in range(8)]
    for number, name in enumerate(names):
        Image.fromarray(np.random.default_rng(number).integers(0, 255, (16, 16)).astype(np.uint8)).save(folder / name)
    columns = {"image": names, "report": "Small effusion, no oedema.", "patient_id": [f"p{n // 2}" for n in range(8)]}
    table = pd.DataFrame(columns | {"study_id": [f"s{n // 2}" for n in range(8)], "view": "PA"})
    table.assign(split=["train"] * 4 + ["validate"] * 2 + ["test"] * 2).to_csv(folder / "pairs.csv", index=False)
    box_NR4 = np.tile(np.array([1, 1, 8, 8], np.float32), (8, len(REGIONS), 1))
    write_regions(folder / "regions.parquet", names, box_NR4, np.ones((8, len(REGIONS)), np.float32), {})


def _write_copies(root: Path) -> None:
    """The questions as MEVF and Hugging Face have them."""
    rows = json.loads(next((root / "vqa-rad").glob("*.json")).read_text())
    pictures = next(path for path in (root / "vqa-rad").iterdir() if path.is_dir())
    shutil.copytree(pictures, root / "mevf" / "images")
    sides = {"test": [row for row in rows if row["phrase_type"].startswith("test")]}
    sides["train"] = [row for row in rows if row not in sides["test"]]
    sides["val"] = [
        {**row, "qid": f"v{row['qid']}", "question": f"Again: {row['question']}"} for row in sides["train"][:2]
    ]
    for side, kept in sides.items():
        (root / "mevf" / f"{side}set.json").write_text(json.dumps(kept))
    (root / "hugging" / "data").mkdir(parents=True)
    for name, kept in (
        ("train-00000-of-00002", sides["train"][::2]),
        ("train-00001-of-00002", sides["train"][1::2]),
        ("test-00000-of-00001", sides["test"]),
    ):
        images = [{"bytes": (pictures / row["image_name"]).read_bytes(), "path": row["image_name"]} for row in kept]
        table = {
            "image": images,
            "question": [row["question"] for row in kept],
            "answer": [str(row["answer"]) for row in kept],
        }
        pd.DataFrame(table).to_parquet(root / "hugging" / "data" / f"{name}.parquet")


def build(kind: type[DataModule], root: Path, table: Path) -> DataModule:
    if kind is ImageReportPairs:
        regions = (
            {"region_boxes": "detected", "detected_regions_file": str(table)} if table.suffix == ".parquet" else {}
        )
        return ImageReportPairs(str(root / "pairs" / "pairs.csv"), **regions, **OPTIONS)
    first = table.relative_to(root).parts[0]
    folder = root / first if first in ("mevf", "hugging", "kaggle") else root
    boxes = {"rows": "images", "split": "all-test"} if table.name == "detection.json" else {}
    return kind(root=str(folder), **boxes, **OPTIONS)  # type: ignore[call-arg]


def try_out(make: Callable[[], DataModule]) -> str:
    """Reads all and the first row of each split; the one line of the error, or "" where there are rows."""
    try:
        data = make()
        data.check()
        told = [*data.summary_lines(), json.dumps(data.manifest())]
        for split in SPLITS:
            if data.rows(split):
                item = data.dataset(split)[0]
                assert np.isfinite(item["region_box"].numpy()).all()
    except DataError as error:
        told = [str(error)]
    else:
        assert data.samples
        assert {sample.split for sample in data.samples} <= set(SPLITS)
        assert all(type(value) is str and value for s in data.samples for value in (s.sample_id, s.patient_id))
    for line in told:
        assert len(line.splitlines()) == 1
        assert line.encode()  # a terminal can show it
    return "" if len(told) > 1 else told[0]


# --- what happens to tables


def spoil_csv(rng: random.Random, text: str, separator: str) -> bytes:
    rows = list(csv.reader(StringIO(text), delimiter=separator))
    for _ in range(rng.randint(1, 3)):
        _spoil_rows(rng, rows)
    out = StringIO()
    csv.writer(out, delimiter=rng.choice([separator, separator, separator, ";", "\t"])).writerows(rows)
    return _as_bytes(rng, out.getvalue())


def _spoil_rows(rng: random.Random, rows: list[list[str]]) -> None:
    if not rows or not rows[0]:
        return
    row, column = rng.randrange(len(rows)), rng.randrange(len(rows[0]))
    value = rng.choice([*NASTY, "".join(rng.choices(string.printable, k=5))])
    kind = rng.randrange(12)
    if kind <= 2 and column < len(rows[row]):
        rows[row][column] = value
    elif kind == 3:
        for each in rows[1:]:
            each[column : column + 1] = [value]
    elif kind == 4:
        for each in rows:
            del each[column : column + 1]
    elif kind == 5:
        for each in rows:
            each.insert(rng.randrange(2), each[column] if column < len(each) else "")
    elif kind == 6:
        rows[row] = rows[row] + [value] if rng.random() < 0.5 else rows[row][:column]
    elif kind == 7:
        rows.insert(rng.randrange(len(rows) + 1), list(rows[row]))
    elif kind == 8:  # two tables put together, or a spreadsheet's end
        rows.insert(rng.randrange(1, len(rows) + 1), rng.choice([list(rows[0]), [""] * len(rows[0]), ["Total"]]))
    elif kind == 9:  # kept as text, with a thousands separator, a fraction, or in another spelling
        change = rng.choice(
            ['="{}"', "'{}", "{},000", "{}.0", "{}E+05", "-{}", " {}\u00a0", "C:\\{}", "/x/{}", "%20{}"]
        )
        for each in rows[1:]:
            each[column : column + 1] = [change.format(cell) for cell in each[column : column + 1]]
    elif kind == 10:
        rows[0] = [rng.choice([str.upper, str.title, " {} ".format])(cell) for cell in rows[0]]
    else:
        other = rng.randrange(len(rows))
        if column < min(len(rows[row]), len(rows[other])):
            rows[other][column] = rows[row][column]


def spoil_json(rng: random.Random, text: str) -> bytes:
    content = json.loads(text)
    for _ in range(rng.randint(1, 3)):
        content = _spoil_value(rng, content)
    return _as_bytes(rng, json.dumps(content, ensure_ascii=rng.random() < 0.5))


def _spoil_value(rng: random.Random, value: Any) -> Any:
    if isinstance(value, dict | list) and value and rng.random() < 0.85:
        keys = list(value) if isinstance(value, dict) else range(len(value))
        key = rng.choice(list(keys))
        if rng.random() < 0.1:
            del value[key]
        elif isinstance(value, list) and rng.random() < 0.1:
            value.append(rng.choice(value))
        else:
            value[key] = _spoil_value(rng, value[key])
        return value
    return rng.choice([*NASTY, *(odd for odd in ODD if not isinstance(odd, bytes) and odd != {"bytes": b"x"})])


def spoil_frame(rng: random.Random, table: pd.DataFrame, meta: dict[bytes, bytes] | None = None) -> bytes:
    """Parquet with columns of other types, nulls and missing columns."""
    table = table.astype(object)
    for _ in range(rng.randint(1, 3)):
        if not len(table.columns):
            break
        name = rng.choice(list(table.columns))
        kind = rng.randrange(7)
        if kind == 0:
            table = table.drop(columns=name)
        elif kind == 1:
            table[name] = table[name].map(str).astype("category")
        elif kind == 2:
            table[name] = pd.Series([None] * len(table), dtype=object)
        elif kind == 3:
            value = rng.choice([odd for odd in ODD if odd not in ({}, 10**400)])
            table[name] = pd.Series([value] * len(table), dtype=object)
        elif kind == 4:
            table[name] = pd.Series(np.arange(len(table)), dtype="Int64").where(np.arange(len(table)) != 1)
        elif kind == 5 and len(table):
            cells = table[name].astype(object).tolist()
            cells[rng.randrange(len(cells))] = None
            table[name] = pd.Series(cells, dtype=object)
        else:
            others = [other for other in ("image", "split", "x") if other not in table.columns]
            table = table.rename(columns={name: rng.choice([*others, name])})  # no Parquet has a column twice
    out = BytesIO()
    parquet.write_table(pa.Table.from_pandas(table).replace_schema_metadata(meta), out)
    return _cut(rng, out.getvalue())


def _as_bytes(rng: random.Random, text: str) -> bytes:
    encoding = rng.choice(["utf-8", "utf-8", "utf-8", *ENCODINGS])
    wrong = "surrogatepass" if encoding.startswith("utf") else "replace"
    data = _cut(rng, text.encode(encoding, wrong))
    return rng.choice([bytes, bytes, bytes, gzip.compress, bz2.compress])(data)


def _cut(rng: random.Random, data: bytes) -> bytes:
    if rng.random() < 0.1:
        return data[: rng.randrange(len(data) + 1)]
    if data and rng.random() < 0.1:
        place = rng.randrange(len(data))
        return data[:place] + bytes([rng.randrange(256)]) + data[place + 1 :]
    return data


def spoil(rng: random.Random, path: Path, data: bytes) -> bytes:
    if path.suffix == ".parquet":
        table = parquet.read_table(BytesIO(data))
        return spoil_frame(rng, table.to_pandas(), table.schema.metadata)
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    if path.suffix == ".json":
        return spoil_json(rng, text)
    separator = "\t" if path.name.startswith(("gold_object", "captions")) else ","
    separator = "|" if "vqa-med-2019" in path.parts else separator
    if rng.random() < 0.25 and path.name != "test_list.txt":
        try:
            return spoil_frame(rng, pd.read_csv(StringIO(text), sep=separator, dtype=str))
        except (ValueError, TypeError, OverflowError, pa.ArrowException):  # no Parquet can hold it
            pass
    return spoil_csv(rng, text, separator)


def check_table(name: str, corpus: Path, seed: int) -> None:
    kind, pattern = TABLES[name]
    [path] = corpus.glob(pattern)
    whole = path.read_bytes()
    rng = random.Random(seed)
    try:
        spoilt = spoil(rng, path, whole)
    except (ValueError, TypeError, OverflowError, pa.ArrowException):  # pyarrow writes no such Parquet
        return
    try:
        path.write_bytes(spoilt)
        hidden = [p for p in path.parent.glob("MS_CXR*.json") if path.suffix == ".csv"]  # JSON is read first
        for other in hidden:
            other.rename(other.with_suffix(".away"))
        try_out(lambda: build(kind, corpus, path))
    finally:
        path.write_bytes(whole)
        for other in path.parent.glob("*.away"):
            other.rename(other.with_suffix(".json"))


@pytest.mark.parametrize("name", TABLES)
def test_look_alikes_are_read_whole(name: str, corpus: Path):
    kind, pattern = TABLES[name]
    [path] = corpus.glob(pattern)
    assert try_out(lambda: build(kind, corpus, path)) == ""


# Always the same ones: a test that fails once in a while is no test.
few = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True)
many = settings(few, max_examples=300, derandomize=False)


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore:Invalid value for VR")
@pytest.mark.parametrize("name", TABLES)
@few
@given(seed=st.integers(0, 2**32))
def test_spoilt_tables_give_rows_or_one_line(name: str, corpus: Path, seed: int):
    check_table(name, corpus, seed)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore:Invalid value for VR")
@pytest.mark.parametrize("name", TABLES)
@many
@given(seed=st.integers(0, 2**32))
def test_many_spoilt_tables_give_rows_or_one_line(name: str, corpus: Path, seed: int):
    check_table(name, corpus, seed)
