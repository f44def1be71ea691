import json
from dataclasses import replace

import pytest

from gkmvlp.app.cli import main
from gkmvlp.metrics.results.evaluate import figures_of, groups_of
from gkmvlp.metrics.results.metric_result import Results
from gkmvlp.metrics.results.predictions import write_predictions
from gkmvlp.metrics.results.tables import interval, is_headline, number
from tests.metrics.corpora import META, entity_table, vqa_table


def _run(folder, task, table, **meta):
    """A results file with its predictions, as a run leaves them."""
    path = folder / "predictions" / f"{task}.parquet"
    write_predictions(path, table, {**META, "task": task, **meta})
    results = Results("2025-01-01T00:00:00+00:00", "gkmvlp demo", None, 1.0, 1, figures_of(path))
    results.write(folder / "results.json")
    return folder / "results.json"


def test_evaluate_repeats_the_results_file(tmp_path, capsys):
    written = json.loads(_run(tmp_path, "vqa", vqa_table()).read_text())["figures"]
    assert main(["evaluate", str(tmp_path / "predictions" / "vqa.parquet"), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)["figures"]
    assert len(again) == len(written) == 16
    for old, new in zip(written, again, strict=True):
        for name in ("value", "low", "high"):
            assert new[name] == pytest.approx(old[name], abs=1e-9)
        same = set(old) - {"value", "low", "high", "predictions", "seed_sd", "baselines", "difference"}
        assert {name: old[name] for name in same} == {name: new[name] for name in same}


def test_evaluate_prints_the_main_figures_and_why_they_are_bounded(tmp_path, capsys):
    """Every main figure of --json has one line with its value, and every note of one is told once."""
    _run(tmp_path, "vqa", vqa_table())
    file = str(tmp_path / "predictions" / "vqa.parquet")
    figures = figures_of(file)
    assert main(["evaluate", file]) == 0
    lines = capsys.readouterr().out.splitlines()
    for figure in filter(is_headline, figures):
        expected = {figure.task, figure.name, figure.model, number(figure.value), *filter(None, [figure.label])}
        assert sum(expected <= set(line.split()) for line in lines) >= 1, figure.name
    for note in {figure.note for figure in figures if figure.note and is_headline(figure)}:
        assert sum(line.endswith(f": {note}") for line in lines) == 1


def test_evaluate_by_group_prints_a_row_a_group(tmp_path, capsys):
    file = tmp_path / "vqa.parquet"
    table = vqa_table()
    write_predictions(file, table.assign(sex=["F", "M"] * (len(table) // 2)), {**META, "task": "vqa"})
    assert main(["evaluate", str(file), "--by", "sex"]) == 0
    head, *rows = capsys.readouterr().out.partition("figure ")[2].splitlines()
    assert head.split()[:4] == ["label", "model", "by", "group"]
    groups = groups_of(file, ["sex"])
    assert len(rows) == sum(len(each.groups) + (each.gap is not None) + bool(each.unknown) for each in groups)


def test_evaluate_makes_a_tested_run_comparable(tmp_path, capsys):
    """fit and test leave predictions; the folder then gets what compare reads, and compare says so before."""
    runs = [tmp_path / name for name in "ab"]
    for run in runs:
        _run(run, "zero_shot", entity_table()).unlink()
    assert main(["compare", *map(str, runs)]) == 1
    assert f"gkmvlp evaluate {runs[0]} makes it of the run's predictions" in capsys.readouterr().err
    for run in runs:
        assert main(["evaluate", str(run)]) == 2  # the page needs the config of a run; its figures are there
        assert "config.yaml" in capsys.readouterr().err
    assert main(["compare", *map(str, runs)]) == 0


def test_evaluate_leaves_results_that_are_of_the_predictions(tmp_path, capsys):
    """They tell what the training cost."""
    results = _run(tmp_path, "zero_shot", entity_table())
    written = results.read_bytes()
    assert main(["evaluate", str(tmp_path)]) == 0
    assert "entity_auroc_macro" in capsys.readouterr().out
    assert results.read_bytes() == written


def test_evaluate_says_what_a_folder_without_predictions_lacks(tmp_path, capsys):
    assert main(["evaluate", str(tmp_path)]) == 2
    assert "expected predictions/*.parquet, found none; run gkmvlp test" in capsys.readouterr().err


def test_evaluate_names_a_file_that_is_absent(tmp_path, capsys):
    assert main(["evaluate", str(tmp_path / "absent.parquet")]) == 1
    err = capsys.readouterr().err
    assert "absent.parquet" in err
    assert err.count("\n") == 1


def test_compare_equals_the_difference_inside_one_file(tmp_path, capsys):
    """Two runs of one model each compare as the two models of one file do."""
    table = entity_table()
    both = _run(tmp_path / "both", "zero_shot", table)
    inside = next(f for f in Results.read(both).figures if f.model == "pretrained" and f.label is None)
    files = [_run(tmp_path / m, "zero_shot", table[table["model"] == m]) for m in ("pretrained", "scratch")]
    assert main(["compare", *map(str, files), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["differences"]
    main_row = next(row for row in found if row["label"] is None)
    assert main_row["models"] == ["pretrained", "scratch"]
    assert main_row["difference"] == pytest.approx(inside.difference["scratch"])
    assert main(["compare", *map(str, files)]) == 0
    of_files = capsys.readouterr().out
    assert "entity_auroc_macro" in of_files
    assert main(["compare", *(str(file.parent) for file in files)]) == 0  # folders of runs
    assert capsys.readouterr().out == of_files
    record = tmp_path / "pair.json"
    assert main(["compare", *map(str, files), "--called", "A", "B", "--record", str(record)]) == 0
    table = json.loads(record.read_text())
    assert (table["kind"], table["columns"]) == ("table", ["figure", "A", "B", "A - B", "n (patients)"])
    (row,) = (row for row in table["rows"] if row[0] == "zero_shot entity_auroc_macro")
    assert row[3] == interval(inside.difference["scratch"])
    assert row[1] == interval({"value": inside.value, "low": inside.low, "high": inside.high})
    assert len(table["rows"]) == len(found)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"signature": {"layers": "all"}}, "layers:all"),
        ({"split": "other@0123456789ab"}, "signatures differ"),
        ({"data": "elsewhere"}, "nothing to compare"),
    ],
)
def test_compare_refuses_unlike_figures(tmp_path, capsys, change, message):
    a = _run(tmp_path / "a", "zero_shot", entity_table())
    b = _run(tmp_path / "b", "zero_shot", entity_table(), **change)
    assert main(["compare", str(a), str(b)]) == 1
    assert message in capsys.readouterr().err


def test_compare_refuses_other_patients_and_changed_predictions(tmp_path, capsys):
    a = _run(tmp_path / "a", "zero_shot", entity_table())
    b = _run(tmp_path / "b", "zero_shot", entity_table(patients=12))
    assert main(["compare", str(a), str(b)]) == 1
    assert "same samples and patients" in capsys.readouterr().err
    results = Results.read(a)
    results.figures = [replace(f, value=0.123) if f.label is None else f for f in results.figures]
    results.write(a)
    assert main(["compare", str(a), str(a)]) == 1
    assert "rerun" in capsys.readouterr().err
