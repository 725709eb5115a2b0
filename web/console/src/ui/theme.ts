/**
 * Light, dark, or as the system wishes. The choice is kept in the browser.
 *
 *     theme.set("dark");      colourOf("--accent")      // for canvases; all else takes the token in CSS
 */
import { Emitter } from "./emitter";

export type Theme = "system" | "light" | "dark";
const KEPT = "theme";

class ThemeSwitch extends Emitter {
  chosen: Theme = "system";

  constructor() {
    super();
    const kept = localStorage.getItem(KEPT);
    if (kept === "light" || kept === "dark") this.chosen = kept;
    this.apply();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.emit());
  }

  get isDark(): boolean {
    return this.chosen === "dark" || (this.chosen === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
  }

  set(theme: Theme): void {
    this.chosen = theme;
    if (theme === "system") localStorage.removeItem(KEPT);
    else localStorage.setItem(KEPT, theme);
    this.apply();
    this.emit();
  }

  private apply(): void {
    if (this.chosen === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = this.chosen;
  }
}

export const theme = new ThemeSwitch();

/** Return the present colour of a token, as canvases need it. */
export function colourOf(token: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${token})`;
  document.body.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}
