/** A request for each record, whose body and headers the record holds. Source: Fluent Bit 5.1 out_http (`body_key`, `headers_key`). */
import { compileFluentbitAccessor } from '../../codecs/fluentbit-accessor.ts';
import { rowFormatter } from '../../codecs/rows.ts';
import { fieldEntries, isFields } from '../../core/record.ts';
import { headerProblem } from '../requests/headers.ts';
import type { HttpBody } from './output.ts';

/** Bodies and headers by the accessors of both. @throws Error for one that cannot be read */
export function recordRequests(bodyKey: string, headersKey: string): HttpBody {
  const bodyOf = compileFluentbitAccessor(bodyKey);
  const headersOf = compileFluentbitAccessor(headersKey);
  return {
    contentType: undefined,
    formatter: rowFormatter('application/octet-stream', (batch, row, out) => {
      const body = bodyOf.get(batch.fields(row));
      if (typeof body === 'string') out.text(body);
      else if (body instanceof Uint8Array) out.bytes(body);
    }),
    requestOf(batch, row) {
      const fields = batch.fields(row);
      const body = bodyOf.get(fields);
      const written = headersOf.get(fields);
      if (typeof body !== 'string' && !(body instanceof Uint8Array))
        return { reason: `body_key ${bodyKey}: it is no text` };
      if (!isFields(written)) return { reason: `headers_key ${headersKey}: it is no map` };
      const headers: Record<string, string> = {};
      for (const [name, value] of fieldEntries(written)) {
        // As there, what is no text is no header.
        if (typeof value !== 'string') continue;
        const problem = headerProblem(name, value);
        if (problem !== undefined) return { reason: problem };
        headers[name] = value;
      }
      return { headers, isAlone: true };
    },
  };
}
