"""Cut a template into units of speech: templates stay plain Chinese and still speak English.

Pure: the source of a template in, the same source with its literal text wrapped in
``{% say %}...{% endsay %}`` out. A unit is what stands between two pieces of markup: text and
the ``{{ values }}`` within it. Markup, scripts and what people typed (``<textarea>``, ``value``)
stay untouched. No line is added, so that a fault still names the right line.

Source: docs/decisions/0170-text-is-cut-when-a-template-is-read.md.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

BITS = re.compile(r"({%.*?%}|{{.*?}}|{#.*?#})")
IDEOGRAPH = re.compile(r"[\u3400-\u9fff]")
FOREIGN = re.compile(r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef·…“”]")
TAG_BEGINS = re.compile(r"<(?:!--|!|/?([a-zA-Z][\w-]*))")
IN_TAG = re.compile(r""">|([a-zA-Z_:@][\w:.-]*)\s*=\s*(["'])""")
ENDS_RAW = {each: re.compile(rf"</{each}\b") for each in ("script", "style", "textarea")}
#: Attributes that are read out or shown: a lone value in them is spoken too.
SPOKEN_ATTRIBUTES = {"title", "alt", "aria-label", "placeholder", "label"}
#: Attributes whose text a program reads: never touched.
SILENT_ATTRIBUTES = {"value", "name", "id", "href", "action", "class", "pattern", "content"}
#: Elements in which no other element may stand.
BARE_ELEMENTS = {"title", "option", "text", "tspan", "desc"}
#: Blocks of others' making that read their inside themselves.
KEPT = (["blocktrans"], ["blocktranslate"], ["verbatim"], ["comment"])
INLINE = {"a", "abbr", "b", "code", "em", "i", "kbd", "q", "small", "span", "strong", "time"}


@dataclass
class Place:
    """Where in the HTML the reader stands."""

    state: str = "text"  # text, tag, attribute, raw, comment
    element: str = ""
    closing: bool = False
    attribute: str = ""
    quote: str = ""
    bare_block: bool = False

    @property
    def context(self) -> str:
        """Say how text would be shown here: ``text``, ``plain`` (no markup may be added) or not."""
        if self.state == "text":
            bare = self.element in BARE_ELEMENTS and not self.closing
            return "plain" if bare or self.bare_block else "text"
        spoken = self.state == "attribute" and self.attribute not in SILENT_ATTRIBUTES
        return f"attribute {self.attribute}" if spoken else ""


@dataclass
class Segment:
    """A stretch of the source of one kind."""

    kind: str  # literal, value, markup, tag
    source: str
    context: str
    inline: bool = False


@dataclass
class Cut:
    """A template cut up: its new source, and what is said in it."""

    source: str = ""
    units: list[str] = field(default_factory=list)
    constants: list[str] = field(default_factory=list)


def cut(source: str) -> Cut:
    """Return the template's source with every unit of text marked, and the units.

    Args:
        source: a Django template as its author wrote it.
    """
    result = Cut()
    run: list[Segment] = []
    before: Segment | None = None
    pieces: list[str] = []
    for segment in _segments(source, result.constants):
        together = segment.kind in ("literal", "value") and segment.context
        if together and (not run or run[-1].context == segment.context):
            run.append(segment)
            continue
        pieces.append(_spoken(run, before, segment, result.units))
        before = run[-1] if run else before
        run = [segment] if together else []
        if not together:
            pieces.append(segment.source)
            before = segment
    pieces.append(_spoken(run, before, None, result.units))
    result.source = "".join(pieces)
    return result


def unit_of(text: str) -> str:
    """Return the form of a unit under which the catalogue knows it: one space for any blank."""
    return re.sub(r"\s+", " ", re.sub(r"{{\s*(.*?)\s*}}", r"{{ \1 }}", text)).strip()


def _segments(source: str, constants: list[str]) -> Iterator[Segment]:
    place = Place()
    kept = ""
    for bit in BITS.split(source):
        word = bit[2:-2].split()[:1] if bit.startswith("{%") else []
        if kept or word in KEPT:
            kept = "" if word == [f"end{kept}"] else kept or word[0]
            yield Segment("tag", bit, "")
        elif bit.startswith("{{"):
            constants.extend(_constants(bit))
            yield Segment("value", bit, place.context)
        elif bit.startswith("{%"):
            constants.extend(_constants(bit))
            yield from _tag(bit, place)
        elif bit.startswith("{#"):
            yield Segment("tag", bit, "")
        elif bit:
            yield from _html(bit, place)


def _tag(bit: str, place: Place) -> Iterator[Segment]:
    """Keep a template tag; what ``firstof`` prints is spoken like a value."""
    words = bit[2:-2].split()
    if words[:2] == ["block", "title"]:
        place.bare_block = True
    elif words[:1] == ["endblock"]:
        place.bare_block = False
    if words[:1] == ["firstof"] and "as" not in words and place.context:
        yield Segment("tag", f"{bit[:-2].rstrip()} as said %}}", "")
        yield Segment("value", "{{ said }}", place.context)
    else:
        yield Segment("tag", bit, "")


def _constants(bit: str) -> Iterator[str]:
    """Give the Chinese constants that a tag or a filter is handed."""
    for double, single in re.findall(r'"((?:[^"\\]|\\.)*)"|\'((?:[^\'\\]|\\.)*)\'', bit):
        text = (double or single).replace('\\"', '"')
        several = f'yesno:"{text}"' in bit or f"yesno:'{text}'" in bit
        for each in text.split(",") if several else [text]:
            if IDEOGRAPH.search(each):
                yield each


def _html(text: str, place: Place) -> Iterator[Segment]:
    """Read literal HTML: what is text, what is markup, where it leaves the reader standing."""
    at = 0
    steps = {
        "text": _in_text,
        "tag": _in_tag,
        "attribute": _in_attribute,
        "raw": _in_raw,
        "comment": _in_comment,
    }
    while at < len(text):
        yield from (kept := list(steps[place.state](text, at, place)))
        at += sum(len(each.source) for each in kept)


def _in_text(text: str, at: int, place: Place) -> Iterator[Segment]:
    found = TAG_BEGINS.search(text, at)
    end = found.start() if found else len(text)
    if end > at:
        yield Segment("literal", text[at:end], place.context)
    if found:
        name = (found.group(1) or "").lower()
        place.state = "comment" if found.group() == "<!--" else "tag"
        place.element, place.closing = name, found.group().startswith("</")
        yield Segment("markup", found.group(), "", inline=name in INLINE)


def _in_tag(text: str, at: int, place: Place) -> Iterator[Segment]:
    found = IN_TAG.search(text, at)
    end = found.end() if found else len(text)
    if found and found.group() == ">":
        raw = place.element in ENDS_RAW and not place.closing
        place.state = "raw" if raw else "text"
    elif found:
        place.state, place.attribute, place.quote = "attribute", found[1].lower(), found[2]
    inline = place.element in INLINE and place.closing
    yield Segment("markup", text[at:end], "", inline=inline)


def _in_attribute(text: str, at: int, place: Place) -> Iterator[Segment]:
    end = text.find(place.quote, at)
    end = len(text) if end < 0 else end
    if end > at:
        yield Segment("literal", text[at:end], place.context)
    if end < len(text):
        place.state = "tag"
        yield Segment("markup", place.quote, "")


def _in_raw(text: str, at: int, place: Place) -> Iterator[Segment]:
    found = ENDS_RAW[place.element].search(text, at)
    end = found.start() if found else len(text)
    if found:
        place.state = "text"
    yield Segment("markup", text[at:end], "")


def _in_comment(text: str, at: int, place: Place) -> Iterator[Segment]:
    end = text.find("-->", at)
    if end >= 0:
        place.state, place.element = "text", ""
    yield Segment("markup", text[at : end + 3 if end >= 0 else len(text)], "")


def _spoken(
    run: list[Segment], before: Segment | None, after: Segment | None, units: list[str]
) -> str:
    """Write a run of text and values down again, marked as what it is."""
    if not run:
        return ""
    source = "".join(each.source for each in run)
    literal = "".join(each.source for each in run if each.kind == "literal")
    if not FOREIGN.search(literal):
        return "".join(_value(each) if each.kind == "value" else each.source for each in run)
    body = source.strip()
    if IDEOGRAPH.search(literal):
        units.append(unit_of(body))
    plain = run[0].context != "text"
    lead = not plain and not source[0].isspace() and _runs_on(before)
    tail = not plain and not source[-1].isspace() and _opens_inline(after)
    flags = f"{'plain ' if plain else ''}{'lead ' if lead else ''}{'tail ' if tail else ''}"
    begin, end = source[: source.index(body)], source[source.index(body) + len(body) :]
    return f"{begin}{{% say {flags}%}}{body}{{% endsay %}}{end}"


def _runs_on(before: Segment | None) -> bool:
    """Say whether text goes on from a word before it without a blank."""
    return before is not None and (before.inline or before.kind == "tag")


def _opens_inline(after: Segment | None) -> bool:
    return after is not None and after.inline and not after.source.startswith("</")


def _value(segment: Segment) -> str:
    """Let a lone value speak, where it is shown to people and not handed to programs."""
    context = segment.context
    if context.startswith("attribute") and context.split()[1] not in SPOKEN_ATTRIBUTES:
        return segment.source
    how = "spoken" if context == "text" else "spoken_plain"
    return f"{{{{ {segment.source[2:-2].strip()}|{how} }}}}"
