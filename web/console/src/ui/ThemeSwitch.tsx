/** A button that goes through the colours: as the system, light, dark. */
import { useChanges } from "./emitter";
import { MoonIcon, SunIcon, SystemIcon } from "./icons";
import { theme, type Theme } from "./theme";

const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
const WORDS: Record<Theme, string> = { system: "as the system", light: "light", dark: "dark" };

export function ThemeSwitch() {
  useChanges(theme);
  const { chosen } = theme;
  const icon = { system: <SystemIcon />, light: <SunIcon />, dark: <MoonIcon /> }[chosen];
  return (
    <button type="button" class="button quiet square theme-switch" onClick={() => theme.set(NEXT[chosen])}
      aria-label={`Colours: ${WORDS[chosen]}. Change to ${WORDS[NEXT[chosen]]}`} title={`Colours: ${WORDS[chosen]}`}>{icon}</button>
  );
}
