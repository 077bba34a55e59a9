import { defineConfig } from "@playwright/test";
import config from "./playwright.config.ts";
import type { Options } from "./fixtures/test.ts";

/** `make measure`: what a browser takes for a page, told and not judged. */
export default defineConfig<Options>({ ...config, testDir: "measurements", workers: 1, projects: [{ name: "embedded", use: { store: "embedded" } }] });
