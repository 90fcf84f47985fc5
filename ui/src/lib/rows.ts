// Rows that did not change keep their identity, so that only the others are drawn again.
import type { ItemId, ItemView } from "../api/types";

export function keepUnchanged(before: readonly ItemView[], now: readonly ItemView[]): readonly ItemView[] {
  const known = new Map<ItemId, ItemView>(before.map((item) => [item.id, item]));
  const kept = now.map((item) => {
    const old = known.get(item.id);
    return old !== undefined && same(old, item) ? old : item;
  });
  return kept.length === before.length && kept.every((item, index) => item === before[index]) ? before : kept;
}

function same(a: ItemView, b: ItemView): boolean {
  const keys = Object.keys(b) as (keyof ItemView)[];
  if (keys.length !== Object.keys(a).length) return false;
  return keys.every((key) => a[key] === b[key]) || JSON.stringify(a) === JSON.stringify(b);
}
