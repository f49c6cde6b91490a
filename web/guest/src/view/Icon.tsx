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
