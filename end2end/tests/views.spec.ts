import { expect, test } from "../fixtures/test.ts";

test("a list is saved under a name, for everyone, and forgotten again", async ({ server, tracesPage, page, browser }) => {
  await server.ingest([
    { trace_id: "a", status: "failed", model_name: "gpt-4o" },
    { trace_id: "b", status: "success", model_name: "gpt-4o" },
  ]);
  await tracesPage.goto();
  const views = page.getByRole("list", { name: "Saved views" });
  await expect(views).toHaveCount(0);
  await page.goto("/traces?status=failed&model=gpt-4o&sort=-latency");
  await tracesPage.hydrated();
  await page.keyboard.press("s");
  await expect(page.getByRole("textbox", { name: "Name of the view" })).toBeFocused();
  await page.keyboard.type("Slow & <failed>");
  await page.keyboard.press("Enter");
  await expect(views.getByRole("link")).toHaveText(["Slow & <failed>"]);
  await expect(views.getByRole("link")).toHaveAttribute("aria-current", "true");
  await expect(page.getByRole("button", { name: "Save this view" })).toHaveCount(0);
  // Another browser, and the command palette.
  const other = await browser.newPage();
  await other.goto(`${server.url}/traces`);
  await other.getByRole("list", { name: "Saved views" }).getByRole("link").click();
  await expect(other).toHaveURL(/status=failed.*sort=-latency|sort=-latency.*status=failed/);
  await expect(other.locator("table.traces tbody tr")).toHaveCount(1);
  await other.close();
  await page.goto("/settings");
  await tracesPage.hydrated();
  await page.keyboard.press("Control+k");
  await page.keyboard.type("slow &");
  await expect(page.getByRole("button", { name: "View: Slow & <failed>" })).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/status=failed/);
  await views.getByRole("button", { name: "Forget the view Slow & <failed>" }).click();
  await expect(views.getByRole("link")).toHaveCount(0);
});
