import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image

from gkmvlp.data_modules import ImageReportPairs
from gkmvlp.data_modules.pipeline.report_labels import CONTRADICTED, label_one
from gkmvlp.data_modules.pipeline.splits import hash_split
from gkmvlp.entities import ENTITY_INDEX
from gkmvlp.errors import ConfigError, DataError


def write(root: Path, count: int = 40, **columns) -> Path:
    (root / "images").mkdir(exist_ok=True)
    for index in range(count):
        path = root / "images" / f"{index}.png"
        Image.fromarray(np.random.default_rng(index).integers(0, 255, (8, 9)).astype(np.uint8)).save(path)
    table = pd.DataFrame(
        {
            "image": [f"images/{index}.png" for index in range(count)],
            "report": "Cardiomegaly. No pneumothorax.",
            "patient_id": [f"p{index // 2}" for index in range(count)],
            **columns,
        }
    )
    table.to_csv(root / "pairs.csv", index=False)
    return root / "pairs.csv"


def ready(table: Path, **kwargs) -> ImageReportPairs:
    data = ImageReportPairs(str(table), image_size=16, batch_size=4, num_workers=0, **kwargs)
    data.setup("fit")
    return data


def test_patients_are_split_by_hash(tmp_path: Path):
    data = ready(write(tmp_path))
    assert len(data.samples) == 40
    assert all(sample.split == hash_split(sample.patient_id) for sample in data.samples)
    assert data.split_name.startswith("hash@")
    batch = next(iter(data.train_dataloader()))
    assert batch["status"][:, ENTITY_INDEX["cardiomegaly"]].tolist() == [1] * 4
    assert batch["status"][:, ENTITY_INDEX["pneumothorax"]].tolist() == [0] * 4
    assert batch["region_mask"].any()


def test_csv_and_parquet_agree(tmp_path: Path):
    table = write(tmp_path)
    pd.read_csv(table).to_parquet(tmp_path / "pairs.parquet")
    first, second = ready(table), ready(tmp_path / "pairs.parquet")
    assert first.split_name == second.split_name
    assert first.texts() == second.texts()


CELLS = [["images/0.png", "No effusion.", "12", "5", "PA"], ["images/1.png", "Edema, mild.", "13", "", "AP"],
         ["images/2.png", "Mass.", "014", "5", "LATERAL"]]  # fmt: skip
HEADER = ["image", "report", "patient_id", "study_id", "view"]


