import { execFileSync } from "node:child_process";
import { long } from "../fixtures/long.ts";
import { test } from "../fixtures/test.ts";

/** Of sorted numbers. */
const at = (sorted: number[], share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!.toFixed(1);

/** What the tab's process holds, in MB; the biggest renderer is it. */
function resident(): number {
  const renderers = execFileSync("ps", ["-eo", "rss,args"]).toString().split("\n").filter((line) => line.includes("--type=renderer"));
  return Math.max(...renderers.map((line) => Number.parseInt(line))) / 1024;
}

test("a trace of 50,000 steps", async ({ server, tracePage, page }) => {
  test.setTimeout(120_000);
  await server.ingest([long(50_000), { trace_id: "short", prompt: "Hello" }]);
  await tracePage.goto("short");
  const before = resident();
  await tracePage.goto("long");
  const list = page.getByRole("listbox", { name: /^Steps/ });
  await list.waitFor();
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]!.startTime);
  const listed = await page.evaluate(() => performance.now());
  const frames = await list.evaluate(async (list) => {
    const frames: number[] = [];
    let last = performance.now();
    const end = last + 10_000;
    for (let way = 0; last < end; way += 1) {
      // Slow and fast, as hands do.
      list.scrollTop += way % 120 < 80 ? 60 : 2_500;
      const now = await new Promise<number>(requestAnimationFrame);
      frames.push(now - last);
      last = now;
    }
    return frames.sort((a, b) => a - b);
  });
  const held = resident();
  const client = await page.context().newCDPSession(page);
  await client.send("HeapProfiler.collectGarbage");
  const kept = resident();
  console.log(`first paint ${paint.toFixed(0)} ms, all steps listed after ${listed.toFixed(0)} ms`);
  console.log(`frames while scrolling: p50 ${at(frames, 0.5)} ms, p95 ${at(frames, 0.95)} ms, p99 ${at(frames, 0.99)} ms, of ${frames.length}`);
  console.log(`the tab's process holds ${held.toFixed(0)} MB, ${kept.toFixed(0)} MB without garbage, beside a trace without steps ${before.toFixed(0)} MB`);
});
