"""The code of the tutorials and guides does what the pages say: blocks below ``<!-- tested -->`` are run.

A page is one story: its blocks run in order, in one namespace and one folder, which holds ``phantoms/`` (32 px) and
``image.png``. Blocks below ``<!-- tested: slow -->`` train, and are run by the slow tests alone. Lines of a bash block
that begin with ``gkmvlp`` are handed to the program.
"""

import re
import shlex
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("guide/*.md"), *DOCS.glob("tutorials/*.md")])
BLOCK = re.compile(
    r"^<!-- tested(?P<slow>: slow)? -->\n```(?P<kind>python|bash)[^\n]*\n(?P<code>.*?)^```$", re.M | re.S
)
SHORT = ["--trainer.max_epochs=1", "--trainer.check_val_every_n_epoch=1", "--trainer.limit_train_batches=2"]


class Block(NamedTuple):
    """Code of a page and the line where it begins."""

    kind: str
    code: str
    line: int
    is_slow: bool


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(m["kind"], m["code"], text.count("\n", 0, m.start("code")), m["slow"] is not None)
        for m in BLOCK.finditer(text)
    ]


def name(page: Path) -> str:
    return page.relative_to(DOCS).with_suffix("").as_posix()


QUICK = {name(page): found for page in PAGES if (found := [b for b in blocks(page) if not b.is_slow])}
SLOW = {name(page): blocks(page) for page in PAGES if any(b.is_slow for b in blocks(page))}
# what a page leaves in the folder where its quick blocks, or all of its blocks, have run
LEAVES = {
    "tutorials/pretrain-on-my-pairs": ["pairs.csv"],
    "tutorials/publish-a-model": ["shared/config.json"],
    "guide/what-a-score-means": ["calibrated/calibration.json", "rows.csv"],
    "guide/gate": ["rows.csv"],
}
LEAVES_SLOW = {
    "tutorials/pretrain-on-my-pairs": ["outputs/pairs/backbone/config.json"],
    "tutorials/read-my-image": ["pictures/image.png"],
    "tutorials/fine-tune-vqa": ["outputs/vqa/model/config.json", "outputs/vqa/predictions/vqa.parquet"],
    "tutorials/compare-two-models": ["outputs/a/results.json", "outputs/b/results.json"],
    "guide/from-python": ["outputs/notebook/predictions/vqa.parquet"],
    "guide/own-data-set": ["outputs/mine/predictions/classification.parquet"],
    "guide/exported-model": ["findings.onnx", "findings.onnx.json"],
    "guide/deployment": ["findings/configs/inference.json", "findings/models/model.pt2"],
    "guide/loggers": ["outputs/csv/logs/metrics.csv"],
    "guide/ray-train": ["outputs/ray/model/config.json"],
}
NEEDS = {"guide/ray-train": "ray"}  # packages that no extra brings


@pytest.fixture(scope="module")
def corpus(phantoms: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the phantoms of all tests, a few in the layout of ChestX-ray14, and an image. Read only."""
    from gkmvlp.data_modules.synthetic import chest_xray14

    root = tmp_path_factory.mktemp("tutorials")
    chest_xray14.write(root / "labels", 8, 0, size=32, workers=1)
    (root / "phantoms").mkdir()
    for folder in [*phantoms.iterdir(), root / "labels/chestxray14"]:
        (root / "phantoms" / folder.name).symlink_to(folder)
    shutil.copy(min((root / "labels").rglob("*.png")), root / "image.png")
    return root


def run(block: Block, page: str, namespace: dict[str, Any]) -> None:
    if block.kind == "python":
        code = "\n" * block.line + block.code  # a traceback then names the line of the page
        exec(compile(code, str(DOCS / f"{page}.md"), "exec"), namespace)
        return
    from gkmvlp.app.cli import main

    for line in block.code.replace("\\\n", " ").splitlines():
        program, *words = shlex.split(line, comments=True) or [""]
        if program == "gkmvlp":
            shrunk = SHORT if words[0] == "fit" else []
            assert main([*words, *shrunk]) == 0, line


def tell(page: str, found: list[Block], leaves: list[str], corpus: Path, folder: Path) -> None:
    """Runs the blocks of a page in a folder."""
    (folder / "phantoms").symlink_to(corpus / "phantoms")
    shutil.copy(corpus / "image.png", folder)
    namespace: dict[str, Any] = {"__name__": "page"}
    for block in found:
        run(block, page, namespace)
    assert [file for file in leaves if not (folder / file).is_file()] == []


@pytest.mark.parametrize("page", QUICK)
def test_quick_code_runs(page, corpus, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tell(page, QUICK[page], LEAVES.get(page, []), corpus, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("page", SLOW)
def test_code_that_trains_runs(page, corpus, tmp_path, monkeypatch):
    if page in NEEDS:
        pytest.importorskip(NEEDS[page])
    monkeypatch.chdir(tmp_path)
    tell(page, SLOW[page], LEAVES.get(page, []) + LEAVES_SLOW[page], corpus, tmp_path)


def test_what_a_page_should_leave_is_looked_for():
    assert set(LEAVES) <= set(QUICK)
    assert set(LEAVES_SLOW) == set(SLOW)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_page_that_has_python_has_some_that_is_run(page):
    text = page.read_text(encoding="utf-8")
    assert "```python" not in text or blocks(page)
    assert text.count("<!-- tested") == len(blocks(page)), "a mark stands above no block"


def test_every_page_stands_in_the_navigation():
    def files(entry: Any) -> list[str]:
        if isinstance(entry, str):
            return [entry]
        return [file for part in (entry.values() if isinstance(entry, dict) else entry) for file in files(part)]

    listed = files(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])
    there = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md") if ".template" not in page.name}
    assert sorted(listed) == sorted(there)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda page: page.stem)
def test_links_of_the_pages_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []
