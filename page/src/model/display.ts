/** Numbers and times as displayed text. */

const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const second = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

export function count(number: number): string {
  return whole.format(number);
}

export function compact(number: number): string {
  return number < 100_000 ? whole.format(number) : short.format(number);
}

export function plural(number: number, one: string, many: string): string {
  return `${count(number)} ${number === 1 ? one : many}`;
}

export function bytes(size: number): string {
  const power = size < 1 ? 0 : Math.min(Math.floor(Math.log2(size) / 10), UNITS.length - 1);
  const value = size / 2 ** (10 * power);
  return `${power === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${UNITS[power] ?? ""}`;
}

export function percent(share: number): string {
  return `${share >= 0.9995 || share === 0 ? (share * 100).toFixed(0) : (share * 100).toFixed(share < 0.1 ? 1 : 0)}%`;
}

/** Formats seconds since 1970 in local time; today's times without a date. */
export function time(seconds: number, now = Date.now()): string {
  const at = new Date(seconds * 1000);
  return at.toDateString() === new Date(now).toDateString() ? clock.format(at) : moment.format(at);
}

/** Formats seconds since 1970 as local time to the second. */
export function secondTime(seconds: number): string {
  return second.format(new Date(seconds * 1000));
}

export function exactTime(seconds: number): string {
  return exact.format(new Date(seconds * 1000));
}

export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${seconds.toFixed(0)} s`;
  const total = Math.round(seconds);
  const [h, m, s] = [Math.floor(total / 3600), Math.floor((total % 3600) / 60), total % 60];
  return h > 0 ? `${count(h)} h ${String(m).padStart(2, "0")} min` : `${m} min ${String(s).padStart(2, "0")} s`;
}

/** Formats an E-value like BLAST+: 2e-35, 0.004, 0.0. */
export function evalue(value: number): string {
  if (value < 1e-180) return "0.0";
  if (value < 0.000_95) return value.toExponential(0).replace(/e-(\d)$/, "e-0$1");
  if (value < 0.1) return value.toFixed(3);
  return value < 10 ? value.toPrecision(2) : value.toFixed(0);
}

export function score(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}
