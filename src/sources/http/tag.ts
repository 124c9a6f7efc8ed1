/** Tags from paths. Source: Fluentd 1.16 in_http.rb: `/` becomes `.`, percent escapes stay, parts at the end that are empty go. */
import { tagBytesMax } from '../../core/tag.ts';
import { Refusal } from '../requests/refusal.ts';

/** @throws Refusal invalid_path */
export function tagOfPath(path: string): string {
  if (path.length > tagBytesMax)
    throw new Refusal('invalid_path', `the path is longer than a tag may be: ${tagBytesMax} bytes`);
  const strange = path.search(/[^\x21-\x7e]/);
  if (strange >= 0)
    throw new Refusal(
      'invalid_path',
      `the path holds a byte that no URL may hold, at byte ${strange}: write %XX for it`,
    );
  return path.replace(/^\//, '').replace(/\/+$/, '').replaceAll('/', '.');
}
