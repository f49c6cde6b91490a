// SPDX-License-Identifier: Apache-2.0
// A callbridge made of a second browser page: answers the 18 m-lines, sends a drawn picture in
// every video slot and a tone in every audio slot, and counts what it receives.

export async function startBridge(browser, server) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${server.origin}/bridge`);
  await page.exposeFunction("tell", (candidate) => server.send("candidate", { candidate }));
  await page.exposeFunction("mediaState", (state) => server.send("media", { state, cause: "" }));
  server.onOffer = (sdp) => page.evaluate(answer, sdp);
  server.onCandidate = (candidate) =>
    void page.evaluate((c) => window.candidate(c), candidate).catch(() => {}); // the test is over
  return {
    page,
    /** The bridge dies as by kill -9, as far as a page can. */
    kill: () => context.close(),
    /** The picture of an m-line stops, and the path lives on. */
    stopPicture: (line) =>
      page.evaluate((i) => window.pc.getTransceivers()[i].sender.replaceTrack(null), line),
    startPicture: (line) => page.evaluate((i) => window.draw(i), line),
    received: () =>
      page.evaluate(async () => {
        const sums = {};
        (await window.pc.getStats()).forEach((r) => {
          if (r.type === "inbound-rtp")
            sums[`${r.mid} ${r.kind}`] = r.framesDecoded ?? r.packetsReceived;
        });
        return sums;
      }),
  };
}

/** Runs in the page. */
async function answer(sdp) {
  const draw = (hue) => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [320, 180];
    const pen = canvas.getContext("2d");
    let n = 0;
    setInterval(() => {
      pen.fillStyle = `hsl(${hue} 35% 35%)`;
      pen.fillRect(0, 0, 320, 180);
      pen.fillStyle = `hsl(${hue} 45% 70%)`;
      pen.beginPath();
      pen.arc(160 + 30 * Math.sin(n++ / 5), 75, 35, 0, 7);
      pen.arc(160, 200, 80, 0, 7);
      pen.fill();
    }, 100);
    return canvas.captureStream(10).getVideoTracks()[0];
  };
  const tone = () => {
    window.audio ??= new AudioContext();
    const out = window.audio.createMediaStreamDestination();
    const oscillator = window.audio.createOscillator();
    oscillator.connect(out);
    oscillator.start();
    return out.stream.getAudioTracks()[0];
  };
  window.pc?.close();
  const pc = (window.pc = new RTCPeerConnection());
  let early = [];
  window.candidate = (candidate) => {
    if (early !== null) early.push(candidate);
    else pc.addIceCandidate({ candidate, sdpMLineIndex: 0 }).catch(() => {});
  };
  pc.onicecandidate = (e) => window.tell(e.candidate?.candidate ?? "");
  pc.onconnectionstatechange = () => {
    if (pc.connectionState === "connected") window.mediaState("connected");
  };
  window.draw = (i) => void pc.getTransceivers()[i].sender.replaceTrack(draw(i * 60));
  await pc.setRemoteDescription({ type: "offer", sdp });
  pc.getTransceivers().forEach((line, i) => {
    if (i < 4) {
      line.direction = "recvonly";
      return;
    }
    line.direction = "sendonly";
    // Two pictures and one tone are enough to see that slots work.
    if (i === 4) void line.sender.replaceTrack(tone());
    if (i === 7 || i === 8 || i === 16) window.draw(i);
  });
  await pc.setLocalDescription();
  const waiting = early;
  early = null;
  waiting.forEach(window.candidate);
  return pc.localDescription.sdp;
}
