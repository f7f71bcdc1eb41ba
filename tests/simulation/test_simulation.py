"""Thousands of random acts on a book and on its model: after each the two agree, and every law holds.

`./run prove tests/simulation --seed N` replays a run by its number; what failed once is in `test_found.py`.
"""

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.conftest import PROVING
from tests.simulation.machine import Simulation

STEPS = 10_000 if PROVING else 2_000
STEPS_EACH = 50
TOO_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def test_a6_a7_a8_a10_a13_the_book_is_as_the_model_believes() -> None:
    Simulation.steps = 0
    examples = STEPS // STEPS_EACH * 3 // 2
    how = settings(max_examples=examples, stateful_step_count=STEPS_EACH, deadline=None, suppress_health_check=TOO_SLOW)
    run_state_machine_as_test(Simulation, settings=how)
    assert Simulation.steps >= STEPS
