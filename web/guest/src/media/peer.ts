// SPDX-License-Identifier: Apache-2.0
// The one RTCPeerConnection of a call with its 18 fixed m-lines (docs/guest-protocol.md, "Media").
// Everything slow is done before the guest clicks: connection, transceivers and a first offer exist
// while the preview is shown. Knows no signalling and no view.

import { encodingFor } from "./encoding";

export interface PeerEvents {
  /** An empty candidate ends the generation. */
  onCandidate(candidate: string, ufrag: string): void;
  onCandidateError(code: number, text: string): void;
  onState(state: RTCPeerConnectionState): void;
  /** Nothing mends this connection any more, no ICE restart either: make another. */
  onBroken(): void;
}

export type Source = "mic" | "camera" | "screen" | "screenAudio";

interface Candidate {
  candidate: string;
  ufrag: string;
}

const LINE: Record<Source, number> = { mic: 0, camera: 1, screen: 2, screenAudio: 3 };
export const FIRST_AUDIO_LINE = 4;
export const FIRST_VIDEO_LINE = 7;
export const SCREEN_LINE = 16;
export const SCREEN_AUDIO_LINE = 17;
export const LINES = 18;

const CAMERA_FPS = 30;
const SCREEN_FPS = 15;

const CAMERA_ENCODINGS: RTCRtpEncodingParameters[] = [
  { rid: "h", active: true, maxBitrate: 1_700_000, maxFramerate: CAMERA_FPS },
  { rid: "m", active: false, maxBitrate: 500_000, scaleResolutionDownBy: 2 },
  { rid: "l", active: false, maxBitrate: 150_000, scaleResolutionDownBy: 4 },
];

/** Only opus (and red around it) or only `name` and its retransmission. */
function codecs(kind: "audio" | "video", name: string): RTCRtpCodec[] {
  const wanted =
    kind === "audio" ? ["audio/opus", "audio/red"] : [`video/${name}`.toLowerCase(), "video/rtx"];
  const all = RTCRtpReceiver.getCapabilities(kind)?.codecs ?? [];
  return wanted.flatMap((w) => all.filter((c) => c.mimeType.toLowerCase() === w));
}

export class Peer {
  readonly connection: RTCPeerConnection;
  private readonly lines: RTCRtpTransceiver[] = [];
  private readonly streams: MediaStream[];
  private readonly remoteBefore: string[] = [];
  private sent: Candidate[] = [];
  private codec = "";
  private prepared: Promise<RTCSessionDescriptionInit> | null = null;
  private applied: Promise<void> = Promise.resolve();
  private offered = "";
  private adapting: Promise<void> = Promise.resolve();

  constructor(
    private readonly events: PeerEvents,
    policy: RTCIceTransportPolicy,
  ) {
    this.connection = new RTCPeerConnection({
      bundlePolicy: "max-bundle",
      iceTransportPolicy: policy,
    });
    for (let i = 0; i < LINES; i++) this.lines.push(this.addLine(i));
    this.streams = this.lines.map((l) => new MediaStream([l.receiver.track]));
    this.connection.onicecandidate = (e) => this.onCandidate(e.candidate);
    this.connection.onicecandidateerror = (e) =>
      this.events.onCandidateError(e.errorCode, `${e.url}: ${e.errorCode} ${e.errorText}`);
    this.connection.onconnectionstatechange = () =>
      this.events.onState(this.connection.connectionState);
    this.prepare("VP8");
  }

  /** What arrives on an m-line (4 to 17). The same object for the whole call. */
  stream(line: number): MediaStream | undefined {
    return this.streams[line];
  }

  /** Who is really shown on a line: the newest packet's CSRC; 0 while unknown. */
  contributor(line: number): number {
    const sources = this.lines[line]?.receiver.getContributingSources?.() ?? [];
    let newest: RTCRtpContributingSource | undefined;
    for (const s of sources) if (newest === undefined || s.timestamp > newest.timestamp) newest = s;
    return newest?.source ?? 0;
  }

  /** The m-line of a mid as stats name it; -1 if there is none. */
  lineOf(mid: string): number {
    return this.lines.findIndex((l) => l.mid === mid);
  }

  /** The offer to be sent now; it is being applied meanwhile, and candidates follow by event. */
  async offer(servers: RTCIceServer[], codec: string): Promise<string> {
    if (servers.length > 0) this.configure(servers);
    if (codec !== this.codec || this.prepared === null) this.prepare(codec);
    return this.apply(this.prepared!);
  }

  /** An offer with new ICE credentials; media keeps flowing on the old path while there is one. */
  async restart(servers: RTCIceServer[]): Promise<string> {
    if (servers.length > 0) this.configure(servers);
    this.offered = ""; // an answer to what is overtaken now is of no use
    await this.applied.catch(() => {});
    if (this.connection.signalingState === "have-local-offer") {
      await this.connection.setLocalDescription({ type: "rollback" });
    }
    return this.apply(this.connection.createOffer({ iceRestart: true }));
  }

  async answer(sdp: string): Promise<void> {
    await this.applied;
    await this.connection.setRemoteDescription({ type: "answer", sdp });
    this.watchDtls();
    this.offered = "";
    for (const candidate of this.remoteBefore.splice(0)) this.addCandidate(candidate);
  }

