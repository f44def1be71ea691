import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import matplotlib

from gkmvlp.app.pages.page import Section, figure_table, group_table, paragraph, png, table, tiles, write_page
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.group_result import Group, GroupedResult
from gkmvlp.metrics.results.predictions import write_predictions
from tests.metrics.corpora import META, entity_table

matplotlib.use("Agg")
VOID = {"meta", "img", "br", "path", "circle"}


class _Nesting(HTMLParser):
    """Fails on a tag that is closed out of order."""

    def __init__(self):
        super().__init__()
        self.open, self.sources = [], []

    def handle_starttag(self, tag, attrs):
        self.sources += [value for name, value in attrs if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in VOID

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def _page(tmp_path, **options):
    write_predictions(tmp_path / "e.parquet", entity_table(), {**META, "task": "zero_shot"})
    from matplotlib.figure import Figure as Plot

    plot = Plot(figsize=(1, 1))
    plot.subplots().plot([0, 1])
    parts = [
        paragraph("a < b & c"),
        tiles([("AUROC", "0.9", "baseline 0.5")]),
        table(["question", "score"], [["<script>x</script>", 0.5], ["why", None]]),
        figure_table(figures_of(tmp_path / "e.parquet")),
        png(plot, "A line"),
    ]
    path = tmp_path / "report.html"
    write_page(path, "Title", [Section("First", parts), Section("Second")], facts={"seed": 0}, **options)
    return path.read_text()


def test_page_is_one_file_well_nested_and_escaped(tmp_path):
    html = _page(tmp_path)
    parser = _Nesting()
    parser.feed(html)
    assert not parser.open
    assert all(source.startswith(("data:image/png;base64,", "#")) for source in parser.sources)
    assert "<script" not in html
    (page,) = re.findall(r"docs/\S+\.md", html)
    assert (Path(__file__).resolve().parents[3] / page).is_file()
    assert "a &lt; b &amp; c" in html
    picture = re.search(r'base64,([^"]+)"', html)[1]
    assert base64.b64decode(picture)[:4] == b"\x89PNG"
    models, defined = 2, 3  # macro, edema and mass; "always" has one class only
    assert html.count('class="bar"') == models * defined


def test_names_of_labels_stand_as_they_are(tmp_path):
    renamed = entity_table().assign(entity=lambda rows: rows["entity"].replace({"mass": "<b> & mass"}))
    write_predictions(tmp_path / "e.parquet", renamed, {**META, "task": "zero_shot"})
    html = figure_table(figures_of(tmp_path / "e.parquet"))
    assert "<td>&lt;b&gt; &amp; mass</td>" in html


def test_banner_says_what_the_model_saw(tmp_path):
    assert "A model that never saw a patient" in _page(tmp_path)
    real = _page(tmp_path, phantoms_only=False, credentialed=True)
    assert "never saw" not in real
    assert "credentialed" in real
    assert "not for clinical use" in real


def test_figures_by_group_are_folded_away_and_the_gap_is_a_row():
    groups = [Group("F", 60, 40, 0.8, 0.7, 0.9), Group("M<b>", 50, 35, 0.7, 0.6, 0.8)]
    told = GroupedResult("vqa", "accuracy_overall", None, "pretrained", "d", "s", "sex", groups, 0, "M<b>", "F", 0.1,
                         -0.05, 0.25, "metric:x")  # fmt: skip
    html = group_table([told])
    assert html.startswith("<details><summary>By sex (3)</summary>")
    assert "0.800 [0.700, 0.900]" in html
    assert "gap: F from M&lt;b&gt;" in html
    assert "0.100 [-0.050, 0.250]" in html
    assert group_table([]) == ""
