// SPDX-License-Identifier: Apache-2.0
// Compares Stoa's TURN server with coturn: both are put under the same load in turns, round by round, and
// the medians and their ratio are printed. docs/benchmarks.md has the method and the figures.
import { readFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";

import { rows } from "./rows.mjs";
import { startCoturn, startStoa, turnload } from "./servers.mjs";

const usage = `Usage: bench/turn/run [--rounds N] [--seconds N] [--only ROW,..] [--server coturn|turn] [--json]

  --rounds N    of each row (5); memory has rounds of its own
  --seconds N   of each measurement (5)
  --only LIST   these rows: ${rows.map((r) => r.name).join(", ")}
  --server NAME one of the two alone
  --json        every figure, as JSON
`;
const { values: options } = parseArgs({ options: {
  rounds: { type: "string", default: "5" }, seconds: { type: "string", default: "5" }, only: { type: "string" },
  server: { type: "string" }, json: { type: "boolean" }, help: { type: "boolean" },
} });
if (options.help) {
  process.stdout.write(usage);
  process.exit(0);
}
const FOREIGN_MAX = 0.2; // processors that others may use before a figure is doubtful
const starters = Object.entries({ coturn: startCoturn, turn: startStoa }).filter(([name]) => !options.server || options.server === name);
const wanted = rows.filter((r) => !options.only || options.only.split(",").includes(r.name));
const [serverCpu, loadCpu] = [0, 1];
const note = (text) => process.stderr.write(`${text}\n`);
const median = (list) => {
  const sorted = [...list].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
};

/** How many processors are at work over a second. */
async function busy() {
  const now = () => readFileSync("/proc/stat", "utf8").split("\n")[0].split(/\s+/).slice(1, 9).map(Number);
  const [before] = [now()];
  await new Promise((done) => setTimeout(done, 1000));
  const spent = now().map((v, i) => v - before[i]);
  const all = spent.reduce((a, b) => a + b, 0);
  return cpus().length * (all - spent[3] - spent[4]) / all;
}

const start = async (row) => {
  const servers = [];
  try {
    for (const [, starter] of starters) servers.push(await starter({ cpus: row.workers > 1 ? `${serverCpu},${loadCpu}` : String(serverCpu), workers: row.workers }));
  } catch (error) {
    await Promise.all(servers.map((s) => s.stop()));
    throw error;
  }
  return servers;
};

async function measure(row, server) {
  const result = await turnload(loadCpu, server, [...row.args, "--seconds", options.seconds]);
  const doubts = [];
  if (result.foreign_cpu > FOREIGN_MAX) doubts.push(`others used ${result.foreign_cpu} processors`);
  if (result.sink_drops > 0) doubts.push(`the generator lost ${result.sink_drops}`);
  if (row.args.includes("--rate") && row.workers === 1 && result.server_cpu < 0.9) doubts.push(`the server was busy for ${result.server_cpu} of the time only`);
  note(`${row.name.padEnd(16)} ${server.name.padEnd(7)} ${result[row.figure]} ${row.unit}, load ${loadavg()[0].toFixed(2)}${
    doubts.length > 0 ? `  WARNING: ${doubts.join(", ")}` : ""}`);
  return { row: row.name, server: server.name, doubts, ...result };
}

const results = [];
async function fresh(row) {
  for (let i = 0; i < Math.min(row.rounds, Number(options.rounds)); i++) {
    for (const [, starter] of starters) {
      const server = await starter({ cpus: String(serverCpu), workers: row.workers });
      try {
        results.push(await measure(row, server));
      } finally {
        await server.stop();
      }
    }
  }
}

async function alternating(group) {
  if (group.length === 0) return;
  const servers = await start(group[0]);
  try {
    for (let i = 0; i < Number(options.rounds); i++)
      for (const row of group)
        for (const server of servers) results.push(await measure(row, server));
  } finally {
    await Promise.all(servers.map((s) => s.stop()));
  }
}

function verdict(row, ours, theirs) {
  if (row.limit !== undefined) return `${ours <= row.limit ? "kept" : "MISSED"}: at most ${row.limit}`;
  if (theirs === undefined) return "";
  const ratio = ours / theirs;
  return `${ratio.toFixed(2)} x, ${(row.most ? ratio <= row.goal : ratio >= row.goal) ? "kept" : "MISSED"}: at ${row.most ? "most" : "least"} ${row.goal} x`;
}

function summary(row) {
  const of = (name, field) => results.filter((r) => r.row === row.name && r.server === name).map((r) => r[field]);
  const middle = (name, field) => (of(name, field).length > 0 ? median(of(name, field)) : undefined);
  const [theirs, ours] = ["coturn", "turn"].map((name) => middle(name, row.figure));
  const extra = (name) => ["lost_percent", "server_cpu", "delay_median_us", "delay_p99_us", ...row.more ?? []]
    .filter((field) => middle(name, field) !== undefined).map((field) => `${field} ${middle(name, field)}`).join(", ");
  return { row: row.name, what: row.what, unit: row.unit, coturn: theirs, turn: ours, ratio: ours / theirs,
    verdict: ours === undefined ? "" : verdict(row, ours, theirs), extra: { coturn: extra("coturn"), turn: extra("turn") },
    spread: Object.fromEntries(starters.map(([name]) => [name, [Math.min(...of(name, row.figure)), Math.max(...of(name, row.figure))]])),
    doubtful: results.filter((r) => r.row === row.name && r.doubts.length > 0).length, decimals: row.decimals };
}

const before = await busy();
if (before > 0.1) note(`WARNING: the machine is not idle: others use ${before.toFixed(2)} of ${cpus().length} processors. The figures are not worth much.`);
await alternating(wanted.filter((r) => !r.fresh && r.workers === 1));
await alternating(wanted.filter((r) => !r.fresh && r.workers === 2));
for (const row of wanted.filter((r) => r.fresh)) await fresh(row);

const lines = wanted.map(summary);
if (options.json) {
  console.log(JSON.stringify({ date: new Date().toISOString(), cpu: cpus()[0].model, cpus: cpus().length, busyBefore: before, summary: lines, results }, null, 1));
} else {
  for (const s of lines) {
    const show = (name) => (s[name] === undefined ? "-" : `${s[name].toFixed(s.decimals)} (${s.spread[name].map((v) => v.toFixed(s.decimals)).join("-")})`);
    console.log(`${s.row}: ${s.what}, ${s.unit}\n    coturn ${show("coturn")}, turn ${show("turn")}  ${s.verdict}${s.doubtful > 0 ? `  (${s.doubtful} doubtful)` : ""}`);
    for (const name of ["coturn", "turn"]) if (s.extra[name] !== "") console.log(`    ${name}: ${s.extra[name]}`);
  }
}
