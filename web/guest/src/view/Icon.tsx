// SPDX-License-Identifier: Apache-2.0
// Line drawings on a 24 by 24 grid. They decorate: the control around them carries the name.

const PATHS = {
  mic: "M12 4a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V7a3 3 0 0 1 3-3z M6 11.5a6 6 0 0 0 12 0 M12 17.5V21",
  micOff:
    "M15 10V7a3 3 0 0 0-5.7-1.3 M9 9v3a3 3 0 0 0 4.6 2.5 M6 11.5a6 6 0 0 0 9.6 4.8 " +
    "M18 11.5a6 6 0 0 1-.5 2.4 M12 17.5V21 M4 4l16 16",
  camera:
    "M4 7.5h9a2 2 0 0 1 2 2v5a2 2 0 0 1-2 2H4a1.5 1.5 0 0 1-1.5-1.5V9A1.5 1.5 0 0 1 4 7.5z " +
    "M15 11l6-3v8l-6-3",
  cameraOff:
    "M9 7.5h4a2 2 0 0 1 2 2V13 M14 16.5H4A1.5 1.5 0 0 1 2.5 15V9A1.5 1.5 0 0 1 4 7.5 " +
    "M15 11l6-3v8l-3-1.5 M4 4l16 16",
  screen:
    "M4 5h16a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1z M9 20h6 " +
    "M12 13V8 M9.5 10.5L12 8l2.5 2.5",
  hand:
    "M8 12V6.5a1.5 1.5 0 0 1 3 0V11 M11 11V4.5a1.5 1.5 0 0 1 3 0V11 M14 11V6.5a1.5 1.5 0 0 1 3 0V14 " +
    "a6 6 0 0 1-6 6c-2.5 0-4-1-5.2-3l-2-3.6a1.5 1.5 0 0 1 2.5-1.6L8 14",
  people:
    "M9 11a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4z M3 19.5a6 6 0 0 1 12 0 " +
    "M16 5.2a3 3 0 0 1 0 5.6 M17.5 14.2a6 6 0 0 1 3.5 5.3",
  leave: "M3.5 14.5c5-5 12-5 17 0l-2.2 2.2-3.4-1.7v-2.4a12 12 0 0 0-5.8 0V15l-3.4 1.7z",
  lock:
    "M6.5 11h11a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1h-11a1 1 0 0 1-1-1v-7a1 1 0 0 1 1-1z " +
    "M8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  close: "M6 6l12 12 M18 6L6 18",
  back: "M14.5 5.5L8 12l6.5 6.5",
  warning: "M12 4.5l8.5 15h-17z M12 10.5v4 M12 17v.2",
  sound: "M4 9.5h3.5L12 5.5v13l-4.5-4H4z M15.5 9a4.5 4.5 0 0 1 0 6 M18 6.5a8 8 0 0 1 0 11",
  more: "M5.5 12v.01 M12 12v.01 M18.5 12v.01",
  auto: "M4 5.5h16v13H4z M4 14h16 M9.5 14v4.5 M14.5 14v4.5",
  grid: "M4 5h7v6H4z M13 5h7v6h-7z M4 13h7v6H4z M13 13h7v6h-7z",
  speakerView: "M3.5 5h12v14h-12z M18 5h2.5v3.5H18z M18 10.2h2.5v3.5H18z M18 15.5h2.5V19H18z",
  pin: "M9 4h6 M10 4v6l-3 3.5h10L14 10V4 M12 13.5V20",
  unpin: "M9 4h6 M10 4v6l-3 3.5h10L14 10V4 M12 13.5V20 M4 4l16 16",
  eye: "M2.5 12c5-8 14-8 19 0-5 8-14 8-19 0z M12 9.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6z",
  eyeOff:
    "M2.5 12c5-8 14-8 19 0-5 8-14 8-19 0z M12 9.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6z " +
    "M4 4l16 16",
  full: "M4 9V4h5 M15 4h5v5 M20 15v5h-5 M9 20H4v-5",
  settings:
    "M12 8.8a3.2 3.2 0 1 0 0 6.4 3.2 3.2 0 0 0 0-6.4z M12 2.8v3 M12 18.2v3 M2.8 12h3 M18.2 12h3 " +
    "M5.5 5.5l2.1 2.1 M16.4 16.4l2.1 2.1 M5.5 18.5l2.1-2.1 M16.4 7.6l2.1-2.1",
  signal: "M5 19v-4 M10 19v-7.5 M15 19V8 M20 19V4.5",
  keyboard:
    "M3 6.5h18v11H3z M6.5 10v.01 M10 10v.01 M13.5 10v.01 M17 10v.01 M7.5 14h9",
  pause: "M9 6v12 M15 6v12",
  copy: "M9 9h10v11H9z M5 15V4h10",
  remove: "M9 11a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4z M3 19.5a6 6 0 0 1 12 0 M16 10h5",
};

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
