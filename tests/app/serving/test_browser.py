"""The page in a real browser: Chromium, driven by Playwright. Skipped where one of them or Gradio is absent.

``GKMVLP_SCREENSHOTS=DIR`` keeps pictures of the phantoms, to be looked at.
"""

import os
import re
from pathlib import Path

import pytest

from gkmvlp.app.benchmarks.browser import UPLOAD, WAIT, chromium, headless, open_page, upload
from gkmvlp.app.benchmarks.served_page import served_page
from gkmvlp.app.benchmarks.serving import FURTHER, LOADS, MODELS, time_page

pytest.importorskip("gradio", reason="the extra serve (Gradio) is not installed")
pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(chromium() is None, reason="no Chromium on this machine")]


@pytest.fixture(scope="module")
def address():
    """The real command, on a free port, until the tests of this file are through; nothing is left behind."""
    with served_page(MODELS) as served:
        yield served.address
        served.stop()
        assert not list(served.folder.glob("gkmvlp-serve-*"))


@pytest.fixture(scope="module")
def browser():
    with headless() as chromium:
        yield chromium


@pytest.fixture
def page_of(browser, address):
    """A page of a size; afterwards it must have asked nothing of another host and thrown no error."""
    contexts, foreign, errors = [], [], []

    def page(width=1366, height=768, dark=False):
        scheme = "dark" if dark else "light"
        contexts.append(browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme))
        opened = contexts[-1].new_page()
        local = (address, "data:", "blob:")
        opened.on("request", lambda one: None if one.url.startswith(local) else foreign.append(one.url))
        opened.on("pageerror", lambda error: errors.append(str(error)))
        open_page(opened, address)
        return opened

    yield page
    for context in contexts:
        context.close()
    assert foreign == []
    assert errors == []


def read_phantom(page, number=2):
    page.get_by_role("button", name=f"Phantom {number}").click()
    page.wait_for_selector(f".gk-reading[aria-label='Reading of phantom {number}']", timeout=WAIT)


