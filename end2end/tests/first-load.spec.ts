import { expect, test } from "../fixtures/test.ts";
import { sum, transfers } from "../fixtures/transfers.ts";

/** What docs/DESIGN.md promises for the list, in kB as they cross the wire. */
const MOST = 400;

test("the first load of the list stays small, and shows its data before any script ran", async ({ server, page }) => {
  await server.command("demo", "--count", "200", "--seed", "7");
  const parts = await transfers(page);
  await page.goto("/traces");
  await page.locator("html[data-hydrated]").waitFor();
  await page.waitForLoadState("networkidle");
  expect(sum(parts)).toBeLessThan(MOST);
  const html = await (await fetch(`${server.url}/traces`)).text();
  expect(html.match(/<tr/g)!.length).toBe(51);
});
