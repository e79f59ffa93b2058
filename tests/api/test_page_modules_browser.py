"""The page's modules that need no page: event stream, code points, Markdown. Run in the browser that will run them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from playwright.sync_api import Page

from api.app import create_app
from api.settings import Settings
from ingest.formats import Readers
from tests.api.browser import chromium, opened
from tests.api.fake_components import FakeComponents
from tests.api.library import CORPUS, library
from tests.api.serving import served

pytestmark = pytest.mark.browser

IN_BROWSER = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    app = create_app(FakeComponents(library({}), settings=Settings(model="fake-model")))
    with chromium() as browser, served(app) as address, opened(browser, address) as page:
        yield page


def run(page: Page, module: str, body: str, argument: object = None) -> Any:  # noqa: ANN401 - any JSON value
    """Runs ``body`` with the module's exports as ``m`` and ``argument`` as ``x``."""
    code = f"async (x) => {{ const m = await import('/{module}'); {body} }}"
    return page.evaluate(code, argument)


# Event streams


STREAMS = [
    (
        "event: sources\ndata: {}\n\nevent: delta\ndata: a\n\ndata: b\n\n",
        [["sources", "{}"], ["delta", "a"], ["message", "b"]],
    ),
    (
        "event: delta\r\ndata: one\r\ndata: two\r\n\r\n: beat\r\n\r\ndata:x\r\n\r\n",
        [["delta", "one\ntwo"], ["message", "x"]],
    ),
    ("data: a\r\rdata: b\r\r", [["message", "a"], ["message", "b"]]),
    ("\ufeffdata: bom\n\n", [["message", "bom"]]),
    (": heartbeat\n\n\n\nevent: only\n\ndata\n\n", [["message", ""]]),
    ("id: 7\nretry: 10\ndata:  two spaces\n\n", [["message", " two spaces"]]),
    ("event: a\ndata: 🔥é\n\ndata: cut off", [["a", "🔥é"]]),
    ("data: a: b\nunknown: x\n\n", [["message", "a: b"]]),
    ("", []),
]


@pytest.mark.parametrize(("stream", "events"), STREAMS)
def test_events_do_not_depend_on_where_the_stream_is_cut(page: Page, stream: str, events: list[list[str]]) -> None:
    data = stream.encode()
    cuts = [[data[:at], data[at:]] for at in range(len(data) + 1)] + [[data[at : at + 1] for at in range(len(data))]]
    outcomes = run(
        page,
        "event-stream.js",
        """
        const outcomes = [];
        for (const parts of x) {
          const body = new ReadableStream({
            start(controller) {
              for (const part of parts) controller.enqueue(new Uint8Array(part));
              controller.close();
            },
          });
          const events = [];
          for await (const { event, data } of m.readEvents(body)) events.push([event, data]);
          outcomes.push(events);
        }
        return outcomes;
        """,
        [[list(part) for part in parts] for parts in cuts],
    )
    for parts, outcome in zip(cuts, outcomes, strict=True):
        assert outcome == events, parts


# Code points

TEXTS = st.text(st.sampled_from("aé\u0301🔥𝔠\n|*_`\\ \u200d👩"), max_size=40)


