"""Lists of texts as callers give them."""

from collections.abc import Iterable


def as_texts(texts: str | Iterable[str]) -> list[str]:
    """The texts; a bare string is one text, not a list of letters.

    Raises:
        TypeError: If something else than texts is among them.
    """
    if isinstance(texts, str):
        return [texts]
    listed = list(texts)
    for place, text in enumerate(listed):
        if not isinstance(text, str):
            raise TypeError(f"a list of texts was expected, got {type(text).__name__} at place {place}")
    return listed
