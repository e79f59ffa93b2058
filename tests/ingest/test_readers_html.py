"""HTML pages."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.document import Document
from ingest.reader import Reader, UnreadableFile
from ingest.readers.html.reader import HtmlReader
from ingest.source_file import Limits
from tests.contracts.reader import ReaderContract, check_document

PAGE = """\
<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>Site: Pumps</title><style>p { color: red }</style></head>
<body>
<header><a href="/">Knowledge base</a></header>
<nav><ul><li>Products</li></ul></nav>
<main>
<div class="breadcrumb">Home / Pumps</div>
<h1>Pumps <a href="#pumps">¶</a></h1>
<p>Version <b>2</b>, see the <a href="limits.html">limits</a>.<br>Second
line.</p>
<h2 id="l"><a href="#l">Limits</a></h2>
<table><thead><tr><th>Part</th><th>Limit</th></tr></thead>
<tr><td>valve | tap</td><td>6&nbsp;bar</td></tr></table>
<ol start="3"><li>Stop.</li><li><p>Restore:</p><ul><li>first</li><li>last</li></ul></li></ol>
<pre><code class="language-sh">$ run --now
    indented &lt;x&gt;
</code></pre>
<img src="a.png" alt="A pump"> 10<sup>2</sup> m<sup>3</sup>, CO<sub>2</sub>
<script>alert("x")</script><p hidden>secret</p><p style="display: none">secret</p>
<p style="color: red; font-size:0px">secret</p><p style="OPACITY: 0">secret</p>
<blockquote><p>Careful.</p></blockquote>
</main>
<aside>Related</aside><footer>Cookies</footer>
</body></html>
"""


def read(tmp_path: Path, content: str | bytes, limits: Limits | None = None) -> Document:
    path = tmp_path / "file.html"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return HtmlReader(limits or Limits()).read(path, "file.html")


def text(tmp_path: Path, body: str) -> str:
    return read(tmp_path, f"<html><body>{body}</body></html>").text


class TestHtmlReader(ReaderContract):
    @pytest.fixture
    def reader(self) -> Reader:
        return HtmlReader()

    @pytest.fixture
    def good(self, tmp_path: Path) -> Path:
        path = tmp_path / "good.html"
        path.write_text(PAGE, encoding="utf-8")
        return path


def test_a_page(tmp_path: Path) -> None:
    document = read(tmp_path, PAGE)
    assert document.title == "Pumps"
    assert document.text == (
        "# Pumps\n\n"
        "Version **2**, see the [limits](limits.html).  \nSecond line.\n\n"
        "## Limits\n\n"
        "| Part | Limit |\n|---|---|\n| valve \\| tap | 6\u00a0bar |\n\n"
        "3. Stop.\n4. Restore:\n   - first\n   - last\n\n"
        "```sh\n$ run --now\n    indented <x>\n```\n\n"
        "![A pump]() 10² m³, CO₂\n\n"
        "> Careful.\n"
    )


def test_without_main_the_body_is_read_and_its_frame_dropped(tmp_path: Path) -> None:
    body = (
        '<header>Site</header><div class="navheader">Prev Next</div><div role="navigation">x</div>'
        "<h2>5.4. Constraints</h2><p>Text.</p><ul><li><a href='#a'>A</a></li><li><a href='#b'>B</a></li>"
        "<li><a href='#c'>C</a></li></ul><footer>Imprint</footer>"
    )
    page = f"<html><head><title>Manual: Constraints</title></head><body>{body}</body></html>"
    document = read(tmp_path, page)
    assert document.text == "## 5.4. Constraints\n\nText.\n"
    assert document.title == "Manual: Constraints"


def test_a_page_inside_a_form_is_read(tmp_path: Path) -> None:
    page = (
        "<form><input value='x'><button>Go</button><h1>Title</h1><p>Text.</p></form><form><label>Search</label></form>"
    )
    assert text(tmp_path, page) == "# Title\n\nText.\n"


def test_merged_cells_stand_in_each_place(tmp_path: Path) -> None:
    table = (
        "<table><tr><th rowspan=2>Size</th><th colspan=2>Flow</th></tr><tr><th>min</th><th>max</th></tr>"
        "<tr><td>DN15</td><td>1</td><td>2</td></tr></table>"
    )
    assert text(tmp_path, table) == ("| Size | Flow | Flow |\n|---|---|---|\n| Size | min | max |\n| DN15 | 1 | 2 |\n")


def test_the_header_of_tables(tmp_path: Path) -> None:
    rows = "<tr><td>a</td><td>b</td></tr><tr><td>c</td><td>d</td></tr>"
    assert text(tmp_path, f"<table>{rows}</table>").startswith("| a | b |\n|---|---|\n| c | d |")
    named = rows.replace("<td>a</td>", "<th>a</th>").replace("<td>c</td>", "<th>c</th>")
    assert text(tmp_path, f"<table>{named}</table>").startswith("| | |\n|---|---|\n| a | b |\n| c | d |")


def test_blocks_inside_cells_are_words_apart(tmp_path: Path) -> None:
    table = "<table><tr><td><p>one</p><p>two</p></td><td>x<br>y<ul><li>z</li></ul></td></tr><tr><td>1<td>2</table>"
    assert text(tmp_path, table) == "| one two | x y z |\n|---|---|\n| 1 | 2 |\n"


def test_a_table_used_as_a_frame_is_its_content(tmp_path: Path) -> None:
    assert text(tmp_path, "<table><tr><td><h3>Note</h3><p>Text.</p></td></tr></table>") == "### Note\n\nText.\n"


def test_definitions(tmp_path: Path) -> None:
    page = "<dl><dt>C-09</dt><dd><p>Tamper.</p><p>Reset it.</p></dd><dt>C-10</dt><dd>Radio.</dd></dl>"
    assert text(tmp_path, page) == "**C-09**\n\n- Tamper.\n\n  Reset it.\n\n**C-10**\n\n- Radio.\n"


def test_text_beside_blocks_is_kept(tmp_path: Path) -> None:
    assert text(tmp_path, "loose <div>block</div> tail <b>end</b>") == "loose\n\nblock\n\ntail **end**\n"


def test_markdown_in_the_text_is_text(tmp_path: Path) -> None:
    page = "<p># not a heading</p><p>*a* &lt;b&gt; [c](d) usp_post_x</p>"
    assert text(tmp_path, page) == "\\# not a heading\n\n\\*a\\* \\<b> [c\\](d) usp_post_x\n"


def test_links_that_run_something_keep_their_text(tmp_path: Path) -> None:
    assert text(tmp_path, "<p><a href='javascript:x()'>Click</a> <a href=' /ok '>there</a></p>") == (
        "Click [there](/ok)\n"
    )


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1", "utf-16"])
def test_declared_encodings(tmp_path: Path, encoding: str) -> None:
    page = f'<html><head><meta charset="{encoding}"></head><body><p>Größe 5 °C</p></body></html>'
    assert read(tmp_path, page.encode(encoding)).text == "Größe 5 °C\n"


def test_a_wrong_declaration_is_not_believed(tmp_path: Path) -> None:
    page = '<meta charset="ascii"><p>Größe</p>'
    assert read(tmp_path, page.encode("utf-8")).text == "Größe\n"


def test_a_declared_xhtml_page(tmp_path: Path) -> None:
    page = '<?xml version="1.0" encoding="utf-8"?>\n<html xmlns="http://www.w3.org/1999/xhtml"><body><h1>A</h1></body></html>'
    assert read(tmp_path, page).text == "# A\n"


def test_entities_are_not_loaded(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("TOP SECRET")
    page = f'<!DOCTYPE html [<!ENTITY x SYSTEM "file://{secret}">]><html><body><p>a &x; b</p></body></html>'
    assert "TOP SECRET" not in read(tmp_path, page).text


def test_references_to_control_characters_are_dropped(tmp_path: Path) -> None:
    check_document(read(tmp_path, "<p>a&#13;&#10;&#12;&#11;b&#x202e;</p><pre>x&#13;y</pre>"))


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    assert text(tmp_path, "<div>" * 100 + "deep" + "</div>" * 100) == "deep\n"
    with pytest.raises(UnreadableFile, match="nested deeper than 150"):
        text(tmp_path, "<div>" * 5_000 + "deep")


def test_a_page_without_text(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="no text"):
        text(tmp_path, "<nav>Only navigation</nav>")


TAGS = [
    "p",
    "div",
    "ul",
    "ol",
    "li",
    "table",
    "tr",
    "td",
    "th",
    "b",
    "code",
    "pre",
    "h2",
    "blockquote",
    "dl",
    "dt",
    "dd",
]
PIECES = st.one_of(
    st.sampled_from(
        [f"<{tag}>" for tag in TAGS] + [f"</{tag}>" for tag in TAGS] + ["<br>", "<td rowspan=3 colspan=2>"]
    ),
    st.sampled_from(["apple ", "pear", " plum_x", "&lt;", "*", "| ", "\n", "# "]),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PIECES, max_size=40).map("".join))
def test_any_soup_gives_all_its_words(tmp_path: Path, soup: str) -> None:
    page = f"<html><body>start {soup} end</body></html>"
    document = read(tmp_path, page)
    check_document(document)
    if "span" not in soup:  # A merged cell stands in several places.
        fruits = ("apple", "pear", "plum")
        count = [document.text.count(fruit) for fruit in fruits]
        assert count == [soup.count(fruit) for fruit in fruits]


def test_a_note_in_the_text_is_no_section_of_its_own(tmp_path: Path) -> None:
    page = """<h1>Pump</h1><p>One.</p><div class="note"><h3 class="title">Note</h3><p>Two.</p></div><p>Three.</p>
    <div class="tip"><h2>Tip</h2><p>Four.</p></div><div class="tip"><h2>How to oil</h2><p>Five.</p></div>"""
    document = read(tmp_path, page)
    assert document.text == (
        "# Pump\n\nOne.\n\n**Note**\n\nTwo.\n\nThree.\n\n**Tip**\n\nFour.\n\n## How to oil\n\nFive.\n"
    )


def test_a_note_that_is_laid_out_as_a_table_is_text(tmp_path: Path) -> None:
    page = """<div class="admonitionblock note"><table><tr><td class="icon"><div class="title">Note</div></td>
    <td class="content"><p>Two.</p><ul><li>a</li></ul></td></tr></table></div>"""
    assert read(tmp_path, page).text == "**Note**\n\nTwo.\n\n- a\n"


def test_no_break_spaces_beside_marks_stay_and_do_not_break_them(tmp_path: Path) -> None:
    page = "<h2>53.11.\u00a0<code>pg_class</code></h2><p><b>Table 5.\u00a0</b><b><code>x</code>\u00a0Columns</b></p>"
    assert read(tmp_path, page).text == "## 53.11. `pg_class`\n\n**Table 5.**\u00a0**`x`**\u00a0**Columns**\n"


def test_where_a_long_name_may_be_broken_it_is_still_one_word(tmp_path: Path) -> None:
    assert read(tmp_path, "<p>900150983cd24fb0&#8203;d6963f7d28e17f72 \u1780\u200b\u1781</p>").text == (
        "900150983cd24fb0d6963f7d28e17f72 \u1780\u200b\u1781\n"
    )


def test_of_several_top_headings_none_is_the_title_where_the_page_has_one(tmp_path: Path) -> None:
    body = "<h1>1. Syntax</h1><p>a</p><h1>2. Columns</h1><p>b</p>"
    assert read(tmp_path, f"<title>CREATE TABLE</title>{body}").title == "CREATE TABLE"
    assert read(tmp_path, body).title == "1. Syntax"


def test_contents_in_divisions_and_what_a_site_marks_as_not_to_be_searched_are_dropped(tmp_path: Path) -> None:
    links = "".join(f'<div><a href="#s{n}">{n}. Part</a></div>' for n in range(4))
    turning = '<ul class="docnav"><li>Next</li></ul>'
    page = f'<div class="nosearch">Menu</div><div id="toc_sub">{links}</div>{turning}<p>Text.</p>'
    assert read(tmp_path, page).text == "Text.\n"
