"""The page: what is dropped on the left, what was read on the right. Gradio, without anything from another host."""

import itertools
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gkmvlp.app.serving.archive import LONGEST
from gkmvlp.app.serving.desk import Desk
from gkmvlp.app.serving.fragment import asset, notice, shown
from gkmvlp.app.serving.radiographs import PHANTOMS
from gkmvlp.app.serving.reader import Tell
from gkmvlp.app.serving.uploads import AGE
from gkmvlp.notices import NOT_CLINICAL

if TYPE_CHECKING:
    import gradio as gr

WAITING = 16  # readings that may wait at a time; more are told to come back
# one reading or answer at a time, of whomever: the others wait for the processor
ONE: dict[str, Any] = {"concurrency_id": "models", "concurrency_limit": 1, "show_progress": "full"}
EXAMPLES = ("Is there a pleural effusion?", "What is abnormal?", "Is the heart enlarged?")
EMPTY = (
    '<div class="gk-empty"><p>Drop a chest radiograph (PNG, JPG or DICOM) or choose a phantom.</p>'
    "<p>It is read on this computer, held in memory while this page is open, and sent nowhere unless you store it.</p>"
    "</div>"
)


def build_page(desk: Desk) -> "gr.Blocks":
    """The page of a desk; mounted by ``server.build_app``."""
    import gradio as gr

    takes_questions = any("answers" in models.parts for models in desk.sets)
    cleared = (60, AGE)  # seconds between two looks for files that nobody reads any more, and their age
    with gr.Blocks(title="gkmvlp reading page", delete_cache=cleared, fill_width=True, analytics_enabled=False) as page:
        gr.HTML(_banner(desk), elem_id="gk-banner", padding=False)
        with gr.Row(elem_id="gk-layout"):
            with gr.Column(elem_id="gk-input"):
                # any name may be chosen: DICOMs of archives often have no suffix
                upload = gr.File(label="Radiograph: PNG, JPG, DICOM", height=150, elem_id="gk-upload")
                with gr.Row(elem_id="gk-phantoms"):
                    buttons = [gr.Button(f"Phantom {n + 1}", size="sm") for n in range(len(PHANTOMS))]
                archive = _archive_fields() if desk.archive is not None else None
            with gr.Column(elem_id="gk-main"):
                reading = gr.HTML(EMPTY, padding=False, apply_default_css=False, elem_id="gk-shown")
            with gr.Column(elem_id="gk-ask", visible=takes_questions):
                question = gr.Textbox(label="Question", placeholder=EXAMPLES[0], max_length=300, lines=1)
                button = gr.Button("Ask", variant="primary", size="sm")
                asked = gr.HTML("", padding=False, apply_default_css=False, elem_id="gk-asked")
                gr.Examples([[one] for one in EXAMPLES], question, label="For example")
        _wire(desk, page, upload, buttons, reading)
        _wire_questions(desk, question, button, asked)
        if archive is not None:
            _wire_archive(desk, archive, reading)
    page.queue(max_size=WAITING, default_concurrency_limit=1)
    page.has_launched = True  # a mounted page counts as none, and Gradio then lets every path of this computer pass
    return page


class _ArchiveFields(NamedTuple):
    """What stands on the page of an archive."""

    study: "gr.Textbox"
    open: "gr.Button"
    choices: "gr.Radio"
    store: "gr.Button"
    said: "gr.HTML"


def _archive_fields() -> _ArchiveFields:
    import gradio as gr

    with gr.Column(elem_id="gk-archive"):
        label, example = "Study in the archive", "UID, accession number, 2024-01-31"
        return _ArchiveFields(
            gr.Textbox(label=label, placeholder=example, max_length=LONGEST, lines=1),
            gr.Button("Open", size="sm"),
            gr.Radio([], label="Choose", visible=False, elem_id="gk-choices"),
            gr.Button("Store this reading", size="sm"),
            gr.HTML("", padding=False, elem_id="gk-stored"),
        )


def _wire_archive(desk: Desk, fields: _ArchiveFields, reading: "gr.HTML") -> None:
    """Studies are opened and readings stored. An archive may be slow: it is waited for beside the queue of readings."""
    import gradio as gr

    shared = {"concurrency_id": "archive", "concurrency_limit": 4, "show_progress": "full"}
    untold = gr.Progress()

    def open_study(text: str, request: gr.Request, progress: gr.Progress = untold) -> tuple[str, dict[str, Any], str]:
        opened = desk.open_study(text, _session(request), _client(request), _teller(progress))
        choices = [tuple(one) for one in opened.choices]
        return opened.html, gr.update(choices=choices, value=opened.chosen, visible=bool(choices)), ""

    def open_choice(value: str, request: gr.Request, progress: gr.Progress = untold) -> tuple[str, dict[str, Any], str]:
        html, choices, said = open_study(value, request, progress)
        return html, choices if choices["visible"] else gr.skip(), said  # the others stay to choose from

    shown = [reading, fields.choices, fields.said]
    for event in (fields.open.click, fields.study.submit):
        event(open_study, fields.study, shown, api_name="open", show_progress_on=reading, **shared)
    fields.choices.input(open_choice, fields.choices, shown, api_name="choose", show_progress_on=reading, **shared)

    def store(request: gr.Request) -> str:
        return desk.store(_session(request), _client(request))

    fields.store.click(store, None, fields.said, api_name="store", **shared)


