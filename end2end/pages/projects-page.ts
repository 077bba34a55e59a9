import type { Locator, Page } from "@playwright/test";
import { AppPage } from "./app-page.ts";

export class ProjectsPage extends AppPage {
  readonly secret: Locator;

  constructor(page: Page) {
    super(page);
    this.secret = page.locator(".notice.success pre");
  }

  async goto(): Promise<void> {
    await this.open("/projects");
  }

  async create(name: string, description = ""): Promise<void> {
    const form = this.page.getByRole("form", { name: "Create a project" });
    await form.getByLabel("Name").fill(name);
    await form.getByLabel("Description").fill(description);
    await form.getByRole("button", { name: "Create project" }).click();
  }

  project(name: string): Locator {
    return this.page.locator(".project", { has: this.page.getByRole("heading", { name, exact: true }) });
  }
}
