"""What a page is about, without what surrounds it on every page of a site."""

from __future__ import annotations

import re

from lxml.html import HtmlElement


def names(words: str) -> frozenset[str]:
    """A set of names that are written in one line."""
    return frozenset(words.split())


_INVISIBLE = names(
    "script style noscript template head iframe object embed canvas audio video svg math-annotation "
    "button input select textarea option datalist dialog menu nav"
)
_ROLES = frozenset({"navigation", "banner", "contentinfo", "search", "complementary", "menu", "dialog", "alertdialog"})
_BOILERPLATE = names(
    "nav navbar navigation navheader navfooter docnav menu breadcrumb breadcrumbs sidebar sphinxsidebar headerlink "
    "skip-link skiplink skip-to-content cookie-banner cookie-consent pagination footer masthead toc table-of-contents "
    "nosearch noindex noprint"
)

_ZERO = r"\s*:\s*0(?:\.0+)?(?:[a-z]+|%)?\s*(?:;|!|$)"
_UNSEEN = re.compile(rf"display\s*:\s*none|visibility\s*:\s*hidden|(?:font-size|opacity){_ZERO}", re.IGNORECASE)


def content(root: HtmlElement) -> HtmlElement:
    """The element that holds what the page is about."""
    for path in ("//main", "//*[@role='main']", "//article"):
        found = root.xpath(path)
        if len(found) == 1:
            return found[0]
    body: HtmlElement | None = root.find("body")
    whole = root if body is None else body
    for element in whole.xpath("./header | ./footer | ./aside | ./div/header | ./div/footer | ./div/aside"):
        if element.find(".//h1") is None:
            element.drop_tree()
    return whole


def hidden(element: HtmlElement) -> bool:
    """Whether an element is not shown, or is navigation and the like."""
    if not isinstance(element.tag, str) or element.tag in _INVISIBLE:
        return True
    if element.tag == "form" and next(element.iter("p", "table", "h1", "h2", "h3", "pre"), None) is None:
        return True  # A search field and the like; but some sites wrap the whole page in a form.
    if element.tag in {"ul", "ol", "div"} and _is_contents(element):
        return True
    return bool(element.attrib) and _hidden_by_attributes(element)


def _hidden_by_attributes(element: HtmlElement) -> bool:
    if "hidden" in element.attrib or element.get("aria-hidden") == "true" or element.get("role") in _ROLES:
        return True
    if _UNSEEN.search(element.get("style", "")):
        return True
    if element.tag == "a" and element.get("href", "").startswith("#"):
        return not re.search(r"\w", element.text_content()) and element.find(".//img") is None  # "¶" beside a heading.
    own = f"{element.get('class', '')} {element.get('id', '')}".lower().split()
    return not _BOILERPLATE.isdisjoint(own) and element.find(".//h1") is None


def _is_contents(items: HtmlElement) -> bool:
    """Whether a list holds nothing but links to places of the same page."""
    links = list(items.iter("a"))
    if len(links) < 3 or not all(link.get("href", "").startswith("#") for link in links):
        return False
    linked = "".join(link.text_content() for link in links)
    return "".join(linked.split()) == "".join(items.text_content().split())
