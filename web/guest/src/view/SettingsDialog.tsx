// SPDX-License-Identifier: Apache-2.0
// Devices and how the page looks. On/off and "which one" are controls of their own: one for both
// confuses.

import { setCameraOff, setMuted } from "../app/local";
import { setSelfHidden } from "../app/prefs";
import { audioMuted, cameraState, devices, micState, selfHidden, videoMuted } from "../store";
import { t } from "../text";
import { DeviceNote } from "./DeviceNote";
import { DeviceSelect } from "./DeviceSelect";
import { Dialog } from "./Dialog";
import { LanguageSelect } from "./LanguageSelect";
import { LayoutChoice } from "./LayoutChoice";
import { LevelMeter } from "./LevelMeter";
import { OwnVideo } from "./OwnVideo";
import { ShortcutSwitch } from "./ShortcutSwitch";
import { Switch } from "./Switch";
import { TestSound } from "./TestSound";

export function SettingsDialog() {
  return (
    <Dialog title={t("settings")}>
      <div class="settings">
        <section>
          <DeviceSelect kind="audioinput" />
          <LevelMeter />
          <Switch label={t("micOn")} on={!audioMuted.value} onChange={(on) => void setMuted(!on)} />
          <DeviceNote kind="audio" state={micState.value} />
          {devices.value.audiooutput.length > 0 && <DeviceSelect kind="audiooutput" />}
          <TestSound />
        </section>
        <section>
          <DeviceSelect kind="videoinput" />
          {!videoMuted.value && (
            <div class="mirror">
              <OwnVideo />
            </div>
          )}
          <Switch
            label={t("cameraIsOn")}
            on={!videoMuted.value}
            onChange={(on) => void setCameraOff(!on)}
          />
          <DeviceNote kind="video" state={cameraState.value} />
        </section>
        <section>
          <LayoutChoice />
          <Switch
            label={t("selfShown")}
            on={!selfHidden.value}
            onChange={(on) => setSelfHidden(!on)}
          />
        </section>
        <section>
          <LanguageSelect />
          <ShortcutSwitch />
        </section>
      </div>
    </Dialog>
  );
}
