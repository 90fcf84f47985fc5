// The key of a private network: 64 hex digits, as in the third line of `swarm.key`.

const BYTES = 32;
const KEY = /^[0-9a-f]{64}$/u;
const HEAD = /^\/key\/swarm\/psk\/1\.0\.0\/\s*\/base16\/\s*/u;

/** What was pasted, the key alone or the whole file; null when it is neither. */
export function keyIn(text: string): string | null {
  const key = text.trim().replace(HEAD, "").trim().toLowerCase();
  return KEY.test(key) ? key : null;
}

export function newKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(BYTES))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
