// SPDX-License-Identifier: Apache-2.0
import { setLanguage } from "../app/prefs";
import { language, LANGUAGES, t } from "../text";

export function LanguageSelect() {
  return (
    <label class="language">
      <span>{t("language")}</span>
      <select
        value={language.value}
        onChange={(e) => setLanguage(e.currentTarget.value)}
      >
        {Object.entries(LANGUAGES).map(([code, name]) => (
          <option key={code} value={code} lang={code}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
