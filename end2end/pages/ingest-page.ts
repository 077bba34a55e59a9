import type { Locator, Page } from "@playwright/test";
import { AppPage } from "./app-page.ts";

export type ShownIssue = { severity: string; code: string; path: string; message: string };

export class IngestPage extends AppPage {
  readonly text: Locator;
  readonly preview: Locator;
  readonly verdict: Locator;
  readonly store: Locator;
  readonly receipt: Locator;

  constructor(page: Page) {
    super(page);
    this.text = page.getByLabel("Raw JSON");
    this.preview = page.getByRole("region", { name: "Preview" });
    this.verdict = this.preview.getByRole("heading", { level: 2 });
    this.store = page.getByRole("button", { name: "Store" });
    this.receipt = page.locator(".receipt");
  }

  async goto(): Promise<void> {
    await this.open("/ingest");
  }

  async paste(raw: string): Promise<void> {
    await this.text.fill(raw);
  }

  /** The normalised documents that the preview shows. */
  async documents(): Promise<any[]> {
    return (await this.preview.locator("pre.json").allTextContents()).map((text) => JSON.parse(text));
  }

  async issues(within: Locator = this.preview): Promise<ShownIssue[]> {
    return within.locator(".issue").evaluateAll((rows) =>
      rows.map((row) => ({
        severity: row.querySelector(".severity")!.textContent!,
        code: row.getAttribute("data-code")!,
        path: row.querySelector("code")!.textContent!,
        message: row.querySelector(".words")!.textContent!,
      })),
    );
  }
}
