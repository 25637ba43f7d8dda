"""How a template speaks: units of text and values, in the language of the reader.

Nobody writes these tags: ``config.cutting`` puts them in when a template is read. They stand
among the engine's builtins.
"""

import re
from typing import Any

from django import template
from django.template.base import Lexer, NodeList, Parser, Token, TokenType
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe

from config.cutting import FOREIGN, IDEOGRAPH, unit_of
from config.tongue import ENGLISH, catalogue, in_marks, said, speaks_english

register = template.Library()
CHINESE = "zh-CN"


@register.filter(needs_autoescape=True)
def spoken(value: Any, autoescape: bool = True) -> Any:
    """Show a value in the reader's language; mark what stays Chinese as Chinese."""
    return _shown(value, marked=True, autoescape=autoescape) if speaks_english() else value


@register.filter(needs_autoescape=True)
def spoken_plain(value: Any, autoescape: bool = True) -> Any:
    """Show a value in the reader's language where no markup may stand."""
    return _shown(value, marked=False, autoescape=autoescape) if speaks_english() else value


def _shown(value: Any, *, marked: bool, autoescape: bool) -> Any:
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, SafeString):
        safe = "<" not in value
        text = str(value) if safe else ""
    elif hasattr(value, "__html__"):
        return value
    else:
        safe = not autoescape
        text = "" if hasattr(value, "isoformat") else str(value)
    if not FOREIGN.search(text):
        return value
    english = said(text)
    shown = english if safe else conditional_escape(english)
    if marked and IDEOGRAPH.search(english):
        return mark_safe(f'<span lang="{CHINESE}">{shown}</span>')  # noqa: S308 - escaped above
    return mark_safe(shown) if safe else shown  # noqa: S308 - it came in safe


class SayNode(template.Node):
    """A unit of text with its values; the English is compiled by its first reader."""

    def __init__(self, chinese: NodeList, unit: str, flags: set[str], parser: Parser) -> None:
        self.chinese = chinese
        self.unit = unit
        self.flags = flags
        self.parser = parser
        self.english: NodeList | None = None

    def render(self, context: template.Context) -> SafeString:
        """Return the unit in the language of the reader."""
        if not speaks_english():
            return self.chinese.render(context)
        if self.english is None:
            self.english = self._compile()
        return self.english.render(context)

    def _compile(self) -> NodeList:
        text = catalogue().whole.get(self.unit)
        if text is None:
            bare = not IDEOGRAPH.search(re.sub(r"{{.*?}}", "", self.unit))
            text = in_marks(self.unit).strip() if bare else self.unit
        if "plain" not in self.flags and text.startswith("("):
            text = f" {text}"
        if "lead" in self.flags and re.match(r"[\w{“(]", text):
            text = f" {text}"
        if "tail" in self.flags and re.search(r"[\w}:,.;?!)”]$", text):
            text = f"{text} "
        tokens = _speaking(Lexer(text).tokenize(), self.flags)
        parser = Parser(tokens, self.parser.libraries, origin=self.parser.origin)
        parser.tags, parser.filters = self.parser.tags, self.parser.filters
        return parser.parse()


def _speaking(tokens: list[Token], flags: set[str]) -> list[Token]:
    """Let the values within a unit speak as well."""
    how = "spoken_plain" if "plain" in flags else "spoken"
    for token in tokens:
        if token.token_type == TokenType.VAR:
            token.contents = f"{token.contents}|{how}"
    return tokens


@register.tag
def say(parser: Parser, token: Token) -> SayNode:
    """Mark a unit of text: ``{% say %}面额 {{ face|yuan }} 元{% endsay %}``."""
    flags = set(token.split_contents()[1:])
    body: list[Any] = []
    while (inner := parser.next_token()).contents != "endsay":
        body.append(inner)
    unit = unit_of("".join(_source(each) for each in body))
    for each in reversed([*_speaking(body, flags), _end(token)]):
        parser.prepend_token(each)
    chinese = parser.parse(("endsay",))
    parser.delete_first_token()
    return SayNode(chinese, unit, flags, parser)


def _source(token: Token) -> str:
    return f"{{{{ {token.contents} }}}}" if token.token_type == TokenType.VAR else token.contents


def _end(token: Token) -> Token:
    return Token(TokenType.BLOCK, "endsay", token.position, token.lineno)


@register.simple_tag
def page_language() -> str:
    """Return the language of the page for ``<html lang>``."""
    return ENGLISH if speaks_english() else CHINESE
