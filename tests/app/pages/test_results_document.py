import dataclasses
import json
from pathlib import Path

import pytest

from gkmvlp.app.cli import main
from gkmvlp.metrics.results.group_result import Group, GroupedResult
from gkmvlp.metrics.results.metric_result import MetricResult, Results

DOCS = Path(__file__).resolve().parents[3] / "docs"


@pytest.fixture
def docs(tmp_path):
    figures = [
        MetricResult("vqa", "accuracy_overall", 0.7, "a:1", model="pretrained", data="vqa-rad", low=0.65, high=0.75,
                     n=451, n_patients=203, seeds=3, seed_sd=0.01,
                     baselines={"majority": {"value": 0.4, "low": 0.3, "high": 0.5}},
                     difference={"majority": {"value": 0.3, "low": 0.2, "high": 0.4}}),
        MetricResult("vqa", "accuracy_open", None, "a:1", model="pretrained", data="vqa-rad", note="no open question"),
        MetricResult("zero_shot", "entity_auroc_macro", 0.8, "a:1", label="mass", model="pretrained"),
    ]  # fmt: skip
    Results("2025-01-02T00:00:00+00:00", "make demo", "abc", 61.0, 2 * 10**9, figures).write(
        tmp_path / "results" / "run.json"
    )
    table = {"schema": 1, "kind": "table", "title": "Limits", "command": "make limits", "columns": ["entity", "auroc"],
             "rows": [["a|b", 0.71234], ["c", None]], "note": "Measured."}  # fmt: skip
    (tmp_path / "results" / "limits.json").write_text(json.dumps(table))
    (tmp_path / "results.template.md").write_text(
        "# Results\n\nWhy.\n\n<!-- results: run.json task=vqa name=accuracy_overall,accuracy_open -->\n\nAfter.\n"
    )
    return tmp_path


def test_template_and_files_become_the_page(docs):
    assert main(["experiment", "results", "--docs", str(docs)]) == 0
    text = (docs / "results.md").read_text()
    assert "0.700 [0.650, 0.750]" in text
    assert "majority 0.400 [0.300, 0.500]" in text
    assert "majority +0.300 [0.200, 0.400]" in text
    assert "n/a" in text
    assert "accuracy_open: no open question" in text
    assert "`make demo`, commit abc, 61 s, peak 2.0 GB, 2025-01-02" in text
    assert "zero_shot" not in text  # the template chose by task
    assert text.index("Why.") < text.index("0.700") < text.index("After.") < text.index("## Limits")
    assert "| a\\|b | 0.712 |" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.replace("\\|", "").count("|") > 2 for line in rows)


@pytest.mark.parametrize(
    ("labels", "title"), [([], "legacy rules"), (["mass"], "single labels and legacy rules")], ids=["one", "several"]
)
def test_legacy_rules_stand_below_the_main_table(labels, title, docs):
    names = ("map_40_75", "map_40_75_legacy_mgca")
    figures = [
        MetricResult("localization", name, 0.4, "a:1", label=label) for name in names for label in (None, *labels)
    ]
    file = docs / "results" / "run.json"
    Results("2025-01-02T00:00:00+00:00", "make demo", None, None, None, figures).write(file)
    (docs / "results.template.md").write_text("<!-- results: run.json -->\n")
    assert main(["experiment", "results", "--docs", str(docs)]) == 0
    main_table, _, folded = (docs / "results.md").read_text().partition("<details>")
    assert "| map_40_75 |" in main_table
    assert "legacy" not in main_table
    assert folded.startswith(f"<summary>localization: {title}</summary>")
    assert "| map_40_75_legacy_mgca |" in folded


def test_check_sees_a_page_out_of_date(docs, capsys):
    assert main(["experiment", "results", "--docs", str(docs), "--check"]) == 1
    assert "run gkmvlp experiment results" in capsys.readouterr().err
    main(["experiment", "results", "--docs", str(docs)])
    assert main(["experiment", "results", "--docs", str(docs), "--check"]) == 0
    path = docs / "results" / "run.json"
    path.write_text(path.read_text().replace("0.65", "0.61"))
    assert main(["experiment", "results", "--docs", str(docs), "--check"]) == 1


def test_what_was_not_run_says_so_with_its_command(docs):
    template = docs / "results.template.md"
    template.write_text("<!-- results: absent.json else: gkmvlp experiment real x --only a=b -->\n")
    main(["experiment", "results", "--docs", str(docs)])
    assert "Not run: `gkmvlp experiment real x --only a=b`." in (docs / "results.md").read_text()
    template.write_text("<!-- results: run.json task=vqa else: gkmvlp experiment real x -->\n")
    main(["experiment", "results", "--docs", str(docs)])
    text = (docs / "results.md").read_text()
    assert "0.700 [0.650, 0.750]" in text
    assert "Not run" not in text
    assert "zero_shot" not in text


def test_a_page_of_its_own_takes_its_files_off_the_first(docs):
    (docs / "results" / "limits.template.md").write_text("# Limits\n\n<!-- results: limits.json -->\n")
    assert main(["experiment", "results", "--docs", str(docs), "--check"]) == 1
    assert main(["experiment", "results", "--docs", str(docs)]) == 0
    assert main(["experiment", "results", "--docs", str(docs), "--check"]) == 0
    assert "| a\\|b | 0.712 |" in (docs / "results" / "limits.md").read_text()
    assert "0.712" not in (docs / "results.md").read_text()


