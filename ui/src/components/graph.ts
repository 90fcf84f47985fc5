// Points of a line over the last minute, for Sparkline and AreaGraph.

/** Samples that fill the width: one a second, a minute. */
const SAMPLES = 60;

/** "x,y x,y …" in a box of `width` × `height`, newest at the right, highest at the top, `pad` px kept free above and below. */
export function points(values: readonly number[], width: number, height: number, highest: number, pad = 1): string {
  const step = width / (SAMPLES - 1);
  const first = SAMPLES - values.length;
  return values.map((value, index) => `${round((first + index) * step)},${round(y(value, height, highest, pad))}`).join(" ");
}

/** The same line as a closed shape down to the box's floor. */
export function area(values: readonly number[], width: number, height: number, highest: number, pad = 1): string {
  if (values.length === 0) return "";
  const start = round((SAMPLES - values.length) * (width / (SAMPLES - 1)));
  return `M${start},${height} L${points(values, width, height, highest, pad).replaceAll(" ", " L")} L${width},${height}Z`;
}

function y(value: number, height: number, highest: number, pad: number): number {
  const part = highest > 0 ? Math.min(1, value / highest) : 0;
  return height - pad - part * (height - 2 * pad);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
