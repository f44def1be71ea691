"""What the result page draws from predictions: curves, reliability, boxes worst first, reports by agreement."""

import re

import matplotlib
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.colors import to_hex
from PIL import Image

from gkmvlp.app.pages import saliency
from gkmvlp.app.pages.page import png
from gkmvlp.app.pages.plots import detections, regions, reliability, roc_and_precision
from gkmvlp.app.pages.reports import report_pairs
from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.geometry import Letterbox
from gkmvlp.metrics.auroc import weighted_auroc
from gkmvlp.models.heads.label_head import LabelHead
from gkmvlp.tasks.parts.drawing import panels
from gkmvlp.zoo.inference.predictor import Predictor
from tests.app.small_models import ENTITIES, build
from tests.metrics.corpora import entity_table

matplotlib.use("Agg")


def drawn(axis, colour):
    """Lines of that colour."""
    return [line for line in axis.lines if to_hex(line.get_color()) == to_hex(colour)]


def test_area_under_the_drawn_roc_is_the_auroc():
    table = entity_table(models={"pretrained": 1.5, "scratch": 0.5})
    axes = roc_and_precision(table).axes
    assert sorted(axis.get_title() for axis in axes if axis.get_title()) == ["edema", "mass"]  # "always" has one class
    for axis in axes:
        if not axis.get_title():
            continue
        for model, colour in (("pretrained", "tab:blue"), ("scratch", "tab:orange")):
            rows = table[table["model"].eq(model) & table["entity"].eq(axis.get_title()) & table["seed"].eq(0)]
            wanted = weighted_auroc(rows["score"].to_numpy(), rows["target"].to_numpy(), np.ones((1, len(rows))))[0]
            (line,) = drawn(axis, colour)
            assert np.trapezoid(line.get_ydata(), line.get_xdata()) == pytest.approx(wanted, abs=1e-6)


def test_no_label_with_both_classes_leaves_a_picture_that_says_so():
    table = entity_table(models={"pretrained": 1.0})
    plot = roc_and_precision(table[table["entity"].eq("always")])
    assert [text.get_text() for text in plot.texts] == ["nothing to show"]


def test_dollars_in_labels_are_no_formula():
    table = entity_table(models={"pretrained": 1.0})
    plot = roc_and_precision(table.assign(entity=table["entity"].replace({"mass": r"$\frac$"})))
    assert r"$\frac$" in [axis.get_title() for axis in plot.axes]
    png(plot)
    plot, (axis,) = panels(1)
    axis.set_title(r"$\frac$")
    png(plot)


def test_reliability_shows_the_share_present_of_each_bin():
    rows = [("pretrained", 0.05, 0), ("pretrained", 0.07, 1), ("pretrained", 0.95, 1), ("pretrained", 1.0, 1)]
    table = pd.DataFrame(rows, columns=["model", "score", "target"])
    (line,) = drawn(reliability(table).axes[0], "tab:blue")
    assert line.get_xdata().tolist() == pytest.approx([0.06, 0.975])
    assert line.get_ydata().tolist() == [0.5, 1.0]


def test_radiographs_whose_regions_overlap_least_come_first():
    near, far = [10.0, 10, 30, 30], [60.0, 60, 90, 90]
    rows = [("good", "trachea", near, near), ("bad", "trachea", near, far), ("bad", "carina", near, near)]
    table = pd.DataFrame(rows, columns=["sample_id", "entity", "boxes", "predicted"]).assign(score=1.0)
    image = np.zeros((50, 50), np.float32)
    axes = regions(table, lambda sample_id: (image, Letterbox(0.5, 0.5, 0, 0, 50, 50))).axes
    assert [axis.get_title() for axis in axes if axis.get_title()] == ["mean overlap 0.50", "mean overlap 1.00"]
    for colour, (low, high) in (("lime", (5, 15)), ("red", (30, 45))):
        (line,) = drawn(axes[0], colour)  # carina is not shown
        assert (min(line.get_xdata()), max(line.get_ydata())) == (low, high)


def test_worst_boxes_come_first_and_weak_ones_are_left_out():
    box, far = [10.0, 10, 30, 30], [60.0, 60, 90, 90]
    rows = [
        ("good", "Mass", box, box, [0.9], 0.5),
        ("worst", "Mass", box, far + far, [0.9, 0.8], 0.5),
        ("weak", "Mass", box, box + far, [0.9, 0.1], 0.5),
        ("weak", "$Nodule$", box, box, [0.1], 0.05),
        ("empty", "Mass", [], [], [], 0.5),
    ]
    table = pd.DataFrame(rows, columns=["sample_id", "entity", "boxes", "predicted", "scores", "threshold"])
    asked = []

    def read(sample_id):
        asked.append(sample_id)
        return np.zeros((50, 50), np.float32), Letterbox.fit(100, 100, 50)

    axes = detections(table, read).axes
    assert asked == ["worst", "good", "weak", "weak"]
    assert [len(drawn(axis, "red")) for axis in axes] == [2, 1, 1, 1]
    assert [axis.get_title() for axis in axes] == ["Mass", "Mass", "Mass", "$Nodule$"]
    assert drawn(axes[1], "lime")[0].get_xdata()[:2] == pytest.approx([5, 15])  # half the size of the original


