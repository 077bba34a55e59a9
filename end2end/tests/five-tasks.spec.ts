import type { Page } from "@playwright/test";
import { expect, test } from "../fixtures/test.ts";

const HOUR = 3_600;
const now = Math.floor(Date.now() / 1000);

/** What an agent did in the last two days: some of it failed, in more than one place. */
const some = Array.from({ length: 40 }, (_, n) => {
  const failed = n % 4 === 1;
  return {
    trace_id: `t-${n}`,
    prompt: n % 2 ? "Where is my order?" : "Refund my invoice",
    model: n % 3 ? "gpt-4.1" : "claude-sonnet-4-5",
    environment: n % 5 ? "production" : "staging",
    status: failed ? "failed" : "success",
    latency: 500 + 100 * n,
    created_at: now - n * HOUR,
    steps: [
      { tool_name: "plan", kind: "llm", duration: 100 },
      { tool_name: n % 8 === 1 ? "lookup_customer" : "lookup_order", kind: "tool", duration: 300, success: !failed, input: { n }, output: failed ? { error: `HTTP 429 from crm ${n}` } : { found: true } },
    ],
  };
});

/** Moves the focus on until it is where it should be, as who has no mouse does. */
async function tabTo(page: Page, name: RegExp): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press("Tab");
    const focused = await page.evaluate(() => {
      const element = document.activeElement as HTMLElement | null;
      return element?.getAttribute("aria-label") ?? element?.closest("label")?.innerText ?? element?.innerText ?? "";
    });
    if (name.test(focused.trim())) return;
  }
  throw new Error(`the focus never comes to ${name}`);
}

test("five tasks are done by keys alone", async ({ server, tracesPage, page }) => {
  await server.ingest(some);
  await page.goto("/");
  await tracesPage.hydrated();

  // The slowest failed production trace of one model since yesterday.
  await page.keyboard.press("g");
  await page.keyboard.press("t");
  await expect(page).toHaveURL("/traces");
  // The page is there once its rows are; a key before that means something else.
  await expect(tracesPage.rows).toHaveCount(40);
  await page.keyboard.press("/");
  await expect(tracesPage.field("q")).toBeFocused();
  await page.keyboard.type("status:failed model:gpt-4.1 ");
  await page.keyboard.press("Escape");
  await tabTo(page, /^Started within/);
  await page.keyboard.type("24");
  await expect(tracesPage.rows).toHaveCount(4);
  await tabTo(page, /^More filters/);
  await page.keyboard.press("Enter");
  await tabTo(page, /^Environment/);
  await page.keyboard.type("production");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/environment=production&last=24h&q=status%3Afailed%20model%3Agpt-4\.1/);
  await expect(tracesPage.rows.first()).toContainText("gpt-4.1");
  await expect(page.locator("table.traces").getByText("staging")).toHaveCount(0);
  await tabTo(page, /^Latency$/);
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/sort=-latency/);
  await expect(tracesPage.rows.first()).toContainText("t-17");

  // That view is saved.
  await page.keyboard.press("s");
  await expect(page.getByRole("textbox", { name: "Name of the view" })).toBeFocused();
  await page.keyboard.type("Slow failures");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("link", { name: "Slow failures" })).toHaveAttribute("aria-current", "true");

  // Which tool failed, and why.
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL("/traces/t-17");
  await expect(page.getByRole("region", { name: "Why" })).toContainText("lookup_customer");
  await expect(page.locator(".callout.failed").first()).toContainText("HTTP 429 from crm 17");

  // It goes to a colleague as a page.
  await tabTo(page, /^Download as a page$/);
  const [file] = await Promise.all([page.waitForEvent("download"), page.keyboard.press("Enter")]);
  expect(file.suggestedFilename()).toContain("t-17");

  // Beside one that worked.
  await page.keyboard.press("Shift+Tab");
  await expect(page.getByRole("link", { name: "Compare with one that succeeded" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/^[^?]*\/diff\/t-17/);
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(page.locator("main")).toContainText("lookup_order");
});
