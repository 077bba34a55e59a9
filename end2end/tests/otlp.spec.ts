import { readFileSync } from "node:fs";
import { expect, test } from "../fixtures/test.ts";
import type { Server } from "../fixtures/server.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";

async function exportSpans(server: Server, request: unknown): Promise<void> {
  const body = typeof request === "string" ? request : JSON.stringify(request);
  const response = await fetch(`${server.url}/v1/traces`, { method: "POST", headers: { "content-type": "application/json" }, body });
  expect(response.status).toBe(200);
}

/** Spans below one root, which is number 0. */
const spans = (from: number, to: number) => ({
  resourceSpans: [
    {
      scopeSpans: [
        {
          spans: Array.from({ length: to - from }, (_, i) => from + i).map((n) => ({
            traceId: TRACE,
            spanId: (n + 1).toString(16).padStart(16, "0"),
            parentSpanId: n ? "0000000000000001" : "",
            name: `span ${n}`,
            startTimeUnixNano: String(1_780_000_000_000_000_000n + BigInt(n) * 1_000_000n),
            endTimeUnixNano: String(1_780_000_002_000_000_000n + BigInt(n)),
          })),
        },
      ],
    },
  ],
});

test("what an agent did through OpenTelemetry is shown, step by step", async ({ server, tracesPage, tracePage, page }) => {
  await exportSpans(server, readFileSync("../crates/trace/fixtures/otlp/manual-agent.json", "utf8"));
  await tracesPage.goto();
  await tracesPage.row("Plan a day in Kyoto").click();
  await expect(tracePage.heading).toHaveText("Plan a day in Kyoto");
  await expect(page.locator(".callout.warning")).toContainText("search took 5 s");
  await expect(tracePage.steps).toHaveCount(4);
  await expect(tracePage.steps.nth(1)).toContainText("search");
  await expect(tracePage.fact("Session")).toHaveText("conv-1");
  await expect(tracePage.fact("Cost")).toHaveText("$0.0001");
  await expect(tracePage.text("Response")).toHaveText("Temples, then tea.");
  await tracePage.steps.nth(3).locator("summary").click();
  const said = tracePage.steps.nth(3).locator(".message");
  await expect(said).toHaveCount(3);
  await expect(said.first()).toContainText("system");
  await expect(said.first()).toContainText("Be brief.");
});

test("a trace whose root has not come is in progress until it does", async ({ server, tracesPage, tracePage, page }) => {
  await exportSpans(server, spans(1, 3));
  await tracesPage.goto();
  await expect(tracesPage.rows.first()).toContainText("in progress");
  await tracePage.goto(TRACE);
  await expect(page.getByText("In progress:")).toBeVisible();
  await exportSpans(server, spans(0, 1));
  await page.reload();
  await tracePage.hydrated();
  await expect(page.getByText("In progress:")).toHaveCount(0);
  await expect(tracePage.steps).toHaveCount(3);
});

test("more steps than a page shows are a link away", async ({ server, tracePage, page }) => {
  await exportSpans(server, spans(0, 1_120));
  await tracePage.goto(TRACE);
  await expect(page.getByRole("heading", { name: "Steps 1 to 500 of 1,120" })).toBeVisible();
  await page.getByRole("link", { name: "Next steps" }).click();
  await expect(page.getByRole("heading", { name: "Steps 501 to 1000 of 1,120" })).toBeVisible();
  await page.getByRole("link", { name: "Next steps" }).click();
  await expect(tracePage.steps).toHaveCount(120);
  await expect(tracePage.steps.last()).toContainText("span 1119");
  await expect(page.getByRole("link", { name: "Next steps" })).toHaveCount(0);
});

test("who misses a trace finds what became of the request", async ({ server, ingestPage, page }) => {
  await exportSpans(server, spans(0, 3));
  await server.ingest([{ trace_id: "well" }, { latency: -1 }]);
  await ingestPage.goto();
  const rows = page.locator(".requests tbody tr");
  await expect(rows).toHaveCount(2);
  for (const part of ["207", "json", "latency must be"]) await expect(rows.first()).toContainText(part);
  for (const part of ["200", "otlp", "3"]) await expect(rows.last()).toContainText(part);
  await server.ingest("{");
  await page.getByRole("button", { name: "Look again" }).click();
  await expect(rows).toHaveCount(3);
  await expect(rows.first()).toContainText("not JSON");
});
