import { readFileSync } from "node:fs";
import { type Page } from "@playwright/test";
import { long } from "../fixtures/long.ts";
import { loop } from "../fixtures/loop.ts";
import { test } from "../fixtures/test.ts";

test.use({ expectedConsole: /status of (400|401|404|422|503)/ });

/** The whole page, in a window as tall as it is. */
async function picture(page: Page, name: string): Promise<void> {
  const usual = page.viewportSize()!;
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewportSize({ ...usual, height: Math.max(usual.height, height) });
  await page.screenshot({ path: `pictures.local/${name}-${test.info().project.name}.png` });
  await page.setViewportSize(usual);
}

const wordy = "A very long word: " + "pneumonoultramicroscopicsilicovolcanoconiosis".repeat(6) + " and then " + "many more words ".repeat(60);
const extreme = {
  trace_id: `long-${"0123456789abcdef".repeat(20)}`,
  prompt: wordy,
  response: wordy,
  failure_reason: wordy,
  model: "m".repeat(200),
  project_id: "p".repeat(120),
  environment: "e".repeat(80),
  latency: 98_765_432.1,
  token_count: 9_007_199_254_740_991,
  cost_usd: 12_345.678,
  tags: ["t".repeat(100), "u", "v"],
  created_at: "2026-05-29T02:46:58Z",
  steps: [
    { tool_name: "n".repeat(150), duration: 0, kind: "llm" },
    ...Array.from({ length: 30 }, (_, n) => ({ tool_name: `step_${n}`, duration: 2 ** n / 1000, success: n % 7 !== 3, output: { error: wordy } })),
  ],
};

test("traces", async ({ server, tracesPage, page }) => {
  await tracesPage.goto();
  await picture(page, "traces-empty");
  await server.ingest(extreme);
  await server.ingest(demo());
  await tracesPage.goto();
  await picture(page, "traces");
  await tracesPage.goto("?status=failed&model=gpt-4.1");
  await picture(page, "traces-filtered");
  await tracesPage.goto("?q=word");
  await tracesPage.field("q").fill("word stat");
  await picture(page, "traces-search");
  await tracesPage.goto("?status=odd&limit=1000");
  await picture(page, "traces-bad-query");
});

test("trace", async ({ server, tracePage, page }) => {
  await server.ingest(extreme);
  await server.ingest(demo());
  await tracePage.goto("demo-3");
  await tracePage.steps.nth(2).locator("summary").click();
  await picture(page, "trace");
  await tracePage.goto(extreme.trace_id, extreme.project_id);
  await picture(page, "trace-extreme");
  await tracePage.goto("nobody");
  await picture(page, "trace-unknown");
});

test("many steps", async ({ server, tracePage, page }) => {
  await server.ingest(long(3_000));
  await tracePage.goto("long");
  const list = page.getByRole("listbox", { name: /^Steps/ });
  await list.focus();
  await page.keyboard.press("n");
  await page.keyboard.press("Enter");
  await page.locator(".chosen").waitFor();
  await picture(page, "trace-many-steps");
  await page.getByRole("checkbox", { name: "Failed only" }).check();
  await page.getByRole("button", { name: "Zoom to the chosen step" }).click();
  await picture(page, "trace-many-steps-failed");
});

test("views", async ({ server, tracesPage, page }) => {
  await server.ingest(demo());
  for (const [name, query] of [["Failed in production", "status=failed&environment=production"], ["A view with quite a long name, as people give them to find them again", "model=gpt-4.1"], ["Slow", "latency_min=2000&sort=-latency"]]) {
    await tracesPage.goto(`?${query}`);
    await page.getByRole("button", { name: "Save this view" }).click();
    await page.getByRole("textbox", { name: "Name of the view" }).fill(name!);
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: name!, exact: true }).waitFor();
  }
  await tracesPage.goto("?latency_min=2000&sort=-latency");
  await picture(page, "traces-view");
  await tracesPage.goto("?status=failed");
  await page.getByRole("button", { name: "Save this view" }).click();
  await picture(page, "traces-saving");
});

test("overview", async ({ server, page, tracesPage }) => {
  await page.goto("/");
  await tracesPage.hydrated();
  await picture(page, "overview-empty");
  await server.ingest({ prompt: "Hello" });
  await page.getByRole("heading", { name: "Your first trace is here" }).waitFor();
  await picture(page, "overview-first");
  await server.command("demo", "--count", "3000");
  await page.goto("/");
  await tracesPage.hydrated();
  await picture(page, "overview");
  await page.goto("/?model=none");
  await picture(page, "overview-nothing");
  await page.goto("/?from=yesterday&latency_min=fast");
  await picture(page, "overview-bad-query");
  await server.ingest(extreme);
  await page.goto(`/?project_id=${extreme.project_id}`);
  await picture(page, "overview-extreme");
});

