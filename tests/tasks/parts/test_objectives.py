"""When objectives are due."""

import pytest

from gkmvlp.errors import ConfigError
from gkmvlp.tasks import GkMvlpPretraining
from gkmvlp.tasks.parts.objectives import Objective, Objectives
from tests.tiny import architecture


def test_an_objective_is_due_from_its_start_at_every_kth_step_unless_it_is_off():
    objective = Objective(every_n_steps=3, start_step=4)
    assert [step for step in range(13) if objective.is_due(step)] == [6, 9, 12]
    assert not any(Objective(weight=0.0).is_due(step) for step in range(3))


def test_a_step_without_objective_is_refused():
    off, second = Objective(weight=0.0), Objective(every_n_steps=2)
    seldom = {"itc": second, "itm": second, "lm": Objective(start_step=1), "ecls": off}
    assert not Objectives(**seldom).always_due
    assert Objectives(**{**seldom, "position": Objective()}).always_due
    assert Objectives().always_due
    with pytest.raises(ConfigError, match="every_n_steps: 1 and start_step: 0"):
        GkMvlpPretraining(architecture(), Objectives(**seldom))
