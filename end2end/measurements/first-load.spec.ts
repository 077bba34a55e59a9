import { test } from "../fixtures/test.ts";

for (const path of ["/traces", "/", "/traces/demo"]) {
  test(`the first load of ${path}`, async ({ server, page }) => {
    await server.command("demo", "--count", "200");
    await server.ingest({ trace_id: "demo", prompt: "Hello", steps: [{ tool_name: "a" }] });
    const client = await page.context().newCDPSession(page);
    await client.send("Network.enable");
    const [names, parts] = [new Map<string, string>(), new Map<string, number>()];
    client.on("Network.requestWillBeSent", ({ requestId, request }) => names.set(requestId, new URL(request.url).pathname.split("/").at(-1)!));
    client.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => parts.set(names.get(requestId)!, encodedDataLength / 1000));
    await page.goto(path);
    await page.locator("html[data-hydrated]").waitFor();
    const bytes = [...parts.values()].reduce((sum, part) => sum + part, 0);
    console.log([...parts].map(([name, part]) => `  ${part.toFixed(1)} kB ${name}`).join("\n"));
    console.log(`${path}: ${bytes.toFixed(0)} kB, hydrated after ${await page.evaluate(() => performance.now().toFixed(0))} ms`);
  });
}
