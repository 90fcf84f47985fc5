// @vitest-environment happy-dom
// The settings against an engine that keeps what it is told, and refuses what it can't use.
import { cleanup, fireEvent, render, screen } from "@testing-library/svelte";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connect } from "../../api/client";
import type { Platform } from "../../api/platform";
import type { Problem, SettingView } from "../../api/types";
import { settings } from "../../stores/settings.svelte";
import Settings from "./Settings.svelte";

const LISTEN = "/ip4/0.0.0.0/tcp/4801,/ip4/0.0.0.0/udp/4801/quic-v1";
let kept: Map<string, SettingView>;
let refusal: Partial<Problem> | null;

function given(key: string, value: string, from: SettingView["from"] = "file") {
  kept.set(key, { key, value, default: value, meaning: "", from });
}

const value = (key: string) => kept.get(key)?.value;

beforeEach(() => {
  kept = new Map();
  refusal = null;
  given("upload.limit", "0");
  given("listen", LISTEN);
  given("mdns", "on", "environment");
  given("connections.max", "300");
  given("schedule", "on");
  given("schedule.hours", "22:00-07:00");
  given("schedule.days", "mon,tue");
  const call = (name: string, argument: { key: string; value: string } | null) => {
    if (name === "settings") return Promise.resolve([...kept.values()]);
    if (name === "hello") return Promise.resolve({ version: "1.2.3" });
    if (argument === null) return Promise.reject(new Error(name));
    const problem = { code: "bad-setting", message: "no", hint: null, retry: "never", subject: null, count: null, field: argument.key };
    if (refusal !== null) return Promise.reject({ ...problem, ...refusal });
    given(argument.key, argument.value);
    return Promise.resolve(null);
  };
  connect({ call } as unknown as Platform);
});

afterEach(cleanup);

async function open() {
  await settings.load();
  render(Settings);
  await screen.findByRole("heading", { name: "General" });
}

async function type(label: string, text: string) {
  const field = screen.getByLabelText<HTMLInputElement>(label);
  await fireEvent.input(field, { target: { value: text } });
  await fireEvent.change(field);
  return field;
}

const alerts = () => screen.queryAllByRole("alert").map((alert) => alert.textContent);

describe("a speed limit", () => {
  it("is switched on, typed, and kept at once", async () => {
    await open();
    await fireEvent.click(screen.getByRole("switch", { name: "Limit uploads" }));
    expect(value("upload.limit")).toBe("1000000");
    await type("Limit uploads: how much", "2,5");
    expect(value("upload.limit")).toBe("2500000");
    expect(await screen.findByText("Saved")).toBeTruthy();
  });

  it("comes back as it was", async () => {
    given("upload.limit", "64000");
    await open();
    const limit = screen.getByRole("switch", { name: "Limit uploads" });
    await fireEvent.click(limit);
    expect(value("upload.limit")).toBe("0");
    await fireEvent.click(limit);
    expect(value("upload.limit")).toBe("64000");
  });

  it("says what is wrong with a number, and keeps what was typed", async () => {
    given("upload.limit", "1000000");
    await open();
    const field = await type("Limit uploads: how much", "much");
    expect([alerts(), field.value, value("upload.limit")]).toEqual([["That is not a number."], "much", "1000000"]);
    await fireEvent.keyDown(field, { key: "Escape" });
    expect([alerts(), field.value]).toEqual([[], "1"]);
  });
});

describe("a setting", () => {
  it("shows at its field why the engine refused it", async () => {
    await open();
    refusal = { code: "listen" };
    const field = await type("Port", "5000");
    await screen.findByText("The port for incoming connections is taken");
    expect([field.value, value("listen")]).toEqual(["5000", LISTEN]);
    refusal = null;
    await type("Port", "5001");
    expect([alerts(), value("listen")]).toEqual([[], LISTEN.replaceAll("4801", "5001")]);
  });

  it("is locked when the environment gives it, and says so", async () => {
    await open();
    expect(screen.getByRole<HTMLInputElement>("switch", { name: "Find devices nearby" }).disabled).toBe(true);
    expect(screen.getByText(/SHOAL_MDNS or SHOAL_LOCAL/u)).toBeTruthy();
  });

  it("is not shown when this engine doesn't have it", async () => {
    await open();
    expect(screen.queryByRole("switch", { name: "Start when you log in" })).toBeNull();
  });
});

describe("the schedule", () => {
  it("takes times as people write them", async () => {
    await open();
    await type("From", "7 pm");
    expect(value("schedule.hours")).toBe("19:00-07:00");
    await type("To", "noon");
    expect([alerts(), value("schedule.hours")]).toEqual([["Type a time such as 22:00."], "19:00-07:00"]);
  });

  it("keeps at least one day", async () => {
    await open();
    await fireEvent.click(screen.getByRole("button", { name: "Monday" }));
    await fireEvent.click(screen.getByRole("button", { name: "Tuesday" }));
    expect([alerts(), value("schedule.days")]).toEqual([["At least one day has to stay chosen."], "tue"]);
  });
});
