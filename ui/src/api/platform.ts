// What the window gets from outside: the engine's calls, and the few things that only the shell around it can do.
import type { Calls } from "./types";

/** What was asked for from outside: a second start, a link that was clicked, the tray's menu. */
export interface OpenRequest {
  paths: string[];
  link: string | null;
  action: "share" | "open" | null;
}

export interface Events {
  "open-request": OpenRequest;
  "focus-item": number;
  /** False: the window is hidden, so nothing needs to be asked or drawn. */
  visible: boolean;
  stopping: null;
}

export type Drop = { kind: "over" } | { kind: "leave" } | { kind: "drop"; paths: string[] };
export type Forget = () => void;

export interface Platform {
  /** Rejects with a `Problem`. */
  call<N extends keyof Calls>(name: N, argument: Calls[N][0]): Promise<Calls[N][1]>;
  /** What was asked for before the window listened. */
  pending(): Promise<OpenRequest[]>;
  pick(what: "files" | "folder" | "folders"): Promise<string[]>;
  /** False: the person changed their mind. */
  saveText(name: string, text: string): Promise<boolean>;
  copy(text: string): Promise<void>;
  /** Opens an item, or a path inside it, with the system's program for it. */
  open(id: number, path: string | null): Promise<void>;
  /** Shows it in the file manager. */
  reveal(id: number, path: string | null): Promise<void>;
  quit(): Promise<void>;
  /** Where a file of an item can be read from by `img` and `fetch` (with a `Range` of at most 4 MiB), also while it downloads. */
  previewUrl(id: number, path: string): string;
  /** Where `video` and `audio` can play a file from, also while it downloads, until `playEnd` or the next `play`. */
  play(id: number, path: string): Promise<string>;
  /** To be called when the player goes. */
  playEnd(): Promise<void>;
  on<E extends keyof Events>(event: E, listener: (value: Events[E]) => void): Forget;
  onDrop(listener: (drop: Drop) => void): Forget;
}
