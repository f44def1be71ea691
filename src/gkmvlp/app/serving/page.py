"""The page: what is dropped on the left, what was read on the right. Gradio, without anything from another host."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when Gradio is imported

import gradio as gr

from gkmvlp.app.serving.desk import Desk
from gkmvlp.app.serving.fragment import asset, shown
from gkmvlp.app.serving.radiographs import PHANTOMS
from gkmvlp.notices import NOT_CLINICAL

WAITING = 16  # readings that may wait at a time; more are told to come back
CACHE = 60  # seconds between two looks for files that nobody reads any more, and their age
EXAMPLES = ("Is there a pleural effusion?", "What is abnormal?", "Is the heart enlarged?")
EMPTY = (
    '<div class="gk-empty"><p>Drop a chest radiograph (PNG, JPG or DICOM) or choose a phantom.</p>'
    "<p>It is read on this computer, held in memory while this page is open, and sent nowhere.</p></div>"
)


def build_page(desk: Desk) -> gr.Blocks:
    """The page of a desk; mounted by ``server.build_app``."""
    takes_questions = any("answers" in models.parts for models in desk.sets)
    looks = {"fill_width": True, "analytics_enabled": False}
    with gr.Blocks(title="gkmvlp reading page", delete_cache=(CACHE, CACHE), **looks) as page:
        gr.HTML(_banner(desk), elem_id="gk-banner", padding=False)
        with gr.Row(elem_id="gk-layout"):
            with gr.Column(elem_id="gk-input"):
                upload = gr.File(
                    label="Radiograph: PNG, JPG, DICOM", file_types=[".png", ".jpg", ".jpeg", ".dcm", ".dicom"],
                    type="filepath", height=150, elem_id="gk-upload",
                )  # fmt: skip
                with gr.Row(elem_id="gk-phantoms"):
                    buttons = [gr.Button(f"Phantom {n + 1}", size="sm") for n in range(len(PHANTOMS))]
            with gr.Column(elem_id="gk-main"):
                reading = gr.HTML(EMPTY, padding=False, apply_default_css=False, elem_id="gk-shown")
            with gr.Column(elem_id="gk-ask", visible=takes_questions):
                question = gr.Textbox(label="Question", placeholder=EXAMPLES[0], max_length=300, lines=1)
                button = gr.Button("Ask", variant="primary", size="sm")
                gr.Examples([[one] for one in EXAMPLES], question, label="For example")
        _wire(desk, page, upload, buttons, question, button, reading)
    page.queue(max_size=WAITING, default_concurrency_limit=1)
    return page


def _wire(
    desk: Desk,
    page: gr.Blocks,
    upload: gr.File,
    buttons: Sequence[gr.Button],
    question: gr.Textbox,
    button: gr.Button,
    reading: gr.HTML,
) -> None:
    """What happens at each event. One reading runs at a time, of whomever: the others wait for the processor."""
    shared = {"concurrency_id": "models", "concurrency_limit": 1, "show_progress": "full"}

    def read_upload(file: str | None, request: gr.Request) -> tuple[str, None]:
        if file is None:
            return EMPTY, None
        data, name = take(Path(file)), Path(file).name
        return desk.read_upload(data, name, _session(request), _client(request)), None

    upload.upload(read_upload, upload, [reading, upload], api_name="read", show_progress_on=reading, **shared)
    for number, one in zip(PHANTOMS, buttons, strict=True):
        one.click(_phantom_reader(desk, number), None, reading, api_visibility="private", **shared)

    def answer(text: str, request: gr.Request) -> str:
        return desk.ask(text, _session(request), _client(request))

    for event in (button.click, question.submit):
        event(answer, question, reading, api_name="ask", **shared)

    def forget(request: gr.Request) -> None:
        desk.sessions.drop(_session(request))

    page.unload(forget)


def _phantom_reader(desk: Desk, number: int) -> Callable[[gr.Request], str]:
    def read_phantom(request: gr.Request) -> str:
        return desk.read_phantom(number, _session(request), _client(request))

    return read_phantom


def take(file: Path) -> bytes:
    """The bytes of an uploaded file, which is gone afterwards, with the folder that was made for it."""
    try:
        return file.read_bytes()
    finally:
        file.unlink(missing_ok=True)
        if not any(file.parent.iterdir()):
            file.parent.rmdir()


def _banner(desk: Desk) -> str:
    names = " | ".join(models.name for models in desk.sets)
    notices = dict.fromkeys(notice for models in desk.sets for notice in models.notices)
    told = " ".join([NOT_CLINICAL, *notices])
    return f'<div class="gk-banner" role="note"><b>{shown(told)}</b><span>{shown(names)}</span></div>'


def _session(request: gr.Request) -> str:
    return str(request.session_hash)


def _client(request: gr.Request) -> str:
    return request.client.host if request.client else ""


def head() -> str:
    """What the page needs in its head: style and script of the readings, inside."""
    return f"<style>{asset('viewer.css')}{asset('page.css')}</style><script>{asset('viewer.js')}</script>"
