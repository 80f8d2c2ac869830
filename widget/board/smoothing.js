/** A call's mood over time, from its stored readings: the server keeps the readings, and the last mood alone. Pure. */

/** As the server's `mood.py` smooths, so that the line ends where the call's own mood does. */
const SMOOTHING_SEC = 6;
const UNSURE_WEIGHT = 0.5;
const PRIOR = 0.2;

/** Where the server enters "tense" and "upset". */
export const TENSE_FROM = 0.45;
export const UPSET_FROM = 0.6;

/**
 * @typedef {{start_offset_sec: number, end_offset_sec: number, upset_score: number, uncertain: boolean}} Scored
 */

/**
 * @param {Scored[]} segments in the order of the audio
 * @returns {{x: number, y: number}[]} seconds of the call, and the smoothed upset score (0…1) there
 */
export function moodLine(segments) {
  let score = PRIOR;
  return segments.map((segment) => {
    const heard = (segment.end_offset_sec - segment.start_offset_sec) * (segment.uncertain ? UNSURE_WEIGHT : 1);
    score = segment.upset_score + (score - segment.upset_score) * Math.exp(-heard / SMOOTHING_SEC);
    return { x: segment.end_offset_sec, y: score };
  });
}
