/** Light, dark, or as the system has it; remembered by this browser. */

export type Theme = "auto" | "light" | "dark";

const KEY = "shardblast.theme";

export function knownTheme(): Theme {
  const known = localStorage.getItem(KEY);
  return known === "light" || known === "dark" ? known : "auto";
}

export function applyTheme(theme: Theme): void {
  localStorage.setItem(KEY, theme);
  if (theme === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}
