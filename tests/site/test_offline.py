"""Visited pages are kept for reading without a network, each with the figures of its own build."""

import contextlib
import itertools
import json
import re
import shutil

import pytest
from browsing import STARTED, Watch
from py_mini_racer import MiniRacer
from switched_host import Host


@pytest.fixture
def host(load_ext):
    with Host(load_ext("serve").Handler) as host:
        yield host


@pytest.fixture
def reader(browser):
    """reader() -> a page of a browser that has never been here."""
    with contextlib.ExitStack() as stack:

        def arrive(**options):
            context = browser.new_context(**options)
            stack.callback(context.close)
            return context.new_page()

        yield arrive


@pytest.fixture(scope="session")
def two_builds(specimen, load_ext, tmp_path_factory):
    """The specimen, and the same after its counter's module and the frame's style sheet were changed."""
    new = tmp_path_factory.mktemp("builds") / "new"
    shutil.copytree(specimen, new)
    fingerprint, site = load_ext("bookext.postprocess.fingerprint"), load_ext("bookext.postprocess.site")
    module = next(path for path in new.glob("_static/widgets/*.js") if "Add to " in path.read_text(encoding="utf-8"))
    text = module.read_text(encoding="utf-8").replace("Add to ", "Increase ")
    renamed = module.with_name(f"{fingerprint.digest(text.encode())[:12]}.js")
    module.unlink()
    renamed.write_text(text, encoding="utf-8")
    for path in new.rglob("*.html"):
        html = path.read_text(encoding="utf-8").replace(module.name, renamed.name)
        path.write_text(html.replace(">Specimen</h1>", ">New specimen</h1>"), encoding="utf-8")
    with (new / "_static/book.css").open("a", encoding="utf-8") as style:
        style.write("html { --build: new; }\n")
    built = site.Site(new)
    fingerprint.name_contents(built, None)
    fingerprint.add_worker(built, None)
    built.save()
    return specimen, new


KEPT = """async (scope) => {
  const store = await caches.open(`book pages ${scope}`);
  return (await store.keys()).map((request) => request.url.slice(scope.length)).sort();
}"""
ASSETS = """async (scope) => {
  const store = await caches.open(`book assets ${scope}`);
  return (await store.keys()).map((request) => request.url.slice(scope.length)).sort();
}"""
QUESTIONS = itertools.count()
BUILD = "getComputedStyle(document.documentElement).getPropertyValue('--build')"


# Asked again and again: a store tells nobody when something is put into it.
HELD = """async ([scope, kind, wanted]) => {
  const names = (await (await caches.open(`book ${kind} ${scope}`)).keys()).map(({ url }) => url.slice(scope.length));
  return names.filter((name) => name.startsWith(wanted.name)).length === (wanted.times ?? 1);
}"""
# How each attempt of a worker to keep a page has ended, from now on.
NOTE_ATTEMPTS = """() => {
  const { keep } = self;
  self.attempts = [];
  self.keep = (page, response) => {
    const attempt = keep(page, response);
    attempts.push(attempt.then(() => "kept", (error) => error.message));
    return attempt;
  };
}"""


def go(page, address):
    page.goto(address)
    page.wait_for_function(STARTED)


def until(page, scope, kind, **wanted):
    """Wait until the store of this kind holds the wanted name, as many times as it should."""
    until_true(page, HELD, [scope, kind, wanted])


def until_true(page, question, arg):
    """Wait until an asynchronous question is answered with yes; wait_for_function takes a promise itself for a yes."""
    ask = f"""([id, arg]) => {{
      const answers = (window.answers ??= {{}});
      ({question})(arg).then((answer) => {{ answers[id] = answer; }});
      return answers[id];
    }}"""
    page.wait_for_function(ask, arg=[next(QUESTIONS), arg], polling=50)


def read(page, address, scope=None):
    """Visit a page, until it is kept."""
    scope = scope or address[: address.index("/", 8) + 1]
    go(page, address)
    until(page, scope, "pages", name=address.removeprefix(scope))
    page.wait_for_function("() => navigator.serviceWorker.controller")


