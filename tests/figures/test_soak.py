"""A short run of the soak: random actions on all figures of one page. The long one is `tests/support/soak.py`."""

from soak import PAGE, Soak


def test_random_actions_leave_every_figure_whole_and_its_python_true(specimen, visit):
    page, watch = visit(specimen, PAGE, permissions=["clipboard-read", "clipboard-write"])
    Soak(page, watch, seed=0).run(100)
