"""What is counted of many readings, with clients that are told what to show."""

import json

import pytest

from gkmvlp.app.benchmarks import serving
from gkmvlp.app.benchmarks.serving import ASKED, Check, Endurance, PageTimes, Picture, serving_figures
from gkmvlp.app.cli import main
from gkmvlp.metrics.results.metric_result import check_unique

PICTURES = [Picture(b"one", ".png"), Picture(b"two", ".jpg")]


class Told:
    """A client that shows what it was sent."""

    def read(self, data, name):
        return f'Reading of {name}<section class="gk-findings">{data.decode()}</section>'

    def ask(self, question):
        return f"<p>{question}</p>"


class WrongFindings(Told):
    """Shows another picture's findings, of those that it reads among others."""

    def read(self, data, name):
        return super().read(data if name.startswith("alone") else b"three", name)


class WrongName(Told):
    def read(self, data, name):
        return super().read(data, "other.png")


class WrongAnswer(Told):
    def ask(self, question):
        return "<p>Is there a mass in another?</p>"


class NoAnswer(Told):
    def ask(self, question):
        return "<p>Too many readings in a minute</p>"


class NoReading(Told):
    def read(self, data, name):
        return super().read(data, name) if name.startswith("alone") else "<p>This image could not be read</p>"


class Lost(Told):
    def read(self, data, name):
        if name.startswith("alone"):
            return super().read(data, name)
        raise ConnectionResetError


@pytest.mark.parametrize(
    ("client", "errors", "mixed_up"),
    [(Told, 0, 0), (WrongFindings, 0, 20), (WrongName, 0, 20), (WrongAnswer, 0, 20 // ASKED),
     (NoAnswer, 20 // ASKED, 0), (NoReading, 20, 0), (Lost, 20, 0)],
)  # fmt: skip
def test_what_is_wrong_is_counted_once_a_reading(client, errors, mixed_up):
    check = Check(PICTURES)
    check.learn(client())
    check.read([client() for _ in range(4)], range(20))
    assert (check.errors, check.mixed_up) == (errors, mixed_up)


def test_figures_of_the_page_can_be_told_apart():
    times, endured = PageTimes([2.0, 1.0, 3.0], 4.0, [0.5, 0.7, 0.6]), Endurance(1000, 200, 0, 1, 100, 104, 10)
    figures = serving_figures(times, endured)
    check_unique(figures, "bench")
    assert {(one.name, one.label): one.value for one in figures} == {
        ("page_load_seconds", None): 2.0, ("reading_seconds", "first"): 4.0, ("reading_seconds", "further"): 0.6,
        ("reading_errors", None): 0, ("mixed_up_readings", None): 1, ("memory_growth", None): pytest.approx(0.04),
    }  # fmt: skip
    assert json.dumps([one.value for one in figures])


def test_too_few_readings_are_one_line(capsys):
    assert main(["bench", "--what", "serve", "--readings", "3"]) == 2
    assert capsys.readouterr().err == "gkmvlp: --readings 3: 20 or more were expected\n"


def test_pictures_are_of_each_kind_of_file_and_differ():
    shown = serving.pictures()
    assert {one.suffix for one in shown} == {".png", ".jpg", ".dcm"}
    assert len({one.data for one in shown}) == len(shown)
