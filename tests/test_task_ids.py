"""One id and one row a task; what each layer keys by a task covers the rows that it must."""

from typing import get_args

from gkmvlp.app.command_line.command_table import MODULES
from gkmvlp.app.commands import export
from gkmvlp.app.commands.experiment import initialization
from gkmvlp.app.pages.task_sections import PICTURES
from gkmvlp.app.prediction import request as predict
from gkmvlp.app.prediction.table import SHOWN
from gkmvlp.app.running.recipes import EVALUATION, FINE_TUNING
from gkmvlp.checkpoints.heads import FORMATS
from gkmvlp.metrics.protocols import PROTOCOLS
from gkmvlp.metrics.results.metric_result import TASKS as MEASURED
from gkmvlp.task_ids import BY_WORD, FINE_TUNED, RELEASED, SCORED, TASKS, TaskId, words
from gkmvlp.zoo.export.programs import SOURCES


def test_every_id_has_its_row_and_titles_and_words_are_its_own():
    assert set(TASKS) == set(get_args(TaskId))
    for column in ([row.title for row in TASKS.values()], [row.word for row in TASKS.values()]):
        named = [name for name in column if name]
        assert len(named) == len(set(named))


def test_what_has_figures_has_a_protocol_and_a_section():
    assert set(PROTOCOLS) == set(SCORED)
    assert set(MEASURED) == {*SCORED, "labeler", "bench", "gate"}
    assert set(PICTURES) <= set(SCORED)


def test_what_is_released_has_a_purpose_a_command_and_a_head():
    assert set(FORMATS) == set(RELEASED) - {"pretraining"} == {task for task, row in TASKS.items() if row.head}
    assert {TASKS[task].reads_as for task in RELEASED} <= set(predict.TASKS)
    assert all(bool(row.purpose) == bool(row.reads_as) for row in TASKS.values())


def test_commands_use_the_words_of_the_table():
    evaluated = {name.split()[1] for name, module in MODULES.items() if module == "evaluate.backbone"}
    assert evaluated == {"grounding", "retrieval"}
    assert {BY_WORD[word] for word in evaluated} == set(EVALUATION)
    assert words(FINE_TUNED) == ("classification", "image_text", "localization", "regions", "report", "vqa")
    assert set(FINE_TUNED) == set(FORMATS) == set(FINE_TUNING)
    assert {BY_WORD[word] for word in initialization.TASKS} == set(FINE_TUNED)
    assert set(predict.TASKS) - set(BY_WORD) == {"embed"}  # no task: vectors of images and texts
    assert set(SHOWN) == set(predict.TASKS)
    assert set(export.TASKS) == set(SOURCES)
    assert set(SOURCES) <= set(SCORED)
