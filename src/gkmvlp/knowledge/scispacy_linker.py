"""Links to UMLS concepts by scispaCy, which needs an environment of its own: it asks for numpy 1.

In that environment this file is a program, beside which gkmvlp needs none of its requirements:
``python -m gkmvlp.knowledge.scispacy_linker TEXTS.txt MENTIONS.jsonl`` links one text a line, and
``gkmvlp.knowledge.linker.read_mentions`` reads the result everywhere else. The concepts are those of the UMLS,
whose licence holds for the result.

Spans and thresholds as in ARL (arXiv 2209.07118): texts longer than a letter, the best concept from a score of 0.95 on.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

from gkmvlp.errors import DataError, GkmvlpError, UsageError
from gkmvlp.knowledge.linker import Mention

MODEL = "en_core_sci_scibert"
LEAST_SCORE = 0.95


class ScispacyLinker:
    """A linker whose names are found by a scispaCy model and linked to UMLS concepts.

    Args:
        model: Name of the installed model.

    Raises:
        UsageError: If scispaCy or the model is not installed here.
    """

    def __init__(self, model: str = MODEL) -> None:
        try:
            importlib.import_module("scispacy.linking")  # registers its component
            self._read: Any = importlib.import_module("spacy").load(model)
        except (ImportError, OSError) as error:
            remedy = (
                "install both in an environment of their own, as docs/knowledge.md says, and name the file made there"
            )
            raise UsageError(f"scispaCy with its model {model} is not here ({error}): {remedy}") from error
        self._read.add_pipe("scispacy_linker", config={"linker_name": "umls"})

    def __call__(self, text: str) -> list[Mention]:
        """Mentions of a text, by their start."""
        return [
            Mention(entity.start_char, entity.end_char, entity._.kb_ents[0][0])
            for entity in self._read(text).ents
            if len(entity.text) > 1 and entity._.kb_ents and entity._.kb_ents[0][1] >= LEAST_SCORE
        ]


def main(words: list[str]) -> int:
    """Links the texts of a file; exit code 0, or 1 or 2 with one line."""
    try:
        if len(words) != 2:
            raise UsageError("two files were expected: TEXTS.txt MENTIONS.jsonl")
        texts, out = map(Path, words)
        if not texts.is_file():
            raise DataError(f"there is no {texts}: name a file with one text a line")
        linker = ScispacyLinker()
        rows = [{"text": text, "mentions": linker(text)} for text in texts.read_text(encoding="utf-8").splitlines()]
        part = out.with_name(f"{out.name}.part")
        part.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        part.replace(out)
    except GkmvlpError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
