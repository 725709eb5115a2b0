import asyncio
import json
from pathlib import Path
from typing import Any, cast

from trackway.console.settings import SettingsApi
from trackway.workspace import load_workspace

FILE = """\
sources: {web: {write_keys: [wk]}}
destinations:
  crm:
    type: webhook
    settings: {url: "https://crm.example/settings", shared_secret: settings}
    enabled: true  # settings
"""


def test_a_secret_that_is_a_word_of_the_file_hides_no_key(tmp_path: Path) -> None:
    (tmp_path / "trackway.yaml").write_text(FILE, "utf-8")
    api = SettingsApi(lambda: load_workspace(tmp_path))
    answer = asyncio.run(api.file(cast("Any", None)))
    lines = json.loads(bytes(answer.body))["lines"]
    assert [line["text"] for line in lines[4:]] == [
        '    settings: {url: "https://crm.example/***", shared_secret: ***}',
        "    enabled: true  # ***",
    ]
