"""Figures of reports: against outside implementations, plain loops, and what must come of odd rows."""

import math
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from torchmetrics.functional.text import bleu_score
from torchmetrics.functional.text.rouge import rouge_score

from gkmvlp.app.cli import main
from gkmvlp.metrics.bleu import bleu, bleu_counts, bleu_curves
from gkmvlp.metrics.cider import cider_d
from gkmvlp.metrics.report_entities import NAMES, f1_curves, present
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.predictions import write_predictions
from gkmvlp.metrics.rouge import common_subsequence, rouge_l
from gkmvlp.metrics.words import words
from tests.metrics.corpora import META

GENERATED = [
    "There is a small left pleural effusion. No pneumothorax.",
    "The heart is enlarged. The heart is enlarged. The heart is enlarged.",
    "No acute cardiopulmonary abnormality.",
    "Right lower lobe consolidation, with a small right pleural effusion; ill-defined nodule.",
    "",
    "Normal.",
    "A pacemaker is seen. No pleural effusion is seen. The lungs are clear.",
]
REFERENCES = [
    "Small left pleural effusion is seen. There is no pneumothorax.",
    "Moderate enlargement of the cardiac silhouette. The lungs are clear.",
    "No acute cardiopulmonary abnormality.",
    "There is consolidation in the right lower lobe with a small pleural effusion on the right side.",
    "There is a moderate right pneumothorax.",
    "Normal heart, normal lungs.",
    "Dual-lead pacemaker. There is no evidence of pleural effusion. Clear lungs. No pneumothorax is seen.",
]
PAIRS = [(words(a), words(b)) for a, b in zip(GENERATED, REFERENCES, strict=True)]
# by pycocoevalcap 1.2 on these words, one reference each
BLEU = [0.490002526158489, 0.346040751078086, 0.235929117783447, 0.15291451722337]
ROUGE_L = [0.625641025641026, 0.184848484848485, 1, 0.520811099252935, 0, 0.36094674556213, 0.473917869034406]
CIDER = [4.32447511858047, 0.310576804665708, 10, 2.21310922998701, 0, 1.93694132494588, 1.1651522094277]


def corpus_counts(pairs=PAIRS):
    return np.array([bleu_counts(*pair) for pair in pairs], float).sum(0)


def test_words_part_at_everything_but_letters_and_digits():
    assert words("Ill-defined 1.5 cm mass (RUL); it's_new. \u00c9panchement") == [
        "ill", "defined", "1", "5", "cm", "mass", "rul", "it", "s", "new", "\u00e9panchement",
    ]  # fmt: skip
    assert words("x - ray , seen .") == words("X-ray, seen.")


def test_pycocoevalcap_gave_the_same():
    assert bleu(corpus_counts()) == pytest.approx(BLEU, abs=1e-12)
    assert [rouge_l(*pair) for pair in PAIRS] == pytest.approx(ROUGE_L, abs=1e-12)
    assert cider_d(PAIRS) == pytest.approx(CIDER, abs=1e-12)


