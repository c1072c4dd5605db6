"""The grid on which the graph of `gates.rnn_loss` is drawn, both by `plots.plot_graph` and by the interactive figure.

Time runs to the right along the columns, three of them for each step. The four lanes, from below, are what is read, the
states, the outputs and the losses. `GRID` holds plain values only, so that it can be handed to JavaScript as JSON.
"""

GRID = {
    "columns": 3,  # of one step
    # lane and column of the nodes with a place of their own
    "places": {"U": (0, 3.5), "W": (2, 1), "V": (2, 4.5), "L": (3, 4.5), "x_1": (0, 1), "y_1": (3, 2)},
    # for any other node, by its name without the index: its lane, and its column after the column 3 * index
    "steps": {
        "U x": (0, -1),
        "x": (0, 0),
        "W h": (1, 1),
        "a": (1, -1),
        "h": (1, 0),
        "o": (2, 0),
        "L": (3, 0),
        "y": (3, 0.9),
    },
    "turn": 1.35,  # columns after W, where its line turns to go around the edge from a state to its output
}


def place(name):
    """Lane and column of the node with this name: place("a_2") is (1, 5)."""
    if name in GRID["places"]:
        return GRID["places"][name]
    letters, _, index = name.partition("_")
    lane, after = GRID["steps"][letters]
    return lane, GRID["columns"] * int(index) + after


def places(T):
    """{name: (lane, column)} of all nodes of the graph over T steps."""
    names = ["U", "W", "V", "L", "h_0"]
    for t in range(1, T + 1):
        names += [f"x_{t}", f"U x_{t}", f"W h_{t - 1}", f"a_{t}", f"h_{t}", f"o_{t}", f"y_{t}", f"L_{t}"]
    return {name: place(name) for name in names}
