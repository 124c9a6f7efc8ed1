/** A refused request on its way to the dead letters, with what a person needs to see what was wrong with it. */
import type { SourceContext } from '../../core/plugin.ts';
import type { Exchange, Target } from './exchange.ts';
import type { Refusal } from './refusal.ts';

/** Keeps the body as it was received, or its beginning when `isCut`. Resolves once it is durable. */
export function keepRequest(
  context: Pick<SourceContext, 'keepRefused'>,
  { req, target }: Exchange<Target>,
  refusal: Refusal,
  raw: Buffer,
  isCut: boolean,
): Promise<void> {
  const detail: Record<string, string> = { detail: refusal.message, method: req.method ?? '', url: req.url ?? '' };
  for (const name of ['content-type', 'content-encoding'] as const) {
    const value = req.headers[name];
    if (value !== undefined) detail[name] = value;
  }
  if (isCut) detail['truncated'] = 'true';
  return context.keepRefused({ reason: refusal.reason, tag: target.tag, raw, detail });
}
