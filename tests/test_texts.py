"""A text alone is a list of one; what is printed for people is short."""

import copy
import json
import pickle
import subprocess
import sys
from typing import NamedTuple

import pytest
import yaml

from gkmvlp.texts import Brief, as_texts, brief


def test_texts():
    assert as_texts("abc") == ["abc"]
    assert as_texts(("a", "b")) == ["a", "b"]
    assert as_texts(text for text in "ab") == ["a", "b"]
    for wrong in ([b"a"], ["a", None], [["a"]], 5, None, b"a"):
        with pytest.raises(TypeError, match="a list of texts was expected, got"):
            as_texts(wrong)


class Row(NamedTuple):
    name: str
    share: float
    is_here: bool | None


def test_numbers_are_printed_short_wherever_they_lie():
    """In the words of ``repr``, which Python reads again."""
    assert brief(Row("a", 1 / 3, None)) == "Row(name='a', share=0.333, is_here=None)"
    assert brief([(2 / 3,), (1, True)]) == "[(0.667,), (1, True)]"
    for value in ([], (), {}, {"a": 1, "b": (2, "c")}, ("it's",), None):
        assert brief(value) == repr(value)
    assert brief([0.0004, 0.0003, 0.0, -1e-5]) == "[0.0004, 0.0003, 0.000, -1e-05]"  # a score and its threshold differ
    shares = Brief({"a": 1 / 3, ("b", "c"): 2.0})
    assert f"{shares}" == repr(shares) == "{'a': 0.333, ('b', 'c'): 2.000}"
    assert shares == {"a": 1 / 3, ("b", "c"): 2.0}


def test_what_is_printed_short_is_stored_exactly():
    """As JSON and as YAML, in any dict, as a plain dict would be."""
    found = {"findings": Brief({"b": 1 / 3, "a": (0.1, 2)})}
    assert json.loads(json.dumps(found)) == {"findings": {"b": 1 / 3, "a": [0.1, 2]}}
    for dumper in (yaml.SafeDumper, getattr(yaml, "CSafeDumper", yaml.SafeDumper)):
        text = yaml.dump(found, Dumper=dumper, sort_keys=False)
        assert text == yaml.dump({"findings": dict(found["findings"])}, Dumper=dumper, sort_keys=False)
        assert yaml.safe_load(text)["findings"]["b"] == 1 / 3
    assert copy.deepcopy(found) == pickle.loads(pickle.dumps(found)) == found


def test_it_is_stored_whoever_added_to_a_dumper_before():
    """As jsonargparse does, where it is imported first."""
    code = (
        "import yaml\n"
        "for each in {yaml.SafeDumper, getattr(yaml, 'CSafeDumper', yaml.SafeDumper)}:\n"
        "    each.add_representer(complex, lambda dumper, value: dumper.represent_str(str(value)))\n"
        "from gkmvlp.texts import Brief\n"
        "for each in {yaml.SafeDumper, getattr(yaml, 'CSafeDumper', yaml.SafeDumper)}:\n"
        "    assert yaml.dump(Brief(a=1.5), Dumper=each) == 'a: 1.5\\n'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
