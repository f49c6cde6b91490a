// SPDX-License-Identifier: Apache-2.0
// The few figures of getStats() that the page, its tests and support look at.

import { FIRST_AUDIO_LINE, LINES, type Peer } from "./peer";

export interface LineStats {
  line: number;
  kind: string;
  packets: number;
  packetsLost: number;
  bytes: number;
  framesDecoded: number;
  keyFramesDecoded: number;
  frameWidth: number;
  frameHeight: number;
  totalAudioEnergy: number;
  fps: number;
  jitterMs: number;
  codec: string;
}

export interface SentStats {
  line: number;
  kind: string;
  rid: string;
  packets: number;
  bytes: number;
  frames: number;
  frameWidth: number;
  frameHeight: number;
  fps: number;
  codec: string;
  /** "none", "cpu", "bandwidth", "other"; empty: the browser does not say. */
  limitedBy: string;
  /** What the callbridge lost of it in its last report, 0 to 1. */
  lossOut: number;
}

export interface PairStats {
  local: string;
  remote: string;
  protocol: string;
  relayProtocol: string;
  rttMs: number;
  bytesReceived: number;
  bytesSent: number;
  /** Answers to connectivity checks: they come every 2.5 s even while nobody sends anything. */
  checksAnswered: number;
}

export interface Stats {
  connectionState: string;
  iceConnectionState: string;
  slots: LineStats[]; // m-lines 4 to 17
  sent: SentStats[];
  pair: PairStats | null;
}

type Row = Record<string, unknown>;

const num = (v: unknown): number => (typeof v === "number" ? v : 0);
const str = (v: unknown): string => (typeof v === "string" ? v : "");

function emptyLine(line: number): LineStats {
  return {
    line,
    kind: "",
    packets: 0,
    packetsLost: 0,
    bytes: 0,
    framesDecoded: 0,
    keyFramesDecoded: 0,
    frameWidth: 0,
    frameHeight: 0,
    totalAudioEnergy: 0,
    fps: 0,
    jitterMs: 0,
    codec: "",
  };
}

const codecOf = (rows: Map<string, Row>, r: Row): string =>
  str(rows.get(str(r["codecId"]))?.["mimeType"]).replace(/^\w+\//, "");

function readLine(rows: Map<string, Row>, line: number, r: Row): LineStats {
  return {
    line,
    kind: str(r["kind"]),
    packets: num(r["packetsReceived"]),
    packetsLost: num(r["packetsLost"]),
    bytes: num(r["bytesReceived"]),
    framesDecoded: num(r["framesDecoded"]),
    keyFramesDecoded: num(r["keyFramesDecoded"]),
    frameWidth: num(r["frameWidth"]),
    frameHeight: num(r["frameHeight"]),
    totalAudioEnergy: num(r["totalAudioEnergy"]),
    fps: num(r["framesPerSecond"]),
    jitterMs: num(r["jitter"]) * 1000,
    codec: codecOf(rows, r),
  };
}

function readSent(rows: Map<string, Row>, line: number, r: Row): SentStats {
  return {
    line,
    kind: str(r["kind"]),
    rid: str(r["rid"]),
    packets: num(r["packetsSent"]),
    bytes: num(r["bytesSent"]),
    frames: num(r["framesEncoded"]),
    frameWidth: num(r["frameWidth"]),
    frameHeight: num(r["frameHeight"]),
    fps: num(r["framesPerSecond"]),
    codec: codecOf(rows, r),
    limitedBy: str(r["qualityLimitationReason"]),
    lossOut: Math.max(0, num(rows.get(str(r["remoteId"]))?.["fractionLost"])),
  };
}

/** The selected pair through the transport, which all current browsers report. */
function readPair(rows: Map<string, Row>): PairStats | null {
  for (const transport of rows.values()) {
    if (transport["type"] !== "transport") continue;
    const pair = rows.get(str(transport["selectedCandidatePairId"]));
    if (pair === undefined) continue;
    const local = rows.get(str(pair["localCandidateId"])) ?? {};
    const remote = rows.get(str(pair["remoteCandidateId"])) ?? {};
    return {
      local: str(local["candidateType"]),
      remote: str(remote["candidateType"]),
      protocol: str(local["protocol"]),
      relayProtocol: str(local["relayProtocol"]),
      rttMs: num(pair["currentRoundTripTime"]) * 1000,
      // Firefox counts per pair only.
      bytesReceived: num(transport["bytesReceived"] ?? pair["bytesReceived"]),
      bytesSent: num(transport["bytesSent"] ?? pair["bytesSent"]),
      checksAnswered: num(pair["responsesReceived"]),
    };
  }
  return null;
}

export async function readStats(peer: Peer): Promise<Stats> {
  const rows = new Map<string, Row>();
  (await peer.connection.getStats()).forEach((value: Row, id: string) => rows.set(id, value));
  const slots = Array.from({ length: LINES - FIRST_AUDIO_LINE }, (_, i) =>
    emptyLine(i + FIRST_AUDIO_LINE),
  );
  const sent: SentStats[] = [];
  for (const row of rows.values()) {
    const line = peer.lineOf(str(row["mid"]));
    if (row["type"] === "inbound-rtp" && line >= FIRST_AUDIO_LINE) {
      slots[line - FIRST_AUDIO_LINE] = readLine(rows, line, row);
    } else if (row["type"] === "outbound-rtp" && line >= 0) {
      sent.push(readSent(rows, line, row));
    }
  }
  return {
    connectionState: peer.connection.connectionState,
    iceConnectionState: peer.connection.iceConnectionState,
    slots,
    sent,
    pair: readPair(rows),
  };
}