def told(root: Path, text: str | bytes) -> list[tuple[str, ...]]:
    """What is read of a table in that spelling."""
    write(root, 8)
    (root / "pairs.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    data = ImageReportPairs(str(root / "pairs.csv"), image_size=16, num_workers=0)
    data.check()
    return [
        tuple(
            cell.replace("\\", "/")
            for cell in (row.sample_id, row.patient_id, row.fields["study_id"], row.view, row.fields["text"])
        )
        for row in data.samples
    ]


def spelt(separator: str = ",", cells: list[list[str]] = CELLS, end: str = "\n") -> str:
    rows = [[f'"{cell}"' if separator in cell else cell for cell in row] for row in [HEADER, *cells]]
    return end.join(map(separator.join, rows)) + end


@pytest.mark.parametrize(
    "text",
    [
        spelt(";"),
        spelt("\t"),
        spelt("|"),
        "sep=;\n" + spelt(";"),
        b"\xef\xbb\xbf" + ('"sep=;"\r\n' + spelt(";", end="\r\n")).encode(),
        spelt(end="\r\n"),
        spelt(end="\r"),
        b"\xef\xbb\xbf" + spelt().encode(),
        spelt().encode("utf-16"),
        spelt(cells=[[cell.replace("/", "\\") for cell in row] for row in CELLS]),
        spelt(cells=[[f" {cell}\u00a0" for cell in row] for row in CELLS]),
        spelt(cells=[[row[0], row[1], f"{row[2]}\u200b", f"\ufeff{row[3]}", row[4]] for row in CELLS]),
        spelt(cells=[*CELLS, [""] * 5, ["  "] * 5]),
        spelt(cells=[[*row[:2], *(f'="{cell}"' if cell else cell for cell in row[2:4]), row[4]] for row in CELLS]),
        spelt(cells=[[*row[:2], *(f"'{cell}" if cell else cell for cell in row[2:4]), row[4]] for row in CELLS]),
        spelt(cells=[[*row[:4], {"PA": "PA view (erect)", "AP": "AP portable semi-erect"}.get(row[4], "Lateral")]
                     for row in CELLS]),
        spelt(cells=[[*row[:2], *(f"{cell}.0" if cell and cell != "014" else cell for cell in row[2:4]), row[4]]
                     for row in CELLS]),
    ],
)  # fmt: skip
def test_a_table_is_read_alike_however_a_program_writes_it(tmp_path: Path, text: str | bytes):
    assert told(tmp_path, text) == told(tmp_path, spelt())


def test_numbers_that_an_empty_cell_made_fractions_are_those_of_parquet(tmp_path: Path):
    table = write(tmp_path, 8, patient_id=[1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, None])
    assert ",1.0\n" in table.read_text()
    pd.read_csv(table).to_parquet(tmp_path / "pairs.parquet")
    csv, parquet = (ImageReportPairs(str(table.with_suffix(f".{kind}"))) for kind in ("csv", "parquet"))
    csv.check()
    parquet.check()
    assert [row.patient_id for row in csv.samples] == [row.patient_id for row in parquet.samples] == list("1122334")


@pytest.mark.parametrize(
    "text",
    [
        "image,report,patient_id,comments\nimages/0.png,No effusion, no edema,p0,\nimages/1.png,Mass.,p1,\n",
        "image,report,patient_id\nimages/0.png,No effusion, no edema,\nimages/1.png,Mass.,p1\n",
        "image,report,patient_id,,\nimages/0.png,No effusion, no edema,p0,\nimages/1.png,Mass.,p1,,\n",
        'image,report,patient_id,\nimages/0.png,"A, b",p0,"c, d"\nimages/1.png,Mass.,p1,\n',
    ],
)
def test_a_comma_without_quotes_pushes_no_cell_into_another_column(tmp_path: Path, text: str):
    with pytest.raises(DataError, match=r"row 1: it has more cells than the header; put text with a ',' in quotes"):
        told(tmp_path, text)


def test_separators_behind_the_last_column_do_no_harm(tmp_path: Path):
    rows = [",".join(f'"{cell}"' for cell in row) for row in [HEADER, *CELLS]]
    for text in ("\n".join([rows[0], *(f"{row}," for row in rows[1:])]), "\n".join(f"{row},," for row in rows)):
        assert told(tmp_path, text) == told(tmp_path, spelt())


@pytest.mark.parametrize("extra", ["", ",kept"])
def test_quotes_are_read_as_spark_and_mysql_escape_them(tmp_path: Path, extra: str):
    report = r"The \"mass\", a \"nipple\""
    text = f'image,report,patient_id{extra}\nimages\\0.png,"{report}",p0{extra}\nimages/1.png,Mass.,p1{extra}\n'
    first = told(tmp_path, text)[0]
    assert (first[1], first[-1]) == ("p0", 'The "mass", a "nipple"')


def test_a_backslash_before_the_end_of_a_cell_is_a_part_of_it(tmp_path: Path):
    text = 'image,folder,report,patient_id\nimages/0.png,"C:\\a, b\\","Mass ""A\\""",p0\n'
    assert told(tmp_path, text)[0][-1] == 'Mass "A/"'


def test_blanks_may_stand_before_quotes(tmp_path: Path):
    rows = [", ".join(f'"{cell}"' for cell in row) for row in [HEADER, *CELLS]]
    assert told(tmp_path, "\n".join(rows)) == told(tmp_path, spelt())


@pytest.mark.parametrize(
    "rows",
    [
        'images/0.png,"Heart large,p0\nimages/1.png,"No effusion",p1\nimages/2.png,Mass,p2\n',
        'images/0.png,"Heart large,p0\nimages/1.png,"No effusion, p1"\n',
    ],
)
def test_a_quote_that_is_not_closed_does_not_swallow_the_rows_behind_it(tmp_path: Path, rows: str):
    with pytest.raises(DataError, match=r"row 1: its report holds rows of the table: close the quote"):
        told(tmp_path, f"image,report,patient_id\n{rows}")


def test_a_report_of_many_lines_may_name_a_file(tmp_path: Path):
    report = "Effusion,\nmild edema, as in 1.png, no mass,\nand no change."
    assert told(tmp_path, f'image,report,patient_id\nimages/0.png,"{report}",p0\n')[0][-1].startswith("Effusion, mild")


def test_folds_cover_every_patient_once_as_test(tmp_path: Path):
    table = write(tmp_path)
    tested = [sample.sample_id for fold in range(4) for sample in ready(table, num_folds=4, fold=fold).rows("test")]
    assert sorted(tested) == sorted(f"images/{index}.png" for index in range(40))
    with pytest.raises(ConfigError, match="num_folds >= 3"):
        ready(table, num_folds=4, fold=4)


def test_a_split_column_is_obeyed(tmp_path: Path):
    table = write(tmp_path, 8, split=["train"] * 4 + ["val"] * 2 + ["test"] * 2)
    data = ready(table)
    assert [len(data.rows(split)) for split in ("train", "validate", "test")] == [4, 2, 2]
    assert data.split_name.startswith("table@")


def test_rows_left_out_are_counted(tmp_path: Path):
    reports = ["No effusion."] * 36 + ["", "  ", "___", "Clear."]
    table = write(tmp_path, report=reports)
    (tmp_path / "images" / "0.png").unlink()
    data = ready(table)
    assert data.manifest()["dropped"] == {"image file is missing": 1, "report is empty, or nothing is left of it": 3}
    assert len(data.samples) == 36


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"split": ["train"] * 7 + ["test"]}, "patient p3 is in t"),
        ({"split": ["train"] * 6 + ["fit"] * 2}, "split 'fit'"),
        ({"image": ["images/0.png"] * 8}, "names image images/0.png twice"),
        (
            {"image": [f"images/{n // 2}.{('png', 'PNG')[n % 2]}" for n in range(8)]},
            "names image images/0.PNG twice",
        ),
        (
            {"patient_id": ["1.23457E+12"] * 8},
            r"pairs.csv, column patient_id, row 1: '1.23457E\+12' is a number that a program has rounded: keep",
        ),
        ({"patient_id": ["1.2345678901234568e+16"] * 8}, "is a number that a program has rounded: keep"),
        ({"patient_id": [*["001"] * 7, "1"]}, "column patient_id, row 8: '1' is '001' in a row above: write a patient"),
    ],
)
def test_broken_tables(tmp_path: Path, columns: dict, told: str):
    with pytest.raises(DataError, match=told):
        ready(write(tmp_path, 8, **columns))


