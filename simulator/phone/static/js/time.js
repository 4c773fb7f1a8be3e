// Dates, times and durations as text.

const CLOCK = new Intl.DateTimeFormat("pt-BR", { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat("pt-BR", { day: "numeric", month: "long", year: "numeric" });
const FULL = new Intl.DateTimeFormat("pt-BR", { dateStyle: "short", timeStyle: "medium" });
const DAY_MS = 24 * 3600 * 1000;

/** The difference between Meta's clock and this machine's, in milliseconds, read from the control API. */
export const shift = { ms: 0 };

export const now = () => new Date(Date.now() + shift.ms);
export const hour = (moment) => CLOCK.format(new Date(moment));
export const full = (moment) => FULL.format(new Date(moment));
export const sameDay = (one, other) => new Date(one).toDateString() === new Date(other).toDateString();

/** Return "Hoje", "Ontem" or the date. */
export function day(moment) {
  if (sameDay(moment, now())) return "Hoje";
  if (sameDay(moment, now() - DAY_MS)) return "Ontem";
  return DAY.format(new Date(moment));
}

/** Return seconds as "0:07". */
export function duration(seconds) {
  const whole = Math.floor(Number.isFinite(seconds) ? seconds : 0);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** Return when the 24-hour window ends, or null if it is closed; `wrote`: seconds, by number. */
export function windowEnd(lastMessage, wrote = {}) {
  const last = Math.max(...Object.values(wrote).map((seconds) => seconds * 1000), lastMessage ? new Date(lastMessage).getTime() : 0);
  const end = new Date(last + DAY_MS);
  return end > now() ? end : null;
}

/** Return the clock's offset as "+24 h" or "−30 min". */
export function offset(seconds) {
  const sign = seconds < 0 ? "−" : "+";
  const minutes = Math.round(Math.abs(seconds) / 60);
  if (minutes < 60) return `${sign}${minutes} min`;
  const rest = minutes % 60;
  return `${sign}${Math.floor(minutes / 60)} h${rest ? ` ${rest} min` : ""}`;
}