@IN_BROWSER
@given(texts=st.lists(TEXTS, max_size=30))
def test_code_points_and_units_are_told_apart(page: Page, texts: list[str]) -> None:
    tables = run(
        page,
        "code-points.js",
        """
        return x.map((text) => {
          const points = new m.CodePoints(text);
          const units = Array.from({ length: points.length + 1 }, (_, at) => points.toUnits(at));
          return { length: points.length, units, back: units.map((unit) => points.toPoints(unit)),
                   past: points.toUnits(1e9), before: points.toUnits(-1) };
        });
        """,
        texts,
    )
    for text, table in zip(texts, tables, strict=True):
        assert table["length"] == len(text)
        assert table["units"] == [len(text[:at].encode("utf-16-le")) // 2 for at in range(len(text) + 1)]
        assert table["back"] == list(range(len(text) + 1))
        assert table["past"] == table["units"][-1]
        assert table["before"] == 0


# Markdown

TRICKY = [
    "",
    "\n\n",
    "# Heading #\n\nSetext\n===\n\nTwo\nlines\n---\n",
    "plain 🔥 *em* **strong** ***both*** _a_ __b__ ~~gone~~ snake_case_name 2*3*4 a**b**c",
    "**unclosed *and [brackets](no `ticks ``x` ``` ~~tilde ~single~",
    "`a` ``b ` c`` ` ` `\\|` <b>html</b> <!-- note --> &amp; \\* \\\\ \\a \\",
    "[a](https://x.invalid) [b](<y z>) [c](x 'title') [d]() ![e](f.png) [![g](h)](i) [j [k](l) m](n) [o]\n\n[o]: /p",
    "hard  \nbreak\\\nhere\nsoft",
    "- a\n- b\n  - c\n    - d 𝔠\n  more b\n\n- e\n\n  para\n\n      code in item\n+ other\n* third",
    "1. one\n2) two\n3) three\n   1. deep\n10. ten\nlazy\n\n100. hundred",
    "-\n- \n-   \n\n  x",
    "> quote\nlazy\n> > deeper\n> - item\n>\n> ```\n> code\n> ```\nout",
    "| a | b 🔥 |\n|:--|--:|\n| `x\\|y` | **z** |\n| short |\n| too | many | cells |\n\nafter",
    "a|b\n-|-\nc|d\nno pipe\n# end",
    "| |  |\n|---|---|\n| x | y |",
    "|a|b|\n|---|\nnot a table",
    "```python\nx = 1\n\n  indented\n~~~\n```\n~~~\nother `fence`\n~~~~\n\n```\nunclosed 🔥\nto the end",
    "    indented\n\n    code\n\ttab\n\n***\n---\n_ _ _\n",
    "<div>\n<script>alert('x')</script>\n</div>\n",
    "\t- tab\n\n-\ttab item\n\n\t\tcode",
    "* * *\n- - -x\n***a",
    ">" * 40 + " deep\n\n" + "- " * 40 + "deep",
    "*" * 50 + "a" + "*" * 50 + "[" * 50 + "]" * 50,
    "line one   \n   line two\n\ttabbed\n  # not a heading? yes",
]

LEAVES = """
    const root = document.createElement("div");
    const view = new m.MarkdownView(root);
    const describe = (source) => {
      view.update(source);
      const nodes = [];
      const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
      while (walker.nextNode()) nodes.push(walker.currentNode);
      return { leaves: view.leaves.list.map(({ node, start }) => [start, node.data]),
               inOrder: nodes.length === view.leaves.list.length
                        && nodes.every((node, at) => node === view.leaves.list[at].node) };
    };
"""


def check_leaves(source: str, described: dict[str, Any]) -> None:
    """Each text node equals the source at its place, nodes are in order, and no text node is without a place."""
    units = source.encode("utf-16-le")
    end = 0
    for start, text in described["leaves"]:
        data = text.encode("utf-16-le")
        assert start >= end, (source, start, text)
        assert units[2 * start : 2 * start + len(data)] == data, (source, start, text)
        end = start + len(data) // 2
    assert described["inOrder"], source


@pytest.mark.parametrize("source", TRICKY)
def test_every_text_node_knows_its_place(page: Page, source: str) -> None:
    check_leaves(source, run(page, "markdown-dom.js", LEAVES + "return describe(x);", source))


PARTS = (
    "a", "b c", "🔥", "é", "&amp;", "https://a.invalid", "\\", "\n", "\n\n", "  ", "  \n", "    ", "\t", "*", "**", "_",
    "`", "```", "~~", "[", "](", ")", "![", "<", ">", "|", "|---|---|\n", "x|y\n", "- ", "1. ", "# ", "> ", "---",
    "===",
)  # fmt: skip
MARKDOWN = st.lists(st.sampled_from(PARTS), max_size=40).map("".join)


@IN_BROWSER
@given(sources=st.lists(MARKDOWN, min_size=1, max_size=40))
def test_every_text_node_knows_its_place_whatever_the_text(page: Page, sources: list[str]) -> None:
    code = LEAVES + "return x.map((source) => { view.update(''); return describe(source); });"
    for source, described in zip(sources, run(page, "markdown-dom.js", code, sources), strict=True):
        check_leaves(source, described)


@IN_BROWSER
@given(source=MARKDOWN)
def test_text_that_grows_ends_as_if_it_had_come_at_once(page: Page, source: str) -> None:
    body = """
        const [grown, whole] = [1, 2].map(() => new m.MarkdownView(document.createElement("div")));
        const points = Array.from(x);
        for (let count = 0; count <= points.length; count += 1) grown.update(points.slice(0, count).join(""));
        whole.update(x);
        const leaves = (view) => view.leaves.list.map(({ node, start }) => [start, node.data]);
        return [grown.root.innerHTML, whole.root.innerHTML, leaves(grown), leaves(whole)];
    """
    grown, whole, grown_leaves, whole_leaves = run(page, "markdown-dom.js", body, source)
    assert grown == whole
    assert grown_leaves == whole_leaves


@IN_BROWSER
@given(source=MARKDOWN, ends=st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)), min_size=1, max_size=4))
def test_wrapped_ranges_hold_their_words_and_nothing_else(page: Page, source: str, ends: list[tuple[int, int]]) -> None:
    body = (
        LEAVES
        + """
        const { unwrap } = await import("/text-leaves.js");
        view.update(x.source);
        const before = root.innerHTML;
        const text = root.textContent;
        const leaves = view.leaves.list.map(({ node, start }) => [start, node.data]);
        const wrapped = x.ends.map(([from, to]) => {
          const made = view.leaves.wrap(from, to, () => document.createElement("mark"));
          const words = made.map((mark) => mark.textContent);
          unwrap(made);
          return words.join("");
        });
        root.normalize();
        return { leaves, wrapped, same: root.innerHTML === before && root.textContent === text };
        """
    )
    spans = [(min(pair), max(pair)) for pair in ends]
    found = run(page, "markdown-dom.js", body, {"source": source, "ends": [list(span) for span in spans]})
    assert found["same"]
    units = source.encode("utf-16-le")
    for (start, end), words in zip(spans, found["wrapped"], strict=True):
        expected = b""
        for at, text in found["leaves"]:
            low, high = max(at, start), min(at + len(text.encode("utf-16-le")) // 2, end)
            expected += units[2 * low : 2 * high] if low < high else b""
        assert words.encode("utf-16-le", "surrogatepass") == expected


RENDERED = [
    ("a *b* **c** ***d*** `e`", "<p>a <em>b</em> <strong>c</strong> <em><strong>d</strong></em> <code>e</code></p>"),
    ("stg_reading and usp_import_x", "<p>stg_reading and usp_import_x</p>"),
    ("2 * 3 * 4, ~5 s", "<p>2 * 3 * 4, ~5 s</p>"),
    ("- a\n  - b\n- c", "<ul><li><p>a</p><ul><li><p>b</p></li></ul></li><li><p>c</p></li></ul>"),
    ("3. x\n4. y", '<ol start="3"><li><p>x</p></li><li><p>y</p></li></ol>'),
    ("```py\na < b\n```", "<pre><code>a &lt; b</code></pre>"),
    ("> a\nb", "<blockquote><p>a\nb</p></blockquote>"),
    ("a  \nb", "<p>a  \n<br>b</p>"),
    ("a\n---\nb", "<h2>a</h2><p>b</p>"),
    ("1\\. a \\<b>", "<p>1. a &lt;b&gt;</p>"),
    ("![alt *text*](x.png)", '<p><span class="image">alt <em>text</em></span></p>'),
    ("[a](/b)", '<p><span class="link" title="/b">a</span></p>'),
    (
        "[a](https://b.invalid)",
        '<p><a href="https://b.invalid/" title="https://b.invalid/" target="_blank" '
        'rel="noopener noreferrer">a</a></p>',
    ),
    (
        "|a|b|\n|-|-:|\n|c\\|d||",
        '<div class="table"><table><thead><tr><th scope="col">a</th>'
        '<th class="align-end" scope="col">b</th></tr></thead>'
        '<tbody><tr><td>c|d</td><td class="align-end"></td></tr></tbody></table></div>',
    ),
]


@pytest.mark.parametrize(("source", "html"), RENDERED)
def test_markdown_becomes_these_elements(page: Page, source: str, html: str) -> None:
    body = "const v = new m.MarkdownView(document.createElement('div')); v.update(x); return v.root.innerHTML;"
    assert run(page, "markdown-dom.js", body, source) == html


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("| C-11 | *hot* | 5 min |", "C-11 | hot | 5 min"),
        ("|a|b|\n|-|-|\n|c|d|", "a | b c | d"),
        ("- one `x`\n  - **two**\n\n> three\n---\n```\nfour\n```", "one x two three four"),
        ("cut **off [here", "cut **off [here"),
        ("", ""),
    ],
)
def test_quotes_are_shown_without_marks(page: Page, source: str, words: str) -> None:
    assert run(page, "markdown-text.js", "return m.plainWords(x);", source) == words


