/**
 * PNG pictures made small: of a page's colours the 256 that count most stay, the others become the nearest of them. A
 * picture of text and lines looks the same at a third of the size. Reads what Chromium writes: 8 bits a channel, RGB or
 * RGBA, not interlaced (PNG specification, third edition, sections 5, 7.4, 9 and 11.2).
 */
import assert from 'node:assert/strict';
import { crc32, deflateSync, inflateSync } from 'node:zlib';

interface Pixels {
  readonly width: number;
  readonly height: number;
  /** 0xRRGGBB of each pixel. */
  readonly colours: Uint32Array;
}

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** As many as one byte tells apart. */
const paletteSize = 256;
/** Nearer than this (about two steps a channel) the eye takes one colour for the other. */
const likeness = 36;

export function smallPng(png: Buffer): Buffer {
  const { width, height, colours } = decode(png);
  const { palette, indexOf } = paletteOf(colours);
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) rows[y * (width + 1) + 1 + x] = indexOf.get(colours[y * width + x] ?? 0) ?? 0;
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 3, 0, 0, 0], 8);
  const plte = Buffer.from(palette.flatMap((colour) => [colour >> 16, (colour >> 8) & 255, colour & 255]));
  const body = deflateSync(rows, { level: 9, memLevel: 9 });
  return Buffer.concat([
    signature,
    chunk('IHDR', head),
    chunk('PLTE', plte),
    chunk('IDAT', body),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, body: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), body]);
  const framed = Buffer.alloc(typed.length + 8);
  framed.writeUInt32BE(body.length, 0);
  typed.copy(framed, 4);
  framed.writeUInt32BE(crc32(typed), typed.length + 4);
  return framed;
}

/** Every colour's place in the palette. */
function paletteOf(colours: Uint32Array): { palette: number[]; indexOf: Map<number, number> } {
  const counts = new Map<number, number>();
  for (const colour of colours) counts.set(colour, (counts.get(colour) ?? 0) + 1);
  // Greys are many and near each other; what is coloured is rare and would be missed.
  const weightOf = ([colour, count]: readonly [number, number]): number => count * (1 + chroma(colour) ** 2 / 100);
  const byCount = [...counts].toSorted((a, b) => weightOf(b) - weightOf(a)).map(([colour]) => colour);
  const palette: number[] = [];
  for (const colour of byCount) {
    if (palette.length === paletteSize) break;
    if (!palette.some((other) => distance(other, colour) < likeness)) palette.push(colour);
  }
  return { palette, indexOf: new Map(byCount.map((colour) => [colour, nearest(palette, colour)])) };
}

/** How far a colour is from grey. */
function chroma(colour: number): number {
  const channels = [colour >> 16, (colour >> 8) & 255, colour & 255];
  return Math.max(...channels) - Math.min(...channels);
}

function nearest(palette: readonly number[], colour: number): number {
  let best = 0;
  for (const [index, other] of palette.entries())
    if (distance(other, colour) < distance(palette[best] ?? 0, colour)) best = index;
  return best;
}

/** Greens count most, as to the eye. */
function distance(one: number, other: number): number {
  const red = (one >> 16) - (other >> 16);
  const green = ((one >> 8) & 255) - ((other >> 8) & 255);
  const blue = (one & 255) - (other & 255);
  return 2 * red * red + 4 * green * green + 3 * blue * blue;
}

function decode(png: Buffer): Pixels {
  assert.ok(png.subarray(0, 8).equals(signature), 'reading a picture: it is no PNG');
  let head: Buffer | undefined;
  const parts: Buffer[] = [];
  for (let at = 8; at < png.length;) {
    const length = png.readUInt32BE(at);
    const type = png.toString('latin1', at + 4, at + 8);
    const body = png.subarray(at + 8, at + 8 + length);
    if (type === 'IHDR') head = body;
    if (type === 'IDAT') parts.push(body);
    at += length + 12;
  }
  assert.ok(head, 'reading a picture: it has no head');
  const [width, height, depth, kind, interlaced] = [
    head.readUInt32BE(0),
    head.readUInt32BE(4),
    head[8],
    head[9],
    head[12],
  ];
  assert.ok(
    depth === 8 && (kind === 2 || kind === 6) && interlaced === 0,
    'reading a picture: not as Chromium writes it',
  );
  const channels = kind === 2 ? 3 : 4;
  const bytes = unfiltered(inflateSync(Buffer.concat(parts)), width * channels, height, channels);
  const colours = new Uint32Array(width * height);
  for (let index = 0; index < colours.length; index++) colours[index] = bytes.readUIntBE(index * channels, 3);
  return { width, height, colours };
}

/** Each row begins with how it was filtered; bytes before the first row and column count as 0. */
function unfiltered(rows: Buffer, rowBytes: number, height: number, channels: number): Buffer {
  const bytes = Buffer.alloc(rowBytes * height);
  for (let y = 0; y < height; y++) {
    const filter = rows[y * (rowBytes + 1)] ?? 0;
    for (let x = 0; x < rowBytes; x++) {
      const at = y * rowBytes + x;
      const left = x >= channels ? (bytes[at - channels] ?? 0) : 0;
      const up = y > 0 ? (bytes[at - rowBytes] ?? 0) : 0;
      const corner = x >= channels && y > 0 ? (bytes[at - rowBytes - channels] ?? 0) : 0;
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter] ?? 0;
      bytes[at] = ((rows[y * (rowBytes + 1) + 1 + x] ?? 0) + guess) & 255;
    }
  }
  return bytes;
}

function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner;
  const [byLeft, byUp, byCorner] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
  if (byLeft <= byUp && byLeft <= byCorner) return left;
  return byUp <= byCorner ? up : corner;
}
