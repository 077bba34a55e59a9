import type { Locator } from "@playwright/test";
import { AppPage } from "./app-page.ts";

export class FailuresPage extends AppPage {
  async goto(query = ""): Promise<void> {
    await this.open(`/failures${query}`);
  }

  kind(heading: string): Locator {
    return this.page.locator(".kind", { has: this.page.getByRole("heading", { name: heading }) });
  }
}
