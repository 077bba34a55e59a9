import { expect, test } from "../fixtures/test.ts";

const failed = (trace_id: string, failure_reason: string, created_at: number) => ({ trace_id, failure_reason, status: "failed", created_at });

test("failures of a kind are one row, which is resolved, muted, and comes back", async ({ server, failuresPage, tracesPage, page }) => {
  await server.ingest([
    failed("a", "HTTP 429 from crm: retry after 2 s", 1_780_000_000),
    failed("b", "HTTP 429 from crm: retry after 17 s", 1_780_000_100),
    failed("c", "no order '7731'", 1_780_000_050),
  ]);
  await failuresPage.goto();
  const rows = page.locator(".groups tbody tr");
  await expect(rows).toHaveText([/^openHTTP 429 from crm: retry after 17 sdefault2/, /^openno order '7731'default1/]);
  // What is shown at once is kept only when it is answered: to leave the page before would give it up.
  const decide = async (row: number, name: string) => {
    const kept = page.waitForResponse(/failures\/decide/);
    await rows.nth(row).getByRole("button", { name }).click();
    await kept;
  };
  await decide(0, "Resolve");
  await expect(rows.nth(0)).toContainText("resolved");
  await decide(1, "Mute");
  await expect(rows.nth(1)).toContainText("muted");
  await expect(async () => {
    await failuresPage.goto();
    await expect(rows).toHaveText([/^resolvedHTTP 429/, /^mutedno order/], { timeout: 500 });
  }).toPass();
  await server.ingest([failed("d", "HTTP 429 from crm: retry after 5 s", Date.now() / 1000 + 5)]);
  await failuresPage.goto();
  await expect(rows.nth(0)).toHaveText(/^regressedHTTP 429 from crm: retry after 5 sdefault3/);
  await decide(1, "Open again");
  await expect(rows.nth(1)).toContainText("open");
  await expect(async () => {
    await page.goto("/failures?q=crm");
    await expect(rows.getByRole("link", { name: "3", exact: true })).toBeVisible({ timeout: 500 });
  }).toPass();
  await rows.getByRole("link", { name: "3", exact: true }).click();
  // The words of the group beside those that were asked for.
  await expect(page).toHaveURL(/q=crm%20%22HTTP%20429%20from%20crm%3A%20retry%20after%22/);
  await expect(tracesPage.heading).toHaveText("Traces");
  await expect(async () => {
    await page.reload();
    await expect(tracesPage.total).toHaveText("3 traces", { timeout: 500 });
  }).toPass();
});
