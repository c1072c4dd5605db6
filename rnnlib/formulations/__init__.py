"""One network, written five ways: each in the notation and the habits of its kind, each equal to `rnnlib.backward`.

    equations   functions over a dict of weights, one line for each equation
    cells       a step and its cache, then a loop over the steps; column vectors, the batch in the middle
    matrices    a model class with U, W, V and no biases
    layers      layers that each go forward, backward and update themselves
    gates       gates on a tape, which differentiates whatever was computed

Each has `from_params`, `to_params` and `gradients(params, x, y, ...)`, which goes there and back.
"""
