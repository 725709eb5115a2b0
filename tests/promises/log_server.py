"""A process with a log's writer that does as it is told, a line at a time: a test can spoil its storage between.

python -m tests.promises.log_server FOLDER SEGMENT_BYTES

append TEXT COUNT    append COUNT records "TEXT 0", "TEXT 1", …; answers {"range": [first, next]} or {"error": …}
faults               answers {"faults": …}
"""

import json
import sys
from pathlib import Path
from typing import Any

from trackway.log.contract import LogError
from trackway.log.late_writer import LateWriter
from trackway.log.sqlite import SqliteLog

TOPICS = ("events",)


def answer(writer: LateWriter, words: list[str]) -> dict[str, Any]:
    if words[0] == "faults":
        return {"faults": writer.faults}
    records = [f"{words[1]} {number}".encode() for number in range(int(words[2]))]
    try:
        got = writer.append({"events": records})["events"]
    except LogError as error:
        return {"error": str(error)}
    return {"range": [got.start, got.stop]}


def main() -> None:
    log = SqliteLog(Path(sys.argv[1]), TOPICS, segment_bytes=int(sys.argv[2]))
    writer = LateWriter(0, lambda: log.writer(0))
    print(json.dumps({"trouble": writer.trouble}), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(writer, line.split())), flush=True)
    writer.close()
    log.close()


if __name__ == "__main__":
    main()
