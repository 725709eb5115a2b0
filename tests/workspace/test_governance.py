"""Filters, consent and privacy as the workspace file says them."""

from pathlib import Path

import pytest

from trackway.workspace import WorkspaceError, load_workspace
from trackway.workspace.model import Workspace

SOURCES = "sources: {web: {write_keys: [wk]}}\n"


def load(folder: Path, text: str) -> Workspace:
    (folder / "trackway.yaml").write_text(SOURCES + text)
    return load_workspace(folder, environ={"SALT": "s3cret"})


def test_all_that_can_be_said(tmp_path: Path):
    workspace = load(
        tmp_path,
        """
destinations:
  hook:
    type: webhook
    trigger: type = 'track'
    consent: [advertising]
    filters:
      - title: A tenth of the users
        if: event = 'Page Scrolled'
        sample: {percent: 0.1, path: userId}
      - if: contains(properties.email, '@shop.example')
        drop: true
      - drop_properties: {context: [ip], "": [userId]}
      - allow_properties: {properties: [total]}
        enabled: false
privacy:
  salt: {env: SALT}
  rules:
    - {path: traits.email, do: hash}
    - {path: context.ip, do: mask, if: type = 'page', sources: [web]}
""",
    )
    hook = workspace.destinations["hook"]
    assert (hook.trigger, hook.consent, len(hook.filters)) == ("type = 'track'", ["advertising"], 4)
    assert hook.filters[0].sample is not None
    assert (hook.filters[0].sample.percent, hook.filters[0].sample.path.keys) == (0.1, ("userId",))
    assert hook.filters[2].if_ == "all"
    assert workspace.privacy.salt is not None
    assert workspace.privacy.salt.reveal() == "s3cret"
    assert "s3cret" not in repr(workspace)
    assert [rule.do for rule in workspace.privacy.rules] == ["hash", "mask"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "destinations: {hook: {type: webhook, trigger: type == 'track'}}",
            "trackway.yaml: destinations.hook.trigger: expected a field, a value, a function or `(`, found =; "
            "equality is written `=`\n  type == 'track'\n        ^",
        ),
        (
            "destinations: {hook: {type: webhook, filters: [{iff: all}]}}",
            "trackway.yaml: destinations.hook.filters[0].iff is unknown; did you mean if?",
        ),
        (
            "destinations: {hook: {type: webhook, filters: [{sample: {percent: 10}}]}}",
            "trackway.yaml: destinations.hook.filters[0].sample.percent: Expected `float` <= 1.0",
        ),
        (
            "privacy: {rules: [{path: traits.email, do: hash}]}",
            "trackway.yaml: privacy.rules[0]: a hash needs a salt: add `salt: {env: PRIVACY_SALT}` under privacy",
        ),
        (
            "privacy: {rules: [{path: messageId, do: drop}]}",
            "trackway.yaml: privacy.rules[0].path: an event without messageId is none",
        ),
        (
            "privacy: {rules: [{path: a..b, do: drop}]}",
            "trackway.yaml: privacy.rules[0].path: a path names at least one field, with one dot between two",
        ),
        (
            "privacy: {rules: [{path: a, do: drop, sources: [wep]}]}",
            "trackway.yaml: privacy.rules[0].sources: there is no source wep; did you mean web?",
        ),
    ],
)
def test_mistakes_are_told(tmp_path: Path, text: str, message: str):
    with pytest.raises(WorkspaceError) as caught:
        load(tmp_path, text)
    assert str(caught.value) == message
