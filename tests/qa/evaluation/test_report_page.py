from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from qa.evaluation.plots import Bar, bars, histogram, wilson
from qa.evaluation.report_page import BadResults, report_page

SHARE = {"value": 0.5, "count": 2, "total": 4}
RANKING = {"recall": {"1": 0.5, "5": 0.75, "10": 1.0}, "ndcg": 0.6, "mrr": 0.7}
RETRIEVED = {"questions": 4, "passage": RANKING, "section": RANKING}
RETRIEVAL: dict[str, Any] = {
    "collection": "default",
    "retrieval": {"overall": RETRIEVED, "by_kind": {"single": RETRIEVED}, "by_tag": {"<table>": RETRIEVED}},
}
NAMES = (
    "complete",
    "refusal_recall",
    "refusal_precision",
    "near_misses_refused",
    "wrong_refusals",
    "citations_hold",
    "citation_precision",
    "citation_recall",
)
ANSWERS: dict[str, Any] = {
    "run": {"model": "small & fast", "settings": {"passages": 5}},
    "answers": {
        "questions": 4,
        **dict.fromkeys(NAMES, SHARE),
        "complete_by_kind": {"single": SHARE},
        "complete_by_tag": {"code": {"value": None, "count": 0, "total": 0}},
        "sentences": {"quoted": SHARE},
        "costs": {"ttft_s": {"mean": 1.0, "p50": 1.0, "p95": 2.0}},
        "broken": ["q-1: <script>alert(1)</script>"],
    },
    "questions": [{"stats": {"output_tokens": 5, "ttft_s": t, "total_s": 2 * t}} for t in (0.5, 1.0, 1.5)],
}


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]


def test_the_page_is_complete_in_itself() -> None:
    page = report_page({"before <b>": ANSWERS, "retrieval.json": RETRIEVAL})
    found = Tags(page)
    assert not {"script", "img", "link", "iframe", "b"} & set(found.tags)
    assert not [name for name in found.attributes if name.startswith("on") or name in ("src", "href", "style")]
    assert found.tags.count("svg") == 3 + 2 + 3
    for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        etree.fromstring(svg)
    for said in ("small &amp; fast", "all required facts", "#&lt;table&gt;", "recall@5", "before &lt;b&gt;"):
        assert said in page


@pytest.mark.parametrize("result", [{}, [], {"answers": {"questions": 4}}, {"retrieval": {"overall": 1}}, 7])
def test_what_is_no_result_is_named(result: Any) -> None:  # noqa: ANN401
    with pytest.raises(BadResults, match=r"^x\.json"):
        report_page({"x.json": result})


def test_a_bar_is_as_long_as_its_share() -> None:
    plot = etree.fromstring(bars("Shares", [Bar("none", 0.0), Bar("half", 0.5, 10), Bar("all", 1.0, 3)]))
    widths = [float(rect.get("width", "nan")) for rect in plot.iter("{*}rect")]
    assert widths[0] == 0.0
    assert widths[1] * 2 == pytest.approx(widths[2])


@given(st.integers(0, 500), st.integers(1, 500))
def test_intervals_hold_their_share(count: int, more: int) -> None:
    share, total = count / (count + more), count + more
    low, high = wilson(share, total)
    assert 0.0 <= low <= share + 1e-9
    assert share - 1e-9 <= high <= 1.0


def test_a_known_interval() -> None:
    assert wilson(0.5, 100) == pytest.approx((0.4038, 0.5962), abs=1e-4)


@given(st.lists(st.floats(0, 1e6), max_size=50))
def test_every_value_is_in_the_histogram(values: list[float]) -> None:
    plot = etree.fromstring(histogram("Times", values, "s"))
    counts = [int(str(title.text).rsplit(": ", 1)[1]) for rect in plot.iter("{*}rect") for title in rect]
    assert sum(counts) == len(values)
