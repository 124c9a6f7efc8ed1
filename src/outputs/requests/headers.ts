/** Headers of requests: what may stand in them, and as what. */
import { http } from '../../core/node-http.ts';
import { errorText } from '../../core/errors.ts';

/** What is wrong with a header; undefined: nothing. */
export function headerProblem(name: string, value: string): string | undefined {
  try {
    http.validateHeaderName(name);
    http.validateHeaderValue(name, headerBytes(value));
    return undefined;
  } catch (error) {
    return `header ${JSON.stringify(name)}: ${errorText(error)}`;
  }
}

/** Header values are bytes; Node takes a character for each. */
export function headerBytes(value: string): string {
  return Buffer.from(value).toString('latin1');
}
