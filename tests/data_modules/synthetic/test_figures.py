"""Figures of articles in the layouts of ROCO, MedICaT and MELINDA, as their owners ship them."""

import csv
import json
import re
from pathlib import Path

import pytest

from gkmvlp.app.cli import main
from gkmvlp.data_modules.synthetic import medicat, melinda, roco
from gkmvlp.errors import DataError
from tests.tiny import tree as contents

SEED, SIZE = 4, 32
FIGURES = {"roco": 40, "medicat": 60, "melinda": 24}
TABLE = "s2_full_figures_oa_nonroco_combined_medical_top4_public.jsonl"
KEYS = ["pdf_hash", "fig_key", "fig_uri", "s2_caption", "s2orc_caption", "s2orc_references", "radiology", "scope",
        "predicted_type", "oa_info"]  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lookalike")
    roco.write(folder, FIGURES["roco"], SEED, SIZE)
    medicat.write(folder, FIGURES["medicat"], SEED, SIZE)
    melinda.write(folder, FIGURES["melinda"], SEED, SIZE)
    return folder


def test_lines_of_roco_are_as_in_the_repository(root: Path):
    names, articles = [], {}
    for side in ("train", "validation", "test"):
        folder = root / "roco" / "data" / side / "radiology"
        captions = (folder / "captions.txt").read_text(encoding="utf-8").splitlines()
        assert all(re.fullmatch(r"ROCO_\d{5}\t [^\t]+", line) for line in captions)
        assert all(
            re.fullmatch(r"ROCO_\d{5}\t\tC\d{7}", line) for line in (folder / "cuis.txt").read_text().splitlines()
        )
        header, *rows = (line.split(",") for line in (folder / "licences.txt").read_text().splitlines())
        assert header == ["ROCO_ID", "PMC_ID", "CC"]
        assert [row[0] for row in rows] == [line[:10] for line in captions]
        names += [row[0] for row in rows]
        articles |= {row[0]: (row[1].partition("_")[0], side) for row in rows}
        assert {path.stem for path in (folder / "images").iterdir()} <= {row[0] for row in rows}
    assert sorted(names) == [f"ROCO_{number:05d}" for number in range(1, FIGURES["roco"] + 1)]
    assert len(set(articles.values())) > len({article for article, _ in articles.values()})


def test_lines_of_medicat_are_as_in_the_release(root: Path):
    release = root / "medicat" / "release"
    rows = [json.loads(line) for line in (release / TABLE).read_text().splitlines()]
    assert all(list(row) == KEYS for row in rows)
    assert {path.name for path in (release / "figures").iterdir()} == {f"{r['pdf_hash']}_{r['fig_uri']}" for r in rows}
    assert {row["radiology"] for row in rows} == {True, False}
    assert None in [row["s2orc_references"] for row in rows]
    assert [] in [row["s2orc_references"] for row in rows]


def test_tables_of_melinda_have_rows_that_share_a_figure(root: Path):
    side_of: dict[str, set[str]] = {}
    for side in ("train", "dev", "test"):
        rows = list(csv.DictReader((root / "melinda" / f"{side}.csv").read_text(encoding="utf-8").splitlines()))
        assert {"figure_file", "caption", "i_meth", "p_meth", "i_meth_label", "p_meth_label"} == rows[0].keys()
        for row in rows:
            side_of.setdefault(row["figure_file"], set()).add(side)
        assert len(rows) == 2 * len({row["figure_file"] for row in rows})
    assert side_of.keys() == {path.name for path in (root / "melinda" / "melinda_images").iterdir()}
    assert all(len(sides) == 1 for sides in side_of.values())


def test_neither_image_nor_text_of_melinda_tells_every_method(tmp_path: Path):
    """Of figures whose text is mute the image leaves tomography and resonance open; the others' text names each."""
    melinda.write(tmp_path, 60, SEED, SIZE)
    files = [tmp_path / "melinda" / f"{side}.csv" for side in ("train", "dev", "test")]
    rows = [row for file in files for row in csv.DictReader(file.read_text(encoding="utf-8").splitlines())]
    named = {"radiography": "radiograph", "tomography": "CT", "resonance": "MRI"}
    told = {row["figure_file"]: row for row in rows if row["i_meth"].endswith("referred to")}.values()
    mute = [row for row in told if not any(word in row["caption"] for word in named.values())]
    assert 0.3 < len(mute) / len(told) < 0.7
    assert {row["p_meth"] for row in mute} == set(named)
    assert all(named[row["p_meth"]] in row["caption"] for row in told if row not in mute)


@pytest.mark.parametrize("layout", FIGURES)
def test_same_seed_same_bytes(root: Path, tmp_path: Path, layout: str):
    words = ["--root", str(tmp_path), "--patients", str(FIGURES[layout]), "--seed", str(SEED)]
    assert main(["data", "phantom", *words, "--image-size", str(SIZE), "--layouts", layout]) == 0
    assert contents(root / layout) == contents(tmp_path / layout)
    module = {"roco": roco, "medicat": medicat, "melinda": melinda}[layout]
    with pytest.raises(DataError, match=rf"{layout}_corpus\.json.*another"):
        module.write(root, FIGURES[layout] + 1, SEED, SIZE)
    with pytest.raises(DataError, match=f"{module.LEAST} figures"):
        module.write(tmp_path / "new", module.LEAST - 1, SEED, SIZE)
