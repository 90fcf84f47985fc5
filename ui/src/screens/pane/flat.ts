// A tree as the rows of a list: row number → folder and place in it. Pure; knows numbers, not files.
//
// Only opened folders are branches, so a folder of 100,000 files costs no more than one of ten.

export interface Branch {
  path: string;
  depth: number;
  /** Entries directly in it. */
  total: number;
  /** The opened folders among them, by place. */
  open: { place: number; branch: Branch }[];
}

export interface Spot {
  branch: Branch;
  place: number;
}

export const branch = (path: string, depth: number, total = 0): Branch => ({ path, depth, total, open: [] });

/** Rows that it and everything opened inside it takes. */
export function rows(of: Branch): number {
  return of.open.reduce((sum, inner) => sum + rows(inner.branch), of.total);
}

/** What stands in a row, which must be less than `rows`. */
export function locate(within: Branch, row: number): Spot {
  let inserted = 0;
  for (const inner of within.open) {
    const head = inner.place + inserted;
    if (row <= head) break;
    const size = rows(inner.branch);
    if (row <= head + size) return locate(inner.branch, row - head - 1);
    inserted += size;
  }
  return { branch: within, place: row - inserted };
}

/** The row in which the first entry of a branch stands; null if it is not shown. */
export function firstRow(within: Branch, path: string): number | null {
  if (within.path === path) return 0;
  let inserted = 0;
  for (const inner of within.open) {
    const head = inner.place + inserted + 1;
    const row = firstRow(inner.branch, path);
    if (row !== null) return head + row;
    inserted += rows(inner.branch);
  }
  return null;
}

export function find(within: Branch, path: string): Branch | null {
  if (within.path === path) return within;
  for (const inner of within.open) {
    const found = find(inner.branch, path);
    if (found !== null) return found;
  }
  return null;
}

/** Puts an opened folder where it stands among its neighbours. */
export function attach(to: Branch, place: number, inner: Branch): void {
  detach(to, inner.path);
  const at = to.open.findIndex((other) => other.place > place);
  to.open.splice(at < 0 ? to.open.length : at, 0, { place, branch: inner });
}

export function detach(from: Branch, path: string): void {
  from.open = from.open.filter((inner) => inner.branch.path !== path);
}
