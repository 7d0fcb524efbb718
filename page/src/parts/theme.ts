/** The theme, which this browser remembers. */

export type Theme = "system" | "light" | "dark";

const KEY = "shardblast.theme";

export function knownTheme(): Theme {
  const known = localStorage.getItem(KEY);
  return known === "light" || known === "dark" ? known : "system";
}

export function applyTheme(theme: Theme): void {
  localStorage.setItem(KEY, theme);
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}
