"""The sdist and the wheel: built from a copy of the sources without a warning, and used from an empty folder."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import PurePosixPath

import pytest
from books import ROOT

PACKAGE = {
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "rnnlib").rglob("*")
    if path.is_file() and path.parent.name != "__pycache__"
}
BESIDE = {"LICENSE", "MANIFEST.in", "README.md", "pyproject.toml"}


def build(kind, source, out):
    """The archive that setuptools builds from a folder; any warning of Python or setuptools is an error."""
    code = f"import sys; from setuptools import build_meta; build_meta.build_{kind}(sys.argv[1])"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code, out], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    [archive] = out.iterdir()
    return archive


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    source = tmp_path_factory.mktemp("source")
    for name in BESIDE | PACKAGE:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, source / name)
    return build("sdist", source, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory):
    """Built from what the sdist holds, and nothing else."""
    source = tmp_path_factory.mktemp("unpacked")
    shutil.unpack_archive(sdist, source)
    [folder] = source.iterdir()
    return build("wheel", folder, tmp_path_factory.mktemp("wheel"))


def test_the_sdist_holds_the_package_and_what_builds_it(sdist):
    with tarfile.open(sdist) as archive:
        names = {PurePosixPath(*PurePosixPath(name).parts[1:]).as_posix() for name in archive.getnames()}
    assert names >= PACKAGE | BESIDE
    assert not [name for name in names if name.startswith("tests")]  # they need the whole repository


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == PACKAGE
    assert {PurePosixPath(name).suffix for name in names} >= {".py", ".js", ".css", ".json", ".txt", ".typed"}


def test_the_wheel_says_its_licence_and_what_each_extra_needs(wheel):
    with zipfile.ZipFile(wheel) as archive:
        [path] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        told = message_from_bytes(archive.read(path))
        licence = archive.read(path.replace("METADATA", "licenses/LICENSE"))
    assert told["License-Expression"] == "BSD-3-Clause" and told.get_all("License-File") == ["LICENSE"]
    assert licence == (ROOT / "LICENSE").read_bytes()
    assert {"plots", "widgets", "train", "sweep"} <= set(told.get_all("Provides-Extra"))
    assert [need for need in told.get_all("Requires-Dist") if "extra" not in need] == ["numpy>=1.26"]


USE = """
import rnnlib
from rnnlib import widgets
from rnnlib.train import train

print(rnnlib.__file__)
for name in widgets.__all__:
    figure = getattr(widgets, name)()
    assert figure._esm and figure._css, name
lab = widgets.TrainingLab(text="to be, or not to be", hidden_size=4)
run = train(lab.start, lab.ids, rate=0.1, steps=6, progress=False)
assert run.epoch == 1 and rnnlib.plots.plot_training(run, lab.vocab, lab.text).axes
"""


def test_the_installed_wheel_draws_every_figure(wheel, tmp_path):
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", site, wheel], check=True, capture_output=True)
    environment = os.environ | {"PYTHONPATH": str(site)}
    done = subprocess.run([sys.executable, "-c", USE], cwd=elsewhere, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{site / 'rnnlib' / '__init__.py'}\n"