def counts(page):
    button = page.locator(".rnn-widget-counter").get_by_role("button").first
    button.click()
    assert "count 1" in page.locator(".rnn-widget-counter output").first.inner_text()
    return button.inner_text().split()[0]


def test_a_visited_page_works_without_a_network_and_so_does_search(specimen, host, reader):
    page, host.folder = reader(), specimen
    watch = Watch(page, host.address)
    read(page, f"{host.address}/pages/live.html")
    read(page, f"{host.address}/pages/stepper.html")
    read(page, f"{host.address}/pages/equations.html")
    host.folder = None
    go(page, f"{host.address}/pages/live.html?from=somewhere#broken")
    assert counts(page) == "Add"
    go(page, f"{host.address}/pages/stepper.html")
    page.get_by_label("Text", exact=True).first.fill("offline")
    page.get_by_text("“\u2068o\u2069”").first.wait_for()
    assert page.evaluate("document.fonts.load('16px \"Book Math\"').then((fonts) => fonts.length)")
    go(page, f"{host.address}/pages/equations.html")
    page.locator("math [data-symbol]").first.hover()
    page.get_by_role("tooltip").wait_for()  # what the symbols mean comes from a file of its own
    go(page, f"{host.address}/search.html?q=unmistakableword")
    page.locator("#search-results a").first.wait_for()
    assert "Specimen" in page.locator("#search-results a").first.inner_text()
    assert not watch.complaints


def test_a_page_that_was_not_visited_says_so_at_its_own_address(specimen, host, reader):
    page, host.folder = reader(), specimen
    watch = Watch(page, host.address)
    read(page, f"{host.address}/pages/live.html")
    read(page, f"{host.address}/pages/live.html")
    host.folder = None
    answer = page.goto(f"{host.address}/pages/equations.html")
    assert answer.status == 503 and page.url == f"{host.address}/pages/equations.html"
    assert page.get_by_role("heading", level=1).inner_text() == "Not kept on this device"
    links = page.locator("article ul a")
    assert sorted(links.all_inner_texts()) == ["Live widgets", "Search"]
    assert page.evaluate("getComputedStyle(document.querySelector('.bd-main')).display") == "flex", "no style sheet"
    page.get_by_role("button", name="Colours").click()
    assert page.locator("html").get_attribute("data-mode") == "dark"
    links.get_by_text("Live widgets").click()
    page.wait_for_function(STARTED)
    assert page.url == f"{host.address}/pages/live.html" and counts(page)
    with pytest.raises(Exception, match="net::ERR"):
        page.goto(f"{host.address}/pages/no-page.html")
    assert not watch.errors and not [told for told in watch.console if "refused" in told]


def test_a_page_and_its_figures_are_of_one_build(two_builds, host, reader):
    (old, new), page = two_builds, reader()
    host.folder = old
    read(page, f"{host.address}/pages/live.html")
    read(page, f"{host.address}/pages/stepper.html")
    assert (counts_at(page, host), page.evaluate(BUILD)) == ("Add", "")
    host.folder = new
    assert (counts_at(page, host), page.evaluate(BUILD)) == ("Increase", "new")
    until(page, f"{host.address}/", "assets", name="_static/book.css", times=2)
    host.folder = None
    assert (counts_at(page, host), page.evaluate(BUILD)) == ("Increase", "new")
    go(page, f"{host.address}/pages/stepper.html")  # not visited since: all of the old build, and whole
    assert page.evaluate(BUILD) == ""
    assert page.locator(".rnn-widget-forwardstepper").first.get_attribute("data-state") == "live"
    page.get_by_label("Text", exact=True).first.fill("offline")
    page.get_by_text("“\u2068o\u2069”").first.wait_for()


def counts_at(page, host):
    go(page, f"{host.address}/pages/live.html")
    return counts(page)


