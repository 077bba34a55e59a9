import { defineConfig } from "@playwright/test";
import config from "./playwright.config.ts";
import type { Options } from "./fixtures/test.ts";

/** `make looks`: pages as pictures, held against those that stand in `looks`. Fonts differ between machines, so CI does not judge by it. */
export default defineConfig<Options>({
  ...config,
  testDir: "looks",
  snapshotPathTemplate: "looks/{arg}-{projectName}{ext}",
  expect: { toHaveScreenshot: { maxDiffPixelRatio: 0.01, animations: "disabled" } },
  projects: [
    { name: "light-1440", use: { colorScheme: "light", viewport: { width: 1440, height: 900 } } },
    { name: "dark-390", use: { colorScheme: "dark", viewport: { width: 390, height: 820 } } },
  ],
});
