"""What comes back for what is handed in: a reading, or a line of text; never an end of the server."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from gkmvlp.app.serving.desk import Desk
from gkmvlp.app.serving.export import as_html, as_json
from gkmvlp.app.serving.limits import Limits
from gkmvlp.app.serving.models import open_models
from gkmvlp.app.serving.neighbours import Index
from gkmvlp.app.serving.sessions import Held, Sessions
from gkmvlp.data_modules.pipeline.images import ImageError
from gkmvlp.notices import NO_PATIENT, NOT_CLINICAL
from tests.app.serving.files import dicom, picture

EVIL = "<img src=x onerror=alert(1)><script>alert(2)</script>\"'{{7*7}}${7*7}"


class Tags(HTMLParser):
    """Names of all elements, and whether each that was opened was closed."""

    VOID = ("img", "input", "br", "meta", "link")

    def __init__(self, html):
        super().__init__()
        self.names, self.open, self.attributes = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.names.append(tag)
        self.attributes += attributes
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def text_of(html):
    return re.sub(r"<[^>]*>", " ", html)


def test_a_reading_is_sound_html(desk):
    html = desk.read_upload(picture(), "image.png", "s", "c")
    tags = Tags(html)
    assert tags.open == []
    assert "script" not in tags.names
    for part in ("Findings", "Generated report", "pleural effusion", "image.png"):
        assert part in text_of(html)
    sources = [value for name, value in tags.attributes if name == "src"]
    assert all(value.startswith("data:image/jpeg;base64,") for value in sources)
    ids = {value for name, value in tags.attributes if name == "data-of" for value in value.split()}
    assert "pleural-effusion" in ids


@pytest.mark.parametrize(
    "name", [EVIL + ".png", "../../etc/passwd", "..\\..\\windows\\x.png", "a/b/c.png", "", "x" * 5000]
)
def test_a_file_name_is_text_and_no_path(desk, name):
    html = desk.read_upload(picture(), name, "s", "c")
    tags = Tags(html)
    assert "script" not in tags.names
    assert not any(attribute == "onerror" for attribute, _ in tags.attributes)
    assert "{{" not in html
    assert "${" not in html
    (held,) = [desk.sessions.of("s")]
    assert "/" not in held.readings[0].image
    assert "\\" not in held.readings[0].image
    assert len(held.readings[0].image) <= 80


def test_a_question_is_text(desk):
    desk.read_upload(picture(), "a.png", "s", "c")
    html = desk.ask(EVIL, "s", "c")
    tags = Tags(html)
    assert "script" not in tags.names
    assert not any(attribute == "onerror" for attribute, _ in tags.attributes)
    assert "{{" not in html
    assert "${" not in html
    assert "&lt;script&gt;" in html
    long = desk.ask("why " * 5000, "s", "c")
    assert len(long) < len(html) + 2000


@pytest.mark.parametrize("keyword", ["Modality", "ViewPosition", "PhotometricInterpretation"])
def test_markup_in_a_tag_of_a_dicom_is_text(desk, keyword):
    data = dicom(**{keyword: "<B>X</B>"})
    html = desk.read_upload(data, "a.dcm", "s", "c")
    assert "<B>" not in html
    if keyword != "ViewPosition":
        assert "gk-refusal" in html
        assert "&lt;B&gt;X&lt;/B&gt;" in html


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"%PDF-1.7", "it is a PDF"),
        (b"PK\3\4", "PNG, a JPG or a DICOM was expected"),
        (picture()[:200], "cannot read a.dcm"),
        (dicom(NumberOfFrames=10_000), "10,000 frames"),
        (dicom(ViewPosition="LL"), "a lateral view"),
        (dicom(Modality="CT"), "no radiography"),
        (dicom(pixels=np.zeros((48, 40), np.uint8)), "blank"),
        (dicom()[:-500], "cannot read a.dcm"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_files_are_a_notice_and_the_last_reading_stays(desk, data, told):
    desk.read_upload(picture(), "good.png", "s", "c")
    html = desk.read_upload(data, "a.dcm", "s", "c")
    assert told in html
    assert "Traceback" not in html
    assert Tags(html).open == []
    assert desk.sessions.of("s").readings[0].image == "good.png"
    assert 'class="gk-answer"' in desk.ask("is there one?", "s", "c")


def test_a_bug_in_a_model_is_a_notice(desk, monkeypatch):
    def broken(*_):
        raise RuntimeError("out of\nmemory")

    monkeypatch.setattr("gkmvlp.app.serving.desk.read", broken)
    html = desk.read_upload(picture(), "a.png", "s", "c")
    assert "could not be read (RuntimeError)" in html
    monkeypatch.undo()
    assert "gk-reading" in desk.read_upload(picture(), "a.png", "s", "c")


def test_a_question_without_an_image(desk):
    assert "no image to ask about" in desk.ask("what?", "nobody", "c")


def test_an_empty_question_changes_nothing(desk):
    html = desk.read_upload(picture(), "a.png", "s", "c")
    unasked = desk.ask("  \n ", "s", "c")
    assert unasked in html
    assert desk.sessions.of("s").readings[0].answers == []
    answered = desk.ask("what?", "s", "c")
    assert desk.ask("  \n ", "s", "c") == answered != unasked


def test_too_many_readings_in_a_minute(small_models):
    desk = Desk([small_models], limits=Limits(per_minute=2))
    said = [desk.read_upload(picture(), "a.png", "s", "one") for _ in range(3)]
    assert ["Too many" in one for one in said] == [False, False, True]
    assert "Too many" not in desk.read_upload(picture(), "a.png", "t", "other")


def test_sessions_do_not_see_each_other(desk):
    desk.read_upload(picture(seed=0), "mine.png", "me", "c")
    desk.read_upload(picture(seed=1), "yours.png", "you", "c")
    assert desk.ask("what is mine?", "me", "c").count('class="gk-answer"') == 1
    assert "mine" not in desk.ask("what?", "you", "c")
    keys = [desk.sessions.of(name).key for name in ("me", "you")]
    assert len(set(keys)) == 2
    assert all(len(key) > 20 for key in keys)
    desk.sessions.drop("me")
    assert desk.sessions.by_key(keys[0]) is None
    assert desk.sessions.by_key(keys[1]).readings[0].image == "yours.png"


def test_the_oldest_session_makes_room():
    sessions = Sessions(2)
    for name in "abc":
        sessions.put(name, Held([], [], ""))
    assert [sessions.of(name) is None for name in "abc"] == [True, False, False]


def test_what_the_gate_says_is_text(small_models, monkeypatch):
    def refuse(pixels_HW, name, mode):
        raise ImageError("no chest: <hand>")

    monkeypatch.setattr("gkmvlp.app.serving.desk.admit", refuse)
    html = Desk([small_models]).read_upload(picture(), "a.png", "s", "c")
    assert "no chest: &lt;hand&gt;" in html
    assert "gk-reading" not in html


def test_the_packaged_gate_doubts_noise(small_models):
    warned, refused, taken = (
        Desk([small_models], gate=mode).read_upload(picture(), "a.png", "s", "c") for mode in ("warn", "refuse", "off")
    )
    assert "This picture has 40 x 48 pixels, too few to judge by" in warned
    assert "gk-reading" in warned
    assert "is refused" in refused
    assert "gk-reading" not in refused
    assert "This picture" not in taken


def test_two_sets_stand_side_by_side_and_both_answer(small_models, small_folders):
    other = open_models([str(small_folders["backbone"]), str(small_folders["answers"])], "cpu")
    desk = Desk([small_models, other])
    html = desk.read_upload(picture(), "a.png", "s", "c")
    assert html.count('class="gk-reading"') == 2
    assert html.count("Save as") == 1  # both together
    answered = desk.ask("what?", "s", "c")
    assert answered.count('class="gk-answers"') == answered.count('class="gk-answer"') == 2
    assert "gk-reading" not in answered  # the rest of the page stays as it is


def test_what_is_not_there_has_no_switch(small_folders):
    """A model for labels alone has no heat map, no box and no region; a backbone has all three."""
    switches = ('data-set="mix"', 'data-show="boxes"', 'data-show="regions"', 'data-set="zoom"')
    for kind, expected in (("labels", [False, False, False, True]), ("backbone", [True] * 4)):
        desk = Desk([open_models([str(small_folders[kind])], "cpu")])
        html = desk.read_upload(picture(), "a.png", "s", "c")
        assert [one in html for one in switches] == expected


def test_neighbours_are_shown_and_stay_out_of_the_json(small_models):
    vectors = np.eye(8, dtype=np.float32)[:2]
    desk = Desk([small_models], index=Index(["near & far.png", "b.png"], vectors, [b"jpeg", b"jpeg"]))
    html = desk.read_upload(picture(), "a.png", "s", "c")
    assert "near &amp; far.png" in html
    near = desk.sessions.of("s").readings[0].as_json()["neighbours"]
    assert [set(one) for one in near] == [{"name", "similarity"}] * 2


def test_a_folder_that_changes_while_it_is_served_changes_nothing(small_folders, tmp_path):
    import shutil

    folder = tmp_path / "served"
    shutil.copytree(small_folders["backbone"], folder)
    desk = Desk([open_models([str(folder)], "cpu")])
    desk.read_upload(picture(), "a.png", "s", "c")
    before = [one.probability for one in desk.sessions.of("s").readings[0].findings]
    for file in folder.iterdir():
        file.write_bytes(b"\0" * file.stat().st_size)
    desk.read_upload(picture(), "a.png", "s", "c")
    assert [one.probability for one in desk.sessions.of("s").readings[0].findings] == before
    shutil.rmtree(folder)
    assert "gk-reading" in desk.read_upload(picture(), "a.png", "s", "c")


def test_an_export_is_one_file_with_all_that_was_read(desk):
    desk.read_upload(picture(), EVIL, "s", "c")
    desk.ask("is there one?", "s", "c")
    held = desk.sessions.of("s")
    html = as_html(held.readings, held.picture)
    assert html.startswith("<!doctype html>")
    assert NOT_CLINICAL in html
    assert not re.search(r"(?:src|href)=[\"'](?!data:)", html)
    assert "@import" not in html
    assert "url(" not in html
    assert "<script>alert" not in html
    content = json.loads(as_json(held.readings))
    assert content["notice"] == NOT_CLINICAL
    assert content["readings"][0]["answers"][0]["question"] == "is there one?"
    assert held.readings[0].findings[0].name in text_of(html)


def test_an_export_says_what_the_model_never_saw(small_folders):
    desk = Desk([open_models([str(small_folders["backbone"])], "cpu")])
    desk.read_upload(picture(), "a.png", "s", "c")
    held = desk.sessions.of("s")
    assert f"{NOT_CLINICAL} {NO_PATIENT}" in as_html(held.readings, held.picture)
