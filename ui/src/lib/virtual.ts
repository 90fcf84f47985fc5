// The arithmetic of a list that only draws what is seen: rows of one height, numbered from 0.

export interface Range {
  first: number;
  /** Not included. */
  end: number;
}

/** Rows that a viewport touches, with `overscan` more on both sides. */
export function visible(scrollTop: number, viewport: number, rowHeight: number, count: number, overscan: number): Range {
  const first = Math.max(0, Math.floor(scrollTop / rowHeight) - overscan);
  const end = Math.min(count, Math.ceil((scrollTop + viewport) / rowHeight) + overscan);
  return { first: Math.min(first, end), end };
}

/** What to ask for, so that scrolling a little needs no new question: whole steps, one more on each side. */
export function asked({ first, end }: Range, step: number): Range {
  return {
    first: Math.max(0, (Math.floor(first / step) - 1) * step),
    end: (Math.ceil(end / step) + 1) * step,
  };
}

/** Where to scroll so that row `index` is wholly seen; the present place when it is. */
export function reveal(index: number, scrollTop: number, viewport: number, rowHeight: number): number {
  const top = index * rowHeight;
  if (top < scrollTop) return top;
  return Math.max(scrollTop, top + rowHeight - viewport);
}