def test_no_text_takes_long_to_read(page: Page) -> None:
    n = 50_000
    hostile = [
        *(
            mark * n
            for mark in ("*", "_", "`", "[", "![", "<", "\\", ">", "- ", "|", "~~", "# ", "a*", "*a_ ", "a**b", "`a``")
        ),
        *("[a](" * n, '[a](b "' * n, "[a](" + " " * n, "[*a" * n + "](x)", "*" * n + "a" + "*" * n),
        *("- a\n" + "\n" * n + "b", "a|b\n-" + " " * n + "x|-", "|" * n + "\n" + "-|" * n, "|a|b|\n" * n),
        *("> a\nb\n" * n, "```\n" * n, "# a" + " " * n + "b", "* " * n + "x", "~~~ x\n- " * n, "a\n" * n),
        "\n".join(" " * (2 * min(line, 400)) + "- a" for line in range(2000)),
        " ".join("`" * length + "a" for length in range(1, 300)),
        "```\n" + "</script>\n" * n,
    ]
    slow = run(
        page,
        "markdown-dom.js",
        """
        return x.flatMap((source) => {
          const began = performance.now();
          new m.MarkdownView(document.createElement("div")).update(source);
          const spent = performance.now() - began;
          return spent > 4000 ? [[source.slice(0, 20), spent]] : [];
        });
        """,
        hostile,
    )
    assert slow == []  # each takes well under a second on an idle machine


