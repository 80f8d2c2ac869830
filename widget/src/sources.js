/** Where a call's audio comes from: a stream of the page, the microphone, a tab, a file. */

import { Failure, microphoneFailure } from './failure.js';

/**
 * @typedef {'stream'|'microphone'|'tab'|'file'} SourceKind
 *
 * An open source. `stop` ends only what the element itself opened: a softphone's track stays the softphone's.
 * @typedef {object} Source
 * @property {SourceKind} kind
 * @property {AudioNode} node
 * @property {(ended: () => void) => void} onEnded
 * @property {() => void} begin let it sound
 * @property {() => void} stop
 */

/**
 * Opens a source in a context.
 * @typedef {(context: AudioContext) => Promise<Source>} SourceOpener
 */

/** Voice processing would change the very thing that is measured. */
const RAW_AUDIO = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };

/**
 * @param {AudioContext} context
 * @param {MediaStream} stream
 * @param {SourceKind} kind
 * @param {boolean} owned whether stopping the call stops the tracks
 * @returns {Source}
 */
function streamSource(context, stream, kind, owned) {
  const [track] = stream.getAudioTracks();
  if (!track) throw new Failure('no_audio_track');
  const node = context.createMediaStreamSource(new MediaStream([track]));
  const sink = kind === 'stream' ? mutedSink(track) : null;
  /** @type {() => void} */
  let ended = () => {};
  const onTrackEnd = () => ended();
  track.addEventListener('ended', onTrackEnd);
  return {
    kind,
    node,
    onEnded: (callback) => {
      ended = callback;
    },
    begin: () => {},
    stop: () => {
      track.removeEventListener('ended', onTrackEnd);
      node.disconnect();
      sink?.pause();
      if (sink) sink.srcObject = null;
      if (owned) for (const each of stream.getTracks()) each.stop();
    },
  };
}

/**
 * Play a remote track unheard: Chromium feeds silence into Web Audio from a remote track that no element plays.
 * @param {MediaStreamTrack} track
 * @returns {HTMLAudioElement}
 */
function mutedSink(track) {
  const sink = document.createElement('audio');
  sink.muted = true;
  sink.srcObject = new MediaStream([track]);
  // A refusal means only that this browser does not need it or waits for a click.
  sink.play().catch(() => {});
  return sink;
}

/**
 * @param {MediaStream} stream the customer's side
 * @returns {SourceOpener}
 */
export function openStream(stream) {
  return async (context) => streamSource(context, stream, 'stream', false);
}

/** @type {SourceOpener} */
export async function openMicrophone(context) {
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: RAW_AUDIO });
    return streamSource(context, stream, 'microphone', true);
  } catch (error) {
    throw microphoneFailure(error);
  }
}

/** @type {SourceOpener} */
export async function openTab(context) {
  if (!navigator.mediaDevices.getDisplayMedia) throw new Failure('unsupported');
  /** @type {MediaStream} */
  let stream;
  try {
    stream = await navigator.mediaDevices.getDisplayMedia({ audio: RAW_AUDIO, video: true });
  } catch (error) {
    throw new Failure('tab_denied', String(error));
  }
  // The picture is asked for because browsers offer no sound without it; nobody needs it.
  for (const track of stream.getVideoTracks()) track.stop();
  if (stream.getAudioTracks().length === 0) throw new Failure('tab_silent');
  return streamSource(context, stream, 'tab', true);
}

/**
 * Play a recording aloud, in real time, through the same way as a live call.
 * @param {Blob|string|URL} fileOrUrl
 * @returns {SourceOpener}
 */
export function openFile(fileOrUrl) {
  return async (context) => {
    const buffer = await decode(context, fileOrUrl);
    const node = new AudioBufferSourceNode(context, { buffer });
    node.connect(context.destination);
    return {
      kind: 'file',
      node,
      onEnded: (callback) => {
        node.onended = callback;
      },
      begin: () => node.start(),
      stop: () => {
        node.onended = null;
        node.disconnect();
      },
    };
  };
}

/**
 * @param {AudioContext} context
 * @param {Blob|string|URL} fileOrUrl
 * @returns {Promise<AudioBuffer>}
 */
async function decode(context, fileOrUrl) {
  const body = fileOrUrl instanceof Blob ? fileOrUrl : await download(fileOrUrl);
  try {
    return await context.decodeAudioData(await body.arrayBuffer());
  } catch (error) {
    throw new Failure('bad_file', String(error));
  }
}

/**
 * @param {string|URL} url
 * @returns {Promise<Response>}
 */
async function download(url) {
  const response = await fetch(url).catch((error) => {
    throw new Failure('unreachable', String(error));
  });
  if (!response.ok) throw new Failure('bad_file', `HTTP ${response.status}`);
  return response;
}