def test_what_no_kept_page_needs_is_dropped(two_builds, host, reader):
    (old, new), page = two_builds, reader()
    scope = f"{host.address}/"
    host.folder = old
    read(page, f"{scope}pages/live.html")
    before = {*page.evaluate(ASSETS, scope)}
    host.folder = new
    go(page, f"{scope}pages/live.html")
    for folder, times in ((new, 1), (old, 0)):
        style = re.search(r"_static/book\.css\?v=\w+", (folder / "index.html").read_text(encoding="utf-8"))[0]
        until(page, scope, "assets", name=style, times=times)
    after = {*page.evaluate(ASSETS, scope)}
    changed = re.compile(r"book\.css|widgets/")
    assert {a for a in before if not changed.search(a)} == {a for a in after if not changed.search(a)}
    assert len({a for a in before if "widgets/" in a}) == len({a for a in after if "widgets/" in a})


def test_a_page_whose_files_are_of_another_build_is_not_kept(two_builds, host, reader, load_ext, tmp_path):
    (old, new), page = two_builds, reader()
    half = tmp_path / "half"  # as a host is in the middle of an upload: the pages are there, the style sheet is not yet
    shutil.copytree(new, half)
    shutil.copyfile(old / "_static/book.css", half / "_static/book.css")
    host.folder = old
    read(page, f"{host.address}/pages/live.html")
    read(page, f"{host.address}/pages/live.html")
    host.folder = half
    [worker] = page.context.service_workers
    worker.evaluate(NOTE_ATTEMPTS)
    go(page, f"{host.address}/pages/live.html")
    go(page, f"{host.address}/pages/stepper.html")
    attempts = worker.evaluate("() => Promise.all(attempts)")
    assert len(attempts) == 2 and all(told.endswith("is of another build") for told in attempts)
    host.folder = None
    assert (counts_at(page, host), page.evaluate(BUILD)) == ("Add", "")
    page.goto(f"{host.address}/pages/stepper.html")
    assert page.get_by_role("heading", level=1).inner_text() == "Not kept on this device"


def test_books_on_one_host_leave_each_other_alone(two_builds, host, reader, tmp_path):
    (old, new), page = two_builds, reader()
    shutil.copytree(old, tmp_path, dirs_exist_ok=True)  # one at the root, the other below it
    shutil.copytree(new, tmp_path / "other")
    (tmp_path / "plain.html").write_text("<title>no page of a book</title>", encoding="utf-8")
    host.folder = tmp_path
    scopes = f"{host.address}/", f"{host.address}/other/"
    read(page, f"{scopes[0]}pages/live.html", scopes[0])
    read(page, f"{scopes[1]}pages/live.html", scopes[1])
    until(page, scopes[1], "pages", name="search.html")  # the root's worker was there before
    page.goto(f"{host.address}/plain.html")
    assert [page.evaluate(KEPT, scope) for scope in scopes] == [["offline.html", "pages/live.html", "search.html"]] * 2
    host.folder = None
    for scope, word in zip(scopes, ("Add", "Increase"), strict=True):
        go(page, f"{scope}pages/live.html")
        assert counts(page) == word
    with pytest.raises(Exception, match="net::ERR"):
        page.goto(f"{host.address}/plain.html")


def test_a_book_that_cannot_be_kept_says_nothing(specimen, host, reader):
    host.folder = specimen
    for trouble in ("serviceWorker.register = async () => { throw new DOMException('no', 'SecurityError'); }",):
        page = reader()
        page.add_init_script(f"navigator.{trouble}")
        watch = Watch(page, host.address)
        go(page, f"{host.address}/pages/live.html")
        page.wait_for_load_state("networkidle")
        assert counts(page) and not watch.complaints
    page = reader()
    page.add_init_script("Object.defineProperty(navigator, 'serviceWorker', { value: undefined })")
    watch = Watch(page, host.address)
    go(page, f"{host.address}/pages/live.html")
    page.wait_for_load_state("networkidle")
    assert counts(page) and not watch.complaints


