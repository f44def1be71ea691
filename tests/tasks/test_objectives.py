"""When objectives are due."""

from gkmvlp.tasks.objectives import Objective


def test_an_objective_is_due_from_its_start_at_every_kth_step_unless_it_is_off():
    objective = Objective(every=3, start=4)
    assert [step for step in range(13) if objective.is_due(step)] == [6, 9, 12]
    assert not any(Objective(weight=0.0).is_due(step) for step in range(3))
