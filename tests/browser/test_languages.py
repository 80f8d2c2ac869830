"""The meter speaks its reader's language: whole tables, own words, numbers as that language writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import visiting
from tests.browser.processes import Service
from tests.browser.reading import word

pytestmark = pytest.mark.browser

LANGUAGES = ("en", "de", "es")
TABLE = "async (name) => (await import(`/widget/words/${name}.js`))[name]"
SAY = """async ([tag, own, act]) => {
  const { Language, fetchWords, isElsewhere } = await import('/widget/words/language.js');
  if (isElsewhere(tag)) await fetchWords(tag);
  return new Function('language', `return ${act}`)(new Language(tag, own));
}"""
PLACE = """([page, lang, reader]) => {
  document.documentElement.lang = page;
  Object.defineProperty(navigator, 'languages', { value: [reader], configurable: true });
  const own = document.createElement('undervoice-meter');
  if (lang) own.setAttribute('lang', lang);
  document.querySelector('undervoice-meter').replaceWith(own);
}"""
EMOTIONS = {"neutral", "happy", "sad", "angry", "surprised", "fearful", "disgusted"}


@pytest.fixture(scope="module")
def bench(browser: Browser, service: Service) -> Iterator[Page]:
    with visiting(browser, service.url, bypass_csp=True) as page:
        yield page


@pytest.fixture(scope="module")
def tables(bench: Page) -> dict[str, Any]:
    return {name: bench.evaluate(TABLE, name) for name in LANGUAGES}


def flat(table: dict[str, Any], above: str = "") -> dict[str, str]:
    """Return every word by the path of its keys."""
    words = {}
    for key, value in table.items():
        words |= flat(value, f"{above}{key}.") if isinstance(value, dict) else {f"{above}{key}": value}
    return words


def test_all_tables_have_the_same_keys_and_no_empty_word(tables: dict[str, Any]) -> None:
    english = flat(tables["en"])
    for name, table in tables.items():
        words = flat(table)
        assert words.keys() == english.keys(), name
        assert [key for key, text in words.items() if not isinstance(text, str) or not text.strip()] == []


def test_translations_keep_what_is_filled_in(tables: dict[str, Any]) -> None:
    english = flat(tables["en"])
    for table in tables.values():
        for key, text in flat(table).items():
            assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", english[key])), key


def test_every_language_names_the_seven_with_a_letter_each(tables: dict[str, Any]) -> None:
    for name, table in tables.items():
        assert table["emotions"].keys() == table["letters"].keys() == EMOTIONS
        assert len(set(table["emotions"].values())) == len(set(table["letters"].values())) == len(EMOTIONS), name


def test_no_word_is_left_in_english_by_oversight(tables: dict[str, Any]) -> None:
    english = flat(tables["en"])
    alike = {name: {key for key, text in flat(tables[name]).items() if text == english[key]} for name in LANGUAGES[1:]}
    same_word = {"emotions.neutral", "letters.neutral", "pause", "hint.minutes"}
    assert alike["de"] <= same_word
    assert alike["es"] <= same_word | {"hint.no"}


@pytest.mark.parametrize(
    ("tag", "own", "act", "told"),
    [
        ("en", {}, "language.percent(0.853)", "85%"),
        ("de-AT", {}, "language.percent(0.853)", "85\u00a0%"),
        ("es", {}, "language.number(12345.5)", "12.345,5"),
        ("en", {}, "language.clock(754.9)", "12:34"),
        ("ar-EG", {"pause": "إيقاف"}, "language.clock(754.9)", "١٢:٣٤"),
        ("en", {}, "language.count(1, language.text.logCount)", "1 reading"),
        ("de", {}, "language.count(2000, language.text.logCount)", "2.000 Messungen"),
        ("pl", {"logCount": {"few": "{n} odczyty"}}, "language.count(3, language.text.logCount)", "3 odczyty"),
        ("en", {}, "language.emotion('bewildered')", "bewildered"),
        ("de", {"emotions": {"bewildered": "verwirrt"}}, "language.emotion('bewildered')", "verwirrt"),
        ("de", {"pause": "Halt"}, "[language.text.pause, language.text.resume].join()", "Halt,Fortsetzen"),
        ("de", {"pause": {"no": "word"}}, "language.text.pause", "Pause"),
        ("de", {"moods": "none"}, "language.text.moods.calm", "Ruhig"),
        ("de", {"pause": None}, "language.text.pause", "Pause"),
    ],
)  # fmt: skip
def test_numbers_and_own_words(bench: Page, tag: str, own: dict[str, Any], act: str, told: str) -> None:
    assert bench.evaluate(SAY, [tag, own, act]) == told


@pytest.mark.parametrize(
    ("markup", "reader", "says"),
    [
        ({"lang": "de"}, "es-ES", "Bereit"),
        ({}, "es-ES", "Listo"),
        ({}, "fr-FR", "Ready"),
        ({"page": "de-CH"}, "es-ES", "Bereit"),
        ({"page": "fr"}, "es-ES", "Listo"),
        ({"page": "es", "lang": "en-GB"}, "de-DE", "Ready"),
        ({"lang": "not a language"}, "es-ES", "Listo"),
    ],
)
def test_the_nearest_language_holds(bench: Page, markup: dict[str, str], reader: str, says: str) -> None:
    bench.evaluate(PLACE, [markup.get("page", ""), markup.get("lang"), reader])
    word(bench, says)


def test_it_changes_its_language_at_once_and_keeps_what_it_knows(page: Page) -> None:
    meter = page.locator("undervoice-meter")
    word(page, "Ready")
    page.evaluate("meter.lang = 'de'")
    word(page, "Bereit")
    assert meter.locator(".card").get_attribute("lang") == "de"
    expect(meter.get_by_role("button", name="Letzte Messungen")).to_be_visible()
    page.evaluate("meter.strings = { states: { idle: { word: 'Los geht’s' } } }")
    word(page, "Los geht’s")
    expect(meter.locator(".note")).to_have_text("Zum Starten klicken.")
    page.evaluate("meter.strings = {}")
    word(page, "Bereit")
    # A language that the element has no table of: own words, the rest English.
    page.evaluate("meter.lang = 'fr'; meter.strings = { states: { idle: { word: 'Prêt' } } }")
    word(page, "Prêt")
    assert meter.locator(".card").get_attribute("lang") == "fr"
