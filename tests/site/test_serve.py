"""The server of the built book answers every address, and says what is wrong with its arguments."""

import http.client
import subprocess
import sys

import pytest
from books import ROOT

SERVE = ROOT / "tools" / "serve.py"


@pytest.fixture
def ask(load_ext, tmp_path):
    """ask(target) -> status of the answer, and what the server has complained of so far."""
    (tmp_path / "page.html").write_text("<p>Hello", encoding="utf-8")
    serve = load_ext("serve")
    with serve.serve(tmp_path) as address:

        def status(target, **headers):
            connection = http.client.HTTPConnection(address.removeprefix("http://"))
            try:
                connection.putrequest("GET", target, skip_accept_encoding=True)
                for name, value in headers.items():
                    connection.putheader(name.replace("_", "-"), value)
                connection.endheaders()
                return connection.getresponse().status
            finally:
                connection.close()

        yield status


@pytest.mark.parametrize("headers", [{}, {"Accept_Encoding": "gzip"}], ids=["plain", "gzip"])
def test_an_address_that_no_file_can_have_is_not_found(ask, headers, capsys):
    assert ask("/page.html", **headers) == 200
    for target in ("/none.html", "/a%00b.html", "/" + "a" * 6000, "/" + "a/" * 3000, "/%E0", "/%", "/page.html%00"):
        assert ask(target, **headers) == 404, target
    assert ask("/page.html", **headers) == 200
    assert capsys.readouterr().err == "", "no traceback"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([ROOT / "tests", "65536"], "port: expected a number from 0 to 65535, got 65536"),
        ([ROOT / "tests", "-1"], "port: expected a number from 0 to 65535, got '-1'"),
        ([ROOT / "tests", "eighty"], "port: expected a number from 0 to 65535, got 'eighty'"),
        ([ROOT / "none", "8000"], f"directory: expected a folder, got '{ROOT / 'none'}'"),
    ],
)
def test_wrong_arguments_are_told_in_a_sentence(arguments, says):
    done = subprocess.run([sys.executable, SERVE, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stderr.strip() == says
