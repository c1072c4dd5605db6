"""A page with the JavaScript numerics of the widgets, and how its numbers are held against Python's."""

import itertools
import json
from contextlib import contextmanager

import numpy as np

import rnnlib
from rnnlib import Params, backward, forward
from rnnlib.widgets._bundle import HERE

# Arrays hold rounding errors of the size of their largest entry, so that this is what errors are measured by.
TOLERANCE = 1e-12
# Sums of a few dozen products, measured by the sizes of the products: only the last digits differ.
TIGHT = 1e-14
# Measured by themselves: the shares of one loss all come from its do Whyᵀ, whose terms may nearly cancel.
CANCELLING = 1e-13


@contextmanager
def opened(browser, serving):
    """A page with all that the numeric modules export on `window.engine`."""
    page = browser.new_page()
    page.goto(f"{serving(HERE)}/words.json")
    page.evaluate(
        """async files => {
            const modules = await Promise.all(files.map(file => import(new URL(file, location))));
            window.engine = Object.assign({}, ...modules);
        }""",
        [f"engine/{name}.js" for name in ("random", "params", "text", "rnn", "loss", "bptt", "gradcheck", "gates")],
    )
    yield page
    page.close()


def run(page, function, data):
    """Call the JavaScript `function(engine, data)` in the page. JSON keeps every bit of a double, both ways."""
    result = page.evaluate(
        f"""json => JSON.stringify(
            ({function})(window.engine, JSON.parse(json)),
            (_, value) => (ArrayBuffer.isView(value) ? Array.from(value) : value),
        )""",
        json.dumps(data, default=np.ndarray.tolist),
    )
    return json.loads(result)


def relative_error(got, expected, size=None):
    """The largest error of an array, in units of the largest entry of `size`, which is the array itself by default."""
    got, expected = np.asarray(got, float), np.ravel(expected)
    assert got.shape == expected.shape
    return np.abs(got - expected).max() / max(1e-300, np.abs(expected if size is None else size).max())


def gradient_errors(got, params, trace, y, reduction, truncate=None):
    """The relative error of each gradient. What is summed over the steps is measured by Σ_t |term|.

    The terms may cancel (in a network of one unit down to the last digits), but their rounding errors do not.
    """
    grads = backward(params, trace, y, reduction=reduction, truncate=truncate)
    da, do, h = np.abs(grads.da), np.abs(grads.do), np.abs(trace.h)
    h_previous = np.abs(np.vstack([trace.h0, trace.h[:-1]]))
    one_hot = rnnlib.one_hot(trace.x, len(params.Wxh))
    sizes = {"Wxh": one_hot.T @ da, "Whh": h_previous.T @ da, "Why": h.T @ do, "bh": da.sum(0), "by": do.sum(0)}
    assert set(got) == set(grads._fields)
    return {name: relative_error(got[name], expected, sizes.get(name)) for name, expected in grads._asdict().items()}


def check_errors(errors, record_property, tolerance=TOLERANCE):
    """Report the worst of the errors {name: relative error}, and hold it against the tolerance."""
    worst = max(errors, key=errors.get)
    record_property("worst_relative_error", f"{errors[worst]:.1e} in {worst}")
    print(f"worst relative error: {errors[worst]:.1e} in {worst}")
    assert errors[worst] <= tolerance, worst


def random_models(seed, *, contracting):
    """200 models `(params, ids, h0, y, reduction)` of many sizes, weights and biases up to 5, and states to start from.

    Large recurrent weights make a chaotic network: a rounding error in one step grows until, some dozens of steps
    later, no digit is left, in Python as in JavaScript. `contracting` divides Whh by its norm, so that errors shrink.
    """
    rng = np.random.default_rng(seed)
    sizes = [(1, 1, 1), (65, 64, 64), (65, 64, 1), (1, 64, 64), (65, 1, 64), (2, 63, 5), (64, 33, 32)]
    sizes += [tuple(np.exp(rng.uniform(0, np.log([66, 65, 65]))).astype(int)) for _ in range(200 - len(sizes))]
    for V, H, T in sizes:
        scale = np.exp(rng.uniform(np.log(0.05), np.log(5)))
        shapes = [(V, H), (H, H), (H, V), (H,), (V,)]
        params = Params(*(rng.uniform(-scale, scale, shape) for shape in shapes))
        if contracting:
            params = params._replace(Whh=params.Whh / np.linalg.norm(params.Whh, 2))
        h0 = None if rng.random() < 0.25 else rng.uniform(-1.5, 1.5, H)
        reduction = "sum" if rng.random() < 0.5 else "mean"
        yield params, rng.integers(V, size=T), h0, rng.integers(V, size=T), reduction


def as_data(params, ids, h0, y, reduction):
    """A model in the shape in which `MODEL` below takes it."""
    V, H = params.Wxh.shape
    arrays = {name: array.ravel() for name, array in params._asdict().items()}
    return {"V": V, "H": H, "arrays": arrays, "ids": ids, "h0": h0, "y": y, "reduction": reduction}


MODEL = """(model => {
    const params = { V: model.V, H: model.H };
    for (const [name, values] of Object.entries(model.arrays)) params[name] = Float64Array.from(values);
    return { ...model, params };
})"""


def some_models(seed, *, limit, count):
    """Random models of at most `limit` steps, hidden units and symbols, each with its trace."""
    fits = (m for m in random_models(seed, contracting=True) if max(m[0].Wxh.shape) <= limit and len(m[1]) <= limit)
    return [(*model, forward(*model[:3])) for model in itertools.islice(fits, count)]


def on_models(engine, function, models, extra=None):
    """JavaScript `function(model, trace, extra)` on each of the models, on Python's own trace."""
    data = [
        {**as_data(*model), "trace": {name: getattr(trace, name).ravel() for name in ("h0", "a", "h", "o", "yhat")}}
        for *model, trace in models
    ]
    return run(
        engine,
        f"""(engine, {{ models, extra }}) => models.map({MODEL}).map((model, i) => {{
            const trace = {{ T: model.ids.length, ids: model.ids }};
            for (const [name, values] of Object.entries(model.trace)) trace[name] = Float64Array.from(values);
            return ({function})(model, trace, extra?.[i]);
        }})""",
        {"models": data, "extra": extra},
    )


def assert_refused(page, call, argument):
    """The JavaScript `engine.<call>` throws a RangeError that names the argument."""
    error = run(
        page,
        f"""engine => {{
            const params = engine.initParams(3, 2, 0);
            const ids = [0, 1, 2];
            const y = [1, 2, 0];
            const trace = engine.forward(params, ids);
            const grads = engine.backward(params, trace, y);
            const short = new Float64Array(1);
            try {{ engine.{call}; }} catch (error) {{ return [error.name, error.message]; }}
            return ["nothing was thrown", ""];
        }}""",
        None,
    )
    assert error[0] == "RangeError"
    assert error[1].startswith(f"{argument}: expected ")
