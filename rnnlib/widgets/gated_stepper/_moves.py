"""The moves of an LSTM and of a GRU: their equations, their lines of code, and the numbers that each of them handles.

A step has six moves forward and six back. The lines of code are those of `rnnlib/lstm.py` and `rnnlib/gru.py`; only the
line of the error is written for one step.
"""

from typing import NamedTuple

import numpy as np

from ...text import one_hot


class Move(NamedTuple):
    """One move of a step."""

    name: str  # the key of its words is gated_move_<name>, that of its sentence gated_say_<cell>_<name>
    equations: list[str]  # in the notation of ui/equation.js
    code: list[str]


OUTPUT = Move("o", ["o_t = h_t W_hy + b_y", "ŷ_t = softmax ( o_t )"], ["o = h @ Why + by"])
ERROR = Move("do", ["do_t = ŷ_t − y_t"], ["do = yhat[t] - one_hot(y[t], V)"])
FORWARD = 6  # moves of a step on the way forward; as many on the way back

MOVES = {
    "lstm": [
        Move("a", ["a_t = x_t W_xh + h_t−1 W_hh + b_h"], ["a[t] = x_Wxh[t] + h_prev @ Whh + bh"]),
        Move(
            "gates",
            ["i_t = sigmoid ( a_t^i )", "f_t = sigmoid ( a_t^f )", "q_t = sigmoid ( a_t^q )"],
            ["i[t], f[t], g[t], q[t] = sigmoid(a_i), sigmoid(a_f), np.tanh(a_g), sigmoid(a_q)"],
        ),
        Move(
            "g",
            ["g_t = tanh ( a_t^g )"],
            ["i[t], f[t], g[t], q[t] = sigmoid(a_i), sigmoid(a_f), np.tanh(a_g), sigmoid(a_q)"],
        ),
        Move("c", ["c_t = f_t ⊙ c_t−1 + i_t ⊙ g_t"], ["c[t] = f[t] * c_prev + i[t] * g[t]"]),
        Move("h", ["h_t = q_t ⊙ tanh ( c_t )"], ["h[t] = q[t] * np.tanh(c[t])"]),
        OUTPUT,
        ERROR,
        Move("dh", ["dh_t = do_t W_hy^⊤ + da_t+1 W_hh^⊤"], ["dh[t] = do[t] @ Why.T + dh_next"]),
        Move("dq", ["da_t^q = dh_t ⊙ tanh ( c_t ) ⊙ q_t ⊙ ( 1 − q_t )"], ["da_q = dh * tanh_c * q * (1 - q)"]),
        Move(
            "dc",
            ["dc_t = dh_t ⊙ q_t ⊙ ( 1 − tanh^2 c_t ) + dc_t+1 ⊙ f_t+1"],
            ["dc = dc + dh * q * (1 - tanh_c**2)"],
        ),
        Move(
            "difg",
            [
                "da_t^i = dc_t ⊙ g_t ⊙ i_t ⊙ ( 1 − i_t )",
                "da_t^f = dc_t ⊙ c_t−1 ⊙ f_t ⊙ ( 1 − f_t )",
                "da_t^g = dc_t ⊙ i_t ⊙ ( 1 − g_t^2 )",
            ],
            ["da_i = dc * g * i * (1 - i)", "da_f = dc * c_prev * f * (1 - f)", "da_g = dc * i * (1 - g**2)"],
        ),
        Move("back", ["dh_t−1 += da_t W_hh^⊤", "dc_t−1 += dc_t ⊙ f_t"], ["return da, dc, da @ Whh.T, dc * f"]),
    ],
    "gru": [
        Move(
            "a",
            ["a_t^r = x_t W_xr + b_r + h_t−1 W_hr", "a_t^z = x_t W_xz + b_z + h_t−1 W_hz"],
            ["a[t, ..., : 2 * H] = x_Wxh[t, ..., : 2 * H] + h_Whh[..., : 2 * H]"],
        ),
        Move(
            "gates",
            ["r_t = sigmoid ( a_t^r )", "z_t = sigmoid ( a_t^z )"],
            ["r[t], z[t] = sigmoid(a[t, ..., :H]), sigmoid(a[t, ..., H : 2 * H])"],
        ),
        Move("m", ["m_t = h_t−1 W_hn + b_n"], ["m[t] = h_Whh[..., 2 * H :] + bn"]),
        Move(
            "n",
            ["a_t^n = x_t W_xn + b_h^n + r_t ⊙ m_t", "n_t = tanh ( a_t^n )"],
            ["a[t, ..., 2 * H :] = x_Wxh[t, ..., 2 * H :] + r[t] * m[t]", "n[t] = np.tanh(a[t, ..., 2 * H :])"],
        ),
        Move("h", ["h_t = ( 1 − z_t ) ⊙ n_t + z_t ⊙ h_t−1"], ["h[t] = (1 - z[t]) * n[t] + z[t] * h_prev"]),
        OUTPUT,
        ERROR,
        Move(
            "dh",
            ["dh_t = do_t W_hy^⊤ + dh_t+1 ⊙ z_t+1 + dk_t+1 W_hh^⊤", "dk_t = ( da_t^r , da_t^z , da_t^n ⊙ r_t )"],
            ["dh[t] = do[t] @ Why.T + dh_next"],
        ),
        Move("dn", ["da_t^n = dh_t ⊙ ( 1 − z_t ) ⊙ ( 1 − n_t^2 )"], ["da_n = dh * (1 - z) * (1 - n**2)"]),
        Move(
            "dz",
            ["da_t^z = dh_t ⊙ ( h_t−1 − n_t ) ⊙ z_t ⊙ ( 1 − z_t )"],
            ["da_z = dh * (h_prev - n) * z * (1 - z)"],
        ),
        Move("dr", ["da_t^r = da_t^n ⊙ m_t ⊙ r_t ⊙ ( 1 − r_t )"], ["da_r = da_n * m * r * (1 - r)"]),
        Move(
            "back",
            ["dh_t−1 += dh_t ⊙ z_t + dk_t W_hh^⊤", "dk_t = ( da_t^r , da_t^z , da_t^n ⊙ r_t )"],
            ["return da, dh * z + _through_reset(da, r) @ Whh.T"],
        ),
    ],
}
COUNT = len(MOVES["lstm"])  # as many as those of the GRU
INSIGHT = {"lstm": 9, "gru": 7}  # the move at which a walk is opened: where the paths back meet


