// One port out of the addresses that the engine listens at, and back.

const PORT = /\/(tcp|udp)\/(\d+)/gu;
/** Lower ports belong to the system. */
export const LOWEST_PORT = 1024;
export const HIGHEST_PORT = 65_535;

/** The port that all addresses share; null when they differ or there is none (set by hand, not for this screen). 0 is any free one. */
export function portOf(listen: string): number | null {
  const ports = new Set([...listen.matchAll(PORT)].map(([, , port]) => Number(port)));
  const [port] = ports;
  return ports.size === 1 && port !== undefined ? port : null;
}

export function withPort(listen: string, port: number): string {
  return listen.replace(PORT, (_, protocol: string) => `/${protocol}/${port}`);
}

/** A whole number within bounds, as a person types it; null when it isn't one. */
export function whole(text: string, lowest: number, highest: number): number | null {
  const typed = text.trim();
  const number = /^\d{1,9}$/u.test(typed) ? Number(typed) : Number.NaN;
  return number >= lowest && number <= highest ? number : null;
}
