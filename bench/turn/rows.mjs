// SPDX-License-Identifier: Apache-2.0
// What is measured: for each row what turnload is asked to do, which figure counts, and the goal.
// Rows of one group use the same two servers; "fresh" ones start anew for every figure.

/** Smaller is better: ours is to be at most `goal` times coturn's. */
const cost = (goal) => ({ figure: "cpu_s_per_mpkt", unit: "CPU-s per million packets", decimals: 2, goal, most: true });
/** Larger is better: ours is to be at least `goal` times coturn's. */
const speed = (goal) => ({ figure: "pps_per_core", unit: "packets/s per core", decimals: 0, goal, most: false });

const flat = (name, what, args) => ({ name, what, args, workers: 1, ...cost(0.55) });
const hairpin = (size, workers) => ({
  name: `hairpin-${size}-${workers}w`, what: `relay to relay, ${size} B, 20,000/s, ${workers} worker${workers > 1 ? "s" : ""}`,
  args: ["hairpin", "--size", String(size)], workers, ...cost(0.4),
});

export const rows = [
  flat("up", "to peers, 172 B, 20,000/s", ["up"]),
  flat("down", "from peers, 172 B, 20,000/s", ["down"]),
  flat("echo", "there and back, 172 B, 20,000/s in total", ["echo"]),
  flat("up-8", "to peers, 172 B, 20,000/s, bursts of 8", ["up", "--burst", "8"]),
  flat("up-1200-8", "to peers, 1200 B, 20,000/s, bursts of 8", ["up", "--size", "1200", "--burst", "8", "--gso"]),
  { name: "burst-up", what: "to peers, 1200 B, bursts of 16, saturated", workers: 1, ...speed(3),
    args: ["up", "--size", "1200", "--burst", "16", "--gso", "--rate", "0"] },
  { name: "burst-down", what: "from peers, 1200 B, bursts of 16, saturated", workers: 1, ...speed(3),
    args: ["down", "--size", "1200", "--burst", "16", "--gso", "--rate", "0"] },
  { name: "burst-sink", what: "the same to peers that take packet by packet", workers: 1, ...speed(3),
    args: ["up", "--size", "1200", "--burst", "16", "--gso", "--no-gro", "--rate", "0"] },
  { name: "single-up", what: "to peers, 172 B, random order, saturated", workers: 1, ...speed(1), args: ["up", "--rate", "0"] },
  { name: "single-down", what: "from peers, 172 B, random order, saturated", workers: 1, ...speed(1),
    args: ["down", "--rate", "0"] },
  hairpin(172, 1), hairpin(1200, 1),
  { name: "alloc", what: "allocations, 32 under way", workers: 1, figure: "alloc_per_s", unit: "allocations/s", decimals: 0,
    goal: 3, most: false, args: ["alloc", "--count", "2000"] },
  hairpin(172, 2), hairpin(1200, 2),
  ...[1000, 5000].map((n) => ({
    name: `idle-${n}`, what: `memory of ${n} idle allocations`, workers: 1, fresh: true, rounds: 2, figure: "kib_per_allocation",
    unit: "KiB per allocation", decimals: 2, limit: 2, more: ["returned_percent", "rss_before_kib"],
    args: ["idle", "--count", String(n)],
  })),
  { name: "strangers", what: "1,000,000 Allocates without credentials", workers: 1, fresh: true, rounds: 1, figure: "growth_kib",
    unit: "KiB of growth", decimals: 0, limit: 2048, more: ["sent", "answered", "bytes_per_request"],
    args: ["strangers", "--count", "1000000", "--outstanding", "512"] },
];