test("failures", async ({ server, page, tracesPage }) => {
  await page.goto("/failures");
  await tracesPage.hydrated();
  await picture(page, "failures-empty");
  await server.command("demo", "--count", "60");
  await page.goto("/failures");
  await tracesPage.hydrated();
  await picture(page, "failures");
});

test("live", async ({ server, page, tracesPage }) => {
  await page.goto("/live");
  await tracesPage.hydrated();
  await page.getByText("connected", { exact: true }).waitFor();
  await picture(page, "live-empty");
  await server.ingest(demo());
  await tracesPage.row("Kyoto").first().waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await server.ingest(extreme);
  await page.getByRole("button", { name: "Resume, 1 new trace" }).waitFor();
  await picture(page, "live");
});

test("projects", async ({ server, page, tracesPage }) => {
  await page.goto("/projects");
  await tracesPage.hydrated();
  await picture(page, "projects-empty");
  await server.ingest(extreme);
  await server.ingest(demo());
  await page.reload();
  await tracesPage.hydrated();
  await page.getByLabel("Name").fill("Support bot");
  await page.getByLabel("Description").fill("Answers customers before a person has to.");
  await page.getByRole("button", { name: "Create project" }).click();
  await page.getByText("Copy the secret now").waitFor();
  await picture(page, "projects");
});

test("settings", async ({ server, page, tracesPage, tracePage }) => {
  await page.goto("/settings");
  await tracesPage.hydrated();
  await picture(page, "settings");
  await server.ingest(extreme);
  await server.ingest(demo());
  await page.getByLabel("Texts, days").fill("7");
  await page.getByRole("button", { name: "Save and apply" }).click();
  await page.locator("tr", { hasText: "all others" }).waitFor();
  await page.getByLabel("Failed, days").fill("90");
  await page.getByRole("button", { name: "What would go?" }).click();
  await page.locator("tr", { hasText: "failed" }).first().waitFor();
  await picture(page, "settings-retention");
  await tracePage.goto("demo-3");
  await page.locator("summary", { hasText: "Delete this trace" }).click();
  await picture(page, "trace-texts-removed");
  await tracesPage.goto("?status=failed");
  await page.locator("summary", { hasText: "Delete all" }).click();
  await page.getByRole("button", { name: "Delete all" }).click();
  await page.getByRole("button", { name: "Delete now" }).click();
  await page.locator(".job").waitFor();
  await picture(page, "traces-deleting");
  await page.goto("/api");
  await tracesPage.hydrated();
  await page.locator("summary", { hasText: "/api/traces" }).nth(1).click();
  await picture(page, "api");
});

test("opentelemetry", async ({ server, page, tracePage }) => {
  for (const name of ["manual-agent", "vercel-ai", "openinference-langchain"]) {
    const body = readFileSync(`../crates/trace/fixtures/otlp/${name}.json`, "utf8");
    await fetch(`${server.url}/v1/traces`, { method: "POST", headers: { "content-type": "application/json" }, body });
  }
  const { items } = await server.get("/api/traces?limit=20");
  await tracePage.goto(items.find((trace: { retry_count: number }) => trace.retry_count).trace_id);
  await tracePage.steps.nth(3).locator("summary").click();
  await picture(page, "otlp-agent");
  await tracePage.goto(items.find((trace: { token_count: number }) => trace.token_count === 300).trace_id);
  await picture(page, "otlp-vercel");
  await page.getByRole("link", { name: "Show which attribute" }).click();
  await page.locator(".mapping details").nth(2).locator("summary").click();
  await picture(page, "otlp-mapping");
  await page.goto("/ingest");
  await tracePage.hydrated();
  await page.getByLabel("Raw JSON").fill(readFileSync("../crates/trace/fixtures/otlp/manual-agent.json", "utf8"));
  await page.locator(".requests details summary").first().click();
  await picture(page, "otlp-ingest");
});

test("ingest", async ({ ingestPage, page }) => {
  await ingestPage.goto();
  await picture(page, "ingest-empty");
  await page.getByRole("button", { name: "Example" }).click();
  await picture(page, "ingest-example");
  await ingestPage.store.click();
  await ingestPage.receipt.waitFor();
  await picture(page, "ingest-stored");
  await ingestPage.paste('{"latency": -1, "steps": [{"duration": "soon"}], "tags": "none", "created_at": "yesterday"}');
  await picture(page, "ingest-refused");
});

