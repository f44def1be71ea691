"""Files with the keys of earlier releases are read as files with today's."""

import json

import pytest

from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.checkpoints import heads, renamed_keys
from gkmvlp.checkpoints.renamed_keys import ARCHITECTURE, with_new_keys
from gkmvlp.models.config import Architecture
from tests.app.small_models import write_answering, write_backbone


def old_keys(values, table, prefix=""):
    """The reverse of ``with_new_keys``, by a plain search."""
    found = {}
    for key, value in values.items():
        (old,) = [o.rpartition(".")[2] for o, n in table.items() if n == key and o.startswith(prefix) and
                  "." not in o.removeprefix(prefix)] or [key]  # fmt: skip
        found[old] = old_keys(value, table, f"{prefix}{key}.") if isinstance(value, dict) and not prefix else value
    return found


def test_every_row_of_the_table_names_a_key_of_today():
    known = Architecture().to_dict()
    for old, new in ARCHITECTURE.items():
        section = old.rpartition(".")[0]
        assert new in (known[section] if section else known)


def test_an_architecture_with_old_keys_is_the_same():
    today = Architecture().to_dict()
    old = old_keys(today, ARCHITECTURE)
    assert old["embedding"] == today["projection_dim"]
    assert old["text"]["width"] == today["text"]["hidden_size"]
    assert with_new_keys(old, ARCHITECTURE) == today == with_new_keys(today, ARCHITECTURE)


def test_a_backbone_with_old_keys_is_read(tmp_path):
    folder = write_backbone(tmp_path / "backbone")
    file = folder / "config.json"
    config = json.loads(file.read_text())
    expected = backbones.architecture_of(folder)
    file.write_text(json.dumps(config | {"architecture": old_keys(config["architecture"], ARCHITECTURE)}))
    assert backbones.architecture_of(folder) == expected
    assert backbones.load(folder).model.architecture == expected


@pytest.mark.parametrize(("old", "mode"), list(renamed_keys.ANSWER_MODES.items()))
def test_an_answer_head_with_old_keys_is_read(tmp_path, old, mode):
    folder = write_answering(tmp_path / "model", mode)
    file = folder / "answers.json"
    content = json.loads(file.read_text())
    file.write_text(json.dumps({"head": old, "candidates": 7, "answers": content["answers"]}))
    head = heads.load(folder, backbones.load(folder))
    assert (head.mode, head.num_candidates, head.answers) == (mode, 7, content["answers"])
