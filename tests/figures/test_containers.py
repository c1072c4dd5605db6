"""Containers of ipywidgets on a page: what is in them is shown and alive, or the build says what is lost."""

import ipywidgets
import pytest
import traitlets

from rnnlib.widgets import ForwardStepper


def test_tabs_and_folds_stand_one_after_another_under_their_titles(specimen, visit):
    page, watch = visit(specimen, "pages/live.html")
    tab = page.locator(".rnn-widget-tab .rnn-widget-live")
    assert tab.locator(".rnn-host-title").all_inner_texts() == ["Shown", "2", "Folded"]
    tab.get_by_role("button", name="Add to right").click()
    assert tab.locator("output").all_inner_texts() == ["count 0 started 1", "count 1 started 1"]
    assert watch.complaints == []


FIGURE = ForwardStepper(text="hello")


def models_of(widget):
    """The state of a widget, of all that it holds, and of one more figure, as a notebook has them."""
    held = [models_of(child) for child in getattr(widget, "children", ())]
    entries = {each.model_id: {"model_name": each._model_name, "state": each.get_state()} for each in (FIGURE, widget)}
    return {key: entry for models in (entries, *held) for key, entry in models.items()}


@pytest.fixture
def warned(load_ext, caplog):
    """warned(widget) -> what the build says of it, shown on a page."""
    host = load_ext("bookext.figures.collect")

    def said(widget):
        caplog.clear()
        with caplog.at_level("WARNING"):
            host.warn_of_lost("a/page", models_of(widget), [widget.model_id])
        assert {record.location for record in caplog.records} <= {"a/page"}
        return [record.getMessage() for record in caplog.records]

    return said


class Custom(ipywidgets.Box):
    _model_name = traitlets.Unicode("CustomModel").tag(sync=True)


def test_a_container_that_a_page_cannot_show_is_a_warning(warned):
    """A build with -W stops at it."""
    output = ipywidgets.Output()
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": FIGURE.model_id}}
    output.outputs = ({"output_type": "display_data", "data": view, "metadata": {}},)
    for container, name in ((output, "Output"), (Custom([FIGURE, FIGURE]), "Custom")):
        [message] = warned(container)
        assert message.startswith(f"{name} cannot be shown without a kernel") and "Accordion" in message


@pytest.mark.parametrize("kind", ["VBox", "HBox", "Box", "GridBox", "Tab", "Accordion", "Stack"])
def test_no_warning_for_what_a_page_shows(warned, kind):
    assert warned(getattr(ipywidgets, kind)([ForwardStepper(text="hello")])) == []


def test_no_warning_for_layouts_made_of_a_grid(warned):
    figure = ForwardStepper(text="hello")
    assert warned(ipywidgets.AppLayout(center=figure, left_sidebar=ipywidgets.Label("left"))) == []
    assert warned(ipywidgets.TwoByTwoLayout(top_left=figure, bottom_right=ipywidgets.IntSlider())) == []
    assert warned(ipywidgets.Tab()) == []


def test_a_control_that_a_page_cannot_show_is_a_warning_wherever_it_is(warned):
    dropdown = ipywidgets.Dropdown(options="ab")
    for shown in (dropdown, ipywidgets.VBox([ipywidgets.Accordion([dropdown, ForwardStepper(text="hello")])])):
        [message] = warned(shown)
        assert message.startswith("Dropdown cannot be shown without a kernel; what can, beside figures: IntSlider,")
    assert warned(ipywidgets.Output())[0].startswith("Output cannot be shown without a kernel")


def test_what_is_not_shown_is_no_warning(warned):
    ipywidgets.Dropdown(options="ab")
    assert warned(ForwardStepper(text="hello")) == []
