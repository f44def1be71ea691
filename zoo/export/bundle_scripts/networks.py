"""The exported program as networks. B images, S side, R regions, K answers, T tokens."""

import json
import re
from pathlib import Path

import torch
from torch import Tensor, nn


class Network(nn.Module):
    """The exported program, with the mean boxes of the regions in a frontal view beside each image.

    Args:
        program: The file that torch.export wrote; ``PROGRAM.json`` lies beside it.
    """

    box_R4: Tensor

    def __init__(self, program: str) -> None:
        super().__init__()
        self.told = told = json.loads(Path(f"{program}.json").read_text(encoding="utf-8"))
        boxes = [told["region_boxes"]["PA"][name] for name in told["regions"]]
        self.register_buffer("box_R4", torch.tensor(boxes, dtype=torch.float32).clamp(0, 1))
        self.run = torch.export.load(program).module()

    def train(self, mode: bool = True) -> "Network":
        """Stays as it is: a program has no training mode."""
        return self

    def forward(self, image_B1SS: Tensor) -> Tensor | tuple[Tensor, ...]:
        """What the program gives, a row an image; the log odds come first."""
        given: Tensor | tuple[Tensor, ...] = self.run(image_B1SS, self.box_R4.expand(len(image_B1SS), -1, -1))
        return given


class AskingNetwork(Network):
    """The exported program for questions: one question is asked about every image.

    Args:
        program: As of ``Network``; the folder ``PROGRAM.tokenizer`` lies beside it.
        question: The question.
    """

    def __init__(self, program: str, question: str) -> None:
        super().__init__(program)
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(f"{program}.tokenizer/tokenizer.json")
        tokenizer.enable_truncation(self.told["max_length"])
        tokenizer.no_padding()
        self.question, self.ids_T = question, torch.tensor(tokenizer.encode(question).ids)
        fitting = answers = self.told["answers"]
        closed = self.told.get("closed_questions")  # absent where yes and no are not both known
        if closed is not None and re.match(f"(?{closed['flags']}){closed['pattern']}", question):
            fitting = closed["answers"]
        self.fits_K = torch.tensor([answer in fitting for answer in answers])

    def forward(self, image_B1SS: Tensor) -> Tensor:
        """Log-probability of each answer, (B, K); minus infinity of what no question for yes or no is answered by.

        Raises:
            ValueError: If there is no question.
        """
        if not self.question.strip():
            raise ValueError("what is asked about every image is missing: name it by --question TEXT")
        ids_BT = self.ids_T.expand(len(image_B1SS), -1)
        box_BR4 = self.box_R4.expand(len(image_B1SS), -1, -1)
        score_BK: Tensor = self.run(image_B1SS, box_BR4, ids_BT, torch.ones_like(ids_BT, dtype=torch.bool))
        return score_BK.masked_fill(~self.fits_K, -torch.inf)
