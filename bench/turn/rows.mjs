// SPDX-License-Identifier: Apache-2.0
// What is measured: for each row what turnload is asked to do, which figure counts, and the goal.
// Rows with the same number of workers use the same two servers; `fresh` ones start servers anew.

/** Smaller is better: ours is to be at most `goal` times coturn's. */
const cost = (goal) => ({ figure: "cpu_s_per_mpkt", unit: "CPU-s per million packets",
  decimals: 2, goal, most: true });

/** Packets at a rate that a server manages easily. The generator does not sleep: on a network no
 * receiver has to be woken by the server either. */
const steady = (name, what, ...args) =>
  ({ name, what: `${what}, 20,000/s`, workers: 1, args: [...args, "--spin"], ...cost(0.55) });

/** Two workers have both processors, so that the generator has to sleep. */
const hairpin = (size, workers) =>
  ({ name: `hairpin-${size}-${workers}w`, workers,
    args: ["hairpin", "--size", String(size), ...workers === 1 ? ["--spin"] : []],
    what: `relay to relay, ${size} B, 20,000/s, workers: ${workers}`, ...cost(0.4) });

/** As many packets as can be sent: ours is to relay at least `goal` times as many. */
const saturated = (name, what, goal, ...args) =>
  ({ name, what: `${what}, saturated`, workers: 1, saturated: true, args: [...args, "--rate", "0"],
    figure: "pps_per_core", unit: "packets/s per core", decimals: 0, goal, most: false });

const idle = (n) =>
  ({ name: `idle-${n}`, what: `memory of ${n} idle allocations`, workers: 1, fresh: true,
    rounds: 2, args: ["idle", "--count", String(n)], figure: "kib_per_allocation",
    unit: "KiB per allocation", decimals: 2, limit: 2,
    more: ["rss_before_kib", "rss_held_kib", "rss_after_kib", "returned_percent",
      "kernel_kib_per_allocation"] });

const burst = ["--size", "1200", "--burst", "16", "--gso"];

export const rows = [
  steady("up", "to peers, 172 B", "up"),
  steady("down", "from peers, 172 B", "down"),
  steady("echo", "there and back, 172 B", "echo"),
  { ...steady("up-woken", "to peers that sleep, 172 B"), args: ["up"] },
  steady("up-8", "to peers, 172 B, bursts of 8", "up", "--burst", "8"),
  steady("up-1200-8", "to peers, 1200 B, bursts of 8", "up", "--size", "1200", "--burst", "8",
    "--gso"),
  saturated("burst-up", "to peers, 1200 B, bursts of 16", 3, "up", ...burst),
  saturated("burst-down", "from peers, 1200 B, bursts of 16", 3, "down", ...burst),
  saturated("burst-sink", "to peers that take packet by packet, 1200 B, bursts of 16", 3, "up",
    ...burst, "--no-gro"),
  saturated("single-up", "to peers, 172 B, random order", 1, "up"),
  saturated("single-down", "from peers, 172 B, random order", 1, "down"),
  hairpin(172, 1), hairpin(1200, 1), hairpin(172, 2), hairpin(1200, 2),
  // Fresh, because coturn keeps a relay port that was given back to itself for long.
  { name: "alloc", what: "allocations, 32 under way", workers: 1, fresh: true, rounds: 5,
    seconds: 1, args: ["alloc", "--count", "2000"], figure: "alloc_per_s", unit: "allocations/s",
    decimals: 0, goal: 3, most: false },
  idle(1000), idle(5000),
  { name: "strangers", what: "1,000,000 Allocates without credentials", workers: 1, fresh: true,
    rounds: 1, args: ["strangers", "--count", "1000000", "--outstanding", "512"],
    figure: "growth_kib", unit: "KiB of growth", decimals: 0, limit: 2048,
    more: ["sent", "answered", "bytes_per_request"] },
];