QUOTED = {"method": "SAN", "figure": "accuracy", "value": ".727", "protocol": "official", "does the split leak": "no",
          "source": "seen"}  # fmt: skip


def test_quotations_stand_in_a_table_of_their_own(docs):
    (docs / "results" / "published.yaml").write_text(json.dumps({"slake": [QUOTED]}))
    (docs / "results.template.md").write_text("<!-- published: slake -->\n")
    assert main(["experiment", "results", "--docs", str(docs)]) == 0
    text = (docs / "results.md").read_text()
    assert "| method | figure | value | protocol | does the split leak | source |" in text
    assert "| SAN | accuracy | .727 | official | no | seen |" in text


@pytest.mark.parametrize(
    ("tables", "told"),
    [({"slake": [{**QUOTED, "leaks": "no"}]}, "differing: ['leaks']"), ({"rsna": [QUOTED]}, "no table slake")],
)
def test_a_quotation_without_its_source_stops(tables, told, docs, capsys):
    (docs / "results" / "published.yaml").write_text(json.dumps(tables))
    (docs / "results.template.md").write_text("<!-- published: slake -->\n")
    assert main(["experiment", "results", "--docs", str(docs)]) != 0
    assert told in capsys.readouterr().err


def test_the_table_of_patients_opens_results_and_readme(tmp_path):
    docs = tmp_path / "docs"
    figures = [
        MetricResult("vqa", "accuracy_overall", value, "a:1", model=model, low=value - 0.1, high=value + 0.1, n=451,
                     n_patients=203, seeds=3, baselines={"majority": {"value": 0.3, "low": 0.2, "high": 0.4}})
        for model, value in (("pretrained", 0.5), ("public_weights", 0.4))
    ]  # fmt: skip
    file = docs / "results" / "vqa-rad-official.json"
    Results("2025-01-02T00:00:00+00:00", "gkmvlp", None, 1800.0, 0, figures).write(file)
    (docs / "results.template.md").write_text("<!-- patients -->\n")
    readme = tmp_path / "README.md"
    readme.write_text("Before.\n<!-- patients -->\nold\n<!-- /patients -->\nBehind.\n")
    assert main(["experiment", "results", "--docs", str(docs), "--check"]) == 1
    assert main(["experiment", "results", "--docs", str(docs)]) == 0
    assert main(["experiment", "results", "--docs", str(docs), "--check"]) == 0
    for page in (readme, docs / "results.md"):
        lines = page.read_text().splitlines()
        rows = {line.split(" | ")[0].strip("| "): line for line in lines if line[:1] == "|"}
        assert (
            "0.500 [0.400, 0.600] | 0.400 [0.300, 0.500] | majority 0.300 | 451 (203) | 3 | 30 |"
            in rows["VQA-RAD official, questions, accuracy"]
        )
        assert "SLAKE English, questions, accuracy" not in rows
        (missing,) = [line for line in lines if line.startswith("Not run yet, of `gkmvlp experiment real`: ")]
        assert "`slake-vqa`" in missing
        assert "`vqa-rad-official`" not in missing
        assert missing.endswith("the arm random weights.")
        assert "random weights" not in rows["what"]
    (in_readme, in_results) = (page.read_text().count("VQA-RAD official") for page in (readme, docs / "results.md"))
    assert in_readme < in_results  # the README has no row of a variant
    assert "| VQA-RAD official, questions on chests | not measured |" in (docs / "results.md").read_text()
    assert readme.read_text().startswith("Before.\n<!-- patients -->\n| what |")
    assert readme.read_text().endswith("<!-- /patients -->\nBehind.\n")
    readme.write_text("no mark")
    main(["experiment", "results", "--docs", str(docs)])
    assert readme.read_text() == "no mark"


def test_a_marker_without_file_and_a_foreign_schema_stop(docs, capsys):
    (docs / "results.template.md").write_text("<!-- results: absent.json -->\n")
    assert main(["experiment", "results", "--docs", str(docs)]) == 1
    assert "absent.json" in capsys.readouterr().err
    (docs / "results.template.md").unlink()
    (docs / "results" / "limits.json").write_text('{"schema": 2}')
    assert main(["experiment", "results", "--docs", str(docs)]) == 1
    assert "schema" in capsys.readouterr().err


def test_the_committed_page_is_what_the_committed_files_give(capsys):
    assert main(["experiment", "results", "--docs", str(DOCS), "--check"]) == 0, capsys.readouterr().err


def test_figures_by_group_are_folded_below_theirs(docs):
    file = docs / "results" / "run.json"
    results = Results.read(file)
    groups = [Group("F", 60, 40, 0.8, 0.7, 0.9), Group("M", 50, 20, None, None, None)]
    results.groups = [
        GroupedResult("vqa", "accuracy_overall", None, "pretrained", "vqa-rad", "s", "sex", groups, 3, None, None, None,
                      None, None, "a:1")
    ]  # fmt: skip
    results.figures = [dataclasses.replace(figure, split="s") for figure in results.figures]
    results.write(file)
    assert Results.read(file).groups == results.groups
    assert main(["experiment", "results", "--docs", str(docs)]) == 0
    text = (docs / "results.md").read_text()
    assert "<details><summary>vqa, vqa-rad, s: by sex</summary>" in text
    assert "| accuracy_overall |  | pretrained | sex | F | 60 (40) | 0.800 [0.700, 0.900] |" in text
    assert "| accuracy_overall |  | pretrained | sex | M | 50 (20) | too few |" in text
    assert "| accuracy_overall |  | pretrained | sex | not known | 3 |  |" in text
