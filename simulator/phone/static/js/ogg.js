// Opus packets in an Ogg file. Formats: RFC 3533 (Ogg), RFC 7845 (Opus in Ogg), RFC 6716 (durations of packets).

import { opusOf } from "./webm.js";

const FIRST = 2; // flags of a page
const LAST = 4;
const SERIAL = 1;
const PACKETS_A_PAGE = 50;
const HEADER_BYTES = 27;
const CRC_AT = 22;
const POLYNOMIAL = 0x04c11db7;
const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index << 24;
  for (let bit = 0; bit < 8; bit += 1) value = (value << 1) ^ (value & 0x80000000 ? POLYNOMIAL : 0);
  return value;
});

/** Return the bytes of an Ogg file with the Opus packets of a WebM recording, without a new encoding. */
export function oggFromWebm(buffer) {
  const { head, packets } = opusOf(buffer);
  const pages = [page([head], 0n, 0, FIRST), page([tags()], 0n, 1, 0)];
  let samples = 0n;
  for (let at = 0; at < packets.length; at += PACKETS_A_PAGE) {
    const some = packets.slice(at, at + PACKETS_A_PAGE);
    samples += some.reduce((sum, packet) => sum + BigInt(samplesOf(packet)), 0n);
    pages.push(page(some, samples, pages.length, at + PACKETS_A_PAGE >= packets.length ? LAST : 0));
  }
  return new Uint8Array(pages.flatMap((one) => [...one]));
}

/** Return the samples at 48 kHz in a packet, by its first byte: length and number of its frames. */
export function samplesOf(packet) {
  const configuration = packet[0] >> 3;
  const code = packet[0] & 3;
  const frames = code === 0 ? 1 : code === 3 ? packet[1] & 63 : 2;
  return frames * frameSamples(configuration);
}

function frameSamples(configuration) {
  if (configuration < 12) return [480, 960, 1920, 2880][configuration % 4]; // SILK: 10 to 60 ms
  if (configuration < 16) return [480, 960][configuration % 2]; // hybrid: 10, 20 ms
  return [120, 240, 480, 960][configuration % 4]; // CELT: 2.5 to 20 ms
}

function tags() {
  const vendor = new TextEncoder().encode("simulador");
  const packet = new Uint8Array(8 + 4 + vendor.length + 4);
  packet.set(new TextEncoder().encode("OpusTags"));
  new DataView(packet.buffer).setUint32(8, vendor.length, true);
  packet.set(vendor, 12);
  return packet;
}

function page(packets, granule, sequence, flags) {
  const lacing = packets.flatMap(({ length }) => [...Array(Math.floor(length / 255)).fill(255), length % 255]);
  const start = HEADER_BYTES + lacing.length;
  const bytes = new Uint8Array(start + packets.reduce((sum, { length }) => sum + length, 0));
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode("OggS"));
  bytes[5] = flags;
  view.setBigUint64(6, granule, true);
  view.setUint32(14, SERIAL, true);
  view.setUint32(18, sequence, true);
  bytes[26] = lacing.length;
  bytes.set(lacing, HEADER_BYTES);
  let at = start;
  for (const packet of packets) {
    bytes.set(packet, at);
    at += packet.length;
  }
  view.setUint32(CRC_AT, checksum(bytes), true);
  return bytes;
}

function checksum(bytes) {
  let value = 0;
  for (const byte of bytes) value = (value << 8) ^ TABLE[(value >>> 24) ^ byte];
  return value >>> 0;
}
