"""Small predictions tables for the tests of metrics and commands."""

import numpy as np
import pandas as pd

META = {"data": "phantom-tiny", "split": "official@0123456789ab", "boxes": "atlas", "trained_on": "phantoms only"}
MODELS = {"pretrained": 1.5, "scratch": 0.5, "baseline:prior": 0.2}


def entity_table(patients=20, seeds=(0, 1), folds=0, models=MODELS):
    """Two entities with both classes and one ("always") without, two images a patient."""
    generator = np.random.default_rng(0)
    present = generator.random((2 * patients, 2)) < 0.4
    rows = []
    for model, strength in models.items():
        for seed in (0,) if model.startswith("baseline:") else seeds:
            for image in range(2 * patients):
                for column, entity in enumerate(("edema", "mass", "always")):
                    target = 1.0 if entity == "always" else float(present[image, column])
                    score = round(strength * target + generator.normal(), 1)
                    rows.append((f"i{image}", f"p{image // 2}", model, seed, image // 2 % max(folds, 1), entity,
                                 target, score))  # fmt: skip
    names = ["sample_id", "patient_id", "model", "seed", "fold", "entity", "target", "score"]
    table = pd.DataFrame(rows, columns=names)
    return table if folds else table.drop(columns="fold")


def vqa_table(patients=12, seeds=(0, 1, 2)):
    """Open and closed questions; the pre-trained model answers best."""
    generator = np.random.default_rng(1)
    rows = []
    share = {"pretrained": 0.8, "scratch": 0.5, "baseline:question_only": 0.4, "baseline:majority": 0.3}
    for model, right in share.items():
        for seed in (0,) if model == "baseline:majority" else seeds:
            for question in range(4 * patients):
                closed = question % 4 < 2
                target = ("Yes", "no")[question % 2] if closed else ("The left lung", "two")[question % 2]
                guess = target.lower() if generator.random() < right else "heart"
                guess = guess.removeprefix("the ")
                rows.append((f"i{question // 4}", f"p{question // 4}", model, seed, f"q{question}",
                             "CLOSED " if closed else "OPEN", question % 3 == 0, target, guess, closed))  # fmt: skip
    names = ["sample_id", "patient_id", "model", "seed", "question", "answer_type", "chest", "target", "prediction",
             "in_vocabulary"]  # fmt: skip
    return pd.DataFrame(rows, columns=names)


def grounding_table():
    """Four trials of two entities, one with two boxes, one row without a box, one point missing."""
    rows = [
        ("i0", "p0", "mass", True, 5.0, 5.0, [0, 0, 10, 10]),
        ("i1", "p0", "mass", True, 15.0, 5.0, [0, 0, 10, 10, 14, 4, 16, 6]),
        ("i2", "p1", "mass", True, np.nan, np.nan, [0, 0, 10, 10]),
        ("i3", "p2", "edema", False, 11.0, 5.0, [0, 0, 10, 10]),
        ("i4", "p2", "edema", False, 5.0, 5.0, []),
    ]
    table = pd.DataFrame(rows, columns=["sample_id", "patient_id", "entity", "lateral", "x", "y", "boxes"])
    table["boxes"] = table["boxes"].map(lambda flat: [float(x) for x in flat])
    baseline = table.assign(model="baseline:prior_box", x=100.0, y=100.0)
    return pd.concat([table.assign(model="pretrained"), baseline]).assign(seed=0)
