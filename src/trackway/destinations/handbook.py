"""The pages of docs/destinations: written by people between two marks, generated around them."""

import re
from pathlib import Path

from trackway.destinations import registry
from trackway.destinations.reference import ActionShown, MappingShown, Reference, Setting, reference

_BEGIN, _END = "<!-- differences -->", "<!-- end of differences -->"
_BY_HAND = re.compile(re.escape(_BEGIN) + r"\n(.*?)" + re.escape(_END), re.DOTALL)
_NONE = "None known.\n"


def page(kind: str, before: str = "") -> str:
    """Return the page of a destination type; what people wrote in the page as it was `before` is kept."""
    told = reference(kind)
    found = _BY_HAND.search(before)
    parts = [
        f"# {re.split('[,:]', told.summary)[0]}",
        f"`type: {kind}`, in an event's `integrations` **{told.name}**. {told.summary}",
        *(f"**{name}:** {words}" for name, words in told.facts.items()),
        "## Settings",
        _table(("setting", "kind", "default", "meaning"), [_setting_row(one) for one in told.settings]),
        *_mapping_parts(told),
        "## Intended differences from Segment's destination",
        f"{_BEGIN}\n{found[1] if found else _NONE}{_END}",
        *_action_parts(told),
    ]
    return "\n\n".join(parts) + "\n"


def index() -> str:
    """Return the page that lists all destination types of the catalogue."""
    rows = [
        (f"[{told.type}]({told.type}.md)", told.name, told.summary)
        for told in (reference(kind) for kind in registry.known())
    ]
    return "# Destinations\n\n" + _INTRODUCTION + _table(("type", "in `integrations`", "what it is"), rows) + "\n"


def write(folder: Path) -> None:
    """Write all pages into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README.md").write_text(index(), "utf-8")
    for kind in registry.known():
        path = folder / f"{kind}.md"
        path.write_text(page(kind, path.read_text("utf-8") if path.exists() else ""), "utf-8")


_INTRODUCTION = """\
`trackway destinations list` shows this table, `describe TYPE` a page of it; `python -m trackway.destinations.handbook`
writes these pages anew, except for what stands between their marks.

A destination is a few lines in trackway.yaml:

```yaml
destinations:
  analytics:
    type: mixpanel
    settings:
      project_token: {env: MIXPANEL_TOKEN}
      mappings:                       # optional: change what is sent
        track:
          fields:
            event: "Shop: {{event}}"
            country: {first_of: [$.context.location.country, $.context.traits.country]}
        page: {enabled: false}
```

`trackway preview TYPE --settings FILE --events FILE.jsonl` shows the requests for events without sending them.
[mappings.md](mappings.md) tells all that can be written there, [kit.md](kit.md) how to write a destination of your own.
`trackway destinations schema > trackway.schema.json` makes editors check and complete trackway.yaml.

All of them alike: an event's `integrations` can switch a destination off or on, or hold options for it under the name
below; whole numbers keep all their digits, also beyond 2⁵³, where Segment's destinations round them; what is no time is
refused or left out, where they send the time of sending; the same event makes the same request at every try. Where a
destination means to differ from Segment's, its page says so, with the reason.

"""


def _setting_row(one: Setting) -> tuple[str, ...]:
    return (f"`{one.name}`", one.kind, f"`{one.default}`" if one.default else "needed", one.about)


def _mapping_parts(told: Reference) -> list[str]:
    if not told.mappings:
        return []
    way = "the first mapping whose trigger holds" if told.first_match else "every mapping whose trigger holds"
    rows = [(f"`{one.name}`", f"`{one.action}`", f"`{one.trigger}`", _changes(one)) for one in told.mappings]
    return ["## Mappings", f"An event goes through {way}.", _table(("name", "action", "trigger", "fields"), rows)]


def _changes(one: MappingShown) -> str:
    return "; ".join(f"`{name}`: {source or 'left out'}" for name, source in one.fields.items())


def _action_parts(told: Reference) -> list[str]:
    parts = ["## Actions"] if told.actions else []
    for action in told.actions:
        left_out = ", ".join(f"`{reason}`" for reason in action.left_out)
        parts += [f"### {action.name}", action.about, *([f"Leaves events out as {left_out}."] if left_out else [])]
        parts.append(_fields(action))
    return parts


def _fields(action: ActionShown) -> str:
    rows = [
        (f"`{one.name}`", one.kind + (", needed" if one.required else ""), _code(one.source), one.about)
        for one in action.fields
    ]
    return _table(("field", "kind", "comes from", "meaning"), rows)


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [headings, tuple("---" for _ in headings), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


if __name__ == "__main__":
    write(Path("docs/destinations"))