def test_a_patient_whom_nobody_knows_is_none(tmp_path: Path):
    """Rows of several unknown patients would be one patient, and could share a report."""
    unknown = ["unknown", "-", "#N/A", "Anonymous", "n/a", "", " ? ", "#REF!", "#NAME?", "REDACTED", "***"]
    table = write(tmp_path, 12, patient_id=["p", *unknown], study_id=["unknown"] * 12, split="train")
    data = ready(table)
    assert [(sample.patient_id, sample.fields["study_id"]) for sample in data.samples] == [("p", "images/0.png")]
    assert data.ledger.dropped == {f"row without a patient_id in {table}": len(unknown)}


def test_missing_column_and_file(tmp_path: Path):
    with pytest.raises(DataError, match="image, report, patient_id"):
        ready(tmp_path / "absent.csv")
    table = write(tmp_path, 8)
    table.write_text(table.read_text().replace("patient_id", "patient"))
    with pytest.raises(DataError, match="'patient_id'"):
        ready(table)


def test_a_report_that_is_not_utf8_is_read_and_counted(tmp_path: Path):
    table = write(tmp_path, report=["Effusion au lait."] + ["Clear lungs."] * 39)
    table.write_bytes(table.read_bytes().replace(b"lait", b"la\xefs"))
    data = ready(table)
    assert data.manifest()["masked"]["report is not UTF-8 (read as Windows-1252)"] == 1
    assert any("la\xefs" in sample.fields["text"] for sample in data.samples)


def test_bytes_of_windows_are_dashes_and_quotation_marks(tmp_path: Path):
    text = "Sp\u00e4te \u201eLinie\u201c \u2013 1 \u20ac. No effusion."
    table = write(tmp_path, 8, report=text, split="train", patient_id="p")
    table.write_bytes(table.read_bytes().decode().encode("cp1252"))
    assert {sample.fields["text"] for sample in ready(table).samples} == {text}


