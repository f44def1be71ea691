"""Where a plain classifier looks, beside where a knowledge prompt looks: occlusion against attention.

B images, L labels, R regions, S side, h x w grid.
"""

import warnings
from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure as Plot
from monai.visualize.occlusion_sensitivity import OcclusionSensitivity
from numpy.typing import NDArray
from torch import Tensor, nn

from gkmvlp.app.pages.radiographs import prompt_map
from gkmvlp.data_modules.pipeline.samples import Sample
from gkmvlp.data_modules.pipeline.turned_rows import upright_rows
from gkmvlp.entities import of_label
from gkmvlp.models.heads.label_head import LabelHead, label_logits
from gkmvlp.tasks.parts.drawing import draw_boxes, draw_map, panels
from gkmvlp.zoo.inference.predictor import Predictor

PATCH = 1 / 8  # side of what is hidden, as a share of the image
CAPTION = (
    "Green: the true box. Middle: by how much the log odds of the classifier fall where that part is hidden. Right: "
    "where the pre-trained prompt looks; it saw no boxes of findings."
)


class _Labels(nn.Module):
    """Log odds of labels from the image alone; the regions stay where they are."""

    def __init__(self, predictor: Predictor, box_1R4: Tensor, mask_1R: Tensor) -> None:
        super().__init__()
        assert isinstance(predictor.head, LabelHead)
        self.model, self.head, self.box_1R4, self.mask_1R = predictor.model, predictor.head, box_1R4, mask_1R

    def forward(self, image_B1SS: Tensor) -> Tensor:
        """(B, L)."""
        count = len(image_B1SS)
        regions = self.box_1R4.expand(count, -1, -1), self.mask_1R.expand(count, -1)
        return label_logits(self.model, self.head, self.model.encode_image(image_B1SS, *regions))


def occlusion_vs_attention(
    classifier: Predictor, backbone: Predictor, samples: Sequence[Sample], names: Sequence[str], count: int = 4
) -> Plot:
    """A row an image: the true box, what the classifier's label rests on, where the entity's prompt looks.

    Args:
        classifier: A model fine-tuned for labels.
        backbone: Whose prompts are shown.
        samples: Rows with boxes of findings; the first of each label that both models know is drawn.
        names: Labels of the data set, by which the rows number their findings.
        count: How many.
    """
    assert isinstance(classifier.head, LabelHead)
    labels = classifier.head.labels
    chosen = [choice for choice in _chosen(names, backbone.entities, samples) if choice[0] in labels][:count]
    plot, axes = panels(3 * len(chosen), columns=3)
    for row, (label, entity, sample, box_4) in enumerate(chosen):
        image_SS, map_hw, frame = prompt_map(backbone, sample, entity)
        first, second, third = axes[3 * row : 3 * row + 3]
        first.imshow(image_SS, cmap="gray", vmin=0, vmax=1)
        first.set_title(f"{label}, true box", fontsize=7)
        draw_map(
            second, image_SS, occlusion(classifier, sample.image, labels.index(label)), "what the classifier rests on"
        )
        draw_map(third, image_SS, map_hw, f"prompt: {entity}")
        for axis in (first, second, third):
            draw_boxes(axis, frame.to_square(box_4[None]), "lime")
    return plot


def _chosen(
    names: Sequence[str], entities: Sequence[str], samples: Sequence[Sample]
) -> list[tuple[str, str, Sample, NDArray[np.float32]]]:
    """Each label that is an entity, the entity, its first image, and its box (4,) xyxy in pixels of the original."""
    examples: dict[str, tuple[str, Sample, int]] = {}
    for sample in samples:
        if sample.finding_K4 is None:
            continue
        for k, index in enumerate(sample.fields["finding"]):
            label = names[index]
            known = of_label(label)
            if sample.finding_K4[k].any() and known is not None and known.name in entities:
                examples.setdefault(label, (known.name, sample, k))
    upright = upright_rows([sample for _, sample, _ in examples.values()])
    return [
        (label, entity, row, row.finding_K4[k])
        for (label, (entity, _, k)), row in zip(examples.items(), upright, strict=True)
        if row.finding_K4 is not None
    ]


def occlusion(predictor: Predictor, image: str | bytes, label: int) -> NDArray[np.float32]:
    """By how much the log odds of a label fall where a part of the image is hidden, (S, S), at least 0.

    MONAI's occlusion sensitivity: it asks nothing of the network, which may be convolutional or a transformer.
    """
    batch = predictor.batch([predictor.item(image)])
    module = _Labels(predictor, batch["region_box"], batch["region_mask"]).eval()  # MONAI restores what it finds
    side = batch["image"].shape[-1]
    hidden = OcclusionSensitivity(module, mask_size=int(side * PATCH), n_batch=32, verbose=False, activate=False)
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch, about an index of MONAI's
        left_SS = hidden(batch["image"])[0][0, label]
        whole = module(batch["image"])[0, label]
    fall: NDArray[np.float32] = (whole - left_SS).clamp_min(0).float().cpu().numpy()
    return fall
