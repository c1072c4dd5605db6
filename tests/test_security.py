"""What the pages allow nobody to do: run other scripts, ask other hosts, turn words into markup."""

import re

import pytest
from test_book import pages

POLICY = "default-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data:; object-src 'none'"


# The policy. That no page breaks it is part of test_no_page_asks_another_host_or_logs_an_error.


@pytest.mark.parametrize("folder", ["book", "specimen"])
def test_every_page_states_its_policy_before_it_loads_anything(request, folder):
    folder = request.getfixturevalue(folder)
    for path in pages(folder):
        html = (folder / path).read_text(encoding="utf-8")
        policy = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)"', html)
        assert policy and policy[1].startswith(POLICY) and "unsafe-eval" not in policy[1], path
        assert not re.search(r"<(script|link|style|img)\b", html[: policy.start()]), path
        assert "<style" not in html, path


INTRUDERS = {
    "an inline script": """() => {
      const script = document.createElement("script");
      script.textContent = "window.intruded = true";
      document.body.append(script);
    }""",
    "a handler": """() => {
      const holder = document.createElement("div");
      holder.innerHTML = '<img src="data:image/png;base64,zz" onerror="window.intruded = true">';
      document.body.append(holder);
    }""",
    "a data: script": """() => {
      const script = document.createElement("script");
      script.src = "data:text/javascript,window.intruded=true";
      document.body.append(script);
    }""",
    "a blob: module": """() => {
      const module = new Blob(["window.intruded = true"], { type: "text/javascript" });
      import(URL.createObjectURL(module)).catch(() => {});
    }""",
    "another base address": """() => {
      document.head.prepend(Object.assign(document.createElement("base"), { href: "https://example.org/" }));
      window.intruded = document.baseURI.startsWith("https://example.org");
    }""",
    "a request to another host": """() => {
      fetch("https://example.org/").then(() => (window.intruded = true)).catch(() => {});
    }""",
    "a picture from another host": """() => void (new Image().src = "https://example.org/a.png")""",
    "a frame": """() => {
      document.body.append(Object.assign(document.createElement("iframe"), { src: "https://example.org/" }));
    }""",
    "a style sheet": """() => {
      const style = document.createElement("style");
      style.textContent = "body { display: none }";
      document.body.append(style);
      window.intruded = getComputedStyle(document.body).display === "none";
    }""",
}


@pytest.mark.parametrize("intruder", INTRUDERS)
def test_what_the_policy_forbids_does_not_happen(specimen, visit, intruder):
    page, watch = visit(specimen, "index.html")
    page.evaluate(INTRUDERS[intruder])
    page.wait_for_timeout(150)
    assert not page.evaluate("window.intruded")
    assert [told for told in watch.console if "refused: " in told], "the page's policy said nothing"


def test_no_text_of_a_page_is_run_as_a_script(specimen, visit):
    page, watch = visit(specimen, "index.html")
    # a timer, since what a test evaluates stands above the policy
    page.evaluate("setTimeout('window.intruded = true')")
    page.wait_for_timeout(150)
    assert not page.evaluate("window.intruded")
    assert [told for told in watch.console if "refused: script-src" in told]