def test_a_day_is_the_same_id_in_either_kind_of_table(tmp_path: Path):
    table = write(tmp_path, 8, patient_id=[f"2024-01-0{row}" for row in range(1, 9)])
    frame = pd.read_csv(table, parse_dates=["patient_id"])
    frame.to_parquet(tmp_path / "pairs.parquet")
    frame["patient_id"] = frame["patient_id"].dt.date
    frame.to_parquet(tmp_path / "days.parquet")
    ids = [
        [sample.patient_id for sample in ready(tmp_path / name).samples]
        for name in ("pairs.csv", "pairs.parquet", "days.parquet")
    ]
    assert ids[0] == ids[1] == ids[2]


def test_patients_never_share_a_report_whatever_study_id_holds(tmp_path: Path):
    """Numbers that restart for each patient, and an empty column: every image keeps the text of its row."""
    reports = [f"Finding number {index}. No pneumothorax." for index in range(8)]
    patients = [f"p{index}" for index in range(8)]
    for study in (["1"] * 8, [""] * 8, ["nan"] * 8, ["p0/1", "1", "1", "1", "1", "1", "1", "1"]):
        data = ready(write(tmp_path, 8, report=reports, patient_id=patients, study_id=study), num_folds=0)
        assert [sample.fields["text"] for sample in data.samples] == reports
        assert len({sample.fields["study_id"] for sample in data.samples}) == 8
        shared = data.manifest()["masked"].get("study_id stands with several patients (kept apart by patient)", 0)
        assert shared == study.count("1") * (study.count("1") > 1)


def test_texts_that_differ_inside_a_study_are_counted_and_kept(tmp_path: Path):
    reports = ["Effusion.", " Effusion. ", "Nodule.", "", "Clear.", "", "", ""]
    study = ["s1", "s1", "s1", "s1", "s2", "s2", "s3", "s3"]
    data = ready(write(tmp_path, 8, report=reports, patient_id="p", study_id=study, split="train"))
    told = {sample.sample_id: (sample.fields["study_id"], sample.fields["text"]) for sample in data.samples}
    assert told == {
        "images/0.png": ("s1", "Effusion."),
        "images/1.png": ("s1", "Effusion."),
        "images/2.png": ("s1#2", "Nodule."),
        "images/4.png": ("s2", "Clear."),
        "images/5.png": ("s2", "Clear."),  # an empty cell takes the one text of its study, never one of two
    }
    manifest = data.manifest()
    assert manifest["masked"] == {
        "report is empty (that of its study is read)": 1,
        "text differs from the first one of its study (each image keeps its own)": 2,
    }
    assert manifest["dropped"] == {"report is empty, or nothing is left of it": 2}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_encodings_and_separators(tmp_path: Path, encoding: str, separator: str):
    table = write(tmp_path, 8, report="Épanchement; small effusion, left.")
    pd.read_csv(table).to_csv(table, index=False, sep=separator, encoding=encoding)
    data = ready(table)
    assert len(data.samples) == 8
    assert {sample.fields["text"] for sample in data.samples} == {"Épanchement; small effusion, left."}


def test_parquet_of_any_type_and_in_shards(tmp_path: Path):
    """Dictionary columns, numbers with nulls and binary text are the text that they stand for."""
    plain = pd.read_csv(write(tmp_path, 8, patient_id=range(100, 108), study_id=range(8), view="PA"), dtype=str)
    expected = {(s.sample_id, s.patient_id, s.view, s.fields["text"]) for s in ready(tmp_path / "pairs.csv").samples}
    typed = plain.assign(
        image=plain["image"].astype("category"),
        report=[text.encode() for text in plain["report"]],
        patient_id=plain["patient_id"].astype(float),
        study_id=plain["study_id"].astype("Int64").where(plain["study_id"] != "3"),
        view=plain["view"].astype("category"),
    )
    typed.to_parquet(tmp_path / "typed.parquet")
    shards = tmp_path / "shards"
    shards.mkdir()
    for number, part in enumerate((typed[:3], typed[3:])):
        part.to_parquet(shards / f"all-0000{number}-of-00002.parquet")
    for table in (tmp_path / "typed.parquet", shards):
        data = ready(table, image_root=str(tmp_path))
        assert {(s.sample_id, s.patient_id, s.view, s.fields["text"]) for s in data.samples} == expected
    for old, new in (("0000", "train"), ("0001", "test")):
        [path] = shards.glob(f"all-*{old}-of*")
        path.rename(shards / f"{new}-00000-of-00001.parquet")
    data = ready(shards, image_root=str(tmp_path))
    assert [len(data.rows(split)) for split in ("train", "validate", "test")] == [3, 0, 5]


