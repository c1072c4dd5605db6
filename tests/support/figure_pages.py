"""A page of figures without a book around it: the widgets' own modules, run by the book's own host."""

import base64
import html
import json
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
POLICY = "default-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data:; object-src 'none'"
STATE = "application/vnd.jupyter.widget-state+json"


def write_page(folder, widgets, name="index.html", lang="en"):
    """Write a page of these widgets into the folder, with all it needs; returns its name."""
    from bookext.figures.collect import host_words, live_traits

    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "_ext" / "bookext" / "figures" / "static" / "host.js", folder)
    shutil.copy(ROOT / "_ext" / "bookext" / "theme" / "static" / "mode.js", folder)
    state, views, styles = {}, [], []
    for widget in widgets:
        kind = type(widget).__name__.lower()
        (folder / f"{kind}.js").write_text(widget._esm, encoding="utf-8")
        (folder / f"{kind}.css").write_text(widget._css, encoding="utf-8")
        traits = live_traits({"state": widget.get_state()})
        buffers = [
            {"path": [key], "encoding": "base64", "data": base64.b64encode(traits.pop(key)).decode()}
            for key in [key for key, value in traits.items() if isinstance(value, bytes)]
        ]
        entry = {"model_name": "AnyModel", "state": traits, "buffers": buffers, "esm": f"{kind}.js"}
        state[widget.model_id] = entry
        views.append(f'<div class="rnn-widget rnn-widget-{kind}" data-model-id="{widget.model_id}"></div>')
        styles += [f'<link rel="stylesheet" href="{kind}.css">'] * (not any(kind in style for style in styles))
    text = json.dumps({"words": host_words(lang), "state": state}).replace("<", "\\u003c")
    page = f"""<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>Figures</title>
      <meta http-equiv="Content-Security-Policy" content="{html.escape(POLICY)}">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <link rel="icon" href="data:,"><script src="mode.js"></script>{"".join(styles)}</head>
      <body><main>{"<p>and</p>".join(views)}</main>
      <script type="{STATE}">{text}</script><script type="module" src="host.js"></script></body></html>"""
    (folder / name).write_text(page, encoding="utf-8")
    return name
