"""Whether a model was trained on what a question asks about.

A question lies outside by the findings that it names, in the words that the labeler has for them, or by its words: what
it asks for is named by no training question and is no part of the chest.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from gkmvlp.anatomy import REGIONS
from gkmvlp.report.lexicon import TERMS
from gkmvlp.report.organs import ORGANS

_NAMED = ("term", "past", "airspace")  # wordings that name an entity; others only hint at one
_WORD = re.compile(r"[a-z\u00c0-\u024f]{2,}")  # scripts without blanks have no words to compare
_STEM, _TAIL = 5, 4  # letters that forms of one word share at least, and that they differ in at most
# Words that name nothing that a question could be about, but the image, its patient and the asking itself.
_SILENT = frozenset(
    _WORD.findall("""
    a about all also among an and any anything are around as at be been below being beside between both but by can could
    did do does done either else evidence ever exam examination film films finding findings for from give given had has
    have he her here his how if image imaged images in indicate indicated indication inside into is it its just kind
    like likely look looks many may me might more most much near no not note noted of on one ones only or other our out
    over patient patients people person photo picture please possible possibly presence present probably radiograph
    radiographs ray rays really scan see seem seems seen she should show showing shown shows sign signs so some
    something study suggest tell than that the their there these they thing this those through to too type under upon us
    visible visualized was we were what when where whether which who whose why will with within would xray yes yet you
    your demonstrate demonstrated demonstrates identified identify detect detected observe observed apparent appear
    appears evident suspected normal abnormal abnormality abnormalities contain contains depict depicted depicts
    """)
)
# Where a question that asks for a thing goes on to where, when or with what.
_PLACE = re.compile(
    r"\b(?:in|on|at|within|inside|near|beside|behind|over|under|below|above|between|around|from|with)\b"
)
# Whoever asks so asks for no one thing that could be there.
_OPEN = re.compile(r"\b(?:what|which|how|why|who)\b")
_THERE = re.compile(r"\b(?:is|are|was|were|be)\s+there\b|\bthere\s+(?:is|are|was|were)\b")


def _named(text: str) -> list[tuple[str, ...]]:
    """For each wording of findings in a text, the entities that it can mean."""
    lower = text.lower()
    return [names for *_, (kind, names) in TERMS.find(lower) if kind in _NAMED]


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


def things(texts: Iterable[str]) -> list[str]:
    """The words of texts that name things, in order of the alphabet."""
    return sorted({word for text in set(texts) for word in _things(text)})


def _things(text: str) -> list[str]:
    return [word for word in _WORD.findall(text.lower()) if word not in _SILENT]


def _asked_for(question: str) -> list[str]:
    """Words for what a closed question asks for: behind "is there", and before it is said where."""
    lower = question.lower()
    if _OPEN.search(lower):
        return []
    there = _THERE.search(lower)
    parts = [_things(part) for part in _PLACE.split(lower[there.end() :] if there else lower)]
    return next(filter(None, parts), [])


def _names_organ(lower: str) -> bool:
    return any(kind == "organ" for *_, (kind, _) in ORGANS.find(lower))


def _is_of(word: str, known: Iterable[str]) -> bool:
    """Whether a word is a form of a known one: effusion and effusions, enlarged and enlargement."""
    return any(word.rstrip("s") == one.rstrip("s") or _tail(word, one) <= _TAIL for one in known)


def _tail(first: str, second: str) -> int:
    """Letters of the longer of two words behind the beginning that they share, which is no short one."""
    pairs = zip(first, second, strict=False)
    shared = next((place for place, (one, other) in enumerate(pairs) if one != other), min(len(first), len(second)))
    return max(len(first), len(second)) - shared if shared >= _STEM else _TAIL + 1


@dataclass(frozen=True)
class Scope:
    """What a model for questions was trained on.

    Attributes:
        entities: Entities of its backbone.
        answers: Answers that it can give.
        asked: Entities that its training questions name.
        words: Words of its training questions that name things; empty where nobody kept them.
    """

    entities: Collection[str] = ()
    answers: Collection[str] = ()
    asked: Collection[str] = ()
    words: Collection[str] = ()

    def outside(self, question: str) -> list[str]:
        """What a question names or asks for and the model never learned of; nothing where that cannot be told."""
        if found := outside(question, {*self.entities, *entities_named(self.answers), *self.asked}):
            return found
        wanted = _asked_for(question)
        if not self.words or _named(question) or _names_organ(" ".join(wanted)):
            return []
        known = {*self.words, *things([*self.answers, *self.entities, *REGIONS])}
        return [] if any(_is_of(word, known) for word in wanted) else list(dict.fromkeys(wanted))

    def holds(self, question: str) -> bool | None:
        """Whether the model was trained on what a question asks about; None where that cannot be told."""
        if self.outside(question):
            return False
        return True if self.words or _named(question) else None
