import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { long } from "../fixtures/long.ts";
import { test } from "../fixtures/test.ts";

/** Of sorted numbers. */
const at = (sorted: number[], share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!.toFixed(1);

/**
 * What the tab holds, in MB, as Chromium's own task manager counts it: pages of its process that no file and no other process has. And all
 * that is resident of it, the browser's code among that. The biggest renderer is it.
 */
function held(): { own: number; resident: number } {
  const ids = execFileSync("pgrep", ["-f", "--", "--type=renderer"]).toString().trim().split("\n");
  const each = ids.map((id) => {
    const status = readFileSync(`/proc/${id}/status`, "utf8");
    const megabytes = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 0) / 1024;
    return { own: megabytes("RssAnon") + megabytes("VmSwap"), resident: megabytes("VmRSS") };
  });
  return each.sort((a, b) => b.resident - a.resident)[0]!;
}

test("a trace of 50,000 steps", async ({ server, tracePage, page }) => {
  test.setTimeout(120_000);
  await server.ingest([long(50_000), { trace_id: "short", prompt: "Hello" }]);
  await tracePage.goto("short");
  const before = held();
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
  const scrolled = held();
  const client = await page.context().newCDPSession(page);
  await client.send("HeapProfiler.collectGarbage");
  const kept = held();
  console.log(`first paint ${paint.toFixed(0)} ms, all steps listed after ${listed.toFixed(0)} ms`);
  console.log(`frames while scrolling: p50 ${at(frames, 0.5)} ms, p95 ${at(frames, 0.95)} ms, p99 ${at(frames, 0.99)} ms, of ${frames.length}`);
  const told = ({ own, resident }: { own: number; resident: number }) => `${own.toFixed(0)} MB (${resident.toFixed(0)} MB resident)`;
  console.log(`the tab holds ${told(scrolled)}, without garbage ${told(kept)}, beside a trace without steps ${told(before)}`);
});