def reports(*rows):
    """The page's table of (sample_id, target, prediction)."""
    table = pd.DataFrame(rows, columns=["sample_id", "target", "prediction"])
    return report_pairs(table, lambda sample_id: f"<i>{sample_id}</i>").partition("<tbody>")[2]


def test_entities_are_coloured_by_agreement_and_the_worst_report_comes_first():
    same = "There is a left pleural effusion. The heart is normal in size."
    rows = [("same", same, same), ("apart", "A pneumothorax.", "There is <b> cardiomegaly, no mass."), ("none", "", "")]
    body = reports(*rows)
    assert re.findall("<tr><td><i>([a-z]+)</i></td>", body) == ["apart", "same", "none"]
    assert "<b>" not in body
    marked = re.findall(r'<span class="(agree|differ)" title="([^"]+)">([^<]+)</span>', body)
    assert marked == [("differ", "pneumothorax", "pneumothorax"), ("differ", "cardiomegaly", "cardiomegaly"),
                      *[("agree", "pleural effusion", "effusion")] * 2]  # fmt: skip
    assert body.count("<i>empty</i>") == 2
    assert "0.00</td>" in body


def test_one_finding_of_a_sentence_may_agree_and_what_has_no_wording_marks_the_sentence():
    first = "The heart is enlarged with a left effusion. No mass. A small pnuemothorax is seen."
    second = "There is an effusion. A pneumothorax is seen."
    marked = re.findall(r'<span class="(agree|differ)" title="([^"]+)">([^<]+)</span>', reports(("a", first, second)))
    assert marked[:3] == [("differ", "cardiomegaly", "enlarged"), ("agree", "pleural effusion", "effusion"),
                          ("agree", "pneumothorax", "A small pnuemothorax is seen.")]  # fmt: skip


def test_of_many_reports_the_worst_and_some_up_to_the_best_are_shown():
    words = ["effusion", "pneumothorax", "cardiomegaly", "edema", "atelectasis", "consolidation"]
    rows = []
    for index in range(20):  # the further on, the more of the reference is said
        told = [word for place, word in enumerate(words) if place < index * len(words) / 19]
        rows.append((f"r{index}", *(" ".join(f"There is {word}." for word in some) for some in (words, told))))
    found = re.findall(r"<td>([0-9.]+)</td></tr>", reports(*rows))
    assert len(found) == 8
    assert found == sorted(found)
    assert found[0] == "0.00"
    assert found[-1] == "1.00"


def test_occlusion_falls_where_the_label_is_read_and_the_true_box_is_where_it_belongs(tmp_path, monkeypatch):
    """A classifier that reads one corner; boxes are measured in an image of another size than the file."""

    def corner(self, image_B1SS):
        return torch.stack([image_B1SS.mean((1, 2, 3)) * 0, image_B1SS[:, 0, :8, :8].mean((1, 2))], dim=1)

    monkeypatch.setattr(saliency._Labels, "forward", corner)
    backbone = build("phantom-mimic-cxr")
    head = LabelHead(("Nodule", "Effusion"), ENTITIES, 16, "both")
    predictor, plain = (Predictor(backbone, either, torch.device("cpu")) for either in (head, None))
    light = np.full((64, 64), 40, np.uint8)
    light[:16, :16] = 200
    Image.fromarray(light).save(tmp_path / "a.png")
    fall_SS = saliency.occlusion(predictor, str(tmp_path / "a.png"), 1)
    assert fall_SS[:6, :6].min() > 0
    assert not any(module.training for module in (*predictor.model.modules(), *head.modules()))
    assert fall_SS[12:].max() == fall_SS[:, 12:].max() == 0
    box = np.array([[0, 0, 128, 64]], np.float32)
    row = Sample("a", "p", str(tmp_path / "a.png"), "PA", "test", size=(128.0, 128.0), finding_K4=box,
                 fields={"finding": np.array([1])})  # fmt: skip
    plot = saliency.occlusion_vs_attention(predictor, plain, [row], ("Nodule", "Effusion"))
    for axis in plot.axes:
        assert axis.lines[0].get_xdata().tolist() == [0, 32, 32, 0, 0]
        assert axis.lines[0].get_ydata().tolist() == [0, 0, 16, 16, 0]
    titles = [axis.get_title() for axis in plot.axes]
    assert titles == ["Effusion, true box", "what the classifier rests on", "prompt: pleural effusion"]