def numbers(params, trace, grads, y, t, move):
    """name -> row of numbers, (H,) or what its comment says, of one move of step t; the names are those of the page."""
    return (_of_gru if params.gates == 3 else _of_lstm)(params, trace, grads, y, t)[move]


def _of_lstm(params, trace, grads, y, t):
    Wxh, Whh, Why, bh, by = params
    h_prev, c_prev = (trace.h[t - 1], trace.c[t - 1]) if t else (trace.h0, trace.c0)
    i, f, g, q, c = (array[t] for array in (trace.i, trace.f, trace.g, trace.q, trace.c))
    a_i, a_f, a_g, a_q = np.split(trace.a[t], 4)
    dh, dc, da, tanh_c = grads.dh[t], grads.dc[t], grads.da[t], np.tanh(c)
    da_i, da_f, da_g, da_q = np.split(da, 4)
    dh_next, dc_next, from_gates, along_c = np.zeros_like(dh), np.zeros_like(dc), {}, {}
    if t + 1 < len(y):
        from_gates = {f"da_{gate}[t+1]": part for gate, part in zip("ifgq", np.split(grads.da[t + 1], 4), strict=True)}
        dh_next, dc_next = grads.da[t + 1] @ Whh.T, grads.dc[t + 1] * trace.f[t + 1]
        along_c = {"dc[t+1]": grads.dc[t + 1], "f[t+1]": trace.f[t + 1]}
    return [
        {"x_Wxh": Wxh[trace.x[t]], "h_prev @ Whh": h_prev @ Whh, "bh": bh, "a": trace.a[t]},  # (4H,)
        {"a_i": a_i, "i": i, "a_f": a_f, "f": f, "a_q": a_q, "q": q},
        {"a_g": a_g, "g": g},
        {"f": f, "c_prev": c_prev, "f * c_prev": f * c_prev, "i": i, "g": g, "i * g": i * g, "c": c},
        {"c": c, "tanh_c": tanh_c, "q": q, "h": trace.h[t]},
        *_output(Why, by, trace, grads, y, t),
        {**from_gates, "dh_next": dh_next, "do @ Why.T": grads.do[t] @ Why.T, "dh": dh},
        {"dh": dh, "tanh_c": tanh_c, "q * (1 - q)": q * (1 - q), "da_q": da_q},
        {"dh": dh, "q": q, "1 - tanh_c**2": 1 - tanh_c**2, "through_h": dh * q * (1 - tanh_c**2), **along_c}
        | {"dc_next": dc_next, "dc": dc},
        {"dc": dc, "g": g, "i * (1 - i)": i * (1 - i), "da_i": da_i, "c_prev": c_prev, "f * (1 - f)": f * (1 - f)}
        | {"da_f": da_f, "i": i, "1 - g**2": 1 - g**2, "da_g": da_g},
        {"da_i": da_i, "da_f": da_f, "da_g": da_g, "da_q": da_q, "da @ Whh.T": da @ Whh.T}
        | {"dc": dc, "f": f, "dc * f": dc * f},
    ]