test.describe("a database that does not answer", () => {
  test.use({ store: "nowhere" });
  const pages = ["traces", "", "failures", "live", "projects", "settings", "ingest", "api", "traces/one", "traces/one?view=conversation", "diff/one..other"];
  for (const [n, path] of pages.entries()) {
    test(`trouble at /${path}`, async ({ page }) => {
      await page.goto(`/${path}`);
      if (path === "ingest") {
        await page.locator("html[data-hydrated]").waitFor();
        await page.getByRole("button", { name: "Example" }).click();
        await page.getByRole("button", { name: "Store" }).click();
        await page.getByRole("alert").waitFor();
      }
      await page.waitForTimeout(1_500);
      await picture(page, `trouble-${n}-${path.replace(/\W+/g, "-")}`);
    });
  }
});

test("what is not there", async ({ page }) => {
  for (const [n, path] of ["nowhere", "diff/one..other", "traces/nobody?view=conversation"].entries()) {
    await page.goto(`/${path}`);
    await page.waitForTimeout(500);
    await picture(page, `nothing-${n}`);
  }
});

test("extreme failures", async ({ server, page, tracesPage }) => {
  await server.ingest(Array.from({ length: 120 }, (_, n) => ({ ...extreme, trace_id: `x${n}`, failure_reason: n % 9 ? `${"reason ".repeat(1 + (n % 30))}${wordy.slice(0, 40 + n)}` : wordy })));
  await page.goto("/failures");
  await tracesPage.hydrated();
  await picture(page, "failures-extreme");
});

test("extreme text to ingest", async ({ ingestPage, page }) => {
  await ingestPage.goto();
  await ingestPage.paste(JSON.stringify([extreme, extreme, { ...extreme, latency: -1, steps: [{ duration: wordy }] }]));
  await picture(page, "ingest-extreme");
});

/** Traces as an application sends them. */
function demo() {
  const models = ["gpt-4.1-mini", "claude-sonnet-4-5", "llama-3.3-70b-instruct"];
  const prompts = ["Where is order 48-20931? It should have arrived on Tuesday.", "Which five customers grew most in the last quarter, and by how much?", "Plan three days in Kyoto"];
  return Array.from({ length: 24 }, (_, n) => ({
    trace_id: `demo-${n}`,
    prompt: prompts[n % 3],
    response: n % 4 === 3 ? undefined : "Your parcel left the depot in Lyon this morning and will arrive tomorrow before noon.",
    model: models[n % 3],
    project_id: ["support-bot", "sql-analyst", "travel-agent"][n % 3],
    environment: n % 2 ? "production" : "staging",
    latency: 300 + ((n * 577) % 3900),
    token_count: 400 + ((n * 131) % 2800),
    cost_usd: 0.0004 * n,
    session_id: `session-${n % 5}`,
    created_at: 1_780_000_000 - n * 731,
    steps: [
      { tool_name: "classify_intent", kind: "llm", duration: 240, input: { question: prompts[n % 3] }, output: { intent: "delivery" }, input_tokens: 310, output_tokens: 12, model_name: models[n % 3] },
      { tool_name: "lookup_customer", kind: "tool", duration: 130, input: { id: 48 }, output: n % 5 === 3 ? { error: "HTTP 429 from crm: retry after 2 s" } : { found: true }, success: n % 5 !== 3 },
      { tool_name: n % 5 === 3 ? "lookup_customer" : "search_orders", kind: "tool", duration: 610, input: { order: "48-20931" }, output: n % 4 === 3 ? { error: "HTTP 504 from crm: upstream timed out after 5000 ms" } : { state: "shipped" }, success: n % 4 !== 3 },
      { tool_name: "draft_answer", kind: "llm", duration: 820, input_tokens: 900, output_tokens: 140, model_name: models[n % 3] },
    ],
  }));
}

test("why and compare", async ({ server, page, tracePage }) => {
  await server.ingest(loop);
  await server.ingest([extreme, { ...extreme, trace_id: "other", prompt: `${wordy} indeed`, steps: extreme.steps.slice(5).reverse() }]);
  await tracePage.goto("failed");
  await picture(page, "why");
  for (const pair of ["failed..worked", "worked", `${extreme.trace_id}..other`]) {
    await page.goto(`/diff/${pair}`);
    await tracePage.hydrated();
    await picture(page, `diff-${pair.slice(0, 6)}`);
  }
  await page.keyboard.press("Control+k");
  await page.keyboard.type("order");
  await page.screenshot({ path: `pictures.local/palette-${test.info().project.name}.png` });
  await page.keyboard.press("Escape");
  await page.keyboard.press("?");
  await page.screenshot({ path: `pictures.local/help-${test.info().project.name}.png` });
});