def words_of(html: str) -> list[str]:
    """Words of HTML that has no scripts."""
    return unescape(re.sub(r"<[^>]*>", " ", html)).split()


@pytest.mark.parametrize("path", sorted(path for path in CORPUS.rglob("*.*")), ids=lambda path: path.name)
def test_documents_read_as_a_known_renderer_shows_them(page: Page, path: Path) -> None:
    document = Readers().read(path, path.name)
    body = """
        const view = new m.MarkdownView(document.createElement("div"));
        view.update(x);
        const all = Array.from(view.root.querySelectorAll("*"), (element) => element.localName);
        const names = ["h1", "h2", "h3", "li", "td", "th", "pre", "code", "em", "strong", "a"];
        const starts = view.blocks.filter(({ type }) => type === "heading").map(({ start }) => start);
        const counts = Object.fromEntries(names.map((name) => [name, all.filter((other) => other === name).length]));
        return [view.root.innerHTML, counts, starts];
    """
    html, counts, heading_starts = run(page, "markdown-dom.js", body, document.text)
    known = MarkdownIt("commonmark", {"html": False}).enable("table").render(document.text)
    assert words_of(html) == words_of(known)
    assert counts == {name: len(re.findall(rf"<{name}[ >]", known)) for name in counts}
    assert document.text.isascii() or max(map(ord, document.text)) < 0x10000  # else starts would need converting
    assert heading_starts == [section.span.start for section in document.sections]
