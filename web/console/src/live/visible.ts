/** Which rows of a long list stand in a window of `height` pixels that is scrolled down by `top`. */
export interface Range {
  first: number;
  /** The row after the last one. */
  end: number;
}

/** Return the rows to draw: those in sight, and `spare` more at both ends so that scrolling shows no hole. */
export function visibleRows(top: number, height: number, rowHeight: number, count: number, spare = 0): Range {
  const first = Math.max(0, Math.min(count, Math.floor(top / rowHeight) - spare));
  const end = Math.min(count, Math.ceil((top + height) / rowHeight) + spare);
  return { first, end: Math.max(first, end) };
}

/** Return the scroll position that brings a row into sight, moving as little as possible. */
export function scrollTo(index: number, top: number, height: number, rowHeight: number): number {
  const rowTop = index * rowHeight;
  if (rowTop < top) return rowTop;
  if (rowTop + rowHeight > top + height) return rowTop + rowHeight - height;
  return top;
}
