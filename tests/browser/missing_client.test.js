// A page whose Socket.IO client is not installed says what to run.

import { after, before, test } from "node:test";
import { Browser, looksGood, shows } from "./pages.js";
import { Program, endAll } from "./program.js";

let browser;
before(async () => (browser = await Browser.start()));
after(endAll);

for (const example of ["chatroom", "transports", "ping"]) {
  test(`${example} says what to install`, async () => {
    const { server, address } = await Program.serve(example);
    const page = await browser.open(address, (page) =>
      page.route(/\/socket\.io(-2)?(\/socket\.io)?\.js/, (route) => route.fulfill({ status: 404 })),
    );
    await shows(page, "main [role=alert]", /npm install --prefix examples\/browser/);
    if (example === "ping") await looksGood(page, "missing-client");
    // Chromium itself notes the files that are not there; the page's own code must not complain.
    page.problems = page.problems.filter((problem) => !problem.includes("404 (Not Found)"));
    await server.terminate();
  });
}

test("no page complained", () => browser.end());
