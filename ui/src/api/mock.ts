// Stands in for the engine in a plain browser: development and the browser tests. Never part of the app.
import { locale } from "../stores/locale.svelte";
import { pseudo } from "../locales/pseudo";
import type { Platform } from "./platform";
import type { Calls, Problem } from "./types";
import { calls } from "./mock/calls";
import { previewUrl } from "./mock/inside";
import { World } from "./mock/world";

export function fromAddress(search: string): Platform {
  const query = new URLSearchParams(search);
  if (query.get("lang") === "pseudo") locale.disguise(pseudo);
  return mock(new World(query));
}

export function mock(world: World): Platform {
  const answers = calls(world);
  return {
    async call<N extends keyof Calls>(name: N, argument: Calls[N][0]): Promise<Calls[N][1]> {
      const answer = answers[name] as ((argument: Calls[N][0]) => Calls[N][1] | Promise<Calls[N][1]>) | undefined;
      if (answer === undefined) throw unknown(name);
      return structuredClone(await answer(structuredClone(argument)));
    },
    pending: () => Promise.resolve([]),
    pick: (what) => Promise.resolve(what === "files" ? ["/home/mia/Pictures/Poster A1.png"] : ["/home/mia/Pictures/Family photos, summer"]),
    saveText: () => Promise.resolve(true),
    copy: async (text) => {
      world.copied = text;
      await navigator.clipboard?.writeText(text).catch(() => undefined);
    },
    open: () => Promise.resolve(),
    reveal: () => Promise.resolve(),
    quit: () => Promise.resolve(),
previewUrl: (_id, path) => previewUrl(path),
    play: (_id, path) => Promise.resolve(previewUrl(path)),
    playEnd: () => Promise.resolve(),
    on: (event, listener) => world.on(event, listener as (value: unknown) => void),
    onDrop: (listener) => world.on("drop", listener as (value: unknown) => void),
  };
}

function unknown(name: string): Problem {
  return { code: "unknown-command", message: `no call ${name}`, hint: null, retry: "never", subject: null, count: null, field: null };
}
