import { expect, test } from "../fixtures/test.ts";
import { loop } from "../fixtures/loop.ts";

test.beforeEach(async ({ server }) => {
  await server.ingest(loop);
});

test("a trace says what failed first, what was done again and what was in vain", async ({ tracePage, page }) => {
  await tracePage.goto("failed");
  const why = page.locator(".why");
  await expect(why).toContainText("First to failstep 3 track");
  await expect(why).toContainText("retry track failed and was called again with the same arguments, 2 calls: no call succeeded. Steps 3 4");
  await expect(why).toContainText("loop find_order succeeded 2 times with the same arguments. Steps 1 2");
  await expect(why).toContainText("700 ms in 3 steps");
  await expect(why).toContainText("20 %, 200 ms: idle or between steps, after step 4");
  await why.getByRole("link", { name: "step 3" }).first().click();
  await expect(page).toHaveURL(/#step-3$/);
  await expect(tracePage.steps.nth(1).locator(".tag.warning")).toHaveText("loop");
  await expect(tracePage.steps.nth(3).locator(".tag.warning")).toHaveText("retry");
});

test("a trace that failed stands beside one that worked", async ({ tracePage, page }) => {
  await tracePage.goto("failed");
  // The index of words is a moment behind.
  await expect(async () => {
    await page.goto("/diff/failed");
    await expect(page.locator(".heads")).toBeVisible({ timeout: 500 });
  }).toPass();
  await expect(page.locator(".heads")).toContainText("Latency1.00 s400 ms−600 ms (−60 %)");
  await expect(page.locator(".steps-diff tbody tr")).toHaveText([/1 find_order.*=.*1 find_order/, /2 find_order/, /3 track failed.*only left/, /4 track failed.*≠.*2 track/, /\+.*3 answer/]);
  await expect(page.getByText("Prompt, the same in both")).toBeVisible();
  await tracePage.goto("failed");
  await page.getByRole("link", { name: "Compare with one that succeeded" }).click();
  await expect(tracePage.heading).toHaveText("Compare");
});

test("two traces are compared by name, and what is not there is said", async ({ tracePage, page }) => {
  await page.goto("/diff/worked..failed");
  await tracePage.hydrated();
  await expect(page.locator("ins")).toHaveCount(1);
  await expect(page.locator(".heads")).toContainText("Tokens200300+100 (+50 %)");
});

test("long stretches that are the same are told in one row", async ({ server, page }) => {
  const steps = (last: string) => [...Array(60).keys()].map((n) => ({ tool_name: "read", input: { page: n } })).concat({ tool_name: last, input: { page: 0 } });
  await server.ingest([
    { trace_id: "a", steps: steps("left") },
    { trace_id: "b", steps: steps("right") },
  ]);
  await page.goto("/diff/a..b");
  await expect(page.locator(".steps-diff tbody tr")).toHaveText([/^57 more calls, the same in both$/, /58 read/, /59 read/, /60 read/, /61 left/, /61 right/]);
});

test("a line break at the beginning of a text is kept", async ({ server, tracePage, page }) => {
  const messages = [{ role: "user", content: "\nhello", tool_calls: [{ name: "find", arguments: "\n{}" }] }];
  const breaks = (trace_id: string, response: string) => ({ trace_id, prompt: "\nfirst", response, steps: [{ tool_name: "llm", input: { messages } }] });
  await server.ingest([breaks("a", "\n\nsecond"), breaks("b", "\n\nthird")]);
  await tracePage.goto("a");
  const texts = () => page.locator("pre.prose").evaluateAll((all) => all.map((one) => one.textContent));
  expect(await texts()).toEqual(["\nfirst", "\n\nsecond", "\nhello"]);
  await page.goto("/diff/a..b");
  await tracePage.hydrated();
  expect(await texts()).toEqual(["\nfirst", "\n\nsecondthird"]);
});

test.describe("a trace that is not there", () => {
  test.use({ expectedConsole: /status of 404/ });

  test("is said", async ({ tracePage, page }) => {
    await page.goto("/diff/worked..gone");
    await tracePage.hydrated();
    await expect(tracePage.alert).toContainText("Not found");
  });
});

test("a trace goes to others as Markdown, as a command and as a page of its own", async ({ server, tracePage, page, context, browser }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await tracePage.goto("failed");
  const copied = async (name: string) => {
    await page.getByRole("button", { name, exact: true }).click();
    return page.evaluate(() => navigator.clipboard.readText());
  };
  expect(await copied("Copy link")).toBe(`${server.url}/traces/failed`);
  expect(await copied("Copy as curl")).toBe(`curl '${server.url}/api/traces/failed'`);
  expect(await copied("Copy as Markdown")).toContain("| 3 | track | failed");
  expect(JSON.parse(await copied("Copy JSON"))).toEqual(await server.get("/api/traces/failed"));
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download as a page" }).click();
  const file = test.info().outputPath("trace.html");
  await (await download).saveAs(file);
  const alone = await browser.newPage({ offline: true });
  const asked: string[] = [];
  alone.on("request", (request) => asked.push(request.url()));
  await alone.goto(`file://${file}`);
  await expect(alone.getByRole("heading", { level: 1 })).toHaveText("Where is order 7731?");
  await expect(alone.locator(".waterfall > ol > li")).toHaveCount(4);
  await expect(alone.getByRole("button")).toHaveCount(0);
  await alone.getByText("track", { exact: true }).last().click();
  await expect(alone.locator("#step-4 pre").first()).toBeVisible();
  expect(asked).toEqual([`file://${file}`]);
  await alone.close();
});
