import { expect, test } from "../fixtures/test.ts";

const trace = { trace_id: "masked", prompt: "Write to ada@example.com about ORD-123456", steps: [{ tool_name: "mail", input: { password: "hunter2" } }] };

test("what is masked is tried here, set, and stored nowhere", async ({ page, tracesPage, ingestPage, server }) => {
  await page.goto("/settings");
  await tracesPage.hydrated();
  const form = page.getByRole("form", { name: "What is masked" });
  const becomes = form.getByRole("figure", { name: "What it becomes" });
  await form.getByRole("textbox", { name: "Try it" }).fill(JSON.stringify(trace));
  await expect(becomes).toContainText("Nothing in it is masked.");
  await form.getByLabel("E-mail addresses").check();
  await form.getByLabel("Secrets").check();
  await form.getByRole("textbox", { name: "Own patterns" }).fill("order = ORD-[0-9]{6");
  await expect(form.getByRole("alert")).toContainText("`order` is no regular expression");
  await form.getByRole("textbox", { name: "Own patterns" }).fill("order = ORD-[0-9]{6}");
  await expect(becomes).toContainText("Write to [email] about [order]");
  await expect(becomes).toContainText('"password":"[secret]"');
  await expect(becomes).toContainText("Masked: 1 email, 1 order, 1 secret.");
  await form.getByRole("button", { name: "Save" }).click();
  await expect(page.locator(".table-frame.masking tr", { hasText: "all others" })).toContainText("order");
  await expect(form.getByLabel("E-mail addresses")).toBeChecked();

  // The preview shows what will be stored, as always.
  await ingestPage.goto();
  await ingestPage.paste(JSON.stringify(trace));
  await expect(page.getByRole("region", { name: "Preview" })).toContainText("Write to [email] about [order]");
  await ingestPage.store.click();
  await expect(ingestPage.receipt).toBeVisible();
  const stored = JSON.stringify(await server.get("/api/traces/masked"));
  expect(stored).toContain("Write to [email] about [order]");
  expect(stored).not.toContain("hunter2");

  await page.goto("/settings");
  await expect(page.locator(".table-frame.audit tr", { hasText: "masking.set" })).toContainText("anyone");
  await expect(page.locator(".table-frame.limits tr", { hasText: "attribute_bytes" })).toContainText("20 MiB");
});
