import { test } from "../fixtures/test.ts";
import { sum, transfers } from "../fixtures/transfers.ts";

for (const path of ["/traces", "/", "/traces/demo"]) {
  test(`the first load of ${path}`, async ({ server, page }) => {
    await server.command("demo", "--count", "200");
    await server.ingest({ trace_id: "demo", prompt: "Hello", steps: [{ tool_name: "a" }] });
    const parts = await transfers(page);
    await page.goto(path);
    await page.locator("html[data-hydrated]").waitFor();
    console.log([...parts].map(([name, part]) => `  ${part.toFixed(1)} kB ${name}`).join("\n"));
    console.log(`${path}: ${sum(parts).toFixed(0)} kB, hydrated after ${await page.evaluate(() => performance.now().toFixed(0))} ms`);
  });
}
