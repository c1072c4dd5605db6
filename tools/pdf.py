"""The built book as one PDF, printed by a browser.

    python tools/pdf.py [--edition student] FOLDER BOOK.pdf [BROWSER]

Every page of the table of contents, in its order, as its style sheet prints it: light, each figure as its picture.
Links between pages lead inside the file, the outline has the parts, the chapters and their sections.
"""

import argparse
import io
import re
import shutil
import unicodedata
from pathlib import Path
from urllib.parse import urldefrag, urljoin

from playwright.sync_api import sync_playwright
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, NullObject
from serve import serve

PAPER = {"format": "A4", "print_background": True, "prefer_css_page_size": True}
BROWSERS = "chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"
CONTENTS = """() => [...document.querySelectorAll("a.logo, .bd-links p.caption, .bd-links a.reference.internal")]
  .map((node) => [node.textContent.trim(), node.href ?? null])"""
READY = """async () => {
  for (const image of document.images) image.loading = "eager";
  await Promise.all([...document.images].map((image) => image.decode().catch(() => {})));
  await document.fonts.ready;
}"""
LEAVE_OUT_SOLUTIONS = "() => document.querySelectorAll('.tag_solution').forEach((cell) => cell.remove())"
# The radicals that Unicode itself does not take for their characters.
RADICALS = dict(
    zip(
        "⺟⺠⻁⻄⻅⻆⻉⻋⻓⻔⻘⻙⻚⻛⻜⻝⻢⻥⻦⻨⻩⻬⻮⻰",
        "母民虎西见角贝车长门青韦页风飞食马鱼鸟麦黄齐齿龙",
        strict=True,
    )
)
TITLE = """<html lang="{lang}"><title>{title}</title>
<body style="font-family: sans-serif; text-align: center; padding: 30% 2cm 0">
<h1 style="font-size: 32pt; font-weight: 400">{title}</h1><p style="font-size: 14pt">{author}</p></body></html>"""
NUMBERS = """<html><style>@page {{ size: A4; margin: 0 }} body {{ margin: 0; font: 9pt sans-serif; color: #555 }}
div {{ height: 296mm; break-after: page; position: relative }} span {{ position: absolute; bottom: 9mm; right: 15mm }}
</style><body>{pages}</body></html>"""


def printed(page, html=None):
    if html:
        page.set_content(html)
    return PdfReader(io.BytesIO(page.pdf(**PAPER, outline=html is None, tagged=html is None)))


def make(folder, target, browser=None, edition="full"):
    """Print the book that was built in ``folder``, for students without its solutions; returns the number of pages."""
    executable = browser or next(filter(None, map(shutil.which, BROWSERS)), None)
    writer, firsts = PdfWriter(), {}
    with serve(folder) as base, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        page = chromium.new_context(color_scheme="light").new_page()
        page.route("**/host.js*", lambda route: route.abort())  # the figures stay what they are on paper: pictures
        page.goto(f"{base}/search.html")  # the mark of the book leads to the first page from any other
        facts = {
            "lang": page.get_attribute("html", "lang"),
            "title": page.locator("a.logo").inner_text(),
            "author": page.get_attribute("meta[name=author]", "content") or "",
        }
        blank = chromium.new_page()
        writer.append(printed(blank, TITLE.format(**facts)))
        part = None
        for words, address in page.evaluate(CONTENTS):
            if address is None:
                part = writer.add_outline_item(title=words, page_number=len(writer.pages))
                continue
            address = urldefrag(address).url
            page.goto(address)
            if edition == "student":
                page.evaluate(LEAVE_OUT_SOLUTIONS)
            page.evaluate(READY)
            chapter = printed(page)
            firsts[address] = len(writer.pages)
            add(writer, chapter, part)
        numbers = "".join(f"<div><span>{n or ''}</span></div>" for n in range(len(writer.pages)))
        stamps = printed(blank, NUMBERS.format(pages=numbers))
        chromium.close()
    for sheet, stamp in zip(writer.pages, stamps.pages, strict=False):
        sheet.merge_page(stamp)
        sheet.compress_content_streams()
    lead_inside(writer, firsts)
    spell_out(writer)
    writer.add_metadata({"/Title": facts["title"], "/Author": facts["author"]})
    writer.root_object[NameObject("/PageMode")] = NameObject("/UseOutlines")
    writer.compress_identical_objects()
    writer.write(target)
    return len(writer.pages)


def add(writer, chapter, part):
    """The chapter's pages, and its headings below their part."""
    first = len(writer.pages)
    writer.append(chapter, import_outline=False)

    def headings(items, parent):
        above = parent
        for item in items:
            if isinstance(item, list):
                headings(item, above)
            else:
                number = first + chapter.get_destination_page_number(item)
                above = writer.add_outline_item(title=once(item.title.strip()), page_number=number, parent=parent)

    headings(chapter.outline, part)


def once(title):
    """Chromium names a heading twice where it begins a sheet."""
    half = len(title) // 2
    return title[:half] if title[:half] == title[half:] else title


def lead_inside(writer, firsts):
    """Links to other pages of the book become links to where these begin in the file."""
    for sheet in writer.pages:
        for note in sheet.get("/Annots") or ():
            note = note.get_object()
            action = note.get("/A", {}).get_object() if "/A" in note else {}
            number = firsts.get(urldefrag(urljoin("", str(action.get("/URI", "")))).url)
            if number is not None:
                place = ArrayObject([writer.pages[number].indirect_reference, NameObject("/XYZ"), *[NullObject()] * 3])
                note[NameObject("/A")] = DictionaryObject(
                    {NameObject("/S"): NameObject("/GoTo"), NameObject("/D"): place}
                )


def spell_out(writer):
    """Text that is copied or searched has the characters that were written.

    Some fonts draw a Chinese character and the radical that looks like it with one glyph, and the browser may name the
    radical.
    """
    maps = {id(m): m for sheet in writer.pages for font in fonts(sheet) if (m := font.get("/ToUnicode"))}
    for reference in maps.values():
        stream = reference.get_object()
        text = stream.get_data().decode("latin-1")
        stream.set_data(re.sub(r"<(2[EF][0-9A-F]{2})>(?=\s*\n)", character, text).encode("latin-1"))


def fonts(sheet):
    return [font.get_object() for font in (sheet["/Resources"].get("/Font") or {}).values()]


def character(match):
    radical = chr(int(match[1], 16))
    return f"<{ord(RADICALS.get(radical) or unicodedata.normalize('NFKC', radical)):04X}>"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edition", choices=("full", "student"), default="full")
    parser.add_argument("source", type=Path, metavar="FOLDER")
    parser.add_argument("result", metavar="BOOK.pdf")
    parser.add_argument("browser", nargs="?")
    options = parser.parse_args()
    sheets = make(options.source, options.result, options.browser, options.edition)
    print(f"{options.result}: {sheets} pages")
