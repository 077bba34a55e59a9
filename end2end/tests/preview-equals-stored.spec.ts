import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "../fixtures/test.ts";

/** The normaliser's own fixtures; what the browser shows for each is what the server stores. */
const folder = join(import.meta.dirname, "../../crates/trace/fixtures");
// An export request is no document to the normaliser; the page takes it for what it is.
const fixtures = readdirSync(folder).filter((name) => name.endsWith(".json") && name !== "refused-otlp.json");

const parsed = (raw: string): any => {
  try {
    return JSON.parse(raw);
  } catch {
    return undefined;
  }
};

/** A document without what a clock or a random number must fill in, where the raw one leaves it open. */
function comparable(document: any, raw: any): any {
  const given = raw.trace_id || raw.id;
  const isTimed = raw.created_at || raw.timestamp;
  const steps = document.steps.map((step: any, index: number) => {
    const rawStep = raw.steps?.[index] ?? {};
    return {
      ...step,
      step_id: given || rawStep.step_id ? step.step_id : "made",
      timestamp: isTimed || rawStep.timestamp || rawStep.created_at ? step.timestamp : "counted",
    };
  });
  return {
    ...document,
    steps,
    updated_at: "stored",
    trace_id: given ? document.trace_id : "made",
    created_at: isTimed ? document.created_at : "now",
  };
}

test.use({ expectedConsole: /status of (400|422)/ });

test("the preview and the stored document are equal for every fixture", async ({ ingestPage, server }) => {
  test.slow();
  expect(fixtures.length).toBeGreaterThan(40);
  await ingestPage.goto();
  let stored = 0;
  for (const name of fixtures) {
    await test.step(name, async () => {
      const text = readFileSync(join(folder, name), "utf8");
      await ingestPage.paste(text);
      await expect(ingestPage.verdict).toHaveText(/^(Will be stored|Will be refused|Not readable)$/);
      const verdict = await ingestPage.verdict.innerText();
      const issues = await ingestPage.issues();
      await ingestPage.store.click();
      if (verdict !== "Will be stored") {
        await expect(ingestPage.alert).toBeVisible();
        const errors = issues.filter((issue) => issue.severity === "error");
        expect(await ingestPage.issues(ingestPage.alert), "the server refuses it with the same words").toEqual(errors);
        return;
      }
      await expect(ingestPage.receipt).toBeVisible();
      const raw = parsed(text) ?? {};
      const [previewed] = await ingestPage.documents();
      const href = await ingestPage.receipt.getByRole("link").getAttribute("href");
      const found = await server.get(`/api${href}`);
      expect(comparable(found, raw)).toEqual(comparable(previewed, raw));
      stored += 1;
    });
  }
  expect(stored).toBeGreaterThan(30);
});
