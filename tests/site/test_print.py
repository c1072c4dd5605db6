"""The book on paper: what the browser prints, and the one file that is made of it."""

import io
from concurrent.futures import ThreadPoolExecutor

import pytest
from pypdf import PdfReader


def printed(make, folder, path, **options):
    with ThreadPoolExecutor(1) as pool:  # Playwright runs once in a thread, and here the tests' browser does
        sheets = pool.submit(make, folder, path, **options).result()
    reader = PdfReader(path)
    assert len(reader.pages) == sheets
    return reader


@pytest.fixture(scope="module")
def pdf(specimen, load_ext, tmp_path_factory):
    return printed(load_ext("pdf").make, specimen, tmp_path_factory.mktemp("pdf") / "book.pdf")


def outline(reader, items=None, depth=0):
    found = []
    for item in reader.outline if items is None else items:
        if isinstance(item, list):
            found += outline(reader, item, depth + 1)
        else:
            found.append((depth, item.title, reader.get_destination_page_number(item)))
    return found


def sheets_of(reader, title):
    """The sheets of the chapter of that title, up to the next one."""
    chapters = [(name, number) for depth, name, number in outline(reader) if depth == 0]
    place = [name for name, _ in chapters].index(title)
    end = chapters[place + 1][1] if place + 1 < len(chapters) else len(reader.pages)
    return reader.pages[chapters[place][1] : end]


def test_the_file_has_every_page_in_the_order_of_the_contents(pdf):
    chapters = [(name, number) for depth, name, number in outline(pdf) if depth == 0]
    assert [name for name, _ in chapters][:5] == [
        "Specimen", "Live widgets", "Broken widgets", "Equations", "Plain notebook",
    ]  # fmt: skip
    numbers = [number for _, number in chapters]
    assert numbers == sorted(set(numbers)) and numbers[0] == 1, "the title page comes first"
    assert (1, "A section") in [(depth, name) for depth, name, _ in outline(pdf)]
    assert "Specimen" in pdf.pages[0].extract_text()
    assert pdf.pages[3].extract_text().rstrip().endswith("3")


def test_chinese_stands_in_it_as_text(pdf):
    text = pdf.pages[1].extract_text().replace("\n", "")
    assert "循环神经网络把一段文字逐个字符地读进去" in text and "这一行足够长" in text


def test_a_figure_is_its_picture_on_paper(pdf):
    sheets = sheets_of(pdf, "The forward stepper")
    assert [image.image.size for sheet in sheets for image in sheet.images if image.image.size[0] > 300]
    words = " ".join(sheet.extract_text() for sheet in sheets)
    assert "Play" not in words and "JavaScript" not in words and "Copy LaTeX" not in words


def test_links_between_pages_lead_inside_the_file(pdf):
    aims = [note.get_object()["/A"] for note in pdf.pages[1]["/Annots"]]
    assert len(aims) >= 2 and {str(aim["/S"]) for aim in aims} == {"/GoTo"}
    assert not [aim for sheet in pdf.pages for note in sheet.get("/Annots", ()) if "127.0.0.1" in str(note.get_object())
                for aim in [note]]  # fmt: skip


def test_dark_pages_are_printed_light_with_their_answers_open_and_then_are_as_before(specimen, visit):
    page, _ = visit(specimen, "pages/plain.html", theme="dark")
    text = PdfReader(io.BytesIO(page.pdf())).pages[0].extract_text()
    assert "Folded without a script." in text and "Search" not in text
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert page.locator("details[open]").count() == 0
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.locator("html").get_attribute("data-theme") == "light"
    assert page.evaluate("[...document.images].every((image) => image.loading === 'eager')")


def test_the_student_edition_has_no_solutions(pdf, specimen, load_ext, tmp_path):
    def text(reader):
        return "".join(sheet.extract_text() for sheet in sheets_of(reader, "Plain notebook"))

    student = printed(load_ext("pdf").make, specimen, tmp_path / "student.pdf", edition="student")
    assert "the solution" in text(pdf) and "the solution" not in text(student)
    assert "More words." in text(student)
