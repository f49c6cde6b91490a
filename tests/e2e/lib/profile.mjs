// SPDX-License-Identifier: Apache-2.0
// A home of its own for Chromium with a certificate store (NSS): certificates are really validated
// there, so a test may trust the site's CA, or hold a guest's personal certificate.
//
//   const home = await newHome({ trust: `${site.state}/inside/pki/ca.crt` });
//   await home.addPersonal({ ca, caKey, name: "Ada" });   // signed by this CA
//   const browser = await launch({ env: home.env });
//   await home.remove();
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Makes a certificate store in an existing folder that trusts a CA for servers. */
export async function makeStore(folder, trust) {
  await run("certutil", ["-N", "-d", `sql:${folder}`, "--empty-password"]);
  await run("certutil", ["-A", "-n", "site", "-t", "C,,", "-i", trust, "-d", `sql:${folder}`]);
}

/** Makes a home whose store trusts the CA in the file `trust`. */
export async function newHome({ trust }) {
  const home = await mkdtemp(join(tmpdir(), "stoa-home-"));
  const store = join(home, ".pki/nssdb");
  await mkdir(store, { recursive: true });
  await makeStore(store, trust);
  return {
    path: home,
    env: {
      HOME: home,
      XDG_CONFIG_HOME: join(home, ".config"),
      XDG_CACHE_HOME: join(home, ".cache"),
    },
    /** Puts a certificate with its key into the store; who signs it is up to the test. */
    addPersonal: async ({ ca, caKey, name }) => {
      const at = (suffix) => join(home, `personal.${suffix}`);
      await run("openssl", ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-keyout", at("key"), "-subj", `/CN=${name}`, "-out", at("csr")]);
      await run("openssl", ["x509", "-req", "-in", at("csr"), "-CA", ca, "-CAkey", caKey,
        "-days", "2", "-set_serial", "4711", "-out", at("crt")]);
      await run("openssl", ["pkcs12", "-export", "-in", at("crt"), "-inkey", at("key"),
        "-name", name, "-passout", "pass:", "-out", at("p12")]);
      await run("pk12util", ["-i", at("p12"), "-d", `sql:${store}`, "-W", ""]);
      const { stdout } = await run("certutil", ["-K", "-d", `sql:${store}`]);
      if (!stdout.includes(name)) throw new Error(`no key of ${name} in the store:\n${stdout}`);
    },
    remove: () => rm(home, { recursive: true, force: true }),
  };
}
