// @vitest-environment happy-dom
// The network's screen asks while it is seen, and only then.
import { cleanup, fireEvent, render, screen } from "@testing-library/svelte";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { connect } from "../../api/client";
import type { Platform } from "../../api/platform";
import type { CheckView, NetworkView } from "../../api/types";
import Network from "./Network.svelte";

const SECOND = 1000;
let asked: string[];
let fails: boolean;
let told: unknown;
let answer: (view: CheckView) => void;
let refuse: (problem: unknown) => void;
let hidden: (visible: boolean) => void;

const network: NetworkView = {
  peer: "12D3KooWme", listen: ["/ip4/192.0.2.1/tcp/4801"], external: [], peers: 0, dht_peers: null, dht_server: false, reach: "local", nearby: [],
  lan_peers: null, router: null, mappings: [], relays: [], addresses: [], check: null, services: [], private_network: false, fault: null,
  rungs: [
    { rung: "direct", state: "no", reason: "no-public-address", detail: null },
    { rung: "port", state: "no", reason: "no-router", detail: null },
    { rung: "relay", state: "off", reason: "something-new", detail: null },
    { rung: "local", state: "in-use", reason: "nobody-nearby", detail: null },
  ],
};

beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  fails = false;
  const call = (name: string, argument: unknown) => {
    asked.push(name);
    if (name === "check") return new Promise((resolve, reject) => { told = argument; answer = resolve; refuse = reject; });
    if (fails) return Promise.reject({ code: "engine-stopped", message: "it stopped" });
    return Promise.resolve(name === "network" ? network : []);
  };
  const on = (event: string, listener: (visible: boolean) => void) => {
    if (event === "visible") hidden = listener;
    return () => undefined;
  };
  connect({ call, on } as unknown as Platform);
});

afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

const after = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe("the network's screen", () => {
  it("asks once a second at most", async () => {
    render(Network);
    await after(3.5 * SECOND);
    expect(asked.filter((name) => name === "network")).toHaveLength(4);
  });

  it("asks nothing while the window is hidden, or another screen is shown", async () => {
    const { unmount } = render(Network);
    await after(0);
    hidden(false);
    asked = [];
    await after(5 * SECOND);
    expect(asked).toEqual([]);
    hidden(true);
    await after(0);
    expect(asked).toEqual(["network", "people", "banned", "settings"]);
    unmount();
    asked = [];
    await after(5 * SECOND);
    expect(asked).toEqual([]);
  });

  it("says in words how others get here, and what to do", async () => {
    render(Network);
    await after(0);
    expect(screen.getByRole("heading", { name: "People on this network can reach you" })).toBeTruthy();
    expect(screen.getByText(/forward port 4801/u)).toBeTruthy();
    expect(screen.getByText("No router that opens ports answered.")).toBeTruthy();
    expect(screen.getByText("No one is connected yet")).toBeTruthy();
    // A reason that this window doesn't know yet.
    expect(screen.getByText("This is switched off.")).toBeTruthy();
  });

  it("says that the network broke and runs again", async () => {
    network.fault = { at: Date.now() / 1000, part: "task", detail: "a word", times: 2 };
    render(Network);
    await after(0);
    expect(screen.getByText(/stopped by a fault of its own and was started again, 2 times; last: /u)).toBeTruthy();
    network.fault = null;
  });

  it("keeps showing what it knew when the engine stops answering, and goes on asking", async () => {
    render(Network);
    await after(0);
    fails = true;
    await after(SECOND);
    expect(screen.getByText(/Shoal stopped before it answered/u)).toBeTruthy();
    expect(screen.getByText("People connected now")).toBeTruthy();
    fails = false;
    await after(SECOND);
    expect(screen.queryByText(/Shoal stopped/u)).toBeNull();
  });

  it("tests whether others get here, and says what came of it", async () => {
    render(Network);
    await after(0);
    await fireEvent.click(screen.getByRole("button", { name: "Test now" }));
    expect(told).toEqual({ public: false });
    await after(30 * SECOND);
    expect(screen.getByRole("progressbar").getAttribute("aria-valuenow")).toBe("50");
    expect(screen.getByRole<HTMLButtonElement>("button", { name: "Test now" }).disabled).toBe(true);
    refuse({ code: "offline", message: "no" });
    await after(0);
    expect(screen.getByText("The test didn’t work")).toBeTruthy();
    await fireEvent.click(screen.getByRole("button", { name: "Test now" }));
    answer({ at: 1_795_167_660, reachable: "no", asked: 2, public: null, addresses: [{ address: "/ip4/203.0.113.7/tcp/4801", transport: "tcp", by: "direct", reachable: "no", tries: 2 }] });
    await after(0);
    expect(screen.getByText("No, nobody got through to you")).toBeTruthy();
    expect(screen.getByText("203.0.113.7:4801")).toBeTruthy();
    expect(screen.getByText("Not reachable")).toBeTruthy();
  });
});
