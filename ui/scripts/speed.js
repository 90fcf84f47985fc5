// How quick the window is over the mock: `npm run speed`. First paint with 100,000 items, the slowest answer to a click or
// a key while rows move, frames while scrolling, and what it costs while transfers show. The mock runs in the same thread,
// so the real window does better. Fails when a figure is over its limit.
import { withWindow } from "./serve.js";

const ITEMS = 100_000;
const SCROLL_STEPS = 120;
const WATCHED_MS = 10_000;
const LIMITS = { "first rows (ms)": 800, "slowest interaction (ms)": 50, "frames over 50 ms of 120 while scrolling": 3, "of one core while transfers show (%)": 5 };

const figures = {};

await withWindow(async (browser, address) => {
  const page = await browser.newPage({ viewport: { width: 1180, height: 760 } });
  await page.addInitScript(() => {
    window.slowest = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (entry.interactionId > 0) window.slowest = Math.max(window.slowest, entry.duration);
    }).observe({ type: "event", durationThreshold: 16, buffered: true });
  });

  await page.goto(`${address}?items=1000`);
  await page.getByText("Harbour at dawn").waitFor();
  await page.waitForTimeout(1000);
  figures["of one core while transfers show (%)"] = await cost(page);
  for (const name of ["field-recordings", "Poster A1", "Lease agreement"]) await page.getByText(name).first().click();
  for (const key of ["ArrowDown", "ArrowDown", "End", "Home", "Escape", "2", "3", "1"]) {
    await page.keyboard.press(key);
    await page.waitForTimeout(60);
  }
  await page.getByRole("textbox").first().pressSequentially("photos", { delay: 60 });
  await page.waitForTimeout(300);
  figures["slowest interaction (ms)"] = await page.evaluate(() => window.slowest);

  await page.goto(`${address}?items=${ITEMS}&clock=manual`);
  await page.getByText("Harbour at dawn").waitFor();
  figures["first rows (ms)"] = Math.round(await page.evaluate(() => performance.now() - window.shoalMock.madeIn));
  figures["frames over 50 ms of 120 while scrolling"] = await page.evaluate(scroll, SCROLL_STEPS);
});

let isOver = false;
for (const [name, limit] of Object.entries(LIMITS)) {
  const verdict = figures[name] <= limit ? "" : "  OVER";
  isOver ||= verdict !== "";
  console.log(`${String(figures[name]).padStart(8)}  ${name}, at most ${limit}${verdict}`);
}
if (isOver) process.exit(1);

/** Time of the page's main thread, in per cent of one core. */
async function cost(page) {
  const client = await page.context().newCDPSession(page);
  await client.send("Performance.enable");
  const busy = async () => (await client.send("Performance.getMetrics")).metrics.find(({ name }) => name === "TaskDuration").value;
  const before = await busy();
  await page.waitForTimeout(WATCHED_MS);
  return Math.round(((await busy()) - before) * 1000 * 1000 / WATCHED_MS) / 10;
}

/** Runs in the page: scrolls by jumps of many rows, one a frame, and counts the frames that took too long. */
async function scroll(steps) {
  const list = document.querySelector("[role=grid]");
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  let slow = 0;
  let last = await frame();
  for (let step = 1; step <= steps; step += 1) {
    list.scrollTop = (list.scrollHeight / steps) * step * (step % 7 === 0 ? 0.5 : 1);
    const now = await frame();
    if (now - last > 50) slow += 1;
    last = now;
  }
  return slow;
}