def test_views_are_understood_and_unknown_ones_counted(tmp_path: Path):
    views = ["pa", "Frontal", "ANTEROPOSTERIOR", "AP_horizontal", "Lateral", "LL", "sideways", "upside down"]
    data = ready(write(tmp_path, 8, view=views, patient_id="p", split="train"), region_dropout=0.0)
    assert [sample.view for sample in data.samples] == [
        "PA",
        "",
        "AP",
        "AP",
        "LATERAL",
        "LL",
        "sideways",
        "upside down",
    ]
    dataset = data.dataset("train")
    assert [bool(dataset[row]["region_mask"].any()) for row in range(8)] == [True] * 4 + [False] * 4
    assert data.manifest()["masked"] == {
        "view is not frontal (no regions of the atlas)": 2,
        "view is spelled in no known way (no regions of the atlas)": 2,
    }
    assert any("'sideways' of images/6.png, 'upside down' of" in line for line in data.summary_lines())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("image,report,report,patient_id\na.png,x,y,p\n", "has the column 'report' 2 times"),
        ("image,report,patient_id\na.png,x,p\nb.png,left, right, both,p\n", "in line 3"),
        ("image,report,patient_id\na.png,left, right,p\n", "row 1: it has more cells than the header"),
        ('image,report,patient_id\na.png,"x,p\n', "EOF inside string"),
        ("image;report;patient\na.png;x;p\n", "no column 'patient_id', only image, report, patient"),
        ("", "is empty"),
        ("PK\x03\x04", "is a zip archive or an Excel file"),
        ("\x1f\x8b\x08", "cannot read"),
        ("ARROW1\0\0", "is a file of a program (Feather, pickle, NumPy, HDF5 or SQLite)"),
        ("\x80\x05\x95\x10", "is a file of a program (Feather, pickle"),
        ("{\\rtf1 a}", "is a text of a word processor (RTF)"),
        ("PAR1", "cannot read"),
    ],
)
def test_what_cannot_be_read_says_why_in_one_line(tmp_path: Path, text: str, told: str):
    table = tmp_path / "table.csv"
    table.write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError) as caught:
        ready(table)
    assert told in str(caught.value)
    assert str(table) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_image_is_named_with_its_path(tmp_path: Path):
    table = write(tmp_path, 8, patient_id="p", split="train")
    (tmp_path / "images" / "3.png").unlink()
    assert any(str(tmp_path / "images" / "3.png") in line for line in ready(table).summary_lines())
    with pytest.raises(DataError, match=rf"image file is missing \(e\.g\. {tmp_path}/elsewhere/images/0\.png"):
        ready(table, image_root=str(tmp_path / "elsewhere"))


def test_images_in_folders_that_are_not_named_or_with_other_endings_are_found(tmp_path: Path):
    table = write(tmp_path, 4, patient_id="p", split="train")
    images = tmp_path / "images"
    (images / "deep" / "er").mkdir(parents=True)
    (images / "0.png").rename(images / "0.PNG")
    (images / "1.png").rename(images / "deep" / "er" / "1.png")
    named = pd.read_csv(table, dtype=str)
    named["image"] = named["image"].map(lambda image: Path(image).name)
    named.to_csv(table, index=False)
    assert len(ready(table, image_root=str(images)).samples) == 4
    (images / "deep" / "1.png").write_bytes((images / "deep" / "er" / "1.png").read_bytes())  # which one is meant?
    data = ready(table, image_root=str(images))
    assert data.ledger.dropped == {"image file is missing": 1}
    assert data.ledger.examples["image file is missing"] == [str(images / "1.png")]


@pytest.mark.parametrize("before", ["/home/ann/data", "C:\\data\\chests", "\\\\server\\share", "file:///home/ann"])
def test_paths_that_begin_on_another_machine_are_found_below_the_root(tmp_path: Path, before: str):
    between = "\\" if "\\" in before else "/"
    named = [f"{before}{between}images{between}{number}.png" for number in range(4)]
    table = write(tmp_path, 4, image=named, patient_id="p", split="train")
    assert [Path(sample.image).name for sample in ready(table).samples] == [f"{number}.png" for number in range(4)]
    assert len(ready(table, image_root=str(tmp_path / "images")).samples) == 4


