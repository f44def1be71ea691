"""What jsonargparse says of a config becomes one line, about the key that it names."""

from argparse import ArgumentError

import pytest
from jsonargparse import ArgumentParser

from gkmvlp.app.command_line.cli_errors import explain


class Data:
    def __init__(self, root: str, hospital: str, ward: str | None, accept: list[str] | None = None) -> None:
        """Needs two; the third may be null."""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            {"root": "x", "ward": None},
            "Data needs hospital: add --data.init_args.hospital=VALUE, or set it in the config",
        ),
        ({}, "Data needs root and hospital: add --data.init_args.root=VALUE, or set it in the config"),
        ({"hospital": "x", "ward": None}, "Data needs root: add --data.init_args.root=VALUE, or set it in the config"),
        ({"root": None, "hospital": "x"}, "Data needs root: add --data.init_args.root=VALUE, or set it in the config"),
        ({"root": None, "hospital": "x", "accept": "lateral"}, "key 'accept' must be a list like [A, B], got lateral"),
    ],
)
def test_an_argument_that_is_needed_is_told_where_the_message_names_it(arguments, told):
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--data", type=Data | None)
    given = {"class_path": f"{__name__}.Data", "init_args": arguments}
    with pytest.raises((ArgumentError, TypeError)) as caught:
        parser.parse_object({"data": given})
    assert explain(str(caught.value), (), {"Data": Data}, ()) == told, caught.value


def test_a_file_whose_name_looks_like_an_option_is_named_as_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-film.png").touch()
    told = explain("unrecognized arguments: -film.png", ["--out"], {}, [])
    assert told == "no option -film.png; the file of that name is ./-film.png"
    assert explain("unrecognized arguments: --outt", ["--out"], {}, []) == "no option --outt; did you mean --out?"
