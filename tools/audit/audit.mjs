// Lighthouse over pages of a running server, in the Chromium that TRACELLM_CHROMIUM names: `node audit.mjs ADDRESS PATH…`.
// Each page three times; the median of each score is told, and one under 95 fails.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import lighthouse, { desktopConfig } from "lighthouse";

const LEAST = 95;
const ROUNDS = 3;
const CATEGORIES = ["performance", "accessibility", "best-practices"];

const [address, ...paths] = process.argv.slice(2);
const home = mkdtempSync(join(tmpdir(), "audit-"));
const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", `--user-data-dir=${home}`, "about:blank"];
const browser = spawn(process.env.TRACELLM_CHROMIUM, flags, { stdio: ["ignore", "ignore", "pipe"] });
const port = await new Promise((resolve, reject) => {
  let said = "";
  browser.stderr.on("data", (part) => {
    said += part;
    const found = /DevTools listening on ws:\/\/[^:]+:(\d+)/.exec(said);
    if (found) resolve(Number(found[1]));
  });
  browser.on("exit", (code) => reject(new Error(`the browser ended with ${code}:\n${said}`)));
});

let failed = false;
try {
  for (const path of paths) {
    const rounds = [];
    for (let round = 0; round < ROUNDS; round++) {
      const { lhr } = await lighthouse(`${address}${path}`, { port, onlyCategories: CATEGORIES, logLevel: "error", output: "json" }, desktopConfig);
      if (lhr.runtimeError) throw new Error(`${path}: ${lhr.runtimeError.message}`);
      rounds.push(lhr);
      await sleep(500);
    }
    const median = (category) => rounds.map((lhr) => Math.round(lhr.categories[category].score * 100)).sort((a, b) => a - b)[Math.floor(ROUNDS / 2)];
    const scores = CATEGORIES.map((category) => [category, median(category)]);
    console.log(`${path.padEnd(24)} ${scores.map(([category, score]) => `${category} ${score}`).join(", ")}`);
    if (scores.some(([, score]) => score < LEAST)) {
      failed = true;
      const last = rounds.at(-1);
      const audits = Object.values(last.audits).filter((audit) => audit.score !== null && audit.score < 0.9);
      for (const audit of audits) console.log(`  ${audit.id}: ${audit.displayValue ?? audit.title}`);
    }
  }
} finally {
  browser.removeAllListeners("exit");
  browser.kill();
  await new Promise((resolve) => browser.on("exit", resolve));
  rmSync(home, { recursive: true, force: true, maxRetries: 3 });
}
process.exit(failed ? 1 : 0);