def _take_as_it_is(upload: "gr.File") -> None:
    """Makes an upload its path alone: Gradio would copy the file, and fetch it where the path is an address."""

    def same(path: str | Path | None) -> str | None:
        return None if path is None else str(path)

    async def later(path: str | Path | None) -> str | None:
        return same(path)

    def path_of(payload: Any) -> str | None:
        return same(getattr(payload, "path", None))

    # not by a class of our own: Gradio writes a stub file beside the module of each
    upload.move_resource_to_block_cache = same  # type: ignore[method-assign]
    upload.async_move_resource_to_block_cache = later  # type: ignore[method-assign]
    upload.preprocess = path_of  # type: ignore[method-assign]


def _wire(
    desk: Desk,
    page: "gr.Blocks",
    upload: "gr.File",
    buttons: Sequence["gr.Button"],
    reading: "gr.HTML",
) -> None:
    """What happens to what is handed in."""
    import gradio as gr
    from gradio.utils import get_upload_folder

    untold = gr.Progress()

    def read_upload(file: str | None, request: gr.Request, progress: gr.Progress = untold) -> tuple[str, None]:
        if file is None:
            return EMPTY, None
        data = take(Path(file), Path(get_upload_folder()))
        if data is None:
            return notice("This file is gone: drop it again.", "refusal"), None
        name, tell = Path(file).name, _teller(progress)
        return desk.read_upload(data, name, _session(request), _client(request), tell), None

    _take_as_it_is(upload)
    upload.upload(read_upload, upload, [reading, upload], api_name="read", show_progress_on=reading, **ONE)
    for number, one in zip(PHANTOMS, buttons, strict=True):
        one.click(_phantom_reader(desk, number), None, reading, api_visibility="private", **ONE)

    def forget(request: gr.Request) -> None:
        desk.sessions.drop(_session(request))

    page.unload(forget)


def _wire_questions(desk: Desk, question: "gr.Textbox", button: "gr.Button", asked: "gr.HTML") -> None:
    """Answers come beside the question; ``page.js`` takes them to their place in the readings."""
    import gradio as gr

    numbers = itertools.count()  # the same answer about the next radiograph is new to the page, which tells by the text

    def answer(text: str, request: gr.Request) -> str:
        return f"{desk.ask(text, _session(request), _client(request))}<!-- {next(numbers)} -->"

    for event in (button.click, question.submit):
        event(answer, question, asked, api_name="ask", show_progress_on=button, **ONE)


def _phantom_reader(desk: Desk, number: int) -> Callable[..., str]:
    import gradio as gr

    untold = gr.Progress()

    def read_phantom(request: gr.Request, progress: gr.Progress = untold) -> str:
        return desk.read_phantom(number, _session(request), _client(request), _teller(progress))

    return read_phantom


def take(file: Path, uploads: Path) -> bytes | None:
    """The bytes of an uploaded file, which is gone afterwards, with the folder that was made for it.

    Args:
        file: Where a browser says that its upload lies.
        uploads: Folder of all uploads; what lies elsewhere is neither read nor removed.

    Returns:
        None where no such upload is there.
    """
    file = file.resolve()
    if not file.is_relative_to(uploads.resolve()) or not file.is_file():
        return None
    data = file.read_bytes()
    file.unlink()
    if file.parent != uploads.resolve():
        with suppress(OSError):  # another upload of the same content came meanwhile, or its reader removed the folder
            file.parent.rmdir()
    return data


def _banner(desk: Desk) -> str:
    names = " | ".join(models.name for models in desk.sets)
    notices = dict.fromkeys(one for models in desk.sets for one in models.notices)
    told = " ".join([NOT_CLINICAL, *notices])
    return f'<div class="gk-banner" role="note"><b>{shown(told)}</b><span>{shown(names)}</span></div>'


def _teller(progress: "gr.Progress") -> Tell:
    """Tells a browser what comes next, over the reading that is there."""

    def tell(share: float, words: str) -> None:
        progress(share, desc=words)

    return tell


def _session(request: "gr.Request") -> str:
    return str(request.session_hash)


def _client(request: "gr.Request") -> str:
    return request.client.host if request.client else ""


def head() -> str:
    """What the page needs in its head: style and scripts of the readings, inside."""
    style, script = (asset(f"viewer.{kind}") + asset(f"page.{kind}") for kind in ("css", "js"))
    return f"<style>{style}</style><script>{script}</script>"
