// Light, dark, or as the system has it.

import { keep, kept } from "./keeping.js";
import { repaint } from "./sparks.js";

const KEPT = "tidegauge-theme";
const NEXT = { auto: "light", light: "dark", dark: "auto" };
const SIGN = { auto: "◐", light: "☀", dark: "☾" };

const system = matchMedia("(prefers-color-scheme: dark)");

export function installTheme(button, changed) {
  let theme = kept("localStorage", KEPT);
  if (!Object.hasOwn(NEXT, theme ?? "")) theme = "auto";
  const show = () => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    button.textContent = SIGN[theme];
    const words = `Theme: ${theme === "auto" ? "as the system" : theme}`;
    button.title = words;
    button.setAttribute("aria-label", words);
    repaint();
  };
  button.addEventListener("click", () => {
    theme = NEXT[theme];
    keep("localStorage", KEPT, theme);
    show();
    changed();
  });
  system.addEventListener("change", () => {
    repaint();
    changed();
  });
  show();
}
