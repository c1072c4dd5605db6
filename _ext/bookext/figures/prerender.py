"""The first state of a widget as HTML, drawn at build time by the widget's own module.

The page's host and the module run in an embedded V8, on nodes that are only written down (``dom_shim.js``), once for
a light page and once for a dark one. No browser and no Node are needed.
"""

import atexit
import base64
import io
import json
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from time import monotonic

from py_mini_racer import JSEvalException, JSOOMException, JSTimeoutException, MiniRacer

from .. import minify

HERE = Path(__file__).parent
MOST = 800  # bytes of a picture that stands for a moment
SECONDS, MEMORY = 60, 1 << 30  # limits for one figure, a hundred times what the book's own take


class CannotDraw(Exception):
    """A widget that could not draw itself; says why."""


@cache
def engine():
    """V8, with what plays the browser in it."""
    with ThreadPoolExecutor(
        1
    ) as thread:  # made where an event loop runs, as beside a browser, it would wait for that one
        v8 = thread.submit(MiniRacer).result()
    atexit.register(v8.close)  # left to the end of the interpreter, it may wait for itself for ever
    v8.eval("\n".join((HERE / name).read_text(encoding="utf-8") for name in ("dom_shim.js", "prerender.js")))
    return v8


def evaluated(script):
    """The value of a script in V8, within SECONDS and MEMORY."""
    v8, began = engine(), monotonic()
    problem = value = None
    try:
        value = v8.eval(script, timeout_sec=SECONDS, max_memory=MEMORY)
    except JSEvalException as raised:
        problem = raised
    # V8 does not tell of limits that end what a promise runs
    late = isinstance(problem, JSTimeoutException) or monotonic() - began >= SECONDS
    full = isinstance(problem, JSOOMException) or v8.was_hard_memory_limit_reached()
    if problem is None and not late and not full:
        return value
    # the next figure begins without what this one has left behind
    engine.cache_clear()
    atexit.unregister(v8.close)
    v8.close()
    if full:
        raise CannotDraw(f"it takes more than {MEMORY >> 20} MiB of memory") from None
    if late:
        raise CannotDraw(f"it has not finished after {SECONDS} seconds") from None
    raise CannotDraw(str(problem).partition("\n")[0]) from None


@cache
def host():
    """The page's host as it is served, but for the versions in addresses."""
    return minify.script((HERE / "static" / "host.js").read_text(encoding="utf-8"))


def first_state(state, modules, language, *, view_id, name):
    """The HTML that a view shows first, as static/host.js and the widgets' modules draw it.

    Args:
        state: the page's block of models, as JSON text.
        modules: address, as the block has it -> text of a module.
        language: of the page, as its ``lang`` says.
        view_id, name: the model that is shown, and the widget's name in the page's classes.

    Raises:
        CannotDraw: with what went wrong.
    """
    page = {
        "host": host(),
        "state": state,
        "modules": modules,
        "language": language,
        "view": {"id": view_id, "name": name},
    }
    evaluated(f"begin({json.dumps(page)})")  # promises are kept before it returns
    result = json.loads(evaluated("finish()"))
    if result["errors"]:
        raise CannotDraw("; ".join(result["errors"]))
    return "".join(piece if isinstance(piece, str) else png_address(**piece) for piece in result["pieces"])


def png_address(width, height, colours, pixels):
    """A picture as a data: address. colours: 0xrrggbb, -1 for none; pixels: a character each, its colour's place."""
    if len(colours) > 256:
        raise CannotDraw(f"a canvas of {len(colours)} colours")
    picture = png(width, height, colours, pixels.encode("latin-1"))
    while len(picture) > MOST and min(width, height) > 8:  # every second pixel of every second row looks much the same
        rows = [pixels[i * width : (i + 1) * width : 2] for i in range(0, height, 2)]
        width, height, pixels = len(rows[0]), len(rows), "".join(rows)
        picture = png(width, height, colours, pixels.encode("latin-1"))
    return "data:image/png;base64," + base64.b64encode(picture).decode()


def png(width, height, colours, pixels):
    """The bytes of a PNG with a palette."""
    from PIL import Image  # comes with matplotlib, as in pictures.py

    picture, data = Image.frombytes("P", (width, height), pixels), io.BytesIO()
    picture.putpalette(b"".join(max(0, colour).to_bytes(3, "big") for colour in colours))
    picture.save(data, "PNG", optimize=True, **({"transparency": 0} if colours[0] < 0 else {}))
    return data.getvalue()
