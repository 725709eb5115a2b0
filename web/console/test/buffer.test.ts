import { describe, expect, it } from "vitest";
import type { Entry } from "../src/api/records";
import { Buffer, type Row } from "../src/live/buffer";

function entries(...ids: string[]): Entry[] {
  return ids.map((messageId, offset) => ({
    position: { topic: "events", partition: 0, offset },
    outcome: "ok", source: "shop", type: "track", name: "Signed Up", messageId, receivedAt: "2026-11-20T10:00:00.000Z",
  }));
}

function shown(rows: readonly Row[]): (string | number)[] {
  return rows.map((row) => ("gap" in row ? row.gap : row.entry.messageId));
}

describe("buffer", () => {
  it("keeps the newest, in order, within its bounds", () => {
    const buffer = new Buffer(10);
    for (let i = 0; i < 1000; i++) {
      buffer.push(entries(`m${i}`));
      expect(buffer.rows.length).toBeLessThanOrEqual(11);
    }
    expect(shown(buffer.rows).slice(-3)).toEqual(["m997", "m998", "m999"]);
    expect(buffer.total).toBe(1000);
  });

  it("takes the end of a push that is larger than itself", () => {
    const buffer = new Buffer(3);
    buffer.push(entries("a", "b", "c", "d", "e"));
    expect(shown(buffer.rows)).toEqual(["c", "d", "e"]);
    expect(buffer.total).toBe(5);
  });

  it("joins gaps that follow each other", () => {
    const buffer = new Buffer(10);
    buffer.push(entries("a"));
    buffer.pushGap(5);
    buffer.pushGap(7);
    buffer.push(entries("b"));
    expect(shown(buffer.rows)).toEqual(["a", 12, "b"]);
  });

  it("puts older records (newest first) before all others, as far as there is room", () => {
    const buffer = new Buffer(5);
    buffer.push(entries("m8", "m9"));
    buffer.pushOlder(entries("m7", "m6"));
    buffer.pushOlder(entries("m5", "m4"));
    expect(shown(buffer.rows)).toEqual(["m5", "m6", "m7", "m8", "m9"]);
    expect(buffer.full).toBe(true);
  });

  it("numbers its rows upward, also after older ones and a new beginning", () => {
    const buffer = new Buffer(50);
    buffer.push(entries("a", "b"));
    buffer.pushOlder(entries("z", "y"));
    buffer.clear();
    buffer.push(entries("c"));
    buffer.pushOlder(entries("x"));
    buffer.push(entries("d"));
    const numbers = buffer.rows.map((row) => row.seq);
    expect(numbers).toEqual([...numbers].sort((one, other) => one - other));
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(shown(buffer.rows)).toEqual(["x", "c", "d"]);
  });
});
