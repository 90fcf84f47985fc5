// A QR code as one path, light on its own white ground: readers need the contrast in dark windows too.

export interface QrShape {
  /** Modules along one side, the quiet zone included. */
  size: number;
  path: string;
}

/** Free modules around the code that the standard asks for. */
const QUIET = 4;

/** Null: too long for a QR code. The library comes only when a code is shown. */
export async function qrShape(text: string): Promise<QrShape | null> {
  const { encode } = await import("uqr");
  try {
    const { data, size } = encode(text, { ecc: "L", boostEcc: true, border: QUIET });
    return { size, path: data.map(line).join("") };
  } catch {
    return null;
  }
}

/** Neighbouring modules are one bar: no seams between them, and a path a third as long. */
function line(modules: boolean[], y: number): string {
  let path = "";
  for (let x = 0; x < modules.length; x += 1) {
    if (modules[x] !== true) continue;
    const from = x;
    while (modules[x + 1] === true) x += 1;
    path += `M${from} ${y}h${x - from + 1}v1h-${x - from + 1}z`;
  }
  return path;
}
