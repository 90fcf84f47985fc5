// The block map as three shapes: what is here, what is partly here, what was asked for. Pure.

export const COLUMNS = 40;
/** A cell and the gap beside it, in the drawing's own units. */
export const STEP = 10;
const SIDE = 8;
/** How a cell says "asked for now". */
const ASKED = 255;

export interface BlockShapes {
  all: string;
  here: string;
  part: string;
  asked: string;
  rows: number;
}

export function blockShapes(cells: readonly number[]): BlockShapes {
  const shapes = { all: "", here: "", part: "", asked: "" };
  cells.forEach((cell, at) => {
    const square = `M${(at % COLUMNS) * STEP} ${Math.floor(at / COLUMNS) * STEP}h${SIDE}v${SIDE}h-${SIDE}z`;
    if (cell === ASKED) shapes.asked += square;
    else if (cell >= 100) shapes.here += square;
    else if (cell > 0) shapes.part += square;
    else shapes.all += square;
  });
  return { ...shapes, rows: Math.max(1, Math.ceil(cells.length / COLUMNS)) };
}
