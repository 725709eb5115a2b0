import { describe, expect, it } from "vitest";
import { scrollTo, visibleRows } from "../src/live/visible";

describe("visible rows", () => {
  it("cover the window with some to spare, and no more", () => {
    expect(visibleRows(0, 320, 32, 1000, 4)).toEqual({ first: 0, end: 14 });
    expect(visibleRows(3200, 320, 32, 1000, 4)).toEqual({ first: 96, end: 114 });
    expect(visibleRows(31_680, 320, 32, 1000, 4)).toEqual({ first: 986, end: 1000 });
  });

  it("are none in an empty or shrunken list", () => {
    expect(visibleRows(0, 320, 32, 0)).toEqual({ first: 0, end: 0 });
    expect(visibleRows(9999, 320, 32, 3)).toEqual({ first: 3, end: 3 });
  });

  it("come into sight with the least scrolling", () => {
    expect(scrollTo(0, 320, 100, 32)).toBe(0);
    expect(scrollTo(11, 320, 100, 32)).toBe(320);
    expect(scrollTo(20, 320, 100, 32)).toBe(572);
  });
});
