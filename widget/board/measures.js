/** Amounts as people read them. */

/**
 * @param {number} share 0…1
 * @returns {string}
 */
export function percent(share) {
  return `${Math.round(share * 100)}\u00a0%`;
}

/**
 * @param {number} seconds of the call
 * @returns {string} mm:ss, and h:mm:ss from an hour on
 */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const short = `${padded(minutes)}:${padded(rest)}`;
  return hours ? `${hours}:${short}` : short;
}

/**
 * @param {number} seconds
 * @returns {string} for example "12 s", "4 min 10 s", "1 h 2 min"
 */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (hours) return minutes ? `${hours}\u00a0h ${minutes}\u00a0min` : `${hours}\u00a0h`;
  if (minutes) return rest ? `${minutes}\u00a0min ${rest}\u00a0s` : `${minutes}\u00a0min`;
  return `${rest}\u00a0s`;
}

/** @param {number} number */
function padded(number) {
  return String(number).padStart(2, '0');
}
