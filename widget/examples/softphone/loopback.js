/** A call within one page: two peer connections, of which the customer's plays a recording. */

/** @typedef {{stream: MediaStream, hangUp: () => void}} RunningCall */

/**
 * Connect the two ends.
 * @param {AudioBuffer} recording what the customer says
 * @param {AudioContext} context in which it is played
 * @param {() => void} onSpoken the recording is over
 * @returns {Promise<RunningCall>} with the stream that arrives at the agent's end: a remote one, as from any softphone
 */
export async function connect(recording, context, onSpoken) {
  const customer = new RTCPeerConnection();
  const agent = new RTCPeerConnection();
  const voice = new AudioBufferSourceNode(context, { buffer: recording });
  const line = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
  voice.connect(line);
  voice.onended = onSpoken;
  for (const track of line.stream.getTracks()) customer.addTrack(track, line.stream);

  /** @type {Promise<MediaStream>} */
  const arrived = new Promise((resolve) => {
    agent.ontrack = ({ streams: [stream] }) => resolve(stream);
  });
  const connected = new Promise((resolve, reject) => {
    agent.onconnectionstatechange = () => {
      if (agent.connectionState === 'connected') resolve(undefined);
      if (agent.connectionState === 'failed') reject(new Error('the two ends found no way to each other'));
    };
  });
  const hangUp = () => {
    voice.onended = null;
    voice.disconnect();
    for (const track of line.stream.getTracks()) track.stop();
    customer.close();
    agent.close();
  };
  try {
    exchange(customer, agent);
    await customer.setLocalDescription();
    await agent.setRemoteDescription(/** @type {RTCSessionDescription} */ (customer.localDescription));
    await agent.setLocalDescription();
    await customer.setRemoteDescription(/** @type {RTCSessionDescription} */ (agent.localDescription));
    const [stream] = await Promise.all([arrived, connected]);
    voice.start();
    return { stream, hangUp };
  } catch (error) {
    hangUp();
    throw error;
  }
}

/**
 * Tell each end where the other may be reached; between two machines a signalling server does this.
 * @param {RTCPeerConnection} one
 * @param {RTCPeerConnection} other
 */
function exchange(one, other) {
  one.onicecandidate = ({ candidate }) => void other.addIceCandidate(candidate ?? undefined);
  other.onicecandidate = ({ candidate }) => void one.addIceCandidate(candidate ?? undefined);
}