def test_names_may_be_spelled_as_in_an_address(tmp_path: Path):
    table = write(
        tmp_path, 3, image=["images/0%20a.png", "images/1%25.png", "images/2.png"], patient_id="p", split="train"
    )
    for number, name in enumerate(("0 a", "1%")):
        (tmp_path / "images" / f"{number}.png").rename(tmp_path / "images" / f"{name}.png")
    assert [Path(sample.image).stem for sample in ready(table).samples] == ["0 a", "1%", "2"]


def test_images_may_be_named_without_their_ending(tmp_path: Path):
    table = write(tmp_path, 4, image=["images/0", "1", "images/2.png", "3"], patient_id="p", split="train")
    assert [Path(sample.image).name for sample in ready(table).samples] == [f"{number}.png" for number in range(4)]
    (tmp_path / "images" / "3.dcm").write_bytes(b"")  # which one is meant?
    assert ready(table).ledger.examples["image file is missing"] == [str(tmp_path / "3")]


def test_no_image_at_all_names_column_folder_and_remedy(tmp_path: Path):
    table = write(tmp_path, 4, patient_id="p", split="train")
    with pytest.raises(DataError, match=r"column image: .* image file is missing .*elsewhere.*image_root"):
        ready(table, image_root=str(tmp_path / "elsewhere"))


@pytest.mark.parametrize("text", ['[{"image": "0.png"}]', '{"image": "0.png"}\n{"image": "1.png"}\n'])
def test_json_is_no_table(tmp_path: Path, text: str):
    (tmp_path / "pairs.json").write_text(text)
    with pytest.raises(DataError, match=r"pairs.json is JSON, .* save it as CSV"):
        ready(tmp_path / "pairs.json")


def test_real_reports_without_headings_are_read_whole(shared_data: Path):
    """All letters and digits of 3,307 reports without the marks of de-identification, but for some that hold a heading,
    a signature or a tag.
    """
    table = pd.read_csv(shared_data / "iu_xray" / "pairs.csv", dtype=str, keep_default_na=False)
    read = [label_one("", report.encode(), plain=True) for report in table["report"]]
    film = table["report"].str.replace(r"\bx-XXXX", "x-ray", case=False, regex=True)
    given = film.str.replace("XXXX", "")
    letters = [["".join(filter(str.isalnum, text)) for text in texts] for texts in (given, [r.text for r in read])]
    assert sum(own == told for own, told in zip(*letters, strict=True)) >= 3_295
    assert sum(bool(report.note) for report in read) <= 1


def spelled(folder: Path, **changed: list[str]) -> pd.DataFrame:
    """A table of four images that lie there, two patients and one text."""
    for number in range(4):
        Image.fromarray(np.random.default_rng(number).integers(0, 255, (9, 9)).astype(np.uint8)).save(
            folder / f"{number}.png"
        )
    columns = {"image": [f"{n}.png" for n in range(4)], "patient_id": ["a", "a", "b", "b"]}
    sides = ["train", "train", "validate", "test"]
    return pd.DataFrame(columns | {"report": "No effusion.", "view": "PA", "split": sides} | changed)