def test_pycocoevalcap_gives_the_same_now():
    """Where it is installed; this package does not ask for it: its wheel holds Java archives under the GPL."""
    theirs = pytest.importorskip("pycocoevalcap.cider.cider", reason="pycocoevalcap is not installed")
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.rouge.rouge import Rouge

    generated, wanted = ({n: [" ".join(pair[side])] for n, pair in enumerate(PAIRS)} for side in (0, 1))
    assert bleu(corpus_counts()) == pytest.approx(Bleu(4).compute_score(wanted, generated, verbose=0)[0], abs=1e-12)
    assert [rouge_l(*pair) for pair in PAIRS] == pytest.approx(Rouge().compute_score(wanted, generated)[1], abs=1e-12)
    assert cider_d(PAIRS) == pytest.approx(theirs.Cider().compute_score(wanted, generated)[1], abs=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_bleu_is_that_of_torchmetrics(n):
    generated, wanted = ([" ".join(pair[side]) for pair in PAIRS] for side in (0, 1))
    theirs = bleu_score(generated, [[text] for text in wanted], n_gram=n)
    assert bleu(corpus_counts())[n - 1] == pytest.approx(float(theirs), abs=1e-6)


def test_bleu_is_that_of_a_plain_loop():
    hits, total = Counter(), Counter()
    for generated, wanted in PAIRS:
        for n in range(1, 5):
            left = [tuple(wanted[i : i + n]) for i in range(len(wanted) - n + 1)]
            for i in range(len(generated) - n + 1):
                total[n] += 1
                if (gram := tuple(generated[i : i + n])) in left:
                    left.remove(gram)
                    hits[n] += 1
    lengths = [sum(len(pair[side]) for pair in PAIRS) for side in (0, 1)]
    penalty = min(1, math.exp(1 - lengths[1] / lengths[0]))
    for n in range(1, 5):
        mean = math.prod(hits[k] / total[k] for k in range(1, n + 1)) ** (1 / n)
        assert bleu(corpus_counts())[n - 1] == pytest.approx(penalty * mean, abs=1e-8)


def test_perfect_and_hopeless_corpora():
    same = [(reference, reference) for _, reference in PAIRS]
    assert bleu(corpus_counts(same)) == pytest.approx(1, abs=1e-8)
    assert [rouge_l(*pair) for pair in same] == [1] * len(same)
    lost = [(["x"] * 5, reference) for _, reference in PAIRS]
    assert bleu(corpus_counts(lost)) == pytest.approx(0, abs=1e-3)
    assert sum(rouge_l(*pair) for pair in lost) == sum(cider_d(lost)) == 0
    silent = [([], reference) for _, reference in PAIRS]
    assert bleu(corpus_counts(silent)).tolist() == [0] * 4
    assert sum(rouge_l(*pair) for pair in silent) == sum(cider_d(silent)) == 0


def test_rouge_is_made_of_torchmetrics_precision_and_recall():
    for generated, wanted in PAIRS:
        theirs = rouge_score(" ".join(generated), " ".join(wanted), rouge_keys="rougeL")
        precision, recall = (float(theirs[f"rougeL_{part}"]) for part in ("precision", "recall"))
        expected = 2.44 * precision * recall / (recall + 1.44 * precision) if precision else 0
        assert rouge_l(generated, wanted) == pytest.approx(expected, abs=1e-6)


def test_common_subsequences_of_random_words_equal_a_table():
    generator = np.random.default_rng(0)
    for _ in range(200):
        a, b = (generator.choice(list("abcd"), generator.integers(0, 80)).tolist() for _ in range(2))
        table = np.zeros((len(a) + 1, len(b) + 1), int)
        for i, j in np.ndindex(len(a), len(b)):
            table[i + 1, j + 1] = table[i, j] + 1 if a[i] == b[j] else max(table[i, j + 1], table[i + 1, j])
        assert common_subsequence(a, b) == table[-1, -1]


def test_cider_is_that_of_the_papers_formulas():
    """Equations 1 and 5 of Vedantam et al. with whole vectors over all n-grams."""
    score = np.zeros(len(PAIRS))
    for n in range(1, 5):
        grams = [[Counter(tuple(text[i : i + n]) for i in range(len(text) - n + 1)) for text in pair] for pair in PAIRS]
        every = sorted(set().union(*(counts for pair in grams for counts in pair)))
        count_N2G = np.array([[[counts[gram] for gram in every] for counts in pair] for pair in grams], float)
        idf_G = np.log(len(PAIRS) / np.maximum(1, (count_N2G[:, 1] > 0).sum(0)))
        for i, (generated_G, wanted_G) in enumerate(count_N2G * idf_G):
            norms = np.linalg.norm(generated_G) * np.linalg.norm(wanted_G)
            cosine = np.minimum(generated_G, wanted_G) @ wanted_G / norms if norms else 0
            delta = len(PAIRS[i][0]) - len(PAIRS[i][1])
            score[i] += 10 / 4 * math.exp(-(delta**2) / (2 * 6**2)) * cosine
    assert cider_d(PAIRS) == pytest.approx(score)


def test_the_curves_are_the_figures_of_repeated_reports():
    """A resample that draws a patient twice counts its reports twice."""
    unit = np.array([0, 0, 1, 1, 2, 2, 3])
    counts = np.random.default_rng(0).integers(0, 4, (20, 4)).astype(np.uint16)
    said, wanted = present(GENERATED), present(REFERENCES)
    curves = bleu_curves(PAIRS, unit, counts)
    micro, each = f1_curves(said, wanted, unit, counts)
    for v, weight in enumerate(counts):
        drawn = np.repeat(np.arange(len(PAIRS)), weight[unit])
        again = bleu(corpus_counts([PAIRS[i] for i in drawn])) if len(drawn) else [np.nan] * 4
        assert curves[:, v] == pytest.approx(again, nan_ok=True)
        hits, total = (said & wanted)[drawn].sum(), said[drawn].sum() + wanted[drawn].sum()
        assert micro[v] == pytest.approx(2 * hits / total if wanted[drawn].any() else np.nan, nan_ok=True)
        for e in range(len(NAMES)):
            pair = said[drawn, e], wanted[drawn, e]
            one = 2 * (pair[0] & pair[1]).sum() / (pair[0].sum() + pair[1].sum()) if pair[1].any() else np.nan
            assert each[e, v] == pytest.approx(one, nan_ok=True)


def report_table(generated=GENERATED, references=REFERENCES, seeds=(0, 1)):
    rows = [
        {
            "sample_id": f"i{i}",
            "patient_id": f"p{i // 2}",
            "model": model,
            "seed": seed,
            "target": b,
            "prediction": text,
        }
        for model in ("pretrained", "baseline:most_common_report")
        for seed in seeds
        for i, (a, b) in enumerate(zip(generated, references, strict=True))
        for text in [a if model == "pretrained" else "No acute cardiopulmonary abnormality."]
    ]
    return pd.DataFrame(rows)


def figures(path, table):
    meta = {**META, "task": "report_generation", "signature": {"sections": "both"}}
    write_predictions(path, table, meta)
    return {(figure.name, figure.label): figure for figure in figures_of(path)}


def test_figures_of_a_file(tmp_path):
    found = figures(tmp_path / "f.parquet", report_table())
    for n, value in enumerate(BLEU, 1):
        assert found[f"bleu_{n}", None].value == pytest.approx(value)
    assert found["rouge_l", None].value == pytest.approx(np.mean(ROUGE_L))
    assert found["cider", None].value == pytest.approx(np.mean(CIDER))
    said, wanted = present(GENERATED), present(REFERENCES)
    micro, macro = found["entity_f1_micro", None], found["entity_f1_macro", None]
    assert micro.value == pytest.approx(2 * (said & wanted).sum() / (said.sum() + wanted.sum()))
    each = [found["entity_f1_macro", NAMES[e]].value for e in np.flatnonzero(wanted.any(0))]
    assert macro.value == pytest.approx(np.mean(each))
    assert f"left out, present in no reference: {len(NAMES) - len(each)} of {len(NAMES)}" in macro.note
    assert (micro.n, micro.n_patients, micro.seeds) == (7, 4, 2)
    assert set(micro.baselines) == set(micro.difference) == {"most_common_report"}
    assert micro.baselines["most_common_report"]["value"] == 0
    assert "empty generated reports, scored as such: 2 over all seeds" in found["cider", None].note
    for part in ("sections:both", "refs:full", "tokens:lower-case", "variant:CIDEr-D, sigma 6", "df:references"):
        assert part in found["cider", None].signature
    assert "beta:1.2" in found["rouge_l", None].signature


def test_truncated_references_are_another_figure(tmp_path):
    long = [f"{text} {' '.join(['and so on'] * 60)}" for text in REFERENCES]
    found = figures(tmp_path / "f.parquet", report_table(references=long))
    assert found["bleu_1", "refs100"].value > found["bleu_1", None].value
    assert "refs:first 100 words" in found["bleu_1", "refs100"].signature
    cut = [(a, words(b)[:100]) for (a, _), b in zip(PAIRS, long, strict=True)]
    assert found["rouge_l", "refs100"].value == pytest.approx(np.mean([rouge_l(*pair) for pair in cut]))


@pytest.mark.parametrize(
    ("references", "said"),
    [
        ([*REFERENCES[:-2], "", " . "], "empty references, left out: 2"),
        ([*REFERENCES[:-1], None], "empty references, left out: 1"),
        ([""] * 7, "undefined: no row has a reference"),
        (["", "", "Small effusion.", "", "", "", ""], "undefined: one reference has no document frequencies"),
        (["No effusion."] * 7, "undefined: no reference calls an entity present"),
    ],
)
def test_odd_references_are_counted_and_the_command_goes_on(tmp_path, capsys, references, said):
    found = figures(tmp_path / "f.parquet", report_table(references=references, seeds=(0,)))
    assert any(said in (figure.note or "") for figure in found.values())
    for figure in found.values():
        assert (figure.value is None) == ("undefined:" in (figure.note or "")), figure
    assert main(["evaluate", str(tmp_path / "f.parquet")]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    assert said in told.out


def test_generated_reports_that_are_all_empty_are_scored(tmp_path):
    found = figures(tmp_path / "f.parquet", report_table(generated=[""] * 7, seeds=(0,)))
    assert {figure.value for figure in found.values()} == {0}
    assert all("scored as such: 7" in found[name, None].note for name in ("bleu_4", "rouge_l", "entity_f1_micro"))


def test_entities_are_those_that_the_labeler_finds_present():
    said = present(["Possible pneumonia. No effusion.", "Left pneumothorax and a mass. No effusion.", ""])
    assert [[NAMES[e] for e in np.flatnonzero(row)] for row in said] == [[], ["mass", "pneumothorax"], []]
    assert present([]).shape == (0, len(NAMES))
