import { expect, type Locator, type Page } from "@playwright/test";
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

  /** Pastes from the clipboard, as people do; Playwright's own way to fill takes seconds for a long text of many lines. */
  async paste(raw: string): Promise<void> {
    await this.text.fill("");
    await this.page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await this.page.evaluate((text) => navigator.clipboard.writeText(text), raw);
    await this.text.press("Control+V");
    await expect(this.text).not.toHaveValue("");
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
