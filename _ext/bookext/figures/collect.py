"""Keep Jupyter widgets alive on a static page: no kernel, no CDN, no inline script.

An executed notebook leaves two things behind: a view (a model id) where a widget was shown, and the state of
every model it made. From these this extension writes, per page,

- for each view a ``<div class="rnn-widget rnn-widget-<name>" data-model-id=…>`` that holds its first state as inert
  HTML, which the live view replaces, and the static image for readers without scripts,
- one JSON block with the models that the views can reach, and nothing else,

and, per book, each distinct ``_esm`` and ``_css`` text once, minified, in a file named by its hash. First states are
drawn from the text that is served. ``static/host.js`` reads the JSON and runs the widgets' own modules.
"""

import hashlib
import json
import posixpath
import re
import struct
from html import escape, unescape
from pathlib import Path

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

from rnnlib.widgets import words

from .. import compat, minify
from ..words import table_of
from .prerender import CannotDraw, first_state

VIEW_MIME = "application/vnd.jupyter.widget-view+json"
STATE_MIME = "application/vnd.jupyter.widget-state+json"
WIDGET_DIR = "_static/widgets"
FIRST = re.compile(r"<!-- first state of ([\w-]+) ([\w-]+) -->")
MARKUP = re.compile(r"<(?:((?:script|style)\b|!--)|[/!a-z])", re.I)
MARKUP_END = {
    name: re.compile(end, re.I)
    for name, end in {"script": r"</script\s*>", "style": r"</style\s*>", "!--": "-->", "": ">"}.items()
}
LINKS = {"LinkModel", "DirectionalLinkModel"}

# What static/host.js draws of ipywidgets. AppLayout and TwoByTwoLayout are a GridBox to it.
CONTAINERS = ("VBox", "HBox", "Box", "GridBox", "Tab", "Accordion", "Stack")
CONTROLS = ("IntSlider", "FloatSlider", "Label", "HTML")

# Traits that mean something to a kernel or to JupyterLab only; no view asks for them on a static page.
IDLE_TRAITS = {"_dom_classes", "_esm", "_css", "tabbable", "tooltip", "_view_count"}
IDLE_PREFIXES = ("_model_", "_view_")
LOOKS = {"layout", "style"}  # idle where they name a model of ipywidgets; a figure may mean something else by them

logger = logging.getLogger(__name__)


class widget_view(nodes.General, nodes.Element):
    """One displayed view; its only child, if any, is the image node of the stand-in picture."""


class CollectViews(SphinxPostTransform):
    """Turn a mime bundle that holds a widget view into one node, before myst-nb picks a single mime type."""

    default_priority = 3  # myst-nb's SelectMimeType runs at 4
    formats = ("html",)

    def run(self, **kwargs):
        bundles = [n for n in self.document.findall(nodes.container) if n.get("nb_element") == "mime_bundle"]
        for bundle in bundles:
            by_mime = {child["mime_type"]: child for child in bundle.children}
            if "text/html" in by_mime and 'class="rnn-still"' in by_mime["text/html"].astext():
                bundle.parent.remove(bundle)  # the page has its own picture for a figure that is dead
            if VIEW_MIME not in by_mime:
                continue
            model_id = json.loads(re.sub(r"</?script[^<>]*>", "", by_mime[VIEW_MIME].astext()))["model_id"]
            view = widget_view(model_id=model_id, alt=plain_text(by_mime))
            if "image/png" in by_mime:
                view += next(by_mime["image/png"].findall(nodes.image))
            bundle.replace_self(view)


def plain_text(by_mime):
    """The words that stand for the widget: its text/plain, unless that is just a Python repr."""
    node = by_mime.get("text/plain")
    text = " ".join(node.astext().split()) if node is not None else ""
    return "" if re.match(r"^[\w.]+\(.*\)?$", text) else text


