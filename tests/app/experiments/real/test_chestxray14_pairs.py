"""Pairs out of ChestX-ray14: sentences that the labeler reads back, counts, and the prevalence against loops."""

from collections import Counter
from itertools import combinations
from math import log

import numpy as np
import pandas as pd
import pytest

from gkmvlp.app.experiments.real.chestxray14_pairs import (
    NAMES,
    WORDINGS,
    build_pairs,
    over_folds,
    prevalence_nats,
    sentence,
)
from gkmvlp.app.experiments.real.labeler import label
from gkmvlp.errors import DataError
from gkmvlp.report.sections import report_text


def images_of_each_wording():
    """An image name for each of the wordings."""
    found: dict[str, str] = {}
    for number in range(50):
        image = f"{number:08d}_000.png"
        found.setdefault(sentence("Hernia", image).replace("hernia", "{}").removeprefix("FINDINGS: "), image)
    assert set(found) == set(WORDINGS)
    return list(found.values())


def read_back(labels, image):
    """Whether the labeler finds in the sentence what the labels name, and nothing else."""
    wanted = {NAMES[name]: 1 for name in labels.split("|") if name != "No Finding"}
    return label(report_text(sentence(labels, image))) == wanted


def test_the_labeler_reads_every_wording_back():
    pairs = ["|".join(pair) for size in (1, 2) for pair in combinations(NAMES, size)]
    wrong = [(labels, image) for labels in ["No Finding", *pairs, "|".join(NAMES)] for image in images_of_each_wording()
             if not read_back(labels, image)]  # fmt: skip
    assert len(NAMES) == 14
    assert wrong == []


def test_a_label_that_is_unknown_is_an_error():
    with pytest.raises(DataError, match="'Wart'"):
        sentence("Mass|Wart", "a.png")


def test_real_images_are_found_and_every_label_set_is_read_back(shared_data):
    pairs = build_pairs(shared_data / "chestxray14")
    assert (pairs.images, len(pairs.table), pairs.table["patient_id"].nunique()) == (535, 483, 379)
    assert pairs.dropped == {"not in train_val_list.txt": 52}
    assert all((shared_data / "chestxray14" / image).is_file() for image in pairs.table["image"])
    said = Counter(report.split()[1] for report in pairs.table["report"])
    assert min(said.values()) > 483 / 3 * 0.75  # three wordings, about a third each
    table = pd.read_csv(shared_data / "chestxray14" / "Data_Entry_2017_v2020.csv").drop_duplicates("Finding Labels")
    wrong = [row for row in zip(table["Finding Labels"], table["Image Index"], strict=True) if not read_back(*row)]
    assert wrong == []


def test_missing_files_are_named(tmp_path):
    with pytest.raises(DataError, match=r"train_val_list\.txt"):
        build_pairs(tmp_path)


def test_prevalence_against_a_loop():
    rng = np.random.default_rng(0)
    train_NE, held_out_NE = rng.integers(-2, 2, (2, 40, 3)).astype(np.int8)
    entropy, cost, entries = 0.0, 0.0, 0
    for column in range(3):
        known = [int(status == 1) for status in train_NE[:, column] if status != -1]
        p = (sum(known) + 0.5) / (len(known) + 1)
        entropy -= (p * log(p) + (1 - p) * log(1 - p)) / 3
        for status in held_out_NE[:, column]:
            if status != -1:
                entries += 1
                cost -= log(p) if status == 1 else log(1 - p)
    assert prevalence_nats(train_NE, held_out_NE) == pytest.approx((cost / entries, entropy))


def test_prevalence_is_what_ecls_gives_for_constant_logits():
    torch = pytest.importorskip("torch")
    from gkmvlp.losses.ecls import entity_classification

    rng = np.random.default_rng(1)
    train_NE, held_out_NE = rng.integers(-2, 2, (2, 30, 4)).astype(np.int8)
    kept = train_NE != -1
    p = torch.tensor(((train_NE == 1).sum(0) + 0.5) / (kept.sum(0) + 1))
    logits = torch.stack([torch.log1p(-p), p.log()], -1).expand(30, 4, 2)
    loss = entity_classification(logits, torch.tensor(held_out_NE))
    assert prevalence_nats(train_NE, held_out_NE)[0] == pytest.approx(loss.item())


def test_an_entity_that_training_never_shows_costs_a_finite_amount():
    cost, _ = prevalence_nats(np.zeros((9, 1), np.int8), np.ones((1, 1), np.int8))
    assert cost == pytest.approx(log(20))


def test_interval_over_folds_is_that_of_scipy():
    stats = pytest.importorskip("scipy.stats")
    for values in ([1.0, 2.0], [0.3, 0.1, -0.4], [5.0, 5.5, 4.0, 4.5], [1.0, 2.0, 4.0, 8.0, 16.0]):
        low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
        assert over_folds(values) == pytest.approx((np.mean(values), low, high), rel=2e-3)
    assert over_folds([2.0]) == (2.0, None, None)
