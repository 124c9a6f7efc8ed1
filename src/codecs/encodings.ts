/** Character encodings by the names that Ruby and the Encoding standard have for them; text in them read and written. */

/** Ruby's names that the Encoding standard does not know. */
const rubyNames: Readonly<Record<string, string>> = {
  'windows-31j': 'shift_jis',
  cp932: 'shift_jis',
  csWindows31j: 'shift_jis',
  cp949: 'euc-kr',
  cp936: 'gbk',
  cp950: 'big5',
  eucjp: 'euc-jp',
  'eucjp-ms': 'euc-jp',
  euckr: 'euc-kr',
  cp1250: 'windows-1250',
  cp1251: 'windows-1251',
  cp1252: 'windows-1252',
  'utf-16': 'utf-16le',
};
/** Ruby's names for bytes as they are. */
const plainNames = new Set(['ascii-8bit', 'binary', 'us-ascii', 'ascii', 'utf-8', 'cp65001']);

/** True for what Ruby keeps as bytes, and for UTF-8, which records are kept in. */
export function isPlainEncoding(name: string): boolean {
  return plainNames.has(name.toLowerCase());
}

/** The Encoding standard's name; undefined for one that is not known. */
export function decoderName(name: string): string | undefined {
  try {
    return new TextDecoder(rubyNames[name.toLowerCase()] ?? name.toLowerCase()).encoding;
  } catch {
    return undefined;
  }
}

const encoders = new Map<string, (text: string) => Buffer>();

/** Writes text in an encoding (a name of decoderName's); `?` stands for characters that it has not. Made once for each encoding. */
export function encoderOf(name: string): (text: string) => Buffer {
  const known = encoders.get(name);
  if (known) return known;
  const made = makeEncoder(name);
  encoders.set(name, made);
  return made;
}

function makeEncoder(name: string): (text: string) => Buffer {
  if (name === 'utf-8') return (text) => Buffer.from(text);
  if (name === 'utf-16le') return (text) => Buffer.from(text, 'utf16le');
  if (name === 'utf-16be') return (text) => Buffer.from(text, 'utf16le').swap16();
  const bytesOf = characterTable(name);
  return (text) => Buffer.concat(Array.from(text, (char) => bytesOf.get(char) ?? unknown));
}
const unknown = Buffer.from('?');

/** All characters of an encoding with its bytes: the decoder's answers, turned round. The shortest and lowest bytes of each count. */
function characterTable(name: string): ReadonlyMap<string, Buffer> {
  const decoder = new TextDecoder(name, { fatal: true });
  const table = new Map<string, Buffer>();
  const add = (bytes: Buffer): boolean => {
    try {
      const char = decoder.decode(bytes);
      if (Array.from(char).length === 1 && !table.has(char)) table.set(char, bytes);
      return true;
    } catch {
      // A fatal decoder throws for what is no character; bytes that only begin one are looked at with those behind them.
      return false;
    }
  };
  const leads: number[] = [];
  for (let byte = 0; byte < 256; byte++) if (!add(Buffer.from([byte]))) leads.push(byte);
  for (const lead of leads) for (let trail = 0x30; trail < 0xff; trail++) add(Buffer.from([lead, trail]));
  // EUC-JP's third set: 0x8F and two more.
  if (name === 'euc-jp')
    for (let lead = 0xa1; lead < 0xff; lead++)
      for (let trail = 0xa1; trail < 0xff; trail++) add(Buffer.from([0x8f, lead, trail]));
  return table;
}