def visit_widget_view(self, node):
    state = compat.widget_state(self.builder.env, self.builder.current_docname)
    name = view_name(state.get(node["model_id"], {}))
    picture = next(node.findall(nodes.image), None)
    said = host_words(self.config.language)
    label = escape((picture.get("alt") if picture is not None else "") or node["alt"] or name)
    self.body.append(
        f'<div class="rnn-widget rnn-widget-{name}" data-model-id="{escape(node["model_id"])}">'
        f'<div class="rnn-widget-first" role="img" aria-label="{label}">'
        f"<!-- first state of {escape(node['model_id'])} {name} --></div>"
    )
    note = said["host_unscripted_plain"]
    if picture is not None:
        note = said["host_unscripted"]
        source = self.builder.images.get(picture["uri"])
        width, height = picture_size(Path(self.builder.srcdir) / picture["uri"], picture.get("width"))
        self.body.append(
            f'<img class="rnn-widget-picture" loading="lazy" width="{width}" height="{height}" '
            f'src="{escape(posixpath.join(self.builder.imgpath, source))}" '
            f'alt="{label}">'
        )
    self.body.append(f'<p class="rnn-widget-note rnn-widget-unscripted">{escape(note)}</p></div>\n')
    raise nodes.SkipNode


def picture_size(path, width=None):
    """CSS size of a PNG: its pixels, or the given width in the same proportion (for pictures of high density)."""
    pixels_wide, pixels_high = struct.unpack(">II", path.read_bytes()[16:24])
    wanted = int(float(re.sub(r"[^\d.]", "", str(width)))) if width else pixels_wide
    return wanted, round(pixels_high * wanted / pixels_wide)


def view_name(entry):
    """'forwardstepper' for a ForwardStepper: the hook for a widget's own CSS, and for its link."""
    state = entry.get("state", {})
    name = str(state.get("_anywidget_id") or state.get("_view_name") or "unknown")
    return re.sub(r"\W", "-", re.sub(r"View$", "", name.rpartition(".")[2]).lower(), flags=re.A)


def host_words(language):
    """What the host says, from the one table of all the figures' words."""
    return {key: text for key, text in table_of(words(), language).items() if key.startswith("host_")}


def html_words(html):
    """The words of some HTML; a browser that took them out would complain of the scripts that it may not run."""
    kept, at, endless = [], 0, set()
    for match in MARKUP.finditer(html):
        for kind in ((match[1] or "").lower(), "") if match.start() >= at else ():
            if kind in endless:
                continue
            if end := MARKUP_END[kind].search(html, match.end()):
                kept.append(html[at : match.start()])
                at = end.end()
                break
            endless.add(kind)  # nor will any later one find its end
    return unescape("".join([*kept, html[at:]]))


def references(value):
    """The model ids named anywhere inside a value, either in ipywidgets' or in anywidget's way of writing."""
    if isinstance(value, str):
        for prefix in ("IPY_MODEL_", "anywidget:"):
            if value.startswith(prefix):
                yield value[len(prefix) :]
    elif isinstance(value, dict):
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def live_traits(entry):
    def idle(name, value):
        look = name in LOOKS and str(value).startswith("IPY_MODEL_")
        return look or name in IDLE_TRAITS or name.startswith(IDLE_PREFIXES)

    return {name: value for name, value in entry["state"].items() if not idle(name, value)}


def inside(entry):
    """Ids of the models that a widget of ipywidgets holds: its children, or what was displayed in an Output."""
    state = entry["state"]
    shown = [output.get("data", {}) for output in state.get("outputs", ())]
    return [
        *references(state.get("children", [])),
        *(data[VIEW_MIME]["model_id"] for data in shown if VIEW_MIME in data),
    ]


def warn_of_lost(pagename, models, shown):
    """Warn of each widget that is shown, or held by one that is, and cannot live on a page; a build with -W stops.

    A container that cannot live takes all that it holds with it.
    """
    queue, seen = [i for i in shown if i in models], set()
    while queue:
        model_id = queue.pop()
        entry = models[model_id]
        if model_id in seen or entry["state"].get("_esm"):
            continue
        seen.add(model_id)
        name, held = entry["model_name"].removesuffix("Model"), [i for i in inside(entry) if i in models]
        if name in CONTAINERS:
            queue += held
        elif held:
            told = (
                "%s cannot be shown without a kernel, nor what it holds (widgets: %d); what can: %s",
                name,
                len(held),
            )
            logger.warning(*told, ", ".join(CONTAINERS), location=pagename, type="widget_host", subtype="container")
        elif name not in CONTROLS:
            told = ("%s cannot be shown without a kernel; what can, beside figures: %s", name, ", ".join(CONTROLS))
            logger.warning(*told, location=pagename, type="widget_host", subtype="control")