def test_keeping_waits_until_the_page_is_there_and_for_nobody_who_saves_data(specimen, host, reader):
    host.folder, page = specimen, reader()
    page.add_init_script(
        """window.states = [];
        const register = navigator.serviceWorker.register;
        navigator.serviceWorker.register = function (...given) {
          states.push([document.readyState, performance.getEntriesByType("paint").length > 0]);
          return register.apply(this, given);
        };"""
    )
    read(page, f"{host.address}/pages/live.html")
    assert page.evaluate("states.map(([state]) => state)") == ["complete"]
    page = reader()
    page.add_init_script("Object.defineProperty(navigator.connection, 'saveData', { value: true })")
    go(page, f"{host.address}/pages/live.html")
    page.wait_for_load_state("networkidle")
    assert page.evaluate("navigator.serviceWorker.getRegistrations().then((all) => all.length)") == 0


REPLACE = """async (scope) => {
  const store = await caches.open(`book assets ${scope}`);
  const script = new Response("window.intruded = true", { headers: { "Content-Type": "text/javascript" } });
  const modules = (await store.keys()).filter(({ url }) => url.endsWith(".js") || url.includes(".js?v="));
  for (const request of modules) await store.put(request, script.clone());
  return modules.length;
}"""
INTRUDED = """async (scope) => {
  const store = await caches.open(`book assets ${scope}`);
  const texts = await Promise.all((await store.keys()).map(async (request) => (await store.match(request)).text()));
  return texts.filter((text) => text.startsWith("window.intruded")).length;
}"""


def test_what_a_script_put_in_place_of_a_kept_file_is_not_served(specimen, host, reader):
    page, host.folder = reader(), specimen
    scope = f"{host.address}/"
    read(page, f"{scope}pages/live.html")
    read(page, f"{scope}pages/live.html")
    assert page.evaluate(REPLACE, scope) == page.evaluate(INTRUDED, scope) > 3
    read(page, f"{scope}pages/live.html")
    assert counts_at(page, host) == "Add" and not page.evaluate("window.intruded")
    until_true(page, f"async (scope) => (await ({INTRUDED})(scope)) === 0", scope)
    page.evaluate(REPLACE, scope)
    host.folder = None
    page.goto(f"{scope}pages/live.html")
    assert not page.evaluate("window.intruded")


def test_a_page_that_a_new_build_removed_says_so_offline(specimen, host, reader, load_ext, tmp_path):
    page, scope = reader(), f"{host.address}/"
    new = tmp_path / "new"
    shutil.copytree(specimen, new)
    (new / "pages/equations.html").unlink()
    built = load_ext("bookext.postprocess.site").Site(new)
    load_ext("bookext.postprocess.fingerprint").add_worker(built, None)
    built.save()
    host.folder = specimen
    read(page, f"{scope}pages/equations.html")
    read(page, f"{scope}pages/live.html")
    host.folder = new
    go(page, f"{scope}pages/live.html")
    gone = "async (page) => (await caches.match(page)).status === 410"
    until_true(page, gone, f"{scope}pages/equations.html")
    assert page.goto(f"{scope}pages/equations.html").status == 404
    host.folder = None
    assert page.goto(f"{scope}pages/equations.html?again").status == 503
    assert page.get_by_role("heading", level=1).inner_text() == "Not kept on this device"
    assert sorted(page.locator("article ul a").all_inner_texts()) == ["Live widgets", "Search"]


# The worker's expressions, in V8


@pytest.fixture(scope="module")
def worker(load_ext):
    """worker(expression) -> its value, beside the worker's own functions."""
    source = (load_ext("bookext.postprocess.fingerprint").HERE / "sw.js").read_text(encoding="utf-8")
    v8 = MiniRacer()
    v8.eval("""globalThis.registration = { scope: "https://example.org/" };
        globalThis.addEventListener = () => {};
        globalThis.PAGES = ["index.html", "a/b.html"];
        globalThis.URL = class { constructor(address, base) { this.href = `${base} ${address}`; } };""")
    v8.eval(source)
    v8.eval("""globalThis.seconds = (text) => {
        const began = Date.now();
        named(text, "");
        titleOf(text);
        return (Date.now() - began) / 1000;
      }""")
    yield lambda expression: json.loads(v8.eval(f"JSON.stringify({expression})"))
    v8.close()


