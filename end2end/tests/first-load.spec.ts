import { expect, test } from "../fixtures/test.ts";

/** What docs/DESIGN.md promises for the list, in kB as they cross the wire. */
const MOST = 400;

test("the first load of the list stays small, and shows its data before any script ran", async ({ server, page }) => {
  test.skip(test.info().project.name !== "embedded", "the same files");
  await server.command("demo", "--count", "200", "--seed", "7");
  const client = await page.context().newCDPSession(page);
  await client.send("Network.enable");
  let bytes = 0;
  client.on("Network.loadingFinished", ({ encodedDataLength }) => (bytes += encodedDataLength));
  await page.goto("/traces");
  await page.locator("html[data-hydrated]").waitFor();
  await page.waitForLoadState("networkidle");
  expect(bytes / 1000).toBeLessThan(MOST);
  const html = await (await fetch(`${server.url}/traces`)).text();
  expect(html.match(/<tr/g)!.length).toBe(51);
});
