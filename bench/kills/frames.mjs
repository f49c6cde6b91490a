// SPDX-License-Identifier: Apache-2.0
// Gaps between the pictures on a screen, and how figures of several rounds are shown.

/** Has a page note when each picture of another guest comes to the screen. */
export const watch = (page, name) => page.getByRole("listitem", { name: new RegExp(`^${name}`) }).locator("video")
  .evaluate((video) => {
    window.frameTimes = [];
    const note = (now) => {
      window.frameTimes.push(performance.timeOrigin + now);
      video.requestVideoFrameCallback(note);
    };
    video.requestVideoFrameCallback(note);
  });

/** The largest gap between two pictures between two times, ms. */
export async function gap(page, from, to) {
  const times = (await page.evaluate(() => window.frameTimes)).filter((t) => t >= from && t <= to);
  return Math.round([...times, to].reduce((max, t, i, all) => Math.max(max, t - (all[i - 1] ?? from)), 0));
}

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
export const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
export const show = (list) => `${median(list)} (${Math.min(...list)}-${Math.max(...list)})`;
