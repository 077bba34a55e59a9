import { expect, test } from "../fixtures/test.ts";

const START = Date.UTC(2026, 4, 29, 2, 46, 58) / 1000;
const some = (count: number) =>
  Array.from({ length: count }, (_, n) => ({
    trace_id: `t-${String(n).padStart(3, "0")}`,
    prompt: `Question ${n}`,
    model: n % 2 ? "gpt-4.1" : "claude-sonnet-4-5",
    status: ["success", "warning", "failed"][n % 3],
    latency: n * 100,
    token_count: n * 1000,
    project_id: n % 2 ? "web" : undefined,
    created_at: START + n,
  }));

test("an empty store says how to send the first trace", async ({ server, tracesPage, page }) => {
  await tracesPage.goto();
  await expect(page.getByRole("heading", { name: "No traces yet" })).toBeVisible();
  await page.locator("summary", { hasText: "curl" }).click();
  await expect(page.getByText(`curl ${server.url}/api/traces`)).toBeVisible();
  await expect(page.getByText(`OTEL_EXPORTER_OTLP_ENDPOINT=${server.url}`)).toBeVisible();
});

test("traces stand newest first and lead to their page", async ({ server, tracesPage, tracePage }) => {
  await server.ingest(some(4));
  await tracesPage.goto();
  await expect(tracesPage.rows).toHaveCount(4);
  expect(await tracesPage.ids()).toEqual(["t-003", "t-002", "t-001", "t-000"]);
  await expect(tracesPage.total).toHaveText("4 traces");
  const row = tracesPage.row("Question 2");
  for (const part of ["failed", "claude-sonnet-4-5", "200 ms", "2,000", "2026-05-29", "02:47:00"]) await expect(row).toContainText(part);
  await tracesPage.row("Question 3").click();
  await expect(tracePage.page).toHaveURL(/\/traces\/t-003\?project_id=web$/);
  await expect(tracePage.heading).toHaveText("Question 3");
});

test("what is opened and typed while an answer is on its way stays", async ({ server, tracesPage, page }) => {
  await server.ingest(some(12));
  await tracesPage.goto();
  let answer = () => {};
  const asked = new Promise<void>((resolve) => (answer = resolve));
  await page.route("**/api/list_traces*", async (route) => {
    await asked;
    await route.continue();
  });
  await tracesPage.field("status").selectOption("failed");
  await expect(page).toHaveURL(/status=failed$/);
  // The form is made anew after the URL has changed.
  await expect(page.getByRole("link", { name: "Clear" })).toBeVisible();
  await tracesPage.moreFilters();
  await tracesPage.field("model").fill("gpt-4.1");
  answer();
  await expect(tracesPage.rows).toHaveCount(4);
  await expect(tracesPage.field("model")).toBeFocused();
  await expect(tracesPage.field("model")).toHaveValue("gpt-4.1");
});

test("filters are in the URL, work at once and can be taken back", async ({ server, tracesPage, page }) => {
  await server.ingest(some(12));
  await tracesPage.goto();
  await tracesPage.field("status").selectOption("failed");
  await expect(page).toHaveURL(/\/traces\?status=failed$/);
  await expect(tracesPage.rows).toHaveCount(4);
  await tracesPage.moreFilters();
  await tracesPage.field("model").fill("gpt-4.1");
  await tracesPage.field("latency_min").fill("600");
  await tracesPage.filter();
  await expect(page).toHaveURL("/traces?status=failed&model=gpt-4.1&latency_min=600");
  await expect(tracesPage.rows).toHaveCount(1);
  expect(await tracesPage.ids()).toEqual(["t-011"]);

  await page.reload();
  await tracesPage.hydrated();
  await expect(tracesPage.rows).toHaveCount(1);
  await expect(tracesPage.field("status")).toHaveValue("failed");
  await expect(tracesPage.field("model")).toHaveValue("gpt-4.1");
  await page.goBack();
  await expect(tracesPage.rows).toHaveCount(4);
  await expect(tracesPage.field("model")).toHaveValue("");
  await page.getByRole("link", { name: "Clear" }).click();
  await expect(tracesPage.rows).toHaveCount(12);
});

