"""Whether a model was trained on what a question names.

Only findings that the labeler has words for can be told; of anything else nothing is claimed.
"""

from collections.abc import Collection, Iterable

from gkmvlp.report.lexicon import TERMS
from gkmvlp.report.patterns import word_starts

_NAMED = ("term", "past", "airspace")  # wordings that name an entity; others only hint at one


def _named(text: str) -> list[tuple[str, ...]]:
    """For each wording of findings in a text, the entities that it can mean."""
    lower = text.lower()
    return [names for *_, (kind, names) in TERMS.find(lower, word_starts(lower)) if kind in _NAMED]


def entities_named(texts: Iterable[str]) -> list[str]:
    """The entities that any of the texts names, in order of the alphabet."""
    return sorted({name for text in set(texts) for names in _named(text) for name in names})


def outside(question: str, known: Collection[str]) -> list[str]:
    """The entities that a question names and a model does not know, each once.

    Args:
        question: The question.
        known: Entities that the model was trained on.
    """
    return list(dict.fromkeys(names[0] for names in _named(question) if not set(names) & set(known)))