  /** The offer that has no answer yet; empty if there is none. */
  get unanswered(): string {
    return this.offered;
  }

  /** Own addresses found in this generation. */
  get candidates(): number {
    return this.sent.filter((s) => s.candidate !== "").length;
  }

  /** The candidates of this generation once more: those sent on a dying WebSocket may be lost. */
  repeatCandidates(): void {
    for (const c of this.sent) this.events.onCandidate(c.candidate, c.ufrag);
  }

  /** One of the callbridge's, before or after its answer. Empty: the last one was the last. */
  addCandidate(candidate: string): void {
    if (this.connection.remoteDescription === null || this.offered !== "") {
      this.remoteBefore.push(candidate);
      return;
    }
    this.connection
      .addIceCandidate({ candidate, sdpMLineIndex: 0, sdpMid: this.lines[0]!.mid })
      .catch(() => {}); // of an older generation, or a kind this browser does not know
  }

  /** Starts, changes or (null) stops what a source sends; never a renegotiation. */
  async send(source: Source, track: MediaStreamTrack | null): Promise<void> {
    const sender = this.lines[LINE[source]]!.sender;
    if (sender.track !== track) await sender.replaceTrack(track);
  }

  /** Sends no more of a picture than the largest size somebody looks at; never a renegotiation. */
  adapt(source: "camera" | "screen", wanted: number): void {
    const sender = this.lines[LINE[source]]!.sender;
    // One after the other: parameters are only valid until the next ones are set.
    this.adapting = this.adapting
      .then(async () => {
        const height = sender.track?.getSettings().height ?? 0;
        const parameters = sender.getParameters();
        const first = parameters.encodings[0];
        if (height === 0 || first === undefined) return;
        const fps = source === "camera" ? CAMERA_FPS : SCREEN_FPS;
        const next = encodingFor(height, wanted, fps);
        const same =
          first.scaleResolutionDownBy === next.scaleResolutionDownBy &&
          first.maxBitrate === next.maxBitrate &&
          first.maxFramerate === next.maxFramerate;
        if (same) return;
        Object.assign(first, next);
        await sender.setParameters(parameters);
      })
      .catch(() => {}); // closed meanwhile, or a browser that lets nothing be changed
  }

  close(): void {
    this.connection.onicecandidate = null;
    this.connection.onicecandidateerror = null;
    this.connection.onconnectionstatechange = null;
    const dtls = this.lines[0]?.sender.transport;
    if (dtls) dtls.onstatechange = null;
    this.connection.close();
  }

  /** Firefox lets DTLS fail with ICE: after an ICE restart it receives, but sends nothing. */
  private watchDtls(): void {
    const dtls = this.lines[0]!.sender.transport;
    if (dtls == null) return;
    dtls.onstatechange = () => {
      if (dtls.state === "failed") this.events.onBroken();
    };
  }

  private addLine(i: number): RTCRtpTransceiver {
    const kind =
      i === 1 || i === 2 || (i >= FIRST_VIDEO_LINE && i <= SCREEN_LINE) ? "video" : "audio";
    const init: RTCRtpTransceiverInit = {
      direction: i < FIRST_AUDIO_LINE ? "sendonly" : "recvonly",
    };
    if (i === LINE.camera) init.sendEncodings = CAMERA_ENCODINGS;
    if (i === LINE.screen)
      init.sendEncodings = [{ maxBitrate: 2_500_000, maxFramerate: SCREEN_FPS }];
    return this.connection.addTransceiver(kind, init);
  }

  private prepare(codec: string): void {
    this.codec = codec;
    for (const line of this.lines) {
      const kind = line.receiver.track.kind as "audio" | "video";
      const preferred = codecs(kind, codec);
      // A browser without the space's codec offers what it has, and the callbridge's answer
      // decides.
      if (preferred.length > 0) line.setCodecPreferences?.(preferred);
    }
    this.prepared = this.connection.createOffer();
    this.prepared.catch(() => {}); // seen by whoever awaits it
  }

  private configure(servers: RTCIceServer[]): void {
    this.connection.setConfiguration({
      ...this.connection.getConfiguration(),
      iceServers: servers,
    });
  }

  private async apply(offer: Promise<RTCSessionDescriptionInit>): Promise<string> {
    const description = await offer;
    this.prepared = null;
    this.sent = [];
    this.offered = description.sdp ?? "";
    // Not awaited: with 18 m-lines it takes 50 ms, in which the offer travels already.
    this.applied = this.connection.setLocalDescription(description);
    this.applied.catch(() => {}); // seen by answer()
    return this.offered;
  }

  private onCandidate(c: RTCIceCandidate | null): void {
    const own: Candidate = { candidate: c?.candidate ?? "", ufrag: c?.usernameFragment ?? "" };
    // Browsers differ in how they say "the end": an empty candidate, null, or first one then the
    // other.
    if (own.candidate === "" && this.sent.some((s) => s.candidate === "")) return;
    this.sent.push(own);
    this.events.onCandidate(own.candidate, own.ufrag);
  }
}