def test_the_names_of_files_are_found_where_they_stand(worker):
    text = """<link href="../_static/book.css?v=0123abcd"><script src="_static/widgets/0123456789ab.js">
        import("./x.js?v=0123abcd");url(a.woff2?v=89abcdef)  a/0123456789ab.css/0123456789ab.js x.css?v=0123abcde
        <img class="rnn-widget-picture" src="p.webp?v=01234567">  b.c?v=0123abcdd /0123456789abc.js"""
    assert worker(f"named({json.dumps(text)}, 'base')") == [
        "base ../_static/book.css?v=0123abcd",
        "base _static/widgets/0123456789ab.js",
        "base ./x.js?v=0123abcd",
        "base a.woff2?v=89abcdef",
        "base a/0123456789ab.css",
        "base /0123456789ab.js",
    ]
    title = "<title>A &amp; B &#8212; C — Specimen</title>"
    assert worker(f"titleOf({json.dumps(title)})") == "A &amp; B — C"
    assert worker("plain('https://example.org/a/b.html?x#y/z')") == "https://example.org/a/b.html"
    assert worker("plain('https://example.org/')") == "https://example.org/index.html"
    assert worker("plain('https://other.org/')") is None


@pytest.mark.parametrize(
    "piece",
    ["A", "/", ".", ".a", "a.js?v=", "/0123456789ab", ".x?v=0123456", "<title>", '<img class="rnn-widget-picture"'],
)
def test_long_pages_are_read_in_one_pass(worker, piece):
    """Given weights stand in a page as base64. For eight times the text, quadratic takes 64 times as long."""
    short, long = (f"{json.dumps(piece)}.repeat({size} / {len(piece)})" for size in (40_000, 320_000))
    took = worker(f"seconds({long})")
    assert took < 0.5 or took < 24 * max(worker(f"seconds({short})") for _ in range(2))
    assert worker(f"named({long}, '').length") == 0
    assert worker(f"named({long} + ' a.js?v=0123abcd', '')") == [" a.js?v=0123abcd"]
    assert worker(f"titleOf({long})") == ""


# The build


def test_every_file_that_a_page_loads_is_named_by_its_content(specimen, load_ext):
    digest, named = load_ext("bookext.postprocess.fingerprint").digest, 0
    for path in specimen.rglob("*.html"):
        html = path.read_text(encoding="utf-8")
        tags = re.findall(r"<(?:script|img)\b[^>]*>|<link\b[^>]*(?:stylesheet|icon|preload)[^>]*>", html)
        for address in re.findall(r'\b(?:src|href)="([^":]+)"', " ".join(tags)):
            file, _, version = address.partition("?v=")
            content = digest((path.parent / file).read_bytes())
            assert content.startswith(version or re.search(r"/(\w{12})\.\w+$", file)[1]), (path.name, address)
            named += 1
    for path in [*specimen.glob("_static/*.css"), *specimen.glob("_static/*.js")]:
        for address in re.findall(r"""\b(?:url|new URL)\(["']?([^"'():#]+)["')]""", path.read_text(encoding="utf-8")):
            file, _, version = address.partition("?v=")
            if (path.parent / file).is_file():
                assert version and digest((path.parent / file).read_bytes()).startswith(version), (path.name, address)
                named += 1
    assert named > 50


def test_the_worker_changes_with_any_file_and_with_nothing_else(specimen, load_ext, tmp_path):
    fingerprint, site = load_ext("bookext.postprocess.fingerprint"), load_ext("bookext.postprocess.site")

    def write_worker():
        built = site.Site(tmp_path)
        fingerprint.add_worker(built, None)
        built.save()

    shutil.copytree(specimen, tmp_path, dirs_exist_ok=True)
    worker = tmp_path / "sw.js"
    before = worker.read_text(encoding="utf-8")
    write_worker()
    assert worker.read_text(encoding="utf-8") == before
    (tmp_path / "_sources/pages/plain.ipynb").write_text("{}", encoding="utf-8")
    write_worker()
    assert worker.read_text(encoding="utf-8") != before
