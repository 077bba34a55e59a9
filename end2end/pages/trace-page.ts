import type { Locator, Page } from "@playwright/test";
import { AppPage } from "./app-page.ts";

export class TracePage extends AppPage {
  readonly steps: Locator;

  constructor(page: Page) {
    super(page);
    this.steps = page.locator(".waterfall > ol > li");
  }

  async goto(traceId: string, projectId?: string): Promise<void> {
    const query = projectId ? `?project_id=${encodeURIComponent(projectId)}` : "";
    await this.open(`/traces/${encodeURIComponent(traceId)}${query}`);
  }

  fact(name: string): Locator {
    return this.page.locator(".fact", { has: this.page.getByText(name, { exact: true }) }).locator("dd");
  }

  text(label: string): Locator {
    return this.page.locator("figure", { has: this.page.locator("figcaption", { hasText: label }) }).locator("pre");
  }

  async rawJson(): Promise<any> {
    await this.page.getByText("Raw JSON").click();
    return JSON.parse(await this.text("As stored").innerText());
  }
}