@pytest.mark.parametrize("names", [str.upper, str.title, lambda name: f" {name.replace('_', ' ')} ", "\ufeff{}".format])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_header_in_other_letters_is_understood(names, suffix: str, tmp_path: Path):
    table = spelled(tmp_path, patient_id=["a", "a", "b", "c"]).rename(columns=names)
    path = tmp_path / f"t.{suffix}"
    table.to_csv(path, index=False) if suffix == "csv" else table.to_parquet(path)
    data = ImageReportPairs(str(path), num_workers=0, image_size=16)
    data.check()
    assert [(row.patient_id, row.view, row.split) for row in data.samples] == [
        ("a", "PA", "train"), ("a", "PA", "train"), ("b", "PA", "validate"), ("c", "PA", "test"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("renamed", "told"),
    [
        ({"report": "reports"}, r"no column 'report', only .* \(did you mean 'reports'\?\)"),
        ({"report": "Report", "view": "REPORT"}, r"the column 'report' 2 times \('Report' and 'REPORT'\)"),
    ],
)
def test_a_header_that_can_be_read_in_no_or_two_ways_is_named(renamed, told: str, tmp_path: Path):
    spelled(tmp_path).rename(columns=renamed).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(DataError, match=told):
        ImageReportPairs(str(tmp_path / "t.csv")).check()


def test_accents_and_blanks_that_look_alike_are_one(tmp_path: Path):
    composed, apart = (unicodedata.normalize(form, "é 1") for form in ("NFC", "NFD"))
    table = spelled(tmp_path, patient_id=[composed, apart, "é  1", "b"], split=["train"] * 3 + ["test"])
    (tmp_path / "0.png").rename(tmp_path / unicodedata.normalize("NFD", "é.png"))
    table.loc[0, "image"] = unicodedata.normalize("NFC", "é.png")
    table.to_csv(tmp_path / "t.csv", index=False)
    data = ImageReportPairs(str(tmp_path / "t.csv"))
    data.check()
    assert [row.patient_id for row in data.samples] == [composed] * 3 + ["b"]
    table.assign(split=["train", "test", "train", "test"]).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(DataError, match=f"patient {composed} is in"):
        ImageReportPairs(str(tmp_path / "t.csv")).check()


def test_patients_that_differ_in_case_alone_are_counted(tmp_path: Path):
    spelled(tmp_path, patient_id=["P1", "p1", "q", "r"]).to_csv(tmp_path / "t.csv", index=False)
    data = ImageReportPairs(str(tmp_path / "t.csv"))
    data.check()
    assert data.ledger.masked["patient_id differs from another one in case or form alone (kept apart)"] == 2


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"PK\x03\x04" + b"x" * 90, "zip archive or an Excel file: unpack it"),
        (b"\xd0\xcf\x11\xe0" + b"x" * 90, "Excel file of former times: save it as CSV"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"<!DOCTYPE html><html>403</html>", "page or message of a server: fetch it again"),
    ],
)
def test_what_is_no_table_is_named_with_its_own_remedy(content: bytes, told: str, tmp_path: Path):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(DataError, match=told):
        ImageReportPairs(str(tmp_path / "t.csv")).check()


def test_a_table_packed_by_zstandard_is_read(tmp_path: Path):
    table = spelled(tmp_path, patient_id=["a", "a", "b", "c"])
    with pa.OSFile(str(tmp_path / "t.csv.zst"), "wb") as file, pa.CompressedOutputStream(file, "zstd") as packed:
        packed.write(table.to_csv(index=False).encode())
    data = ImageReportPairs(str(tmp_path / "t.csv.zst"))
    data.check()
    assert len(data.samples) == 4


def test_what_a_spreadsheet_could_not_compute_is_no_report(tmp_path: Path):
    """ "- No effusion" becomes one: a study without findings, if it were read."""
    data = ready(write(tmp_path, report=["Clear."] * 36 + ["#NAME?", "#VALUE!", "#DIV/0!", "#REF!"]))
    assert data.manifest()["dropped"] == {"report is empty, or nothing is left of it": 4}


def test_an_addendum_that_says_otherwise_is_counted():
    says = "FINDINGS: No pneumothorax.\nADDENDUM: There is a small right pneumothorax."
    assert label_one("s", says.encode()).note == CONTRADICTED
    for other in ("No pneumothorax, as above.", "Findings were called to the ward."):
        assert label_one("s", f"FINDINGS: No pneumothorax.\nADDENDUM: {other}".encode()).note == ""


@pytest.mark.parametrize(
    ("report", "addendum", "note"),
    [
        ("Right effusion.", "No effusion.", CONTRADICTED),
        ("Right effusion.", "No right effusion.", CONTRADICTED),
        ("No effusion.", "Bilateral effusions.", CONTRADICTED),
        ("Right effusion. No left effusion.", "There is a left effusion.", CONTRADICTED),
        ("Right effusion. No left effusion.", "No effusion.", CONTRADICTED),
        ("Right effusion.", "No left effusion.", ""),
        ("Right effusion. No other effusion.", "Right effusion is unchanged.", ""),
        ("Right effusion.", "Right effusion. No other effusion.", ""),
        ("Possible effusion.", "Effusion is present.", ""),
        ("No effusion.", "Possible effusion.", ""),
        ("Effusion.", "There was no effusion on the prior CT.", ""),
    ],
)
def test_only_what_is_absent_and_present_on_one_side_contradicts(report: str, addendum: str, note: str):
    assert label_one("s", f"FINDINGS: {report}\nADDENDUM: {addendum}".encode()).note == note