def needed(models, shown):
    """Ids reachable from the displayed ones; a link belongs when it touches one, and brings its other end along."""
    keep, queue = set(), [i for i in shown if i in models]
    while queue:
        while queue:
            model_id = queue.pop()
            if model_id not in keep:
                keep.add(model_id)
                queue += [i for i in references(live_traits(models[model_id])) if i in models]
        for model_id, entry in models.items():
            ends = set(references(entry["state"])) if entry["model_name"] in LINKS else set()
            if model_id not in keep and ends & keep:
                queue.append(model_id)
    return keep


def store(app, text, suffix):
    """Write a text once per book, named by what it says; returns its address from the book's root."""
    address = f"{WIDGET_DIR}/{hashlib.sha256(text.encode()).hexdigest()[:12]}.{suffix}"
    path = Path(app.outdir, address)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return address


def minified(pagename, entry, trait, change):
    """A model's module or style sheet as it is served, and drawn from; as it came where it cannot be minified."""
    text = entry["state"].get(trait)
    try:
        return text and change(text)
    except minify.CannotMinify as problem:
        told = ("%s of %s is served as it is: %s", trait, view_name(entry), problem)
        logger.warning(*told, location=pagename, type="widget_host", subtype="minify")
        return text


def page_widgets(app, pagename, templatename, context, doctree):
    """Give the page's template what it links and embeds: modules, style sheets and the models' JSON."""
    context.update(widget_modules=[], widget_styles=[], widget_state=None)
    if doctree is None:
        return
    shown = [node["model_id"] for node in doctree.findall(widget_view)]
    if not shown:
        return
    models = compat.widget_state(app.env, pagename)
    warn_of_lost(pagename, models, shown)
    keep = needed(models, shown)
    pathto, entries, modules = context["pathto"], {}, {}
    for model_id in sorted(keep, key=list(models).index):
        entry = models[model_id]
        kept = {"model_name": entry["model_name"], "state": live_traits(entry)}
        if entry["model_name"] == "HTMLModel":
            kept["state"]["value"] = html_words(kept["state"].get("value", ""))
        if entry.get("buffers"):
            kept["buffers"] = entry["buffers"]
        if module := minified(pagename, entry, "_esm", minify.script):
            kept["esm"] = pathto(store(app, module, "js"), resource=True)
            modules[kept["esm"]] = module
        if sheet := minified(pagename, entry, "_css", minify.style):
            style = pathto(store(app, sheet, "css"), resource=True)
            context["widget_styles"] += [style] * (style not in context["widget_styles"])
        entries[model_id] = kept
    # "<" could end the script element or open a comment in it, in any spelling
    text = json.dumps(
        {"words": host_words(app.config.language), "state": entries}, ensure_ascii=False, separators=(",", ":")
    )
    context["widget_modules"] = list(modules)
    context["widget_state"] = text.replace("<", "\\u003c")
    context["widget_state_mime"] = STATE_MIME
    context["body"] = with_first_states(app, pagename, context["body"], text, modules)


def with_first_states(app, pagename, body, state, modules):
    """The page's HTML with what each widget shows before any script has run, where it is to stand."""

    def drawn(place):
        view_id, name = place.groups()
        try:
            html = first_state(state, modules, app.config.language, view_id=view_id, name=name)
        except CannotDraw as problem:
            told = ("%s cannot draw its first state: %s", name, problem)
            logger.warning(*told, location=pagename, type="widget_host", subtype="first_state")
            return ""
        return f"<div inert>{html}</div>"

    return FIRST.sub(drawn, body)


def setup(app):
    app.add_node(widget_view, html=(visit_widget_view, None))
    app.add_post_transform(CollectViews)
    app.connect("html-page-context", page_widgets)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
