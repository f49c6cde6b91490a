// SPDX-License-Identifier: Apache-2.0
import { render } from "preact";
import { startCall } from "./app/call";
import { startConnection } from "./app/connection";
import { onDown, onUp, startEntry } from "./app/entry";
import { startDevices } from "./app/local";
import { hooks, session } from "./app/session";
import { exposeDebug } from "./debug";
import "./style/base.css";
import "./style/forms.css";
import "./style/meeting.css";
import "./style/bar.css";
import { language } from "./text";
import { App } from "./view/App";

document.documentElement.lang = language;
hooks.onUp = onUp;
hooks.onDown = onDown;
startDevices();
startConnection();
startCall();
startEntry();
exposeDebug();
render(<App />, document.getElementById("app")!);
session.start();
