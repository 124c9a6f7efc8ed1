/** Models without the places in their files: moving a section by a line changes nothing that runs. */
import { isDeepStrictEqual } from 'node:util';

/** The JSON text of a model, or of a part of one, without places. */
export function textWithoutPlaces(model: unknown): string {
  return JSON.stringify(model, (key, value: unknown) => (key === 'at' ? undefined : value));
}

/** Do two models say the same, wherever they say it and in whatever order their keys stand? */
export function isSameModel(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(JSON.parse(textWithoutPlaces(a)), JSON.parse(textWithoutPlaces(b)));
}
