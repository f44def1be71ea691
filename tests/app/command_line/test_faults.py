"""Errors are told as somebody's own where code of their own failed, and nowhere else."""

import sys
import sysconfig

import pytest

from gkmvlp.app.command_line.faults import own_fault

OWN = ("my_data", "/home/me/my_data.py")
OURS = ("gkmvlp.data_modules.rows", "/home/me/gkmvlp/data_modules/rows.py")
PURELIB = sysconfig.get_path("purelib")
OURS_INSTALLED = ("gkmvlp.data_modules.rows", f"{PURELIB}/gkmvlp/data_modules/rows.py")
TORCH = ("torch.nn", f"{PURELIB}/torch/nn/modules/module.py")
PYTHON = ("json.decoder", f"{sysconfig.get_path('stdlib')}/json/decoder.py")
COMPILED = ("torch._inductor.runtime.compile_tasks.cabc", "/tmp/torchinductor_me/ab/cabc.py")
MADE = ("my_data", "<string>")
BESIDE = ("my_data", f"{sys.prefix}-mine/my_data.py")
WITHIN = ("my_data", f"{sys.prefix}/work/my_data.py")


def failing(*places: tuple[str, str]) -> KeyError:
    """An error that came through modules with these names and files, outermost first."""
    call = None
    for name, file in reversed(places):
        scope = {"__name__": name, "inner": call}
        exec(compile("def call():\n    return inner() if inner else {}['x']", file, "exec"), scope)
        call = scope["call"]
    with pytest.raises(KeyError) as caught:
        call()
    return caught.value.with_traceback(caught.value.__traceback__.tb_next)  # without the frame of this test


@pytest.mark.parametrize(
    ("places", "file"),
    [
        ([OURS, OWN], OWN[1]),
        ([OURS, OWN, TORCH, PYTHON], OWN[1]),
        ([OURS, OWN, COMPILED], OWN[1]),
        ([OURS, OWN, MADE], OWN[1]),
        ([OURS, OWN, OURS, TORCH, OWN], OWN[1]),
        ([OURS, BESIDE], BESIDE[1]),
        ([OURS, WITHIN], WITHIN[1]),
        ([OURS, TORCH], None),
        ([OURS, TORCH, COMPILED], None),
        ([OURS, OWN, OURS], None),
        ([OURS, OWN, OURS_INSTALLED, TORCH], None),
    ],
)
def test_the_innermost_code_that_is_not_installed_is_told_unless_it_is_ours(places, file):
    told = f"{file}, line 2, in call: KeyError: 'x' (--traceback shows all)" if file else None
    assert own_fault(failing(*places)) == told


def test_what_others_made_of_an_error_of_ones_own_hides_it_not():
    wrapped = failing(OURS, TORCH)
    wrapped.__cause__ = failing(OURS, OWN)
    assert OWN[1] in str(own_fault(wrapped))
    wrapped.__cause__ = failing(OURS, OWN, OURS)
    assert own_fault(wrapped) is None
