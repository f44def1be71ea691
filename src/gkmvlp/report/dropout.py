"""Reports with some of their sentences left out: each epoch then shows another text of the same study."""

import torch

from gkmvlp.report.sentences import split_sentences


def drop_sentences(text: str, share: float, generator: torch.Generator | None = None) -> str:
    """Leaves out each sentence with the same chance; one that is drawn stays when all would go.

    Args:
        text: A report.
        share: Chance of each sentence to be left out, from 0 to 1.
        generator: Source of randomness, on the CPU.

    Returns:
        The sentences that stay, in order and apart by a space.
    """
    if share == 0:  # by default, at every step: nothing is split then
        return text
    sentences = [sentence.text for sentence in split_sentences(text)]
    if len(sentences) < 2:
        return text
    draw = torch.rand(len(sentences), generator=generator)
    kept = [sentence for sentence, x in zip(sentences, draw.tolist(), strict=True) if x >= share]
    return " ".join(kept) if kept else sentences[int(draw.argmax())]