def keep(page, name):
    if folder := os.environ.get("GKMVLP_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def is_lit(page, selector):
    return page.locator(selector).evaluate_all("found => found.map(one => one.classList.contains('gk-lit'))")


def test_what_belongs_together_lights_up_together(page_of):
    page = page_of()
    read_phantom(page)
    assert page.locator(".gk-finding").first.inner_text().strip()
    sentence = page.locator(".gk-sentence:not(:has(.gk-none))").first
    name = sentence.get_attribute("data-of").split()[0]
    sentence.hover()
    for kind in ("finding", "box", "sentence"):
        assert any(is_lit(page, f".gk-{kind}[data-of~='{name}']")), kind
    shown = ".gk-heat:not([hidden])"
    assert page.locator(shown).get_attribute("data-of") == name
    assert page.locator(".gk-know > div:not([hidden])").get_attribute("data-of") == name
    page.mouse.move(5, 5)
    assert not any(is_lit(page, ".gk-finding"))

    box = page.locator(".gk-box.gk-likely").first
    name = box.get_attribute("data-of").split()[0]
    box.hover()
    assert any(is_lit(page, f".gk-finding[data-of~='{name}']"))
    page.mouse.move(5, 5)

    button = page.locator(".gk-finding").nth(1)
    button.focus()  # the keyboard does what the mouse does
    assert page.locator(shown).get_attribute("data-of") == button.get_attribute("data-of")
    page.keyboard.press("Enter")
    page.locator(".gk-stage").focus()
    assert is_lit(page, ".gk-finding")[1]  # held until Escape
    page.keyboard.press("Escape")
    assert not any(is_lit(page, ".gk-finding"))


def test_a_sentence_that_negates_lights_no_box(page_of):
    page = page_of()
    for number in (1, 2, 3, 4):
        read_phantom(page, number)
        sentences = page.locator(".gk-sentence.gk-absent")
        for one in sentences.all():
            assert one.locator(".gk-none").inner_text() == "no box"
            one.hover()
            assert any(is_lit(page, ".gk-sentence"))
            assert not any(is_lit(page, ".gk-box"))
        if sentences.count():
            return
    pytest.fail("no report of the phantoms negates anything")


def test_sliders_and_switches(page_of):
    page = page_of()
    read_phantom(page)

    def style(selector, name):
        return page.locator(selector).first.evaluate(f"one => getComputedStyle(one)['{name}']")

    def set_to(key, value):
        page.locator(f"[data-set={key}]").evaluate(
            f"one => {{ one.value = {value}; one.dispatchEvent(new Event('input', {{bubbles: true}})) }}"
        )

    width = page.locator(".gk-layers").bounding_box()["width"]
    for key, value in (("mix", 100), ("bright", 200), ("zoom", 3)):
        set_to(key, value)
    assert style(".gk-heat:not([hidden])", "opacity") == "1"
    assert "brightness(2)" in style(".gk-image", "filter")
    assert page.locator(".gk-layers").bounding_box()["width"] == pytest.approx(3 * width, rel=0.02)
    page.locator(".gk-reset").click()
    assert page.locator(".gk-layers").bounding_box()["width"] == pytest.approx(width, rel=0.02)
    page.get_by_label("regions").check()
    assert style(".gk-region", "stroke") != "rgba(0, 0, 0, 0)"


def test_a_question_is_answered_and_shown_as_text(page_of):
    page = page_of()
    read_phantom(page)
    asked = "Is there a pleural effusion? <img src=x onerror=document.title='broken'> {{7*7}}${7*7}"
    page.get_by_label("Question", exact=True).fill(asked)
    page.get_by_role("button", name="Ask").click()
    page.wait_for_selector("#gk-shown .gk-answer", timeout=WAIT)
    assert asked in page.locator("#gk-shown .gk-answer").inner_text()
    assert re.search(r"0\.\d\d", page.locator("#gk-shown .gk-answer").inner_text())
    assert page.locator(".gk-answer img").count() == 0
    assert page.title() != "broken"
    keep(page, "asked")


def test_a_question_leaves_all_but_the_answers_as_they_are(page_of):
    page = page_of()
    page.get_by_label("Question", exact=True).fill("Is the heart enlarged?")
    page.get_by_role("button", name="Ask").click()
    page.get_by_text("no image to ask about").wait_for(timeout=WAIT)
    read_phantom(page)
    assert not page.get_by_text("no image to ask about").is_visible()
    page.locator("[data-set=zoom]").evaluate("one => { one.value = 3; "
                                             "one.dispatchEvent(new Event('input', {bubbles: true})) }")  # fmt: skip
    page.evaluate("document.querySelector('.gk-reading').dataset.mine = 'yes'")
    width = page.locator(".gk-layers").bounding_box()["width"]
    for count in (1, 2):
        page.get_by_role("button", name="Ask").click()
        page.wait_for_function(f"document.querySelectorAll('#gk-shown .gk-answer').length === {count}", timeout=WAIT)
    assert page.locator(".gk-reading").get_attribute("data-mine") == "yes"
    assert page.locator(".gk-layers").bounding_box()["width"] == width
    assert page.locator("#gk-asked .gk-answer:visible").count() == 0
    read_phantom(page, 1)
    assert page.locator("#gk-shown .gk-answer").count() == 0
    for _ in range(2):  # the same answer as the last one is shown too
        read_phantom(page, 2)
        page.get_by_role("button", name="Ask").click()
        page.wait_for_selector("#gk-shown .gk-answer", timeout=WAIT)
        read_phantom(page, 1)


def test_the_banner_stays_in_sight(page_of):
    for width, height in ((1366, 768), (375, 740)):
        page = page_of(width, height)
        read_phantom(page)
        page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        page.wait_for_timeout(200)
        banner = page.locator(".gk-banner")
        assert "not for clinical use" in banner.inner_text()
        box = banner.bounding_box()
        assert 0 <= box["y"] < 5
        wide = page.evaluate("document.documentElement.clientWidth")
        assert (box["x"], box["width"]) == pytest.approx((0, wide), abs=1)  # whatever is read
        # nothing lies over it
        top = page.evaluate("document.elementFromPoint(innerWidth / 3, 12).closest('.gk-banner') !== null")
        assert top


def test_a_phone_scrolls_in_one_direction_and_dark_is_dark(page_of):
    page = page_of(375, 740, dark=True)
    read_phantom(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(map(int, re.findall(r"\d+", colour)[:3])) < 60
    verdict = page.locator(".gk-finding .gk-verdict").first
    assert verdict.is_visible()
    assert re.search(r"0\.\d\d \[0\.\d\d, 0\.\d\d\]", verdict.inner_text())  # threshold and interval
    keep(page, "phone-dark")


BESIDE = """() => [...document.querySelectorAll(".gk-reading *")].filter((one) => {
  const right = one.getBoundingClientRect().right, column = one.closest("section, .gk-columns");
  return !one.closest(".gk-stage") && right > (column || document.body).getBoundingClientRect().right + 2;
}).map((one) => one.outerHTML.slice(0, 80))"""  # what ends right of the column that it stands in


def test_nothing_is_cut_off_at_any_width(page_of):
    page = page_of()
    read_phantom(page)
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    for width in (320, 390, 700, 820, 844, 1024, 1100, 1366):
        page.set_viewport_size({"width": width, "height": 768})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(BESIDE) == []
        scrolls = "[...document.querySelectorAll('.gk-stage')].some((one) => one.scrollWidth > one.clientWidth + 1)"
        assert not page.evaluate(scrolls)


def test_on_a_phone_the_radiograph_stays_in_sight_of_the_report(page_of):
    page = page_of(390, 844)
    read_phantom(page)
    page.locator(".gk-sentence").first.focus()
    stage, sentence = page.locator(".gk-stage").bounding_box(), page.locator(".gk-sentence").first.bounding_box()
    banner = page.locator(".gk-banner").bounding_box()
    assert banner["y"] == 0
    assert banner["height"] / 2 < stage["y"] <= banner["height"]
    assert stage["y"] + stage["height"] <= sentence["y"] < 844


def test_a_broken_file_is_a_notice_and_the_page_goes_on(page_of, tmp_path):
    page = page_of()
    (tmp_path / "broken <b>.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    page.set_input_files(UPLOAD, tmp_path / "broken <b>.png")
    page.wait_for_selector(".gk-refusal", timeout=WAIT)
    assert "its head is broken" in page.locator(".gk-refusal").inner_text()
    read_phantom(page, 4)


def test_a_file_that_is_too_large_is_told_below_the_banner(page_of, tmp_path):
    page = page_of(375, 740)
    (tmp_path / "large.png").write_bytes(bytes(65_000_000))
    page.set_input_files(UPLOAD, tmp_path / "large.png")
    told = page.get_by_text("exceed the maximum allowed size")
    told.wait_for(timeout=WAIT)
    banner, top = page.locator(".gk-banner").bounding_box(), told.bounding_box()["y"]
    assert top > banner["y"] + banner["height"]
    page.reload()
    read_phantom(page)


def test_a_real_dicom_is_read(page_of, shared_data):
    file = shared_data / "dicom" / "RG1_J2KI.dcm"
    if not file.is_file():
        pytest.skip(f"no {file.name} beside the repository")
    page = page_of()
    upload(page, file)
    assert "1841 x 1955 px" in page.locator(".gk-head").inner_text()
    assert page.locator(".gk-finding").count() >= 16


def test_what_is_saved_needs_no_server(page_of, browser, tmp_path):
    page = page_of()
    read_phantom(page)
    with page.expect_download() as saving:
        page.get_by_role("link", name="HTML").click()
    file = tmp_path / "reading.html"
    saving.value.save_as(file)
    context = browser.new_context(offline=True)
    alone = context.new_page()
    alone.goto(file.as_uri())
    sentence = alone.locator(".gk-sentence:not(:has(.gk-none))").first
    sentence.hover()
    assert any(is_lit(alone, f".gk-box[data-of~='{sentence.get_attribute('data-of').split()[0]}']"))
    assert "not for clinical use" in alone.locator(".banner").inner_text()
    context.close()


def test_times(address, capsys):
    """Printed, not asserted: they are those of a machine that does other things too."""
    times = time_page(address)
    assert (len(times.loads), len(times.further)) == (LOADS, FURTHER)
    with capsys.disabled():
        print(f"\n{times}")