test("next and previous lead through all of it", async ({ server, tracesPage, page }) => {
  await server.ingest(some(25));
  await tracesPage.goto("?limit=10");
  const seen = await tracesPage.ids();
  await expect(tracesPage.total).toHaveText("10 of 25 traces");
  for (const last of ["t-005", "t-000"]) {
    await tracesPage.next.click();
    await expect(tracesPage.rows.last()).toContainText(last);
    seen.push(...(await tracesPage.ids()));
  }
  expect(seen).toEqual(some(25).map((trace) => trace.trace_id).reverse());
  await expect(tracesPage.next).toHaveCount(0);
  await tracesPage.previous.click();
  await expect(tracesPage.rows.first()).toContainText("t-014");
  await tracesPage.previous.click();
  await expect(tracesPage.rows.first()).toContainText("t-024");
  await expect(tracesPage.previous).toHaveCount(0);
  await expect(page).toHaveURL(/limit=10/);
});

test("a search looks at prompts, answers, reasons and tools", async ({ server, tracesPage, page }) => {
  await server.ingest([
    ...some(3),
    { trace_id: "by-answer", response: "The PARCEL is in Lyon", created_at: START },
    { trace_id: "by-reason", failure_reason: "parcel lost", status: "failed", created_at: START + 1 },
    { trace_id: "by-tool", steps: [{ tool_name: "find_parcel" }], created_at: START + 2 },
  ]);
  await tracesPage.goto();
  await tracesPage.field("q").fill("Parcel");
  await tracesPage.field("q").press("Enter");
  await expect(page).toHaveURL("/traces?q=Parcel");
  await expect(tracesPage.rows).toHaveCount(3);
  expect(await tracesPage.ids()).toEqual(["by-tool", "by-reason", "by-answer"]);
  await expect(tracesPage.found).toHaveText([/^step 1 .*find_parcel/, /^reason parcel lost/, /^response The PARCEL is in Lyon/]);
  await expect(tracesPage.found.locator("mark")).toHaveText(["parcel", "parcel", "PARCEL"]);
  await tracesPage.field("q").fill('Parcel -status:failed "in lyon"');
  await tracesPage.field("q").press("Enter");
  await expect(tracesPage.rows).toHaveCount(1);
  await page.reload();
  await expect(tracesPage.field("q")).toHaveValue('Parcel -status:failed "in lyon"');
  expect(await tracesPage.ids()).toEqual(["by-answer"]);
});

test("the search box offers what can be asked, by keys and by mouse", async ({ server, tracesPage, page }) => {
  await server.ingest(some(6));
  await tracesPage.goto();
  const box = tracesPage.field("q");
  await box.fill("question sta");
  await expect(tracesPage.offers).toHaveText([/^status:/]);
  await box.press("ArrowDown");
  await box.press("Enter");
  await expect(box).toHaveValue("question status:");
  await expect(tracesPage.offers).toHaveText([/success/, /warning/, /failed/]);
  await tracesPage.offers.last().click();
  await expect(box).toHaveValue("question status:failed ");
  await box.press("Escape");
  await expect(tracesPage.offers).toHaveCount(0);
  await box.press("Enter");
  await expect(page).toHaveURL("/traces?q=question%20status%3Afailed");
  await expect(tracesPage.rows).toHaveCount(2);
});

