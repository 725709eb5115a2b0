"""A new workspace: a commented `trackway.yaml` with a fresh write key."""

import secrets
from pathlib import Path

from trackway.errors import TrackwayError
from trackway.workspace.load import FILE_NAME

_TEMPLATE = """\
# The workspace of this Trackway. Everything here may be changed; `trackway doctor` checks it.
#
# Durations are written "30s", "24h" or "7 days"; sizes "32 KiB" or "20 GiB".
# Secrets stay out of this file: write {{env: NAME}} or {{file: PATH}} instead of the value, or ${{NAME}} within a text.
# Any setting can also come from the environment: TRACKWAY__COLLECTOR__PORT=9000 is collector.port.

# Where events come from. Clients name a source by one of its write keys, which can only write: it may be public.
sources:
  web:
    name: Web shop
    write_keys: [{write_key}]
    # dedup_window: 24h          # how long a repeated messageId counts as the same event

# Where events go to, each in its own terms. A destination that fails delays nobody else and loses nothing.
destinations: {{}}
#  backend:
#    type: webhook
#    settings:
#      url: https://example.com/hooks/trackway
#      shared_secret: {{env: WEBHOOK_SECRET}}     # signs each request: X-Signature
#      batch: {{events: 100}}                     # default: one request for each event

# Where events become tables: one for each event name, and tracks, identifies, users, pages, screens, groups, aliases.
warehouses:
  duckdb:
    type: duckdb
    path: data/warehouse.duckdb

# The public API that clients send to. Put a proxy with TLS in front, and its address in public_url.
collector:
  host: 127.0.0.1
  port: 8080
#  public_url: https://t.example.com

# The console, for people. It opens with the token in data/console-token, or with one of your own.
console:
  host: 127.0.0.1
  port: 8081
#  token: {{env: TRACKWAY_CONSOLE_TOKEN}}

# How long the log keeps what every destination and warehouse has read. What they have not read is never deleted.
log:
  keep: 7 days
  keep_size: 20 GiB

# Destinations may not name addresses inside your network, unless you say so.
delivery:
  allow_private_addresses: false
"""


def create_workspace(folder: Path) -> Path | None:
    """Write `trackway.yaml` into `folder` unless there is one; return the file if it was written.

    Raises:
        TrackwayError: the folder cannot be written.
    """
    file = folder / FILE_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as out:
            out.write(_TEMPLATE.format(write_key=f"wk_{secrets.token_urlsafe(18)}"))
        (folder / ".gitignore").write_text("/data/\n", "utf-8")
    except FileExistsError:
        return None
    except OSError as error:
        raise TrackwayError(f"{folder} cannot be made a workspace: {error}") from error
    return file


def console_token(data: Path) -> str:
    """Return the token in `data/console-token`, made at the first call and readable by its owner alone."""
    file = data / "console-token"
    try:
        return file.read_text("utf-8").strip()
    except FileNotFoundError:
        data.mkdir(parents=True, exist_ok=True)
        token = secrets.token_urlsafe(24)
        file.touch(mode=0o600)
        file.write_text(token + "\n", "utf-8")
        return token
