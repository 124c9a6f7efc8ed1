/** `/api/export`: all records of a selection, streamed as fast as the client reads and no faster. */
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type { FoundRecord } from '../../store/contract.ts';
import { clientSignal, queriesOf } from './asking.ts';
import type { ApiContext } from './asking.ts';
import { CsvRows, columnsMax, columnsOf, splitColumns } from './csv.ts';
import { RequestError } from './failures.ts';
import { failures, parameter, selectionParameters } from './openapi.ts';
import { Parameters, selectionNames } from './parameters.ts';
import { recordLine } from './records.ts';

/** Lines are joined to texts of about this many characters: few writes, little memory. */
const pieceChars = 256 * 1024;

/** Each keeps a page of up to 16 MB in the store's process for as long as its client takes to read it. */
const exportsMax = 8;

const types = { ndjson: 'application/x-ndjson; charset=utf-8', csv: 'text/csv; charset=utf-8; header=present' };

/** Adds the route. */
export function addExportRoute(server: FastifyInstance, context: ApiContext): void {
  let running = 0;
  server.get('/api/export', { exposeHeadRoute: false }, async (request, reply) => {
    const given = new Parameters(request.query, [...selectionNames, 'format', 'order', 'columns']);
    const nowMs = context.nowMs();
    const { query, fromMs, toMs } = given.selection(nowMs);
    const format = given.choice('format', ['ndjson', 'csv']);
    const order = given.choice('order', ['newest', 'oldest']);
    const columns = columnsGiven(given, format);
    const signal = clientSignal(reply);
    const queries = queriesOf(context, given.place());
    if (running >= exportsMax)
      throw new RequestError(429, `${exportsMax} exports run already; wait for one to end, and try again`, 10);
    if (reply.raw.destroyed) return;
    running++;
    reply.raw.once('close', () => running--);
    const pages = queries.export({ query, fromMs, toMs, order }, signal)[Symbol.asyncIterator]();
    // What is wrong with the question shows with the first page, while the answer can still be an error.
    const first = await pages.next();
    const records = first.done === true ? [] : first.value;
    let rows: CsvRows | undefined;
    try {
      rows = format === 'csv' ? rowsFor(columns, records) : undefined;
    } catch (error) {
      await pages.return?.();
      throw error;
    }
    const name = new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, '');
    void reply
      .type(types[format])
      .header('content-disposition', `attachment; filename="post2log-${name}.${format}"`)
      .header('x-accel-buffering', 'no');
    return Readable.from(exportPieces(records, pages, rows), { objectMode: false });
  });
}

function columnsGiven(given: Parameters, format: 'ndjson' | 'csv'): readonly string[] | undefined {
  const text = given.text('columns');
  if (text === undefined) return undefined;
  if (format !== 'csv') throw new RequestError(400, 'columns is only for format=csv');
  const columns = splitColumns(text);
  if (columns === undefined || columns.length === 0)
    throw new RequestError(400, 'columns: expected names with commas between them, "in quotes" where one has a comma');
  return columns;
}

function rowsFor(given: readonly string[] | undefined, records: readonly FoundRecord[]): CsvRows {
  const columns = given ?? columnsOf(records);
  if (columns.length > columnsMax)
    throw new RequestError(
      400,
      `these records have ${columns.length} fields, more than the ${columnsMax} columns a spreadsheet has; name some with columns=`,
    );
  return new CsvRows(columns);
}

async function* exportPieces(
  first: readonly FoundRecord[],
  pages: AsyncIterator<readonly FoundRecord[]>,
  rows: CsvRows | undefined,
): AsyncGenerator<string> {
  try {
    let piece = rows?.head() ?? '';
    for (let records = first; ;) {
      for (const record of records) {
        piece += rows ? rows.row(record) : `${recordLine(record)}\n`;
        if (piece.length < pieceChars) continue;
        yield piece;
        piece = '';
      }
      // What a page has is not held back until the next one is found.
      if (piece !== '') yield piece;
      piece = '';
      const next = await pages.next();
      if (next.done === true) return;
      records = next.value;
    }
  } finally {
    await pages.return?.();
  }
}

/** OpenAPI of the route. */
export const exportPaths = {
  '/api/export': {
    get: {
      tags: ['search'],
      summary: 'All records of a selection as a file',
      description:
        'Streamed without a limit of size or time; a connection that breaks before its regular end is an export that is not whole. NDJSON: the fields at top level, then `_time`, `_tag` and `_id`; a field of the record that is itself called `_time`, `_tag`, `_id` or `_source` (or so with more underscores) gets one more underscore, so that nothing is lost and the meaning of ours is sure. CSV (RFC 4180): `_time`, `_tag` and the columns; numbers as they were received, objects and arrays as JSON, an empty text as `""` and a missing field as nothing. A text that a spreadsheet would run as a formula (it begins with `=`, `+`, `-`, `@`, a tab or a line break, and is no number) has an apostrophe in front; NDJSON has everything as it is.',
      parameters: [
        ...selectionParameters,
        parameter('format', 'Form', { enum: ['ndjson', 'csv'], default: 'ndjson' }),
        parameter('order', 'By record time', { enum: ['newest', 'oldest'], default: 'newest' }),
        parameter(
          'columns',
          'For CSV: fields with commas between them; without it those of the first page of records. Also `_id` and `_source`',
          { type: 'string' },
          'status,kubernetes.pod_name',
        ),
      ],
      responses: {
        200: {
          description: 'The records',
          content: {
            'application/x-ndjson': {
              example:
                '{"p1":"v1","_time":"2026-11-21T15:00:00.123456789Z","_tag":"p2l.test","_id":"4f1d8a70c2b95e3a6f10-42"}\n',
            },
            'text/csv': { example: '_time,_tag,p1\r\n2026-11-21T15:00:00.123456789Z,p2l.test,v1\r\n' },
          },
        },
        ...failures(400, 401, 422, 424, 429, 503),
      },
    },
  },
};
