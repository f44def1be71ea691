"""A text alone is a list of one."""

import pytest

from gkmvlp.texts import as_texts


def test_texts():
    assert as_texts("abc") == ["abc"]
    assert as_texts(("a", "b")) == ["a", "b"]
    assert as_texts(text for text in "ab") == ["a", "b"]
    for wrong in ([b"a"], ["a", None], [["a"]]):
        with pytest.raises(TypeError, match="a list of texts was expected, got"):
            as_texts(wrong)
