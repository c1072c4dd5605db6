"""Eigenvalues, extreme singular values and orthogonal matrices in V8, held against NumPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from javascript import bundled, entry_of


@pytest.fixture(scope="module")
def spectra():
    entry = entry_of("engine/spectra.js")
    with bundled("entry.js", {"entry.js": entry}) as engine:
        yield engine


def values_of(spectra, W):
    got = spectra.call("(b, W, n) => b.eigenvalues(W, n)", W.ravel().tolist(), len(W))
    return np.array(got["re"]) + 1j * np.array(got["im"])


def extremes_of(spectra, W):
    return spectra.call("(b, W, n) => b.extremeSingularValues(W, n)", W.ravel().tolist(), len(W))


def extremes_of_numpy(W):
    return np.linalg.svd(W, compute_uv=False)[[0, -1]]


def same_values(got, expected, atol):
    """Each value found is as near to one that is expected; none of these is taken twice."""
    left = list(expected)
    for value in got:
        near = min(range(len(left)), key=lambda i: abs(left[i] - value))
        assert abs(left.pop(near) - value) <= atol


@given(st.integers(0, 2**32 - 1), st.integers(1, 64))
@settings(max_examples=25)
def test_eigenvalues_and_singular_values_of_random_matrices(spectra, seed, n):
    W = np.random.default_rng(seed).uniform(-1, 1, (n, n)) / np.sqrt(n)
    # An eigenvalue of condition c moves by c times the rounding of the matrix; c stays far below 1e4 in such matrices
    same_values(values_of(spectra, W), np.linalg.eigvals(W), 1e-11)
    np.testing.assert_allclose(extremes_of(spectra, W), extremes_of_numpy(W), rtol=0, atol=1e-13)


@pytest.mark.parametrize(
    "W, atol",
    [
        (np.eye(5), 0),
        (np.zeros((4, 4)), 0),
        (np.roll(np.eye(8), 1, axis=0), 1e-14),  # a rotation of the axes: its eigenvalues lie on the unit circle
        (np.array([[0.0, 1.0], [-1.0, 0.0]]), 1e-15),
        (np.diag([3.0, -2.0, 0.5]) + np.triu(np.ones((3, 3)), 1), 1e-14),
        (np.array([[0.9, 5.0], [0.0, 0.9]]), 1e-14),
        (np.outer(np.arange(6.0), np.ones(6)), 1e-13),
        (np.linalg.qr(np.random.default_rng(0).normal(size=(32, 32)))[0], 1e-13),
    ],
)
def test_eigenvalues_of_matrices_that_are_easy_to_get_wrong(spectra, W, atol):
    same_values(values_of(spectra, W), np.linalg.eigvals(W), atol)
    for scale in (1, 1e-200, 1e200):  # whose squares are no doubles
        got = np.array(extremes_of(spectra, scale * W)) / scale
        np.testing.assert_allclose(got, extremes_of_numpy(W), rtol=0, atol=1e-13)


@pytest.mark.parametrize("n", [1, 2, 7, 32, 64])
def test_the_orthogonal_factor_is_that_of_numpy(spectra, n):
    W = np.random.default_rng(n).uniform(-1, 1, (n, n))
    got = np.reshape(spectra.call("(b, W, n) => b.orthogonal(W, n)", W.ravel().tolist(), n), (n, n))
    np.testing.assert_allclose(got.T @ got, np.eye(n), rtol=0, atol=1e-14)
    Q, R = np.linalg.qr(W)
    np.testing.assert_allclose(got, Q * np.sign(np.diag(R)), rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", ["eigenvalues", "extremeSingularValues", "orthogonal"])
def test_a_matrix_of_another_size_is_refused(spectra, name):
    said = spectra.call(f"(b) => {{ try {{ b.{name}([1, 2, 3], 2); }} catch (e) {{ return e.message; }} }}")
    assert "W" in said and "4" in said and "3" in said
