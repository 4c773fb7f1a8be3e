// The Opus packets of a WebM file as browsers record it. Format: Matroska (RFC 9559), EBML (RFC 8794).

const SEGMENT = 0x18538067;
const CLUSTER = 0x1f43b675;
const TRACKS = 0x1654ae6b;
const TRACK_ENTRY = 0xae;
const BLOCK_GROUP = 0xa0;
const CODEC_PRIVATE = 0x63a2;
const SIMPLE_BLOCK = 0xa3;
const BLOCK = 0xa1;
const CONTAINERS = new Set([SEGMENT, CLUSTER, TRACKS, TRACK_ENTRY, BLOCK_GROUP]);
const BLOCK_TIME_AND_FLAGS = 3; // bytes after the track's number

/** Return `{head, packets}`: the OpusHead of the track, and its packets in order. RangeError for other formats. */
export function opusOf(buffer) {
  const found = { head: null, packets: [] };
  read(new Uint8Array(buffer), found);
  if (!found.head || !found.packets.length) throw new RangeError("A gravação não contém áudio Opus.");
  return found;
}

function read(bytes, found) {
  let at = 0;
  while (at < bytes.length) {
    const id = number(bytes, at, true);
    const size = number(bytes, id.end, false);
    const end = size.unknown ? bytes.length : Math.min(size.end + size.value, bytes.length);
    const content = bytes.subarray(size.end, end);
    if (CONTAINERS.has(id.value)) read(content, found);
    else keep(id.value, content, found);
    at = end;
  }
}

function keep(id, content, found) {
  if (id === CODEC_PRIVATE) found.head = content;
  if (id === SIMPLE_BLOCK || id === BLOCK) found.packets.push(content.subarray(number(content, 0, false).end + BLOCK_TIME_AND_FLAGS));
}

/** Read a number of variable length: the zeros before its first bit give the number of bytes. Ids keep that bit. */
function number(bytes, at, keepsMarker) {
  const length = Math.clz32(bytes[at]) - 23;
  if (length > 8 || at + length > bytes.length) throw new RangeError("A gravação não é WebM.");
  let value = keepsMarker ? bytes[at] : bytes[at] & (0xff >> length);
  let allOnes = value === 0xff >> length;
  for (const byte of bytes.subarray(at + 1, at + length)) {
    value = value * 256 + byte;
    allOnes &&= byte === 0xff;
  }
  return { value, end: at + length, unknown: allOnes };
}
