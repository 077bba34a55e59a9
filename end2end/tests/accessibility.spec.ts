import AxeBuilder from "@axe-core/playwright";
import { expect, test } from "../fixtures/test.ts";
import { loop } from "../fixtures/loop.ts";

const pages = ["/", "/traces", "/traces?q=order", "/traces?status=success&model=none", "/failures", "/live", "/ingest", "/projects", "/api", "/settings", "/traces/worked", "/traces/failed", "/diff/failed..worked", "/traces/gone"];

for (const [colorScheme, width] of [["light", 1280], ["dark", 390]] as const) {
  test.describe(`${colorScheme}, ${width} px`, () => {
    test.use({ colorScheme, viewport: { width, height: 820 }, expectedConsole: /status of 404/ });
    test.slow();

    test("axe finds nothing on any page", async ({ server, tracesPage, page }) => {
      await server.ingest(loop);
      for (const path of pages) {
        await page.goto(path);
        await tracesPage.hydrated();
        // What is folded is looked at, too.
        await page.locator("details").evaluateAll((all) => all.forEach((one) => ((one as HTMLDetailsElement).open = true)));
        const { violations } = await new AxeBuilder({ page }).analyze();
        expect(violations.map(({ id, nodes }) => `${path} ${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`)).toEqual([]);
      }
    });

    test("axe finds nothing in dialogs", async ({ tracesPage, page }) => {
      await tracesPage.goto();
      for (const keys of ["Control+k", "?"]) {
        await page.keyboard.press(keys);
        await expect(page.locator("dialog[open]"), keys).toBeVisible();
        const { violations } = await new AxeBuilder({ page }).analyze();
        expect(violations.map(({ id }) => id)).toEqual([]);
        await page.keyboard.press("Escape");
      }
    });
  });
}