def _of_gru(params, trace, grads, y, t):
    Wxh, Whh, Why, bh, bn, by = params
    H = len(Whh)
    h_prev = trace.h[t - 1] if t else trace.h0
    r, z, m, n = (array[t] for array in (trace.r, trace.z, trace.m, trace.n))
    x_Wxh, h_Whh = Wxh[trace.x[t]] + bh, h_prev @ Whh
    a_r, a_z, a_n = np.split(trace.a[t], 3)
    dh = grads.dh[t]
    da_r, da_z, da_n = np.split(grads.da[t], 3)

    def before(s):
        """What step s hands back to the state before it: directly, and through the gates; and the parts of dk."""
        dr, dz, dn = np.split(grads.da[s], 3)
        dk = dr, dz, dn * trace.r[s]
        return grads.dh[s] * trace.z[s], np.concatenate(dk) @ Whh.T, dk

    through_z, through_gates, directly, by_gates = np.zeros_like(dh), np.zeros_like(dh), {}, {}
    if t + 1 < len(y):
        through_z, through_gates, dk = before(t + 1)
        directly = {"dh[t+1]": grads.dh[t + 1], "z[t+1]": trace.z[t + 1]}
        by_gates = {f"dk_{gate}[t+1]": part for gate, part in zip("rzn", dk, strict=True)}
    back, through, _ = before(t)
    return [
        {"x_Wxh": x_Wxh[: 2 * H], "h_Whh": h_Whh[: 2 * H], "a": trace.a[t][: 2 * H]},  # (2H,)
        {"a_r": a_r, "r": r, "a_z": a_z, "z": z},
        {"h_Whh": h_Whh[2 * H :], "bn": bn, "m": m},
        {"m": m, "r": r, "r * m": r * m, "x_Wxh": x_Wxh[2 * H :], "a_n": a_n, "n": n},
        {"1 - z": 1 - z, "n": n, "(1 - z) * n": (1 - z) * n, "z": z, "h_prev": h_prev, "z * h_prev": z * h_prev}
        | {"h": trace.h[t]},
        *_output(Why, by, trace, grads, y, t),
        {**directly, "through_z": through_z, **by_gates, "through_gates": through_gates}
        | {"do @ Why.T": grads.do[t] @ Why.T, "dh": dh},
        {"dh": dh, "1 - z": 1 - z, "1 - n**2": 1 - n**2, "da_n": da_n},
        {"dh": dh, "h_prev - n": h_prev - n, "z * (1 - z)": z * (1 - z), "da_z": da_z},
        {"da_n": da_n, "m": m, "r * (1 - r)": r * (1 - r), "da_r": da_r},
        {"dh": dh, "z": z, "through_z": back, "da_r": da_r, "da_z": da_z, "da_n * r": da_n * r}
        | {"through_gates": through, "dh_next": back + through},
    ]


def _output(Why, by, trace, grads, y, t):
    """The last move forward and the first one back, the same in both cells: rows of V numbers."""
    return [
        {"h @ Why": trace.h[t] @ Why, "by": by, "o": trace.o[t], "yhat": trace.yhat[t]},
        {"yhat": trace.yhat[t], "y": one_hot(y[t], len(by)), "do": grads.do[t]},
    ]
