"""The second language is complete: no Chinese text of the source is without its English."""

from config.gathering import texts
from config.tongue import catalogue


def test_every_chinese_text_of_the_source_has_its_english():
    english = catalogue().whole
    missing = {text: min(places) for text, places in texts().items() if not english.get(text)}
    assert missing == {}, "run manage.py find_words, then fill in locale/en"
