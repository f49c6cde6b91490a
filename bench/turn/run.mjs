// SPDX-License-Identifier: Apache-2.0
// Compares Stoa's TURN server with coturn: both are put under the same load in turns, round by
// round, and the medians and their ratio are printed. docs/benchmarks.md has method and figures.
import { readFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";

import { rows } from "./rows.mjs";
import { direct, startCoturn, startStoa, turnload } from "./servers.mjs";

const usage = `Usage: bench/turn/run [OPTION...]

  --rounds N      of each row (5); memory has rounds of its own
  --seconds N     of each measurement (5)
  --only ROW,..   these rows: ${rows.map((r) => r.name).join(" ")}
  --server NAME   coturn or turn alone
  --json          every figure, as JSON
`;
const { values: options } = parseArgs({ options: {
  rounds: { type: "string", default: "5" }, seconds: { type: "string", default: "5" },
  only: { type: "string" }, server: { type: "string" }, json: { type: "boolean" },
  help: { type: "boolean" },
} });
const FOREIGN_MAX = 0.2; // processors that others may use before a figure is doubtful
const BUSY_MIN = 0.9;    // what a saturated server works at least
const SERVER_CPU = 0;
const LOAD_CPU = 1;
const rounds = Number(options.rounds);
const starters = Object.entries({ coturn: startCoturn, turn: startStoa })
  .filter(([name]) => !options.server || options.server === name).map(([, start]) => start);
const wanted = rows.filter((r) => !options.only || options.only.split(",").includes(r.name));
const note = (text) => process.stderr.write(`${text}\n`);

function median(list) {
  const sorted = [...list].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** How many processors are at work over a second. */
async function busy() {
  const now = () => readFileSync("/proc/stat", "utf8").split("\n")[0].split(/\s+/).slice(1, 9);
  const before = now();
  await new Promise((done) => setTimeout(done, 1000));
  const spent = now().map((v, i) => v - before[i]);
  const all = spent.reduce((a, b) => a + b, 0);
  return cpus().length * (all - spent[3] - spent[4]) / all;
}

// --- measuring -----------------------------------------------------------------------------------

/** What speaks against a figure. */
function doubtsOf(row, r) {
  const doubts = [];
  if (r.foreign_cpu > FOREIGN_MAX) doubts.push(`others used ${r.foreign_cpu} processors`);
  if (r.sink_drops > 0) doubts.push(`the generator lost ${r.sink_drops}`);
  if (row.saturated && r.server_cpu < BUSY_MIN) doubts.push(`the server worked ${r.server_cpu}`);
  return doubts;
}

async function measure(row, server) {
  const head = `${row.name.padEnd(16)} ${server.name.padEnd(7)}`;
  let r;
  try {
    const seconds = String(row.seconds ?? options.seconds);
    r = await turnload(LOAD_CPU, server, [...row.args, "--seconds", seconds]);
  } catch (error) {
    const failure = (error.stderr || String(error)).trim();
    note(`${head} FAILED: ${failure}`);
    return { row: row.name, server: server.name, doubts: [failure] };
  }
  const doubts = doubtsOf(row, r);
  const warning = doubts.length > 0 ? `  WARNING: ${doubts.join(", ")}` : "";
  note(`${head} ${r[row.figure]} ${row.unit}, load ${loadavg()[0].toFixed(2)}${warning}`);
  return { row: row.name, server: server.name, doubts, load: loadavg()[0], ...r };
}

async function withServers(row, use) {
  const servers = [];
  const cpuList = row.workers > 1 ? `${SERVER_CPU},${LOAD_CPU}` : String(SERVER_CPU);
  try {
    for (const start of starters)
      servers.push(await start({ cpus: cpuList, workers: row.workers }));
    await use(servers);
  } finally {
    await Promise.all(servers.map((s) => s.stop()));
  }
}

/** All rows of a group with the same two servers, in turns. */
async function alternating(group, results) {
  if (group.length === 0) return;
  await withServers(group[0], async (servers) => {
    for (let i = 0; i < rounds; i++)
      for (const row of group)
        for (const server of servers) results.push(await measure(row, server));
  });
}

/** A row whose servers must have done nothing before. */
async function fresh(row, results) {
  for (let i = 0; i < Math.min(row.rounds, rounds); i++)
    await withServers(row, async (servers) => {
      for (const server of servers) results.push(await measure(row, server));
    });
}

// --- what comes out ------------------------------------------------------------------------------

function verdict(row, ours, theirs) {
  if (ours === undefined) return "";
  if (row.limit !== undefined)
    return `${ours <= row.limit ? "kept" : "MISSED"}: at most ${row.limit}`;
  if (theirs === undefined) return "";
  const ratio = ours / theirs;
  const kept = row.most ? ratio <= row.goal : ratio >= row.goal;
  const goal = `at ${row.most ? "most" : "least"} ${row.goal} x`;
  return `${ratio.toFixed(2)} x, ${kept ? "kept" : "MISSED"}: ${goal}`;
}

function summaryOf(row, results, name) {
  const all = results.filter((r) => r.row === row.name && r.server === name && r.mode);
  if (all.length === 0) return undefined;
  const sure = all.filter((r) => r.doubts.length === 0);
  const own = sure.length > 0 ? sure : all;
  const fields = ["lost_percent", "strayed", "server_cpu", "own_cpu", "delay_median_us",
    "delay_p99_us", "cpu_us_per_alloc", ...row.more ?? []];
  const figures = own.map((r) => r[row.figure]);
  return {
    figures: figures.length, median: median(figures), min: Math.min(...figures),
    max: Math.max(...figures),
    beside: Object.fromEntries(fields.filter((f) => own[0][f] !== undefined)
      .map((f) => [f, median(own.map((r) => r[f]))])),
  };
}

function summarize(row, results) {
  const [coturn, turn] = ["coturn", "turn"].map((name) => summaryOf(row, results, name));
  const doubtful = results.filter((r) => r.row === row.name && r.doubts.length > 0).length;
  return { row: row.name, what: row.what, unit: row.unit, coturn, turn, doubtful,
    verdict: verdict(row, turn?.median, coturn?.median) };
}

function print(summary, decimals) {
  const { row, what, unit, doubtful } = summary;
  console.log(`\n${row}: ${what}; ${unit}  ${summary.verdict}${
    doubtful > 0 ? ` (${doubtful} doubtful left out, where others are)` : ""}`);
  for (const name of ["coturn", "turn"]) {
    const s = summary[name];
    if (s === undefined) continue;
    const [middle, min, max] = [s.median, s.min, s.max].map((v) => v.toFixed(decimals));
    const beside = Object.entries(s.beside).map(([field, v]) => `${field} ${v}`).join(", ");
    console.log(`  ${name.padEnd(7)} ${middle} (${min}-${max})  ${beside}`);
  }
}

async function main() {
  const results = [];
  const busyBefore = await busy();
  if (busyBefore > 0.1)
    note(`WARNING: the machine is not idle: others use ${busyBefore.toFixed(2)} of ${
      cpus().length} processors. The figures are not worth much.`);
  const own = { singles: await direct(LOAD_CPU, []),
    bursts: await direct(LOAD_CPU, ["--size", "1200", "--burst", "16", "--gso"]) };
  note(`the generator alone: ${own.singles.pps} single packets/s, ${own.bursts.pps} in bursts`);
  for (const workers of [1, 2])
    await alternating(wanted.filter((r) => !r.fresh && r.workers === workers), results);
  for (const row of wanted.filter((r) => r.fresh)) await fresh(row, results);
  const summary = wanted.map((row) => summarize(row, results));
  if (options.json) {
    const machine = { cpu: cpus()[0].model, cpus: cpus().length, busyBefore };
    const date = new Date().toISOString();
    console.log(JSON.stringify({ date, machine, generator: own, summary, results }, null, 1));
  } else {
    summary.forEach((s, i) => print(s, wanted[i].decimals));
  }
}

if (options.help) process.stdout.write(usage);
else await main();