test("list tools", async ({ server, tracesPage, page }) => {
  await server.command("demo", "--count", "300", "--seed", "3");
  await tracesPage.goto("?limit=12");
  await tracesPage.rows.nth(1).getByRole("checkbox").check();
  await tracesPage.rows.nth(3).getByRole("checkbox").check();
  await page.getByText("Columns").click();
  await picture(page, "traces-selected");
  await page.getByRole("checkbox", { name: "Cost" }).uncheck();
  await page.getByText("Columns").click();
  await page.locator("summary", { hasText: "Delete selected" }).click();
  await page.getByRole("button", { name: "Delete selected" }).click();
  await picture(page, "traces-undo");
});

test("heat", async ({ server, overviewPage, page }) => {
  await server.command("demo", "--count", "5000", "--seed", "3");
  await overviewPage.goto("?last=7d");
  const map = page.getByRole("group", { name: "Fields of time and latency" });
  await map.focus();
  await page.keyboard.press("ArrowUp");
  for (let n = 0; n < 40; n++) await page.keyboard.press("Shift+ArrowLeft");
  for (let n = 0; n < 6; n++) await page.keyboard.press("Shift+ArrowDown");
  await page.keyboard.press("Enter");
  await page.getByRole("region", { name: "What is selected" }).waitFor();
  await picture(page, "overview-heat");
});

test("explore", async ({ server, tracePage, page }) => {
  await server.ingest(extreme);
  await server.ingest(demo());
  await tracePage.goto("demo-3");
  await page.keyboard.press("]");
  await page.keyboard.press("]");
  await page.getByRole("button", { name: "Explore all of it" }).click();
  const tree = page.locator(".json-tree");
  await tree.getByRole("button", { name: /steps:/ }).click();
  await tree.getByRole("button", { name: /0:/ }).first().click();
  await page.getByRole("searchbox", { name: "Find in the document" }).fill("timeout");
  await page.keyboard.press("Enter");
  await picture(page, "trace-explored");
  await tracePage.goto(extreme.trace_id, extreme.project_id);
  await page.getByRole("button", { name: "Explore all of it" }).click();
  await tree.waitFor();
  await picture(page, "trace-explored-extreme");
});

test("conversation", async ({ server, page, tracePage }) => {
  for (const name of ["manual-agent", "openinference-langchain"]) {
    const body = readFileSync(`../crates/trace/fixtures/otlp/${name}.json`, "utf8");
    await fetch(`${server.url}/v1/traces`, { method: "POST", headers: { "content-type": "application/json" }, body });
  }
  const said = "# Plan\n\nThree days in **Kyoto**, by [this guide](https://example.com/guide).\n\n| day | what |\n|---|---|\n| 1 | Fushimi Inari |\n| 2 | Arashiyama |\n\n- [x] hotel\n- [ ] train\n\n```python\nbook('hotel', nights=3)\n```\n\n> Bring an umbrella.";
  await server.ingest({ trace_id: "said", prompt: "Plan three days in Kyoto", response: said, steps: [{ tool_name: "search", input: { q: "Kyoto" }, output: { error: wordy }, success: false }] });
  const rows = (await server.get("/api/traces?limit=10")).items;
  for (const [n, row] of rows.entries()) {
    await page.goto(`/traces/${row.trace_id}?project_id=${row.project_id}&view=conversation`);
    await tracePage.hydrated();
    await picture(page, `conversation-${n}`);
  }
});

test("login", async ({ server, page }) => {
  await server.command("user", "add", "ada@example.com", "--role", "admin");
  await page.waitForTimeout(2_500);
  await page.goto("/traces");
  await page.getByLabel("Name").fill("ada@example.com");
  await page.getByLabel("Password").fill("not it");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").waitFor();
  await picture(page, "login");
});

test("tags, widths and times", async ({ server, tracesPage, page }) => {
  await server.ingest(demo());
  await tracesPage.goto();
  await tracesPage.rows.nth(1).getByRole("checkbox").check();
  await tracesPage.rows.nth(2).getByRole("checkbox").check();
  await page.getByRole("group", { name: "Selected rows" }).waitFor();
  await page.getByText("Columns").click();
  await page.getByRole("checkbox", { name: "Times as how long ago" }).check();
  await page.screenshot({ path: `pictures.local/list-columns-${test.info().project.name}.png` });
});

test("masking", async ({ tracesPage, page }) => {
  await page.goto("/settings");
  await tracesPage.hydrated();
  const form = page.getByRole("form", { name: "What is masked" });
  for (const name of ["Secrets", "E-mail addresses", "Card numbers", "Phone numbers"]) await form.getByLabel(name).check();
  await form.getByRole("textbox", { name: "Own patterns" }).fill("order = ORD-[0-9]{6}\ncustomer = CUST[0-9]+");
  await form.getByRole("button", { name: "Save" }).click();
  await page.locator(".masking tr", { hasText: "all others" }).waitFor();
  await form.getByRole("textbox", { name: "Own patterns" }).fill("order = ORD-[0-9]{6");
  await picture(page, "settings-masking");
});
