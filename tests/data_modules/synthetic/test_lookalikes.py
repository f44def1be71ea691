"""The table of look-alikes against what it names: DataModules, configs, the command's options, the writers."""

import json

import pytest
import yaml

import gkmvlp.data_modules as data_modules
from gkmvlp.app.cli import main
from gkmvlp.app.command_line.plain_commands import parser_of
from gkmvlp.app.running.configs import zoo_configs
from gkmvlp.app.running.recipes import location_key
from gkmvlp.data_modules.synthetic.lookalikes import LOOKALIKES, layout_of, write_lookalikes

READ = {layout: row for layout, row in LOOKALIKES.items() if row.data_module}


def test_each_is_read_by_a_class_of_its_own():
    classes = [row.data_module for row in READ.values()]
    assert len(set(classes)) == len(classes)
    assert set(classes) <= set(data_modules.__all__)
    assert [layout_of(name) for name in classes] == list(READ)
    assert layout_of("ImageReportPairs") is None


@pytest.mark.parametrize("name", [name for name in zoo_configs() if name.endswith("-phantom")])
def test_the_configs_of_phantoms_call_the_data_as_the_table_does(name):
    data = yaml.safe_load(zoo_configs()[name].read_text())["data"]
    row = LOOKALIKES[layout_of(data["class_path"])]
    assert data["init_args"]["dataset_name"] == row.dataset_name


def test_the_command_has_the_option_of_each_and_names_each():
    parser, _ = parser_of("data phantom")
    known = {action.dest for action in parser._actions}
    assert {row.option for row in LOOKALIKES.values()} <= known
    shown = " ".join(parser.format_help().split())
    assert f"out of {', '.join(LOOKALIKES)} (" in shown


def test_an_unknown_layout_is_one_line_with_the_nearest(tmp_path, capsys):
    words = ["--root", str(tmp_path / "d"), "--patients", "3", "--seed", "0", "--layouts", "mimc"]
    assert main(["data", "phantom", *words]) == 2
    assert "did you mean mimic?" in capsys.readouterr().err
    assert not (tmp_path / "d").exists()


def test_each_lies_where_its_class_looks(tmp_path):
    write_lookalikes(tmp_path, {layout: max(row.least, 3) for layout, row in READ.items()}, seed=0, size=32, workers=1)
    for row in READ.values():
        assert (tmp_path / row.folder).is_dir()
        data = getattr(data_modules, row.data_module)(str(tmp_path), dataset_name=row.dataset_name)
        data.check()
        assert data.samples
        kinds = [getattr(data_modules, other.data_module) for other in READ.values()]
        told = [kind for kind in kinds if kind.landmarks and kind.recognises(tmp_path / row.folder)]
        assert told == [type(data)] * bool(type(data).landmarks)
    assert json.loads((tmp_path / "_truth" / "corpus.json").read_text())["patients"] == 3


def test_pairs_lie_at_a_table_and_all_else_at_a_root():
    found = {name: location_key(name) for name in data_modules.__all__}
    assert {name for name, key in found.items() if key == "table"} == {"ImageReportPairs"}
    assert set(found.values()) == {"table", "root"}
    assert location_key("SomebodysOwn") == "root"
