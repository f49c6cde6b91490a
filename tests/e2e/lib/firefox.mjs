// SPDX-License-Identifier: Apache-2.0
// Debian's firefox-esr for tests, by WebDriver BiDi: with the fake camera and microphone that are
// built into it, and the site's CA in its certificate store. Pages are those of playwright, so what
// lib/browser.mjs does with a page works here too.
//
//   const browser = await launchFirefox({ trust: `${site.state}/inside/pki/ca.crt` });
//   const page = await openGuest(browser, site.url);
//   await browser.close();
import { createRequire } from "node:module";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const require = createRequire(new URL("../../../web/guest/package.json", import.meta.url));
const { firefox } = require("playwright-core");

const LAUNCH_MS = 60000;
const PREFS = {
  "media.navigator.streams.fake": true, // a picture that changes its colour, and a tone
  "media.navigator.permission.disabled": true,
  "media.autoplay.default": 0,
};

// playwright makes the profile and names it on the command line, as -profile FOLDER: the store has
// to be put there between the two.
const WRAPPER = `#!/usr/bin/env bash
set -eu
for ((i = 1; i < $#; i++)); do
  next=$((i + 1))
  if [ "\${!i}" = -profile ] || [ "\${!i}" = --profile ]; then profile=\${!next}; fi
done
certutil -N -d "sql:$profile" --empty-password
certutil -A -n site -t C,, -i "$STOA_TRUST" -d "sql:$profile"
exec "$STOA_FIREFOX" "$@"
`;

/** Starts Firefox ($STOA_FIREFOX, or /usr/bin/firefox-esr), trusting the CA in the file `trust`. */
export async function launchFirefox({ trust }) {
  const folder = await mkdtemp(join(tmpdir(), "stoa-firefox-"));
  const wrapper = join(folder, "firefox");
  await writeFile(wrapper, WRAPPER);
  await chmod(wrapper, 0o755);
  const browser = await firefox.launch({
    channel: "moz-firefox", // speaks BiDi
    executablePath: wrapper,
    headless: true,
    timeout: LAUNCH_MS,
    firefoxUserPrefs: PREFS,
    env: {
      ...process.env,
      HOME: folder,
      STOA_TRUST: trust,
      STOA_FIREFOX: process.env.STOA_FIREFOX ?? "/usr/bin/firefox-esr",
    },
  });
  browser.on("disconnected", () => rm(folder, { recursive: true, force: true }));
  return browser;
}
