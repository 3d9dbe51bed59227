"""What /docs looks like: in both colour schemes, and on a telephone."""

from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import Stack, Visitor
from tests.browser.walk import SCREENSHOTS

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

OPERATIONS = ["Account-deleteUser", "API_tokens-createToken", "API_tokens-deleteToken", "Forward_auth-verify"]
TRIED = ["API_tokens-createToken", "Forward_auth-verify"]
PALE = """() => {
    const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const blend = ([r, g, b, alpha = 1], under) =>
        [r, g, b].map((value, i) => value * alpha + under[i] * (1 - alpha));
    const linear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    const luminance = ([r, g, b]) =>
        0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
    const background = (element) =>
        element
            ? blend(channels(getComputedStyle(element).backgroundColor), background(element.parentElement))
            : [255, 255, 255];
    const contrast = (element) => {
        const under = background(element);
        const text = blend(channels(getComputedStyle(element).color), under);
        const [darker, lighter] = [luminance(text), luminance(under)].sort((a, b) => a - b);
        return (lighter + 0.05) / (darker + 0.05);
    };
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    while (texts.nextNode()) {
        const element = texts.currentNode.parentElement;
        if (texts.currentNode.data.trim() && element.checkVisibility() && contrast(element) < 4.5) {
            found.push(`${texts.currentNode.data}: ${contrast(element).toFixed(2)}`);
        }
    }
    return found;
}"""
"""Visible texts below the contrast of WCAG 2.2, 1.4.3, by its formula for relative luminance."""
CUT_OFF = """() =>
    [...document.querySelectorAll(".opblock *")]
        .filter((element) => !element.closest("pre, .curl-command"))
        .filter((element) => element.getBoundingClientRect().right > innerWidth)
        .map((element) => `${element.tagName} ${element.className}`)"""


def open_operations(page: "Page", stack: Stack) -> None:
    page.goto(f"{stack.api_url}/docs")
    for operation in OPERATIONS:
        page.click(f"#operations-{operation} .opblock-summary-control")
        page.wait_for_selector(f"#operations-{operation} .responses-table")
    for operation in TRIED:
        page.click(f"#operations-{operation} .try-out__btn")
        page.click(f"#operations-{operation} .execute")
        page.wait_for_selector(f"#operations-{operation} .live-responses-table")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_text_is_pale_in_either_colour_scheme(stack: Stack, visitor: Visitor, *, dark: bool) -> None:
    page = visitor(dark=dark, refused=True)
    open_operations(page, stack)
    page.click(".btn.authorize")
    page.wait_for_selector(".modal-ux")
    assert page.evaluate(PALE) == []


def test_nothing_is_cut_off_on_a_telephone(stack: Stack, visitor: Visitor) -> None:
    page = visitor(width=360, refused=True)
    open_operations(page, stack)
    page.screenshot(path=SCREENSHOTS / "docs-360.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.evaluate(CUT_OFF) == []
    page.click(".btn.authorize")
    box = page.locator(".modal-ux").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 360