test("values beside the list narrow it down and are taken back", async ({ server, tracesPage, page }) => {
  await server.ingest(some(12).map((trace, n) => ({ ...trace, tags: n < 3 ? ["vip"] : [], steps: [{ tool_name: n < 6 ? "look up" : "pay" }] })));
  await tracesPage.goto();
  await expect(tracesPage.facet("Status")).toHaveText([/failed\s*4/, /success\s*4/, /warning\s*4/]);
  await expect(tracesPage.facet("Model")).toHaveText([/claude-sonnet-4-5\s*6/, /gpt-4\.1\s*6/]);
  await tracesPage.facet("Tool").filter({ hasText: "look up" }).click();
  await expect(page).toHaveURL("/traces?q=tool%3A%22look%20up%22");
  await expect(tracesPage.rows).toHaveCount(6);
  await tracesPage.facet("Status").filter({ hasText: "failed" }).click();
  await expect(tracesPage.rows).toHaveCount(2);
  await expect(tracesPage.facet("Status")).toHaveText([/failed\s*2/, /success\s*2/, /warning\s*2/]);
  await expect(tracesPage.facet("Tag")).toHaveText([/vip\s*1/]);
  await page.reload();
  await tracesPage.hydrated();
  await tracesPage.facet("Tool").filter({ hasText: "look up" }).click();
  await expect(page).toHaveURL("/traces?status=failed");
  await expect(tracesPage.rows).toHaveCount(4);
  await tracesPage.field("q").fill("model:cl");
  await expect(tracesPage.offers).toHaveText([/model:claude-sonnet-4-5/]);
});

test("a pasted trace id jumps to the trace", async ({ server, tracesPage, tracePage, page }) => {
  await server.ingest(some(3));
  await tracesPage.goto();
  await tracesPage.field("q").fill(" t-001 ");
  await tracesPage.field("q").press("Enter");
  await expect(page).toHaveURL("/traces/t-001?project_id=web");
  await expect(tracePage.heading).toHaveText("Question 1");
  await page.goBack();
  await expect(page).toHaveURL("/traces");
  await page.goto("/traces?q=t-002");
  await tracePage.hydrated();
  await expect(tracePage.heading).toHaveText("Question 2");
});

test("columns sort, both ways, and pages keep the order", async ({ server, tracesPage, page }) => {
  await server.ingest(some(12));
  await tracesPage.goto("?limit=5");
  await page.getByRole("link", { name: "Latency" }).click();
  await expect(page).toHaveURL("/traces?sort=-latency&limit=5");
  await expect(tracesPage.rows.first()).toContainText("t-011");
  await page.getByRole("link", { name: "Latency ↓" }).click();
  await expect(tracesPage.rows.first()).toContainText("t-000");
  await expect(page.locator("th[aria-sort=ascending]")).toContainText("Latency");
  await tracesPage.next.click();
  await expect(tracesPage.rows.first()).toContainText("t-005");
});

test("filters that match nothing say so", async ({ server, tracesPage, page }) => {
  await server.ingest(some(2));
  await tracesPage.goto("?model=none");
  await expect(page.getByRole("heading", { name: "No trace matches" })).toBeVisible();
});

test("the theme is remembered by the next page of the server", async ({ tracesPage, page }) => {
  await page.emulateMedia({ colorScheme: "light" });
  await tracesPage.goto();
  await expect(page.locator("html")).not.toHaveAttribute("data-theme");
  await tracesPage.switchTheme();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  const html = await (await page.request.get("/traces")).text();
  expect(html).toMatch(/<html[^>]*data-theme="dark"/);
  await page.reload();
  await tracesPage.hydrated();
  await tracesPage.switchTheme();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "light");
});

test.describe("a query that is wrong", () => {
  test.use({ expectedConsole: /status of 400/ });

  test("is named, parameter by parameter", async ({ tracesPage, page }) => {
    await tracesPage.goto("?limit=9999&status=odd");
    await expect(tracesPage.alert).toContainText("limit");
    await expect(tracesPage.alert).toContainText("status");
    await page.getByRole("link", { name: "All traces" }).click();
    await expect(page.getByRole("heading", { name: "No traces yet" })).toBeVisible();
  });

  test("is named in the words of the search box", async ({ tracesPage }) => {
    await tracesPage.goto("?q=latency%3Asoon");
    await expect(tracesPage.alert).toContainText(/latency:.*soon/);
  });
});
